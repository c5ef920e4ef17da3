-- transactional: false
CREATE INDEX CONCURRENTLY IF NOT EXISTS artists_name_trgm_idx
    ON artists USING gin (name_normalized gin_trgm_ops);
