CREATE FUNCTION public.search_anchor(search text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (
        SELECT word
          FROM unnest(public.search_words(search)) AS word
         ORDER BY length(word) DESC, word
         LIMIT 1
    );

CREATE FUNCTION public.search_rest(search text) RETURNS text[]
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN array_remove(public.search_words(search), public.search_anchor(search));

-- squawk-ignore require-concurrent-index-creation
CREATE INDEX IF NOT EXISTS albums_name_trgm_idx
    ON albums USING gin (name_normalized gin_trgm_ops);
