ALTER TABLE user_releases
    DROP CONSTRAINT IF EXISTS user_releases_archive_reason_check;
