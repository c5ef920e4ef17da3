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

CREATE FUNCTION public.f_unaccent(value text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN public.unaccent('public.unaccent'::regdictionary, value);

CREATE FUNCTION public.normalize_code(value text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN lower((regexp_replace((value COLLATE pg_c_utf8), '[^[:alnum:]]'::text, ''::text, 'g'::text) COLLATE pg_c_utf8));

CREATE FUNCTION public.normalize_name(value text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN lower((public.f_unaccent(CASE WHEN ((value COLLATE "C") ~ '^\s|\s\s|[\t\n\r]|\s$'::text) THEN btrim(regexp_replace((value COLLATE "C"), '\s+'::text, ' '::text, 'g'::text)) ELSE value END) COLLATE pg_c_utf8));

CREATE FUNCTION public.normalize_credit(value text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN public.normalize_name(CASE WHEN ("right"(value, 1) = ')'::text) THEN regexp_replace((value COLLATE "C"), '\s+\([0-9]+\)$'::text, ''::text) ELSE value END);

CREATE FUNCTION public.release_facets(artist text, label text, genre text, style text, format text, country text, catno text, barcode text) RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN NULLIF(array_remove(ARRAY[('artist:'::text || public.normalize_credit(artist)), ('label:'::text || public.normalize_credit(label)), ('genre:'::text || public.normalize_name(genre)), ('style:'::text || public.normalize_name(style)), ('format:'::text || public.normalize_name(format)), ('country:'::text || public.normalize_name(country)), ('catno:'::text || public.normalize_code(catno)), ('barcode:'::text || public.normalize_code(barcode))], NULL::text), '{}'::text[]);

CREATE FUNCTION public.search_words(search text) RETURNS text[]
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN ARRAY(SELECT word.word FROM unnest(string_to_array(public.normalize_name(search_words.search), ' '::text)) word(word) WHERE ((word.word COLLATE pg_c_utf8) ~ '[[:alnum:]]'::text));

CREATE FUNCTION public.search_anchor(search text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (SELECT word.word FROM unnest(public.search_words(search_anchor.search)) word(word) ORDER BY (length(word.word)) DESC, word.word LIMIT 1);

CREATE FUNCTION public.search_rest(search text) RETURNS text[]
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN array_remove(public.search_words(search), public.search_anchor(search));

CREATE FUNCTION public.side_of(position_text text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN upper("substring"(regexp_replace((position_text COLLATE "C"), '^[A-Za-z]{2,}[0-9]*-'::text, ''::text), '^(?!CD|LP|EP|MC)([A-Za-z]{1,2})(?:[0-9. (-]|$)'::text));

CREATE FUNCTION public.wear_level(percent_used double precision) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN CASE WHEN (percent_used >= (100)::double precision) THEN 'due'::text WHEN (percent_used >= (80)::double precision) THEN 'soon'::text ELSE 'ok'::text END;

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

CREATE TABLE public.discogs_credentials (
    user_id uuid NOT NULL,
    token_encrypted bytea NOT NULL,
    updated_at timestamp with time zone NOT NULL
);

CREATE TABLE public.folders (
    user_id uuid NOT NULL,
    id uuid DEFAULT uuidv7() NOT NULL,
    number integer NOT NULL,
    name text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT folders_number_check CHECK ((number > 0))
);

COMMENT ON COLUMN public.folders.number IS 'Discogs'' number of the folder; 1 is Uncategorized';

CREATE TABLE public.genres (
    id uuid DEFAULT uuidv7() NOT NULL,
    name text NOT NULL,
    name_normalized text GENERATED ALWAYS AS (public.normalize_name(name)) STORED NOT NULL COLLATE pg_catalog."C",
    created_at timestamp with time zone NOT NULL
);

CREATE TABLE public.idempotency_keys (
    user_id uuid NOT NULL,
    key text NOT NULL,
    request_hash bytea NOT NULL,
    status smallint NOT NULL,
    response bytea NOT NULL,
    created_at timestamp with time zone NOT NULL
);

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

CREATE TABLE public.release_genres (
    release_id uuid NOT NULL,
    "position" integer NOT NULL,
    genre_id uuid NOT NULL
);

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
    CONSTRAINT releases_discogs_id_check CHECK ((discogs_id > 0))
);
ALTER TABLE ONLY public.releases ALTER COLUMN card SET STORAGE EXTERNAL;
ALTER TABLE ONLY public.releases ALTER COLUMN facets SET STORAGE EXTERNAL;
ALTER TABLE ONLY public.releases ALTER COLUMN search_text SET STATISTICS 0;
ALTER TABLE ONLY public.releases ALTER COLUMN search_text SET STORAGE EXTERNAL;

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

ALTER TABLE ONLY public.artists
    ADD CONSTRAINT artists_discogs_id_key UNIQUE (discogs_id);

ALTER TABLE ONLY public.artists
    ADD CONSTRAINT artists_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.auth_tokens
    ADD CONSTRAINT auth_tokens_pkey PRIMARY KEY (token_hash);

ALTER TABLE ONLY public.cleaning_history
    ADD CONSTRAINT cleaning_history_pkey PRIMARY KEY (user_id, id);

ALTER TABLE ONLY public.discogs_credentials
    ADD CONSTRAINT discogs_credentials_pkey PRIMARY KEY (user_id);

ALTER TABLE ONLY public.folders
    ADD CONSTRAINT folders_pkey PRIMARY KEY (user_id, id);

ALTER TABLE ONLY public.folders
    ADD CONSTRAINT folders_user_id_number_key UNIQUE (user_id, number);

ALTER TABLE ONLY public.genres
    ADD CONSTRAINT genres_name_key UNIQUE (name);

ALTER TABLE ONLY public.genres
    ADD CONSTRAINT genres_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (user_id, key);

ALTER TABLE ONLY public.labels
    ADD CONSTRAINT labels_discogs_id_key UNIQUE (discogs_id);

ALTER TABLE ONLY public.labels
    ADD CONSTRAINT labels_pkey PRIMARY KEY (id);

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

ALTER TABLE ONLY public.tracks
    ADD CONSTRAINT tracks_pkey PRIMARY KEY (release_id, seq);

ALTER TABLE ONLY public.user_preferences
    ADD CONSTRAINT user_preferences_pkey PRIMARY KEY (user_id);

ALTER TABLE ONLY public.user_releases
    ADD CONSTRAINT user_releases_pkey PRIMARY KEY (user_id, id);

ALTER TABLE ONLY public.user_releases
    ADD CONSTRAINT user_releases_user_id_instance_key UNIQUE (user_id, discogs_instance_id);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);

CREATE INDEX artists_name_idx ON public.artists USING btree ("left"(name_normalized, 64), id);

CREATE INDEX artists_name_trgm_idx ON public.artists USING gin (name_normalized public.gin_trgm_ops);

CREATE UNIQUE INDEX auth_tokens_user_idx ON public.auth_tokens USING btree (user_id, id);

CREATE INDEX cleaning_history_user_cleaned_idx ON public.cleaning_history USING btree (user_id, cleaned_at DESC, id DESC);

CREATE INDEX cleaning_history_user_copy_idx ON public.cleaning_history USING btree (user_id, user_release_id) WHERE (user_release_id IS NOT NULL);

CREATE INDEX cleaning_history_user_release_idx ON public.cleaning_history USING btree (user_id, release_id, cleaned_at DESC);

CREATE UNIQUE INDEX folders_user_name_key ON public.folders USING btree (user_id, lower((name COLLATE pg_c_utf8)));

CREATE INDEX labels_name_idx ON public.labels USING btree ("left"(name_normalized, 64), id);

CREATE INDEX labels_name_trgm_idx ON public.labels USING gin (name_normalized public.gin_trgm_ops);

CREATE INDEX play_history_user_copy_idx ON public.play_history USING btree (user_id, user_release_id) WHERE (user_release_id IS NOT NULL);

CREATE INDEX play_history_user_played_idx ON public.play_history USING btree (user_id, played_at DESC, id DESC) INCLUDE (release_id, duration_seconds);

CREATE INDEX play_history_user_release_idx ON public.play_history USING btree (user_id, release_id, played_at DESC);

CREATE INDEX play_history_user_stylus_idx ON public.play_history USING btree (user_id, stylus_id) INCLUDE (duration_seconds) WHERE (stylus_id IS NOT NULL);

CREATE INDEX release_artists_artist_idx ON public.release_artists USING btree (artist_id, release_id DESC);

CREATE INDEX release_genres_genre_idx ON public.release_genres USING btree (genre_id, release_id DESC);

CREATE INDEX release_labels_label_idx ON public.release_labels USING btree (label_id, release_id DESC);

CREATE INDEX release_styles_style_idx ON public.release_styles USING btree (style_id, release_id DESC);

CREATE INDEX releases_facets_idx ON public.releases USING gin (facets);

CREATE INDEX releases_search_trgm_idx ON public.releases USING gin (search_text public.gin_trgm_ops);

CREATE INDEX releases_year_idx ON public.releases USING btree (year);

CREATE UNIQUE INDEX styluses_user_primary_key ON public.styluses USING btree (user_id) WHERE is_primary;

CREATE INDEX user_releases_user_added_idx ON public.user_releases USING btree (user_id, added_at DESC, id DESC);

CREATE INDEX user_releases_user_folder_idx ON public.user_releases USING btree (user_id, folder_id);

CREATE INDEX user_releases_user_release_idx ON public.user_releases USING btree (user_id, release_id);

CREATE UNIQUE INDEX users_email_key ON public.users USING btree (lower(email));

CREATE UNIQUE INDEX users_username_key ON public.users USING btree (lower(username));

ALTER TABLE ONLY public.auth_tokens
    ADD CONSTRAINT auth_tokens_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.cleaning_history
    ADD CONSTRAINT cleaning_history_release_id_fkey FOREIGN KEY (release_id) REFERENCES public.releases(id);

ALTER TABLE ONLY public.cleaning_history
    ADD CONSTRAINT cleaning_history_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.cleaning_history
    ADD CONSTRAINT cleaning_history_user_release_id_fkey FOREIGN KEY (user_id, user_release_id) REFERENCES public.user_releases(user_id, id);

ALTER TABLE ONLY public.discogs_credentials
    ADD CONSTRAINT discogs_credentials_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.folders
    ADD CONSTRAINT folders_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

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

ALTER TABLE ONLY public.styluses
    ADD CONSTRAINT styluses_model_id_fkey FOREIGN KEY (model_id) REFERENCES public.stylus_models(id);

ALTER TABLE ONLY public.styluses
    ADD CONSTRAINT styluses_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

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
