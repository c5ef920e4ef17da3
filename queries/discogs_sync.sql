-- What a sync has read of a shelf at Discogs, and how it becomes the user's shelf here.
-- Tables: sync_items, user_releases, discogs_copies, folders; releases; play_history and
--         cleaning_history of copies that become another release's.
--
-- Three sides are compared field by field: here (the copy), there (Discogs now), known (what
-- Discogs said when last synced). Where only one side changed it counts, where both did the user
-- wins and the run reports it. Of a copy that was never synced an empty field counts as unchanged.
-- A run writes in one transaction what all its pages said; folders come first, copies after them.

-- name: upsert_items(user_id, run_id, reading, items)!
-- Keep a page of the shelf as Discogs gives it; an item that was read before is overwritten.
--
-- Returns: the number of items, each instance once.
-- Params:  reading int: which time the shelf is read; items text: a JSON array
--          (kleio.discogs.answers.ShelfItem).
-- Index:   sync_items_pkey, releases_discogs_id_key.
-- Cost:    at most 11 buffers without items.
-- Locks:   the items.
INSERT INTO sync_items AS i (
    user_id, run_id, instance_id, reading, release_discogs_id, release_id, folder_number, rating,
    media_condition, sleeve_condition, notes, custom_fields, added_at
)
SELECT DISTINCT ON (d."instanceId")
       :user_id::uuid, :run_id::uuid, d."instanceId", :reading::int, d."releaseDiscogsId",
       r.id, d."folderNumber", d.rating, d."mediaCondition", d."sleeveCondition", d.notes,
       coalesce(d."customFields", '{}'), d."addedAt"
  FROM jsonb_to_recordset(:items::text::jsonb) AS d (
           "instanceId" bigint, "releaseDiscogsId" int, "folderNumber" int, rating smallint,
           "mediaCondition" text, "sleeveCondition" text, notes text, "customFields" jsonb,
           "addedAt" timestamptz
       )
  LEFT JOIN releases AS r
    ON r.discogs_id = d."releaseDiscogsId"
 ORDER BY d."instanceId"
    ON CONFLICT (user_id, run_id, instance_id) DO UPDATE
   SET reading = excluded.reading,
       release_discogs_id = excluded.release_discogs_id,
       release_id = excluded.release_id,
       folder_number = excluded.folder_number,
       rating = excluded.rating,
       media_condition = excluded.media_condition,
       sleeve_condition = excluded.sleeve_condition,
       notes = excluded.notes,
       custom_fields = excluded.custom_fields,
       added_at = excluded.added_at;

-- name: get_reading(user_id, run_id, reading, first_page_at)^
-- What tells whether the shelf stood still while it was read.
--
-- Returns: 0..1 rows Reading.
-- Params:  first_page_at timestamptz: Discogs' time when this reading began.
-- Index:   sync_items_pkey.
-- Cost:    at most 3 buffers.
-- Locks:   none.
SELECT count(*) AS items,
       count(*) FILTER (WHERE i.reading = :reading::int) AS items_now,
       count(*) FILTER (WHERE i.added_at >= :first_page_at::timestamptz) AS items_added
  FROM sync_items AS i
 WHERE i.user_id = :user_id::uuid
   AND i.run_id = :run_id::uuid;

-- name: delete_items_before(user_id, run_id, reading)!
-- Forget what earlier readings saw and a whole one does not.
--
-- Returns: the number of items forgotten.
-- Index:   sync_items_pkey.
-- Cost:    at most 11 buffers.
-- Locks:   the items.
DELETE FROM sync_items AS i
 WHERE i.user_id = :user_id::uuid
   AND i.run_id = :run_id::uuid
   AND i.reading < :reading::int;

-- name: delete_items(user_id, run_id)!
-- Forget what a run has read.
--
-- Returns: the number of items forgotten.
-- Index:   sync_items_pkey.
-- Cost:    at most 11 buffers.
-- Locks:   the items.
DELETE FROM sync_items AS i
 WHERE i.user_id = :user_id::uuid
   AND i.run_id = :run_id::uuid;

