-- Artists that files name, with their counts and their link to the catalogue's artists.
-- Tables: library_artists; artists for links; mv_artist_stats for counts.

-- name: get_library_artist(library_artist_id)^
-- One artist of the library.
--
-- Returns: 0..1 rows LibraryArtist.
-- Index:   library_artists_pkey, mv_artist_stats_key.
-- Stale:   mv_artist_stats, for the counts.
-- Cost:    at most 12 buffers.
-- Locks:   none.
SELECT a.id, a.name, a.artist_id, a.link, coalesce(m.songs, 0) AS songs,
       coalesce(m.albums, 0) AS albums, coalesce(m.duration_ms, 0) AS duration_ms
  FROM library_artists AS a
  LEFT JOIN mv_artist_stats AS m
    ON m.artist_id = a.id
 WHERE a.id = :library_artist_id::uuid;

-- name: list_library_artists(after_name, after_id, page_size, page_offset)
-- Artists of the library by name; one keyset page.
--
-- Returns: 0..page_size rows Keyed[LibraryArtist]: name_key, id, then the artist.
-- Params:  after_name text, after_id uuid: last row of the previous page, NULL for the first.
-- Index:   library_artists_name_idx (left(name_normalized, 64), id), mv_artist_stats_key.
-- Order:   left(name_normalized, 64), id; total.
-- Stale:   mv_artist_stats, for the counts.
-- Cost:    at most 81 buffers.
-- Locks:   none.
WITH page AS (
    SELECT left(a.name_normalized, 64) AS name_key, a.id, a.name, a.artist_id, a.link
      FROM library_artists AS a
     WHERE (left(a.name_normalized, 64), a.id)
           > (coalesce(:after_name::text, ''),
              coalesce(:after_id::uuid, '00000000-0000-0000-0000-000000000000'))
     ORDER BY left(a.name_normalized, 64), a.id
     LIMIT :page_size::int OFFSET :page_offset::int
)
SELECT page.name_key, page.id,
       page.id, page.name, page.artist_id, page.link, coalesce(m.songs, 0) AS songs,
       coalesce(m.albums, 0) AS albums, coalesce(m.duration_ms, 0) AS duration_ms
  FROM page
  LEFT JOIN mv_artist_stats AS m
    ON m.artist_id = page.id
 ORDER BY page.name_key, page.id;

-- name: search_library_artists(search, first_words, second_words, third_words, before_score, before_id, page_size, page_offset)
-- Artists of the library whose name is like a text, best first; one page.
--
-- Of a frequent word some are ranked, as in artists.search_artists.
--
-- Returns: 0..page_size rows Keyed[LibraryArtist]: score, id, then the artist.
-- Params:  search text: what a person typed; normalised here. first_words, second_words,
--          third_words text[]: what words.get_alternatives says of it. before_score, before_id:
--          last row of the previous page, NULL for the first.
-- Index:   library_artists_words_idx, library_artists_name_idx; the three longest words find the
--          candidates, all words decide.
--          mv_artist_stats_key.
-- Order:   score DESC, id DESC; total. The score is that of releases.search_releases.
-- Stale:   mv_artist_stats, for the counts.
-- Plan:    custom: with the words known, the condition of the index is a constant.
-- Cost:    at most 11 buffers.
-- Locks:   none.
WITH named AS (
    (SELECT a.id, a.name, a.artist_id, a.link, a.name_normalized
       FROM library_artists AS a
      WHERE left(a.name_normalized, 64) = left(normalize_name(:search::text), 64)
        AND a.name_normalized = normalize_name(:search::text)
      LIMIT 2000)
     UNION ALL
    (SELECT a.id, a.name, a.artist_id, a.link, a.name_normalized
       FROM library_artists AS a
      WHERE matches_words(
                a.name_normalized, :search::text, :first_words::text[], :second_words::text[],
                :third_words::text[]
            )
        AND a.name_normalized <> normalize_name(:search::text)
      LIMIT 2000)
),
found AS MATERIALIZED (
    SELECT (word_similarity(normalize_name(:search::text), named.name_normalized)
            + similarity(normalize_name(:search::text), named.name_normalized) / 10)::float8
               AS score,
           named.id, named.name, named.artist_id, named.link
      FROM named
),
page AS (
    SELECT found.score, found.id, found.name, found.artist_id, found.link
      FROM found
     WHERE :before_id::uuid IS NULL
        OR (found.score, found.id) < (:before_score::float8, :before_id::uuid)
     ORDER BY found.score DESC, found.id DESC
     LIMIT :page_size::int OFFSET :page_offset::int
)
SELECT page.score, page.id,
       page.id, page.name, page.artist_id, page.link, coalesce(m.songs, 0) AS songs,
       coalesce(m.albums, 0) AS albums, coalesce(m.duration_ms, 0) AS duration_ms
  FROM page
  LEFT JOIN mv_artist_stats AS m
    ON m.artist_id = page.id
 ORDER BY page.score DESC, page.id DESC;

-- name: update_library_artist_link(library_artist_id, artist_id, now)!
-- Link an artist of the library to one of the catalogue by hand, or undo its link.
--
-- Without an artist_id no scan links it by its name again. No song is touched.
--
-- Returns: the number of artists, 0 or 1.
-- Params:  artist_id uuid: the catalogue's artist, NULL for none.
-- Index:   library_artists_pkey.
-- Cost:    at most 40 buffers.
-- Locks:   the artist; library_artists_artist_id_fkey refuses one that the catalogue lacks.
UPDATE library_artists AS a
   SET artist_id = :artist_id::uuid,
       link = CASE WHEN :artist_id::uuid IS NULL THEN 'none' ELSE 'hand' END,
       updated_at = :now::timestamptz
 WHERE a.id = :library_artist_id::uuid;
