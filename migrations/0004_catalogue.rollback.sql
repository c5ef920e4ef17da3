-- loses: the catalogue
DROP TABLE IF EXISTS tracks;

DROP TABLE IF EXISTS release_formats;

DROP TABLE IF EXISTS release_styles;

DROP TABLE IF EXISTS release_genres;

DROP TABLE IF EXISTS release_labels;

DROP TABLE IF EXISTS release_artists;

DROP TABLE IF EXISTS releases;

DROP TABLE IF EXISTS masters;

DROP TABLE IF EXISTS styles;

DROP TABLE IF EXISTS genres;

DROP TABLE IF EXISTS labels;

DROP TABLE IF EXISTS artists;