-- name: list_item_folders(user_id, run_id)
-- The numbers of the folders that the items are in.
--
-- Returns: 0..n rows int.
-- Index:   sync_items_pkey.
-- Order:   folder_number; total.
-- Cost:    at most 3 buffers.
-- Locks:   none.
SELECT DISTINCT i.folder_number
  FROM sync_items AS i
 WHERE i.user_id = :user_id::uuid
   AND i.run_id = :run_id::uuid
 ORDER BY i.folder_number;

-- name: list_vanished_releases(user_id, run_id)
-- The releases of copies that were at Discogs and that no page shows, to ask for one by one.
--
-- Returns: 0..n rows int.
-- Index:   user_releases_user_id_instance_key, discogs_copies_pkey, sync_items_pkey, releases_pkey.
-- Order:   discogs_id; total.
-- Cost:    at most 6 buffers.
-- Locks:   none.
SELECT DISTINCT r.discogs_id
  FROM user_releases AS c
  JOIN releases AS r
    ON r.id = c.release_id
  LEFT JOIN discogs_copies AS b
    ON b.user_id = :user_id::uuid AND b.id = c.id
 WHERE c.user_id = :user_id::uuid
   AND c.discogs_instance_id IS NOT NULL
   AND c.archived_at IS NULL
   AND coalesce(b.present, true)
   AND r.discogs_id IS NOT NULL
   AND NOT EXISTS (
           SELECT FROM sync_items AS i
            WHERE i.user_id = :user_id::uuid
              AND i.run_id = :run_id::uuid
              AND i.instance_id = c.discogs_instance_id
       )
 ORDER BY r.discogs_id;

-- name: update_folder_numbers(user_id, folders, now)!
-- Give folders that Discogs does not know other numbers where one of Discogs' has theirs.
--
-- Returns: the number of folders changed.
-- Params:  folders text: a JSON array of Discogs' folders, number and name, without number 0.
-- Index:   folders_user_id_number_key.
-- Cost:    at most 16 buffers without folders.
-- Locks:   the folders.
WITH there AS (
    SELECT d.number, d.name
      FROM jsonb_to_recordset(:folders::text::jsonb) AS d (number int, name text)
),
moved AS (
    SELECT f.id,
           greatest((SELECT max(o.number) FROM folders AS o WHERE o.user_id = :user_id::uuid),
                    (SELECT max(t.number) FROM there AS t))
               + row_number() OVER (ORDER BY f.number) AS number
      FROM folders AS f
      JOIN there AS t
        ON t.number = f.number
     WHERE f.user_id = :user_id::uuid
       AND f.number > 1
       AND f.discogs_name IS NULL
       AND lower(f.name COLLATE "pg_c_utf8") <> lower(t.name COLLATE "pg_c_utf8")
)
UPDATE folders AS f
   SET number = m.number::int,
       updated_at = :now::timestamptz
  FROM moved AS m
 WHERE f.user_id = :user_id::uuid
   AND f.id = m.id;

-- name: update_folders_adopted(user_id, folders, now)!
-- Take folders that have the name of one of Discogs' for that folder, with its number.
--
-- Returns: the number of folders changed.
-- Params:  folders text: a JSON array of Discogs' folders, number and name, without number 0.
-- Index:   folders_user_id_number_key, folders_user_name_key.
-- Cost:    at most 11 buffers without folders.
-- Locks:   the folders.
UPDATE folders AS f
   SET number = d.number,
       discogs_name = d.name,
       updated_at = :now::timestamptz
  FROM jsonb_to_recordset(:folders::text::jsonb) AS d (number int, name text)
 WHERE f.user_id = :user_id::uuid
   AND f.number > 1
   AND d.number > 1
   AND f.discogs_name IS NULL
   AND lower(f.name COLLATE "pg_c_utf8") = lower(d.name COLLATE "pg_c_utf8")
   AND NOT EXISTS (
           SELECT FROM folders AS o
            WHERE o.user_id = :user_id::uuid
              AND o.number = d.number
              AND o.id <> f.id
       );

-- name: list_folder_conflicts(user_id, folders)
-- Folders that have been renamed both here and at Discogs; they keep the name that they have here.
--
-- Returns: 0..n rows FolderConflict.
-- Params:  folders text: a JSON array of Discogs' folders, number and name, without number 0.
-- Index:   folders_user_id_number_key.
-- Order:   number; total.
-- Cost:    at most 3 buffers without folders.
-- Locks:   none.
SELECT f.number, f.name AS here, d.name AS there
  FROM jsonb_to_recordset(:folders::text::jsonb) AS d (number int, name text)
  JOIN folders AS f
    ON f.user_id = :user_id::uuid AND f.number = d.number
 WHERE f.user_id = :user_id::uuid
   AND f.number > 1
   AND d.name <> f.discogs_name
   AND f.name <> f.discogs_name
   AND f.name <> d.name
 ORDER BY f.number;

