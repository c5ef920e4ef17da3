-- The words of names, and which of them are like what was typed.
-- Tables: words.
--
-- Who writes songs or releases writes their words too: scan_songs.insert_scan_words,
-- seeds.insert_seed_words, and insert_words here. A word that no name has any more does no harm.

-- name: get_alternatives(search)^
-- For each of the three longest words of a text, the words of names that are like it, best first.
--
-- Returns: one row Alternatives: arrays of at most 42 words, NULL where the text has no such word.
-- Params:  search text: what a person typed; normalised here. Each word is among its own.
-- Index:   words_trgm_idx.
-- Order:   word_similarity and a tenth of similarity, as in releases.search_releases; then the
--          word; total.
-- Cost:    at most 400 buffers.
-- Locks:   none.
WITH found AS MATERIALIZED (
    SELECT typed.place,
           ARRAY(SELECT w.word
                   FROM words AS w
                  WHERE w.word %%> typed.word
                  ORDER BY word_similarity(typed.word, w.word)
                           + similarity(typed.word, w.word) / 10 DESC, w.word
                  LIMIT 40)
           || left(typed.word, 64) || typed.word AS words
      FROM unnest(search_keys(:search::text)) WITH ORDINALITY AS typed (word, place)
     WHERE typed.place <= 3
)
SELECT max(f.words) FILTER (WHERE f.place = 1) AS first_words,
       max(f.words) FILTER (WHERE f.place = 2) AS second_words,
       max(f.words) FILTER (WHERE f.place = 3) AS third_words
  FROM found AS f;

-- name: insert_words(texts)!
-- The words of what releases are searched by, for searches that forgive typing errors.
--
-- Words with a digit are left out: nearly every release has a catalogue number of its own, which
-- would be most of the table, and is found as it stands.
--
-- Returns: the number of new words.
-- Params:  texts text[]: not normalised.
-- Index:   words_pkey.
-- Order:   by the word, so that two loaders can't deadlock.
-- Cost:    at most 40 buffers for one.
-- Locks:   the new words.
INSERT INTO words (word)
SELECT DISTINCT w.word
  FROM unnest(:texts::text[]) AS given (text)
 CROSS JOIN LATERAL unnest(name_words(normalize_name(given.text))) AS w (word)
 WHERE length(w.word) BETWEEN 1 AND 64
   AND w.word !~ '[0-9]'
 ORDER BY w.word
    ON CONFLICT (word) DO NOTHING;
