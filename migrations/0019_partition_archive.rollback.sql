DROP FUNCTION IF EXISTS public.archive_month(text);

DROP FUNCTION IF EXISTS public.archive_references(text);
