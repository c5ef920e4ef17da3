DROP FUNCTION IF EXISTS public.search_rest(text);

DROP FUNCTION IF EXISTS public.search_anchor(text);

DROP FUNCTION IF EXISTS public.search_words(text);

DROP FUNCTION IF EXISTS public.release_facets(text, text, text, text, text, text, text, text);

DROP FUNCTION IF EXISTS public.normalize_code(text);

DROP FUNCTION IF EXISTS public.normalize_credit(text);

DROP FUNCTION IF EXISTS public.normalize_name(text);

DROP FUNCTION IF EXISTS public.f_unaccent(text);
