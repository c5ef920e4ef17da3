-- Add the words of artists, labels and albums to words, so that searches find these by their words.
--
-- Why:    trigrams of whole names grow with the catalogue: of three million artists a search with a
--         typing error took 12 ms and one for a frequent word 713, by words 5 and 51 (medians).
-- Order:  expand; before the new version. What an older one adds meanwhile is found by words typed
--         as they are, until it is written again.
-- Locks:  none that readers or writers of names meet; reads all names, half a minute for five
--         million.
-- Undo:   0031_name_words.rollback.sql; the words stay, they do no harm.
-- depends: 0030_releases_trigrams

-- As words.insert_words.
INSERT INTO words (word)
SELECT DISTINCT w.word
  FROM (SELECT a.name_normalized FROM artists AS a
         UNION ALL
        SELECT l.name_normalized FROM labels AS l
         UNION ALL
        SELECT t.name_normalized FROM library_artists AS t
         UNION ALL
        SELECT b.name_normalized FROM albums AS b) AS named (name)
 CROSS JOIN LATERAL unnest(name_words(named.name)) AS w (word)
 WHERE length(w.word) BETWEEN 1 AND 64
 ORDER BY w.word
    ON CONFLICT (word) DO NOTHING;
