-- Add plays and cleanings.
--
-- Why:    what was played when, on which stylus, and how clean the record is.
-- Order:  expand.
-- Locks:  none on existing tables (the foreign keys take SHARE ROW EXCLUSIVE on users, releases,
--         user_releases and styluses for milliseconds).
-- Undo:   0008_listening.rollback.sql; loses the plays and cleanings.
-- depends: 0007_styluses
--
-- A play belongs to a release and, where that is known, to a copy and a stylus. The references to
-- those are composite, so they are of the same user, and NO ACTION: the statement that removes a
-- copy or a stylus clears them first, and the play stays.

-- The side that a track's position stands on ('A1', 'B', 'AA2', 'LP-C1', 'A. 1', 'A-2' ...), NULL
-- for a position without one ('1', 'CD1-1', 'CD2', 'Video').
CREATE FUNCTION public.side_of(position_text text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN upper(
        substring(
            regexp_replace(position_text COLLATE "C", '^[A-Za-z]{2,}[0-9]*-', '')
            FROM '^(?!CD|LP|EP|MC)([A-Za-z]{1,2})(?:[0-9. (-]|$)'
        )
    );

CREATE TABLE play_history (
    user_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    release_id uuid NOT NULL,
    user_release_id uuid,
    stylus_id uuid,
    played_at timestamptz NOT NULL,
    duration_seconds integer NOT NULL,
    duration_estimated boolean NOT NULL,
    side text,
    notes text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT play_history_pkey PRIMARY KEY (user_id, id),
    CONSTRAINT play_history_user_id_fkey
        FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT play_history_release_id_fkey FOREIGN KEY (release_id) REFERENCES releases (id),
    CONSTRAINT play_history_user_release_id_fkey
        FOREIGN KEY (user_id, user_release_id) REFERENCES user_releases (user_id, id),
    CONSTRAINT play_history_stylus_id_fkey
        FOREIGN KEY (user_id, stylus_id) REFERENCES styluses (user_id, id),
    CONSTRAINT play_history_duration_check CHECK (duration_seconds BETWEEN 0 AND 172800),
    CONSTRAINT play_history_side_check CHECK (side ~ '^[A-Z]{1,2}$')
);

-- plays.list_plays, and all statistics over time without a look at the table.
CREATE INDEX play_history_user_played_idx
    ON play_history (user_id, played_at DESC, id DESC) INCLUDE (release_id, duration_seconds);

-- plays.list_filtered_plays with a release; when a release was last played, how often.
CREATE INDEX play_history_user_release_idx ON play_history (user_id, release_id, played_at DESC);

-- styluses.list_styluses: hours of each stylus; also the foreign key's check.
CREATE INDEX play_history_user_stylus_idx
    ON play_history (user_id, stylus_id) INCLUDE (duration_seconds)
    WHERE stylus_id IS NOT NULL;

-- collection.delete_copy clears the references of a copy's plays.
CREATE INDEX play_history_user_copy_idx ON play_history (user_id, user_release_id)
    WHERE user_release_id IS NOT NULL;

CREATE TABLE cleaning_history (
    user_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    release_id uuid NOT NULL,
    user_release_id uuid,
    cleaned_at timestamptz NOT NULL,
    deep boolean NOT NULL,
    notes text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT cleaning_history_pkey PRIMARY KEY (user_id, id),
    CONSTRAINT cleaning_history_user_id_fkey
        FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT cleaning_history_release_id_fkey FOREIGN KEY (release_id) REFERENCES releases (id),
    CONSTRAINT cleaning_history_user_release_id_fkey
        FOREIGN KEY (user_id, user_release_id) REFERENCES user_releases (user_id, id)
);

-- cleanings.list_cleanings.
CREATE INDEX cleaning_history_user_cleaned_idx
    ON cleaning_history (user_id, cleaned_at DESC, id DESC);

-- When a release was last cleaned.
CREATE INDEX cleaning_history_user_release_idx
    ON cleaning_history (user_id, release_id, cleaned_at DESC);

-- collection.delete_copy clears the references of a copy's cleanings.
CREATE INDEX cleaning_history_user_copy_idx ON cleaning_history (user_id, user_release_id)
    WHERE user_release_id IS NOT NULL;
