-- One search over the artists, albums and songs of the library and the releases of the catalogue.
-- Tables: artists, library_artists, albums, songs, releases; mv_artist_stats for counts.

-- name: search_everything(search, first_words, second_words, third_words, kinds, per_kind)
-- The best of each kind whose name is like a text; of releases, title, artists and numbers count.
--
-- The three longest words of the text are conditions of the index, which reads the lists of all of
-- them and only then the rows. Of a frequent word the first 2,000 names that are found are ranked;
-- an artist or album of exactly the name is always among them.
--
-- Returns: 0..per_kind rows Hit a kind.
-- Params:  search text: what a person typed; normalised here. first_words, second_words,
--          third_words text[]: what words.get_alternatives says of it. kinds text[]: those wanted
--          of artist, album, song and release; the others are not looked at.
-- Index:   artists_words_idx, library_artists_words_idx, albums_words_idx, songs_words_idx,
--          releases_words_idx; artists_name_idx, library_artists_name_idx, albums_name_idx for
--          exactly the name, releases_facets_idx for numbers; the primary keys for what is shown.
-- Partitions: all of songs and albums, each by its indexes of names.
-- Order:   kind, score DESC, id DESC; total. The score is that of releases.search_releases.
-- Stale:   mv_artist_stats, for the counts of artists.
-- Plan:    custom: with the words known, their conditions are constants.
-- Cost:    at most 680 buffers for ten.
-- Locks:   none.
WITH found AS MATERIALIZED (
    (SELECT 'artist' AS kind, a.id, a.name, a.name_normalized AS text
       FROM artists AS a
      WHERE 'artist' = ANY (:kinds::text[])
        AND left(a.name_normalized, 64) = left(normalize_name(:search::text), 64)
        AND a.name_normalized = normalize_name(:search::text)
      LIMIT 2000)
     UNION ALL
    (SELECT 'artist', a.id, a.name, a.name_normalized
       FROM artists AS a
      WHERE 'artist' = ANY (:kinds::text[])
        AND matches_words(
                a.name_normalized, :search::text, :first_words::text[], :second_words::text[],
                :third_words::text[]
            )
        AND a.name_normalized <> normalize_name(:search::text)
      LIMIT 2000)
     UNION ALL
    (SELECT 'library artist', a.id, a.name, a.name_normalized
       FROM library_artists AS a
      WHERE 'artist' = ANY (:kinds::text[])
        AND left(a.name_normalized, 64) = left(normalize_name(:search::text), 64)
        AND a.name_normalized = normalize_name(:search::text)
      LIMIT 2000)
     UNION ALL
    (SELECT 'library artist', a.id, a.name, a.name_normalized
       FROM library_artists AS a
      WHERE 'artist' = ANY (:kinds::text[])
        AND matches_words(
                a.name_normalized, :search::text, :first_words::text[], :second_words::text[],
                :third_words::text[]
            )
        AND a.name_normalized <> normalize_name(:search::text)
      LIMIT 2000)
     UNION ALL
    (SELECT 'album', a.id, a.name, a.name_normalized
       FROM albums AS a
      WHERE 'album' = ANY (:kinds::text[])
        AND left(a.name_normalized, 64) = left(normalize_name(:search::text), 64)
        AND a.name_normalized = normalize_name(:search::text)
        AND a.song_count > 0
      LIMIT 2000)
     UNION ALL
    (SELECT 'album', a.id, a.name, a.name_normalized
       FROM albums AS a
      WHERE 'album' = ANY (:kinds::text[])
        AND matches_words(
                a.name_normalized, :search::text, :first_words::text[], :second_words::text[],
                :third_words::text[]
            )
        AND a.name_normalized <> normalize_name(:search::text)
        AND a.song_count > 0
      LIMIT 2000)
     UNION ALL
    (SELECT 'song', s.id, s.name, s.name_normalized
       FROM songs AS s
      WHERE 'song' = ANY (:kinds::text[])
        AND matches_words(
                s.name_normalized, :search::text, :first_words::text[], :second_words::text[],
                :third_words::text[]
            )
        AND s.missing_since IS NULL
      LIMIT 2000)
     UNION ALL
    (SELECT 'release', r.id, r.title, r.search_text
       FROM releases AS r
      WHERE 'release' = ANY (:kinds::text[])
        AND (matches_words(
                 r.search_text, :search::text, :first_words::text[], :second_words::text[],
                 :third_words::text[]
             )
             OR r.facets && search_codes(:search::text))
      LIMIT 2000)
),
-- An artist that is in the catalogue too is told once, as the catalogue's.
scored AS (
    SELECT CASE f.kind WHEN 'library artist' THEN 'artist' ELSE f.kind END AS kind, f.id, f.name,
           library.id AS library_artist_id, f.kind = 'artist' AS is_catalogued,
           (word_similarity(normalize_name(:search::text), f.text)
            + similarity(normalize_name(:search::text), f.text) / 10)::float8 AS score
      FROM found AS f
      LEFT JOIN LATERAL (
               SELECT l.id
                 FROM library_artists AS l
                WHERE f.kind = 'artist' AND l.artist_id = f.id
                ORDER BY l.id
                LIMIT 1
           ) AS library ON true
     WHERE f.kind <> 'library artist'
        OR NOT EXISTS (
               SELECT FROM library_artists AS l
                 JOIN found AS known ON known.id = l.artist_id AND known.kind = 'artist'
                WHERE l.id = f.id
           )
),
placed AS (
    SELECT s.kind, s.id, s.name, s.library_artist_id, s.is_catalogued, s.score,
           row_number() OVER (PARTITION BY s.kind ORDER BY s.score DESC, s.id DESC) AS place
      FROM scored AS s
),
best AS MATERIALIZED (
    SELECT p.kind, p.id, p.name, p.is_catalogued, p.score,
           CASE WHEN p.is_catalogued THEN p.library_artist_id ELSE p.id END AS library_artist_id
      FROM placed AS p
     WHERE p.place <= :per_kind::int
)
SELECT b.kind, b.score,
       CASE b.kind
           WHEN 'artist' THEN (
               SELECT json_build_object(
                          'id', CASE WHEN b.is_catalogued THEN b.id END,
                          'libraryArtistId', b.library_artist_id, 'name', b.name,
                          'albums', coalesce(max(m.albums), 0), 'songs', coalesce(max(m.songs), 0),
                          'score', b.score, 'highlights', search_parts(b.name, :search::text)
                      )
                 FROM mv_artist_stats AS m
                WHERE m.artist_id = b.library_artist_id
           )
           WHEN 'album' THEN (
               SELECT json_build_object(
                          'id', a.id, 'name', a.name, 'artistId', a.artist_id,
                          'artistName', a.artist_name, 'year', a.year, 'songs', a.song_count,
                          'score', b.score, 'highlights', search_parts(a.name, :search::text)
                      )
                 FROM albums AS a
                WHERE a.id = b.id
           )
           WHEN 'song' THEN (
               SELECT json_build_object(
                          'id', s.id, 'name', s.name, 'artistId', s.artist_id,
                          'artistName', s.artist_name, 'albumId', s.album_id,
                          'albumName', s.album_name, 'durationMs', s.duration_ms,
                          'score', b.score, 'highlights', search_parts(s.name, :search::text)
                      )
                 FROM songs AS s
                WHERE s.id = b.id
           )
           ELSE (
               SELECT json_build_object(
                          'release', r.card, 'score', b.score,
                          'highlights', search_parts(r.title, :search::text),
                          'artistHighlights', search_parts(
                              coalesce(
                                  (SELECT string_agg(credit ->> 'name', ', ')
                                     FROM json_array_elements(r.card -> 'artists') AS credit),
                                  ''
                              ),
                              :search::text
                          )
                      )
                 FROM releases AS r
                WHERE r.id = b.id
           )
       END AS item
  FROM best AS b
 ORDER BY b.kind, b.score DESC, b.id DESC;
