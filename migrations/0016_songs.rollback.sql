-- loses: all albums and songs
DROP TABLE IF EXISTS song_words;

DROP TABLE IF EXISTS songs;

DROP TABLE IF EXISTS albums;
