-- Scans of libraries: their record, and what the walk over the files has found.
-- Tables: library_scans, scan_files, scan_folders, scan_reads, scan_members, library_files, songs.
--
-- Allow:   unread-column library_scans.folders: what was scanned, for whoever looks.

-- name: insert_scan(library_id, scopes, now)^
-- Record that a scan begins.
--
-- Returns: one row uuid, the scan's id.
-- Params:  scopes bytea[]: the folders that are scanned, below the root; '' is all of it.
-- Cost:    at most 19 buffers.
-- Locks:   the new row; library_scans_library_id_fkey may refuse it.
INSERT INTO library_scans (library_id, folders, started_at)
VALUES (:library_id::uuid, :scopes::bytea[], :now::timestamptz)
RETURNING id;

-- name: update_scan(scan_id, files, read, inserted, updated, unchanged, moved, missing, refused, unread_report, error, now)!
-- Record how a scan ended.
--
-- Returns: the number of rows, 0 or 1.
-- Params:  unread_report jsonb: an array of {path, reason}; error text: NULL where it came to its
--          end.
-- Index:   library_scans_pkey.
-- Cost:    at most 34 buffers.
-- Locks:   the row.
UPDATE library_scans AS c
   SET finished_at = :now::timestamptz,
       files = :files::bigint,
       read = :read::bigint,
       inserted = :inserted::bigint,
       updated = :updated::bigint,
       unchanged = :unchanged::bigint,
       moved = :moved::bigint,
       missing = :missing::bigint,
       refused = :refused::bigint,
       unread = :unread_report::jsonb,
       error = :error::text
 WHERE c.id = :scan_id::uuid;

