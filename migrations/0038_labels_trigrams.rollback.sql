-- transactional: false
CREATE INDEX CONCURRENTLY IF NOT EXISTS labels_name_trgm_idx
    ON labels USING gin (name_normalized gin_trgm_ops);
