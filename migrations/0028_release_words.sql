-- Add the words of releases to words, so that a search finds releases by their words.
--
-- Why:    trigrams of all that a release is searched by grow with the catalogue: a search with a
--         typing error took PostgreSQL 0.5 ms of 2,000 releases, 1.0 of 20,000 and 6.2 of 200,000.
-- Order:  expand; before the new version. What an older one adds meanwhile is found by words typed
--         as they are, until it is written again.
-- Locks:  none that readers or writers of releases meet; reads all releases, some minutes for
--         19 million.
-- Undo:   0028_release_words.rollback.sql; the words stay, they do no harm.
-- depends: 0027_sync_runs_latest

-- The facets of a release that a whole text is a catalogue number or a barcode of; none without a
-- digit.
CREATE FUNCTION public.search_codes(search text) RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN public.normalize_code(search) ~ '[0-9]'
                THEN ARRAY['catno:' || public.normalize_code(search),
                           'barcode:' || public.normalize_code(search)]
                ELSE '{}'
           END;

-- As words.insert_words.
INSERT INTO words (word)
SELECT DISTINCT w.word
  FROM releases AS r
 CROSS JOIN LATERAL unnest(name_words(r.search_text)) AS w (word)
 WHERE length(w.word) BETWEEN 1 AND 64
   AND w.word !~ '[0-9]'
 ORDER BY w.word
    ON CONFLICT (word) DO NOTHING;
