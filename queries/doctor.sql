-- What `kleio doctor` asks of a server: facts that a DBA looks at, none of a user's rows.
-- Tables: none of Kleio's; PostgreSQL's catalogue and statistics.

-- name: get_server_facts(now)^
-- The server, the database and the role in one row.
--
-- Returns: one row ServerFacts.
-- Params:  now timestamptz: this machine's clock.
-- Index:   none: the catalogue and the server's statistics.
-- Cost:    at most 5,000 buffers.
-- Locks:   none.
SELECT pg_postmaster_start_time() AS started_at,
       extract(epoch FROM clock_timestamp() - :now::timestamptz)::float8 AS clock_ahead,
       pg_database_size(d.datname) AS bytes,
       current_user::text AS role_name,
       r.rolsuper AS is_superuser,
       has_schema_privilege('public', 'CREATE') AS may_create,
       pg_has_role('pg_read_all_stats', 'USAGE') AS may_read_statistics,
       pg_is_in_recovery() AS is_replica,
       s.blks_hit + s.blks_read AS blocks_read,
       s.blks_hit::float8 / nullif(s.blks_hit + s.blks_read, 0) AS hit_share,
       s.deadlocks, s.temp_bytes, s.checksum_failures, s.stats_reset,
       (SELECT count(*)
          FROM pg_stat_activity AS a
         WHERE a.datname = d.datname
           AND a.state LIKE 'idle in transaction%%') AS idle_in_transaction,
       (SELECT extract(epoch FROM max(clock_timestamp() - a.xact_start))::float8
          FROM pg_stat_activity AS a
         WHERE a.datname = d.datname
           AND a.backend_type = 'client backend') AS oldest_transaction,
       (SELECT count(*)
          FROM pg_prepared_xacts) AS prepared_transactions
  FROM pg_database AS d
  JOIN pg_stat_database AS s
    ON s.datid = d.oid
  JOIN pg_roles AS r
    ON r.rolname = current_user
 WHERE d.datname = current_database();

-- name: list_server_settings(names)
-- Settings of the server, in their base units (`8kB` blocks, `ms`), as pg_settings has them.
--
-- Returns: 0..n rows ServerSetting.
-- Index:   none: the server's memory.
-- Order:   name; total.
-- Cost:    at most 100 buffers.
-- Locks:   none.
SELECT s.name, s.setting, s.unit
  FROM pg_settings AS s
 WHERE s.name = ANY (:names::text[])
 ORDER BY s.name;

-- name: list_relation_sizes()
-- The largest tables with their indexes; of a partitioned table all partitions together.
--
-- Returns: 0..8 rows RelationSize.
-- Index:   none: the catalogue.
-- Order:   bytes, the largest first; total.
-- Cost:    at most 20,000 buffers.
-- Locks:   none.
SELECT coalesce(p.relname, c.relname)::text AS table_name,
       sum(pg_total_relation_size(c.oid))::bigint AS bytes,
       sum(pg_indexes_size(c.oid))::bigint AS index_bytes,
       sum(greatest(c.reltuples, 0))::bigint AS rows
  FROM pg_class AS c
  LEFT JOIN pg_inherits AS i
    ON i.inhrelid = c.oid
  LEFT JOIN pg_class AS p
    ON p.oid = i.inhparent
 WHERE c.relnamespace = 'public'::regnamespace
   AND c.relkind IN ('r', 'm')
 GROUP BY coalesce(p.relname, c.relname)
 ORDER BY bytes DESC, table_name
 LIMIT 8;

-- name: list_unused_indexes(min_bytes)
-- Indexes that no scan has used since the statistics began, and that no constraint needs.
--
-- Returns: 0..10 rows UnusedIndex.
-- Index:   none: the server's statistics.
-- Order:   bytes, the largest first; total.
-- Cost:    at most 20,000 buffers.
-- Locks:   none.
SELECT s.indexrelname::text AS index_name, s.relname::text AS table_name,
       pg_relation_size(s.indexrelid) AS bytes
  FROM pg_stat_user_indexes AS s
  JOIN pg_index AS i
    ON i.indexrelid = s.indexrelid
 WHERE s.schemaname = 'public'
   AND s.idx_scan = 0
   AND NOT i.indisunique
   AND pg_relation_size(s.indexrelid) >= :min_bytes::bigint
 ORDER BY bytes DESC, index_name
 LIMIT 10;

