CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public;

COMMENT ON EXTENSION pg_trgm IS 'text similarity measurement and index searching based on trigrams';

CREATE EXTENSION IF NOT EXISTS unaccent WITH SCHEMA public;

COMMENT ON EXTENSION unaccent IS 'text search dictionary that removes accents';

CREATE TYPE public.media_condition AS ENUM (
    'M',
    'NM',
    'VG+',
    'VG',
    'G+',
    'G',
    'F',
    'P',
    'Not Graded'
);

CREATE TYPE public.sleeve_condition AS ENUM (
    'M',
    'NM',
    'VG+',
    'VG',
    'G+',
    'G',
    'F',
    'P',
    'Not Graded',
    'Generic',
    'No Cover'
);

CREATE TYPE public.track_type AS ENUM (
    'track',
    'heading',
    'index'
);

CREATE TYPE public.user_role AS ENUM (
    'user',
    'admin'
);

CREATE FUNCTION public.archive_month(child text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    CREATE SCHEMA IF NOT EXISTS archive;
    EXECUTE format('ALTER TABLE public.%I SET SCHEMA archive', child);
    IF child LIKE 'songs\_%' THEN
        EXECUTE format(
            'UPDATE public.albums AS b'
            '   SET song_count = counted.songs, duration_ms = counted.duration_ms'
            '  FROM (SELECT DISTINCT album_id FROM archive.%I WHERE album_id IS NOT NULL) AS touched'
            ' CROSS JOIN LATERAL ('
            '           SELECT count(*)::int AS songs, coalesce(sum(s.duration_ms), 0)::bigint'
            '                      AS duration_ms'
            '             FROM public.songs AS s'
            '            WHERE s.album_id = touched.album_id AND s.missing_since IS NULL'
            '       ) AS counted'
            ' WHERE b.id = touched.album_id',
            child
        );
    END IF;
END
$$;

CREATE FUNCTION public.archive_references(child text) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    referring text;
    moved bigint;
    total bigint := 0;
BEGIN
    IF child NOT LIKE 'songs\_%' THEN
        RETURN 0;
    END IF;
    CREATE SCHEMA IF NOT EXISTS archive;
    FOREACH referring IN ARRAY ARRAY['user_songs', 'song_artists'] LOOP
        EXECUTE format('CREATE TABLE IF NOT EXISTS archive.%I (LIKE public.%I)', referring, referring);
        EXECUTE format(
            'WITH gone AS ('
            '    DELETE FROM public.%I AS r USING public.%I AS s WHERE r.song_id = s.id RETURNING r.*'
            ') INSERT INTO archive.%I SELECT gone.* FROM gone',
            referring, child, referring
        );
        GET DIAGNOSTICS moved = ROW_COUNT;
        total := total + moved;
    END LOOP;
    RETURN total;
END
$$;

CREATE FUNCTION public.create_month_partition(parent regclass, moment timestamp with time zone) RETURNS text
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    parent_name CONSTANT text := (SELECT relname FROM pg_catalog.pg_class WHERE oid = parent);
    month CONSTANT timestamptz := public.month_floor(moment);
    child CONSTANT text := parent_name || to_char(month AT TIME ZONE 'UTC', '_YYYY_MM');
    lower_id CONSTANT uuid := public.uuid7_floor(month);
    upper_id CONSTANT uuid := public.uuid7_floor(public.month_floor(moment, 1));
    statistics record;
BEGIN
    -- One at a time; who waits here sees what the other has made.
    PERFORM pg_advisory_xact_lock(hashtextextended('kleio partitions', parent::oid::bigint));
    IF EXISTS (
        SELECT FROM pg_catalog.pg_inherits AS i
          JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid
         WHERE i.inhparent = parent AND c.relname = child
    ) THEN
        RETURN NULL;
    END IF;
    EXECUTE format(
        'CREATE TABLE public.%I (LIKE public.%I INCLUDING ALL,'
        ' CONSTRAINT %I CHECK (id >= %L AND id < %L))',
        child, parent_name, child || '_month_check', lower_id, upper_id
    );
    -- LIKE does not copy them.
    FOR statistics IN
        SELECT attname, attstattarget
          FROM pg_catalog.pg_attribute
         WHERE attrelid = parent AND attnum > 0 AND attstattarget IS NOT NULL
    LOOP
        EXECUTE format(
            'ALTER TABLE public.%I ALTER COLUMN %I SET STATISTICS %s',
            child, statistics.attname, statistics.attstattarget::integer
        );
    END LOOP;
    EXECUTE format(
        'ALTER TABLE public.%I ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)',
        parent_name, child, lower_id, upper_id
    );
    EXECUTE format('ALTER TABLE public.%I DROP CONSTRAINT %I', child, child || '_month_check');
    RETURN child;
END
$$;

CREATE FUNCTION public.f_unaccent(value text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN public.unaccent('public.unaccent'::regdictionary, value);

CREATE FUNCTION public.folder_key(path bytea) RETURNS uuid
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (md5(regexp_replace(regexp_replace((encode(path, 'escape'::text) COLLATE "C"), '/?[^/]*$'::text, ''::text), '(^|/)(cd|dis[ck]|disque|dvd)[ _.#-]*0*[0-9]{1,2}(?![0-9])[^/]*$'::text, ''::text, 'i'::text)))::uuid;

CREATE FUNCTION public.is_below(path bytea, folder bytea) RETURNS boolean
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN ((folder = '\x'::bytea) OR (path = folder) OR (SUBSTRING(path FROM 1 FOR (length(folder) + 1)) = (folder || '\x2f'::bytea)));

CREATE FUNCTION public.lead_artist(credit text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN COALESCE(NULLIF(regexp_replace(credit, '\s+[(\[]?(feat\.?|ft\.?|featuring)\s.*$'::text, ''::text, 'i'::text), ''::text), credit);

CREATE FUNCTION public.normalize_name(value text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN lower((public.f_unaccent(CASE WHEN ((value COLLATE "C") ~ '^\s|\s\s|[\t\n\r]|\s$'::text) THEN btrim(regexp_replace((value COLLATE "C"), '\s+'::text, ' '::text, 'g'::text)) ELSE value END) COLLATE pg_c_utf8));

CREATE FUNCTION public.search_words(search text) RETURNS text[]
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN ARRAY(SELECT word.word FROM unnest(string_to_array(public.normalize_name(search_words.search), ' '::text)) word(word) WHERE ((word.word COLLATE pg_c_utf8) ~ '[[:alnum:]]'::text));

CREATE FUNCTION public.search_keys(search text) RETURNS text[]
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN ARRAY(SELECT word.word FROM unnest(public.search_words(search_keys.search)) word(word) ORDER BY (length(word.word)) DESC, word.word);

CREATE FUNCTION public.matches_search(name text, search text) RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN (((name COLLATE "C") OPERATOR(public.%>) (public.search_keys(search))[1]) AND (((public.search_keys(search))[2] IS NULL) OR ((name COLLATE "C") OPERATOR(public.%>) (public.search_keys(search))[2])) AND (((public.search_keys(search))[3] IS NULL) OR ((name COLLATE "C") OPERATOR(public.%>) (public.search_keys(search))[3])) AND ((name COLLATE "C") OPERATOR(public.%>) ALL ((public.search_keys(search))[4:])));

CREATE FUNCTION public.name_words(name text) RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN string_to_array(CASE WHEN (octet_length(name) > 2000) THEN regexp_replace((name COLLATE "C"), '([^ ]{64})[^ ]+'::text, '\1'::text, 'g'::text) ELSE name END, ' '::text);

CREATE FUNCTION public.matches_words(name text, search text, first_words text[], second_words text[], third_words text[]) RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN ((public.name_words((name COLLATE "C")) && first_words) AND ((second_words IS NULL) OR (public.name_words((name COLLATE "C")) && second_words)) AND ((third_words IS NULL) OR (public.name_words((name COLLATE "C")) && third_words)) AND ((name COLLATE "C") OPERATOR(public.%>) ALL ((public.search_keys(search))[4:])));

CREATE FUNCTION public.month_floor(value timestamp with time zone, months_later integer DEFAULT 0) RETURNS timestamp with time zone
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN ((date_trunc('month'::text, (value AT TIME ZONE 'UTC'::text)) + make_interval(months => months_later)) AT TIME ZONE 'UTC'::text);

CREATE FUNCTION public.name_key(value text) RETURNS uuid
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (md5(public.normalize_name(value)))::uuid;

CREATE FUNCTION public.normalize_code(value text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN lower((regexp_replace((value COLLATE pg_c_utf8), '[^[:alnum:]]'::text, ''::text, 'g'::text) COLLATE pg_c_utf8));

CREATE FUNCTION public.normalize_credit(value text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN public.normalize_name(CASE WHEN ("right"(value, 1) = ')'::text) THEN regexp_replace((value COLLATE "C"), '\s+\([0-9]+\)$'::text, ''::text) ELSE value END);

CREATE FUNCTION public.path_key(value bytea) RETURNS uuid
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (encode(SUBSTRING(sha256(value) FROM 1 FOR 16), 'hex'::text))::uuid;

CREATE FUNCTION public.release_facets(artist text, label text, genre text, style text, format text, country text, catno text, barcode text) RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN NULLIF(array_remove(ARRAY[('artist:'::text || public.normalize_credit(artist)), ('label:'::text || public.normalize_credit(label)), ('genre:'::text || public.normalize_name(genre)), ('style:'::text || public.normalize_name(style)), ('format:'::text || public.normalize_name(format)), ('country:'::text || public.normalize_name(country)), ('catno:'::text || public.normalize_code(catno)), ('barcode:'::text || public.normalize_code(barcode))], NULL::text), '{}'::text[]);

CREATE FUNCTION public.search_codes(search text) RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN (public.normalize_code(search) ~ '[0-9]'::text) THEN ARRAY[('catno:'::text || public.normalize_code(search)), ('barcode:'::text || public.normalize_code(search))] ELSE '{}'::text[] END;

CREATE FUNCTION public.search_parts(name text, search text) RETURNS json
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (SELECT COALESCE(json_agg(json_build_object('text', split.part, 'match', (EXISTS (SELECT FROM unnest(public.search_words(search_parts.search)) word(word) WHERE CASE WHEN (length(word.word) < 3) THEN (public.normalize_code(word.word) = public.normalize_code(public.normalize_name(split.part))) ELSE (public.word_similarity(word.word, public.normalize_name(split.part)) >= (0.45)::double precision) END))) ORDER BY split."position"), '[]'::json) AS "coalesce" FROM regexp_split_to_table((search_parts.name COLLATE pg_c_utf8), '(?<=\s)(?=\S)|(?<=\S)(?=\s)'::text) WITH ORDINALITY split(part, "position"));

CREATE FUNCTION public.side_of(position_text text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN upper("substring"(regexp_replace((position_text COLLATE "C"), '^[A-Za-z]{2,}[0-9]*-'::text, ''::text), '^(?!CD|LP|EP|MC)([A-Za-z]{1,2})(?:[0-9. (-]|$)'::text));

CREATE FUNCTION public.title_key(title_normalized text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN COALESCE(NULLIF(regexp_replace((regexp_replace(title_normalized, '(\s*[(\[][^()\[\]]*\m(edition|remaster|remastered|deluxe|expanded|anniversary|bonus|reissue|mono|stereo|dis[ck] ?\d+|cd ?\d+|vinyl|version|limited|special|explicit)\M[^()\[\]]*[)\]])+\s*$'::text, ''::text) COLLATE pg_c_utf8), '[^[:alnum:]]'::text, ''::text, 'g'::text), ''::text), title_normalized);

CREATE FUNCTION public.uuid7_floor(value timestamp with time zone) RETURNS uuid
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (rpad(lpad(to_hex((LEAST(GREATEST(floor((EXTRACT(epoch FROM (value - '1970-01-01 00:00:00+00'::timestamp with time zone)) * (1000)::numeric)), (0)::numeric), ('281474976710655'::bigint)::numeric))::bigint), 12, '0'::text), 32, CASE WHEN (value = 'infinity'::timestamp with time zone) THEN 'f'::text ELSE '0'::text END))::uuid;

CREATE FUNCTION public.wear_level(percent_used double precision) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN CASE WHEN (percent_used >= (100)::double precision) THEN 'due'::text WHEN (percent_used >= (80)::double precision) THEN 'soon'::text ELSE 'ok'::text END;

CREATE TABLE public.albums (
    id uuid DEFAULT uuidv7() NOT NULL,
    library_id uuid NOT NULL,
    key uuid NOT NULL,
    artist_id uuid,
    duration_ms bigint DEFAULT 0 NOT NULL,
    song_count integer DEFAULT 0 NOT NULL,
    year integer,
    is_compilation boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone GENERATED ALWAYS AS (uuid_extract_timestamp(id)) NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    name text NOT NULL,
    name_normalized text GENERATED ALWAYS AS (public.normalize_name(name)) STORED NOT NULL COLLATE pg_catalog."C",
    artist_name text,
    CONSTRAINT albums_counts_check CHECK (((song_count >= 0) AND (duration_ms >= 0)))
)
PARTITION BY RANGE (id);
ALTER TABLE ONLY public.albums ALTER COLUMN name_normalized SET STATISTICS 0;

COMMENT ON COLUMN public.albums.key IS 'what makes the tags of two files mean one album: a hash that the scan computes';

COMMENT ON COLUMN public.albums.song_count IS 'derived, with duration_ms: songs that are not missing';

COMMENT ON COLUMN public.albums.artist_name IS 'as tagged; NULL where it is missing or differs';

CREATE TABLE public.artists (
    id uuid DEFAULT uuidv7() NOT NULL,
    discogs_id integer,
    name text NOT NULL,
    name_normalized text GENERATED ALWAYS AS (public.normalize_credit(name)) STORED NOT NULL COLLATE pg_catalog."C",
    resource_url text,
    profile text,
    metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    source_hash text,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    synced_at timestamp with time zone,
    CONSTRAINT artists_discogs_id_check CHECK ((discogs_id > 0))
);
ALTER TABLE ONLY public.artists ALTER COLUMN name_normalized SET STATISTICS 0;

CREATE UNLOGGED TABLE public.attempts (
    subject bytea NOT NULL,
    free_at timestamp with time zone NOT NULL,
    CONSTRAINT attempts_subject_check CHECK ((octet_length(subject) = 32))
)
WITH (fillfactor='70');

COMMENT ON COLUMN public.attempts.subject IS 'SHA-256 of the account or address: a name that was typed may be a password';

COMMENT ON COLUMN public.attempts.free_at IS 'when everything that was counted is forgotten again';

CREATE TABLE public.auth_tokens (
    token_hash bytea NOT NULL,
    id uuid DEFAULT uuidv7() NOT NULL,
    user_id uuid NOT NULL,
    name text NOT NULL,
    prefix text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone,
    last_used_at timestamp with time zone,
    CONSTRAINT auth_tokens_token_hash_check CHECK ((octet_length(token_hash) = 32))
);

COMMENT ON COLUMN public.auth_tokens.prefix IS 'the first characters of the token, to tell tokens apart';

CREATE TABLE public.cleaning_history (
    user_id uuid NOT NULL,
    id uuid DEFAULT uuidv7() NOT NULL,
    release_id uuid NOT NULL,
    user_release_id uuid,
    cleaned_at timestamp with time zone NOT NULL,
    deep boolean NOT NULL,
    notes text,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL
);

CREATE TABLE public.discogs_copies (
    user_id uuid NOT NULL,
    id uuid NOT NULL,
    present boolean NOT NULL,
    folder_number integer NOT NULL,
    rating smallint NOT NULL,
    media_condition text,
    sleeve_condition text,
    notes text,
    custom_fields jsonb NOT NULL,
    added_at timestamp with time zone,
    synced_at timestamp with time zone NOT NULL
);

CREATE TABLE public.discogs_credentials (
    user_id uuid NOT NULL,
    token_encrypted bytea NOT NULL,
    updated_at timestamp with time zone NOT NULL
);

CREATE TABLE public.discogs_pace (
    id smallint NOT NULL,
    calls timestamp with time zone[] NOT NULL,
    others integer NOT NULL,
    others_seen_at timestamp with time zone,
    call_limit integer,
    blocked_until timestamp with time zone,
    CONSTRAINT discogs_pace_id_check CHECK ((id = 1))
)
WITH (fillfactor='20');

COMMENT ON COLUMN public.discogs_pace.calls IS 'the last minute''s, and those that wait for their time';

COMMENT ON COLUMN public.discogs_pace.others IS 'calls of the last minute that Discogs has counted and Kleio has not made';

CREATE TABLE public.folders (
    user_id uuid NOT NULL,
    id uuid DEFAULT uuidv7() NOT NULL,
    number integer NOT NULL,
    name text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    discogs_name text,
    CONSTRAINT folders_number_check CHECK ((number > 0))
);

COMMENT ON COLUMN public.folders.number IS 'Discogs'' number of the folder; 1 is Uncategorized';

COMMENT ON COLUMN public.folders.discogs_name IS 'the name at Discogs when last synced, NULL for a folder that Discogs does not know';

CREATE TABLE public.genres (
    id uuid DEFAULT uuidv7() NOT NULL,
    name text NOT NULL,
    name_normalized text GENERATED ALWAYS AS (public.normalize_name(name)) STORED NOT NULL COLLATE pg_catalog."C",
    created_at timestamp with time zone NOT NULL
);

CREATE TABLE public.id_map (
    user_id uuid NOT NULL,
    source text NOT NULL,
    kind text NOT NULL,
    old_id text NOT NULL,
    new_id uuid NOT NULL
);

COMMENT ON TABLE public.id_map IS 'which row a record of another system became';

CREATE TABLE public.idempotency_keys (
    user_id uuid NOT NULL,
    key text NOT NULL,
    request_hash bytea NOT NULL,
    status smallint NOT NULL,
    response bytea NOT NULL,
    created_at timestamp with time zone NOT NULL
);

CREATE TABLE public.import_chunks (
    user_id uuid NOT NULL,
    run_id uuid NOT NULL,
    kind text NOT NULL,
    first_seq integer NOT NULL,
    items jsonb NOT NULL
);

CREATE TABLE public.import_rows (
    user_id uuid NOT NULL,
    run_id uuid NOT NULL,
    seq integer NOT NULL,
    discogs_id integer,
    target_id uuid,
    kind text NOT NULL,
    verdict text NOT NULL,
    place text NOT NULL,
    source_id text,
    reason text,
    changes jsonb,
    CONSTRAINT import_rows_verdict_check CHECK ((verdict = ANY (ARRAY['new'::text, 'known'::text, 'changed'::text, 'unmatched'::text, 'invalid'::text])))
);

COMMENT ON COLUMN public.import_rows.target_id IS 'the row that it is, or becomes';

COMMENT ON COLUMN public.import_rows.source_id IS 'the file''s own name for the record, by which others refer to it; NULL where that failed';

COMMENT ON COLUMN public.import_rows.changes IS 'fields that differ: [what Kleio has, what the file has]';

CREATE TABLE public.import_runs (
    user_id uuid NOT NULL,
    id uuid DEFAULT uuidv7() NOT NULL,
    source text NOT NULL,
    source_key text NOT NULL,
    file_name text NOT NULL,
    options jsonb NOT NULL,
    dry_run boolean NOT NULL,
    with_updates boolean NOT NULL,
    state text NOT NULL,
    records integer NOT NULL,
    bytes_read bigint NOT NULL,
    bytes_total bigint NOT NULL,
    counts jsonb NOT NULL,
    error text,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone,
    CONSTRAINT import_runs_state_check CHECK ((state = ANY (ARRAY['reading'::text, 'judged'::text, 'applying'::text, 'done'::text, 'failed'::text])))
);

COMMENT ON COLUMN public.import_runs.source_key IS 'whose ids the file has: the source in id_map';

COMMENT ON COLUMN public.import_runs.counts IS 'records by kind and verdict';

COMMENT ON COLUMN public.import_runs.updated_at IS 'last sign of life while it is reading or applying';

CREATE TABLE public.labels (
    id uuid DEFAULT uuidv7() NOT NULL,
    discogs_id integer,
    name text NOT NULL,
    name_normalized text GENERATED ALWAYS AS (public.normalize_credit(name)) STORED NOT NULL COLLATE pg_catalog."C",
    entity_type text,
    resource_url text,
    profile text,
    metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    source_hash text,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    synced_at timestamp with time zone,
    CONSTRAINT labels_discogs_id_check CHECK ((discogs_id > 0))
);
ALTER TABLE ONLY public.labels ALTER COLUMN name_normalized SET STATISTICS 0;

CREATE TABLE public.libraries (
    id uuid DEFAULT uuidv7() NOT NULL,
    name text NOT NULL,
    root text NOT NULL,
    scanned_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT libraries_name_check CHECK (((length(name) >= 1) AND (length(name) <= 200)))
);

COMMENT ON COLUMN public.libraries.root IS 'the folder''s absolute path on the server';

COMMENT ON COLUMN public.libraries.scanned_at IS 'when the last complete scan began';

CREATE TABLE public.library_artists (
    id uuid DEFAULT uuidv7() NOT NULL,
    name_key uuid GENERATED ALWAYS AS (public.name_key(name)) STORED NOT NULL,
    artist_id uuid,
    link text,
    name text NOT NULL,
    name_normalized text GENERATED ALWAYS AS (public.normalize_name(name)) STORED NOT NULL COLLATE pg_catalog."C",
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT library_artists_link_check CHECK (
CASE
    WHEN (artist_id IS NULL) THEN COALESCE((link = 'none'::text), true)
    ELSE COALESCE((link = ANY (ARRAY['name'::text, 'hand'::text])), false)
END)
);
ALTER TABLE ONLY public.library_artists ALTER COLUMN name_normalized SET STATISTICS 0;

COMMENT ON COLUMN public.library_artists.artist_id IS 'the same artist in the catalogue, where known';

COMMENT ON COLUMN public.library_artists.link IS 'name: the only artist of the name; hand: a person said so; none: a person undid it, and no scan links it again; NULL: not linked yet';

CREATE TABLE public.library_files (
    library_id uuid NOT NULL,
    path_key uuid GENERATED ALWAYS AS (public.path_key(path)) STORED NOT NULL,
    song_id uuid,
    size bigint NOT NULL,
    mtime_ns bigint NOT NULL,
    missing_since timestamp with time zone,
    content_hash bytea,
    path bytea NOT NULL,
    problem text,
    CONSTRAINT library_files_song_check CHECK (((song_id IS NOT NULL) OR (problem IS NOT NULL)))
);

COMMENT ON COLUMN public.library_files.mtime_ns IS 'nanoseconds since 1970, as the file system says';

COMMENT ON COLUMN public.library_files.content_hash IS 'of the audio; NULL where it was not read';

COMMENT ON COLUMN public.library_files.path IS 'below the library''s root, byte for byte: names of files need not be text';

COMMENT ON COLUMN public.library_files.problem IS 'why the file could not be read; it is tried again when its size or time changes';

CREATE TABLE public.library_scans (
    id uuid DEFAULT uuidv7() NOT NULL,
    library_id uuid NOT NULL,
    started_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone,
    files bigint DEFAULT 0 NOT NULL,
    read bigint DEFAULT 0 NOT NULL,
    inserted bigint DEFAULT 0 NOT NULL,
    updated bigint DEFAULT 0 NOT NULL,
    unchanged bigint DEFAULT 0 NOT NULL,
    moved bigint DEFAULT 0 NOT NULL,
    missing bigint DEFAULT 0 NOT NULL,
    refused bigint DEFAULT 0 NOT NULL,
    folders bytea[] NOT NULL,
    unread jsonb DEFAULT '[]'::jsonb NOT NULL,
    error text
);

COMMENT ON COLUMN public.library_scans.finished_at IS 'NULL while it runs, and where it was cut short';

COMMENT ON COLUMN public.library_scans.folders IS 'what was scanned, below the root; empty for all of it';

COMMENT ON COLUMN public.library_scans.unread IS 'folders and links that could not be read: path, reason; at most 1,000 of them';

COMMENT ON COLUMN public.library_scans.error IS 'why it ended before its end';

CREATE TABLE public.maintenance_steps (
    step text NOT NULL,
    started_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone NOT NULL,
    succeeded_at timestamp with time zone,
    changed bigint NOT NULL,
    warnings text[] NOT NULL,
    problem text,
    host text NOT NULL
);

COMMENT ON COLUMN public.maintenance_steps.step IS 'its name; `run` is all of them';

COMMENT ON COLUMN public.maintenance_steps.succeeded_at IS 'when it last ended without a problem, NULL for never';

CREATE TABLE public.masters (
    id uuid DEFAULT uuidv7() NOT NULL,
    discogs_id integer,
    title text NOT NULL,
    year integer,
    main_release_discogs_id integer,
    data_quality text,
    notes text,
    metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    source_hash text,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    synced_at timestamp with time zone
);

CREATE TABLE public.song_artists (
    artist_id uuid NOT NULL,
    song_id uuid NOT NULL,
    "position" smallint NOT NULL,
    CONSTRAINT song_artists_position_check CHECK (("position" > 1))
);

COMMENT ON TABLE public.song_artists IS 'the second and further artists; songs.artist_id is the first';

CREATE TABLE public.songs (
    id uuid DEFAULT uuidv7() NOT NULL,
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
    missing_since timestamp with time zone,
    created_at timestamp with time zone GENERATED ALWAYS AS (uuid_extract_timestamp(id)) NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    codec text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL,
    name_normalized text GENERATED ALWAYS AS (public.normalize_name(name)) STORED NOT NULL COLLATE pg_catalog."C",
    artist_name text,
    album_name text,
    genre text,
    tags jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT songs_duration_ms_check CHECK ((duration_ms >= 0))
)
PARTITION BY RANGE (id);
ALTER TABLE ONLY public.songs ALTER COLUMN name_normalized SET STATISTICS 0;

COMMENT ON COLUMN public.songs.artist_id IS 'the first artist; others are in song_artists';

COMMENT ON COLUMN public.songs.bit_rate IS 'bits a second';

COMMENT ON COLUMN public.songs.missing_since IS 'when a scan first found its file gone; lists leave it out, users'' states keep it';

COMMENT ON COLUMN public.songs.artist_name IS 'the whole credit as tagged';

COMMENT ON COLUMN public.songs.album_name IS 'derived: albums.name';

COMMENT ON COLUMN public.songs.tags IS 'what else the file says, by the tag''s name';

CREATE MATERIALIZED VIEW public.mv_artist_stats AS
 WITH credited AS (
         SELECT s.artist_id,
            count(*) AS songs,
            (0)::bigint AS albums,
            sum(s.duration_ms) AS duration_ms
           FROM public.songs s
          WHERE ((s.missing_since IS NULL) AND (s.artist_id IS NOT NULL))
          GROUP BY s.artist_id
        UNION ALL
         SELECT c.artist_id,
            count(*) AS count,
            0,
            sum(s.duration_ms) AS sum
           FROM (public.song_artists c
             JOIN public.songs s ON ((s.id = c.song_id)))
          WHERE (s.missing_since IS NULL)
          GROUP BY c.artist_id
        UNION ALL
         SELECT a.artist_id,
            0,
            count(*) AS count,
            0
           FROM public.albums a
          WHERE ((a.song_count > 0) AND (a.artist_id IS NOT NULL))
          GROUP BY a.artist_id
        )
 SELECT credited.artist_id,
    (sum(credited.songs))::bigint AS songs,
    (sum(credited.albums))::bigint AS albums,
    (COALESCE(sum(credited.duration_ms), (0)::numeric))::bigint AS duration_ms,
    NULL::bigint AS artists,
    NULL::timestamp with time zone AS refreshed_at
   FROM credited
  GROUP BY credited.artist_id
UNION ALL
 SELECT '00000000-0000-0000-0000-000000000000'::uuid AS artist_id,
    ( SELECT count(*) AS count
           FROM public.songs
          WHERE (songs.missing_since IS NULL)) AS songs,
    ( SELECT count(*) AS count
           FROM public.albums
          WHERE (albums.song_count > 0)) AS albums,
    ( SELECT COALESCE(sum(songs.duration_ms), (0)::bigint) AS "coalesce"
           FROM public.songs
          WHERE (songs.missing_since IS NULL)) AS duration_ms,
    ( SELECT count(*) AS count
           FROM public.library_artists) AS artists,
    now() AS refreshed_at
  WITH NO DATA;

CREATE TABLE public.releases (
    id uuid DEFAULT uuidv7() NOT NULL,
    discogs_id integer,
    master_discogs_id integer,
    year integer,
    play_duration integer,
    play_duration_estimated boolean DEFAULT true NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    synced_at timestamp with time zone,
    title text NOT NULL,
    title_normalized text GENERATED ALWAYS AS (public.normalize_name(title)) STORED NOT NULL COLLATE pg_catalog."C",
    artist_normalized text NOT NULL COLLATE pg_catalog."C",
    card json NOT NULL,
    released text,
    country text,
    resource_url text,
    thumb text,
    cover_image text,
    data_quality text,
    source_hash text,
    facets text[] NOT NULL COLLATE pg_catalog."C",
    search_text text NOT NULL COLLATE pg_catalog."C",
    notes text,
    metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    from_api boolean DEFAULT false NOT NULL,
    fetched_at timestamp with time zone,
    CONSTRAINT releases_discogs_id_check CHECK ((discogs_id > 0))
);
ALTER TABLE ONLY public.releases ALTER COLUMN card SET STORAGE EXTERNAL;
ALTER TABLE ONLY public.releases ALTER COLUMN facets SET STORAGE EXTERNAL;
ALTER TABLE ONLY public.releases ALTER COLUMN search_text SET STATISTICS 0;
ALTER TABLE ONLY public.releases ALTER COLUMN search_text SET STORAGE EXTERNAL;

COMMENT ON COLUMN public.releases.source_hash IS 'of the document that it was written from; NULL for a stub, which is only what a shelf or a file
    says of it: the next sync or dump completes it';

COMMENT ON COLUMN public.releases.from_api IS 'from Discogs'' API, whose terms limit its age; a dump is CC0 and replaces it';

COMMENT ON COLUMN public.releases.fetched_at IS 'when the API was last asked for all of it, whatever the answer was';

CREATE MATERIALIZED VIEW public.mv_catalogue_totals AS
 SELECT '00000000-0000-0000-0000-000000000000'::uuid AS id,
    ( SELECT count(*) AS count
           FROM public.artists) AS artists,
    ( SELECT count(*) AS count
           FROM public.labels) AS labels,
    ( SELECT count(*) AS count
           FROM public.releases) AS releases,
    now() AS refreshed_at
  WITH NO DATA;

CREATE TABLE public.release_genres (
    release_id uuid NOT NULL,
    "position" integer NOT NULL,
    genre_id uuid NOT NULL
);

CREATE TABLE public.user_releases (
    user_id uuid NOT NULL,
    id uuid DEFAULT uuidv7() NOT NULL,
    release_id uuid NOT NULL,
    folder_id uuid NOT NULL,
    discogs_instance_id bigint,
    rating smallint DEFAULT 0 NOT NULL,
    media_condition public.media_condition,
    sleeve_condition public.sleeve_condition,
    notes text,
    custom_fields jsonb DEFAULT '{}'::jsonb NOT NULL,
    added_at timestamp with time zone NOT NULL,
    archived_at timestamp with time zone,
    archive_reason text,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT user_releases_archive_reason_check CHECK (((archive_reason IS NULL) OR ((archived_at IS NOT NULL) AND (archive_reason = ANY (ARRAY['sold'::text, 'given away'::text, 'lost'::text, 'duplicate'::text, 'mistake'::text, 'removed at Discogs'::text, 'other'::text]))))),
    CONSTRAINT user_releases_rating_check CHECK (((rating >= 0) AND (rating <= 5)))
);

COMMENT ON COLUMN public.user_releases.rating IS '0 is not rated';

CREATE MATERIALIZED VIEW public.mv_genre_counts AS
 WITH copies AS (
         SELECT c.release_id,
            count(*) AS copies
           FROM public.user_releases c
          WHERE (c.archived_at IS NULL)
          GROUP BY c.release_id
        ), released AS (
         SELECT g.genre_id,
            count(*) AS releases,
            (COALESCE(sum(c.copies), (0)::numeric))::bigint AS copies
           FROM (( SELECT DISTINCT release_genres.genre_id,
                    release_genres.release_id
                   FROM public.release_genres) g
             LEFT JOIN copies c ON ((c.release_id = g.release_id)))
          GROUP BY g.genre_id
        ), tagged AS (
         SELECT s.genre,
            count(*) AS songs
           FROM public.songs s
          WHERE ((s.genre IS NOT NULL) AND (s.missing_since IS NULL))
          GROUP BY s.genre
        ), named AS (
         SELECT public.name_key(g.name) AS genre_key,
            g.name,
            true AS is_catalogued,
            COALESCE(r.releases, (0)::bigint) AS releases,
            COALESCE(r.copies, (0)::bigint) AS copies,
            (0)::bigint AS songs
           FROM (public.genres g
             LEFT JOIN released r ON ((r.genre_id = g.id)))
        UNION ALL
         SELECT public.name_key(t.genre) AS name_key,
            t.genre,
            false,
            0,
            0,
            t.songs
           FROM tagged t
        )
 SELECT named.genre_key,
    (array_agg(named.name ORDER BY named.is_catalogued DESC, named.songs DESC, (named.name COLLATE "C")))[1] AS name,
    (sum(named.releases))::bigint AS releases,
    (sum(named.copies))::bigint AS copies,
    (sum(named.songs))::bigint AS songs,
    NULL::timestamp with time zone AS refreshed_at
   FROM named
  GROUP BY named.genre_key
UNION ALL
 SELECT '00000000-0000-0000-0000-000000000000'::uuid AS genre_key,
    NULL::text AS name,
    ( SELECT count(*) AS count
           FROM public.releases) AS releases,
    ( SELECT (COALESCE(sum(copies.copies), (0)::numeric))::bigint AS "coalesce"
           FROM copies) AS copies,
    ( SELECT (COALESCE(sum(tagged.songs), (0)::numeric))::bigint AS "coalesce"
           FROM tagged) AS songs,
    now() AS refreshed_at
  WITH NO DATA;

CREATE MATERIALIZED VIEW public.mv_library_stats AS
 WITH by_artist AS (
         SELECT s.library_id,
            s.artist_id,
            count(*) FILTER (WHERE (s.missing_since IS NULL)) AS songs,
            count(s.missing_since) AS missing_songs,
            sum(s.duration_ms) FILTER (WHERE (s.missing_since IS NULL)) AS duration_ms
           FROM public.songs s
          GROUP BY s.library_id, s.artist_id
        ), song AS (
         SELECT by_artist.library_id,
            sum(by_artist.songs) AS songs,
            sum(by_artist.missing_songs) AS missing_songs,
            count(DISTINCT by_artist.artist_id) FILTER (WHERE (by_artist.songs > 0)) AS artists,
            sum(by_artist.duration_ms) AS duration_ms
           FROM by_artist
          GROUP BY GROUPING SETS ((), (by_artist.library_id))
        ), album AS (
         SELECT albums.library_id,
            count(*) AS albums
           FROM public.albums
          WHERE (albums.song_count > 0)
          GROUP BY GROUPING SETS ((), (albums.library_id))
        ), file AS (
         SELECT library_files.library_id,
            sum(library_files.size) FILTER (WHERE (library_files.song_id IS NOT NULL)) AS bytes,
            count(*) FILTER (WHERE (library_files.problem IS NOT NULL)) AS problem_files
           FROM public.library_files
          WHERE (library_files.missing_since IS NULL)
          GROUP BY GROUPING SETS ((), (library_files.library_id))
        ), library AS (
         SELECT libraries.id,
            libraries.id AS library_id
           FROM public.libraries
        UNION ALL
         SELECT '00000000-0000-0000-0000-000000000000'::uuid,
            NULL::uuid
        )
 SELECT library.id AS library_id,
    (COALESCE(song.songs, (0)::numeric))::bigint AS songs,
    (COALESCE(song.missing_songs, (0)::numeric))::bigint AS missing_songs,
    COALESCE(album.albums, (0)::bigint) AS albums,
    COALESCE(song.artists, (0)::bigint) AS artists,
    (COALESCE(song.duration_ms, (0)::numeric))::bigint AS duration_ms,
    (COALESCE(file.bytes, (0)::numeric))::bigint AS bytes,
    COALESCE(file.problem_files, (0)::bigint) AS problem_files,
        CASE
            WHEN (library.library_id IS NULL) THEN now()
            ELSE NULL::timestamp with time zone
        END AS refreshed_at
   FROM (((library
     LEFT JOIN song ON ((NOT (song.library_id IS DISTINCT FROM library.library_id))))
     LEFT JOIN album ON ((NOT (album.library_id IS DISTINCT FROM library.library_id))))
     LEFT JOIN file ON ((NOT (file.library_id IS DISTINCT FROM library.library_id))))
  WITH NO DATA;

CREATE TABLE public.play_history (
    user_id uuid NOT NULL,
    id uuid DEFAULT uuidv7() NOT NULL,
    release_id uuid NOT NULL,
    user_release_id uuid,
    stylus_id uuid,
    played_at timestamp with time zone NOT NULL,
    duration_seconds integer NOT NULL,
    duration_estimated boolean NOT NULL,
    side text,
    notes text,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT play_history_duration_check CHECK (((duration_seconds >= 0) AND (duration_seconds <= 172800))),
    CONSTRAINT play_history_side_check CHECK ((side ~ '^[A-Z]{1,2}$'::text))
);

CREATE MATERIALIZED VIEW public.mv_release_popularity AS
 WITH owned AS (
         SELECT c.release_id,
            count(*) AS copies,
            count(DISTINCT c.user_id) AS owners
           FROM public.user_releases c
          WHERE (c.archived_at IS NULL)
          GROUP BY c.release_id
        ), played AS (
         SELECT p.release_id,
            count(*) AS plays,
            count(DISTINCT p.user_id) AS listeners,
            max(p.played_at) AS last_played_at
           FROM public.play_history p
          GROUP BY p.release_id
        ), counted AS (
         SELECT release_id,
            COALESCE(owned.copies, (0)::bigint) AS copies,
            COALESCE(owned.owners, (0)::bigint) AS owners,
            COALESCE(played.plays, (0)::bigint) AS plays,
            COALESCE(played.listeners, (0)::bigint) AS listeners,
            played.last_played_at
           FROM (owned
             FULL JOIN played USING (release_id))
        )
 SELECT counted.release_id,
    counted.owners,
    counted.copies,
    counted.listeners,
    counted.plays,
    counted.last_played_at,
    NULL::timestamp with time zone AS refreshed_at
   FROM counted
UNION ALL
 SELECT '00000000-0000-0000-0000-000000000000'::uuid AS release_id,
    ( SELECT count(DISTINCT user_releases.user_id) AS count
           FROM public.user_releases
          WHERE (user_releases.archived_at IS NULL)) AS owners,
    (COALESCE(sum(counted.copies), (0)::numeric))::bigint AS copies,
    ( SELECT count(DISTINCT play_history.user_id) AS count
           FROM public.play_history) AS listeners,
    (COALESCE(sum(counted.plays), (0)::numeric))::bigint AS plays,
    max(counted.last_played_at) AS last_played_at,
    now() AS refreshed_at
   FROM counted
  WITH NO DATA;

CREATE TABLE public.release_artists (
    release_id uuid NOT NULL,
    "position" integer NOT NULL,
    artist_id uuid,
    name text NOT NULL,
    anv text,
    join_relation text,
    role text,
    tracks text
);

COMMENT ON COLUMN public.release_artists.role IS 'NULL for a main artist, the credit otherwise';

CREATE TABLE public.release_formats (
    release_id uuid NOT NULL,
    "position" integer NOT NULL,
    name text NOT NULL,
    qty text,
    text text,
    descriptions text[] NOT NULL
);

COMMENT ON COLUMN public.release_formats.qty IS 'as given: dumps hold numbers of 64 digits';

CREATE TABLE public.release_labels (
    release_id uuid NOT NULL,
    "position" integer NOT NULL,
    label_id uuid,
    name text NOT NULL,
    catno text
);

CREATE TABLE public.release_styles (
    release_id uuid NOT NULL,
    "position" integer NOT NULL,
    style_id uuid NOT NULL
);

CREATE UNLOGGED TABLE public.scan_files (
    library_id uuid NOT NULL,
    folder_key uuid GENERATED ALWAYS AS (public.folder_key(path)) STORED NOT NULL,
    path_key uuid GENERATED ALWAYS AS (public.path_key(path)) STORED NOT NULL,
    size bigint NOT NULL,
    mtime_ns bigint NOT NULL,
    path bytea NOT NULL
);

CREATE UNLOGGED TABLE public.scan_folders (
    library_id uuid NOT NULL,
    batch integer NOT NULL,
    folder_key uuid NOT NULL
);

CREATE UNLOGGED TABLE public.scan_members (
    library_id uuid NOT NULL,
    song_id uuid NOT NULL,
    folder_key uuid,
    album_key uuid,
    album_id uuid,
    old_album_id uuid,
    is_read boolean NOT NULL,
    album_name text,
    album_artist text
);

CREATE UNLOGGED TABLE public.scan_reads (
    library_id uuid NOT NULL,
    number bigint NOT NULL,
    batch integer NOT NULL,
    folder_key uuid NOT NULL,
    path bytea NOT NULL
);

CREATE UNLOGGED TABLE public.scan_songs (
    library_id uuid NOT NULL,
    folder_key uuid GENERATED ALWAYS AS (public.folder_key(path)) STORED NOT NULL,
    path_key uuid GENERATED ALWAYS AS (public.path_key(path)) STORED NOT NULL,
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
    tags jsonb
);

CREATE TABLE public.styles (
    id uuid DEFAULT uuidv7() NOT NULL,
    name text NOT NULL,
    name_normalized text GENERATED ALWAYS AS (public.normalize_name(name)) STORED NOT NULL COLLATE pg_catalog."C",
    created_at timestamp with time zone NOT NULL
);

CREATE TABLE public.stylus_models (
    id uuid DEFAULT uuidv7() NOT NULL,
    manufacturer text NOT NULL,
    name text NOT NULL,
    cartridge_type text NOT NULL,
    shape text NOT NULL,
    expected_lifespan_hours integer NOT NULL,
    CONSTRAINT stylus_models_lifespan_check CHECK ((expected_lifespan_hours > 0))
);

CREATE TABLE public.styluses (
    user_id uuid NOT NULL,
    id uuid DEFAULT uuidv7() NOT NULL,
    model_id uuid,
    name text NOT NULL,
    manufacturer text,
    cartridge_type text,
    expected_lifespan_hours integer,
    purchase_date date,
    install_date date,
    active boolean NOT NULL,
    is_primary boolean NOT NULL,
    owned boolean NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT styluses_lifespan_check CHECK ((expected_lifespan_hours > 0)),
    CONSTRAINT styluses_primary_check CHECK (((NOT is_primary) OR active))
);

COMMENT ON COLUMN public.styluses.is_primary IS 'the one that plays are logged with; only an active one';

CREATE TABLE public.sync_items (
    user_id uuid NOT NULL,
    run_id uuid NOT NULL,
    instance_id bigint NOT NULL,
    reading integer NOT NULL,
    release_discogs_id integer NOT NULL,
    release_id uuid,
    folder_number integer NOT NULL,
    rating smallint NOT NULL,
    media_condition text,
    sleeve_condition text,
    notes text,
    custom_fields jsonb NOT NULL,
    added_at timestamp with time zone,
    copy_id uuid,
    is_adopted boolean DEFAULT false NOT NULL,
    seen_updated_at timestamp with time zone,
    verdict text,
    conflicts text[] DEFAULT '{}'::text[] NOT NULL,
    merged jsonb,
    merged_custom jsonb
);

COMMENT ON COLUMN public.sync_items.release_id IS 'NULL where the catalogue lacks the release';

CREATE TABLE public.sync_jobs (
    run_id uuid NOT NULL,
    user_id uuid NOT NULL,
    owner uuid,
    backend_pid integer,
    backend_started_at timestamp with time zone,
    attempts integer DEFAULT 0 NOT NULL,
    cancel_requested boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone NOT NULL,
    alive_at timestamp with time zone NOT NULL
);

COMMENT ON COLUMN public.sync_jobs.owner IS 'a new number for each process that takes the run over';

COMMENT ON COLUMN public.sync_jobs.backend_pid IS 'the owner''s connection, NULL behind a pooler; gone, it tells at once that the owner is';

CREATE TABLE public.sync_runs (
    user_id uuid NOT NULL,
    id uuid DEFAULT uuidv7() NOT NULL,
    status text DEFAULT 'pending'::text NOT NULL,
    phase text DEFAULT 'identity'::text NOT NULL,
    dry_run boolean NOT NULL,
    with_details boolean NOT NULL,
    pages_done integer DEFAULT 0 NOT NULL,
    pages_total integer,
    releases_done integer DEFAULT 0 NOT NULL,
    releases_total integer,
    calls integer DEFAULT 0 NOT NULL,
    counts jsonb DEFAULT '{}'::jsonb NOT NULL,
    report jsonb DEFAULT '{}'::jsonb NOT NULL,
    state jsonb DEFAULT '{}'::jsonb NOT NULL,
    error_code text,
    error text,
    created_at timestamp with time zone NOT NULL,
    started_at timestamp with time zone,
    phase_started_at timestamp with time zone,
    updated_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone,
    CONSTRAINT sync_runs_phase_check CHECK ((phase = ANY (ARRAY['identity'::text, 'pages'::text, 'checking'::text, 'shelf'::text, 'releases'::text, 'done'::text]))),
    CONSTRAINT sync_runs_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'running'::text, 'completed'::text, 'failed'::text, 'cancelled'::text])))
);

COMMENT ON COLUMN public.sync_runs.state IS 'where a run that was cut short goes on';

CREATE TABLE public.tracks (
    release_id uuid NOT NULL,
    seq integer NOT NULL,
    parent_seq integer,
    duration_seconds integer,
    type public.track_type NOT NULL,
    "position" text,
    title text NOT NULL,
    duration_text text,
    credits jsonb,
    CONSTRAINT tracks_duration_seconds_check CHECK ((duration_seconds >= 0))
);

COMMENT ON COLUMN public.tracks.parent_seq IS 'the index track that this sub-track belongs to';

CREATE TABLE public.user_preferences (
    user_id uuid NOT NULL,
    preferences jsonb NOT NULL,
    updated_at timestamp with time zone NOT NULL
);

CREATE TABLE public.user_songs (
    user_id uuid NOT NULL,
    song_id uuid NOT NULL,
    play_count integer DEFAULT 0 NOT NULL,
    rating smallint DEFAULT 0 NOT NULL,
    last_played_at timestamp with time zone,
    starred_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT user_songs_play_count_check CHECK ((play_count >= 0)),
    CONSTRAINT user_songs_rating_check CHECK (((rating >= 0) AND (rating <= 5)))
);

COMMENT ON COLUMN public.user_songs.rating IS '0 is not rated';

CREATE TABLE public.users (
    id uuid DEFAULT uuidv7() NOT NULL,
    username text NOT NULL COLLATE pg_catalog."C",
    email text NOT NULL COLLATE pg_catalog.pg_c_utf8,
    discogs_username text,
    role public.user_role DEFAULT 'user'::public.user_role NOT NULL,
    password_hash text,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT users_email_check CHECK (((email ~ '^[^@\s]+@[^@\s]+$'::text) AND (length(email) <= 254))),
    CONSTRAINT users_username_check CHECK ((username ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$'::text))
);

CREATE TABLE public.words (
    word text NOT NULL COLLATE pg_catalog."C",
    CONSTRAINT words_word_check CHECK ((length(word) <= 64))
);

ALTER TABLE ONLY public.albums
    ADD CONSTRAINT albums_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.artists
    ADD CONSTRAINT artists_discogs_id_key UNIQUE (discogs_id);

ALTER TABLE ONLY public.artists
    ADD CONSTRAINT artists_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.attempts
    ADD CONSTRAINT attempts_pkey PRIMARY KEY (subject);

ALTER TABLE ONLY public.auth_tokens
    ADD CONSTRAINT auth_tokens_pkey PRIMARY KEY (token_hash);

ALTER TABLE ONLY public.cleaning_history
    ADD CONSTRAINT cleaning_history_pkey PRIMARY KEY (user_id, id);

ALTER TABLE ONLY public.discogs_copies
    ADD CONSTRAINT discogs_copies_pkey PRIMARY KEY (user_id, id);

ALTER TABLE ONLY public.discogs_credentials
    ADD CONSTRAINT discogs_credentials_pkey PRIMARY KEY (user_id);

ALTER TABLE ONLY public.discogs_pace
    ADD CONSTRAINT discogs_pace_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.folders
    ADD CONSTRAINT folders_pkey PRIMARY KEY (user_id, id);

ALTER TABLE ONLY public.folders
    ADD CONSTRAINT folders_user_id_number_key UNIQUE (user_id, number);

ALTER TABLE ONLY public.genres
    ADD CONSTRAINT genres_name_key UNIQUE (name);

ALTER TABLE ONLY public.genres
    ADD CONSTRAINT genres_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.id_map
    ADD CONSTRAINT id_map_pkey PRIMARY KEY (user_id, source, kind, old_id);

ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (user_id, key);

ALTER TABLE ONLY public.import_chunks
    ADD CONSTRAINT import_chunks_pkey PRIMARY KEY (user_id, run_id, kind, first_seq);

ALTER TABLE ONLY public.import_rows
    ADD CONSTRAINT import_rows_pkey PRIMARY KEY (user_id, run_id, seq);

ALTER TABLE ONLY public.import_runs
    ADD CONSTRAINT import_runs_pkey PRIMARY KEY (user_id, id);

ALTER TABLE ONLY public.labels
    ADD CONSTRAINT labels_discogs_id_key UNIQUE (discogs_id);

ALTER TABLE ONLY public.labels
    ADD CONSTRAINT labels_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.libraries
    ADD CONSTRAINT libraries_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.library_artists
    ADD CONSTRAINT library_artists_name_key UNIQUE (name_key);

ALTER TABLE ONLY public.library_artists
    ADD CONSTRAINT library_artists_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.library_files
    ADD CONSTRAINT library_files_pkey PRIMARY KEY (library_id, path_key);

ALTER TABLE ONLY public.library_files
    ADD CONSTRAINT library_files_song_id_key UNIQUE (song_id);

ALTER TABLE ONLY public.library_scans
    ADD CONSTRAINT library_scans_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.maintenance_steps
    ADD CONSTRAINT maintenance_steps_pkey PRIMARY KEY (step);

ALTER TABLE ONLY public.masters
    ADD CONSTRAINT masters_discogs_id_key UNIQUE (discogs_id);

ALTER TABLE ONLY public.masters
    ADD CONSTRAINT masters_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.play_history
    ADD CONSTRAINT play_history_pkey PRIMARY KEY (user_id, id);

ALTER TABLE ONLY public.release_artists
    ADD CONSTRAINT release_artists_pkey PRIMARY KEY (release_id, "position");

ALTER TABLE ONLY public.release_formats
    ADD CONSTRAINT release_formats_pkey PRIMARY KEY (release_id, "position");

ALTER TABLE ONLY public.release_genres
    ADD CONSTRAINT release_genres_pkey PRIMARY KEY (release_id, "position");

ALTER TABLE ONLY public.release_labels
    ADD CONSTRAINT release_labels_pkey PRIMARY KEY (release_id, "position");

ALTER TABLE ONLY public.release_styles
    ADD CONSTRAINT release_styles_pkey PRIMARY KEY (release_id, "position");

ALTER TABLE ONLY public.releases
    ADD CONSTRAINT releases_discogs_id_key UNIQUE (discogs_id);

ALTER TABLE ONLY public.releases
    ADD CONSTRAINT releases_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.scan_folders
    ADD CONSTRAINT scan_folders_pkey PRIMARY KEY (library_id, batch, folder_key);

ALTER TABLE ONLY public.scan_members
    ADD CONSTRAINT scan_members_pkey PRIMARY KEY (library_id, song_id);

ALTER TABLE ONLY public.scan_reads
    ADD CONSTRAINT scan_reads_pkey PRIMARY KEY (library_id, number);

ALTER TABLE ONLY public.scan_songs
    ADD CONSTRAINT scan_songs_pkey PRIMARY KEY (library_id, path_key);

ALTER TABLE ONLY public.song_artists
    ADD CONSTRAINT song_artists_pkey PRIMARY KEY (artist_id, song_id);

ALTER TABLE ONLY public.songs
    ADD CONSTRAINT songs_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.styles
    ADD CONSTRAINT styles_name_key UNIQUE (name);

ALTER TABLE ONLY public.styles
    ADD CONSTRAINT styles_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.stylus_models
    ADD CONSTRAINT stylus_models_manufacturer_name_key UNIQUE (manufacturer, name);

ALTER TABLE ONLY public.stylus_models
    ADD CONSTRAINT stylus_models_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.styluses
    ADD CONSTRAINT styluses_pkey PRIMARY KEY (user_id, id);

ALTER TABLE ONLY public.sync_items
    ADD CONSTRAINT sync_items_pkey PRIMARY KEY (user_id, run_id, instance_id);

ALTER TABLE ONLY public.sync_jobs
    ADD CONSTRAINT sync_jobs_pkey PRIMARY KEY (run_id);

ALTER TABLE ONLY public.sync_jobs
    ADD CONSTRAINT sync_jobs_user_id_key UNIQUE (user_id);

ALTER TABLE ONLY public.sync_runs
    ADD CONSTRAINT sync_runs_pkey PRIMARY KEY (user_id, id);

ALTER TABLE ONLY public.tracks
    ADD CONSTRAINT tracks_pkey PRIMARY KEY (release_id, seq);

ALTER TABLE ONLY public.user_preferences
    ADD CONSTRAINT user_preferences_pkey PRIMARY KEY (user_id);

ALTER TABLE ONLY public.user_releases
    ADD CONSTRAINT user_releases_pkey PRIMARY KEY (user_id, id);

ALTER TABLE ONLY public.user_releases
    ADD CONSTRAINT user_releases_user_id_instance_key UNIQUE (user_id, discogs_instance_id);

ALTER TABLE ONLY public.user_songs
    ADD CONSTRAINT user_songs_pkey PRIMARY KEY (user_id, song_id);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.words
    ADD CONSTRAINT words_pkey PRIMARY KEY (word);

CREATE INDEX albums_artist_idx ON ONLY public.albums USING btree (artist_id, COALESCE(year, 0) DESC, id DESC);

CREATE INDEX albums_key_idx ON ONLY public.albums USING btree (library_id, key);

CREATE INDEX albums_name_idx ON ONLY public.albums USING btree ("left"(name_normalized, 64), id);

CREATE INDEX albums_words_idx ON ONLY public.albums USING gin (public.name_words(name_normalized));

CREATE INDEX artists_name_idx ON public.artists USING btree ("left"(name_normalized, 64), id);

CREATE INDEX artists_words_idx ON public.artists USING gin (public.name_words(name_normalized));

CREATE UNIQUE INDEX auth_tokens_user_idx ON public.auth_tokens USING btree (user_id, id);

CREATE INDEX cleaning_history_user_cleaned_idx ON public.cleaning_history USING btree (user_id, cleaned_at DESC, id DESC);

CREATE INDEX cleaning_history_user_copy_idx ON public.cleaning_history USING btree (user_id, user_release_id) WHERE (user_release_id IS NOT NULL);

CREATE INDEX cleaning_history_user_release_idx ON public.cleaning_history USING btree (user_id, release_id, cleaned_at DESC);

CREATE UNIQUE INDEX folders_user_name_key ON public.folders USING btree (user_id, lower((name COLLATE pg_c_utf8)));

CREATE INDEX import_rows_source_idx ON public.import_rows USING btree (user_id, run_id, kind, source_id) WHERE (source_id IS NOT NULL);

CREATE INDEX import_runs_latest_idx ON public.import_runs USING btree (created_at, id) INCLUDE (state);

CREATE INDEX labels_name_idx ON public.labels USING btree ("left"(name_normalized, 64), id);

CREATE INDEX labels_words_idx ON public.labels USING gin (public.name_words(name_normalized));

CREATE UNIQUE INDEX libraries_name_key ON public.libraries USING btree (lower((name COLLATE pg_c_utf8)));

CREATE INDEX library_artists_artist_idx ON public.library_artists USING btree (artist_id) WHERE (artist_id IS NOT NULL);

CREATE INDEX library_artists_name_idx ON public.library_artists USING btree ("left"(name_normalized, 64), id);

CREATE INDEX library_artists_words_idx ON public.library_artists USING gin (public.name_words(name_normalized));

CREATE INDEX library_files_content_idx ON public.library_files USING btree (library_id, content_hash) WHERE (content_hash IS NOT NULL);

CREATE INDEX library_scans_library_idx ON public.library_scans USING btree (library_id, id DESC);

CREATE UNIQUE INDEX mv_artist_stats_key ON public.mv_artist_stats USING btree (artist_id);

CREATE UNIQUE INDEX mv_catalogue_totals_key ON public.mv_catalogue_totals USING btree (id);

CREATE UNIQUE INDEX mv_genre_counts_key ON public.mv_genre_counts USING btree (genre_key);

CREATE UNIQUE INDEX mv_library_stats_key ON public.mv_library_stats USING btree (library_id);

CREATE UNIQUE INDEX mv_release_popularity_key ON public.mv_release_popularity USING btree (release_id);

CREATE INDEX mv_release_popularity_owners_idx ON public.mv_release_popularity USING btree (owners DESC, release_id DESC);

CREATE INDEX play_history_user_copy_idx ON public.play_history USING btree (user_id, user_release_id) WHERE (user_release_id IS NOT NULL);

CREATE INDEX play_history_user_played_idx ON public.play_history USING btree (user_id, played_at DESC, id DESC) INCLUDE (release_id, duration_seconds);

CREATE INDEX play_history_user_release_idx ON public.play_history USING btree (user_id, release_id, played_at DESC);

CREATE INDEX play_history_user_stylus_idx ON public.play_history USING btree (user_id, stylus_id) INCLUDE (duration_seconds) WHERE (stylus_id IS NOT NULL);

CREATE INDEX release_artists_artist_idx ON public.release_artists USING btree (artist_id, release_id DESC);

CREATE INDEX release_genres_genre_idx ON public.release_genres USING btree (genre_id, release_id DESC);

CREATE INDEX release_labels_label_idx ON public.release_labels USING btree (label_id, release_id DESC);

CREATE INDEX release_styles_style_idx ON public.release_styles USING btree (style_id, release_id DESC);

CREATE INDEX releases_facets_idx ON public.releases USING gin (facets);

CREATE INDEX releases_words_idx ON public.releases USING gin (public.name_words(search_text));

CREATE INDEX releases_year_idx ON public.releases USING btree (year);

CREATE INDEX scan_files_folder_idx ON public.scan_files USING btree (library_id, folder_key);

CREATE INDEX song_artists_song_idx ON public.song_artists USING btree (song_id, "position");

CREATE INDEX songs_album_idx ON ONLY public.songs USING btree (album_id, disc_number, track_number, id);

CREATE INDEX songs_artist_idx ON ONLY public.songs USING btree (artist_id, id DESC);

CREATE INDEX songs_codec_idx ON ONLY public.songs USING btree (codec, id);

CREATE INDEX songs_library_idx ON ONLY public.songs USING btree (library_id, id);

CREATE INDEX songs_words_idx ON ONLY public.songs USING gin (public.name_words(name_normalized));

CREATE UNIQUE INDEX styluses_user_primary_key ON public.styluses USING btree (user_id) WHERE is_primary;

CREATE INDEX sync_runs_latest_idx ON public.sync_runs USING btree (created_at, id) INCLUDE (status);

CREATE INDEX user_releases_user_added_idx ON public.user_releases USING btree (user_id, added_at DESC, id DESC);

CREATE INDEX user_releases_user_folder_idx ON public.user_releases USING btree (user_id, folder_id);

CREATE INDEX user_releases_user_release_idx ON public.user_releases USING btree (user_id, release_id);

CREATE INDEX user_songs_song_idx ON public.user_songs USING btree (song_id, user_id);

CREATE INDEX user_songs_user_played_idx ON public.user_songs USING btree (user_id, last_played_at DESC, song_id DESC) WHERE (last_played_at IS NOT NULL);

CREATE INDEX user_songs_user_starred_idx ON public.user_songs USING btree (user_id, starred_at DESC, song_id DESC) WHERE (starred_at IS NOT NULL);

CREATE UNIQUE INDEX users_email_key ON public.users USING btree (lower(email));

CREATE UNIQUE INDEX users_username_key ON public.users USING btree (lower(username));

CREATE INDEX words_trgm_idx ON public.words USING gin (word public.gin_trgm_ops);

ALTER TABLE public.albums
    ADD CONSTRAINT albums_artist_id_fkey FOREIGN KEY (artist_id) REFERENCES public.library_artists(id);

ALTER TABLE public.albums
    ADD CONSTRAINT albums_library_id_fkey FOREIGN KEY (library_id) REFERENCES public.libraries(id);

ALTER TABLE ONLY public.auth_tokens
    ADD CONSTRAINT auth_tokens_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.cleaning_history
    ADD CONSTRAINT cleaning_history_release_id_fkey FOREIGN KEY (release_id) REFERENCES public.releases(id);

ALTER TABLE ONLY public.cleaning_history
    ADD CONSTRAINT cleaning_history_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.cleaning_history
    ADD CONSTRAINT cleaning_history_user_release_id_fkey FOREIGN KEY (user_id, user_release_id) REFERENCES public.user_releases(user_id, id);

ALTER TABLE ONLY public.discogs_copies
    ADD CONSTRAINT discogs_copies_id_fkey FOREIGN KEY (user_id, id) REFERENCES public.user_releases(user_id, id);

ALTER TABLE ONLY public.discogs_copies
    ADD CONSTRAINT discogs_copies_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.discogs_credentials
    ADD CONSTRAINT discogs_credentials_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.folders
    ADD CONSTRAINT folders_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.id_map
    ADD CONSTRAINT id_map_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.import_chunks
    ADD CONSTRAINT import_chunks_run_id_fkey FOREIGN KEY (user_id, run_id) REFERENCES public.import_runs(user_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY public.import_rows
    ADD CONSTRAINT import_rows_run_id_fkey FOREIGN KEY (user_id, run_id) REFERENCES public.import_runs(user_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY public.import_runs
    ADD CONSTRAINT import_runs_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.library_artists
    ADD CONSTRAINT library_artists_artist_id_fkey FOREIGN KEY (artist_id) REFERENCES public.artists(id);

ALTER TABLE ONLY public.library_files
    ADD CONSTRAINT library_files_library_id_fkey FOREIGN KEY (library_id) REFERENCES public.libraries(id);

ALTER TABLE ONLY public.library_scans
    ADD CONSTRAINT library_scans_library_id_fkey FOREIGN KEY (library_id) REFERENCES public.libraries(id);

ALTER TABLE ONLY public.play_history
    ADD CONSTRAINT play_history_release_id_fkey FOREIGN KEY (release_id) REFERENCES public.releases(id);

ALTER TABLE ONLY public.play_history
    ADD CONSTRAINT play_history_stylus_id_fkey FOREIGN KEY (user_id, stylus_id) REFERENCES public.styluses(user_id, id);

ALTER TABLE ONLY public.play_history
    ADD CONSTRAINT play_history_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.play_history
    ADD CONSTRAINT play_history_user_release_id_fkey FOREIGN KEY (user_id, user_release_id) REFERENCES public.user_releases(user_id, id);

ALTER TABLE ONLY public.release_artists
    ADD CONSTRAINT release_artists_artist_id_fkey FOREIGN KEY (artist_id) REFERENCES public.artists(id);

ALTER TABLE ONLY public.release_artists
    ADD CONSTRAINT release_artists_release_id_fkey FOREIGN KEY (release_id) REFERENCES public.releases(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.release_formats
    ADD CONSTRAINT release_formats_release_id_fkey FOREIGN KEY (release_id) REFERENCES public.releases(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.release_genres
    ADD CONSTRAINT release_genres_genre_id_fkey FOREIGN KEY (genre_id) REFERENCES public.genres(id);

ALTER TABLE ONLY public.release_genres
    ADD CONSTRAINT release_genres_release_id_fkey FOREIGN KEY (release_id) REFERENCES public.releases(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.release_labels
    ADD CONSTRAINT release_labels_label_id_fkey FOREIGN KEY (label_id) REFERENCES public.labels(id);

ALTER TABLE ONLY public.release_labels
    ADD CONSTRAINT release_labels_release_id_fkey FOREIGN KEY (release_id) REFERENCES public.releases(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.release_styles
    ADD CONSTRAINT release_styles_release_id_fkey FOREIGN KEY (release_id) REFERENCES public.releases(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.release_styles
    ADD CONSTRAINT release_styles_style_id_fkey FOREIGN KEY (style_id) REFERENCES public.styles(id);

ALTER TABLE ONLY public.song_artists
    ADD CONSTRAINT song_artists_artist_id_fkey FOREIGN KEY (artist_id) REFERENCES public.library_artists(id);

ALTER TABLE ONLY public.song_artists
    ADD CONSTRAINT song_artists_song_id_fkey FOREIGN KEY (song_id) REFERENCES public.songs(id);

ALTER TABLE public.songs
    ADD CONSTRAINT songs_artist_id_fkey FOREIGN KEY (artist_id) REFERENCES public.library_artists(id);

ALTER TABLE public.songs
    ADD CONSTRAINT songs_library_id_fkey FOREIGN KEY (library_id) REFERENCES public.libraries(id);

ALTER TABLE ONLY public.styluses
    ADD CONSTRAINT styluses_model_id_fkey FOREIGN KEY (model_id) REFERENCES public.stylus_models(id);

ALTER TABLE ONLY public.styluses
    ADD CONSTRAINT styluses_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.sync_items
    ADD CONSTRAINT sync_items_run_id_fkey FOREIGN KEY (user_id, run_id) REFERENCES public.sync_runs(user_id, id);

ALTER TABLE ONLY public.sync_items
    ADD CONSTRAINT sync_items_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.sync_jobs
    ADD CONSTRAINT sync_jobs_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.sync_runs
    ADD CONSTRAINT sync_runs_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.tracks
    ADD CONSTRAINT tracks_release_id_fkey FOREIGN KEY (release_id) REFERENCES public.releases(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.user_preferences
    ADD CONSTRAINT user_preferences_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.user_releases
    ADD CONSTRAINT user_releases_folder_id_fkey FOREIGN KEY (user_id, folder_id) REFERENCES public.folders(user_id, id);

ALTER TABLE ONLY public.user_releases
    ADD CONSTRAINT user_releases_release_id_fkey FOREIGN KEY (release_id) REFERENCES public.releases(id);

ALTER TABLE ONLY public.user_releases
    ADD CONSTRAINT user_releases_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.user_songs
    ADD CONSTRAINT user_songs_song_id_fkey FOREIGN KEY (song_id) REFERENCES public.songs(id);

ALTER TABLE ONLY public.user_songs
    ADD CONSTRAINT user_songs_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;
