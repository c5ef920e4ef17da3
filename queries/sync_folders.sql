-- How the folders at Discogs become the user's folders here.
-- Tables: folders; user_releases for whether one is empty.
--
-- Where only one side renamed a folder its name counts, where both did the user's. Folders are
-- written before the copies that are in them, and dropped after those.

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
   SET name = 'renamed at Discogs ' || f.id::text,
       discogs_name = 'renamed at Discogs ' || f.id::text,
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
                   THEN d.name || ' (' || d.number::text || ')'
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
            THEN d.name || ' (' || d.number::text || ')'
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
