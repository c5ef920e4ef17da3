-- What each user has done with songs: plays, stars and ratings.
-- Tables: user_songs; songs for what they are.
--
-- Songs are every user's, their states each user's own. Two statements instead of a join with every
-- page of songs: the songs are the same for everybody and can be kept, the states can't.

-- name: list_song_states(user_id, song_ids)
-- A user's states of songs.
--
-- Returns: 0..n rows SongState, in no order; none for a song that the user never touched.
-- Index:   user_songs_pkey (user_id, song_id) or user_songs_song_idx (song_id, user_id).
-- Cost:    at most 17 buffers.
-- Locks:   none.
SELECT u.song_id, u.play_count, u.last_played_at, u.starred_at, u.rating
  FROM user_songs AS u
 WHERE u.user_id = :user_id::uuid
   AND u.song_id = ANY (:song_ids::uuid[]);

-- name: upsert_song_play(user_id, song_id, played_at, now)^
-- Count a play of a song.
--
-- Returns: 0..1 rows SongState; none where there is no such song.
-- Params:  played_at timestamptz: an earlier play than the last one leaves that time.
-- Index:   songs_pkey, user_songs_pkey.
-- Partitions: the one of the song.
-- Cost:    at most 32 buffers.
-- Locks:   the user's state; user_songs_song_id_fkey locks the song against deletion.
INSERT INTO user_songs AS u (
    user_id, song_id, play_count, last_played_at, created_at, updated_at
)
SELECT :user_id::uuid, s.id, 1, :played_at::timestamptz, :now::timestamptz, :now
  FROM songs AS s
 WHERE s.id = :song_id::uuid
    ON CONFLICT (user_id, song_id) DO UPDATE
   SET play_count = u.play_count + 1,
       last_played_at = greatest(u.last_played_at, excluded.last_played_at),
       updated_at = excluded.updated_at
RETURNING u.song_id, u.play_count, u.last_played_at, u.starred_at, u.rating;

-- name: upsert_song_rating(user_id, song_id, rating, now)^
-- Rate a song, or with 0 take the rating back.
--
-- Returns: 0..1 rows SongState; none where there is no such song.
-- Index:   songs_pkey, user_songs_pkey.
-- Partitions: the one of the song.
-- Cost:    at most 29 buffers.
-- Locks:   the user's state; user_songs_rating_check refuses more than 5.
INSERT INTO user_songs AS u (user_id, song_id, rating, created_at, updated_at)
SELECT :user_id::uuid, s.id, :rating::smallint, :now::timestamptz, :now
  FROM songs AS s
 WHERE s.id = :song_id::uuid
    ON CONFLICT (user_id, song_id) DO UPDATE
   SET rating = excluded.rating,
       updated_at = excluded.updated_at
RETURNING u.song_id, u.play_count, u.last_played_at, u.starred_at, u.rating;

-- name: upsert_song_star(user_id, song_id, is_starred, now)^
-- Star a song, or take the star back; a star keeps its first time.
--
-- Returns: 0..1 rows SongState; none where there is no such song.
-- Index:   songs_pkey, user_songs_pkey.
-- Partitions: the one of the song.
-- Cost:    at most 29 buffers.
-- Locks:   the user's state.
INSERT INTO user_songs AS u (user_id, song_id, starred_at, created_at, updated_at)
SELECT :user_id::uuid, s.id, CASE WHEN :is_starred::boolean THEN :now::timestamptz END,
       :now::timestamptz, :now
  FROM songs AS s
 WHERE s.id = :song_id::uuid
    ON CONFLICT (user_id, song_id) DO UPDATE
   SET starred_at = CASE WHEN excluded.starred_at IS NOT NULL
                         THEN coalesce(u.starred_at, excluded.starred_at)
                    END,
       updated_at = excluded.updated_at
RETURNING u.song_id, u.play_count, u.last_played_at, u.starred_at, u.rating;