-- name: update_folders_renaming(user_id, folders, now)!
-- Take the old name off folders that Discogs renamed and the user did not.
--
-- A statement of its own, because two folders may have exchanged their names.
--
-- Returns: the number of folders to rename.
-- Params:  folders text: a JSON array of Discogs' folders, number and name, without number 0.
-- Index:   folders_user_id_number_key, folders_user_name_key.
-- Cost:    at most 11 buffers without folders.
-- Locks:   the folders.
UPDATE folders AS f
   SET name = 'renamed at Discogs ' || f.id,
       discogs_name = 'renamed at Discogs ' || f.id,
       updated_at = :now::timestamptz
  FROM jsonb_to_recordset(:folders::text::jsonb) AS d (number int, name text)
 WHERE f.user_id = :user_id::uuid
   AND f.number = d.number
   AND f.number > 1
   AND f.name = f.discogs_name
   AND f.discogs_name <> d.name;

-- name: update_folders_renamed(user_id, folders, now)!
-- Give folders the names that they have at Discogs, unless the user has renamed them.
--
-- Where another folder of the user has the name, the number is added to it.
--
-- Returns: the number of folders changed.
-- Params:  folders text: a JSON array of Discogs' folders, number and name, without number 0.
-- Index:   folders_user_id_number_key, folders_user_name_key.
-- Cost:    at most 17 buffers without folders.
-- Locks:   the folders.
UPDATE folders AS f
   SET name = CASE WHEN f.name <> f.discogs_name
                   THEN f.name
                   WHEN d.nth > 1
                     OR EXISTS (
                            SELECT FROM folders AS o
                             WHERE o.user_id = :user_id::uuid
                               AND o.id <> f.id
                               AND lower(o.name COLLATE "pg_c_utf8") = d.name_lower
                        )
                   THEN d.name || ' (' || d.number || ')'
                   ELSE d.name
              END,
       discogs_name = d.name,
       updated_at = :now::timestamptz
  FROM (
           SELECT t.number, t.name, lower(t.name COLLATE "pg_c_utf8") AS name_lower,
                  row_number() OVER (PARTITION BY lower(t.name COLLATE "pg_c_utf8")
                                     ORDER BY t.number) AS nth
             FROM jsonb_to_recordset(:folders::text::jsonb) AS t (number int, name text)
       ) AS d
 WHERE f.user_id = :user_id::uuid
   AND f.number = d.number
   AND f.number > 1
   AND f.discogs_name <> d.name;

-- name: insert_folders(user_id, folders, now)!
-- Add the folders that Discogs has and the user has not.
--
-- Returns: the number of folders added.
-- Params:  folders text: a JSON array of Discogs' folders, number and name, without number 0.
-- Index:   folders_user_id_number_key, folders_user_name_key.
-- Cost:    at most 11 buffers without folders.
-- Locks:   the new rows.
INSERT INTO folders (user_id, number, name, discogs_name, created_at, updated_at)
SELECT :user_id::uuid, d.number,
       CASE WHEN d.nth > 1
              OR EXISTS (
                     SELECT FROM folders AS o
                      WHERE o.user_id = :user_id::uuid
                        AND lower(o.name COLLATE "pg_c_utf8") = d.name_lower
                 )
            THEN d.name || ' (' || d.number || ')'
            ELSE d.name
       END,
       d.name, :now::timestamptz, :now
  FROM (
           SELECT t.number, t.name, lower(t.name COLLATE "pg_c_utf8") AS name_lower,
                  row_number() OVER (PARTITION BY lower(t.name COLLATE "pg_c_utf8")
                                     ORDER BY t.number) AS nth
             FROM jsonb_to_recordset(:folders::text::jsonb) AS t (number int, name text)
       ) AS d
 WHERE d.number > 1
   AND NOT EXISTS (
           SELECT FROM folders AS f
            WHERE f.user_id = :user_id::uuid
              AND f.number = d.number
       )
 ORDER BY d.number;

