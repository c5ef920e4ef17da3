-- What health and metrics tell of the database beside how fast it answers.
-- Tables: _yoyo_migration (the migrations' record), and PostgreSQL's own statistics.

-- name: get_database_facts(migrations)^
-- Connections and migrations, in one row.
--
-- Returns: one row DatabaseFacts.
-- Params:  migrations text[]: the migrations that this Kleio has files for.
-- Index:   _yoyo_migration_pkey.
-- Cost:    at most 2,000 buffers.
-- Locks:   none.
-- Allow:   session-setting: these are the server's own limits, which no session changes.
SELECT (SELECT count(*)
          FROM pg_stat_activity AS a
         WHERE a.datid IS NOT NULL) AS connections,
       least(current_setting('max_connections')::bigint
             - current_setting('superuser_reserved_connections')::bigint
             - current_setting('reserved_connections')::bigint,
             (SELECT nullif(d.datconnlimit, -1)
                FROM pg_database AS d
               WHERE d.datname = current_database()),
             (SELECT nullif(r.rolconnlimit, -1)
                FROM pg_roles AS r
               WHERE r.rolname = current_user)) AS connection_limit,
       (SELECT count(*)
          FROM unnest(:migrations::text[]) AS known (id)
         WHERE NOT EXISTS (SELECT
                             FROM _yoyo_migration AS m
                            WHERE m.migration_id = known.id)) AS pending_migrations,
       (SELECT count(*)
          FROM _yoyo_migration AS m
         WHERE m.migration_id <> ALL (:migrations::text[])) AS unknown_migrations;
