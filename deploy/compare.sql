-- One line for each table: its name, its rows, and two checksums over all of them, whatever their
-- order; in the end a line `end`. Two databases are equal where both ran to the end and these lines
-- are the same:
--
--   psql -XAtqd "$SOURCE" -f deploy/compare.sql > source.txt &&
--   psql -XAtqd "$TARGET" -f deploy/compare.sql > target.txt && diff source.txt target.txt && echo same
--
-- It reads every row, so it takes minutes on tens of millions of songs, and keeps none. Materialised
-- views are left out: a restore counts them again. The sums are of 64-bit hashes of the rows as
-- text, which are the same on all processors of one byte order.
\set ON_ERROR_STOP on
SET timezone = 'UTC';
SET search_path = public;

SELECT format(
           'SELECT %L, count(*), coalesce(sum(hashtextextended(row.line, 0)), 0),'
           '       coalesce(sum(hashtextextended(row.line, 1)), 0)'
           -- Without OFFSET each row would become a text twice.
           '  FROM (SELECT t::text AS line FROM %s AS t OFFSET 0) AS row',
           c.oid::regclass, c.oid::regclass
       )
  FROM pg_class AS c
  JOIN pg_namespace AS n
    ON n.oid = c.relnamespace
 WHERE n.nspname IN ('public', 'archive')
   AND c.relkind = 'r'
   AND NOT EXISTS (SELECT
                     FROM pg_depend AS d
                    WHERE d.objid = c.oid
                      AND d.deptype = 'e')
 ORDER BY n.nspname DESC, c.relname
\gexec
SELECT 'end';
