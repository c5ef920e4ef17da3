-- Drop the trigrams of what releases are searched by.
--
-- Why:    searches go by words; of 200,000 releases the trigrams take 44 MB, the words 14.
-- Order:  contract; after the last server of an older version has ended, whose searches would read
--         the whole table.
-- Locks:  releases SHARE UPDATE EXCLUSIVE for a moment, once nobody reads by the index any more.
-- Undo:   0030_releases_trigrams.rollback.sql builds it again, minutes for 19 million releases.
-- depends: 0029_releases_words_idx
-- transactional: false
DROP INDEX CONCURRENTLY IF EXISTS releases_search_trgm_idx;
