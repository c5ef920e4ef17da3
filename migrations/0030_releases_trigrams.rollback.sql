-- transactional: false
CREATE INDEX CONCURRENTLY IF NOT EXISTS releases_search_trgm_idx
    ON releases USING gin (search_text gin_trgm_ops);
