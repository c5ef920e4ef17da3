-- Releases of the shared catalogue, with their credits, labels, formats, genres, styles, tracks.
-- Tables: releases, release_artists, release_labels, release_formats, release_genres,
--         release_styles, tracks; artists, labels, genres, styles for what releases refer to.
--
-- Facets come from a release's own credits, so that a new name of an artist leaves none stale: the
-- dump that renames an artist renames its credits as well.
-- releases.card is the JSON that every list shows of a release. It is json and not jsonb: it is
-- only ever passed through, and json is sent as it lies there.

-- name: list_release_hashes(discogs_ids)
-- What the catalogue holds of these Discogs releases, to leave out what is unchanged.
--
-- Returns: 0..n rows SourceHash, in no order.
-- Index:   releases_discogs_id_key.
-- Cost:    at most 9 buffers.
-- Locks:   none.
SELECT r.discogs_id, r.source_hash
  FROM releases AS r
 WHERE r.discogs_id = ANY (:discogs_ids::int[]);

-- name: list_better_releases(discogs_ids)
-- Which of these Discogs releases the catalogue knows as well as a stub of the API, or better.
--
-- A stub has neither tracks nor a playing time that anybody has measured, and would take both off
-- one that has come from an older Kleio.
--
-- Returns: 0..n rows int, in no order.
-- Index:   releases_discogs_id_key, tracks_pkey.
-- Cost:    at most 9 buffers.
-- Locks:   none.
SELECT r.discogs_id
  FROM releases AS r
 WHERE r.discogs_id = ANY (:discogs_ids::int[])
   AND (r.source_hash IS NOT NULL
        OR r.from_api
        OR (r.play_duration IS NOT NULL AND NOT r.play_duration_estimated)
        OR EXISTS (SELECT FROM tracks AS t WHERE t.release_id = r.id));

-- name: update_release_pictures(documents, now)!
-- Renew the addresses of the pictures of releases that are not the API's, as it tells them now.
--
-- No dump has any. A release of the API has those that it was fetched with.
--
-- Returns: the number of releases written.
-- Params:  documents jsonb: a JSON array of release documents, of which no more is read.
-- Index:   releases_discogs_id_key, releases_pkey.
-- Cost:    at most 430 buffers for ten.
-- Locks:   the releases that change, in the order of their Discogs numbers.
UPDATE releases AS r
   SET thumb = told.thumb,
       cover_image = told.cover_image,
       card = told.card,
       updated_at = :now::timestamptz
  FROM (
           SELECT old.id, d.thumb, d."coverImage" AS cover_image,
                  json_build_object(
                      'id', old.id, 'discogsId', old.discogs_id, 'title', old.title,
                      'year', old.year, 'released', old.released, 'country', old.country,
                      'thumb', d.thumb, 'coverImage', d."coverImage",
                      'playDuration', old.play_duration,
                      'playDurationEstimated', old.play_duration_estimated,
                      'artists', old.card -> 'artists', 'labels', old.card -> 'labels',
                      'formats', old.card -> 'formats', 'genres', old.card -> 'genres',
                      'styles', old.card -> 'styles'
                  ) AS card
             FROM jsonb_to_recordset(:documents::jsonb) AS d (
                      "discogsId" int, thumb text, "coverImage" text
                  )
             JOIN releases AS old
               ON old.discogs_id = d."discogsId"
            WHERE NOT old.from_api
              AND (old.thumb, old.cover_image) IS DISTINCT FROM (d.thumb, d."coverImage")
            ORDER BY old.discogs_id
              FOR NO KEY UPDATE OF old
       ) AS told
 WHERE r.id = told.id;

-- name: update_releases_fetched(discogs_ids, now)!
-- Note that the API was asked for these releases, whatever it answered.
--
-- Returns: the number of releases written.
-- Index:   releases_discogs_id_key.
-- Cost:    at most 400 buffers.
-- Locks:   the releases, in the order of their Discogs numbers.
UPDATE releases AS r
   SET fetched_at = :now::timestamptz
  FROM (
           SELECT f.id
             FROM releases AS f
            WHERE f.discogs_id = ANY (:discogs_ids::int[])
            ORDER BY f.discogs_id
              FOR NO KEY UPDATE
       ) AS asked
 WHERE r.id = asked.id;

