-- transactional: false
CREATE INDEX CONCURRENTLY IF NOT EXISTS library_artists_name_trgm_idx
    ON library_artists USING gin (name_normalized gin_trgm_ops);
