-- "Also on your shelf": which albums of the libraries a user owns as records, and the reverse.
-- Tables: albums, library_artists, release_artists, releases, user_releases.
--
-- An album and a release are the same record where the album's artist is linked to a main artist of
-- the release and the titles agree but for what tells editions apart (title_key). Any pressing
-- counts: who asks wants to know whether the music is there. Artists that are not linked match
-- nothing, because of several namesakes nobody knows which.

-- name: list_album_copies(user_id, album_id)
-- The copies on a user's shelf that are the same record as an album, archived ones left out.
--
-- From the shelf to the artist and not the other way round: a shelf has an end, and "Unknown
-- Artist" has hundreds of thousands of releases.
--
-- Returns: 0..n rows AlbumCopy.
-- Index:   albums_pkey; library_artists_pkey; release_artists_artist_idx (artist_id, release_id
--          DESC) or release_artists_pkey; user_releases_user_release_idx (user_id, release_id) or
--          another one that starts with the user.
-- Partitions: the album's month.
-- Order:   added_at DESC, id DESC; total.
-- Cost:    at most 370 buffers.
-- Locks:   none.
SELECT c.id, c.release_id, c.added_at, r.card AS release
  FROM albums AS a
  JOIN library_artists AS t ON t.id = a.artist_id
  JOIN user_releases AS c ON c.user_id = :user_id::uuid
  JOIN releases AS r ON r.id = c.release_id
 WHERE a.id = :album_id::uuid
   AND c.archived_at IS NULL
   AND EXISTS (SELECT FROM release_artists AS x
                WHERE x.artist_id = t.artist_id AND x.release_id = c.release_id
                  AND x.role IS NULL)
   AND title_key(r.title_normalized) = title_key(a.name_normalized)
 ORDER BY c.added_at DESC, c.id DESC;

-- name: list_copy_albums(user_id, copy_ids)
-- The albums of the libraries that are the same record as copies on a user's shelf.
--
-- Returns: 0..n rows CopyAlbum: for each copy its albums, those with most songs first.
-- Params:  copy_ids uuid[]: those of a page, in any order; those of other users give nothing.
-- Index:   user_releases_pkey (user_id, id); release_artists_pkey (release_id, position);
--          library_artists_artist_idx; albums_artist_idx.
-- Partitions: all of albums are probed by artist.
-- Order:   copy_id, song_count DESC, id; total.
-- Cost:    at most 250 buffers.
-- Locks:   none.
SELECT c.id AS copy_id, a.id, a.name, a.artist_name, a.year, a.song_count
  FROM user_releases AS c
  JOIN releases AS r ON r.id = c.release_id
  JOIN (SELECT DISTINCT x.release_id, t.id AS artist_id
          FROM user_releases AS o
          JOIN release_artists AS x ON x.release_id = o.release_id
          JOIN library_artists AS t ON t.artist_id = x.artist_id
         WHERE o.user_id = :user_id::uuid
           AND o.id = ANY (:copy_ids::uuid[])
           AND x.role IS NULL) AS g
    ON g.release_id = c.release_id
  JOIN albums AS a ON a.artist_id = g.artist_id
 WHERE c.user_id = :user_id
   AND c.id = ANY (:copy_ids)
   AND a.song_count > 0
   AND title_key(a.name_normalized) = title_key(r.title_normalized)
 ORDER BY c.id, a.song_count DESC, a.id;
