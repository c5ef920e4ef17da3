-- Drop the trigrams of the names of the library's artists.
--
-- Why:    searches go by words.
-- Order:  contract; after the last server of an older version has ended, whose searches would read
--         the whole table.
-- Locks:  library_artists SHARE UPDATE EXCLUSIVE for a moment, once nobody reads by the index any more.
-- Undo:   0039_library_artists_trigrams.rollback.sql builds it again.
-- depends: 0038_labels_trigrams
-- transactional: false
DROP INDEX CONCURRENTLY IF EXISTS library_artists_name_trgm_idx;
