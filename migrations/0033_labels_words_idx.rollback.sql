-- transactional: false
DROP INDEX CONCURRENTLY IF EXISTS labels_words_idx;