-- name: insert_release_references(documents, now)!
-- The artists, labels, genres and styles that release documents name and the catalogue lacks.
--
-- Of a number that is spelled in several ways the first mention counts, so that the same file
-- gives the same rows whatever the size of a batch and however often it was interrupted.
--
-- Returns: the number of artists written (the other tables' rows are not counted).
-- Params:  documents jsonb: a JSON array of release documents (kleio.catalogue).
-- Index:   artists_discogs_id_key, labels_discogs_id_key, genres_name_key, styles_name_key.
-- Order:   by key, so that two imports can't deadlock.
-- Cost:    at most 34 buffers for ten.
-- Locks:   new rows only.
WITH document AS MATERIALIZED (
    SELECT d.artists, d.labels, d.genres, d.styles, d.number
      FROM ROWS FROM (
               jsonb_to_recordset(:documents::jsonb)
                   AS (artists jsonb, labels jsonb, genres jsonb, styles jsonb)
           ) WITH ORDINALITY AS d (artists, labels, genres, styles, number)
),
new_label AS (
    INSERT INTO labels (discogs_id, name, created_at, updated_at)
    SELECT DISTINCT ON (l."discogsId") l."discogsId", l.name, :now::timestamptz, :now
      FROM document AS d
     CROSS JOIN ROWS FROM (jsonb_to_recordset(d.labels) AS ("discogsId" int, name text))
           WITH ORDINALITY AS l ("discogsId", name, position)
     WHERE l."discogsId" IS NOT NULL
       AND NOT EXISTS (SELECT FROM labels AS known WHERE known.discogs_id = l."discogsId")
     ORDER BY l."discogsId", d.number, l.position
        ON CONFLICT (discogs_id) DO NOTHING
),
new_genre AS (
    INSERT INTO genres (name, created_at)
    SELECT DISTINCT g.name, :now::timestamptz
      FROM document AS d
     CROSS JOIN jsonb_array_elements_text(d.genres) AS g (name)
     WHERE NOT EXISTS (SELECT FROM genres AS known WHERE known.name = g.name)
     ORDER BY g.name
        ON CONFLICT (name) DO NOTHING
),
new_style AS (
    INSERT INTO styles (name, created_at)
    SELECT DISTINCT s.name, :now::timestamptz
      FROM document AS d
     CROSS JOIN jsonb_array_elements_text(d.styles) AS s (name)
     WHERE NOT EXISTS (SELECT FROM styles AS known WHERE known.name = s.name)
     ORDER BY s.name
        ON CONFLICT (name) DO NOTHING
)
INSERT INTO artists (discogs_id, name, created_at, updated_at)
SELECT DISTINCT ON (a."discogsId") a."discogsId", a.name, :now::timestamptz, :now
  FROM document AS d
 CROSS JOIN ROWS FROM (jsonb_to_recordset(d.artists) AS ("discogsId" int, name text))
       WITH ORDINALITY AS a ("discogsId", name, position)
 WHERE a."discogsId" IS NOT NULL
   AND NOT EXISTS (SELECT FROM artists AS known WHERE known.discogs_id = a."discogsId")
 ORDER BY a."discogsId", d.number, a.position
    ON CONFLICT (discogs_id) DO NOTHING;

-- name: upsert_releases(documents, now)
-- Releases with everything that belongs to them, from documents, card and search text included.
--
-- A document with a Discogs number replaces the release of that number, any other is new. Rows of
-- the old version beyond the new version's last position are deleted, the others overwritten, so
-- one statement does it all and no row is deleted and inserted again. The addresses of pictures,
-- which no dump has, stay unless the API says otherwise.
--
-- Returns: one row SavedEntry a document, ordered by Discogs number.
-- Params:  documents jsonb: a JSON array of release documents, each Discogs number at most once;
--          what they refer to exists (insert_release_references). newId is the id that a new
--          release gets, where one is given; without sourceHash it counts as never synced.
-- Index:   releases_discogs_id_key, artists_discogs_id_key, labels_discogs_id_key.
-- Cost:    at most 420 buffers for ten.
-- Locks:   the releases written, in the order of their Discogs numbers.
WITH document AS MATERIALIZED (
    SELECT coalesce(known.id, d."newId", uuidv7()) AS id, known.id IS NOT NULL AS is_known,
           CASE WHEN d."fromApi" THEN d.thumb
                ELSE coalesce(d.thumb, known.thumb) END AS small_picture,
           CASE WHEN d."fromApi" THEN d."coverImage"
                ELSE coalesce(d."coverImage", known.cover_image) END AS picture,
           d.*
      FROM jsonb_to_recordset(:documents::jsonb) AS d (
               "newId" uuid, "discogsId" int, "sourceHash" text, title text, year int,
               released text, country text, "resourceUrl" text, thumb text, "coverImage" text,
               notes text,
               "masterDiscogsId" int, "dataQuality" text, "playDuration" int,
               "playDurationEstimated" boolean, artists jsonb, labels jsonb, formats jsonb,
               genres jsonb, styles jsonb, tracks jsonb, metadata jsonb, "fromApi" boolean
           )
      LEFT JOIN releases AS known
        ON known.discogs_id = d."discogsId"
     ORDER BY d."discogsId"
),
artist AS MATERIALIZED (
    SELECT d.id AS release_id, c.position, a.id AS artist_id, c.discogs_id, c.name, c.anv,
           c.join_relation, c.role, c.tracks
      FROM document AS d
     CROSS JOIN ROWS FROM (
               jsonb_to_recordset(d.artists) AS (
                   "discogsId" int, name text, anv text, "join" text, role text, tracks text
               )
           ) WITH ORDINALITY AS c (discogs_id, name, anv, join_relation, role, tracks, position)
      LEFT JOIN artists AS a
        ON a.discogs_id = c.discogs_id
),
label AS MATERIALIZED (
    SELECT d.id AS release_id, c.position, l.id AS label_id, c.discogs_id, c.name, c.catno
      FROM document AS d
     CROSS JOIN ROWS FROM (
               jsonb_to_recordset(d.labels) AS ("discogsId" int, name text, catno text)
           ) WITH ORDINALITY AS c (discogs_id, name, catno, position)
      LEFT JOIN labels AS l
        ON l.discogs_id = c.discogs_id
),
format AS MATERIALIZED (
    SELECT d.id AS release_id, f.position, f.name, f.qty, f.text,
           coalesce(f.descriptions, '{}') AS descriptions
      FROM document AS d
     CROSS JOIN ROWS FROM (
               jsonb_to_recordset(d.formats) AS (
                   name text, qty text, text text, descriptions text[]
               )
           ) WITH ORDINALITY AS f (name, qty, text, descriptions, position)
),
genre AS MATERIALIZED (
    SELECT d.id AS release_id, e.position, g.id AS genre_id, g.name, g.name_normalized
      FROM document AS d
     CROSS JOIN jsonb_array_elements_text(d.genres) WITH ORDINALITY AS e (name, position)
      JOIN genres AS g
        ON g.name = e.name
),
style AS MATERIALIZED (
    SELECT d.id AS release_id, e.position, s.id AS style_id, s.name, s.name_normalized
      FROM document AS d
     CROSS JOIN jsonb_array_elements_text(d.styles) WITH ORDINALITY AS e (name, position)
      JOIN styles AS s
        ON s.name = e.name
),
artist_part AS (
    SELECT release_id,
           json_agg(json_build_object(
               'id', artist_id, 'discogsId', discogs_id, 'name', name, 'anv', anv,
               'join', join_relation
           ) ORDER BY position) FILTER (WHERE role IS NULL) AS card,
           string_agg(coalesce(anv, name), ' ' ORDER BY position)
               FILTER (WHERE role IS NULL) AS names,
           array_agg('artist:' || normalize_credit(name))
               || array_agg('artist:' || normalize_credit(anv)) AS facets
      FROM artist
     GROUP BY release_id
),
label_part AS (
    SELECT release_id,
           json_agg(json_build_object(
               'id', label_id, 'discogsId', discogs_id, 'name', name, 'catno', catno
           ) ORDER BY position) AS card,
           string_agg(catno, ' ' ORDER BY position) AS catnos,
           array_agg('label:' || normalize_credit(name))
               || array_agg('catno:' || normalize_code(catno)) AS facets
      FROM label
     GROUP BY release_id
),
format_part AS (
    SELECT release_id,
           json_agg(json_build_object(
               'name', name, 'qty', qty, 'text', text, 'descriptions', descriptions
           ) ORDER BY position) AS card,
           array_agg('format:' || normalize_name(name)) AS facets
      FROM format
     GROUP BY release_id
),
genre_part AS (
    SELECT release_id, json_agg(name ORDER BY position) AS card,
           array_agg('genre:' || name_normalized) AS facets
      FROM genre
     GROUP BY release_id
),
style_part AS (
    SELECT release_id, json_agg(name ORDER BY position) AS card,
           array_agg('style:' || name_normalized) AS facets
      FROM style
     GROUP BY release_id
),
saved AS (
    INSERT INTO releases AS r (
        id, discogs_id, master_discogs_id, year, play_duration, play_duration_estimated,
        created_at, updated_at, synced_at, title, artist_normalized, card, released, country,
        resource_url, thumb, cover_image, data_quality, source_hash, facets, search_text, notes,
        metadata, from_api
    )
    SELECT d.id, d."discogsId", d."masterDiscogsId", d.year, d."playDuration",
           coalesce(d."playDurationEstimated", false), :now::timestamptz, :now,
           CASE WHEN d."discogsId" IS NOT NULL AND d."sourceHash" IS NOT NULL THEN :now END,
           d.title,
           normalize_name(coalesce(a.names, '')),
           json_build_object(
               'id', d.id, 'discogsId', d."discogsId", 'title', d.title, 'year', d.year,
               'released', d.released, 'country', d.country, 'thumb', d.small_picture,
               'coverImage', d.picture, 'playDuration', d."playDuration",
               'playDurationEstimated', coalesce(d."playDurationEstimated", false),
               'artists', coalesce(a.card, '[]'), 'labels', coalesce(l.card, '[]'),
               'formats', coalesce(f.card, '[]'), 'genres', coalesce(g.card, '[]'),
               'styles', coalesce(s.card, '[]')
           ),
           d.released, d.country, d."resourceUrl", d.small_picture, d.picture, d."dataQuality",
           d."sourceHash",
           array_remove(
               a.facets || l.facets || f.facets || g.facets || s.facets
               || ('country:' || normalize_name(d.country))
               || ARRAY(
                      SELECT 'barcode:' || normalize_code(i.value)
                        FROM jsonb_to_recordset(d.metadata -> 'identifiers')
                             AS i (type text, value text)
                       WHERE i.type = 'Barcode'
                  ),
               NULL
           ),
           normalize_name(concat_ws(' ', d.title, a.names, l.catnos)), d.notes,
           coalesce(d.metadata, '{}'), coalesce(d."fromApi", false)
      FROM document AS d
      LEFT JOIN artist_part AS a ON a.release_id = d.id
      LEFT JOIN label_part AS l ON l.release_id = d.id
      LEFT JOIN format_part AS f ON f.release_id = d.id
      LEFT JOIN genre_part AS g ON g.release_id = d.id
      LEFT JOIN style_part AS s ON s.release_id = d.id
     ORDER BY d."discogsId"
        ON CONFLICT (id) DO UPDATE
       SET master_discogs_id = excluded.master_discogs_id,
           year = excluded.year,
           play_duration = excluded.play_duration,
           play_duration_estimated = excluded.play_duration_estimated,
           updated_at = excluded.updated_at,
           synced_at = excluded.synced_at,
           title = excluded.title,
           artist_normalized = excluded.artist_normalized,
           card = excluded.card,
           released = excluded.released,
           country = excluded.country,
           resource_url = excluded.resource_url,
           thumb = excluded.thumb,
           cover_image = excluded.cover_image,
           data_quality = excluded.data_quality,
           source_hash = excluded.source_hash,
           facets = excluded.facets,
           search_text = excluded.search_text,
           notes = excluded.notes,
           metadata = excluded.metadata,
           from_api = excluded.from_api
    RETURNING r.discogs_id, r.id
),
old_artist AS (
    DELETE FROM release_artists AS c
     USING document AS d
     WHERE d.is_known AND c.release_id = d.id
       AND c.position > coalesce(jsonb_array_length(d.artists), 0)
),
new_artist AS (
    INSERT INTO release_artists (
        release_id, position, artist_id, name, anv, join_relation, role, tracks
    )
    SELECT release_id, position, artist_id, name, anv, join_relation, role, tracks
      FROM artist
        ON CONFLICT (release_id, position) DO UPDATE
       SET artist_id = excluded.artist_id, name = excluded.name, anv = excluded.anv,
           join_relation = excluded.join_relation, role = excluded.role,
           tracks = excluded.tracks
),
old_label AS (
    DELETE FROM release_labels AS c
     USING document AS d
     WHERE d.is_known AND c.release_id = d.id
       AND c.position > coalesce(jsonb_array_length(d.labels), 0)
),
new_label AS (
    INSERT INTO release_labels (release_id, position, label_id, name, catno)
    SELECT release_id, position, label_id, name, catno
      FROM label
        ON CONFLICT (release_id, position) DO UPDATE
       SET label_id = excluded.label_id, name = excluded.name, catno = excluded.catno
),
old_format AS (
    DELETE FROM release_formats AS c
     USING document AS d
     WHERE d.is_known AND c.release_id = d.id
       AND c.position > coalesce(jsonb_array_length(d.formats), 0)
),
new_format AS (
    INSERT INTO release_formats (release_id, position, name, qty, text, descriptions)
    SELECT release_id, position, name, qty, text, descriptions
      FROM format
        ON CONFLICT (release_id, position) DO UPDATE
       SET name = excluded.name, qty = excluded.qty, text = excluded.text,
           descriptions = excluded.descriptions
),
old_genre AS (
    DELETE FROM release_genres AS c
     USING document AS d
     WHERE d.is_known AND c.release_id = d.id
       AND c.position > coalesce(jsonb_array_length(d.genres), 0)
),
new_genre AS (
    INSERT INTO release_genres (release_id, position, genre_id)
    SELECT release_id, position, genre_id
      FROM genre
        ON CONFLICT (release_id, position) DO UPDATE SET genre_id = excluded.genre_id
),
old_style AS (
    DELETE FROM release_styles AS c
     USING document AS d
     WHERE d.is_known AND c.release_id = d.id
       AND c.position > coalesce(jsonb_array_length(d.styles), 0)
),
new_style AS (
    INSERT INTO release_styles (release_id, position, style_id)
    SELECT release_id, position, style_id
      FROM style
        ON CONFLICT (release_id, position) DO UPDATE SET style_id = excluded.style_id
),
old_track AS (
    DELETE FROM tracks AS t
     USING document AS d
     WHERE d.is_known AND t.release_id = d.id
       AND t.seq > coalesce(jsonb_array_length(d.tracks), 0)
),
new_track AS (
    INSERT INTO tracks (
        release_id, seq, parent_seq, duration_seconds, type, position, title, duration_text,
        credits
    )
    SELECT d.id, t.seq, t."parentSeq", t."durationSeconds",
           coalesce(t.type, 'track')::track_type, t.position, t.title, t."durationText",
           t.credits
      FROM document AS d
     CROSS JOIN jsonb_to_recordset(d.tracks) AS t (
               seq int, "parentSeq" int, "durationSeconds" int, type text, position text,
               title text, "durationText" text, credits jsonb
           )
        ON CONFLICT (release_id, seq) DO UPDATE
       SET parent_seq = excluded.parent_seq, duration_seconds = excluded.duration_seconds,
           type = excluded.type, position = excluded.position, title = excluded.title,
           duration_text = excluded.duration_text, credits = excluded.credits
)
SELECT saved.discogs_id, saved.id, NOT d.is_known AS inserted
  FROM saved
  JOIN document AS d
    ON d.id = saved.id
 ORDER BY saved.discogs_id;

-- name: refresh_releases(release_ids)!
-- Compute the derived columns of releases again from the tables they are derived from.
--
-- Returns: the number of releases whose card, facets or search text were not what they should be.
-- Index:   releases_pkey and the primary keys of the tables of its parts.
-- Cost:    at most 870 buffers.
-- Locks:   the releases that change.
-- Allow:   unused-query: for a DBA, after a change of what the card holds; tests compare with it.
WITH part AS MATERIALIZED (
    SELECT r.id,
           (SELECT json_agg(json_build_object(
                       'id', c.artist_id, 'discogsId', a.discogs_id, 'name', c.name, 'anv', c.anv,
                       'join', c.join_relation
                   ) ORDER BY c.position)
              FROM release_artists AS c
              LEFT JOIN artists AS a ON a.id = c.artist_id
             WHERE c.release_id = r.id AND c.role IS NULL) AS artists,
           (SELECT string_agg(coalesce(c.anv, c.name), ' ' ORDER BY c.position)
              FROM release_artists AS c
             WHERE c.release_id = r.id AND c.role IS NULL) AS artist_names,
           (SELECT json_agg(json_build_object(
                       'id', c.label_id, 'discogsId', l.discogs_id, 'name', c.name,
                       'catno', c.catno
                   ) ORDER BY c.position)
              FROM release_labels AS c
              LEFT JOIN labels AS l ON l.id = c.label_id
             WHERE c.release_id = r.id) AS labels,
           (SELECT string_agg(c.catno, ' ' ORDER BY c.position)
              FROM release_labels AS c
             WHERE c.release_id = r.id) AS catnos,
           (SELECT json_agg(json_build_object(
                       'name', f.name, 'qty', f.qty, 'text', f.text,
                       'descriptions', f.descriptions
                   ) ORDER BY f.position)
              FROM release_formats AS f
             WHERE f.release_id = r.id) AS formats,
           (SELECT json_agg(g.name ORDER BY e.position)
              FROM release_genres AS e
              JOIN genres AS g ON g.id = e.genre_id
             WHERE e.release_id = r.id) AS genres,
           (SELECT json_agg(s.name ORDER BY e.position)
              FROM release_styles AS e
              JOIN styles AS s ON s.id = e.style_id
             WHERE e.release_id = r.id) AS styles,
           ARRAY(
               SELECT 'artist:' || normalize_credit(credited.name)
                 FROM release_artists AS c
                CROSS JOIN LATERAL (VALUES (c.name), (c.anv)) AS credited (name)
                WHERE c.release_id = r.id AND credited.name IS NOT NULL
                UNION
               SELECT 'label:' || normalize_credit(c.name)
                 FROM release_labels AS c
                WHERE c.release_id = r.id
                UNION
               SELECT 'catno:' || normalize_code(c.catno)
                 FROM release_labels AS c
                WHERE c.release_id = r.id AND c.catno IS NOT NULL
                UNION
               SELECT 'format:' || normalize_name(f.name)
                 FROM release_formats AS f
                WHERE f.release_id = r.id
                UNION
               SELECT 'genre:' || g.name_normalized
                 FROM release_genres AS e
                 JOIN genres AS g ON g.id = e.genre_id
                WHERE e.release_id = r.id
                UNION
               SELECT 'style:' || s.name_normalized
                 FROM release_styles AS e
                 JOIN styles AS s ON s.id = e.style_id
                WHERE e.release_id = r.id
                UNION
               SELECT 'country:' || normalize_name(r.country)
                WHERE r.country IS NOT NULL
                UNION
               SELECT 'barcode:' || normalize_code(i.value)
                 FROM jsonb_to_recordset(r.metadata -> 'identifiers') AS i (type text, value text)
                WHERE i.type = 'Barcode' AND i.value IS NOT NULL
           ) AS facets
      FROM releases AS r
     WHERE r.id = ANY (:release_ids::uuid[])
),
derived AS MATERIALIZED (
    SELECT r.id, part.facets,
           normalize_name(coalesce(part.artist_names, '')) AS artist_normalized,
           normalize_name(concat_ws(' ', r.title, part.artist_names, part.catnos)) AS search_text,
           json_build_object(
               'id', r.id, 'discogsId', r.discogs_id, 'title', r.title, 'year', r.year,
               'released', r.released, 'country', r.country, 'thumb', r.thumb,
               'coverImage', r.cover_image, 'playDuration', r.play_duration,
               'playDurationEstimated', r.play_duration_estimated,
               'artists', coalesce(part.artists, '[]'), 'labels', coalesce(part.labels, '[]'),
               'formats', coalesce(part.formats, '[]'), 'genres', coalesce(part.genres, '[]'),
               'styles', coalesce(part.styles, '[]')
           ) AS card
      FROM part
      JOIN releases AS r
        ON r.id = part.id
)
UPDATE releases AS r
   SET card = d.card, facets = d.facets, artist_normalized = d.artist_normalized,
       search_text = d.search_text
  FROM derived AS d
 WHERE r.id = d.id
   AND ((r.card::jsonb, r.artist_normalized, r.search_text)
        IS DISTINCT FROM (d.card::jsonb, d.artist_normalized, d.search_text)
        OR NOT (r.facets @> d.facets AND r.facets <@ d.facets));

-- name: list_releases(artist, label, genre, style, format, country, catno, barcode, year_from, year_to, discogs_id, before_id, page_size, page_offset)
-- The catalogue, newest entry first, with any combination of filters; one keyset page.
--
-- Returns: 0..page_size rows Keyed[Raw]: id, id, card.
-- Params:  artist, label, genre, style, format, country: names; catno, barcode: codes; each is
--          normalised here and NULL where it is no filter. before_id: last row of the previous
--          page, NULL for the first.
-- Index:   releases_pkey for filters that many releases pass; for the others releases_facets_idx,
--          releases_year_idx or releases_discogs_id_key.
-- Order:   id DESC; total.
-- Plan:    custom: only with the filters known does the planner choose between these.
-- Cost:    at most 29 buffers.
-- Locks:   none.
SELECT r.id, r.id, r.card
  FROM releases AS r
 WHERE (release_facets(
            :artist::text, :label::text, :genre::text, :style::text, :format::text,
            :country::text, :catno::text, :barcode::text
        ) IS NULL
        OR r.facets @> release_facets(
            :artist::text, :label::text, :genre::text, :style::text, :format::text,
            :country::text, :catno::text, :barcode::text
        ))
   AND (:year_from::int IS NULL OR r.year >= :year_from::int)
   AND (:year_to::int IS NULL OR r.year <= :year_to::int)
   AND (:discogs_id::int IS NULL OR r.discogs_id = :discogs_id::int)
   AND r.id < coalesce(:before_id::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
 ORDER BY r.id DESC
 LIMIT :page_size::int OFFSET :page_offset::int;

-- name: count_releases(artist, label, genre, style, format, country, catno, barcode, year_from, year_to, discogs_id, search, first_words, second_words, third_words, max_rows)$
-- How many releases pass the filters of list_releases, or of search_releases with a search text; no
-- more than a number are counted.
--
-- Returns: one bigint, at most max_rows.
-- Params:  first_words, second_words, third_words: as in search_releases.
-- Index:   with filters releases_facets_idx, with a text releases_words_idx; without either
--          releases_discogs_id_key or the table's first rows.
-- Plan:    custom, as list_releases.
-- Cost:    at most 14 buffers.
-- Locks:   none.
SELECT count(*)
  FROM (SELECT
          FROM releases AS r
         WHERE (release_facets(
                    :artist::text, :label::text, :genre::text, :style::text, :format::text,
                    :country::text, :catno::text, :barcode::text
                ) IS NULL
                OR r.facets @> release_facets(
                    :artist::text, :label::text, :genre::text, :style::text, :format::text,
                    :country::text, :catno::text, :barcode::text
                ))
           AND (:year_from::int IS NULL OR r.year >= :year_from::int)
           AND (:year_to::int IS NULL OR r.year <= :year_to::int)
           AND (:discogs_id::int IS NULL OR r.discogs_id = :discogs_id::int)
           AND (:search::text IS NULL
                OR matches_words(
                       r.search_text, :search::text, :first_words::text[], :second_words::text[],
                       :third_words::text[]
                   )
                OR r.facets && search_codes(:search::text))
         LIMIT :max_rows::int) AS counted;

-- name: search_releases(search, first_words, second_words, third_words, artist, label, genre, style, format, country, catno, barcode, year_from, year_to, before_score, before_id, page_size, page_offset)
-- Releases whose title, artists or catalogue numbers are like a text, best first; one page.
--
-- Of a frequent word the first 2,000 releases that the index finds are ranked and no more, as in
-- songs.search_songs. Words with a digit have to be typed as they are; a whole text may also be a
-- catalogue number or a barcode, whatever stands between its letters and digits.
--
-- Returns: 0..page_size rows Keyed[Raw]: score, id, card.
-- Params:  search text: what a person typed; normalised here. first_words, second_words,
--          third_words text[]: what words.get_alternatives says of it. before_score, before_id:
--          last row of the previous page, NULL for the first; the others as in list_releases.
-- Index:   releases_words_idx, and releases_facets_idx for numbers and filters. The three longest
--          words find the candidates by the index, all words decide.
-- Order:   score DESC, id DESC; total. The score is the similarity to the nearest part of the
--          text, and for equal ones a tenth of that to the whole, so that short texts lead.
-- Plan:    custom, as list_releases.
-- Cost:    at most 56 buffers.
-- Locks:   none.
WITH found AS MATERIALIZED (
    SELECT (word_similarity(normalize_name(:search::text), r.search_text)
            + similarity(normalize_name(:search::text), r.search_text) / 10)::float8 AS score,
           r.id, r.card
      FROM releases AS r
     WHERE (matches_words(
                r.search_text, :search::text, :first_words::text[], :second_words::text[],
                :third_words::text[]
            )
            OR r.facets && search_codes(:search::text))
       AND (release_facets(
                :artist::text, :label::text, :genre::text, :style::text, :format::text,
                :country::text, :catno::text, :barcode::text
            ) IS NULL
            OR r.facets @> release_facets(
                :artist::text, :label::text, :genre::text, :style::text, :format::text,
                :country::text, :catno::text, :barcode::text
            ))
       AND (:year_from::int IS NULL OR r.year >= :year_from::int)
       AND (:year_to::int IS NULL OR r.year <= :year_to::int)
     LIMIT 2000
)
SELECT found.score, found.id, found.card
  FROM found
 WHERE :before_id::uuid IS NULL
    OR (found.score, found.id) < (:before_score::float8, :before_id::uuid)
 ORDER BY found.score DESC, found.id DESC
 LIMIT :page_size::int OFFSET :page_offset::int;

-- name: get_release(release_id)^
-- One release with everything that is known of it, tracks included, as finished JSON.
--
-- Returns: 0..1 rows Raw.
-- Index:   releases_pkey, release_artists_pkey, artists_pkey, tracks_pkey.
-- Cost:    at most 48 buffers.
-- Locks:   none.
SELECT json_build_object(
           'id', r.id, 'discogsId', r.discogs_id, 'title', r.title, 'year', r.year,
           'released', r.released, 'country', r.country, 'thumb', r.thumb,
           'coverImage', r.cover_image, 'playDuration', r.play_duration,
           'playDurationEstimated', r.play_duration_estimated,
           'artists', r.card -> 'artists', 'labels', r.card -> 'labels',
           'formats', r.card -> 'formats', 'genres', r.card -> 'genres',
           'styles', r.card -> 'styles',
           'masterDiscogsId', r.master_discogs_id, 'resourceUrl', r.resource_url,
           'dataQuality', r.data_quality, 'notes', r.notes,
           'credits', coalesce(
               (SELECT json_agg(json_build_object(
                           'id', c.artist_id, 'discogsId', a.discogs_id, 'name', c.name,
                           'anv', c.anv, 'role', c.role, 'tracks', c.tracks
                       ) ORDER BY c.position)
                  FROM release_artists AS c
                  LEFT JOIN artists AS a ON a.id = c.artist_id
                 WHERE c.release_id = r.id AND c.role IS NOT NULL),
               '[]'
           ),
           'tracks', coalesce(
               (SELECT json_agg(json_build_object(
                           'seq', t.seq, 'parentSeq', t.parent_seq, 'type', t.type,
                           'position', t.position, 'title', t.title,
                           'duration', t.duration_text, 'durationSeconds', t.duration_seconds,
                           'credits', coalesce(t.credits, '[]')
                       ) ORDER BY t.seq)
                  FROM tracks AS t
                 WHERE t.release_id = r.id),
               '[]'
           ),
           'identifiers', coalesce(r.metadata -> 'identifiers', '[]'),
           'companies', coalesce(r.metadata -> 'companies', '[]'),
           'series', coalesce(r.metadata -> 'series', '[]'),
           'images', coalesce(r.metadata -> 'images', '[]'),
           'videos', coalesce(r.metadata -> 'videos', '[]'),
           'isStub', r.discogs_id IS NOT NULL AND r.source_hash IS NULL,
           'fetchedAt', CASE WHEN r.from_api THEN r.fetched_at END,
           'createdAt', r.created_at, 'updatedAt', r.updated_at
       )
  FROM releases AS r
 WHERE r.id = :release_id::uuid;

-- name: get_release_id(discogs_id)^
-- The id of the release with a Discogs number.
--
-- Returns: 0..1 rows uuid.
-- Index:   releases_discogs_id_key.
-- Cost:    at most 8 buffers.
-- Locks:   none.
SELECT r.id
  FROM releases AS r
 WHERE r.discogs_id = :discogs_id::int;

-- name: list_artist_releases(artist_id, before_id, page_size, page_offset)
-- The releases that credit an artist in any role, newest entry first; one keyset page.
--
-- Returns: 0..page_size rows Keyed[Raw]: id, id, card.
-- Params:  before_id uuid: last row of the previous page, NULL for the first.
-- Index:   release_artists_artist_idx, releases_pkey.
-- Order:   id DESC; total; an artist with several credits on a release counts once.
-- Cost:    at most 12 buffers.
-- Locks:   none.
WITH credited AS (
    SELECT DISTINCT c.release_id
      FROM release_artists AS c
     WHERE c.artist_id = :artist_id::uuid
       AND c.release_id < coalesce(:before_id::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
     ORDER BY c.release_id DESC
     LIMIT :page_size::int OFFSET :page_offset::int
)
SELECT r.id, r.id, r.card
  FROM credited
  JOIN releases AS r
    ON r.id = credited.release_id
 ORDER BY credited.release_id DESC;

-- name: list_label_releases(label_id, before_id, page_size, page_offset)
-- The releases on a label, newest entry first; one keyset page.
--
-- Returns: 0..page_size rows Keyed[Raw]: id, id, card.
-- Params:  before_id uuid: last row of the previous page, NULL for the first.
-- Index:   release_labels_label_idx, releases_pkey.
-- Order:   id DESC; total; a release with several numbers on the label counts once.
-- Cost:    at most 12 buffers.
-- Locks:   none.
WITH credited AS (
    SELECT DISTINCT c.release_id
      FROM release_labels AS c
     WHERE c.label_id = :label_id::uuid
       AND c.release_id < coalesce(:before_id::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
     ORDER BY c.release_id DESC
     LIMIT :page_size::int OFFSET :page_offset::int
)
SELECT r.id, r.id, r.card
  FROM credited
  JOIN releases AS r
    ON r.id = credited.release_id
 ORDER BY credited.release_id DESC;

-- name: list_genre_releases(genre_id, before_id, page_size, page_offset)
-- The releases of a genre, newest entry first; one keyset page.
--
-- Returns: 0..page_size rows Keyed[Raw]: id, id, card.
-- Params:  before_id uuid: last row of the previous page, NULL for the first.
-- Index:   release_genres_genre_idx, releases_pkey.
-- Order:   id DESC; total.
-- Cost:    at most 240 buffers.
-- Locks:   none.
WITH credited AS (
    SELECT DISTINCT c.release_id
      FROM release_genres AS c
     WHERE c.genre_id = :genre_id::uuid
       AND c.release_id < coalesce(:before_id::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
     ORDER BY c.release_id DESC
     LIMIT :page_size::int OFFSET :page_offset::int
)
SELECT r.id, r.id, r.card
  FROM credited
  JOIN releases AS r
    ON r.id = credited.release_id
 ORDER BY credited.release_id DESC;

-- name: list_style_releases(style_id, before_id, page_size, page_offset)
-- The releases of a style, newest entry first; one keyset page.
--
-- Returns: 0..page_size rows Keyed[Raw]: id, id, card.
-- Params:  before_id uuid: last row of the previous page, NULL for the first.
-- Index:   release_styles_style_idx, releases_pkey.
-- Order:   id DESC; total.
-- Cost:    at most 17 buffers.
-- Locks:   none.
WITH credited AS (
    SELECT DISTINCT c.release_id
      FROM release_styles AS c
     WHERE c.style_id = :style_id::uuid
       AND c.release_id < coalesce(:before_id::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
     ORDER BY c.release_id DESC
     LIMIT :page_size::int OFFSET :page_offset::int
)
SELECT r.id, r.id, r.card
  FROM credited
  JOIN releases AS r
    ON r.id = credited.release_id
 ORDER BY credited.release_id DESC;
