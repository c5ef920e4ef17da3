-- transactional: false
DROP INDEX CONCURRENTLY IF EXISTS sync_runs_latest_idx;
