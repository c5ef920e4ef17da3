-- What every session of Kleio has set, for a role whose connections come through a pooler such as
-- PgBouncer, which can't give them to each connection. As a superuser, or as the role itself where
-- it owns the database:
--
--   psql -d "$DATABASE" -v role=kleio -v database=kleio -f deploy/session.sql
--
-- Connections that don't come through a pooler have the same, from Kleio. See pgbouncer.md.

-- Loads the extension, without which its setting is not known.
SELECT show_trgm('');

ALTER ROLE :"role" IN DATABASE :"database" SET timezone = 'UTC';
ALTER ROLE :"role" IN DATABASE :"database" SET pg_trgm.word_similarity_threshold = '0.45';
ALTER ROLE :"role" IN DATABASE :"database" SET max_parallel_workers_per_gather = '0';
ALTER ROLE :"role" IN DATABASE :"database" SET lock_timeout = '5s';
ALTER ROLE :"role" IN DATABASE :"database" SET idle_in_transaction_session_timeout = '60s';
ALTER ROLE :"role" IN DATABASE :"database" SET client_connection_check_interval = '5s';
ALTER ROLE :"role" IN DATABASE :"database" SET statement_timeout = '30000ms';
