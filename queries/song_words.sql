-- The words of songs' names, and which of them are like what was typed.
-- Tables: song_words.
--
-- Who writes songs writes their words in the same transaction: scan_songs.insert_scan_words and
-- seeds.insert_seed_words. A word that no name has any more does no harm.

-- name: get_alternatives(search)^
-- For each of the three longest words of a text, the words of names that are like it, best first.
--
-- Returns: one row Alternatives: arrays of at most 42 words, NULL where the text has no such word.
-- Params:  search text: what a person typed; normalised here. Each word is among its own.
-- Index:   song_words_trgm_idx.
-- Order:   word_similarity and a tenth of similarity, as in releases.search_releases; then the
--          word; total.
-- Cost:    at most 400 buffers.
-- Locks:   none.
WITH found AS MATERIALIZED (
    SELECT typed.place,
           ARRAY(SELECT w.word
                   FROM song_words AS w
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
