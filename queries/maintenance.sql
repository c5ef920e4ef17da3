-- The care of the database: what `kleio maintain` looks for, and when it last did what.
-- Tables: maintenance_steps, and PostgreSQL's own statistics.

-- name: upsert_maintenance_step(step, started_at, finished_at, changed, warnings, problem, host)!
-- Remember a step's run; of each step the last one is kept.
--
-- Returns: 1.
-- Params:  problem text: why it failed, NULL where it did not.
-- Index:   maintenance_steps_pkey.
-- Cost:    at most 28 buffers.
-- Locks:   the step's row.
INSERT INTO maintenance_steps AS m
       (step, started_at, finished_at, succeeded_at, changed, warnings, problem, host)
VALUES (:step::text, :started_at::timestamptz, :finished_at::timestamptz,
        CASE WHEN :problem::text IS NULL THEN :finished_at::timestamptz END,
        :changed::bigint, :warnings::text[], :problem::text, :host::text)
    ON CONFLICT (step) DO UPDATE
   SET started_at = excluded.started_at,
       finished_at = excluded.finished_at,
       succeeded_at = coalesce(excluded.succeeded_at, m.succeeded_at),
       changed = excluded.changed,
       warnings = excluded.warnings,
       problem = excluded.problem,
       host = excluded.host;

-- name: list_maintenance_steps()
-- When each step ran last, and how it ended.
--
-- Returns: 0..n rows MaintenanceStep.
-- Index:   none: one row for each step.
-- Order:   step; total.
-- Cost:    at most 20 buffers.
-- Locks:   none.
SELECT m.step, m.started_at, m.finished_at, m.succeeded_at, m.changed,
       to_json(m.warnings) AS warnings, m.problem, m.host
  FROM maintenance_steps AS m
 ORDER BY m.step;

-- name: list_stale_tables(min_changes, share)
-- Tables whose statistics are missing, or older than so many changes: the planner guesses there.
-- Partitioned tables, which autovacuum never analyses, where a partition was analysed later.
--
-- Returns: 0..n rows StaleTable.
-- Params:  min_changes bigint, share float: more changed rows than this number and this share of
--          the table.
-- Index:   none: the server's statistics.
-- Order:   name; total.
-- Cost:    at most 5,000 buffers.
-- Locks:   none.
SELECT n.nspname::text AS schema_name, c.relname::text AS table_name,
       c.relkind = 'p' AS is_partitioned,
       has_table_privilege(c.oid, 'MAINTAIN') AS may_analyze,
       coalesce(s.n_mod_since_analyze, 0) AS changes,
       greatest(s.last_analyze, s.last_autoanalyze) AS analyzed_at
  FROM pg_class AS c
  JOIN pg_namespace AS n
    ON n.oid = c.relnamespace
  LEFT JOIN pg_stat_all_tables AS s
    ON s.relid = c.oid
  LEFT JOIN LATERAL (
       SELECT max(greatest(p.last_analyze, p.last_autoanalyze)) AS analyzed_at
         FROM pg_inherits AS i
         JOIN pg_stat_all_tables AS p
           ON p.relid = i.inhrelid
        WHERE i.inhparent = c.oid
       ) AS part
    ON c.relkind = 'p'
 WHERE n.nspname = 'public'
   AND CASE c.relkind
       WHEN 'p' THEN coalesce(part.analyzed_at > greatest(s.last_analyze, s.last_autoanalyze),
                              part.analyzed_at IS NOT NULL)
       WHEN 'r' THEN s.n_mod_since_analyze > :min_changes::bigint
                     AND s.n_mod_since_analyze > :share::float8 * greatest(c.reltuples, 0)
       WHEN 'm' THEN c.relispopulated
                     AND s.n_mod_since_analyze > :min_changes::bigint
                     AND s.n_mod_since_analyze > :share::float8 * greatest(c.reltuples, 0)
       ELSE false
       END
 ORDER BY n.nspname, c.relname;

-- name: list_invalid_indexes()
-- Indexes that a failed or interrupted build left behind: they cost at every write and serve no
-- read. Those that are being built now, and those of a partitioned table that still lacks one of
-- its partitions' indexes, are left out.
--
-- Returns: 0..n rows InvalidIndex.
-- Index:   none: the catalogue.
-- Order:   name; total.
-- Cost:    at most 5,000 buffers.
-- Locks:   none.
SELECT c.relname::text AS index_name, t.relname::text AS table_name,
       pg_relation_size(c.oid) AS bytes,
       NOT EXISTS (SELECT
                     FROM pg_constraint AS k
                    WHERE k.conindid = i.indexrelid) AS may_be_dropped
  FROM pg_index AS i
  JOIN pg_class AS c
    ON c.oid = i.indexrelid
  JOIN pg_class AS t
    ON t.oid = i.indrelid
  JOIN pg_namespace AS n
    ON n.oid = t.relnamespace
 WHERE n.nspname = 'public'
   AND c.relkind = 'i'
   AND NOT (i.indisvalid AND i.indisready AND i.indislive)
   AND NOT EXISTS (SELECT
                     FROM pg_stat_progress_create_index AS p
                    WHERE p.relid = i.indrelid)
 ORDER BY c.relname;