-- name: delete_folders(user_id, folders)!
-- Delete the folders that Discogs has deleted, where they are empty and have their old name.
--
-- Returns: the number of folders deleted.
-- Params:  folders text: a JSON array of Discogs' folders, number and name, without number 0.
-- Index:   folders_user_id_number_key, user_releases_user_folder_idx.
-- Cost:    at most 17 buffers without folders.
-- Locks:   the folders.
DELETE FROM folders AS f
 WHERE f.user_id = :user_id::uuid
   AND f.number > 1
   AND f.discogs_name = f.name
   AND NOT EXISTS (
           SELECT FROM jsonb_to_recordset(:folders::text::jsonb) AS d (number int, name text)
            WHERE d.number = f.number
       )
   AND NOT EXISTS (
           SELECT FROM user_releases AS c
            WHERE c.user_id = :user_id::uuid
              AND c.folder_id = f.id
       );

-- name: update_folders_forgotten(user_id, folders, now)!
-- Let the other folders that Discogs has deleted be the user's own.
--
-- Returns: the number of folders changed.
-- Params:  folders text: a JSON array of Discogs' folders, number and name, without number 0.
-- Index:   folders_user_id_number_key.
-- Cost:    at most 17 buffers without folders.
-- Locks:   the folders.
UPDATE folders AS f
   SET discogs_name = NULL,
       updated_at = :now::timestamptz
 WHERE f.user_id = :user_id::uuid
   AND f.number > 1
   AND f.discogs_name IS NOT NULL
   AND NOT EXISTS (
           SELECT FROM jsonb_to_recordset(:folders::text::jsonb) AS d (number int, name text)
            WHERE d.number = f.number
       );

-- name: update_items_matched(user_id, run_id)!
-- Find each item's copy: by its instance, else one of the same release that is free.
--
-- Of a release's copies without an instance, or whose instance is gone (a record that is added
-- again at Discogs gets a new one), those on the shelf come first, then those that were archived
-- because they were gone, then archived ones that never had an instance; among equals copies and
-- items are paired in the order in which they were added. Each copy is given to one item. A record
-- that was sold or given away and is bought again is another copy: one that was archived for such a
-- reason is found by its instance, and where it has none, by items from before it was archived.
--
-- Returns: the number of items that have a copy.
-- Index:   sync_items_pkey, user_releases_user_added_idx or another one that starts with the user,
--          discogs_copies_pkey.
-- Cost:    at most 11 buffers.
-- Locks:   the items.
WITH known AS (
    SELECT i.instance_id, c.id AS copy_id
      FROM sync_items AS i
      JOIN user_releases AS c
        ON c.user_id = :user_id::uuid AND c.discogs_instance_id = i.instance_id
     WHERE i.user_id = :user_id::uuid
       AND i.run_id = :run_id::uuid
),
unknown AS (
    SELECT i.instance_id, i.release_id, i.added_at,
           row_number() OVER (PARTITION BY i.release_id
                              ORDER BY i.added_at, i.instance_id) AS nth
      FROM sync_items AS i
     WHERE i.user_id = :user_id::uuid
       AND i.run_id = :run_id::uuid
       AND NOT EXISTS (SELECT FROM known AS k WHERE k.instance_id = i.instance_id)
),
free AS (
    SELECT c.id, c.release_id,
           CASE WHEN c.archive_reason IS DISTINCT FROM 'removed at Discogs'
                THEN c.archived_at END AS given_up_at,
           row_number() OVER (
               PARTITION BY c.release_id
               ORDER BY CASE WHEN c.archived_at IS NULL THEN 1
                             WHEN c.archive_reason = 'removed at Discogs' THEN 2
                             ELSE 3
                        END,
                        c.added_at, c.id
           ) AS nth
      FROM user_releases AS c
      LEFT JOIN discogs_copies AS b
        ON b.user_id = :user_id::uuid AND b.id = c.id
     WHERE c.user_id = :user_id::uuid
       AND (c.discogs_instance_id IS NULL
            OR (NOT b.present AND c.archived_at IS NULL)
            OR c.archive_reason = 'removed at Discogs')
       AND NOT EXISTS (SELECT FROM known AS k WHERE k.copy_id = c.id)
),
matched AS (
    SELECT k.instance_id, k.copy_id, false AS is_adopted
      FROM known AS k
     UNION ALL
    SELECT u.instance_id, f.id, true
      FROM unknown AS u
      JOIN free AS f
        ON f.release_id = u.release_id AND f.nth = u.nth
     WHERE NOT coalesce(u.added_at > f.given_up_at, false)
)
UPDATE sync_items AS i
   SET copy_id = m.copy_id,
       is_adopted = m.is_adopted
  FROM matched AS m
 WHERE i.user_id = :user_id::uuid
   AND i.run_id = :run_id::uuid
   AND i.instance_id = m.instance_id;

