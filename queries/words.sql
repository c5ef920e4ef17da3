-- The words of names, and which of them are like what was typed.
-- Tables: words.
--
-- Who writes artists, labels, albums, songs or releases writes their words too, before or in the
-- same transaction: scan_songs.insert_scan_words, seeds.insert_seed_words, and the two here. A
-- word that no name has any more does no harm.

-- name: get_alternatives(search)^
-- For each of the three longest words of a text, the words of names that are like it, best first.
--
-- A word that begins with what was typed is as like it as can be (word_similarity), so that the
-- whole words count as much: of 150 artists of three million, typed without one letter, 145 were
-- found by 80 words in this order, 142 where likeness of the whole counted a tenth, and 131 by 40.
--
-- Returns: one row Alternatives: arrays of at most 82 words, NULL where the text has no such word.
-- Params:  search text: what a person typed; normalised here. Each word is among its own.
-- Index:   words_trgm_idx.
-- Order:   word_similarity and similarity; then the word; total.
-- Cost:    at most 400 buffers.
-- Locks:   none.
WITH found AS MATERIALIZED (
    SELECT typed.place,
           ARRAY(SELECT w.word
                   FROM words AS w
                  WHERE w.word %%> typed.word
                  ORDER BY word_similarity(typed.word, w.word)
                           + similarity(typed.word, w.word) DESC, w.word
                  LIMIT 80)
           || left(typed.word, 64) || typed.word AS words
      FROM unnest(search_keys(:search::text)) WITH ORDINALITY AS typed (word, place)
     WHERE typed.place <= 3
)
SELECT max(f.words) FILTER (WHERE f.place = 1) AS first_words,
       max(f.words) FILTER (WHERE f.place = 2) AS second_words,
       max(f.words) FILTER (WHERE f.place = 3) AS third_words
  FROM found AS f;

-- name: insert_words(names, texts)!
-- The words of names, and of what releases are searched by, for searches that forgive errors.
--
-- Of the texts words with a digit are left out: nearly every release has a catalogue number of its
-- own, which would be most of the table, and is found as it stands. Names like Blink-182 keep them.
--
-- Returns: the number of new words.
-- Params:  names, texts text[]: not normalised; names as artists and labels are, without the number
--          that Discogs tells namesakes apart by.
-- Index:   words_pkey.
-- Order:   by the word, so that two loaders can't deadlock.
-- Cost:    at most 40 buffers for one.
-- Locks:   the new words.
INSERT INTO words (word)
SELECT DISTINCT w.word
  FROM (SELECT normalize_credit(n.name) AS text, true AS with_digits
          FROM unnest(:names::text[]) AS n (name)
         UNION ALL
        SELECT normalize_name(t.text), false
          FROM unnest(:texts::text[]) AS t (text)) AS given
 CROSS JOIN LATERAL unnest(name_words(given.text)) AS w (word)
 WHERE length(w.word) BETWEEN 1 AND 64
   AND (given.with_digits OR w.word !~ '[0-9]')
 ORDER BY w.word
    ON CONFLICT (word) DO NOTHING;

-- name: insert_normalized_words(words)!
-- Words that the client has normalised and found in no batch before: a sixth of what insert_words
-- takes for as many.
--
-- Returns: the number of new words.
-- Params:  words text[]: as name_words gives them; those longer than 64 letters are left out.
-- Index:   words_pkey.
-- Order:   by the word, as insert_words.
-- Cost:    at most 44 buffers for ten.
-- Locks:   the new words.
INSERT INTO words (word)
SELECT n.word
  FROM unnest(:words::text[]) AS n (word)
 WHERE length(n.word) BETWEEN 1 AND 64
 ORDER BY n.word
    ON CONFLICT (word) DO NOTHING;
