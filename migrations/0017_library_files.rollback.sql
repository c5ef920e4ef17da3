-- loses: what scans know of files, further artists of songs, and users' states of songs
DROP TABLE IF EXISTS user_songs;

DROP TABLE IF EXISTS song_artists;

DROP TABLE IF EXISTS library_files;
