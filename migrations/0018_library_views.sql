-- Add the counts of libraries, artists, releases and genres as materialised views.
--
-- Why:    a count of ten million songs takes seconds; a page's total may be some minutes old.
-- Order:  expand.
-- Locks:  none but reads, while the views are filled: a second for a million plays.
-- Undo:   0018_library_views.rollback.sql; the views can be computed again.
-- depends: 0017_library_files
--
-- `kleio maintain` refreshes them concurrently, so that readers never wait; nothing else does.
-- Each has a row with the id 0 that holds the totals and refreshed_at. In every row that time would
-- make every row a changed one: a refresh of 300,000 rows took 2.1 times as long and left the view
-- 2.8 times as large.
-- Their indexes are made with them, in one transaction, before anybody can read the views:
-- squawk-ignore-file require-concurrent-index-creation
CREATE MATERIALIZED VIEW mv_library_stats AS
WITH by_artist AS (
    SELECT s.library_id, s.artist_id,
           count(*) FILTER (WHERE s.missing_since IS NULL) AS songs,
           count(s.missing_since) AS missing_songs,
           sum(s.duration_ms) FILTER (WHERE s.missing_since IS NULL) AS duration_ms
      FROM songs AS s
     GROUP BY s.library_id, s.artist_id
),
song AS (
    SELECT library_id, sum(songs) AS songs, sum(missing_songs) AS missing_songs,
           count(DISTINCT artist_id) FILTER (WHERE songs > 0) AS artists,
           sum(duration_ms) AS duration_ms
      FROM by_artist
     GROUP BY GROUPING SETS ((), (library_id))
),
album AS (
    SELECT library_id, count(*) AS albums
      FROM albums
     WHERE song_count > 0
     GROUP BY GROUPING SETS ((), (library_id))
),
file AS (
    SELECT library_id, sum(size) FILTER (WHERE song_id IS NOT NULL) AS bytes,
           count(*) FILTER (WHERE problem IS NOT NULL) AS problem_files
      FROM library_files
     WHERE missing_since IS NULL
     GROUP BY GROUPING SETS ((), (library_id))
),
library AS (
    SELECT id, id AS library_id FROM libraries
     UNION ALL
    SELECT '00000000-0000-0000-0000-000000000000', NULL
)
SELECT library.id AS library_id,
       coalesce(song.songs, 0)::bigint AS songs,
       coalesce(song.missing_songs, 0)::bigint AS missing_songs,
       coalesce(album.albums, 0) AS albums,
       coalesce(song.artists, 0) AS artists,
       coalesce(song.duration_ms, 0)::bigint AS duration_ms,
       coalesce(file.bytes, 0)::bigint AS bytes,
       coalesce(file.problem_files, 0) AS problem_files,
       CASE WHEN library.library_id IS NULL THEN now() END AS refreshed_at
  FROM library
  LEFT JOIN song ON song.library_id IS NOT DISTINCT FROM library.library_id
  LEFT JOIN album ON album.library_id IS NOT DISTINCT FROM library.library_id
  LEFT JOIN file ON file.library_id IS NOT DISTINCT FROM library.library_id;

-- library_stats.list_library_stats and refresh_library_stats.
CREATE UNIQUE INDEX mv_library_stats_key ON mv_library_stats (library_id);

-- By the artists of library_artists; a song by two artists counts for both, once in the total. The
-- total's artists are all that the list pages through, those without songs or albums too.
CREATE MATERIALIZED VIEW mv_artist_stats AS
WITH credited AS (
    SELECT s.artist_id, count(*) AS songs, 0::bigint AS albums,
           sum(s.duration_ms) AS duration_ms
      FROM songs AS s
     WHERE s.missing_since IS NULL AND s.artist_id IS NOT NULL
     GROUP BY s.artist_id
     UNION ALL
    SELECT c.artist_id, count(*), 0, sum(s.duration_ms)
      FROM song_artists AS c
      JOIN songs AS s ON s.id = c.song_id
     WHERE s.missing_since IS NULL
     GROUP BY c.artist_id
     UNION ALL
    SELECT a.artist_id, 0, count(*), 0
      FROM albums AS a
     WHERE a.song_count > 0 AND a.artist_id IS NOT NULL
     GROUP BY a.artist_id
)
SELECT artist_id, sum(songs)::bigint AS songs, sum(albums)::bigint AS albums,
       coalesce(sum(duration_ms), 0)::bigint AS duration_ms, NULL::bigint AS artists,
       NULL::timestamptz AS refreshed_at
  FROM credited
 GROUP BY artist_id
 UNION ALL
