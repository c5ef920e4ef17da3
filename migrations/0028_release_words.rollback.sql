DROP FUNCTION IF EXISTS public.search_codes(text);
