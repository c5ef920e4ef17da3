-- What was put away refers to the tables of older migrations, which then could not be undone. A
-- month that was detached, and whose way to the archive was cut short, is one of them.
DO $$
DECLARE
    kept text := (
        SELECT string_agg(c.oid::regclass::text, ', ' ORDER BY n.nspname, c.relname)
          FROM pg_class AS c
          JOIN pg_namespace AS n ON n.oid = c.relnamespace
         WHERE c.relkind IN ('r', 'p')
           AND (n.nspname = 'archive'
                OR (n.nspname = 'public'
                    AND c.relname ~ '^(songs|albums)_[0-9]{4}_[0-9]{2}$'
                    AND NOT c.relispartition))
    );
BEGIN
    IF kept IS NOT NULL THEN
        RAISE EXCEPTION 'months were put away: %. Bring them back with ALTER TABLE ... SET SCHEMA public and ATTACH PARTITION, or drop them, and undo this again', kept
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
END
$$;

DROP FUNCTION IF EXISTS public.archive_month(text);

DROP FUNCTION IF EXISTS public.archive_references(text);
