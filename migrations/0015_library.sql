-- Add libraries and the artists that their files name.
--
-- Why:    a digital library beside the shelves: folders of the server, shared by all its users.
-- Order:  expand.
-- Locks:  none on existing tables (the foreign key takes SHARE ROW EXCLUSIVE on artists for
--         milliseconds).
-- Undo:   0015_library.rollback.sql; loses the libraries and their artists.
-- depends: 0014_library_functions
--
-- Artists of files are rows of their own with a link to the catalogue's artist, not rows of
-- `artists`: a scan never writes there, so it can't overwrite what Discogs says; the link is one
-- column of one row, so it is made when a later dump brings the artist, and undone, without a
-- touch on any song; and what people write into tags ("X feat. Y") stays out of the catalogue's
-- lists. A name is one artist here, because tags don't tell namesakes apart.
CREATE TABLE libraries (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    name text NOT NULL,
    root text NOT NULL,
    scanned_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT libraries_name_check CHECK (length(name) BETWEEN 1 AND 200)
);

COMMENT ON COLUMN libraries.root IS 'the folder''s absolute path on the server';
COMMENT ON COLUMN libraries.scanned_at IS 'when the last complete scan began';

-- libraries.upsert_library.
CREATE UNIQUE INDEX libraries_name_key ON libraries (lower(name COLLATE "pg_c_utf8"));

CREATE TABLE library_artists (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    name_key uuid NOT NULL GENERATED ALWAYS AS (name_key(name)) STORED,
    artist_id uuid,
    link text,
    name text NOT NULL,
    name_normalized text COLLATE "C" NOT NULL
        GENERATED ALWAYS AS (normalize_name(name)) STORED,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT library_artists_name_key UNIQUE (name_key),
    CONSTRAINT library_artists_artist_id_fkey FOREIGN KEY (artist_id) REFERENCES artists (id),
    CONSTRAINT library_artists_link_check
        CHECK (CASE WHEN artist_id IS NULL THEN coalesce(link = 'none', true)
                    ELSE coalesce(link IN ('name', 'hand'), false) END)
);

COMMENT ON COLUMN library_artists.artist_id IS 'the same artist in the catalogue, where known';
COMMENT ON COLUMN library_artists.link IS
    'name: the only artist of the name; hand: a person said so; none: a person undid it, and '
    'no scan links it again; NULL: not linked yet';

-- Artists of the library by name, one keyset page.
CREATE INDEX library_artists_name_idx ON library_artists (left(name_normalized, 64), id);

-- Names despite typing errors.
CREATE INDEX library_artists_name_trgm_idx ON library_artists
    USING gin (name_normalized gin_trgm_ops);

-- Whether a catalogue artist is in the library; also the foreign key's check.
CREATE INDEX library_artists_artist_idx ON library_artists (artist_id)
    WHERE artist_id IS NOT NULL;

-- As artists.name_normalized.
ALTER TABLE library_artists ALTER COLUMN name_normalized SET STATISTICS 0;
