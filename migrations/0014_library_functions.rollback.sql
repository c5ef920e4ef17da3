DROP FUNCTION IF EXISTS public.create_month_partition(regclass, timestamptz);

DROP FUNCTION IF EXISTS public.month_floor(timestamptz, integer);

DROP FUNCTION IF EXISTS public.path_key(bytea);

DROP FUNCTION IF EXISTS public.name_words(text);

DROP FUNCTION IF EXISTS public.name_key(text);

DROP FUNCTION IF EXISTS public.uuid7_floor(timestamptz);