-- name: list_bloated_tables(min_dead, share)
-- Tables with many dead rows: autovacuum does not keep up, or an old transaction keeps them.
--
-- Returns: 0..n rows BloatedTable.
-- Params:  min_dead bigint, share float: more dead rows than this number and this share of the
--          live ones.
-- Index:   none: the server's statistics.
-- Order:   dead rows, the most first; total.
-- Cost:    at most 5,000 buffers.
-- Locks:   none.
SELECT s.relname::text AS table_name, s.n_dead_tup AS dead, s.n_live_tup AS live,
       greatest(s.last_vacuum, s.last_autovacuum) AS vacuumed_at
  FROM pg_stat_user_tables AS s
 WHERE s.schemaname = 'public'
   AND s.n_dead_tup > :min_dead::bigint
   AND s.n_dead_tup > :share::float8 * s.n_live_tup
 ORDER BY s.n_dead_tup DESC, s.relname;

-- name: list_wraparound_tables(share)
-- Tables whose oldest rows are so many transactions old that a wrap-around comes near: at half
-- of the way something keeps autovacuum from freezing them, at its end the server takes no writes.
--
-- Returns: 0..10 rows WraparoundTable.
-- Params:  share float: of the way, 0 to 1.
-- Index:   none: the catalogue.
-- Order:   share, the largest first; total.
-- Cost:    at most 5,000 buffers.
-- Locks:   none.
SELECT w.table_name, w.share
  FROM (SELECT c.oid::regclass::text AS table_name,
               greatest(age(c.relfrozenxid), mxid_age(c.relminmxid)) / 2147483648::float8 AS share
          FROM pg_class AS c
         WHERE c.relkind IN ('r', 'm', 't')) AS w
 WHERE w.share > :share::float8
 ORDER BY w.share DESC, w.table_name
 LIMIT 10;

-- name: update_dead_imports(before, now)^
-- End the imports of all users that nobody has gone on with: what their files say is forgotten,
-- their reports stay.
--
-- Returns: one row bigint: the number of runs ended.
-- Params:  before timestamptz: runs without a sign of life since then.
-- Index:   none: reads all runs, once in an hour; import_chunks_pkey (user_id, run_id).
-- Cost:    at most 5,000 buffers.
-- Locks:   the runs and their chunks.
-- Allow:   isolation: of all users, for `kleio maintain` alone.
WITH ended AS (
    UPDATE import_runs AS r
       SET state = 'failed',
           error = 'nobody went on with it for a week',
           finished_at = :now::timestamptz
     WHERE r.state IN ('reading', 'judged', 'applying')
       AND r.updated_at < :before::timestamptz
    RETURNING r.user_id, r.id
),
forgotten AS (
    DELETE FROM import_chunks AS c
     USING ended AS e
     WHERE c.user_id = e.user_id
       AND c.run_id = e.id
)
SELECT count(*) AS runs
  FROM ended AS e;

-- name: count_dead_imports(before)$
-- How many runs update_dead_imports would end.
--
-- Returns: one bigint.
-- Index:   none: reads all runs.
-- Cost:    at most 5,000 buffers.
-- Locks:   none.
-- Allow:   isolation: of all users, for `kleio maintain` alone.
SELECT count(*)
  FROM import_runs AS r
 WHERE r.state IN ('reading', 'judged', 'applying')
   AND r.updated_at < :before::timestamptz;

-- name: list_run_counts()
-- How many imports and syncs of all users are in which state.
--
-- From the indexes alone, where VACUUM comes by: their entries are read, not the runs with their
-- reports.
--
-- Returns: 0..n rows RunCount.
-- Index:   import_runs_latest_idx, sync_runs_latest_idx.
-- Order:   kind, state; total.
-- Cost:    at most 220 buffers.
-- Locks:   none.
-- Allow:   isolation: of all users, numbers alone.
SELECT counted.kind, counted.state, counted.runs
  FROM (SELECT 'import' AS kind, r.state, count(*) AS runs
          FROM import_runs AS r
         GROUP BY r.state
         UNION ALL
        SELECT 'sync', s.status, count(*)
          FROM sync_runs AS s
         GROUP BY s.status) AS counted
 ORDER BY counted.kind, counted.state;

-- name: list_latest_runs(max_rows)
-- The latest imports and syncs of all users: whose, how they ended, and why.
--
-- Returns: 0..max_rows rows LatestRun.
-- Index:   import_runs_latest_idx (created_at, id), sync_runs_latest_idx (created_at, id), both
--          backwards; users_pkey where there are many users.
-- Order:   created_at DESC, id DESC; total.
-- Cost:    at most 23 buffers.
-- Locks:   none.
-- Allow:   isolation: of all users, for administrators alone; nothing of a shelf is in it.
SELECT latest.kind, latest.id, u.username, latest.state, latest.is_dry_run, latest.done,
       latest.error, latest.created_at, latest.updated_at
  FROM (SELECT 'import' AS kind, r.id, r.user_id, r.state, r.dry_run AS is_dry_run,
               r.records AS done, r.error, r.created_at, r.updated_at
          FROM import_runs AS r
         UNION ALL
        SELECT 'sync', s.id, s.user_id, s.status, s.dry_run, s.calls, s.error, s.created_at,
               s.updated_at
          FROM sync_runs AS s
         ORDER BY created_at DESC, id DESC
         LIMIT :max_rows::int) AS latest
  JOIN users AS u
    ON u.id = latest.user_id
 ORDER BY latest.created_at DESC, latest.id DESC;
