-- loses: sync runs and what Discogs said last of each copy
DROP TABLE IF EXISTS discogs_pace;

DROP TABLE IF EXISTS discogs_copies;

DROP TABLE IF EXISTS sync_items;

DROP TABLE IF EXISTS sync_jobs;

DROP TABLE IF EXISTS sync_runs;

ALTER TABLE folders DROP COLUMN IF EXISTS discogs_name;

ALTER TABLE releases DROP COLUMN IF EXISTS fetched_at;

ALTER TABLE releases DROP COLUMN IF EXISTS from_api;

COMMENT ON COLUMN releases.source_hash IS NULL;
