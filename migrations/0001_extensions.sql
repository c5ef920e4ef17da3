-- Add the extensions that Kleio's text search and statistics use.
--
-- Why:    pg_trgm finds names despite typing errors, unaccent makes "Bjork" find "Björk";
--         pg_stat_statements tells which query costs what.
-- Order:  expand; first of all migrations.
-- Locks:  none on user tables.
-- Undo:   0001_extensions.rollback.sql.
--
-- pg_trgm and unaccent are trusted: the owner of the database may create them.
-- pg_stat_statements is not. Where the role may not create it, an administrator can at any time
-- (CREATE EXTENSION pg_stat_statements), and Kleio works without it meanwhile.
CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public;

CREATE EXTENSION IF NOT EXISTS unaccent WITH SCHEMA public;

DO $$
BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_stat_statements WITH SCHEMA public;
EXCEPTION
    WHEN insufficient_privilege OR undefined_file OR feature_not_supported THEN
        RAISE NOTICE 'pg_stat_statements was not created: %', SQLERRM;
END
$$;
