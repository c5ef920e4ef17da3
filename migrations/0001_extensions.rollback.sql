-- pg_stat_statements stays: an administrator may have created it for other databases' sake.
DROP EXTENSION IF EXISTS unaccent;

DROP EXTENSION IF EXISTS pg_trgm;