-- name: list_scans(library_id, before_id, page_size)
-- A library's scans, newest first; one keyset page.
--
-- Returns: 0..page_size rows Keyed[Scan]: started_at, id, then the scan.
-- Params:  before_id uuid: last row of the previous page, NULL for the first.
-- Index:   library_scans_library_idx (library_id, id DESC).
-- Order:   id DESC; total.
-- Cost:    at most 57 buffers.
-- Locks:   none.
-- Allow:   unused-query: for a DBA: what scans have found, and what they could not read.
SELECT c.started_at AS key, c.id,
       c.id, c.library_id, c.started_at, c.finished_at, c.files, c.read, c.inserted, c.updated,
       c.unchanged, c.moved, c.missing, c.refused, c.unread, c.error
  FROM library_scans AS c
 WHERE c.library_id = :library_id::uuid
   AND c.id < coalesce(:before_id::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
 ORDER BY c.id DESC
 LIMIT :page_size::int;

-- name: delete_desk(library_id)!
-- Clear away what scans of a library have worked with, after one or before the next.
--
-- Returns: the number of files that were on it.
-- Index:   scan_files_folder_idx; scan_folders_pkey; scan_reads_pkey; scan_songs_pkey;
--          scan_members_pkey.
-- Cost:    at most 11 buffers.
-- Locks:   the rows, which nobody else has.
WITH folders AS (
    DELETE FROM scan_folders AS d WHERE d.library_id = :library_id::uuid
), reads AS (
    DELETE FROM scan_reads AS r WHERE r.library_id = :library_id
), songs AS (
    DELETE FROM scan_songs AS n WHERE n.library_id = :library_id
), members AS (
    DELETE FROM scan_members AS m WHERE m.library_id = :library_id
)
DELETE FROM scan_files AS f WHERE f.library_id = :library_id;

-- name: copy_scan_files()!
-- What the walk finds, as it finds it.
--
-- Returns: the number of rows.
-- Index:   none is read; scan_files_folder_idx grows.
-- Locks:   the new rows.
COPY scan_files (library_id, size, mtime_ns, path) FROM STDIN;

-- name: refresh_scan_statistics()!
-- What the planner knows of the files: a table that was empty a minute ago may hold millions.
--
-- Returns: nothing.
-- Index:   none.
-- Locks:   scan_files SHARE UPDATE EXCLUSIVE, for a sample's time.
ANALYZE scan_files;

-- name: list_scan_scopes(library_id, scopes)
-- How many files were found below each folder that is scanned, and how many are known there.
--
-- Returns: one row ScanScope for each folder.
-- Index:   library_files_pkey; every file of the library is looked at.
-- Order:   that of the folders; total.
-- Cost:    at most 3 buffers.
-- Locks:   none.
SELECT g.folder,
       (SELECT count(*)
          FROM scan_files AS f
         WHERE f.library_id = :library_id::uuid AND is_below(f.path, g.folder)) AS found,
       (SELECT count(*)
          FROM library_files AS k
         WHERE k.library_id = :library_id AND k.missing_since IS NULL
           AND is_below(k.path, g.folder)) AS known
  FROM unnest(:scopes::bytea[]) WITH ORDINALITY AS g (folder, position)
 ORDER BY g.position;

-- name: get_scan_plan(library_id, scopes, unread, is_full)^
-- What a scan would do, as far as sizes and times tell.
--
-- Returns: one row ScanPlan.
-- Params:  unread bytea[]: what could not be read; nothing below it counts as vanished.
--          is_full bool: read every file, whatever is known of it.
-- Index:   library_files_pkey; every file of the library is looked at.
-- Cost:    at most 3 buffers.
-- Locks:   none.
WITH seen AS (
    SELECT k.path_key IS NULL AS is_new,
           (k.size, k.mtime_ns) IS NOT DISTINCT FROM (f.size, f.mtime_ns) AS is_same,
           k.problem, k.missing_since
      FROM scan_files AS f
      LEFT JOIN library_files AS k
        ON k.library_id = f.library_id AND k.path_key = f.path_key
     WHERE f.library_id = :library_id::uuid
)
SELECT count(*) AS files,
       count(*) FILTER (WHERE seen.is_new) AS new,
       count(*) FILTER (WHERE NOT seen.is_new AND (:is_full::bool OR NOT seen.is_same)) AS changed,
       count(*) FILTER (WHERE seen.is_same AND NOT :is_full AND seen.problem IS NOT NULL)
           AS refused,
       count(*) FILTER (WHERE seen.missing_since IS NOT NULL) AS returned,
       (SELECT count(*)
          FROM library_files AS k
         WHERE k.library_id = :library_id
           AND k.missing_since IS NULL
           AND k.song_id IS NOT NULL
           AND EXISTS (SELECT FROM unnest(:scopes::bytea[]) AS folder
                        WHERE is_below(k.path, folder))
           AND NOT EXISTS (SELECT FROM unnest(:unread::bytea[]) AS folder
                            WHERE is_below(k.path, folder))
           AND NOT EXISTS (SELECT FROM scan_files AS f
                            WHERE f.library_id = k.library_id AND f.path_key = k.path_key)
       ) AS vanished
  FROM seen;

-- name: update_missing_files(library_id, scopes, unread, now)!
-- Mark files that are no longer there, and their songs, which go onto the desk with their albums.
--
-- Returns: the number of songs.
-- Params:  as for get_scan_plan.
-- Index:   library_files_pkey; songs_pkey.
-- Partitions: the one of each song.
-- Cost:    at most 11 buffers.
-- Locks:   the files and songs.
WITH vanished AS (
    UPDATE library_files AS k
       SET missing_since = :now::timestamptz
     WHERE k.library_id = :library_id::uuid
       AND k.missing_since IS NULL
       AND k.song_id IS NOT NULL
       AND EXISTS (SELECT FROM unnest(:scopes::bytea[]) AS folder WHERE is_below(k.path, folder))
       AND NOT EXISTS (SELECT FROM unnest(:unread::bytea[]) AS folder
                        WHERE is_below(k.path, folder))
       AND NOT EXISTS (SELECT FROM scan_files AS f
                        WHERE f.library_id = k.library_id AND f.path_key = k.path_key)
    RETURNING k.song_id, k.path
), marked AS (
    UPDATE songs AS s
       SET missing_since = :now, updated_at = :now
      FROM vanished
     WHERE s.id = vanished.song_id
    RETURNING s.id, s.album_id, vanished.path
)
INSERT INTO scan_members (library_id, song_id, folder_key, old_album_id, is_read)
SELECT :library_id, marked.id, folder_key(marked.path), marked.album_id, false
  FROM marked
    ON CONFLICT (library_id, song_id) DO NOTHING;

-- name: delete_vanished_problems(library_id, scopes, unread)!
-- Forget files that never were songs and are no longer there.
--
-- Returns: the number of rows.
-- Params:  as for get_scan_plan.
-- Index:   library_files_pkey.
-- Cost:    at most 11 buffers.
-- Locks:   the rows.
DELETE FROM library_files AS k
 WHERE k.library_id = :library_id::uuid
   AND k.song_id IS NULL
   AND EXISTS (SELECT FROM unnest(:scopes::bytea[]) AS folder WHERE is_below(k.path, folder))
   AND NOT EXISTS (SELECT FROM unnest(:unread::bytea[]) AS folder WHERE is_below(k.path, folder))
   AND NOT EXISTS (SELECT FROM scan_files AS f
                    WHERE f.library_id = k.library_id AND f.path_key = k.path_key);

-- name: update_returned_files(library_id, now)!
-- Unmark files that are back as they were, and their songs, which go onto the desk with their
-- albums.
--
-- Returns: the number of songs.
-- Index:   library_files_pkey; songs_pkey.
-- Partitions: the one of each song.
-- Cost:    at most 11 buffers.
-- Locks:   the files and songs.
WITH back AS (
    UPDATE library_files AS k
       SET missing_since = NULL
      FROM scan_files AS f
     WHERE f.library_id = :library_id::uuid
       AND k.library_id = f.library_id
       AND k.path_key = f.path_key
       AND k.missing_since IS NOT NULL
       AND k.problem IS NULL
       AND (k.size, k.mtime_ns) = (f.size, f.mtime_ns)
    RETURNING k.song_id, f.folder_key
), unmarked AS (
    UPDATE songs AS s
       SET missing_since = NULL, updated_at = :now::timestamptz
      FROM back
     WHERE s.id = back.song_id
    RETURNING s.id, s.album_id, back.folder_key
)
INSERT INTO scan_members (library_id, song_id, folder_key, old_album_id, is_read)
SELECT :library_id, unmarked.id, unmarked.folder_key, unmarked.album_id, false
  FROM unmarked
    ON CONFLICT (library_id, song_id) DO NOTHING;

-- name: insert_scan_reads(library_id, is_full, batch_size)!
-- Put the files that are to be read in the order of their folders, and these into batches.
--
-- A folder is never cut, because which album its songs make is told by all of them.
--
-- Returns: the number of files to be read.
-- Params:  is_full bool: read every file, whatever is known of it. batch_size int: how many files
--          a batch has, but for the rest of its last folder.
-- Index:   library_files_pkey; every file that was found is looked at.
-- Cost:    at most 11 buffers.
-- Locks:   the new rows.
WITH wanted AS (
    SELECT f.folder_key, f.path, min(f.path) OVER (PARTITION BY f.folder_key) AS first_path
      FROM scan_files AS f
      LEFT JOIN library_files AS k
        ON k.library_id = f.library_id AND k.path_key = f.path_key
     WHERE f.library_id = :library_id::uuid
       AND (:is_full::bool
            OR (k.size, k.mtime_ns) IS DISTINCT FROM (f.size, f.mtime_ns))
), numbered AS (
    SELECT wanted.folder_key, wanted.path,
           row_number() OVER (ORDER BY wanted.first_path, wanted.folder_key, wanted.path) AS number
      FROM wanted
)
INSERT INTO scan_reads (library_id, number, batch, folder_key, path)
SELECT :library_id, n.number,
       (min(n.number) OVER (PARTITION BY n.folder_key) - 1) / :batch_size::int, n.folder_key, n.path
  FROM numbered AS n
 ORDER BY n.number;

-- name: insert_scan_folders(library_id)!
-- Note the folders whose albums are to be looked at again: those in which files are to be read,
-- with these, and those of the songs on the desk, in the end.
--
-- Returns: the number of folders.
-- Index:   scan_reads_pkey; scan_members_pkey; scan_folders_pkey.
-- Cost:    at most 11 buffers.
-- Locks:   the new rows.
INSERT INTO scan_folders (library_id, batch, folder_key)
SELECT r.library_id, r.batch, r.folder_key
  FROM scan_reads AS r
 WHERE r.library_id = :library_id::uuid
 UNION
SELECT m.library_id, 2147483647, m.folder_key
  FROM scan_members AS m
 WHERE m.library_id = :library_id
    ON CONFLICT (library_id, batch, folder_key) DO NOTHING;

-- name: list_scan_reads(library_id, after_number, file_count)
-- The next files to be read.
--
-- Returns: 0..file_count rows ScanRead.
-- Params:  after_number bigint: the last one's number, 0 for the first.
-- Index:   scan_reads_pkey (library_id, number).
-- Order:   number; total.
-- Cost:    at most 3 buffers.
-- Locks:   none.
SELECT r.number, r.batch, r.folder_key, r.path
  FROM scan_reads AS r
 WHERE r.library_id = :library_id::uuid
   AND r.number > :after_number::bigint
 ORDER BY r.number
 LIMIT :file_count::int;

-- name: delete_scan_files(library_id, folder_keys, paths)!
-- Take back files that were gone when they were to be read.
--
-- Returns: the number of rows.
-- Params:  folder_keys uuid[], paths bytea[]: in the same order.
-- Index:   scan_files_folder_idx.
-- Cost:    at most 11 buffers.
-- Locks:   the rows.
DELETE FROM scan_files AS f
 USING unnest(:folder_keys::uuid[], :paths::bytea[]) AS g (folder_key, path)
 WHERE f.library_id = :library_id::uuid
   AND f.folder_key = g.folder_key
   AND f.path = g.path;

-- name: get_scan_result(library_id, now)^
-- How many files were there in the end, how many of them can't be read, how many songs are gone.
--
-- Returns: one row ScanResult.
-- Params:  now timestamptz: when the scan began, which is when what it missed is missing since.
-- Index:   library_files_pkey; every file of the library is looked at.
-- Cost:    at most 3 buffers.
-- Locks:   none.
SELECT count(*) AS files,
       count(k.problem) AS refused,
       (SELECT count(*)
          FROM library_files AS g
         WHERE g.library_id = :library_id::uuid AND g.missing_since = :now::timestamptz) AS missing
  FROM scan_files AS f
  LEFT JOIN library_files AS k
    ON k.library_id = f.library_id AND k.path_key = f.path_key
 WHERE f.library_id = :library_id;

-- name: list_scan_problems(library_id, file_count)
-- Files that can't be read, and why.
--
-- Returns: 0..file_count rows ScanProblem.
-- Params:  file_count int: NULL for all.
-- Index:   library_files_pkey; every file that was found is looked at.
-- Order:   path; total.
-- Cost:    at most 3 buffers.
-- Locks:   none.
SELECT k.path, coalesce(k.problem, '') AS reason
  FROM scan_files AS f
  JOIN library_files AS k
    ON k.library_id = f.library_id AND k.path_key = f.path_key
 WHERE f.library_id = :library_id::uuid
   AND k.problem IS NOT NULL
 ORDER BY k.path
 LIMIT :file_count::int;
