-- New releases by the thousand, as a dump brings them.
-- Tables: releases, release_artists, release_labels, release_formats, release_genres,
--         release_styles, tracks; artists, labels, genres, styles for what releases refer to.
--
-- The same rows as releases.upsert_releases writes, straight into their tables: COPY writes a page
-- of them at once and asks no index whether a row is there already. What it can't do is to replace
-- a release; who calls has looked.

-- name: lock_new_entries(kind)^
-- Keep away those who replace entries of a kind, but not others who add new ones.
--
-- Two that add the same entry are told apart by its Discogs number, which is unique: the second
-- fails and writes nothing.
--
-- Returns: one row bool, true.
-- Params:  kind text: 'releases'.
-- Index:   none; no table is read.
-- Cost:    at most 8 buffers.
-- Locks:   the advisory lock of catalogue_entries.lock_entries, shared, until the transaction ends.
SELECT true
  FROM pg_advisory_xact_lock_shared(hashtextextended('kleio:' || :kind::text, 0));

-- name: list_references(artist_numbers, label_numbers, genres, styles)
-- The keys of artists, labels, genres and styles that releases name.
--
-- Returns: 0..n rows Reference, in no order; what the catalogue lacks is missing.
-- Index:   artists_discogs_id_key, labels_discogs_id_key, styles_name_key; genres_name_key for many
--          genres.
-- Cost:    at most 22 buffers.
-- Locks:   none.
SELECT 'artist' AS kind, a.discogs_id, NULL::text AS name, a.id
  FROM artists AS a
 WHERE a.discogs_id = ANY (:artist_numbers::int[])
 UNION ALL
SELECT 'label', l.discogs_id, NULL, l.id
  FROM labels AS l
 WHERE l.discogs_id = ANY (:label_numbers::int[])
 UNION ALL
SELECT 'genre', NULL, g.name, g.id
  FROM genres AS g
 WHERE g.name = ANY (:genres::text[])
 UNION ALL
SELECT 'style', NULL, s.name, s.id
  FROM styles AS s
 WHERE s.name = ANY (:styles::text[]);

