-- Index all users' syncs by their time, with their states.
--
-- Why:    metrics count them at each scrape, and administrators look at the latest; both read every
--         run with its report. Of a million syncs a count read 100,000 pages and now 7,000, the latest
--         fifty 100,000 and now 8.
-- Order:  expand.
-- Locks:  sync_runs SHARE UPDATE EXCLUSIVE while the index is built, some seconds for a million runs,
--         with reads and writes going on.
-- Undo:   0027_sync_runs_latest.rollback.sql.
-- depends: 0026_import_runs_latest
-- transactional: false

-- maintenance.list_latest_runs; maintenance.list_run_counts reads it and not the table.
CREATE INDEX CONCURRENTLY IF NOT EXISTS sync_runs_latest_idx
    ON sync_runs (created_at, id) INCLUDE (status);