-- name: list_scanned_tables(min_rows)
-- Tables that are often read whole: so many rows a scan, and more scans than through an index.
--
-- Returns: 0..10 rows ScannedTable.
-- Index:   none: the server's statistics.
-- Order:   rows read, the most first; total.
-- Cost:    at most 5,000 buffers.
-- Locks:   none.
SELECT s.relname::text AS table_name, s.seq_scan AS scans, s.seq_tup_read AS rows_read
  FROM pg_stat_user_tables AS s
 WHERE s.schemaname = 'public'
   AND s.seq_scan > 50
   AND s.seq_scan > s.idx_scan
   AND s.seq_tup_read > s.seq_scan * :min_rows::bigint
 ORDER BY s.seq_tup_read DESC, s.relname
 LIMIT 10;

-- name: list_duplicate_indexes()
-- Indexes whose columns, in the same order and with the same condition, another index begins with.
--
-- Returns: 0..n rows DuplicateIndex.
-- Index:   none: the catalogue.
-- Order:   name; total.
-- Cost:    at most 20,000 buffers.
-- Locks:   none.
SELECT c.relname::text AS index_name, other.relname::text AS other_name,
       pg_relation_size(c.oid) AS bytes
  FROM pg_index AS i
  JOIN pg_class AS c
    ON c.oid = i.indexrelid
  JOIN pg_index AS j
    ON j.indrelid = i.indrelid
   AND j.indexrelid <> i.indexrelid
  JOIN pg_class AS other
    ON other.oid = j.indexrelid
   AND other.relam = c.relam
 WHERE c.relnamespace = 'public'::regnamespace
   AND c.relkind = 'i'
   AND NOT c.relispartition
   AND NOT i.indisunique
   AND i.indexprs IS NULL
   AND j.indexprs IS NULL
   AND i.indpred IS NULL
   AND j.indpred IS NULL
   AND i.indnatts = i.indnkeyatts
   AND starts_with(j.indkey::text || ' ', i.indkey::text || ' ')
   AND starts_with(j.indoption::text || ' ', i.indoption::text || ' ')
   AND starts_with(j.indclass::text || ' ', i.indclass::text || ' ')
   AND (j.indkey::text <> i.indkey::text OR j.indisunique OR j.indexrelid < i.indexrelid)
 ORDER BY c.relname, other.relname;

-- name: list_replicas()
-- Replicas that are connected, and how far they are behind.
--
-- Returns: 0..n rows Replica; the lag is NULL for a role without pg_read_all_stats.
-- Index:   none: the server's memory.
-- Order:   name, state; total enough for a few.
-- Cost:    at most 100 buffers.
-- Locks:   none.
SELECT r.application_name AS name, r.state,
       pg_wal_lsn_diff(pg_current_wal_lsn(), r.replay_lsn)::bigint AS bytes_behind,
       extract(epoch FROM r.replay_lag)::float8 AS seconds_behind
  FROM pg_stat_replication AS r
 WHERE NOT pg_is_in_recovery()
 ORDER BY r.application_name, r.state;

-- name: list_replication_slots()
-- Replication slots: one that nobody reads keeps the server's log until the disk is full.
--
-- Returns: 0..n rows ReplicationSlot.
-- Index:   none: the server's memory.
-- Order:   name; total.
-- Cost:    at most 100 buffers.
-- Locks:   none.
SELECT s.slot_name::text AS name, s.active AS is_active,
       pg_wal_lsn_diff(pg_current_wal_lsn(), s.restart_lsn)::bigint AS bytes_kept
  FROM pg_replication_slots AS s
 WHERE NOT pg_is_in_recovery()
 ORDER BY s.slot_name;

-- name: list_slowest_queries()
-- Kleio's queries that take most of the server's time, by name, with how much of it.
--
-- Returns: 0..8 rows SlowQuery.
-- Index:   none: the extension's memory.
-- Order:   total time, the most first; total.
-- Cost:    at most 100 buffers.
-- Locks:   none.
SELECT q.name, sum(q.calls)::bigint AS calls, sum(q.total_ms)::float8 AS total_ms,
       (sum(q.total_ms) / nullif(sum(q.calls), 0))::float8 AS mean_ms,
       (sum(q.total_ms) / nullif(sum(sum(q.total_ms)) OVER (), 0))::float8 AS share
  FROM (SELECT substring(s.query FROM 'kleio:([a-z_]+\.[a-z_]+)') AS name,
               s.calls, s.total_exec_time AS total_ms
          FROM pg_stat_statements AS s
         WHERE s.dbid = (SELECT d.oid
                           FROM pg_database AS d
                          WHERE d.datname = current_database())) AS q
 WHERE q.name IS NOT NULL
 GROUP BY q.name
 ORDER BY total_ms DESC, q.name
 LIMIT 8;
