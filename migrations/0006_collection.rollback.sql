-- loses: all shelves
DROP TABLE IF EXISTS user_releases;

DROP TABLE IF EXISTS folders;
