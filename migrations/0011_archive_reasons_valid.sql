-- Check the copies that were archived before the check.
--
-- Why:    with all rows checked the constraint holds for the whole table.
-- Order:  expand.
-- Locks:  user_releases SHARE UPDATE EXCLUSIVE while it is read once, about a second for ten
--         million copies, with reads and writes going on.
-- Undo:   0011_archive_reasons_valid.rollback.sql.
-- depends: 0010_archive_reasons
ALTER TABLE user_releases VALIDATE CONSTRAINT user_releases_archive_reason_check;
