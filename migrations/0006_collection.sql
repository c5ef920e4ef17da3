-- Add folders and the copies of releases that users own.
--
-- Why:    each user's own shelf on the shared catalogue; several copies of one release.
-- Order:  expand.
-- Locks:  none on existing tables (the foreign key takes SHARE ROW EXCLUSIVE on users and
--         releases for milliseconds).
-- Undo:   0006_collection.rollback.sql; loses the shelves.
-- depends: 0005_users
--
-- Every key starts with the user, so no row can refer to another user's row.
CREATE TABLE folders (
    user_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    number integer NOT NULL,
    name text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT folders_pkey PRIMARY KEY (user_id, id),
    CONSTRAINT folders_user_id_number_key UNIQUE (user_id, number),
    CONSTRAINT folders_number_check CHECK (number > 0),
    CONSTRAINT folders_user_id_fkey
        FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);

COMMENT ON COLUMN folders.number IS 'Discogs'' number of the folder; 1 is Uncategorized';

CREATE TABLE user_releases (
    user_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    release_id uuid NOT NULL,
    folder_id uuid NOT NULL,
    discogs_instance_id bigint,
    rating smallint NOT NULL DEFAULT 0,
    media_condition media_condition,
    sleeve_condition sleeve_condition,
    notes text,
    custom_fields jsonb NOT NULL DEFAULT '{}',
    added_at timestamptz NOT NULL,
    archived_at timestamptz,
    archive_reason text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT user_releases_pkey PRIMARY KEY (user_id, id),
    CONSTRAINT user_releases_user_id_instance_key UNIQUE (user_id, discogs_instance_id),
    CONSTRAINT user_releases_rating_check CHECK (rating BETWEEN 0 AND 5),
    CONSTRAINT user_releases_user_id_fkey
        FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT user_releases_release_id_fkey FOREIGN KEY (release_id) REFERENCES releases (id),
    CONSTRAINT user_releases_folder_id_fkey
        FOREIGN KEY (user_id, folder_id) REFERENCES folders (user_id, id)
);

COMMENT ON COLUMN user_releases.rating IS '0 is not rated';

-- collection.list_collection_newest and list_collection_oldest.
CREATE INDEX user_releases_user_added_idx ON user_releases (user_id, added_at DESC, id DESC);

-- A user's copies of one release; also what the check of releases' foreign key can use.
CREATE INDEX user_releases_user_release_idx ON user_releases (user_id, release_id);

-- The copies in a folder; also keeps the check of folders' foreign key fast.
CREATE INDEX user_releases_user_folder_idx ON user_releases (user_id, folder_id);
