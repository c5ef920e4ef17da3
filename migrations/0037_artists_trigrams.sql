-- Drop the trigrams of the names of artists.
--
-- Why:    searches go by words.
-- Order:  contract; after the last server of an older version has ended, whose searches would read
--         the whole table.
-- Locks:  artists SHARE UPDATE EXCLUSIVE for a moment, once nobody reads by the index any more.
-- Undo:   0037_artists_trigrams.rollback.sql builds it again.
-- depends: 0036_catalogue_totals
-- transactional: false
DROP INDEX CONCURRENTLY IF EXISTS artists_name_trgm_idx;
