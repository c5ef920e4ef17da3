-- Albums of the music library, with their counts.
-- Tables: albums; songs for the counts; library_artists for names.
--
-- Lists leave out albums without a song whose file is there.

-- name: get_album(album_id)^
-- One album; the id is hidden from the planner as in songs.get_song.
--
-- Returns: 0..1 rows Album.
-- Index:   albums_pkey.
-- Partitions: the one of the id, under a generic plan too.
-- Cost:    at most 6 buffers.
-- Locks:   none.
SELECT b.id, b.library_id, b.name, b.artist_id, b.artist_name, b.year, b.is_compilation,
       b.song_count, b.duration_ms, b.created_at, b.updated_at
  FROM albums AS b
 WHERE b.id = (SELECT :album_id::uuid);

-- name: list_albums_newest(library_id, year_from, year_to, before_id, page_size, page_offset)
-- Albums, latest added first; one keyset page.
--
-- Returns: 0..page_size rows Keyed[Album]: id, id, then the album.
-- Params:  library_id uuid, year_from int, year_to int: NULL where it is no filter. before_id uuid:
--          last row of the previous page, NULL for the first.
-- Index:   albums_pkey.
-- Partitions: from the one of before_id down, until the page is full.
-- Order:   id DESC; total.
-- Cost:    at most 30 buffers.
-- Locks:   none.
SELECT b.id, b.id,
       b.id, b.library_id, b.name, b.artist_id, b.artist_name, b.year, b.is_compilation,
       b.song_count, b.duration_ms, b.created_at, b.updated_at
  FROM albums AS b
 WHERE b.id < coalesce(:before_id::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
   AND b.song_count > 0
   AND (:library_id::uuid IS NULL OR b.library_id = :library_id::uuid)
   AND (:year_from::int IS NULL OR b.year >= :year_from::int)
   AND (:year_to::int IS NULL OR b.year <= :year_to::int)
 ORDER BY b.id DESC
 LIMIT (SELECT :page_size::int) OFFSET (SELECT :page_offset::int);

-- name: list_albums_oldest(library_id, year_from, year_to, after_id, page_size, page_offset)
-- Albums, earliest added first; one keyset page.
--
-- Returns: 0..page_size rows Keyed[Album]: id, id, then the album.
-- Params:  after_id uuid: last row of the previous page, NULL for the first; the others as in
--          list_albums_newest.
-- Index:   albums_pkey.
-- Partitions: from the one of after_id up, until the page is full.
-- Order:   id; total.
-- Cost:    at most 8 buffers.
-- Locks:   none.
SELECT b.id, b.id,
       b.id, b.library_id, b.name, b.artist_id, b.artist_name, b.year, b.is_compilation,
       b.song_count, b.duration_ms, b.created_at, b.updated_at
  FROM albums AS b
 WHERE b.id > coalesce(:after_id::uuid, '00000000-0000-0000-0000-000000000000')
   AND b.song_count > 0
   AND (:library_id::uuid IS NULL OR b.library_id = :library_id::uuid)
   AND (:year_from::int IS NULL OR b.year >= :year_from::int)
   AND (:year_to::int IS NULL OR b.year <= :year_to::int)
 ORDER BY b.id
 LIMIT (SELECT :page_size::int) OFFSET (SELECT :page_offset::int);

-- name: list_albums_by_name(library_id, year_from, year_to, after_name, after_id, page_size, page_offset)
-- Albums by name; one keyset page.
--
-- Returns: 0..page_size rows Keyed[Album]: name_key, id, then the album.
-- Params:  after_name text, after_id uuid: last row of the previous page, NULL for the first; the
--          others as in list_albums_newest.
-- Index:   albums_name_idx (left(name_normalized, 64), id).
-- Partitions: all, merged: each gives the first rows of its index.
-- Order:   left(name_normalized, 64), id; total.
-- Cost:    at most 130 buffers.
-- Locks:   none.
SELECT left(b.name_normalized, 64) AS name_key, b.id,
       b.id, b.library_id, b.name, b.artist_id, b.artist_name, b.year, b.is_compilation,
       b.song_count, b.duration_ms, b.created_at, b.updated_at
  FROM albums AS b
 WHERE (left(b.name_normalized, 64), b.id)
       > (coalesce(:after_name::text, ''),
          coalesce(:after_id::uuid, '00000000-0000-0000-0000-000000000000'))
   AND b.song_count > 0
   AND (:library_id::uuid IS NULL OR b.library_id = :library_id::uuid)
   AND (:year_from::int IS NULL OR b.year >= :year_from::int)
   AND (:year_to::int IS NULL OR b.year <= :year_to::int)
 ORDER BY left(b.name_normalized, 64), b.id
 LIMIT :page_size::int OFFSET :page_offset::int;

-- name: list_artist_albums(artist_id, before_year, before_id, page_size, page_offset)
-- The albums of an artist of the library, latest year first; one keyset page.
--
-- Returns: 0..page_size rows Keyed[Album]: year (0 where it is not known), id, then the album.
-- Params:  before_year int, before_id uuid: last row of the previous page, NULL for the first.
-- Index:   albums_artist_idx (artist_id, coalesce(year, 0) DESC, id DESC).
-- Partitions: all, merged: each gives the first rows of its index.
-- Order:   coalesce(year, 0) DESC, id DESC; total.
-- Cost:    at most 81 buffers.
-- Locks:   none.
SELECT coalesce(b.year, 0) AS year_key, b.id,
       b.id, b.library_id, b.name, b.artist_id, b.artist_name, b.year, b.is_compilation,
       b.song_count, b.duration_ms, b.created_at, b.updated_at
  FROM albums AS b
 WHERE b.artist_id = :artist_id::uuid
   AND (coalesce(b.year, 0), b.id)
       < (coalesce(:before_year::int, 2147483647),
          coalesce(:before_id::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
   AND b.song_count > 0
 ORDER BY coalesce(b.year, 0) DESC, b.id DESC
 LIMIT :page_size::int OFFSET :page_offset::int;

-- name: search_albums(search, first_words, second_words, third_words, library_id, year_from, year_to, before_score, before_id, page_size, page_offset)
-- Albums whose name is like a text, best first; one page.
--
-- Of a frequent word some are ranked, as in artists.search_artists.
--
-- Returns: 0..page_size rows Keyed[Album]: score, id, then the album.
-- Params:  search text: what a person typed; normalised here. first_words, second_words,
--          third_words text[]: what words.get_alternatives says of it. before_score, before_id:
--          last row of the previous page, NULL for the first; the others as in list_albums_newest.
-- Index:   albums_words_idx, albums_name_idx; the three longest words find the candidates, all
--          words decide.
-- Partitions: all, by their indexes.
-- Order:   score DESC, id DESC; total. The score is that of releases.search_releases.
-- Plan:    custom: with the words known, the condition of the index is a constant.
-- Cost:    at most 140 buffers.
-- Locks:   none.
WITH named AS (
    (SELECT b.id, b.library_id, b.name, b.artist_id, b.artist_name, b.year, b.is_compilation,
            b.song_count, b.duration_ms, b.created_at, b.updated_at, b.name_normalized
       FROM albums AS b
      WHERE left(b.name_normalized, 64) = left(normalize_name(:search::text), 64)
        AND b.name_normalized = normalize_name(:search::text)
        AND b.song_count > 0
        AND (:library_id::uuid IS NULL OR b.library_id = :library_id::uuid)
        AND (:year_from::int IS NULL OR b.year >= :year_from::int)
        AND (:year_to::int IS NULL OR b.year <= :year_to::int)
      LIMIT 2000)
     UNION ALL
    (SELECT b.id, b.library_id, b.name, b.artist_id, b.artist_name, b.year, b.is_compilation,
            b.song_count, b.duration_ms, b.created_at, b.updated_at, b.name_normalized
       FROM albums AS b
      WHERE matches_words(
                b.name_normalized, :search::text, :first_words::text[],
                :second_words::text[], :third_words::text[]
            )
        AND b.name_normalized <> normalize_name(:search::text)
        AND b.song_count > 0
        AND (:library_id::uuid IS NULL OR b.library_id = :library_id::uuid)
        AND (:year_from::int IS NULL OR b.year >= :year_from::int)
        AND (:year_to::int IS NULL OR b.year <= :year_to::int)
      LIMIT 2000)
),
found AS MATERIALIZED (
    SELECT (word_similarity(normalize_name(:search::text), named.name_normalized)
            + similarity(normalize_name(:search::text), named.name_normalized) / 10)::float8
               AS score,
           named.id, named.library_id, named.name, named.artist_id, named.artist_name, named.year,
           named.is_compilation, named.song_count, named.duration_ms, named.created_at,
           named.updated_at
      FROM named
)
SELECT f.score, f.id,
       f.id, f.library_id, f.name, f.artist_id, f.artist_name, f.year, f.is_compilation,
       f.song_count, f.duration_ms, f.created_at, f.updated_at
  FROM found AS f
 WHERE :before_id::uuid IS NULL
    OR (f.score, f.id) < (:before_score::float8, :before_id::uuid)
 ORDER BY f.score DESC, f.id DESC
 LIMIT :page_size::int OFFSET :page_offset::int;

-- name: refresh_albums(album_ids)!
-- Compute the derived counts of albums again from their songs.
--
-- Returns: the number of albums that were wrong.
-- Index:   albums_pkey where few are given, songs_album_idx.
-- Partitions: the one of each album; all of songs, by their index.
-- Cost:    at most 440 buffers.
-- Locks:   the albums that were wrong.
-- Allow:   unused-query: for a DBA, after songs were moved by hand; tests compare with it.
UPDATE albums AS b
   SET song_count = counted.songs,
       duration_ms = counted.duration_ms
  FROM unnest(:album_ids::uuid[]) AS given (id)
 CROSS JOIN LATERAL (SELECT count(*)::int AS songs,
                            coalesce(sum(s.duration_ms), 0)::bigint AS duration_ms
                       FROM songs AS s
                      WHERE s.album_id = given.id
                        AND s.missing_since IS NULL) AS counted
 WHERE b.id = given.id
   AND (b.song_count, b.duration_ms) <> (counted.songs, counted.duration_ms);
