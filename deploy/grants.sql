-- What the role that serves may do: exactly what the queries need. It can't change the schema.
-- Written by `kleio grants`; a test compares. Run it after each `kleio migrate`, as the owner:
--
--   psql -v ON_ERROR_STOP=1 -d kleio -f deploy/grants.sql
--   psql -v ON_ERROR_STOP=1 -v app=another_role -d kleio -f deploy/grants.sql
--
-- Once before, as a superuser: two roles, and the database of the first one.
--
--   CREATE ROLE kleio_owner LOGIN PASSWORD '...';
--   CREATE ROLE kleio_app LOGIN PASSWORD '...';
--   GRANT pg_read_all_stats TO kleio_app, kleio_owner;    -- for `kleio doctor`, where you like
--   CREATE DATABASE kleio OWNER kleio_owner;
--   REVOKE ALL ON DATABASE kleio FROM PUBLIC;
--   GRANT CONNECT ON DATABASE kleio TO kleio_app;
--
-- `kleio migrate` and cron's `kleio maintain` connect as kleio_owner, `kleio serve` and the other
-- commands as kleio_app. The functions that make partitions run with their owner's rights, so that
-- the server can make a month that is missing.
\if :{?app}
\else
\set app kleio_app
\endif
BEGIN;
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM :"app";
GRANT USAGE ON SCHEMA public TO :"app";
GRANT SELECT ON _kleio_migration TO :"app";
GRANT SELECT ON _yoyo_migration TO :"app";
GRANT SELECT, UPDATE (duration_ms, song_count) ON albums TO :"app";
GRANT INSERT, SELECT, UPDATE (metadata, name, profile, resource_url, source_hash, synced_at, updated_at) ON artists TO :"app";
GRANT DELETE, INSERT, SELECT, UPDATE (last_used_at) ON auth_tokens TO :"app";
GRANT DELETE, INSERT, SELECT, UPDATE (cleaned_at, deep, notes, updated_at, user_release_id) ON cleaning_history TO :"app";
GRANT DELETE, INSERT, SELECT, UPDATE (token_encrypted, updated_at) ON discogs_credentials TO :"app";
GRANT DELETE, INSERT, SELECT, UPDATE (name, updated_at) ON folders TO :"app";
GRANT INSERT, SELECT ON genres TO :"app";
GRANT DELETE, INSERT, SELECT, UPDATE (response, status) ON idempotency_keys TO :"app";
GRANT INSERT, SELECT, UPDATE (metadata, name, profile, resource_url, source_hash, synced_at, updated_at) ON labels TO :"app";
GRANT SELECT ON libraries TO :"app";
GRANT SELECT, UPDATE (artist_id, link, updated_at) ON library_artists TO :"app";
GRANT INSERT, SELECT, UPDATE (changed, finished_at, host, problem, started_at, succeeded_at, warnings) ON maintenance_steps TO :"app";
GRANT INSERT, SELECT, UPDATE (data_quality, main_release_discogs_id, metadata, notes, source_hash, synced_at, title, updated_at, year) ON masters TO :"app";
GRANT MAINTAIN, SELECT ON mv_artist_stats TO :"app";
GRANT MAINTAIN, SELECT ON mv_genre_counts TO :"app";
GRANT MAINTAIN, SELECT ON mv_library_stats TO :"app";
GRANT MAINTAIN, SELECT ON mv_release_popularity TO :"app";
GRANT DELETE, INSERT, SELECT, UPDATE (duration_estimated, duration_seconds, notes, played_at, side, stylus_id, updated_at, user_release_id) ON play_history TO :"app";
GRANT DELETE, INSERT, SELECT, UPDATE (anv, artist_id, join_relation, name, role, tracks) ON release_artists TO :"app";
GRANT DELETE, INSERT, SELECT, UPDATE (descriptions, name, qty, text) ON release_formats TO :"app";
GRANT DELETE, INSERT, SELECT, UPDATE (genre_id) ON release_genres TO :"app";
GRANT DELETE, INSERT, SELECT, UPDATE (catno, label_id, name) ON release_labels TO :"app";
GRANT DELETE, INSERT, SELECT, UPDATE (style_id) ON release_styles TO :"app";
GRANT INSERT, SELECT, UPDATE (artist_normalized, card, country, cover_image, data_quality, facets, master_discogs_id, metadata, notes, play_duration, play_duration_estimated, released, resource_url, search_text, source_hash, synced_at, thumb, title, updated_at, year) ON releases TO :"app";
GRANT SELECT ON song_artists TO :"app";
GRANT SELECT, UPDATE (album_name) ON songs TO :"app";
GRANT INSERT, SELECT ON styles TO :"app";
GRANT SELECT ON stylus_models TO :"app";
GRANT DELETE, INSERT, SELECT, UPDATE (active, cartridge_type, expected_lifespan_hours, install_date, is_primary, manufacturer, name, owned, purchase_date, updated_at) ON styluses TO :"app";
GRANT DELETE, INSERT, SELECT, UPDATE (credits, duration_seconds, duration_text, parent_seq, position, title, type) ON tracks TO :"app";
GRANT INSERT, SELECT, UPDATE (preferences, updated_at) ON user_preferences TO :"app";
GRANT DELETE, INSERT, SELECT, UPDATE (added_at, archive_reason, archived_at, custom_fields, folder_id, media_condition, notes, rating, sleeve_condition, updated_at) ON user_releases TO :"app";
GRANT INSERT, SELECT, UPDATE (last_played_at, play_count, rating, starred_at, updated_at) ON user_songs TO :"app";
GRANT DELETE, INSERT, SELECT, UPDATE (discogs_username, email, password_hash, role, updated_at) ON users TO :"app";
ALTER FUNCTION create_month_partition(regclass, timestamptz) SECURITY DEFINER;
REVOKE EXECUTE ON FUNCTION create_month_partition(regclass, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION create_month_partition(regclass, timestamptz) TO :"app";
COMMIT;
