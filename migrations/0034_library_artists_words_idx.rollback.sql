-- transactional: false
DROP INDEX CONCURRENTLY IF EXISTS library_artists_words_idx;
