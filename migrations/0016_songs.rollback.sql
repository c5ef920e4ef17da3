-- loses: all albums and songs
DROP TABLE IF EXISTS words;

DROP TABLE IF EXISTS songs;

DROP TABLE IF EXISTS albums;
