-- Check why copies are archived.
--
-- Why:    a fixed vocabulary that can be counted; what else there is to say stands in the notes. A
--         CHECK and not an enum type, so that a word can be taken out again.
-- Order:  expand; nothing archives copies before this version.
-- Locks:  user_releases ACCESS EXCLUSIVE, milliseconds (NOT VALID reads no row).
-- Undo:   0010_archive_reasons.rollback.sql.
-- depends: 0009_folder_names
ALTER TABLE user_releases
    ADD CONSTRAINT user_releases_archive_reason_check
    CHECK (archive_reason IS NULL
           OR (archived_at IS NOT NULL
               AND archive_reason IN ('sold', 'given away', 'lost', 'duplicate', 'mistake',
                                      'removed at Discogs', 'other')))
    NOT VALID;