-- name: list_starred_songs(user_id, before_starred_at, before_id, page_size, page_offset)
-- A user's starred songs, latest star first; one keyset page.
--
-- Returns: 0..page_size rows Keyed[Song]: starred_at, id, then the song.
-- Params:  before_starred_at timestamptz, before_id uuid: last row of the previous page, NULL for
--          the first.
-- Index:   user_songs_user_starred_idx, songs_pkey.
-- Partitions: the one of each song.
-- Order:   starred_at DESC, song_id DESC; total.
-- Cost:    at most 240 buffers.
-- Locks:   none.
SELECT u.starred_at, u.song_id AS id,
       found.id, found.library_id, found.name, found.artist_id, found.artist_name,
       found.album_id, found.album_name, found.disc_number, found.track_number,
       found.duration_ms, found.year, found.genre, found.codec, found.bit_rate,
       found.sample_rate, found.channels, found.missing_since, found.created_at,
       found.updated_at
  FROM user_songs AS u
 CROSS JOIN LATERAL (
           SELECT s.id, s.library_id, s.name, s.artist_id, s.artist_name, s.album_id,
                  s.album_name, s.disc_number, s.track_number, s.duration_ms, s.year, s.genre,
                  s.codec, s.bit_rate, s.sample_rate, s.channels, s.missing_since,
                  s.created_at, s.updated_at
             FROM songs AS s
            WHERE s.id = u.song_id
            LIMIT 1
       ) AS found
 WHERE u.user_id = :user_id::uuid
   AND u.starred_at IS NOT NULL
   AND (u.starred_at, u.song_id)
       < (coalesce(:before_starred_at::timestamptz, 'infinity'),
          coalesce(:before_id::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
 ORDER BY u.starred_at DESC, u.song_id DESC
 LIMIT :page_size::int OFFSET :page_offset::int;

-- name: list_played_songs(user_id, before_played_at, before_id, page_size, page_offset)
-- The songs that a user played, last played first; one keyset page.
--
-- Returns: 0..page_size rows Keyed[Song]: last_played_at, id, then the song.
-- Params:  before_played_at timestamptz, before_id uuid: last row of the previous page, NULL for
--          the first.
-- Index:   user_songs_user_played_idx, songs_pkey.
-- Partitions: the one of each song.
-- Order:   last_played_at DESC, song_id DESC; total.
-- Cost:    at most 240 buffers.
-- Locks:   none.
SELECT u.last_played_at, u.song_id AS id,
       found.id, found.library_id, found.name, found.artist_id, found.artist_name,
       found.album_id, found.album_name, found.disc_number, found.track_number,
       found.duration_ms, found.year, found.genre, found.codec, found.bit_rate,
       found.sample_rate, found.channels, found.missing_since, found.created_at,
       found.updated_at
  FROM user_songs AS u
 CROSS JOIN LATERAL (
           SELECT s.id, s.library_id, s.name, s.artist_id, s.artist_name, s.album_id,
                  s.album_name, s.disc_number, s.track_number, s.duration_ms, s.year, s.genre,
                  s.codec, s.bit_rate, s.sample_rate, s.channels, s.missing_since,
                  s.created_at, s.updated_at
             FROM songs AS s
            WHERE s.id = u.song_id
            LIMIT 1
       ) AS found
 WHERE u.user_id = :user_id::uuid
   AND u.last_played_at IS NOT NULL
   AND (u.last_played_at, u.song_id)
       < (coalesce(:before_played_at::timestamptz, 'infinity'),
          coalesce(:before_id::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
 ORDER BY u.last_played_at DESC, u.song_id DESC
 LIMIT :page_size::int OFFSET :page_offset::int;

-- name: list_starred_states(user_id, before_starred_at, before_id, page_size, page_offset)
-- The states of list_starred_songs without the songs: for a database on Citus, where those may lie
-- elsewhere and are read by their ids.
--
-- Returns: 0..page_size rows Keyed[SongState]: starred_at, id, then the state.
-- Params:  before_starred_at timestamptz, before_id uuid: last row of the previous page, NULL for
--          the first.
-- Index:   user_songs_user_starred_idx.
-- Order:   starred_at DESC, song_id DESC; total.
-- Cost:    at most 49 buffers.
-- Locks:   none.
SELECT u.starred_at, u.song_id AS id,
       u.song_id, u.play_count, u.last_played_at, u.starred_at, u.rating
  FROM user_songs AS u
 WHERE u.user_id = :user_id::uuid
   AND u.starred_at IS NOT NULL
   AND (u.starred_at, u.song_id)
       < (coalesce(:before_starred_at::timestamptz, 'infinity'),
          coalesce(:before_id::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
 ORDER BY u.starred_at DESC, u.song_id DESC
 LIMIT :page_size::int OFFSET :page_offset::int;

-- name: list_played_states(user_id, before_played_at, before_id, page_size, page_offset)
-- The states of list_played_songs without the songs: for a database on Citus, where those may lie
-- elsewhere and are read by their ids.
--
-- Returns: 0..page_size rows Keyed[SongState]: last_played_at, id, then the state.
-- Params:  before_played_at timestamptz, before_id uuid: last row of the previous page, NULL for
--          the first.
-- Index:   user_songs_user_played_idx.
-- Order:   last_played_at DESC, song_id DESC; total.
-- Cost:    at most 49 buffers.
-- Locks:   none.
SELECT u.last_played_at, u.song_id AS id,
       u.song_id, u.play_count, u.last_played_at, u.starred_at, u.rating
  FROM user_songs AS u
 WHERE u.user_id = :user_id::uuid
   AND u.last_played_at IS NOT NULL
   AND (u.last_played_at, u.song_id)
       < (coalesce(:before_played_at::timestamptz, 'infinity'),
          coalesce(:before_id::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
 ORDER BY u.last_played_at DESC, u.song_id DESC
 LIMIT :page_size::int OFFSET :page_offset::int;
