-- Add the functions that put a month of songs or albums away.
--
-- Why:    a month of ten million songs leaves the live tables in milliseconds, and can come back.
-- Order:  expand.
-- Locks:  none.
-- Undo:   0019_partition_archive.rollback.sql; refused while the schema archive holds a table: what
--         was put away refers to libraries and artists, which could not be undone any more.
-- depends: 0018_library_views
--
-- kleio.db.partitions calls the first, detaches the partition, which no function can do, and calls
-- the second. Each can be repeated after an interruption.

-- Take what refers to a month's songs out of the way of DETACH: users' states and further artists go
-- to archive.user_songs and archive.song_artists.
CREATE FUNCTION public.archive_references(child text) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    referring text;
    moved bigint;
    total bigint := 0;
BEGIN
    IF child NOT LIKE 'songs\_%' THEN
        RETURN 0;
    END IF;
    CREATE SCHEMA IF NOT EXISTS archive;
    FOREACH referring IN ARRAY ARRAY['user_songs', 'song_artists'] LOOP
        EXECUTE format('CREATE TABLE IF NOT EXISTS archive.%I (LIKE public.%I)', referring, referring);
        EXECUTE format(
            'WITH gone AS ('
            '    DELETE FROM public.%I AS r USING public.%I AS s WHERE r.song_id = s.id RETURNING r.*'
            ') INSERT INTO archive.%I SELECT gone.* FROM gone',
            referring, child, referring
        );
        GET DIAGNOSTICS moved = ROW_COUNT;
        total := total + moved;
    END LOOP;
    RETURN total;
END
$$;

-- Move a detached month to the schema archive; of its songs' albums, count again what is left.
CREATE FUNCTION public.archive_month(child text) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    CREATE SCHEMA IF NOT EXISTS archive;
    EXECUTE format('ALTER TABLE public.%I SET SCHEMA archive', child);
    IF child LIKE 'songs\_%' THEN
        EXECUTE format(
            'UPDATE public.albums AS b'
            '   SET song_count = counted.songs, duration_ms = counted.duration_ms'
            '  FROM (SELECT DISTINCT album_id FROM archive.%I WHERE album_id IS NOT NULL) AS touched'
            ' CROSS JOIN LATERAL ('
            '           SELECT count(*)::int AS songs, coalesce(sum(s.duration_ms), 0)::bigint'
            '                      AS duration_ms'
            '             FROM public.songs AS s'
            '            WHERE s.album_id = touched.album_id AND s.missing_since IS NULL'
            '       ) AS counted'
            ' WHERE b.id = touched.album_id',
            child
        );
    END IF;
END
$$;
