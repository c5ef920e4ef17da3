-- Index the library's artists by the words of their names.
--
-- Why:    as 0031_name_words.
-- Order:  expand; before the new version.
-- Locks:  library_artists SHARE UPDATE EXCLUSIVE while the index is built, two seconds for
--         280,000 artists, with reads and writes going on.
-- Undo:   0034_library_artists_words_idx.rollback.sql.
-- depends: 0033_labels_words_idx
-- transactional: false

-- library_artists.search_library_artists, search.search_everything.
CREATE INDEX CONCURRENTLY IF NOT EXISTS library_artists_words_idx
    ON library_artists USING gin (name_words(name_normalized));
