-- Add what a scan of a library leaves and what it works with.
--
-- Why:    a scan says what it found, moved, missed and could not read; and it compares millions of
--         files with what is known in SQL and not in memory.
-- Order:  expand.
-- Locks:  none on existing tables (the foreign key takes SHARE ROW EXCLUSIVE on libraries for
--         milliseconds).
-- Undo:   0020_library_scans.rollback.sql; loses the record of scans.
-- depends: 0019_partition_archive
--
-- The five scan_ tables are a scan's desk. They are unlogged, because a scan that is cut short
-- begins anew; and tables and not temporary, so that their statements are checked and planned like
-- all others. Each library has its rows, and one scan at a time; the next one clears them away.

-- Whether a path is a folder's or lies below it; the empty folder is the library's root.
CREATE FUNCTION public.is_below(path bytea, folder bytea) RETURNS boolean
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN folder = ''
        OR path = folder
        OR substring(path FROM 1 FOR length(folder) + 1) = folder || '/'::bytea;

-- The folder that a file's album lies in: its own, or the one above where a folder holds one of its
-- discs ("CD1", "Disc 2 - Live"). Of the bytes as bytea shows them, because they need not be text.
CREATE FUNCTION public.folder_key(path bytea) RETURNS uuid
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN md5(
        regexp_replace(
            regexp_replace(encode(path, 'escape') COLLATE "C", '/?[^/]*$', ''),
            '(^|/)(cd|dis[ck]|disque|dvd)[ _.#-]*0*[0-9]{1,2}(?![0-9])[^/]*$', '', 'i'
        )
    )::uuid;

-- The artist that a song's credit begins with: "A feat. B" and "A (ft. B)" are by A.
CREATE FUNCTION public.lead_artist(credit text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN coalesce(
        nullif(
            regexp_replace(credit, '\s+[(\[]?(feat\.?|ft\.?|featuring)\s.*$', '', 'i'), ''
        ),
        credit
    );

CREATE TABLE library_scans (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    library_id uuid NOT NULL,
    started_at timestamptz NOT NULL,
    finished_at timestamptz,
    files bigint NOT NULL DEFAULT 0,
    read bigint NOT NULL DEFAULT 0,
    inserted bigint NOT NULL DEFAULT 0,
    updated bigint NOT NULL DEFAULT 0,
    unchanged bigint NOT NULL DEFAULT 0,
    moved bigint NOT NULL DEFAULT 0,
    missing bigint NOT NULL DEFAULT 0,
    refused bigint NOT NULL DEFAULT 0,
    folders bytea[] NOT NULL,
    unread jsonb NOT NULL DEFAULT '[]',
    error text,
    CONSTRAINT library_scans_library_id_fkey FOREIGN KEY (library_id) REFERENCES libraries (id)
);

COMMENT ON COLUMN library_scans.finished_at IS 'NULL while it runs, and where it was cut short';
COMMENT ON COLUMN library_scans.folders IS 'what was scanned, below the root; empty for all of it';
COMMENT ON COLUMN library_scans.unread IS
    'folders and links that could not be read: path, reason; at most 1,000 of them';
COMMENT ON COLUMN library_scans.error IS 'why it ended before its end';

-- library_scans.list_scans: a library's scans, newest first; also the foreign key's check.
CREATE INDEX library_scans_library_idx ON library_scans (library_id, id DESC);

-- Every file that the walk found.
CREATE UNLOGGED TABLE scan_files (
    library_id uuid NOT NULL,
    folder_key uuid NOT NULL GENERATED ALWAYS AS (folder_key(path)) STORED,
    path_key uuid NOT NULL GENERATED ALWAYS AS (path_key(path)) STORED,
    size bigint NOT NULL,
    mtime_ns bigint NOT NULL,
    path bytea NOT NULL
);

-- scan_songs.insert_scan_members: the other songs of a folder in which one has changed.
CREATE INDEX scan_files_folder_idx ON scan_files (library_id, folder_key);

-- The folders whose albums are to be looked at again: with a batch, or in the end (2147483647).
CREATE UNLOGGED TABLE scan_folders (
    library_id uuid NOT NULL,
    batch integer NOT NULL,
    folder_key uuid NOT NULL,
    CONSTRAINT scan_folders_pkey PRIMARY KEY (library_id, batch, folder_key)
);

-- The files to be read, in the order of their folders.
CREATE UNLOGGED TABLE scan_reads (
    library_id uuid NOT NULL,
    number bigint NOT NULL,
    batch integer NOT NULL,
    folder_key uuid NOT NULL,
    path bytea NOT NULL,
    CONSTRAINT scan_reads_pkey PRIMARY KEY (library_id, number)
);

-- What was read of the files of a batch, and the songs that they become.
CREATE UNLOGGED TABLE scan_songs (
    library_id uuid NOT NULL,
    folder_key uuid NOT NULL GENERATED ALWAYS AS (folder_key(path)) STORED,
    path_key uuid NOT NULL GENERATED ALWAYS AS (path_key(path)) STORED,
    song_id uuid,
    size bigint NOT NULL,
    mtime_ns bigint NOT NULL,
    duration_ms integer,
    bit_rate integer,
    sample_rate integer,
    year integer,
    channels smallint,
    disc_number smallint,
    track_number smallint,
    is_compilation boolean,
    outcome text,
    path bytea NOT NULL,
    problem text,
    content_hash bytea,
    codec text,
    name text,
    artist_name text,
    artists text[],
    album_name text,
    album_artist text,
    genre text,
    tags jsonb,
    CONSTRAINT scan_songs_pkey PRIMARY KEY (library_id, path_key)
);

-- The songs of a batch's folders, read or not, and the albums that they belong to.
CREATE UNLOGGED TABLE scan_members (
    library_id uuid NOT NULL,
    song_id uuid NOT NULL,
    folder_key uuid,
    album_key uuid,
    album_id uuid,
    old_album_id uuid,
    is_read boolean NOT NULL,
    album_name text,
    album_artist text,
    CONSTRAINT scan_members_pkey PRIMARY KEY (library_id, song_id)
);
