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
--   GRANT SET ON PARAMETER session_replication_role TO kleio_app;    -- imports of dumps are faster
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
GRANT DELETE, INSERT, SELECT, UPDATE (duration_ms, is_compilation, name, song_count, updated_at, year) ON albums TO :"app";
GRANT INSERT, SELECT, UPDATE (metadata, name, profile, resource_url, source_hash, synced_at, updated_at) ON artists TO :"app";
GRANT DELETE, INSERT, SELECT, UPDATE (free_at) ON attempts TO :"app";
GRANT DELETE, INSERT, SELECT, UPDATE (last_used_at) ON auth_tokens TO :"app";
GRANT DELETE, INSERT, SELECT, UPDATE (cleaned_at, deep, notes, release_id, updated_at, user_release_id) ON cleaning_history TO :"app";
GRANT DELETE, INSERT, SELECT, UPDATE (added_at, custom_fields, folder_number, media_condition, notes, present, rating, sleeve_condition, synced_at) ON discogs_copies TO :"app";
GRANT DELETE, INSERT, SELECT, UPDATE (token_encrypted, updated_at) ON discogs_credentials TO :"app";
GRANT SELECT, UPDATE (blocked_until, call_limit, calls, others, others_seen_at) ON discogs_pace TO :"app";
GRANT DELETE, INSERT, SELECT, UPDATE (discogs_name, name, number, updated_at) ON folders TO :"app";
GRANT INSERT, SELECT, UPDATE ON genres TO :"app";
GRANT INSERT, SELECT, UPDATE (new_id) ON id_map TO :"app";
GRANT DELETE, INSERT, SELECT, UPDATE (response, status) ON idempotency_keys TO :"app";
GRANT DELETE, INSERT, SELECT ON import_chunks TO :"app";
GRANT DELETE, INSERT, SELECT, UPDATE (target_id) ON import_rows TO :"app";
GRANT DELETE, INSERT, SELECT, UPDATE (bytes_read, counts, error, finished_at, records, state, updated_at) ON import_runs TO :"app";
GRANT INSERT, SELECT, UPDATE (metadata, name, profile, resource_url, source_hash, synced_at, updated_at) ON labels TO :"app";
GRANT INSERT, SELECT, UPDATE (root, scanned_at, updated_at) ON libraries TO :"app";
GRANT INSERT, SELECT, UPDATE (artist_id, link, updated_at) ON library_artists TO :"app";
GRANT DELETE, INSERT, SELECT, UPDATE (missing_since, mtime_ns, path, problem, size) ON library_files TO :"app";
GRANT INSERT, SELECT, UPDATE (error, files, finished_at, inserted, missing, moved, read, refused, unchanged, unread, updated) ON library_scans TO :"app";
GRANT INSERT, SELECT, UPDATE (changed, finished_at, host, problem, started_at, succeeded_at, warnings) ON maintenance_steps TO :"app";
GRANT INSERT, SELECT, UPDATE (data_quality, main_release_discogs_id, metadata, notes, source_hash, synced_at, title, updated_at, year) ON masters TO :"app";
GRANT MAINTAIN, SELECT ON mv_artist_stats TO :"app";
GRANT MAINTAIN, SELECT ON mv_catalogue_totals TO :"app";
GRANT MAINTAIN, SELECT ON mv_genre_counts TO :"app";
GRANT MAINTAIN, SELECT ON mv_library_stats TO :"app";
GRANT MAINTAIN, SELECT ON mv_release_popularity TO :"app";
GRANT DELETE, INSERT, SELECT, UPDATE (duration_estimated, duration_seconds, notes, played_at, release_id, side, stylus_id, updated_at, user_release_id) ON play_history TO :"app";
GRANT DELETE, INSERT, SELECT, UPDATE (anv, artist_id, join_relation, name, role, tracks) ON release_artists TO :"app";
GRANT DELETE, INSERT, SELECT, UPDATE (descriptions, name, qty, text) ON release_formats TO :"app";
GRANT DELETE, INSERT, SELECT, UPDATE (genre_id) ON release_genres TO :"app";
GRANT DELETE, INSERT, SELECT, UPDATE (catno, label_id, name) ON release_labels TO :"app";
GRANT DELETE, INSERT, SELECT, UPDATE (style_id) ON release_styles TO :"app";
GRANT INSERT, SELECT, UPDATE (artist_normalized, card, country, cover_image, data_quality, facets, fetched_at, from_api, master_discogs_id, metadata, notes, play_duration, play_duration_estimated, released, resource_url, search_text, source_hash, synced_at, thumb, title, updated_at, year) ON releases TO :"app";
GRANT DELETE, INSERT, MAINTAIN, SELECT ON scan_files TO :"app";
GRANT DELETE, INSERT, SELECT ON scan_folders TO :"app";
GRANT DELETE, INSERT, SELECT, UPDATE (album_artist, album_id, album_key, album_name, folder_key, is_read, old_album_id) ON scan_members TO :"app";
GRANT DELETE, INSERT, SELECT ON scan_reads TO :"app";
GRANT DELETE, INSERT, SELECT, UPDATE (outcome, song_id) ON scan_songs TO :"app";
GRANT DELETE, INSERT, SELECT ON song_artists TO :"app";
GRANT INSERT, SELECT, UPDATE (album_id, album_name, artist_id, artist_name, bit_rate, channels, codec, disc_number, duration_ms, genre, missing_since, name, sample_rate, tags, track_number, updated_at, year) ON songs TO :"app";
GRANT INSERT, SELECT, UPDATE ON styles TO :"app";
GRANT SELECT ON stylus_models TO :"app";
GRANT DELETE, INSERT, SELECT, UPDATE (active, cartridge_type, expected_lifespan_hours, install_date, is_primary, manufacturer, name, owned, purchase_date, updated_at) ON styluses TO :"app";
GRANT DELETE, INSERT, SELECT, UPDATE (added_at, conflicts, copy_id, custom_fields, folder_number, is_adopted, media_condition, merged, merged_custom, notes, rating, reading, release_discogs_id, release_id, seen_updated_at, sleeve_condition, verdict) ON sync_items TO :"app";
GRANT DELETE, INSERT, SELECT, UPDATE (alive_at, attempts, backend_pid, backend_started_at, cancel_requested, owner) ON sync_jobs TO :"app";
GRANT DELETE, INSERT, SELECT, UPDATE (calls, counts, error, error_code, finished_at, pages_done, pages_total, phase, phase_started_at, releases_done, releases_total, report, started_at, state, status, updated_at) ON sync_runs TO :"app";
GRANT DELETE, INSERT, SELECT, UPDATE (credits, duration_seconds, duration_text, parent_seq, position, title, type) ON tracks TO :"app";
GRANT INSERT, SELECT, UPDATE (preferences, updated_at) ON user_preferences TO :"app";
GRANT DELETE, INSERT, SELECT, UPDATE (added_at, archive_reason, archived_at, custom_fields, discogs_instance_id, folder_id, media_condition, notes, rating, release_id, sleeve_condition, updated_at) ON user_releases TO :"app";
GRANT INSERT, SELECT, UPDATE (last_played_at, play_count, rating, starred_at, updated_at) ON user_songs TO :"app";
GRANT DELETE, INSERT, SELECT, UPDATE (discogs_username, email, password_hash, role, updated_at) ON users TO :"app";
GRANT INSERT, SELECT ON words TO :"app";
ALTER FUNCTION create_month_partition(regclass, timestamptz) SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp;
REVOKE EXECUTE ON FUNCTION create_month_partition(regclass, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION create_month_partition(regclass, timestamptz) TO :"app";
COMMIT;
