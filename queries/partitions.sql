-- The months' partitions of songs and albums.
-- Tables: none of Kleio's; PostgreSQL's catalogue.

-- name: list_partitions()
-- Every partition with its month, size and rows, oldest first.
--
-- Returns: 0..n rows Partition; rows is the planner's estimate, NULL before the first ANALYZE;
--          bytes counts the indexes as well.
-- Index:   none; the catalogue's own.
-- Order:   parent, name; total, and in the order of time.
-- Cost:    at most 180 buffers.
-- Locks:   none.
SELECT p.relname::text AS parent, c.relname::text AS name,
       make_timestamptz(
           substring(c.relname FROM '_(\d{4})_\d{2}$')::int,
           substring(c.relname FROM '_(\d{2})$')::int, 1, 0, 0, 0, 'UTC'
       ) AS month,
       CASE WHEN c.reltuples >= 0 THEN c.reltuples::bigint END AS rows,
       pg_total_relation_size(c.oid) AS bytes
  FROM pg_class AS p
  JOIN pg_inherits AS i
    ON i.inhparent = p.oid
  JOIN pg_class AS c
    ON c.oid = i.inhrelid
 WHERE p.oid IN ('songs'::regclass, 'albums'::regclass)
   AND c.relname ~ '_\d{4}_\d{2}$'
   AND NOT i.inhdetachpending
 ORDER BY p.relname, c.relname;

-- name: create_partitions(since, months)
-- Make what is missing of a month's and the following months' partitions.
--
-- Returns: 0..n rows str: the names of those that are new.
-- Params:  since timestamptz: a moment of the first month. months int: how many, 1 for that month.
-- Index:   none; the catalogue's own.
-- Order:   parent, month; two callers wait for each other and both succeed.
-- Cost:    at most 48 buffers.
-- Locks:   the parents SHARE UPDATE EXCLUSIVE; libraries, library_artists, user_songs and
--          song_artists SHARE ROW EXCLUSIVE; milliseconds each, and readers go on.
SELECT made.name
  FROM (VALUES ('albums'::regclass), ('songs'::regclass)) AS tables (parent)
 CROSS JOIN generate_series(0, :months::int - 1) AS months_later
 CROSS JOIN LATERAL create_month_partition(
           tables.parent, month_floor(:since::timestamptz, months_later)
       ) AS made (name)
 WHERE made.name IS NOT NULL
 ORDER BY made.name;

-- name: update_archived_references(child)^
-- Move users' states and further artists of a month's songs to the schema archive.
--
-- Returns: 0..1 rows int: how many rows were moved.
-- Params:  child text: the partition's name.
-- Index:   for what the function moves user_songs_song_idx, song_artists_song_idx.
-- Cost:    at most 11 buffers.
-- Locks:   the rows that are moved.
SELECT archive_references(:child::text) AS moved;

-- name: update_archived_month(child)^
-- Move a detached month to the schema archive, and count its songs' albums again.
--
-- Returns: 0..1 rows str: the month's name.
-- Params:  child text: the partition's name.
-- Index:   for what the function counts albums_pkey, songs_album_idx.
-- Cost:    at most 11 buffers.
-- Locks:   the month ACCESS EXCLUSIVE, milliseconds; the albums that are counted.
SELECT :child::text AS name
  FROM archive_month(:child::text) AS done;

-- name: list_half_archived()
-- The months that are detached, or being detached, and not yet in the schema archive.
--
-- Returns: 0..n rows HalfArchived.
-- Index:   none; the catalogue's own.
-- Order:   name; total.
-- Cost:    at most 170 buffers.
-- Locks:   none.
SELECT c.relname::text AS name, substring(c.relname FROM '^[a-z]+') AS parent,
       coalesce(i.inhdetachpending, false) AS is_pending
  FROM pg_class AS c
  LEFT JOIN pg_inherits AS i
    ON i.inhrelid = c.oid
 WHERE c.relnamespace = 'public'::regnamespace
   AND c.relkind = 'r'
   AND c.relname ~ '^(songs|albums)_[0-9]{4}_[0-9]{2}$'
   AND coalesce(i.inhdetachpending, true)
 ORDER BY c.relname;

-- name: count_months_ahead(now)$
-- For how many months after the current one both tables have partitions without a gap.
--
-- Returns: one bigint up to 24; -1 where even the current month is missing.
-- Index:   none; the catalogue's own.
-- Cost:    at most 2,400 buffers.
-- Locks:   none.
SELECT count(*) - 1
  FROM generate_series(0, 24) AS months_later
 WHERE NOT EXISTS (
           SELECT
             FROM generate_series(0, months_later) AS before
            CROSS JOIN (VALUES ('songs'), ('albums')) AS tables (parent)
            WHERE NOT EXISTS (
                      SELECT
                        FROM pg_inherits AS i
                        JOIN pg_class AS c
                          ON c.oid = i.inhrelid
                       WHERE i.inhparent = tables.parent::regclass
                         AND c.relname = tables.parent || to_char(
                                 month_floor(:now::timestamptz, before) AT TIME ZONE 'UTC',
                                 '_YYYY_MM'
                             )
                  )
       );
