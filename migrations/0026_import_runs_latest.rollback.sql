-- transactional: false
DROP INDEX CONCURRENTLY IF EXISTS import_runs_latest_idx;
