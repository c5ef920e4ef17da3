-- Libraries: folders of music on the server.
-- Tables: libraries.

-- name: list_libraries()
-- All libraries by name; there are few.
--
-- Returns: 0..n rows Library.
-- Index:   none; the table is small.
-- Order:   name, id; total.
-- Cost:    at most 5 buffers.
-- Locks:   none.
SELECT l.id, l.name, l.root, l.scanned_at, l.created_at, l.updated_at
  FROM libraries AS l
 ORDER BY l.name, l.id;

-- name: upsert_library(name, root, now)^
-- Add a library, or say that the folder of the one of the name is elsewhere now.
--
-- Returns: one row uuid.
-- Index:   libraries_name_key.
-- Cost:    at most 20 buffers.
-- Locks:   the row.
INSERT INTO libraries (name, root, created_at, updated_at)
VALUES (:name::text, :root::text, :now::timestamptz, :now)
    ON CONFLICT (lower(name COLLATE "pg_c_utf8")) DO UPDATE
   SET root = excluded.root, updated_at = excluded.updated_at
RETURNING id;

-- name: update_library(library_id, scanned_at)!
-- Note when the last complete scan of a library began.
--
-- Returns: the number of rows, 0 or 1.
-- Index:   libraries_pkey.
-- Cost:    at most 17 buffers.
-- Locks:   the row.
UPDATE libraries AS l
   SET scanned_at = :scanned_at::timestamptz, updated_at = :scanned_at
 WHERE l.id = :library_id::uuid;

-- name: lock_library(library_id)^
-- Let no other connection scan a library, until this one lets go or ends.
--
-- Returns: one row bool: false where another one scans it.
-- Index:   none; no table is read.
-- Cost:    at most 11 buffers.
-- Locks:   the advisory lock of the library's scan, held by the session and not the transaction,
--          because a scan is many; not through a pooler that lends connections by transaction.
SELECT pg_try_advisory_lock(hashtextextended('kleio:scan:' || :library_id::uuid::text, 0))
           AS locked;

-- name: delete_library_lock(library_id)^
-- Let go of a library that was scanned.
--
-- Returns: one row bool: false where it was not held.
-- Index:   none; no table is read.
-- Cost:    at most 11 buffers.
-- Locks:   none any more.
SELECT pg_advisory_unlock(hashtextextended('kleio:scan:' || :library_id::uuid::text, 0))
           AS unlocked;
