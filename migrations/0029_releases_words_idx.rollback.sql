-- transactional: false
DROP INDEX CONCURRENTLY IF EXISTS releases_words_idx;
