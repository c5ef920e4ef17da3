-- The months' partitions of songs and albums.
-- Tables: none of Kleio's; PostgreSQL's catalogue.

-- name: list_partitions()
-- Every partition with its month, size and rows, oldest first.
--
-- Returns: 0..n rows Partition; rows is the planner's estimate, NULL before the first ANALYZE;
--          bytes counts the indexes as well.
-- Index:   none; the catalogue's own.
-- Order:   parent, name; total, and in the order of time.
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
-- Locks:   the parents SHARE UPDATE EXCLUSIVE, user_songs and song_artists SHARE ROW EXCLUSIVE,
--          milliseconds each: readers go on.
SELECT made.name
  FROM (VALUES ('albums'::regclass), ('songs'::regclass)) AS tables (parent)
 CROSS JOIN generate_series(0, :months::int - 1) AS months_later
 CROSS JOIN LATERAL create_month_partition(
           tables.parent, month_floor(:since::timestamptz, months_later)
       ) AS made (name)
 WHERE made.name IS NOT NULL
 ORDER BY made.name;

-- name: count_months_ahead(now)$
-- For how many months after the current one both tables have partitions without a gap.
--
-- Returns: one bigint up to 24; -1 where even the current month is missing.
-- Index:   none; the catalogue's own.
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
