-- transactional: false
DROP INDEX CONCURRENTLY IF EXISTS artists_words_idx;
