DROP FUNCTION IF EXISTS public.title_key(text);
