-- The albums that a scan's songs belong to, into the library; one transaction a batch.
-- Tables: albums, songs; scan_members; library_artists.
--
-- Which album a song belongs to is said by scan_songs.insert_scan_members.

-- name: insert_scan_albums(library_id, now)!
-- The albums that the batch's songs belong to and the library lacks.
--
-- Returns: the number of albums.
-- Index:   albums_key_idx (library_id, key); library_artists_name_key.
-- Partitions: all of albums are probed by key.
-- Cost:    at most 11 buffers.
-- Locks:   the new rows; healing makes a month that has no partition.
INSERT INTO albums (library_id, key, artist_id, updated_at, name, artist_name)
SELECT DISTINCT ON (m.album_key)
       :library_id::uuid, m.album_key, t.id, :now::timestamptz, m.album_name, m.album_artist
  FROM scan_members AS m
  LEFT JOIN library_artists AS t ON t.name_key = name_key(m.album_artist)
 WHERE m.library_id = :library_id
   AND m.album_key IS NOT NULL
   AND NOT EXISTS (SELECT FROM albums AS a
                    WHERE a.library_id = :library_id AND a.key = m.album_key)
 ORDER BY m.album_key, m.album_name COLLATE "C";

-- name: update_scan_albums(library_id, now)!
-- What is derived of the albums on the desk: name, year, songs and their length.
--
-- Returns: the number of albums that change.
-- Index:   scan_members_pkey; songs_album_idx; albums_pkey.
-- Partitions: all of songs are probed by album.
-- Cost:    at most 11 buffers.
-- Locks:   the albums that change.
WITH touched AS (
    SELECT m.old_album_id AS id FROM scan_members AS m
     WHERE m.library_id = :library_id::uuid AND m.old_album_id IS NOT NULL
     UNION
    SELECT m.album_id FROM scan_members AS m
     WHERE m.library_id = :library_id AND m.album_id IS NOT NULL
), named AS (
    SELECT m.album_id AS id, mode() WITHIN GROUP (ORDER BY m.album_name COLLATE "C") AS name
      FROM scan_members AS m
     WHERE m.library_id = :library_id AND m.is_read
     GROUP BY m.album_id
), counted AS (
    SELECT touched.id,
           count(s.id) FILTER (WHERE s.missing_since IS NULL) AS song_count,
           coalesce(sum(s.duration_ms) FILTER (WHERE s.missing_since IS NULL), 0) AS duration_ms,
           mode() WITHIN GROUP (ORDER BY s.year) FILTER (WHERE s.missing_since IS NULL) AS year,
           coalesce(bool_or((s.tags -> 'compilation')::bool)
                        FILTER (WHERE s.missing_since IS NULL), false) AS is_compilation
      FROM touched
      LEFT JOIN songs AS s ON s.album_id = touched.id
     GROUP BY touched.id
), derived AS (
    SELECT a.id, counted.song_count, counted.duration_ms, coalesce(named.name, a.name) AS name,
           CASE WHEN counted.song_count > 0 THEN counted.year ELSE a.year END AS year,
           CASE WHEN counted.song_count > 0
                THEN counted.is_compilation
                     OR coalesce(a.artist_name = 'Various Artists', false)
                ELSE a.is_compilation
           END AS is_compilation
      FROM counted
      JOIN albums AS a ON a.id = counted.id
      LEFT JOIN named ON named.id = counted.id
)
UPDATE albums AS a
   SET song_count = d.song_count,
       duration_ms = d.duration_ms,
       year = d.year,
       is_compilation = d.is_compilation,
       name = d.name,
       updated_at = :now::timestamptz
  FROM derived AS d
 WHERE a.id = d.id
   AND (a.song_count, a.duration_ms, a.year, a.is_compilation, a.name)
       IS DISTINCT FROM (d.song_count, d.duration_ms, d.year, d.is_compilation, d.name);

-- name: update_album_songs(library_id, now)!
-- The derived name of the album in songs of albums on the desk whose spelling has changed.
--
-- Returns: the number of songs.
-- Index:   scan_members_pkey; albums_pkey; songs_album_idx.
-- Partitions: all of songs are probed by album.
-- Cost:    at most 11 buffers.
-- Locks:   the songs that change.
UPDATE songs AS s
   SET album_name = a.name, updated_at = :now::timestamptz
  FROM albums AS a
 WHERE a.id IN (SELECT m.album_id FROM scan_members AS m WHERE m.library_id = :library_id::uuid)
   AND s.album_id = a.id
   AND s.album_name IS DISTINCT FROM a.name;

-- name: delete_scan_albums(library_id)!
-- Albums on the desk that no song belongs to any more, not even a missing one.
--
-- Returns: the number of albums.
-- Index:   scan_members_pkey; albums_pkey; songs_album_idx.
-- Partitions: all of songs are probed by album.
-- Cost:    at most 11 buffers.
-- Locks:   the rows.
DELETE FROM albums AS a
 WHERE a.id IN (SELECT m.old_album_id FROM scan_members AS m WHERE m.library_id = :library_id::uuid)
   AND NOT EXISTS (SELECT FROM songs AS s WHERE s.album_id = a.id);
