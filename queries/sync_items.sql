-- What a sync has read of a shelf at Discogs, page by page.
-- Tables: sync_items; releases; user_releases and discogs_copies for what no page shows.

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
