-- Drop the trigrams of the names of labels.
--
-- Why:    searches go by words.
-- Order:  contract; after the last server of an older version has ended, whose searches would read
--         the whole table.
-- Locks:  labels SHARE UPDATE EXCLUSIVE for a moment, once nobody reads by the index any more.
-- Undo:   0038_labels_trigrams.rollback.sql builds it again.
-- depends: 0037_artists_trigrams
-- transactional: false
DROP INDEX CONCURRENTLY IF EXISTS labels_name_trgm_idx;
