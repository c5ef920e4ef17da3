-- The way back from deploy/citus.sql: all rows on the coordinator again, in plain tables with all
-- their references. It can be run again after a failure.
--
--   psql -v ON_ERROR_STOP=1 -d kleio -f deploy/citus-undo.sql     # as a superuser
--   psql -v ON_ERROR_STOP=1 -d kleio -f deploy/grants.sql         # tables were made anew
--
-- The coordinator needs room for all of it, and nobody writes meanwhile. A reference that was left
-- out is checked now: a row that refers to a song that is gone is named, and has to be deleted.
\set QUIET on
SET client_min_messages = warning;
SET lock_timeout = '30s';
SET citus.multi_shard_modify_mode = 'sequential';

SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', c.conrelid::regclass, c.conname)
  FROM pg_constraint AS c
  JOIN kleio_citus.foreign_keys AS k
    ON k.name = c.conname AND k.table_name::regclass = c.conrelid
 WHERE EXISTS (SELECT FROM citus_tables)
 ORDER BY 1
\gexec

-- Citus makes the materialised views anew that read a table, without their indexes.
CREATE TABLE IF NOT EXISTS kleio_citus.view_indexes (
    name text NOT NULL,
    definition text NOT NULL,
    CONSTRAINT view_indexes_pkey PRIMARY KEY (name)
);
INSERT INTO kleio_citus.view_indexes (name, definition)
SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid)
  FROM pg_index AS i
  JOIN pg_class AS c ON c.oid = i.indrelid
 WHERE c.relkind = 'm'
   AND c.relnamespace = 'public'::regnamespace
    ON CONFLICT DO NOTHING;

-- Partitions come with their table, local tables that Citus manages too.
SELECT format('SELECT undistribute_table(%L)', t.table_name::text)
  FROM citus_tables AS t
  JOIN pg_class AS c ON c.oid = t.table_name
 WHERE NOT c.relispartition
 ORDER BY 1
\gexec

SELECT v.definition
  FROM kleio_citus.view_indexes AS v
 WHERE to_regclass(v.name) IS NULL
 ORDER BY v.name
\gexec

-- Both or neither, or a failure of the second would leave nothing for the first to drop.
BEGIN;
DROP INDEX IF EXISTS auth_tokens_user_idx;
CREATE UNIQUE INDEX auth_tokens_user_idx ON auth_tokens (user_id, id);
COMMIT;

SELECT format('ALTER TABLE %s ADD CONSTRAINT %I %s', k.table_name, k.name, k.definition)
  FROM kleio_citus.foreign_keys AS k
 WHERE NOT EXISTS (
           SELECT FROM pg_constraint AS c
            WHERE c.conrelid = k.table_name::regclass AND c.conname = k.name
       )
 ORDER BY k.table_name, k.name
\gexec
SELECT format('ALTER DATABASE %I RESET %s', current_database(), name)
  FROM unnest(ARRAY['timezone', 'pg_trgm.word_similarity_threshold',
                    'max_parallel_workers_per_gather']) AS name
\gexec
ANALYZE;
-- The last step: without it nothing above can be done again.
DROP SCHEMA kleio_citus CASCADE;
