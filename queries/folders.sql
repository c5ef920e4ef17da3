-- Each user's folders, with Discogs' numbers.
-- Tables: folders, user_releases.

-- name: insert_folder(user_id, number, name, now)^
-- A new folder; every user has number 1, Uncategorized.
--
-- Returns: one row Folder.
-- Params:  number int: NULL for the next free one.
-- Index:   folders_user_id_number_key.
-- Cost:    at most 32 buffers.
-- Locks:   the new row. A name that another folder of the user has, whatever its case, is refused
--          (folders_user_name_key, 23505).
INSERT INTO folders (user_id, number, name, created_at, updated_at)
SELECT :user_id::uuid,
       coalesce(:number::int, (SELECT coalesce(max(f.number), 0) + 1
                                 FROM folders AS f
                                WHERE f.user_id = :user_id::uuid)),
       :name::text, :now::timestamptz, :now
RETURNING id, number, name;

-- name: lock_folders(user_id)^
-- Keep others from adding a folder of the user until the transaction ends.
--
-- Two that took the next free number at the same time would take the same one.
--
-- Returns: 0..1 rows UUID.
-- Index:   folders_user_id_number_key.
-- Cost:    at most 17 buffers.
-- Locks:   the row of folder number 1, FOR NO KEY UPDATE: copies can still be put into it.
SELECT f.id
  FROM folders AS f
 WHERE f.user_id = :user_id::uuid
   AND f.number = 1
   FOR NO KEY UPDATE;

-- name: list_folders(user_id)
-- A user's folders with the number of copies in each.
--
-- Returns: 0..n rows FolderCount.
-- Index:   folders_user_id_number_key, user_releases_user_folder_idx.
-- Order:   number; total.
-- Cost:    at most 110 buffers.
-- Locks:   none.
SELECT f.id, f.number, f.name, held.copies, held.archived, f.updated_at
  FROM folders AS f
 CROSS JOIN LATERAL (
           SELECT count(*) FILTER (WHERE c.archived_at IS NULL) AS copies,
                  count(c.archived_at) AS archived
             FROM user_releases AS c
            WHERE c.user_id = :user_id::uuid
              AND c.folder_id = f.id
       ) AS held
 WHERE f.user_id = :user_id::uuid
 ORDER BY f.number;

-- name: get_folder(user_id, folder_id)^
-- One folder of a user with the number of copies in it.
--
-- Returns: 0..1 rows FolderCount.
-- Index:   folders_pkey (user_id, id), user_releases_user_folder_idx.
-- Cost:    at most 41 buffers.
-- Locks:   none.
SELECT f.id, f.number, f.name, held.copies, held.archived, f.updated_at
  FROM folders AS f
 CROSS JOIN LATERAL (
           SELECT count(*) FILTER (WHERE c.archived_at IS NULL) AS copies,
                  count(c.archived_at) AS archived
             FROM user_releases AS c
            WHERE c.user_id = :user_id::uuid
              AND c.folder_id = f.id
       ) AS held
 WHERE f.user_id = :user_id::uuid
   AND f.id = :folder_id::uuid;

-- name: update_folder(user_id, folder_id, name, expected_updated_at, now)^
-- Rename a folder; Uncategorized keeps its name.
--
-- Returns: 0..1 rows FolderCount; none where there is no such folder, it is number 1 or it changed
--          meanwhile.
-- Params:  expected_updated_at timestamptz: the version that the caller saw, NULL for any.
-- Index:   folders_pkey (user_id, id), user_releases_user_folder_idx.
-- Cost:    at most 16 buffers.
-- Locks:   the row. A name that another folder of the user has, whatever its case, is refused
--          (folders_user_name_key, 23505).
WITH renamed AS (
    UPDATE folders AS f
       SET name = :name::text,
           updated_at = :now::timestamptz
     WHERE f.user_id = :user_id::uuid
       AND f.id = :folder_id::uuid
       AND f.number > 1
       AND f.updated_at = coalesce(:expected_updated_at::timestamptz, f.updated_at)
    RETURNING f.user_id, f.id, f.number, f.name, f.updated_at
)
SELECT f.id, f.number, f.name, held.copies, held.archived, f.updated_at
  FROM renamed AS f
 CROSS JOIN LATERAL (
           SELECT count(*) FILTER (WHERE c.archived_at IS NULL) AS copies,
                  count(c.archived_at) AS archived
             FROM user_releases AS c
            WHERE c.user_id = :user_id::uuid
              AND c.folder_id = f.id
       ) AS held
 WHERE f.user_id = :user_id::uuid;

-- name: delete_folder(user_id, folder_id)!
-- Delete an empty folder; Uncategorized stays.
--
-- Returns: the number of folders deleted, 0 or 1.
-- Index:   folders_pkey (user_id, id); for the foreign key's check user_releases_user_folder_idx.
-- Cost:    at most 16 buffers.
-- Locks:   the row. A folder that holds copies, archived ones too, is refused
--          (user_releases_folder_id_fkey, 23503), also where one comes at the same time.
DELETE FROM folders AS f
 WHERE f.user_id = :user_id::uuid
   AND f.id = :folder_id::uuid
   AND f.number > 1;
