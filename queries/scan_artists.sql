-- The artists that a scan's files name, into the library; one transaction a batch.
-- Tables: library_artists, song_artists; scan_songs, scan_members; songs; artists of the catalogue.

-- name: insert_scan_artists(library_id, now)!
-- The artists that the batch names and the libraries lack.
--
-- Returns: the number of artists.
-- Index:   library_artists_name_key.
-- Order:   written in the order of their keys, so that scans of two libraries can't deadlock.
-- Cost:    at most 11 buffers.
-- Locks:   the new rows.
INSERT INTO library_artists (name, created_at, updated_at)
SELECT DISTINCT ON (name_key(named.name)) named.name, :now::timestamptz, :now
  FROM (SELECT unnest(n.artists) AS name
          FROM scan_songs AS n
         WHERE n.library_id = :library_id::uuid AND n.problem IS NULL
         UNION ALL
        SELECT m.album_artist
          FROM scan_members AS m
         WHERE m.library_id = :library_id AND m.album_artist IS NOT NULL) AS named
 WHERE NOT EXISTS (SELECT FROM library_artists AS t WHERE t.name_key = name_key(named.name))
 ORDER BY name_key(named.name), named.name COLLATE "C"
    ON CONFLICT (name_key) DO NOTHING;

-- name: delete_song_artists(library_id)!
-- Further artists that the batch's songs no longer name.
--
-- Returns: the number of rows.
-- Index:   song_artists_song_idx; library_artists_name_key.
-- Cost:    at most 11 buffers.
-- Locks:   the rows.
DELETE FROM song_artists AS x
 USING scan_songs AS n
 WHERE n.library_id = :library_id::uuid
   AND n.problem IS NULL
   AND x.song_id = n.song_id
   AND NOT EXISTS (
           SELECT FROM unnest(n.artists) WITH ORDINALITY AS g (name, position)
             JOIN library_artists AS t ON t.name_key = name_key(g.name)
            WHERE g.position = x.position AND t.id = x.artist_id
       );

-- name: insert_song_artists(library_id)!
-- The second and further artists of the batch's songs, those whose month was put away left out.
--
-- Returns: the number of rows.
-- Index:   library_artists_name_key; song_artists_pkey; songs_pkey.
-- Partitions: the one of each song.
-- Cost:    at most 11 buffers.
-- Locks:   the new rows.
INSERT INTO song_artists (artist_id, song_id, position)
SELECT t.id, n.song_id, min(g.position)
  FROM scan_songs AS n
 CROSS JOIN LATERAL unnest(n.artists) WITH ORDINALITY AS g (name, position)
  JOIN library_artists AS t ON t.name_key = name_key(g.name)
 WHERE n.library_id = :library_id::uuid
   AND n.problem IS NULL
   AND g.position > 1
   AND name_key(g.name) <> name_key(n.artists[1])
   AND EXISTS (SELECT FROM songs AS s WHERE s.id = n.song_id)
 GROUP BY t.id, n.song_id
 ORDER BY t.id, n.song_id
    ON CONFLICT (artist_id, song_id) DO NOTHING;

-- name: update_artist_links(now)!
-- Link artists of files with the only artist of their name in the catalogue, where there is one.
--
-- A link of this kind is made when a dump brings the artist, and undone when it brings a namesake;
-- what a person linked or unlinked is never touched, and the catalogue's artist neither.
--
-- Returns: the number of links made and undone.
-- Index:   artists_name_idx (left(name_normalized, 64), id), two rows at most for each artist of
--          the libraries that nobody has judged.
-- Order:   locked in the order of the ids, so that two scans can't deadlock.
-- Cost:    at most 820 buffers.
-- Locks:   the library_artists that change.
WITH judged AS (
    SELECT t.id, CASE WHEN m.artists = 1 THEN m.first_id END AS artist_id
      FROM library_artists AS t
     CROSS JOIN LATERAL (
               SELECT count(*) AS artists, (array_agg(two.id))[1] AS first_id
                 FROM (SELECT a.id
                         FROM artists AS a
                        WHERE left(a.name_normalized, 64) = left(t.name_normalized, 64)
                          AND a.name_normalized = t.name_normalized
                        LIMIT 2) AS two
           ) AS m
     WHERE (t.link IS NULL OR t.link = 'name')
       AND t.artist_id IS DISTINCT FROM CASE WHEN m.artists = 1 THEN m.first_id END
     ORDER BY t.id
       FOR UPDATE OF t
)
UPDATE library_artists AS t
   SET artist_id = judged.artist_id,
       link = CASE WHEN judged.artist_id IS NOT NULL THEN 'name' END,
       updated_at = :now::timestamptz
  FROM judged
 WHERE t.id = judged.id;
