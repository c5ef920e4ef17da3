-- Each user's folders, with Discogs' numbers.
-- Tables: folders, user_releases.

-- name: insert_folder(user_id, number, name, now)^
-- A new folder; every user has number 1, Uncategorized.
--
-- Returns: one row Folder.
-- Params:  number int: NULL for the next free one.
-- Index:   folders_user_id_number_key.
-- Locks:   the new row.
INSERT INTO folders (user_id, number, name, created_at, updated_at)
SELECT :user_id::uuid,
       coalesce(:number::int, (SELECT coalesce(max(f.number), 0) + 1
                                 FROM folders AS f
                                WHERE f.user_id = :user_id::uuid)),
       :name::text, :now::timestamptz, :now
RETURNING id, number, name;

-- name: list_folders(user_id)
-- A user's folders with the number of copies in each.
--
-- Returns: 0..n rows FolderCount.
-- Index:   folders_user_id_number_key, user_releases_user_folder_idx.
-- Order:   number; total.
-- Locks:   none.
SELECT f.id, f.number, f.name,
       (SELECT count(*)
          FROM user_releases AS c
         WHERE c.user_id = :user_id::uuid
           AND c.folder_id = f.id
           AND c.archived_at IS NULL) AS copies
  FROM folders AS f
 WHERE f.user_id = :user_id::uuid
 ORDER BY f.number;
