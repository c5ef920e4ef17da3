-- Songs of the music library: one, many by id, pages and what is alike.
-- Tables: songs, song_artists, albums, library_artists; user_songs for a user's own lists.
--
-- A song carries its artist's and album's names, so no read of it needs a join. Lists leave out songs
-- whose file is missing; what takes ids does not.
-- A time is compared on the id (uuid7_floor), whose partitions and index are in the order of time.

-- name: get_song(song_id)^
-- One song, also one whose file is missing.
--
-- The SELECT around the id hides it from the planner, which with `id = $1` in sight makes a custom
-- plan each time, as that one costs it less to run; making it takes longer than running it.
--
-- Returns: 0..1 rows Song.
-- Index:   songs_pkey.
-- Partitions: the one of the id, under a generic plan too.
-- Cost:    at most 8 buffers.
-- Locks:   none.
SELECT s.id, s.library_id, s.name, s.artist_id, s.artist_name, s.album_id, s.album_name,
       s.disc_number, s.track_number, s.duration_ms, s.year, s.genre, s.codec, s.bit_rate,
       s.sample_rate, s.channels, s.missing_since, s.created_at, s.updated_at
  FROM songs AS s
 WHERE s.id = (SELECT :song_id::uuid);

-- name: list_songs_by_id(song_ids)
-- Many songs in the order of their ids as given, missing files included; one given twice twice.
--
-- LATERAL with its LIMIT can only be a nested loop, so each id reads its one partition, whatever
-- the planner thinks of the number of ids; tests/load/library.py compares the other ways.
--
-- Returns: 0..n rows Song; none for an id that is no song's.
-- Index:   songs_pkey.
-- Partitions: the one of each id, under a generic plan too.
-- Order:   as song_ids; total.
-- Cost:    at most 48 buffers.
-- Locks:   none.
SELECT found.id, found.library_id, found.name, found.artist_id, found.artist_name,
       found.album_id, found.album_name, found.disc_number, found.track_number,
       found.duration_ms, found.year, found.genre, found.codec, found.bit_rate,
       found.sample_rate, found.channels, found.missing_since, found.created_at,
       found.updated_at
  FROM unnest(:song_ids::uuid[]) WITH ORDINALITY AS given (id, place)
 CROSS JOIN LATERAL (
           SELECT s.id, s.library_id, s.name, s.artist_id, s.artist_name, s.album_id,
                  s.album_name, s.disc_number, s.track_number, s.duration_ms, s.year, s.genre,
                  s.codec, s.bit_rate, s.sample_rate, s.channels, s.missing_since,
                  s.created_at, s.updated_at
             FROM songs AS s
            WHERE s.id = given.id
            LIMIT 1
       ) AS found
 ORDER BY given.place;

-- name: list_songs_among(song_ids)
-- Many songs by their ids, missing files included, in no order: for a database on Citus.
--
-- It refuses list_songs_by_id, whose LATERAL has a LIMIT; and without one a join of hundreds of ids
-- may read all partitions. Custom, because a generic plan probes each partition for each id.
--
-- Returns: 0..n rows Song; none for an id that is no song's.
-- Index:   songs_pkey.
-- Partitions: those of the ids.
-- Plan:    custom.
-- Cost:    at most 13 buffers.
-- Locks:   none.
SELECT s.id, s.library_id, s.name, s.artist_id, s.artist_name, s.album_id, s.album_name,
       s.disc_number, s.track_number, s.duration_ms, s.year, s.genre, s.codec, s.bit_rate,
       s.sample_rate, s.channels, s.missing_since, s.created_at, s.updated_at
  FROM songs AS s
 WHERE s.id = ANY (:song_ids::uuid[]);

