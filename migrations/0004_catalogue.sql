-- Add the shared catalogue: releases, artists, labels, masters, genres, styles and tracks.
--
-- Why:    what Discogs knows is stored once for all users.
-- Order:  expand.
-- Locks:  none on existing tables.
-- Undo:   0004_catalogue.rollback.sql; loses the catalogue.
-- depends: 0003_functions
--
-- Discogs numbers are unique but nullable: what Discogs lacks can be added by hand.
-- Dumps name artists and labels that exist nowhere; the import makes rows of their number and
-- name, so that the foreign keys hold and nothing is refused. A credit without a number keeps
-- its name only.
-- No btree on a title or name as it stands: they exceed the limit of an index row.
CREATE TABLE artists (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    discogs_id integer,
    name text NOT NULL,
    name_normalized text COLLATE "C" NOT NULL
        GENERATED ALWAYS AS (normalize_credit(name)) STORED,
    resource_url text,
    profile text,
    metadata jsonb NOT NULL DEFAULT '{}',
    source_hash text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    synced_at timestamptz,
    CONSTRAINT artists_discogs_id_key UNIQUE (discogs_id),
    CONSTRAINT artists_discogs_id_check CHECK (discogs_id > 0)
);

-- artists.list_artists: by name, one keyset page.
CREATE INDEX artists_name_idx ON artists (left(name_normalized, 64), id);

-- artists.search_artists: names despite typing errors.
CREATE INDEX artists_name_trgm_idx ON artists USING gin (name_normalized gin_trgm_ops);

-- Trigram operators are estimated by trying each value of the histogram: 5 to 10 ms of planning.
-- Without statistics the planner takes 1 %, which leads to the same index.
ALTER TABLE artists ALTER COLUMN name_normalized SET STATISTICS 0;

CREATE TABLE labels (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    discogs_id integer,
    name text NOT NULL,
    name_normalized text COLLATE "C" NOT NULL
        GENERATED ALWAYS AS (normalize_credit(name)) STORED,
    entity_type text,
    resource_url text,
    profile text,
    metadata jsonb NOT NULL DEFAULT '{}',
    source_hash text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    synced_at timestamptz,
    CONSTRAINT labels_discogs_id_key UNIQUE (discogs_id),
    CONSTRAINT labels_discogs_id_check CHECK (discogs_id > 0)
);

-- labels.list_labels: by name, one keyset page.
CREATE INDEX labels_name_idx ON labels (left(name_normalized, 64), id);

-- labels.search_labels: names despite typing errors.
CREATE INDEX labels_name_trgm_idx ON labels USING gin (name_normalized gin_trgm_ops);

-- As artists.name_normalized.
ALTER TABLE labels ALTER COLUMN name_normalized SET STATISTICS 0;

CREATE TABLE genres (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    name text NOT NULL,
    name_normalized text COLLATE "C" NOT NULL
        GENERATED ALWAYS AS (normalize_name(name)) STORED,
    created_at timestamptz NOT NULL,
    CONSTRAINT genres_name_key UNIQUE (name)
);

CREATE TABLE styles (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    name text NOT NULL,
    name_normalized text COLLATE "C" NOT NULL
        GENERATED ALWAYS AS (normalize_name(name)) STORED,
    created_at timestamptz NOT NULL,
    CONSTRAINT styles_name_key UNIQUE (name)
);

-- A table of its own: a master has notes, videos and a main release that no release carries,
-- and releases refer to masters that no dump holds.
CREATE TABLE masters (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    discogs_id integer,
    title text NOT NULL,
    year integer,
    main_release_discogs_id integer,
    data_quality text,
    notes text,
    metadata jsonb NOT NULL DEFAULT '{}',
    source_hash text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    synced_at timestamptz,
    CONSTRAINT masters_discogs_id_key UNIQUE (discogs_id)
);

-- card, facets, search_text and artist_normalized are derived: the statement that writes the
-- release computes them, releases.refresh_releases computes them again from the tables below.
-- EXTERNAL keeps them from being compressed: they are read for every row of every page, and
-- decompressing a card takes longer than sending it.
CREATE TABLE releases (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    discogs_id integer,
    master_discogs_id integer,
    year integer,
    play_duration integer,
    play_duration_estimated boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    synced_at timestamptz,
    title text NOT NULL,
    title_normalized text COLLATE "C" NOT NULL
        GENERATED ALWAYS AS (normalize_name(title)) STORED,
    artist_normalized text COLLATE "C" NOT NULL,
    card json STORAGE EXTERNAL NOT NULL,
    released text,
    country text,
    resource_url text,
    thumb text,
    cover_image text,
    data_quality text,
    source_hash text,
    facets text[] STORAGE EXTERNAL COLLATE "C" NOT NULL,
    search_text text STORAGE EXTERNAL COLLATE "C" NOT NULL,
    notes text,
    metadata jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT releases_discogs_id_key UNIQUE (discogs_id),
    CONSTRAINT releases_discogs_id_check CHECK (discogs_id > 0)
);

