-- Add the functions of the search over everything: which names match, and where.
--
-- Why:    of a text of several words the index should read the trigrams of all, and only then the
--         rows; and a hit that forgives typing errors should say why it is one.
-- Order:  expand.
-- Locks:  none.
-- Undo:   0022_search_functions.rollback.sql.
-- depends: 0021_title_key

-- The words of a search text, longest first: the one that an index finds the fewest rows by leads.
CREATE FUNCTION public.search_keys(search text) RETURNS text[]
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN ARRAY(
        SELECT word
          FROM unnest(public.search_words(search)) AS word
         ORDER BY length(word) DESC, word
    );

-- Whether a normalised name is like every word of a search text; false without any word.
--
-- The planner puts the body in the place of the call, and with the text known the three longest
-- words are conditions of a trigram index. Not STRICT and not IMMUTABLE, or it would not: the
-- operator depends on a setting. The collation is that of the indexed columns. Four words and more are compared with what the three have found.
CREATE FUNCTION public.matches_search(name text, search text) RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN name COLLATE "C" %> (public.search_keys(search))[1]
       AND ((public.search_keys(search))[2] IS NULL
            OR name COLLATE "C" %> (public.search_keys(search))[2])
       AND ((public.search_keys(search))[3] IS NULL
            OR name COLLATE "C" %> (public.search_keys(search))[3])
       AND name COLLATE "C" %> ALL ((public.search_keys(search))[4 : ]);

-- Whether a normalised name is like every word of a search text, of which the three longest are
-- given as the words of names that are like them (words.get_alternatives).
CREATE FUNCTION public.matches_words(
    name text, search text, first_words text[], second_words text[], third_words text[]
) RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN public.name_words(name COLLATE "C") && first_words
       AND (second_words IS NULL OR public.name_words(name COLLATE "C") && second_words)
       AND (third_words IS NULL OR public.name_words(name COLLATE "C") && third_words)
       AND name COLLATE "C" %> ALL ((public.search_keys(search))[4 : ]);

-- The words of a name and the spaces between them, each with whether it is like a word of the
-- search text; put together they are the name. One or two letters are like themselves alone.
CREATE FUNCTION public.search_parts(name text, search text) RETURNS json
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (
        SELECT coalesce(
                   json_agg(
                       json_build_object('text', part, 'match', EXISTS (
                           SELECT FROM unnest(public.search_words(search)) AS word
                            WHERE CASE WHEN length(word) < 3
                                       THEN public.normalize_code(word)
                                            = public.normalize_code(public.normalize_name(part))
                                       ELSE public.word_similarity(
                                                word, public.normalize_name(part)
                                            ) >= 0.45
                                  END
                       ))
                       ORDER BY position
                   ),
                   '[]'
               )
          FROM regexp_split_to_table(
                   name COLLATE "pg_c_utf8", '(?<=\s)(?=\S)|(?<=\S)(?=\s)'
               ) WITH ORDINALITY AS split (part, position)
    );