-- name: list_songs_newest(before_id, page_size, page_offset)
-- All songs, latest added first; one keyset page.
--
-- Without filters, so that it is a short walk of one index under any plan, as deep as one likes;
-- what is filtered reads list_filtered_songs_newest. The SELECT around the page's size hides it
-- from the planner, as in get_song: it would plan each page anew.
--
-- Returns: 0..page_size rows Keyed[Song]: id, id, then the song.
-- Params:  before_id uuid: last row of the previous page, NULL for the first.
-- Index:   songs_pkey.
-- Partitions: from the one of before_id down, until the page is full.
-- Order:   id DESC; total.
-- Cost:    at most 30 buffers.
-- Locks:   none.
SELECT s.id, s.id,
       s.id, s.library_id, s.name, s.artist_id, s.artist_name, s.album_id, s.album_name,
       s.disc_number, s.track_number, s.duration_ms, s.year, s.genre, s.codec, s.bit_rate,
       s.sample_rate, s.channels, s.missing_since, s.created_at, s.updated_at
  FROM songs AS s
 WHERE s.id < coalesce(:before_id::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
   AND s.missing_since IS NULL
 ORDER BY s.id DESC
 LIMIT (SELECT :page_size::int) OFFSET (SELECT :page_offset::int);

-- name: list_songs_oldest(after_id, page_size, page_offset)
-- All songs, earliest added first; one keyset page.
--
-- Returns: 0..page_size rows Keyed[Song]: id, id, then the song.
-- Params:  after_id uuid: last row of the previous page, NULL for the first.
-- Index:   songs_pkey.
-- Partitions: from the one of after_id up, until the page is full.
-- Order:   id; total.
-- Cost:    at most 9 buffers.
-- Locks:   none.
SELECT s.id, s.id,
       s.id, s.library_id, s.name, s.artist_id, s.artist_name, s.album_id, s.album_name,
       s.disc_number, s.track_number, s.duration_ms, s.year, s.genre, s.codec, s.bit_rate,
       s.sample_rate, s.channels, s.missing_since, s.created_at, s.updated_at
  FROM songs AS s
 WHERE s.id > coalesce(:after_id::uuid, '00000000-0000-0000-0000-000000000000')
   AND s.missing_since IS NULL
 ORDER BY s.id
 LIMIT (SELECT :page_size::int) OFFSET (SELECT :page_offset::int);

-- name: list_filtered_songs_newest(library_id, artist, album, genre, codec, year_from, year_to, min_duration_ms, max_duration_ms, since, until, before_id, page_size, page_offset)
-- Songs that pass the filters, latest added first; one keyset page.
--
-- Returns: 0..page_size rows Keyed[Song]: id, id, then the song.
-- Params:  NULL where it is no filter. artist, album text: whole names, normalised here; of several
--          artists the first. genre, codec text: as tagged. min_duration_ms, max_duration_ms int:
--          both included. since, until timestamptz: when the song was added, until excluded.
--          before_id uuid: last row of the previous page, NULL for the first.
-- Index:   songs_pkey for filters that many songs pass; for the others songs_artist_idx,
--          songs_album_idx, songs_library_idx or songs_codec_idx, library_artists_name_key,
--          albums_name_idx.
-- Partitions: those of since to until.
-- Order:   id DESC; total.
-- Plan:    custom: only with the filters known does the planner choose between these.
-- Cost:    at most 30 buffers.
-- Locks:   none.
SELECT s.id, s.id,
       s.id, s.library_id, s.name, s.artist_id, s.artist_name, s.album_id, s.album_name,
       s.disc_number, s.track_number, s.duration_ms, s.year, s.genre, s.codec, s.bit_rate,
       s.sample_rate, s.channels, s.missing_since, s.created_at, s.updated_at
  FROM songs AS s
 WHERE s.id < coalesce(:before_id::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
   AND s.missing_since IS NULL
   AND (:library_id::uuid IS NULL OR s.library_id = :library_id::uuid)
   AND (:artist::text IS NULL
        OR s.artist_id = (SELECT a.id
                            FROM library_artists AS a
                           WHERE a.name_key = name_key(:artist::text)))
   AND (:album::text IS NULL
        OR s.album_id = ANY (ARRAY(SELECT b.id
                                     FROM albums AS b
                                    WHERE left(b.name_normalized, 64)
                                          = left(normalize_name(:album::text), 64)
                                      AND b.name_normalized = normalize_name(:album::text))))
   AND (:genre::text IS NULL OR s.genre = :genre::text)
   AND (:codec::text IS NULL OR s.codec = :codec::text)
   AND (:year_from::int IS NULL OR s.year >= :year_from::int)
   AND (:year_to::int IS NULL OR s.year <= :year_to::int)
   AND (:min_duration_ms::int IS NULL OR s.duration_ms >= :min_duration_ms::int)
   AND (:max_duration_ms::int IS NULL OR s.duration_ms <= :max_duration_ms::int)
   AND (:since::timestamptz IS NULL OR s.id >= uuid7_floor(:since::timestamptz))
   AND (:until::timestamptz IS NULL OR s.id < uuid7_floor(:until::timestamptz))
 ORDER BY s.id DESC
 LIMIT :page_size::int OFFSET :page_offset::int;

-- name: list_filtered_songs_oldest(library_id, artist, album, genre, codec, year_from, year_to, min_duration_ms, max_duration_ms, since, until, after_id, page_size, page_offset)
-- Songs that pass the filters, earliest added first; one keyset page.
--
-- Returns: 0..page_size rows Keyed[Song]: id, id, then the song.
-- Params:  after_id uuid: last row of the previous page, NULL for the first; the others as in
--          list_filtered_songs_newest.
-- Index:   songs_pkey for filters that many songs pass; for the others songs_artist_idx,
--          songs_album_idx, songs_library_idx or songs_codec_idx, library_artists_name_key,
--          albums_name_idx.
-- Partitions: those of since to until.
-- Order:   id; total.
-- Plan:    custom: only with the filters known does the planner choose between these.
-- Cost:    at most 9 buffers.
-- Locks:   none.
SELECT s.id, s.id,
       s.id, s.library_id, s.name, s.artist_id, s.artist_name, s.album_id, s.album_name,
       s.disc_number, s.track_number, s.duration_ms, s.year, s.genre, s.codec, s.bit_rate,
       s.sample_rate, s.channels, s.missing_since, s.created_at, s.updated_at
  FROM songs AS s
 WHERE s.id > coalesce(:after_id::uuid, '00000000-0000-0000-0000-000000000000')
   AND s.missing_since IS NULL
   AND (:library_id::uuid IS NULL OR s.library_id = :library_id::uuid)
   AND (:artist::text IS NULL
        OR s.artist_id = (SELECT a.id
                            FROM library_artists AS a
                           WHERE a.name_key = name_key(:artist::text)))
   AND (:album::text IS NULL
        OR s.album_id = ANY (ARRAY(SELECT b.id
                                     FROM albums AS b
                                    WHERE left(b.name_normalized, 64)
                                          = left(normalize_name(:album::text), 64)
                                      AND b.name_normalized = normalize_name(:album::text))))
   AND (:genre::text IS NULL OR s.genre = :genre::text)
   AND (:codec::text IS NULL OR s.codec = :codec::text)
   AND (:year_from::int IS NULL OR s.year >= :year_from::int)
   AND (:year_to::int IS NULL OR s.year <= :year_to::int)
   AND (:min_duration_ms::int IS NULL OR s.duration_ms >= :min_duration_ms::int)
   AND (:max_duration_ms::int IS NULL OR s.duration_ms <= :max_duration_ms::int)
   AND (:since::timestamptz IS NULL OR s.id >= uuid7_floor(:since::timestamptz))
   AND (:until::timestamptz IS NULL OR s.id < uuid7_floor(:until::timestamptz))
 ORDER BY s.id
 LIMIT :page_size::int OFFSET :page_offset::int;

-- name: count_songs(library_id, artist, album, genre, codec, year_from, year_to, min_duration_ms, max_duration_ms, since, until, search, first_words, second_words, third_words)$
-- How many songs pass the filters of list_filtered_songs_newest, and are like a text.
--
-- Exactly, which takes seconds for ten million; library_stats has the number of all at once.
--
-- Returns: one bigint.
-- Params:  search text: as in search_songs with its words, NULL where it is no filter; the others
--          as in list_filtered_songs_newest.
-- Index:   as list_filtered_songs_newest; songs_words_idx with a search text.
-- Partitions: those of since to until.
-- Plan:    custom: only with the filters known does the planner choose between these.
-- Cost:    at most 960 buffers.
-- Locks:   none.
SELECT count(*)
  FROM songs AS s
 WHERE s.missing_since IS NULL
   AND (:library_id::uuid IS NULL OR s.library_id = :library_id::uuid)
   AND (:artist::text IS NULL
        OR s.artist_id = (SELECT a.id
                            FROM library_artists AS a
                           WHERE a.name_key = name_key(:artist::text)))
   AND (:album::text IS NULL
        OR s.album_id = ANY (ARRAY(SELECT b.id
                                     FROM albums AS b
                                    WHERE left(b.name_normalized, 64)
                                          = left(normalize_name(:album::text), 64)
                                      AND b.name_normalized = normalize_name(:album::text))))
   AND (:genre::text IS NULL OR s.genre = :genre::text)
   AND (:codec::text IS NULL OR s.codec = :codec::text)
   AND (:year_from::int IS NULL OR s.year >= :year_from::int)
   AND (:year_to::int IS NULL OR s.year <= :year_to::int)
   AND (:min_duration_ms::int IS NULL OR s.duration_ms >= :min_duration_ms::int)
   AND (:max_duration_ms::int IS NULL OR s.duration_ms <= :max_duration_ms::int)
   AND (:since::timestamptz IS NULL OR s.id >= uuid7_floor(:since::timestamptz))
   AND (:until::timestamptz IS NULL OR s.id < uuid7_floor(:until::timestamptz))
   AND (:search::text IS NULL
        OR matches_words(
               s.name_normalized, :search::text, :first_words::text[], :second_words::text[],
               :third_words::text[]
           ));

-- name: search_songs(search, first_words, second_words, third_words, library_id, artist, album, genre, codec, year_from, year_to, min_duration_ms, max_duration_ms, since, until, before_score, before_id, page_size, page_offset)
-- Songs whose name is like a text and that pass the filters, best first; one page.
--
-- Of a frequent word the first 2,000 names that the index finds are ranked and no more: ranking all
-- of them takes a second, and nobody reads on that far.
--
-- Returns: 0..page_size rows Keyed[Song]: score, id, then the song.
-- Params:  search text: what a person typed; normalised here. first_words, second_words,
--          third_words text[]: what words.get_alternatives says of it. before_score,
--          before_id: last row of the previous page, NULL for the first; the others as in
--          list_filtered_songs_newest.
-- Index:   songs_words_idx; the three longest words find the candidates, all words decide.
-- Partitions: those of since to until.
-- Order:   score DESC, id DESC; total. The score is that of releases.search_releases.
-- Plan:    custom: with the words known, the condition of the index is a constant.
-- Cost:    at most 300 buffers for two words.
-- Locks:   none.
WITH found AS MATERIALIZED (
    SELECT (word_similarity(normalize_name(:search::text), s.name_normalized)
            + similarity(normalize_name(:search::text), s.name_normalized) / 10)::float8
               AS score,
           s.id, s.library_id, s.name, s.artist_id, s.artist_name, s.album_id, s.album_name,
           s.disc_number, s.track_number, s.duration_ms, s.year, s.genre, s.codec, s.bit_rate,
           s.sample_rate, s.channels, s.missing_since, s.created_at, s.updated_at
      FROM songs AS s
     WHERE matches_words(
               s.name_normalized, :search::text, :first_words::text[], :second_words::text[],
               :third_words::text[]
           )
       AND s.missing_since IS NULL
       AND (:library_id::uuid IS NULL OR s.library_id = :library_id::uuid)
       AND (:artist::text IS NULL
            OR s.artist_id = (SELECT a.id
                                FROM library_artists AS a
                               WHERE a.name_key = name_key(:artist::text)))
       AND (:album::text IS NULL
            OR s.album_id = ANY (ARRAY(SELECT b.id
                                         FROM albums AS b
                                        WHERE left(b.name_normalized, 64)
                                              = left(normalize_name(:album::text), 64)
                                          AND b.name_normalized
                                              = normalize_name(:album::text))))
       AND (:genre::text IS NULL OR s.genre = :genre::text)
       AND (:codec::text IS NULL OR s.codec = :codec::text)
       AND (:year_from::int IS NULL OR s.year >= :year_from::int)
       AND (:year_to::int IS NULL OR s.year <= :year_to::int)
       AND (:min_duration_ms::int IS NULL OR s.duration_ms >= :min_duration_ms::int)
       AND (:max_duration_ms::int IS NULL OR s.duration_ms <= :max_duration_ms::int)
       AND (:since::timestamptz IS NULL OR s.id >= uuid7_floor(:since::timestamptz))
       AND (:until::timestamptz IS NULL OR s.id < uuid7_floor(:until::timestamptz))
     LIMIT 2000
)
SELECT f.score, f.id,
       f.id, f.library_id, f.name, f.artist_id, f.artist_name, f.album_id, f.album_name,
       f.disc_number, f.track_number, f.duration_ms, f.year, f.genre, f.codec, f.bit_rate,
       f.sample_rate, f.channels, f.missing_since, f.created_at, f.updated_at
  FROM found AS f
 WHERE :before_id::uuid IS NULL
    OR (f.score, f.id) < (:before_score::float8, :before_id::uuid)
 ORDER BY f.score DESC, f.id DESC
 LIMIT :page_size::int OFFSET :page_offset::int;

-- name: list_album_songs(album_id, max_rows)
-- The songs of an album in the order of the record.
--
-- Returns: 0..max_rows rows Song.
-- Index:   songs_album_idx.
-- Partitions: all, by their index: an album's songs can have come in several months.
-- Order:   disc_number, track_number, id; total; unnumbered ones last.
-- Cost:    at most 59 buffers.
-- Locks:   none.
SELECT s.id, s.library_id, s.name, s.artist_id, s.artist_name, s.album_id, s.album_name,
       s.disc_number, s.track_number, s.duration_ms, s.year, s.genre, s.codec, s.bit_rate,
       s.sample_rate, s.channels, s.missing_since, s.created_at, s.updated_at
  FROM songs AS s
 WHERE s.album_id = :album_id::uuid
   AND s.missing_since IS NULL
 ORDER BY s.disc_number, s.track_number, s.id
 LIMIT :max_rows::int;

-- name: list_artist_songs(artist_id, before_id, page_size, page_offset)
-- The songs of an artist of the library, as the first or a further one, latest added first; one
-- keyset page.
--
-- Returns: 0..page_size rows Keyed[Song]: id, id, then the song.
-- Params:  before_id uuid: last row of the previous page, NULL for the first.
-- Index:   songs_artist_idx; song_artists_pkey and songs_pkey for the further artist.
-- Partitions: from the one of before_id down, by their index, until the page is full.
-- Order:   id DESC; total.
-- Cost:    at most 320 buffers.
-- Locks:   none.
WITH page AS (
    (SELECT s.id
       FROM songs AS s
      WHERE s.artist_id = :artist_id::uuid
        AND s.id < coalesce(:before_id::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
        AND s.missing_since IS NULL
      ORDER BY s.id DESC
      LIMIT :page_size::int + :page_offset::int)
     UNION
    (SELECT c.song_id
       FROM song_artists AS c
      CROSS JOIN LATERAL (SELECT FROM songs AS s
                           WHERE s.id = c.song_id
                             AND s.missing_since IS NULL
                           LIMIT 1) AS there
      WHERE c.artist_id = :artist_id::uuid
        AND c.song_id < coalesce(:before_id::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
      ORDER BY c.song_id DESC
      LIMIT :page_size::int + :page_offset::int)
      ORDER BY id DESC
      LIMIT :page_size::int OFFSET :page_offset::int
)
SELECT page.id, page.id,
       found.id, found.library_id, found.name, found.artist_id, found.artist_name,
       found.album_id, found.album_name, found.disc_number, found.track_number,
       found.duration_ms, found.year, found.genre, found.codec, found.bit_rate,
       found.sample_rate, found.channels, found.missing_since, found.created_at,
       found.updated_at
  FROM page
 CROSS JOIN LATERAL (
           SELECT s.id, s.library_id, s.name, s.artist_id, s.artist_name, s.album_id,
                  s.album_name, s.disc_number, s.track_number, s.duration_ms, s.year, s.genre,
                  s.codec, s.bit_rate, s.sample_rate, s.channels, s.missing_since,
                  s.created_at, s.updated_at
             FROM songs AS s
            WHERE s.id = page.id
            LIMIT 1
       ) AS found
 ORDER BY page.id DESC;

-- name: refresh_songs(song_ids)!
-- Compute the derived names of songs again.
--
-- Returns: the number of songs that were wrong.
-- Index:   songs_pkey, albums_pkey.
-- Partitions: the one of each song and album.
-- Cost:    at most 96 buffers.
-- Locks:   the songs that were wrong.
-- Allow:   unused-query: for a DBA, after albums were renamed by hand; tests compare with it.
UPDATE songs AS s
   SET album_name = b.name
  FROM unnest(:song_ids::uuid[]) AS given (id)
 CROSS JOIN LATERAL (SELECT t.id, t.album_id FROM songs AS t WHERE t.id = given.id LIMIT 1) AS t
  LEFT JOIN LATERAL (SELECT b.name FROM albums AS b WHERE b.id = t.album_id LIMIT 1) AS b
    ON true
 WHERE s.id = t.id
   AND s.album_name IS DISTINCT FROM b.name;
