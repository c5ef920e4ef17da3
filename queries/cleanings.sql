-- Each user's cleanings.
-- Tables: cleaning_history; releases for what was cleaned.

-- name: insert_cleaning(user_id, release_id, copy_id, cleaned_at, deep, notes, now)^
-- Log a cleaning.
--
-- Returns: 0..1 rows UUID: the id; none where there is no such release, or the copy is not of it.
-- Params:  release_id uuid: NULL for that of the copy. copy_id uuid: NULL where not known.
-- Index:   releases_pkey, user_releases_pkey (user_id, id).
-- Cost:    at most 32 buffers.
-- Locks:   the new row.
INSERT INTO cleaning_history (
    user_id, release_id, user_release_id, cleaned_at, deep, notes, created_at, updated_at
)
SELECT :user_id::uuid, r.id, c.id, :cleaned_at::timestamptz, :deep::boolean, :notes::text,
       :now::timestamptz, :now
  FROM (SELECT :release_id::uuid AS release_id, :copy_id::uuid AS copy_id) AS given
  LEFT JOIN user_releases AS c
    ON c.user_id = :user_id::uuid AND c.id = given.copy_id
  JOIN releases AS r
    ON r.id = coalesce(given.release_id, c.release_id)
 WHERE given.copy_id IS NULL
    OR c.release_id = r.id
RETURNING id;

-- name: insert_cleanings(user_id, cleanings, now)!
-- Log many cleanings of a user's copies at once.
--
-- Returns: the number of cleanings.
-- Params:  cleanings jsonb: an array of objects with copyId and cleanedAt, and where there are any
--          deep and notes.
-- Index:   user_releases_pkey (user_id, id) or another one that starts with the user.
-- Cost:    at most 220 buffers for ten.
-- Locks:   the new rows. A copy that is not the user's is left out.
INSERT INTO cleaning_history (
    user_id, release_id, user_release_id, cleaned_at, deep, notes, created_at, updated_at
)
SELECT :user_id::uuid, c.release_id, c.id, given."cleanedAt", coalesce(given.deep, false),
       given.notes, :now::timestamptz, :now
  FROM jsonb_to_recordset(:cleanings::jsonb) AS given (
           "copyId" uuid, "cleanedAt" timestamptz, deep boolean, notes text
       )
  JOIN user_releases AS c
    ON c.user_id = :user_id::uuid AND c.id = given."copyId"
 ORDER BY given."cleanedAt";

-- name: get_cleaning(user_id, cleaning_id)^
-- One cleaning of a user, with its release.
--
-- Returns: 0..1 rows Cleaning.
-- Index:   cleaning_history_pkey (user_id, id), releases_pkey.
-- Cost:    at most 12 buffers.
-- Locks:   none.
SELECT h.id, h.release_id, h.user_release_id AS copy_id, h.cleaned_at, h.deep, h.notes,
       h.updated_at, r.card AS release
  FROM cleaning_history AS h
  JOIN releases AS r
    ON r.id = h.release_id
 WHERE h.user_id = :user_id::uuid
   AND h.id = :cleaning_id::uuid;

