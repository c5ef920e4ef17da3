-- Add albums and songs, in partitions by month.
--
-- Why:    tens of millions of songs: a page reads one partition, a month can be put away at once.
-- Order:  expand.
-- Locks:  none on existing tables (the foreign keys take SHARE ROW EXCLUSIVE on libraries and
--         library_artists for milliseconds).
-- Undo:   0016_songs.rollback.sql; loses the albums and songs.
-- depends: 0015_library
--
-- The month is the one of the UUIDv7 key itself: a primary key of a partitioned table must hold
-- its partition key, so a key by created_at could be neither `id` alone nor referred to.
-- There is no DEFAULT partition: with one, ORDER BY id LIMIT n merges all partitions instead of
-- stopping in the first, and no partition can be detached concurrently.
--
-- A song carries the names of its album and its artist, which the statement that writes or renames
-- them keeps (songs.refresh_songs writes them anew). Against the join with both, on a million songs
-- in 18 partitions (medians of interleaved runs): one song 0.06 ms and 4 buffers for 0.28 ms and
-- 10, a page of 50 0.08 ms and 6 for 0.20 ms and 171, 100 songs by id 0.7 ms for 1.3 ms; for a
-- heap larger by 18 % (by 8 % with the indexes) and a load within the noise of the other. It also
-- lets songs be distributed by id, where a join with albums is refused.
--
-- A song's library and artist are foreign keys, its album is not: the check probes the month
-- partitions of albums for each song and doubles the time of a load (150,000 songs: 3.7 s without
-- keys, 4.9 s with the two, 7.0 s with all three), and a month of albums could never be detached
-- while a song of any month refers to it. The scan writes both in one transaction.
CREATE TABLE albums (
    id uuid NOT NULL DEFAULT uuidv7(),
    library_id uuid NOT NULL,
    key uuid NOT NULL,
    artist_id uuid,
    duration_ms bigint NOT NULL DEFAULT 0,
    song_count integer NOT NULL DEFAULT 0,
    year integer,
    is_compilation boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL GENERATED ALWAYS AS (uuid_extract_timestamp(id)) VIRTUAL,
    updated_at timestamptz NOT NULL,
    name text NOT NULL,
    name_normalized text COLLATE "C" NOT NULL
        GENERATED ALWAYS AS (normalize_name(name)) STORED,
    artist_name text,
    CONSTRAINT albums_pkey PRIMARY KEY (id),
    CONSTRAINT albums_library_id_fkey FOREIGN KEY (library_id) REFERENCES libraries (id),
    CONSTRAINT albums_artist_id_fkey FOREIGN KEY (artist_id) REFERENCES library_artists (id),
    CONSTRAINT albums_counts_check CHECK (song_count >= 0 AND duration_ms >= 0)
) PARTITION BY RANGE (id);

COMMENT ON COLUMN albums.key IS
    'what makes the tags of two files mean one album: a hash that the scan computes';
COMMENT ON COLUMN albums.song_count IS 'derived, with duration_ms: songs that are not missing';
COMMENT ON COLUMN albums.artist_name IS 'as tagged; NULL where it is missing or differs';

-- The scan finds the albums that it knows. Not unique, because a unique key of a partitioned table
-- must hold the partition key; one scan of a library at a time (libraries.lock_library) makes it so.
CREATE INDEX albums_key_idx ON albums (library_id, key);

-- albums.list_artist_albums; also the foreign key's check.
CREATE INDEX albums_artist_idx ON albums (artist_id, (coalesce(year, 0)) DESC, id DESC);

-- albums.list_albums_by_name, and albums of exactly a name.
CREATE INDEX albums_name_idx ON albums (left(name_normalized, 64), id);

-- albums.search_albums: names despite typing errors.
CREATE INDEX albums_name_trgm_idx ON albums USING gin (name_normalized gin_trgm_ops);

-- As artists.name_normalized; each partition takes it over.
ALTER TABLE albums ALTER COLUMN name_normalized SET STATISTICS 0;

CREATE TABLE songs (
    id uuid NOT NULL DEFAULT uuidv7(),
    library_id uuid NOT NULL,
    album_id uuid,
    artist_id uuid,
    duration_ms integer,
    bit_rate integer,
    sample_rate integer,
    year integer,
    channels smallint,
    disc_number smallint,
    track_number smallint,
    missing_since timestamptz,
    created_at timestamptz NOT NULL GENERATED ALWAYS AS (uuid_extract_timestamp(id)) VIRTUAL,
    updated_at timestamptz NOT NULL,
    codec text COLLATE "C" NOT NULL,
    name text NOT NULL,
    name_normalized text COLLATE "C" NOT NULL
        GENERATED ALWAYS AS (normalize_name(name)) STORED,
    artist_name text,
    album_name text,
    genre text,
    tags jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT songs_pkey PRIMARY KEY (id),
    CONSTRAINT songs_library_id_fkey FOREIGN KEY (library_id) REFERENCES libraries (id),
    CONSTRAINT songs_artist_id_fkey FOREIGN KEY (artist_id) REFERENCES library_artists (id),
    CONSTRAINT songs_duration_ms_check CHECK (duration_ms >= 0)
) PARTITION BY RANGE (id);

COMMENT ON COLUMN songs.artist_id IS 'the first artist; others are in song_artists';
COMMENT ON COLUMN songs.artist_name IS 'the whole credit as tagged';
COMMENT ON COLUMN songs.album_name IS 'derived: albums.name';
COMMENT ON COLUMN songs.bit_rate IS 'bits a second';
COMMENT ON COLUMN songs.missing_since IS
    'when a scan first found its file gone; lists leave it out, users'' states keep it';
COMMENT ON COLUMN songs.tags IS 'what else the file says, by the tag''s name';

-- songs.list_album_songs, in the order of the record.
CREATE INDEX songs_album_idx ON songs (album_id, disc_number, track_number, id);

-- songs.list_artist_songs; also the foreign key's check.
CREATE INDEX songs_artist_idx ON songs (artist_id, id DESC);

-- songs.list_filtered_songs_newest and _oldest of a small library; also the foreign key's check.
CREATE INDEX songs_library_idx ON songs (library_id, id);

-- songs.list_filtered_songs_newest and _oldest of a rare codec.
CREATE INDEX songs_codec_idx ON songs (codec, id);

-- songs.search_songs: names that hold words, which words finds despite typing errors.
CREATE INDEX songs_words_idx ON songs USING gin (name_words(name_normalized));

-- As artists.name_normalized.
ALTER TABLE songs ALTER COLUMN name_normalized SET STATISTICS 0;

-- The words of all names of songs that there ever were: ten million names hold some hundred
-- thousand words. Against trigrams of the names, on ten million in 12 months: a search with a typing
-- error reads the trigrams of one short table and some words' lists instead of a dozen lists of
-- millions of songs (2 to 7 ms for 200 to 500), and the index is a fifth as large (173 MB for 843).
-- Words longer than 64 letters are found as they are written only.
CREATE TABLE words (
    word text COLLATE "C" NOT NULL,
    CONSTRAINT words_pkey PRIMARY KEY (word),
    CONSTRAINT words_word_check CHECK (length(word) <= 64)
);

-- words.get_alternatives: words despite typing errors.
CREATE INDEX words_trgm_idx ON words USING gin (word gin_trgm_ops);

-- The current month and the next five.
DO $$
BEGIN
    PERFORM create_month_partition(parent, month_floor(now(), months_later))
       FROM (VALUES ('albums'::regclass), ('songs'::regclass)) AS tables (parent)
      CROSS JOIN generate_series(0, 5) AS months_later;
END
$$;
