-- loses: the libraries and the artists that their files name
DROP TABLE IF EXISTS library_artists;

DROP TABLE IF EXISTS libraries;