-- name: update_items_merged(user_id, run_id)!
-- Decide what becomes of each item: which side counts in which field.
--
-- When a copy was added is kept to the second by Discogs and not at all by its CSV, which has no
-- zone: of a copy that was never synced, a time that is Discogs' but for a zone, and one that was
-- only the clock's when the copy was typed in, count as unchanged.
--
-- Returns: the number of items.
-- Index:   sync_items_pkey, user_releases_pkey, folders_pkey, discogs_copies_pkey.
-- Cost:    at most 11 buffers.
-- Locks:   the items.
WITH side AS (
    SELECT i.instance_id, c.updated_at, i.is_adopted,
           i.release_id IS NOT NULL AND i.release_id <> c.release_id AS is_other_release,
           c.archived_at IS NOT NULL
               AND c.archive_reason = 'removed at Discogs'
               AND NOT coalesce(b.present, false) AS is_returning,
           field.kind, field.name, field.here, field.known, field.there
      FROM sync_items AS i
      JOIN user_releases AS c
        ON c.user_id = :user_id::uuid AND c.id = i.copy_id
      JOIN folders AS f
        ON f.user_id = :user_id::uuid AND f.id = c.folder_id
      LEFT JOIN discogs_copies AS b
        ON b.user_id = :user_id::uuid AND b.id = c.id AND NOT i.is_adopted
     CROSS JOIN LATERAL (
               SELECT 'own' AS kind, own.name, own.here, own.known, own.there
                 FROM (VALUES
                          ('folderId', to_jsonb(f.number), to_jsonb(coalesce(b.folder_number, 1)),
                           to_jsonb(i.folder_number)),
                          ('rating', to_jsonb(c.rating), to_jsonb(coalesce(b.rating, 0)),
                           to_jsonb(i.rating)),
                          ('mediaCondition', to_jsonb(c.media_condition::text),
                           to_jsonb(b.media_condition), to_jsonb(i.media_condition)),
                          ('sleeveCondition', to_jsonb(c.sleeve_condition::text),
                           to_jsonb(b.sleeve_condition), to_jsonb(i.sleeve_condition)),
                          ('notes', to_jsonb(c.notes), to_jsonb(b.notes), to_jsonb(i.notes)),
                          ('addedAt', to_jsonb(c.added_at AT TIME ZONE 'UTC'),
                           to_jsonb(CASE WHEN b.added_at IS NOT NULL THEN b.added_at
                                         WHEN c.added_at = c.created_at THEN c.added_at
                                         WHEN abs(extract(epoch FROM c.added_at - i.added_at))
                                              <= 26 * 3600
                                         THEN c.added_at
                                    END AT TIME ZONE 'UTC'),
                           to_jsonb(coalesce(i.added_at, b.added_at, c.added_at)
                                    AT TIME ZONE 'UTC'))
                      ) AS own (name, here, known, there)
                UNION ALL
               SELECT 'custom', key.name, c.custom_fields -> key.name,
                      b.custom_fields -> key.name, i.custom_fields -> key.name
                 FROM jsonb_object_keys(
                          c.custom_fields || coalesce(b.custom_fields, '{}') || i.custom_fields
                      ) AS key (name)
           ) AS field
     WHERE i.user_id = :user_id::uuid
       AND i.run_id = :run_id::uuid
),
decided AS (
    SELECT s.instance_id, s.updated_at, s.is_adopted, s.is_other_release, s.is_returning,
           s.kind, s.name, s.here,
           CASE WHEN s.here IS NOT DISTINCT FROM s.known THEN s.there ELSE s.here
           END AS merged,
           s.here IS DISTINCT FROM s.known
               AND s.there IS DISTINCT FROM s.known
               AND s.here IS DISTINCT FROM s.there AS is_conflict
      FROM side AS s
),
outcome AS (
    SELECT d.instance_id, d.updated_at, d.is_adopted, d.is_other_release, d.is_returning,
           jsonb_object_agg(d.name, d.merged) FILTER (WHERE d.kind = 'own') AS merged,
           jsonb_object_agg(d.name, d.merged)
               FILTER (WHERE d.kind = 'custom' AND d.merged IS NOT NULL) AS merged_custom,
           array_agg(CASE WHEN d.kind = 'own' THEN d.name ELSE 'customFields.' || d.name END
                     ORDER BY d.kind DESC, d.name) FILTER (WHERE d.is_conflict) AS conflicts,
           bool_or(d.merged IS DISTINCT FROM d.here) AS is_changing
      FROM decided AS d
     GROUP BY d.instance_id, d.updated_at, d.is_adopted, d.is_other_release, d.is_returning
)
UPDATE sync_items AS i
   SET seen_updated_at = o.updated_at,
       merged = o.merged,
       merged_custom = coalesce(o.merged_custom, '{}'),
       conflicts = coalesce(o.conflicts, '{}'),
       verdict = CASE WHEN o.instance_id IS NULL THEN 'new'
                      WHEN o.is_returning THEN 'returned'
                      WHEN o.is_adopted THEN 'adopted'
                      WHEN o.is_changing OR o.is_other_release THEN 'changed'
                      ELSE 'unchanged'
                 END
  FROM sync_items AS every
  LEFT JOIN outcome AS o
    ON o.instance_id = every.instance_id
 WHERE every.user_id = :user_id::uuid
   AND every.run_id = :run_id::uuid
   AND i.user_id = :user_id::uuid
   AND i.run_id = :run_id::uuid
   AND i.instance_id = every.instance_id;

