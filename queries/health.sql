-- What health and metrics tell of the database beside how fast it answers.
-- Tables: _yoyo_migration (the migrations' record), and PostgreSQL's own statistics.

-- name: get_database_facts(migrations, this_month)^
-- Connections, migrations and partitions, all in one row.
--
-- Returns: one row DatabaseFacts.
-- Params:  migrations text[]: the migrations that this Kleio has files for.
--          this_month uuid: the lowest UUIDv7 of the first moment of this month, UTC.
-- Index:   _yoyo_migration_pkey.
-- Cost:    at most 2,000 buffers.
-- Locks:   none.
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
         WHERE m.migration_id <> ALL (:migrations::text[])) AS unknown_migrations,
       (SELECT min(ahead.months)
          FROM (SELECT count(c.oid) FILTER (
                           WHERE substring(pg_get_expr(c.relpartbound, c.oid)
                                           FROM 'FROM \(''([0-9a-f-]{36})''\)')::uuid
                                 > :this_month::uuid) AS months
                  FROM pg_partitioned_table AS p
                  JOIN pg_class AS parent
                    ON parent.oid = p.partrelid
                  JOIN pg_attribute AS k
                    ON k.attrelid = p.partrelid
                   AND k.attnum = p.partattrs[0]
                   AND k.atttypid = 'uuid'::regtype
                  LEFT JOIN pg_inherits AS i
                    ON i.inhparent = p.partrelid
                  LEFT JOIN pg_class AS c
                    ON c.oid = i.inhrelid
                 WHERE parent.relnamespace = 'public'::regnamespace
                 GROUP BY p.partrelid) AS ahead) AS months_ahead;
