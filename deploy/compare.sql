-- One line for each table: its name, its rows, and a checksum over all of them, the same
-- wherever the same rows are. Two databases are equal where these lines are:
--
--   diff <(psql -XAtqd "$SOURCE" -f deploy/compare.sql) <(psql -XAtqd "$TARGET" -f deploy/compare.sql)
--
-- It reads every row, so it takes minutes on tens of millions of songs. Materialised views are left
-- out: a restore counts them again.
SET timezone = 'UTC';
SET search_path = public;

SELECT format(
           'SELECT %L, count(*), md5(string_agg(hash, '''' ORDER BY hash))'
           ' FROM (SELECT md5(t::text) AS hash FROM %I AS t) AS row',
           c.relname, c.relname
       )
  FROM pg_class AS c
 WHERE c.relnamespace = 'public'::regnamespace
   AND c.relkind = 'r'
   AND NOT EXISTS (SELECT
                     FROM pg_depend AS d
                    WHERE d.objid = c.oid
                      AND d.deptype = 'e')
 ORDER BY c.relname
\gexec
