-- Kleio on Citus: which table lies where. It works with data in place, and can be run again after a
-- failure; deploy/citus-undo.sql is the way back.
--
--   kleio migrate                                              # first, on plain PostgreSQL
--   psql -v ON_ERROR_STOP=1 -d kleio -f deploy/citus.sql       # as a superuser, on the coordinator
--   psql -v ON_ERROR_STOP=1 -d kleio -f deploy/grants.sql      # tables were made anew
--
-- Before: CREATE EXTENSION citus on every node, citus_set_coordinator_host and citus_add_node for
-- the workers; nobody writes meanwhile, as rows move. Wanted is Citus 14 or newer, and direct
-- connections.
--
-- What lies where, and why:
--   reference    The catalogue and the users: joined with everything, and their unique keys are not
--                their ids. Every node has all of it, and their writers wait for each other.
--   user_id      What is a user's own, all in one group, so that a user's rows lie together: every
--                statement has user_id = :user_id and goes to one shard.
--   token_hash   Tokens: looked up by each request.
--   local        Queues, a scan's desk and counters stay on the coordinator; and the music library,
--                which grows with the records and not with the users.
--
-- `-v songs=distributed` distributes songs and albums by id as well. Look-ups by id and pages go on,
-- and so do filters; refused are scans (kleio import music), the search over everything, an artist's
-- songs and "also on your shelf": each joins songs, albums and other tables by something else than
-- their id. Import on plain PostgreSQL first, and distribute what is only read then.
--
-- Left out are references to songs from other groups: a song is never deleted but archived; and
-- those of artists of files to the catalogue's, which are never deleted: with them Citus would
-- manage the whole music library, and each scan go through its planner. The unique index of tokens
-- by user can't be unique any more; ids are UUIDs.
--
-- Slower than on one server, as all or much of a table comes to the coordinator first: "also on your
-- shelf" (the library's albums and artists), the counts of genres and of popular releases (all
-- copies and plays), a list of tokens or their end by user (asks every shard).
\set QUIET on
\if :{?songs}
SELECT :'songs' = 'distributed' AS with_songs \gset
\else
\set with_songs off
\endif
SET client_min_messages = warning;
SET lock_timeout = '30s';
-- Shards one after the other: tables of one group refer to each other, and to reference tables.
SET citus.multi_shard_modify_mode = 'sequential';

SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'citus') AS has_citus \gset
\if :has_citus
\else
\warn 'citus.sql: this database has no extension citus'
-- Ends with an error, so that nothing below is half done.
DO 'BEGIN RAISE EXCEPTION ''no extension citus''; END';
\endif

-- What the workers need that a connection would bring: the sessions of Kleio reach the coordinator
-- alone.
SELECT count(*) > 0 AS is_refused
  FROM (VALUES ('timezone = ''UTC'''),
               ('pg_trgm.word_similarity_threshold = 0.45'),
               ('max_parallel_workers_per_gather = 0')) AS wanted (setting)
 CROSS JOIN LATERAL run_command_on_all_nodes(
           format('ALTER DATABASE %I SET %s', current_database(), setting)
       ) AS done
 WHERE NOT done.success \gset
\if :is_refused
\warn 'citus.sql: a node refuses the settings that Kleio needs: days and searches would differ there'
DO 'BEGIN RAISE EXCEPTION ''a node refuses settings''; END';
\endif

-- Foreign keys stand in the way of distributing; they are kept here, for below and the way back.
CREATE SCHEMA IF NOT EXISTS kleio_citus;
CREATE TABLE IF NOT EXISTS kleio_citus.foreign_keys (
    table_name text NOT NULL,
    name text NOT NULL,
    definition text NOT NULL,
    CONSTRAINT foreign_keys_pkey PRIMARY KEY (table_name, name)
);
INSERT INTO kleio_citus.foreign_keys (table_name, name, definition)
SELECT c.conrelid::regclass::text, c.conname, pg_get_constraintdef(c.oid)
  FROM pg_constraint AS c
 WHERE c.contype = 'f'
   AND c.connamespace = 'public'::regnamespace
   AND c.conparentid = 0
    ON CONFLICT DO NOTHING;
SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', c.conrelid::regclass, c.conname)
  FROM pg_constraint AS c
 WHERE c.contype = 'f'
   AND c.connamespace = 'public'::regnamespace
   AND c.conparentid = 0
   AND NOT EXISTS (SELECT FROM citus_tables AS t WHERE t.table_name = c.conrelid)
 ORDER BY 1
\gexec

