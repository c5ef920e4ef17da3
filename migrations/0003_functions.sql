-- Add the pure functions that normalise names and codes.
--
-- Why:    the one place that says when two names or two catalogue numbers are the same;
--         generated columns, searches and filters all call it.
-- Order:  expand.
-- Locks:  none.
-- Undo:   0003_functions.rollback.sql.
-- depends: 0002_types
--
-- All are IMMUTABLE and read no table. Everything is schema-qualified, because index builds and
-- materialised views run with an empty search_path. The collation is pinned to the built-in
-- pg_c_utf8, so that a name normalises to the same text on every server.
-- unaccent() itself is only STABLE, because its rules are a file: after a change of that file,
-- REINDEX what is built on normalize_name().
CREATE FUNCTION public.f_unaccent(value text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN public.unaccent('public.unaccent'::regdictionary, value);

-- Lower case, without accents, with single spaces: "  Sigur  Rós" and "sigur ros" are one name.
CREATE FUNCTION public.normalize_name(value text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN lower(public.f_unaccent(
        CASE WHEN value COLLATE "C" ~ '^\s|\s\s|[\t\n\r]|\s$'
             THEN btrim(regexp_replace(value COLLATE "C", '\s+', ' ', 'g'))
             ELSE value
        END
    ) COLLATE "pg_c_utf8");

-- A name without the number that Discogs adds to tell namesakes apart: "Prince (3)" is "prince".
CREATE FUNCTION public.normalize_credit(value text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN public.normalize_name(
        CASE WHEN right(value, 1) = ')'
             THEN regexp_replace(value COLLATE "C", '\s+\([0-9]+\)$', '')
             ELSE value
        END
    );

-- Catalogue numbers and barcodes by their letters and digits: "SK 032" and "sk-032" are one.
CREATE FUNCTION public.normalize_code(value text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN lower(regexp_replace(value COLLATE "pg_c_utf8", '[^[:alnum:]]', '', 'g') COLLATE "pg_c_utf8");

-- The facets that a release must have to pass the filters given, NULL where none is given.
CREATE FUNCTION public.release_facets(
    artist text, label text, genre text, style text, format text, country text, catno text,
    barcode text
) RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN nullif(
        array_remove(
            ARRAY[
                'artist:' || public.normalize_credit(artist),
                'label:' || public.normalize_credit(label),
                'genre:' || public.normalize_name(genre),
                'style:' || public.normalize_name(style),
                'format:' || public.normalize_name(format),
                'country:' || public.normalize_name(country),
                'catno:' || public.normalize_code(catno),
                'barcode:' || public.normalize_code(barcode)
            ],
            NULL
        ),
        '{}'
    );

-- The words of a search text that trigrams can tell apart: those with a letter or a digit.
CREATE FUNCTION public.search_words(search text) RETURNS text[]
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN ARRAY(
        SELECT word
          FROM unnest(string_to_array(public.normalize_name(search), ' ')) AS word
         WHERE word COLLATE "pg_c_utf8" ~ '[[:alnum:]]'
    );

-- The longest word of a search text: the one that an index finds the fewest rows by.
CREATE FUNCTION public.search_anchor(search text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (
        SELECT word
          FROM unnest(public.search_words(search)) AS word
         ORDER BY length(word) DESC, word
         LIMIT 1
    );

-- The other words, which decide among what the anchor finds.
CREATE FUNCTION public.search_rest(search text) RETURNS text[]
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN array_remove(public.search_words(search), public.search_anchor(search));
