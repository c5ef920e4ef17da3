-- Index all users' imports by their time, with their states.
--
-- Why:    metrics count them at each scrape, and administrators look at the latest; both read every
--         run with its report.
-- Order:  expand.
-- Locks:  import_runs SHARE UPDATE EXCLUSIVE while the index is built, some seconds for a million runs,
--         with reads and writes going on.
-- Undo:   0026_import_runs_latest.rollback.sql.
-- depends: 0025_zone_names
-- transactional: false

-- maintenance.list_latest_runs; maintenance.list_run_counts reads it and not the table.
CREATE INDEX CONCURRENTLY IF NOT EXISTS import_runs_latest_idx
    ON import_runs (created_at, id) INCLUDE (state);