SELECT '00000000-0000-0000-0000-000000000000',
       (SELECT count(*) FROM songs WHERE missing_since IS NULL),
       (SELECT count(*) FROM albums WHERE song_count > 0),
       (SELECT coalesce(sum(duration_ms), 0)::bigint FROM songs WHERE missing_since IS NULL),
       (SELECT count(*) FROM library_artists),
       now();

-- library_stats.refresh_artist_stats; artists with their counts.
CREATE UNIQUE INDEX mv_artist_stats_key ON mv_artist_stats (artist_id);

-- Across all users, as numbers alone; an archived copy is nobody's.
CREATE MATERIALIZED VIEW mv_release_popularity AS
WITH owned AS (
    SELECT c.release_id, count(*) AS copies, count(DISTINCT c.user_id) AS owners
      FROM user_releases AS c
     WHERE c.archived_at IS NULL
     GROUP BY c.release_id
),
played AS (
    SELECT p.release_id, count(*) AS plays, count(DISTINCT p.user_id) AS listeners,
           max(p.played_at) AS last_played_at
      FROM play_history AS p
     GROUP BY p.release_id
),
counted AS (
    SELECT release_id, coalesce(owned.copies, 0) AS copies, coalesce(owned.owners, 0) AS owners,
           coalesce(played.plays, 0) AS plays, coalesce(played.listeners, 0) AS listeners,
           played.last_played_at
      FROM owned
      FULL JOIN played USING (release_id)
)
SELECT release_id, owners, copies, listeners, plays, last_played_at,
       NULL::timestamptz AS refreshed_at
  FROM counted
 UNION ALL
SELECT '00000000-0000-0000-0000-000000000000',
       (SELECT count(DISTINCT user_id) FROM user_releases WHERE archived_at IS NULL),
       coalesce(sum(copies), 0)::bigint,
       (SELECT count(DISTINCT user_id) FROM play_history),
       coalesce(sum(plays), 0)::bigint, max(last_played_at), now()
  FROM counted;

-- library_stats.refresh_release_popularity.
CREATE UNIQUE INDEX mv_release_popularity_key ON mv_release_popularity (release_id);

-- library_stats.list_popular_releases.
CREATE INDEX mv_release_popularity_owners_idx
    ON mv_release_popularity (owners DESC, release_id DESC);

-- Genres of the catalogue and of files, one where their names normalise to the same.
CREATE MATERIALIZED VIEW mv_genre_counts AS
WITH copies AS (
    SELECT c.release_id, count(*) AS copies
      FROM user_releases AS c
     WHERE c.archived_at IS NULL
     GROUP BY c.release_id
),
released AS (
    SELECT g.genre_id, count(*) AS releases, coalesce(sum(c.copies), 0)::bigint AS copies
      FROM (SELECT DISTINCT genre_id, release_id FROM release_genres) AS g
      LEFT JOIN copies AS c ON c.release_id = g.release_id
     GROUP BY g.genre_id
),
tagged AS (
    SELECT s.genre, count(*) AS songs
      FROM songs AS s
     WHERE s.genre IS NOT NULL AND s.missing_since IS NULL
     GROUP BY s.genre
),
named AS (
    SELECT name_key(g.name) AS genre_key, g.name, true AS is_catalogued,
           coalesce(r.releases, 0) AS releases, coalesce(r.copies, 0) AS copies, 0::bigint AS songs
      FROM genres AS g
      LEFT JOIN released AS r ON r.genre_id = g.id
     UNION ALL
    SELECT name_key(t.genre), t.genre, false, 0, 0, t.songs
      FROM tagged AS t
)
SELECT genre_key,
       (array_agg(name ORDER BY is_catalogued DESC, songs DESC, name COLLATE "C"))[1] AS name,
       sum(releases)::bigint AS releases, sum(copies)::bigint AS copies,
       sum(songs)::bigint AS songs, NULL::timestamptz AS refreshed_at
  FROM named
 GROUP BY genre_key
 UNION ALL
SELECT '00000000-0000-0000-0000-000000000000', NULL,
       (SELECT count(*) FROM releases),
       (SELECT coalesce(sum(copies), 0)::bigint FROM copies),
       (SELECT coalesce(sum(songs), 0)::bigint FROM tagged), now();

-- library_stats.list_genre_counts and refresh_genre_counts.
CREATE UNIQUE INDEX mv_genre_counts_key ON mv_genre_counts (genre_key);
