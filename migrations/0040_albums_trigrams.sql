-- Drop the trigrams of the names of albums, and two functions that no query calls.
--
-- Why:    searches go by words.
-- Order:  contract; after the last server of an older version has ended, whose searches would read
--         all albums. They call matches_search, which therefore stays.
-- Locks:  albums ACCESS EXCLUSIVE, milliseconds.
-- Undo:   0040_albums_trigrams.rollback.sql builds the index again, while scans wait.
-- depends: 0039_library_artists_trigrams

-- An index of a partitioned table can't be dropped concurrently.
-- squawk-ignore require-concurrent-index-deletion
DROP INDEX albums_name_trgm_idx;

-- Neither is called by a statement of the version before.
-- squawk-ignore ban-drop-function
DROP FUNCTION public.search_rest(text);

-- squawk-ignore ban-drop-function
DROP FUNCTION public.search_anchor(text);
