-- loses: all plays and cleanings
DROP TABLE IF EXISTS cleaning_history;

DROP TABLE IF EXISTS play_history;

DROP FUNCTION IF EXISTS public.side_of(text);
