-- What the library and the catalogue hold, counted some time ago.
-- Tables: mv_library_stats, mv_artist_stats, mv_catalogue_totals, mv_release_popularity,
--         mv_genre_counts; libraries for their names, releases for their cards.
--
-- In each view the row with the id 0 holds the totals and the time of its last refresh.
-- The refreshes are for `kleio maintain`: they read whole tables, and readers go on meanwhile.

-- name: get_library_totals()^
-- What all libraries hold together, and as of when.
--
-- Returns: 0..1 rows LibraryTotals.
-- Index:   mv_library_stats_key.
-- Stale:   mv_library_stats; refreshed_at says since when.
-- Cost:    at most 5 buffers.
-- Locks:   none.
SELECT m.songs, m.missing_songs, m.albums, m.artists, m.duration_ms, m.bytes, m.problem_files,
       m.refreshed_at
  FROM mv_library_stats AS m
 WHERE m.library_id = '00000000-0000-0000-0000-000000000000';

-- name: list_library_stats()
-- What each library holds, by its name; there are few.
--
-- Returns: 0..n rows LibraryStats; a library that is newer than the last refresh has zeros.
-- Index:   libraries_pkey, mv_library_stats_key; or both are read whole.
-- Order:   name, id; total.
-- Stale:   mv_library_stats; get_library_totals says since when.
-- Cost:    at most 6 buffers.
-- Locks:   none.
SELECT l.id, l.name, l.scanned_at, coalesce(m.songs, 0) AS songs,
       coalesce(m.missing_songs, 0) AS missing_songs, coalesce(m.albums, 0) AS albums,
       coalesce(m.artists, 0) AS artists, coalesce(m.duration_ms, 0) AS duration_ms,
       coalesce(m.bytes, 0) AS bytes, coalesce(m.problem_files, 0) AS problem_files
  FROM libraries AS l
  LEFT JOIN mv_library_stats AS m
    ON m.library_id = l.id
 ORDER BY lower(l.name COLLATE "pg_c_utf8"), l.id;

-- name: get_artist_totals()^
-- How many artists library_artists.list_library_artists pages through, and as of when.
--
-- Returns: 0..1 rows ArtistTotals.
-- Index:   mv_artist_stats_key.
-- Stale:   mv_artist_stats; refreshed_at says since when.
-- Cost:    at most 5 buffers.
-- Locks:   none.
SELECT coalesce(m.artists, 0) AS artists, m.refreshed_at
  FROM mv_artist_stats AS m
 WHERE m.artist_id = '00000000-0000-0000-0000-000000000000';

-- name: get_catalogue_totals()^
-- How many artists, labels and releases the catalogue has, and as of when.
--
-- Returns: 0..1 rows CatalogueTotals.
-- Index:   none; the view has one row.
-- Stale:   mv_catalogue_totals; refreshed_at says since when.
-- Cost:    at most 5 buffers.
-- Locks:   none.
SELECT m.artists, m.labels, m.releases, m.refreshed_at
  FROM mv_catalogue_totals AS m
 WHERE m.id = '00000000-0000-0000-0000-000000000000';

-- name: list_genre_counts()
-- Genres of the catalogue and of files, most frequent first, all of them.
--
-- Returns: 0..n rows GenreCount.
-- Index:   none; the view is some hundred rows.
-- Order:   releases + songs DESC, genre_key; total.
-- Stale:   mv_genre_counts; refreshed_at says since when.
-- Cost:    at most 5 buffers.
-- Locks:   none.
SELECT m.name, m.releases, m.copies, m.songs, t.refreshed_at
  FROM mv_genre_counts AS m
 CROSS JOIN mv_genre_counts AS t
 WHERE m.genre_key <> '00000000-0000-0000-0000-000000000000'
   AND t.genre_key = '00000000-0000-0000-0000-000000000000'
 ORDER BY m.releases + m.songs DESC, m.genre_key;

-- name: list_popular_releases(before_owners, before_id, page_size, page_offset)
-- The releases that most users own; one keyset page.
--
-- Returns: 0..page_size rows Keyed[PopularRelease]: owners, id, then the release with its numbers.
-- Params:  before_owners bigint, before_id uuid: last row of the previous page, NULL for the first.
-- Index:   mv_release_popularity_owners_idx, mv_release_popularity_key, releases_pkey.
-- Order:   owners DESC, id DESC; total.
-- Stale:   mv_release_popularity; refreshed_at says since when.
-- Cost:    at most 250 buffers.
-- Locks:   none.
WITH page AS (
    SELECT m.release_id, m.owners, m.copies, m.listeners, m.plays, m.last_played_at
      FROM mv_release_popularity AS m
     WHERE (m.owners, m.release_id)
           < (coalesce(:before_owners::bigint, 9223372036854775807),
              coalesce(:before_id::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
       AND m.release_id <> '00000000-0000-0000-0000-000000000000'
     ORDER BY m.owners DESC, m.release_id DESC
     LIMIT :page_size::int OFFSET :page_offset::int
)
SELECT page.owners, page.release_id AS id,
       page.owners, page.copies, page.listeners, page.plays, page.last_played_at,
       (SELECT t.refreshed_at
          FROM mv_release_popularity AS t
         WHERE t.release_id = '00000000-0000-0000-0000-000000000000') AS refreshed_at,
       r.card AS release
  FROM page
  JOIN releases AS r
    ON r.id = page.release_id
 ORDER BY page.owners DESC, page.release_id DESC;

-- name: refresh_library_stats()!
-- Count the libraries again.
--
-- Returns: -1; PostgreSQL does not tell the number of rows.
-- Index:   mv_library_stats_key, for CONCURRENTLY.
-- Locks:   mv_library_stats EXCLUSIVE: one refresh at a time, and readers go on.
REFRESH MATERIALIZED VIEW CONCURRENTLY mv_library_stats;

-- name: refresh_artist_stats()!
-- Count the artists of the library again.
--
-- Returns: -1; PostgreSQL does not tell the number of rows.
-- Index:   mv_artist_stats_key, for CONCURRENTLY.
-- Locks:   mv_artist_stats EXCLUSIVE: one refresh at a time, and readers go on.
REFRESH MATERIALIZED VIEW CONCURRENTLY mv_artist_stats;

-- name: refresh_catalogue_totals()!
-- Count the artists, labels and releases of the catalogue again.
--
-- Returns: -1; PostgreSQL does not tell the number of rows.
-- Index:   mv_catalogue_totals_key, for CONCURRENTLY; the shortest index of each table.
-- Locks:   mv_catalogue_totals EXCLUSIVE: one refresh at a time, and readers go on.
REFRESH MATERIALIZED VIEW CONCURRENTLY mv_catalogue_totals;

-- name: refresh_release_popularity()!
-- Count owners, copies and plays of releases again.
--
-- Returns: -1; PostgreSQL does not tell the number of rows.
-- Index:   mv_release_popularity_key, for CONCURRENTLY.
-- Locks:   mv_release_popularity EXCLUSIVE: one refresh at a time, and readers go on.
REFRESH MATERIALIZED VIEW CONCURRENTLY mv_release_popularity;

-- name: refresh_genre_counts()!
-- Count the genres again.
--
-- Returns: -1; PostgreSQL does not tell the number of rows.
-- Index:   mv_genre_counts_key, for CONCURRENTLY.
-- Locks:   mv_genre_counts EXCLUSIVE: one refresh at a time, and readers go on.
REFRESH MATERIALIZED VIEW CONCURRENTLY mv_genre_counts;
