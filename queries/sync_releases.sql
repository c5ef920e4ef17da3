-- Which releases a sync has to ask Discogs for.
-- Tables: releases; sync_items, user_releases.

-- name: count_items_to_fetch(user_id, run_id, stale_before, retry_before)$
-- How many releases of the items Discogs would have to be asked for.
--
-- Returns: one bigint.
-- Params:  stale_before timestamptz: what the API said before then is too old; retry_before
--          timestamptz: a stub that was asked for since then and stayed one is left alone.
-- Index:   sync_items_pkey, releases_discogs_id_key.
-- Cost:    at most 3 buffers.
-- Locks:   none.
SELECT count(DISTINCT i.release_discogs_id)
  FROM sync_items AS i
  LEFT JOIN releases AS r
    ON r.discogs_id = i.release_discogs_id
 WHERE i.user_id = :user_id::uuid
   AND i.run_id = :run_id::uuid
   AND (r.id IS NULL
        OR (r.source_hash IS NULL
            AND coalesce(r.fetched_at, '-infinity') < :retry_before::timestamptz)
        OR (r.from_api AND r.source_hash IS NOT NULL
            AND coalesce(r.fetched_at, '-infinity') < :stale_before::timestamptz));

-- name: count_releases_to_fetch(user_id, stale_before, retry_before)$
-- How many releases on a shelf Discogs has to be asked for.
--
-- Returns: one bigint.
-- Params:  stale_before, retry_before timestamptz: as count_items_to_fetch.
-- Index:   user_releases_user_id_instance_key or another one that starts with the user,
--          releases_pkey.
-- Cost:    at most 6 buffers.
-- Locks:   none.
SELECT count(DISTINCT r.id)
  FROM user_releases AS c
  JOIN releases AS r
    ON r.id = c.release_id
 WHERE c.user_id = :user_id::uuid
   AND c.discogs_instance_id IS NOT NULL
   AND c.archived_at IS NULL
   AND r.discogs_id IS NOT NULL
   AND ((r.source_hash IS NULL
         AND coalesce(r.fetched_at, '-infinity') < :retry_before::timestamptz)
        OR (r.from_api AND r.source_hash IS NOT NULL
            AND coalesce(r.fetched_at, '-infinity') < :stale_before::timestamptz));

-- name: list_releases_to_fetch(user_id, stale_before, retry_before, batch_size)
-- The next releases on a shelf to ask Discogs for: stubs first, then what is too old; of both the
-- latest added.
--
-- Returns: 0..batch_size rows int.
-- Params:  stale_before, retry_before timestamptz: as count_items_to_fetch.
-- Index:   user_releases_user_id_instance_key or another one that starts with the user,
--          releases_pkey.
-- Order:   stub or not, the time of adding, discogs_id; total.
-- Cost:    at most 6 buffers.
-- Locks:   none.
SELECT r.discogs_id
  FROM user_releases AS c
  JOIN releases AS r
    ON r.id = c.release_id
 WHERE c.user_id = :user_id::uuid
   AND c.discogs_instance_id IS NOT NULL
   AND c.archived_at IS NULL
   AND r.discogs_id IS NOT NULL
   AND ((r.source_hash IS NULL
         AND coalesce(r.fetched_at, '-infinity') < :retry_before::timestamptz)
        OR (r.from_api AND r.source_hash IS NOT NULL
            AND coalesce(r.fetched_at, '-infinity') < :stale_before::timestamptz))
 GROUP BY r.discogs_id, r.source_hash IS NULL
 ORDER BY r.source_hash IS NULL DESC, max(c.added_at) DESC, r.discogs_id DESC
 LIMIT :batch_size::int;
