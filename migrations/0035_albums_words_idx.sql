-- Index albums by the words of their names.
--
-- Why:    as 0031_name_words.
-- Order:  expand; before the new version.
-- Locks:  albums SHARE, a month of them at a time while its index is built, four seconds for
--         600,000 albums, then all for a moment; reads go on, scans wait.
-- Undo:   0035_albums_words_idx.rollback.sql.
-- depends: 0034_library_artists_words_idx
-- transactional: false
--
-- No index is built concurrently from a block, and only a block knows which months there are. Each
-- month's is committed by itself, so that nobody waits for more than one; the parent's takes them
-- all over and builds none but of a month that was made meanwhile.
-- albums.search_albums, search.search_everything.
DO $$
DECLARE
    month text;
BEGIN
    FOR month IN
        SELECT c.relname
          FROM pg_inherits AS i
          JOIN pg_class AS c ON c.oid = i.inhrelid
         WHERE i.inhparent = 'public.albums'::regclass
         ORDER BY c.relname
    LOOP
        EXECUTE format(
            'CREATE INDEX IF NOT EXISTS %I ON public.%I USING gin (name_words(name_normalized))',
            month || '_name_words_idx', month
        );
        COMMIT;
    END LOOP;
    CREATE INDEX IF NOT EXISTS albums_words_idx ON albums USING gin (name_words(name_normalized));
END
$$;
