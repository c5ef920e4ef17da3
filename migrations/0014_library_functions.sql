-- Add the pure functions of the music library, and the one that makes a month's partition.
--
-- Why:    songs and albums are partitioned by month on their own UUIDv7; names and paths that are
--         longer than an index row can hold are unique by a hash.
-- Order:  expand.
-- Locks:  none.
-- Undo:   0014_library_functions.rollback.sql.
-- depends: 0013_sync

-- The lowest UUIDv7 of a moment: `id >= uuid7_floor(:since)` prunes partitions and uses the
-- primary key, which a condition on created_at does not. Infinity is the highest UUID there is.
-- From the difference of two moments, because extract() from a timestamptz is only STABLE.
CREATE FUNCTION public.uuid7_floor(value timestamptz) RETURNS uuid
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN rpad(
        lpad(
            to_hex(
                least(
                    greatest(
                        floor(extract(epoch FROM value - '1970-01-01 00:00:00+00'::timestamptz) * 1000),
                        0
                    ),
                    281474976710655
                )::bigint
            ),
            12,
            '0'
        ),
        32,
        CASE WHEN value = 'infinity'::timestamptz THEN 'f' ELSE '0' END
    )::uuid;

-- Two names are one when they normalise to the same text, of whatever length.
CREATE FUNCTION public.name_key(value text) RETURNS uuid
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN md5(public.normalize_name(value))::uuid;

-- The words of a normalised name, as they stand between spaces. Of a name that an index row could
-- not hold as one word, each word's first 64 letters. Neither STRICT nor with a subquery, or it
-- would be called for each row and not be a part of the statement.
CREATE FUNCTION public.name_words(name text) RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN string_to_array(
        CASE WHEN octet_length(name) > 2000
             THEN regexp_replace(name COLLATE "C", '([^ ]{64})[^ ]+', '\1', 'g')
             ELSE name
        END,
        ' '
    );

-- A path by its bytes, which need not be text. Not MD5: a file can be named by anybody.
CREATE FUNCTION public.path_key(value bytea) RETURNS uuid
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN encode(substring(sha256(value) FROM 1 FOR 16), 'hex')::uuid;

-- The first moment of the month that a moment is in, UTC, and of the one so many months later.
-- Counted from the first of the month, so no 31st can skip a short month.
CREATE FUNCTION public.month_floor(value timestamptz, months_later integer DEFAULT 0)
    RETURNS timestamptz
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (
        date_trunc('month', value AT TIME ZONE 'UTC') + make_interval(months => months_later)
    ) AT TIME ZONE 'UTC';

-- Make the partition of a month, unless it is there; return its name if it is new.
--
-- LIKE, CHECK and ATTACH instead of PARTITION OF: readers of the parent go on, because ATTACH takes
-- only SHARE UPDATE EXCLUSIVE on it, and with the CHECK it need not read the new table.
-- Tables that refer to the parent, or that it refers to, are locked against writes for milliseconds.
-- It may run with its owner's rights (kleio grants), so it finds nothing of its caller's: pg_temp
-- comes last, where it would be searched first if it were not named, and nothing but names, types
-- and numbers goes into a statement.
CREATE FUNCTION public.create_month_partition(parent regclass, moment timestamptz)
    RETURNS text
    LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    parent_name CONSTANT text := (SELECT relname FROM pg_catalog.pg_class WHERE oid = parent);
    month CONSTANT timestamptz := public.month_floor(moment);
    child CONSTANT text := parent_name || to_char(month AT TIME ZONE 'UTC', '_YYYY_MM');
    lower_id CONSTANT uuid := public.uuid7_floor(month);
    upper_id CONSTANT uuid := public.uuid7_floor(public.month_floor(moment, 1));
    statistics record;
BEGIN
    -- One at a time; who waits here sees what the other has made.
    PERFORM pg_advisory_xact_lock(hashtextextended('kleio partitions', parent::oid::bigint));
    IF EXISTS (
        SELECT FROM pg_catalog.pg_inherits AS i
          JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid
         WHERE i.inhparent = parent AND c.relname = child
    ) THEN
        RETURN NULL;
    END IF;
    EXECUTE format(
        'CREATE TABLE public.%I (LIKE public.%I INCLUDING ALL,'
        ' CONSTRAINT %I CHECK (id >= %L AND id < %L))',
        child, parent_name, child || '_month_check', lower_id, upper_id
    );
    -- LIKE does not copy them.
    FOR statistics IN
        SELECT attname, attstattarget
          FROM pg_catalog.pg_attribute
         WHERE attrelid = parent AND attnum > 0 AND attstattarget IS NOT NULL
    LOOP
        EXECUTE format(
            'ALTER TABLE public.%I ALTER COLUMN %I SET STATISTICS %s',
            child, statistics.attname, statistics.attstattarget::integer
        );
    END LOOP;
    EXECUTE format(
        'ALTER TABLE public.%I ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)',
        parent_name, child, lower_id, upper_id
    );
    EXECUTE format('ALTER TABLE public.%I DROP CONSTRAINT %I', child, child || '_month_check');
    RETURN child;
END
$$;
