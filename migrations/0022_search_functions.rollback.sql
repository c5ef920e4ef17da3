DROP FUNCTION IF EXISTS public.search_parts(text, text);

DROP FUNCTION IF EXISTS public.matches_words(text, text, text[], text[], text[]);

DROP FUNCTION IF EXISTS public.matches_search(text, text);

DROP FUNCTION IF EXISTS public.search_keys(text);
