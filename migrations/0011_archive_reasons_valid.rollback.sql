ALTER TABLE user_releases
    DROP CONSTRAINT IF EXISTS user_releases_archive_reason_check;

ALTER TABLE user_releases
    ADD CONSTRAINT user_releases_archive_reason_check
    CHECK (archive_reason IS NULL
           OR (archived_at IS NOT NULL
               AND archive_reason IN ('sold', 'given away', 'lost', 'duplicate', 'mistake',
                                      'removed at Discogs', 'other')))
    NOT VALID;