-- Functions that statements call where the rows are.
SELECT format('SELECT create_distributed_function(%L)', p.oid::regprocedure)
  FROM pg_proc AS p
  JOIN pg_language AS l ON l.oid = p.prolang
 WHERE p.pronamespace = 'public'::regnamespace
   AND l.lanname = 'sql'
   AND p.provolatile <> 'v'
   AND NOT EXISTS (
           SELECT FROM pg_depend AS d
            WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
       )
 ORDER BY 1
\gexec

-- A unique key of a distributed table must hold its distribution column.
SELECT 'DROP INDEX auth_tokens_user_idx'
 WHERE NOT EXISTS (SELECT FROM citus_tables WHERE table_name = 'auth_tokens'::regclass)
   AND to_regclass('auth_tokens_user_idx') IS NOT NULL
\gexec
CREATE INDEX IF NOT EXISTS auth_tokens_user_idx ON auth_tokens (user_id, id);

-- The layout: each table once, the first of a group before those that are colocated with it.
CREATE TEMPORARY TABLE layout (
    place int GENERATED ALWAYS AS IDENTITY,
    name text NOT NULL,
    distribution_column text,
    colocated_with text
);
INSERT INTO layout (name) VALUES
    ('users'),
    ('artists'),
    ('labels'),
    ('masters'),
    ('genres'),
    ('styles'),
    ('releases'),
    ('release_artists'),
    ('release_labels'),
    ('release_formats'),
    ('release_genres'),
    ('release_styles'),
    ('tracks'),
    ('stylus_models');
INSERT INTO layout (name, distribution_column, colocated_with) VALUES
    ('user_releases', 'user_id', 'none'),
    ('folders', 'user_id', 'user_releases'),
    ('styluses', 'user_id', 'user_releases'),
    ('play_history', 'user_id', 'user_releases'),
    ('cleaning_history', 'user_id', 'user_releases'),
    ('discogs_copies', 'user_id', 'user_releases'),
    ('discogs_credentials', 'user_id', 'user_releases'),
    ('id_map', 'user_id', 'user_releases'),
    ('idempotency_keys', 'user_id', 'user_releases'),
    ('import_runs', 'user_id', 'user_releases'),
    ('import_chunks', 'user_id', 'user_releases'),
    ('import_rows', 'user_id', 'user_releases'),
    ('sync_runs', 'user_id', 'user_releases'),
    ('sync_items', 'user_id', 'user_releases'),
    ('user_preferences', 'user_id', 'user_releases'),
    ('user_songs', 'user_id', 'user_releases'),
    ('auth_tokens', 'token_hash', 'none');
\if :with_songs
INSERT INTO layout (name, distribution_column, colocated_with) VALUES
    ('libraries', NULL, NULL),
    ('library_artists', NULL, NULL),
    ('songs', 'id', 'none'),
    ('song_artists', 'song_id', 'songs'),
    ('albums', 'id', 'none');
\endif
-- Local, on the coordinator: attempts, discogs_pace, library_files, library_scans,
-- maintenance_steps, scan_files, scan_folders, scan_members, scan_reads, scan_songs, words,
-- sync_jobs; and unless songs are distributed: albums, libraries, library_artists, song_artists, songs.

SELECT CASE WHEN l.distribution_column IS NULL
            THEN format('SELECT create_reference_table(%L)', l.name)
            ELSE format('SELECT create_distributed_table(%L, %L, colocate_with => %L)',
                        l.name, l.distribution_column, l.colocated_with)
       END
  FROM layout AS l
 WHERE NOT EXISTS (SELECT FROM citus_tables AS t WHERE t.table_name = l.name::regclass)
 ORDER BY l.place
\gexec

-- The references again, but for those to songs that lie elsewhere, and those that would have Citus
-- manage the local library.
SELECT format('ALTER TABLE %s ADD CONSTRAINT %I %s', k.table_name, k.name, k.definition)
  FROM kleio_citus.foreign_keys AS k
 WHERE k.name <> 'user_songs_song_id_fkey'
   AND NOT (k.name = 'song_artists_song_id_fkey'
            AND EXISTS (SELECT FROM citus_tables WHERE table_name = 'songs'::regclass))
   AND NOT (k.name = 'library_artists_artist_id_fkey'
            AND NOT EXISTS (SELECT FROM citus_tables
                             WHERE table_name = 'library_artists'::regclass))
   AND NOT EXISTS (
           SELECT FROM pg_constraint AS c
            WHERE c.conrelid = k.table_name::regclass AND c.conname = k.name
       )
 ORDER BY k.table_name, k.name
\gexec

ANALYZE;