-- name: get_verdicts(user_id, run_id)^
-- How many items become what, and how many copies have vanished from Discogs.
--
-- Returns: 0..1 rows Verdicts.
-- Index:   sync_items_pkey, user_releases_user_id_instance_key, discogs_copies_pkey.
-- Cost:    at most 6 buffers.
-- Locks:   none.
SELECT count(*) AS items,
       count(*) FILTER (WHERE i.verdict = 'new') AS added,
       count(*) FILTER (WHERE i.verdict = 'adopted') AS adopted,
       count(*) FILTER (WHERE i.verdict = 'changed') AS changed,
       count(*) FILTER (WHERE i.verdict = 'returned') AS returned,
       count(*) FILTER (WHERE i.verdict = 'unchanged') AS unchanged,
       count(*) FILTER (WHERE i.conflicts <> '{}') AS conflicts,
       (
           SELECT count(*)
             FROM user_releases AS c
             LEFT JOIN discogs_copies AS b
               ON b.user_id = :user_id::uuid AND b.id = c.id
            WHERE c.user_id = :user_id::uuid
              AND c.discogs_instance_id IS NOT NULL
              AND c.archived_at IS NULL
              AND coalesce(b.present, true)
              AND NOT EXISTS (
                      SELECT FROM sync_items AS found
                       WHERE found.user_id = :user_id::uuid
                         AND found.run_id = :run_id::uuid
                         AND found.instance_id = c.discogs_instance_id
                  )
              AND NOT EXISTS (
                      SELECT FROM sync_items AS taken
                       WHERE taken.user_id = :user_id::uuid
                         AND taken.run_id = :run_id::uuid
                         AND taken.copy_id = c.id
                  )
       ) AS vanished
  FROM sync_items AS i
 WHERE i.user_id = :user_id::uuid
   AND i.run_id = :run_id::uuid;

-- name: get_conflicts(user_id, run_id)^
-- The copies that changed on both sides, with the fields in which the user's side was kept.
--
-- Returns: 0..1 rows Raw: a JSON array of at most 200.
-- Index:   sync_items_pkey.
-- Cost:    at most 3 buffers.
-- Locks:   none.
SELECT coalesce(json_agg(json_build_object(
           'copyId', i.copy_id, 'instanceId', i.instance_id,
           'releaseDiscogsId', i.release_discogs_id, 'fields', i.conflicts
       ) ORDER BY i.instance_id), '[]')
  FROM (
           SELECT c.copy_id, c.instance_id, c.release_discogs_id, c.conflicts
             FROM sync_items AS c
            WHERE c.user_id = :user_id::uuid
              AND c.run_id = :run_id::uuid
              AND c.conflicts <> '{}'
            ORDER BY c.instance_id
            LIMIT 200
       ) AS i;