-- name: list_cleanings(user_id, release_id, copy_id, since, until, before_cleaned_at, before_id, page_size, page_offset)
-- A user's cleanings, newest first, each with its release; one keyset page.
--
-- Returns: 0..page_size rows Keyed[Cleaning]: cleaned_at, id, then the cleaning.
-- Params:  since timestamptz inclusive, until timestamptz exclusive; all filters are NULL where
--          they are none. before_cleaned_at timestamptz, before_id uuid: last row of the previous
--          page, NULL for the first.
-- Index:   cleaning_history_user_cleaned_idx, cleaning_history_user_release_idx with a release,
--          releases_pkey.
-- Order:   cleaned_at DESC, id DESC; total.
-- Plan:    custom: only with the filters known does the planner choose the index.
-- Cost:    at most 130 buffers.
-- Locks:   none.
SELECT h.cleaned_at, h.id,
       h.id, h.release_id, h.user_release_id AS copy_id, h.cleaned_at, h.deep, h.notes,
       h.updated_at, r.card AS release
  FROM cleaning_history AS h
  JOIN releases AS r
    ON r.id = h.release_id
 WHERE h.user_id = :user_id::uuid
   AND (:release_id::uuid IS NULL OR h.release_id = :release_id::uuid)
   AND (:copy_id::uuid IS NULL OR h.user_release_id = :copy_id::uuid)
   AND (:since::timestamptz IS NULL OR h.cleaned_at >= :since::timestamptz)
   AND (:until::timestamptz IS NULL OR h.cleaned_at < :until::timestamptz)
   AND (h.cleaned_at, h.id) < (coalesce(:before_cleaned_at::timestamptz, 'infinity'),
                               coalesce(:before_id::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
 ORDER BY h.cleaned_at DESC, h.id DESC
 LIMIT :page_size::int OFFSET :page_offset::int;

-- name: count_cleanings(user_id, release_id, copy_id, since, until)$
-- How many cleanings of a user pass the filters of list_cleanings.
--
-- Returns: one bigint.
-- Index:   cleaning_history_user_cleaned_idx or another one that starts with the user; for a
--          release cleaning_history_user_release_idx.
-- Plan:    custom, as list_cleanings.
-- Cost:    at most 8 buffers.
-- Locks:   none.
SELECT count(*)
  FROM cleaning_history AS h
 WHERE h.user_id = :user_id::uuid
   AND (:release_id::uuid IS NULL OR h.release_id = :release_id::uuid)
   AND (:copy_id::uuid IS NULL OR h.user_release_id = :copy_id::uuid)
   AND (:since::timestamptz IS NULL OR h.cleaned_at >= :since::timestamptz)
   AND (:until::timestamptz IS NULL OR h.cleaned_at < :until::timestamptz);

-- name: update_cleaning(user_id, cleaning_id, changes, expected_updated_at, now)!
-- Change a cleaning.
--
-- Returns: the number of cleanings changed; 0 where there is none or it changed meanwhile.
-- Params:  changes text: a JSON object with the fields to change, by the API's names; null clears
--          one. expected_updated_at timestamptz: the version that the caller saw, NULL for any.
-- Index:   cleaning_history_pkey (user_id, id).
-- Cost:    at most 37 buffers.
-- Locks:   the row.
WITH given AS MATERIALIZED (
    SELECT e.changes, (e.changes ->> 'cleanedAt')::timestamptz AS cleaned_at
      FROM (SELECT :changes::text::jsonb AS changes) AS e
)
UPDATE cleaning_history AS h
   SET cleaned_at = coalesce(given.cleaned_at, h.cleaned_at),
       deep = coalesce((given.changes ->> 'deep')::boolean, h.deep),
       notes = CASE WHEN given.changes ? 'notes' THEN given.changes ->> 'notes' ELSE h.notes END,
       updated_at = :now::timestamptz
  FROM given
 WHERE h.user_id = :user_id::uuid
   AND h.id = :cleaning_id::uuid
   AND h.updated_at = coalesce(:expected_updated_at::timestamptz, h.updated_at);

-- name: delete_cleaning(user_id, cleaning_id)^
-- Delete a cleaning, and tell all of it, so that it can be put back.
--
-- Returns: 0..1 rows RemovedCleaning.
-- Index:   cleaning_history_pkey (user_id, id), releases_pkey.
-- Cost:    at most 22 buffers.
-- Locks:   the row.
DELETE FROM cleaning_history AS h
 USING releases AS r
 WHERE h.user_id = :user_id::uuid
   AND h.id = :cleaning_id::uuid
   AND r.id = h.release_id
RETURNING h.id, h.release_id, h.user_release_id AS copy_id, h.cleaned_at, h.deep, h.notes,
          h.created_at, r.title AS release_title;

-- name: insert_removed_cleaning(user_id, cleaning_id, release_id, copy_id, cleaned_at, deep, notes, created_at, now)!
-- Put a cleaning back as it was, under the id that it had, as plays.insert_removed_play does.
--
-- Returns: the number of cleanings put back; 0 where it is back already.
-- Params:  those of RemovedCleaning; a copy that has gone meanwhile is none.
-- Index:   cleaning_history_pkey, user_releases_pkey (user_id, id).
-- Cost:    at most 32 buffers.
-- Locks:   the new row.
INSERT INTO cleaning_history (
    user_id, id, release_id, user_release_id, cleaned_at, deep, notes, created_at, updated_at
)
SELECT :user_id::uuid, :cleaning_id::uuid, :release_id::uuid,
       (SELECT c.id
          FROM user_releases AS c
         WHERE c.user_id = :user_id::uuid
           AND c.id = :copy_id::uuid),
       :cleaned_at::timestamptz, :deep::boolean, :notes::text, :created_at::timestamptz,
       :now::timestamptz
    ON CONFLICT (user_id, id) DO NOTHING;