-- As artists.name_normalized.
ALTER TABLE releases ALTER COLUMN search_text SET STATISTICS 0;

-- releases.search_releases: title, artists and catalogue numbers despite typing errors.
CREATE INDEX releases_search_trgm_idx ON releases USING gin (search_text gin_trgm_ops);

-- releases.list_releases: any combination of filters ('genre:jazz', 'catno:sk032') by one index.
CREATE INDEX releases_facets_idx ON releases USING gin (facets);

-- releases.list_releases: a year range that few releases are in.
CREATE INDEX releases_year_idx ON releases (year);

CREATE TABLE release_artists (
    release_id uuid NOT NULL,
    position integer NOT NULL,
    artist_id uuid,
    name text NOT NULL,
    anv text,
    join_relation text,
    role text,
    tracks text,
    CONSTRAINT release_artists_pkey PRIMARY KEY (release_id, position),
    CONSTRAINT release_artists_release_id_fkey
        FOREIGN KEY (release_id) REFERENCES releases (id) ON DELETE CASCADE,
    CONSTRAINT release_artists_artist_id_fkey FOREIGN KEY (artist_id) REFERENCES artists (id)
);

COMMENT ON COLUMN release_artists.role IS 'NULL for a main artist, the credit otherwise';

-- releases.list_artist_releases.
CREATE INDEX release_artists_artist_idx ON release_artists (artist_id, release_id DESC);

CREATE TABLE release_labels (
    release_id uuid NOT NULL,
    position integer NOT NULL,
    label_id uuid,
    name text NOT NULL,
    catno text,
    CONSTRAINT release_labels_pkey PRIMARY KEY (release_id, position),
    CONSTRAINT release_labels_release_id_fkey
        FOREIGN KEY (release_id) REFERENCES releases (id) ON DELETE CASCADE,
    CONSTRAINT release_labels_label_id_fkey FOREIGN KEY (label_id) REFERENCES labels (id)
);

-- releases.list_label_releases.
CREATE INDEX release_labels_label_idx ON release_labels (label_id, release_id DESC);

CREATE TABLE release_genres (
    release_id uuid NOT NULL,
    position integer NOT NULL,
    genre_id uuid NOT NULL,
    CONSTRAINT release_genres_pkey PRIMARY KEY (release_id, position),
    CONSTRAINT release_genres_release_id_fkey
        FOREIGN KEY (release_id) REFERENCES releases (id) ON DELETE CASCADE,
    CONSTRAINT release_genres_genre_id_fkey FOREIGN KEY (genre_id) REFERENCES genres (id)
);

-- releases.list_genre_releases.
CREATE INDEX release_genres_genre_idx ON release_genres (genre_id, release_id DESC);

CREATE TABLE release_styles (
    release_id uuid NOT NULL,
    position integer NOT NULL,
    style_id uuid NOT NULL,
    CONSTRAINT release_styles_pkey PRIMARY KEY (release_id, position),
    CONSTRAINT release_styles_release_id_fkey
        FOREIGN KEY (release_id) REFERENCES releases (id) ON DELETE CASCADE,
    CONSTRAINT release_styles_style_id_fkey FOREIGN KEY (style_id) REFERENCES styles (id)
);

-- releases.list_style_releases.
CREATE INDEX release_styles_style_idx ON release_styles (style_id, release_id DESC);

CREATE TABLE release_formats (
    release_id uuid NOT NULL,
    position integer NOT NULL,
    name text NOT NULL,
    qty text,
    text text,
    descriptions text[] NOT NULL,
    CONSTRAINT release_formats_pkey PRIMARY KEY (release_id, position),
    CONSTRAINT release_formats_release_id_fkey
        FOREIGN KEY (release_id) REFERENCES releases (id) ON DELETE CASCADE
);

COMMENT ON COLUMN release_formats.qty IS 'as given: dumps hold numbers of 64 digits';

CREATE TABLE tracks (
    release_id uuid NOT NULL,
    seq integer NOT NULL,
    parent_seq integer,
    duration_seconds integer,
    type track_type NOT NULL,
    position text,
    title text NOT NULL,
    duration_text text,
    credits jsonb,
    CONSTRAINT tracks_pkey PRIMARY KEY (release_id, seq),
    CONSTRAINT tracks_release_id_fkey
        FOREIGN KEY (release_id) REFERENCES releases (id) ON DELETE CASCADE,
    CONSTRAINT tracks_duration_seconds_check CHECK (duration_seconds >= 0)
);

COMMENT ON COLUMN tracks.parent_seq IS 'the index track that this sub-track belongs to';