-- name: update_copies_synced(user_id, run_id, now)!
-- Write what was decided of copies that are here already, and what Discogs says of them now.
--
-- A copy that the user has changed since it was compared is left for the next sync. Where Discogs
-- has merged its release into another one, its plays and cleanings become those of that one too.
--
-- Returns: the number of copies of which Discogs says something new.
-- Index:   sync_items_pkey, user_releases_pkey, folders_user_id_number_key, discogs_copies_pkey,
--          play_history_user_copy_idx, cleaning_history_user_copy_idx.
-- Cost:    at most 11 buffers.
-- Locks:   the copies that change; of those that become another release's the plays and cleanings.
WITH written AS (
    UPDATE user_releases AS c
       SET release_id = coalesce(i.release_id, c.release_id),
           folder_id = f.id,
           discogs_instance_id = i.instance_id,
           rating = (i.merged ->> 'rating')::smallint,
           media_condition = (i.merged ->> 'mediaCondition')::media_condition,
           sleeve_condition = (i.merged ->> 'sleeveCondition')::sleeve_condition,
           notes = i.merged ->> 'notes',
           custom_fields = i.merged_custom,
           added_at = (i.merged ->> 'addedAt')::timestamp AT TIME ZONE 'UTC',
           archived_at = CASE WHEN i.verdict = 'returned' THEN NULL ELSE c.archived_at END,
           archive_reason = CASE WHEN i.verdict = 'returned' THEN NULL ELSE c.archive_reason END,
           updated_at = :now::timestamptz
      FROM sync_items AS i
      JOIN folders AS f
        ON f.user_id = :user_id::uuid AND f.number = (i.merged ->> 'folderId')::int
     WHERE i.user_id = :user_id::uuid
       AND i.run_id = :run_id::uuid
       AND i.verdict IN ('adopted', 'changed', 'returned')
       AND c.user_id = :user_id::uuid
       AND c.id = i.copy_id
       AND c.updated_at = i.seen_updated_at
    RETURNING c.id, c.release_id
),
played AS (
    UPDATE play_history AS p
       SET release_id = w.release_id,
           updated_at = :now::timestamptz
      FROM written AS w
     WHERE p.user_id = :user_id::uuid
       AND p.user_release_id = w.id
       AND p.release_id <> w.release_id
),
cleaned AS (
    UPDATE cleaning_history AS h
       SET release_id = w.release_id,
           updated_at = :now::timestamptz
      FROM written AS w
     WHERE h.user_id = :user_id::uuid
       AND h.user_release_id = w.id
       AND h.release_id <> w.release_id
)
INSERT INTO discogs_copies AS b (
    user_id, id, present, folder_number, rating, media_condition, sleeve_condition, notes,
    custom_fields, added_at, synced_at
)
SELECT :user_id::uuid, i.copy_id, true, i.folder_number, i.rating, i.media_condition,
       i.sleeve_condition, i.notes, i.custom_fields, i.added_at, :now::timestamptz
  FROM sync_items AS i
 WHERE i.user_id = :user_id::uuid
   AND i.run_id = :run_id::uuid
   AND (i.verdict = 'unchanged' OR i.copy_id IN (SELECT w.id FROM written AS w))
 ORDER BY i.copy_id
    ON CONFLICT (user_id, id) DO UPDATE
   SET present = excluded.present,
       folder_number = excluded.folder_number,
       rating = excluded.rating,
       media_condition = excluded.media_condition,
       sleeve_condition = excluded.sleeve_condition,
       notes = excluded.notes,
       custom_fields = excluded.custom_fields,
       added_at = coalesce(excluded.added_at, b.added_at),
       synced_at = excluded.synced_at
 WHERE (b.present, b.folder_number, b.rating, b.media_condition, b.sleeve_condition, b.notes,
        b.custom_fields, b.added_at)
       IS DISTINCT FROM
       (excluded.present, excluded.folder_number, excluded.rating, excluded.media_condition,
        excluded.sleeve_condition, excluded.notes, excluded.custom_fields,
        coalesce(excluded.added_at, b.added_at));

