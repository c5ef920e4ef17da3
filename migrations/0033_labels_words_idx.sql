-- Index labels by the words of their names.
--
-- Why:    as 0031_name_words.
-- Order:  expand; before the new version.
-- Locks:  labels SHARE UPDATE EXCLUSIVE while the index is built, two seconds for a million
--         labels, with reads and writes going on.
-- Undo:   0033_labels_words_idx.rollback.sql.
-- depends: 0032_artists_words_idx
-- transactional: false

-- labels.search_labels, labels.count_labels.
CREATE INDEX CONCURRENTLY IF NOT EXISTS labels_words_idx
    ON labels USING gin (name_words(name_normalized));