-- name: insert_references(artist_numbers, artist_names, label_numbers, label_names, genres, styles, now)!
-- The artists, labels, genres and styles of list_references that the catalogue lacks.
--
-- Returns: the number of artists written (the other tables' rows are not counted).
-- Params:  artist_numbers int[], artist_names text[]: of the same length, each number once, and so
--          are label_numbers, label_names.
-- Index:   artists_discogs_id_key, labels_discogs_id_key, genres_name_key, styles_name_key.
-- Order:   by key, so that two imports can't deadlock.
-- Cost:    at most 210 buffers for ten.
-- Locks:   new rows only.
WITH new_label AS (
    INSERT INTO labels (discogs_id, name, created_at, updated_at)
    SELECT l.discogs_id, l.name, :now::timestamptz, :now
      FROM unnest(:label_numbers::int[], :label_names::text[]) AS l (discogs_id, name)
     ORDER BY l.discogs_id
        ON CONFLICT (discogs_id) DO NOTHING
),
new_genre AS (
    INSERT INTO genres (name, created_at)
    SELECT g.name, :now::timestamptz
      FROM unnest(:genres::text[]) AS g (name)
     ORDER BY g.name
        ON CONFLICT (name) DO NOTHING
),
new_style AS (
    INSERT INTO styles (name, created_at)
    SELECT s.name, :now::timestamptz
      FROM unnest(:styles::text[]) AS s (name)
     ORDER BY s.name
        ON CONFLICT (name) DO NOTHING
)
INSERT INTO artists (discogs_id, name, created_at, updated_at)
SELECT a.discogs_id, a.name, :now::timestamptz, :now
  FROM unnest(:artist_numbers::int[], :artist_names::text[]) AS a (discogs_id, name)
 ORDER BY a.discogs_id
    ON CONFLICT (discogs_id) DO NOTHING;

-- name: lock_references(artist_ids, label_ids, genre_ids, style_ids)^
-- Keep what releases refer to from being deleted until the transaction ends.
--
-- What the checks of foreign keys do for each row that refers to them, once for a batch.
--
-- Returns: one row bigint: how many of them there are.
-- Params:  artist_ids, label_ids, genre_ids, style_ids uuid[]: each key once.
-- Index:   artists_pkey, labels_pkey, styles_pkey; genres_pkey for many genres.
-- Cost:    at most 130 buffers.
-- Locks:   all of them FOR KEY SHARE, which keeps nobody from changing them.
WITH artist AS (
    SELECT a.id
      FROM artists AS a
     WHERE a.id = ANY (:artist_ids::uuid[])
       FOR KEY SHARE
),
label AS (
    SELECT l.id
      FROM labels AS l
     WHERE l.id = ANY (:label_ids::uuid[])
       FOR KEY SHARE
),
genre AS (
    SELECT g.id
      FROM genres AS g
     WHERE g.id = ANY (:genre_ids::uuid[])
       FOR KEY SHARE
),
style AS (
    SELECT s.id
      FROM styles AS s
     WHERE s.id = ANY (:style_ids::uuid[])
       FOR KEY SHARE
)
SELECT (SELECT count(*) FROM artist) + (SELECT count(*) FROM label)
       + (SELECT count(*) FROM genre) + (SELECT count(*) FROM style);

-- name: list_normalized(names, credits, codes)
-- Texts as the catalogue's filters and searches compare them.
--
-- Returns: 0..n rows Normalized, as many as the longest list has; NULL where a list has ended.
-- Params:  names text[]: of titles, genres and the like; credits text[]: names that may end in a
--          number of Discogs; codes text[]: catalogue numbers and barcodes.
-- Index:   none; no table is read.
-- Order:   as given; total.
-- Cost:    at most 8 buffers for ten.
-- Locks:   none.
SELECT normalize_name(given.name) AS name, normalize_credit(given.credit) AS credit,
       normalize_code(given.code) AS code
  FROM unnest(:names::text[], :credits::text[], :codes::text[])
       WITH ORDINALITY AS given (name, credit, code, number)
 ORDER BY given.number;

-- name: copy_releases()!
-- Releases with the columns that are derived from their parts.
--
-- Returns: the number of rows.
-- Index:   those of releases grow; releases_discogs_id_key refuses one that is there.
-- Locks:   new rows only.
COPY releases (
    id, discogs_id, master_discogs_id, year, play_duration, play_duration_estimated, created_at,
    updated_at, synced_at, title, artist_normalized, card, released, country, resource_url, thumb,
    cover_image, data_quality, source_hash, facets, search_text, notes, metadata, from_api
) FROM STDIN (FORMAT binary);

-- name: copy_release_artists()!
-- Credits of releases.
--
-- Returns: the number of rows.
-- Index:   those of release_artists grow.
-- Locks:   new rows only; their releases and artists FOR KEY SHARE.
COPY release_artists (
    release_id, position, artist_id, name, anv, join_relation, role, tracks
) FROM STDIN (FORMAT binary);

-- name: copy_release_labels()!
-- Labels of releases.
--
-- Returns: the number of rows.
-- Index:   those of release_labels grow.
-- Locks:   new rows only; their releases and labels FOR KEY SHARE.
COPY release_labels (release_id, position, label_id, name, catno) FROM STDIN (FORMAT binary);

-- name: copy_release_formats()!
-- Carriers of releases.
--
-- Returns: the number of rows.
-- Index:   those of release_formats grow.
-- Locks:   new rows only; their releases FOR KEY SHARE.
COPY release_formats (
    release_id, position, name, qty, text, descriptions
) FROM STDIN (FORMAT binary);

-- name: copy_release_genres()!
-- Genres of releases.
--
-- Returns: the number of rows.
-- Index:   those of release_genres grow.
-- Locks:   new rows only; their releases and genres FOR KEY SHARE.
COPY release_genres (release_id, position, genre_id) FROM STDIN (FORMAT binary);

-- name: copy_release_styles()!
-- Styles of releases.
--
-- Returns: the number of rows.
-- Index:   those of release_styles grow.
-- Locks:   new rows only; their releases and styles FOR KEY SHARE.
COPY release_styles (release_id, position, style_id) FROM STDIN (FORMAT binary);

-- name: copy_tracks()!
-- Track lists of releases.
--
-- Returns: the number of rows.
-- Index:   those of tracks grow.
-- Locks:   new rows only; their releases FOR KEY SHARE.
COPY tracks (
    release_id, seq, parent_seq, duration_seconds, type, position, title, duration_text, credits
) FROM STDIN (FORMAT binary);
