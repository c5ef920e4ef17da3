-- squawk-ignore require-concurrent-index-deletion
DROP INDEX IF EXISTS albums_words_idx;
