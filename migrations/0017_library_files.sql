-- Add the files of libraries, further artists of songs, and users' states of songs.
--
-- Why:    a scan recognises what it has seen; a song by several artists is in each one's list; who
--         played, starred and rated what is each user's own.
-- Order:  expand.
-- Locks:  none on existing tables (the foreign keys take SHARE ROW EXCLUSIVE on users, libraries,
--         library_artists and songs for milliseconds).
-- Undo:   0017_library_files.rollback.sql; loses the scans' memory and the users' states.
-- depends: 0016_songs
--
-- Songs are shared: every user of the server sees every library, as they see the catalogue.
--
-- What only a scan needs is not in songs. A path is unique in its library, which a partitioned
-- table can't enforce; a changed time or size touches no index of songs; a look-up by content
-- probes one index and not one of each month; and pages of songs read narrower rows.
--
-- library_files.song_id is no foreign key: when a month of songs is put away, its files stay known,
-- so that the next scan doesn't bring the songs back as new ones.
CREATE TABLE library_files (
    library_id uuid NOT NULL,
    path_key uuid NOT NULL GENERATED ALWAYS AS (path_key(path)) STORED,
    song_id uuid,
    size bigint NOT NULL,
    mtime_ns bigint NOT NULL,
    missing_since timestamptz,
    content_hash bytea,
    path bytea NOT NULL,
    problem text,
    CONSTRAINT library_files_pkey PRIMARY KEY (library_id, path_key),
    CONSTRAINT library_files_song_id_key UNIQUE (song_id),
    CONSTRAINT library_files_library_id_fkey FOREIGN KEY (library_id) REFERENCES libraries (id),
    CONSTRAINT library_files_song_check CHECK (song_id IS NOT NULL OR problem IS NOT NULL)
);

COMMENT ON COLUMN library_files.path IS
    'below the library''s root, byte for byte: names of files need not be text';
COMMENT ON COLUMN library_files.mtime_ns IS 'nanoseconds since 1970, as the file system says';
COMMENT ON COLUMN library_files.content_hash IS 'of the audio; NULL where it was not read';
COMMENT ON COLUMN library_files.problem IS
    'why the file could not be read; it is tried again when its size or time changes';

-- The scan finds a moved file by its content.
CREATE INDEX library_files_content_idx ON library_files (library_id, content_hash)
    WHERE content_hash IS NOT NULL;

CREATE TABLE song_artists (
    artist_id uuid NOT NULL,
    song_id uuid NOT NULL,
    position smallint NOT NULL,
    CONSTRAINT song_artists_pkey PRIMARY KEY (artist_id, song_id),
    CONSTRAINT song_artists_artist_id_fkey
        FOREIGN KEY (artist_id) REFERENCES library_artists (id),
    CONSTRAINT song_artists_song_id_fkey FOREIGN KEY (song_id) REFERENCES songs (id),
    CONSTRAINT song_artists_position_check CHECK (position > 1)
);

COMMENT ON TABLE song_artists IS 'the second and further artists; songs.artist_id is the first';

-- The artists of a song; also the foreign key's check.
CREATE INDEX song_artists_song_idx ON song_artists (song_id, position);

CREATE TABLE user_songs (
    user_id uuid NOT NULL,
    song_id uuid NOT NULL,
    play_count integer NOT NULL DEFAULT 0,
    rating smallint NOT NULL DEFAULT 0,
    last_played_at timestamptz,
    starred_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT user_songs_pkey PRIMARY KEY (user_id, song_id),
    CONSTRAINT user_songs_user_id_fkey
        FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT user_songs_song_id_fkey FOREIGN KEY (song_id) REFERENCES songs (id),
    CONSTRAINT user_songs_rating_check CHECK (rating BETWEEN 0 AND 5),
    CONSTRAINT user_songs_play_count_check CHECK (play_count >= 0)
);

COMMENT ON COLUMN user_songs.rating IS '0 is not rated';

-- user_songs.list_played_songs: what a user heard last.
CREATE INDEX user_songs_user_played_idx
    ON user_songs (user_id, last_played_at DESC, song_id DESC)
    WHERE last_played_at IS NOT NULL;

-- user_songs.list_starred_songs.
CREATE INDEX user_songs_user_starred_idx
    ON user_songs (user_id, starred_at DESC, song_id DESC)
    WHERE starred_at IS NOT NULL;

-- The foreign key's check, when a song is deleted or a month is put away. With the user, because the
-- planner may take it for user_songs.list_song_states, and a song can be in many users' lists.
CREATE INDEX user_songs_song_idx ON user_songs (song_id, user_id);