-- name: insert_copies_synced(user_id, run_id, now)!
-- Put the copies on the shelf that are at Discogs and not here.
--
-- One whose release the catalogue could not take is left out; the run names the release.
--
-- Returns: the number of copies added.
-- Index:   sync_items_pkey, folders_user_id_number_key.
-- Cost:    at most 11 buffers.
-- Locks:   the new rows.
WITH added AS (
    INSERT INTO user_releases (
        user_id, release_id, folder_id, discogs_instance_id, rating, media_condition,
        sleeve_condition, notes, custom_fields, added_at, created_at, updated_at
    )
    SELECT :user_id::uuid, i.release_id, f.id, i.instance_id, i.rating,
           i.media_condition::media_condition, i.sleeve_condition::sleeve_condition, i.notes,
           i.custom_fields, coalesce(i.added_at, :now::timestamptz), :now, :now
      FROM sync_items AS i
      JOIN folders AS f
        ON f.user_id = :user_id::uuid AND f.number = i.folder_number
     WHERE i.user_id = :user_id::uuid
       AND i.run_id = :run_id::uuid
       AND i.verdict = 'new'
       AND i.release_id IS NOT NULL
     ORDER BY i.added_at, i.instance_id
    RETURNING id, discogs_instance_id
)
INSERT INTO discogs_copies (
    user_id, id, present, folder_number, rating, media_condition, sleeve_condition, notes,
    custom_fields, added_at, synced_at
)
SELECT :user_id::uuid, a.id, true, i.folder_number, i.rating, i.media_condition,
       i.sleeve_condition, i.notes, i.custom_fields, i.added_at, :now::timestamptz
  FROM added AS a
  JOIN sync_items AS i
    ON i.user_id = :user_id::uuid
   AND i.run_id = :run_id::uuid
   AND i.instance_id = a.discogs_instance_id
 WHERE i.user_id = :user_id::uuid;

-- name: update_copies_vanished(user_id, run_id, now)!
-- Archive the copies that are no longer at Discogs, and remember that they are gone there.
--
-- Once: a copy that the user puts back on the shelf stays there.
--
-- Returns: the number of copies that are gone at Discogs since the last sync.
-- Index:   user_releases_user_id_instance_key, sync_items_pkey, folders_pkey, discogs_copies_pkey.
-- Cost:    at most 14 buffers.
-- Locks:   the copies.
WITH gone AS (
    SELECT c.id, f.number, c.rating, c.media_condition::text AS media_condition,
           c.sleeve_condition::text AS sleeve_condition, c.notes, c.custom_fields, c.added_at,
           c.archived_at IS NULL AS is_on_shelf
      FROM user_releases AS c
      JOIN folders AS f
        ON f.user_id = :user_id::uuid AND f.id = c.folder_id
      LEFT JOIN discogs_copies AS b
        ON b.user_id = :user_id::uuid AND b.id = c.id
     WHERE c.user_id = :user_id::uuid
       AND c.discogs_instance_id IS NOT NULL
       AND coalesce(b.present, true)
       AND NOT EXISTS (
               SELECT FROM sync_items AS i
                WHERE i.user_id = :user_id::uuid
                  AND i.run_id = :run_id::uuid
                  AND i.instance_id = c.discogs_instance_id
           )
),
archived AS (
    UPDATE user_releases AS c
       SET archived_at = :now::timestamptz,
           archive_reason = 'removed at Discogs',
           updated_at = :now
      FROM gone AS g
     WHERE c.user_id = :user_id::uuid
       AND c.id = g.id
       AND c.archived_at IS NULL
)
INSERT INTO discogs_copies AS b (
    user_id, id, present, folder_number, rating, media_condition, sleeve_condition, notes,
    custom_fields, added_at, synced_at
)
SELECT :user_id::uuid, g.id, false, g.number, g.rating, g.media_condition, g.sleeve_condition,
       g.notes, g.custom_fields, g.added_at, :now::timestamptz
  FROM gone AS g
 ORDER BY g.id
    ON CONFLICT (user_id, id) DO UPDATE
   SET present = false,
       synced_at = excluded.synced_at;

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
