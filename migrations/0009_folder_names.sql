-- Make a user's folder names unique, whatever their case.
--
-- Why:    two folders that a person can't tell apart; Discogs has none either.
-- Order:  expand.
-- Locks:  folders SHARE UPDATE EXCLUSIVE while the index is built, a second for a million folders,
--         with reads and writes going on.
-- Undo:   0009_folder_names.rollback.sql.
-- depends: 0008_listening
-- transactional: false
--
-- It fails where a user has two folders of one name, and leaves an invalid index behind: rename
-- one of them, drop the index, migrate again. The collation makes case the same on every server.

-- folders.insert_folder and folders.update_folder.
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS folders_user_name_key
    ON folders (user_id, lower(name COLLATE "pg_c_utf8"));
