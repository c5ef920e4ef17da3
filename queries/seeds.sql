-- What `kleio seed` writes: an invented music library, and shelves of invented users.
-- Tables: libraries, library_artists, albums, songs, song_artists; users, folders, styluses,
--         user_releases, play_history, releases.
--
-- Ids, times and names are made from the seed, so that a run that was cut short and repeated gives
-- the same rows. What is invented can be told by its library's root ('seed:1') and by its users'
-- names ('seed1-42').

-- name: count_others()$
-- How many users and libraries there are that are not a seed's.
--
-- Returns: one bigint.
-- Index:   none; both tables are read.
-- Cost:    at most 11 buffers.
-- Locks:   none.
SELECT (SELECT count(*) FROM users AS u WHERE u.username !~ '^seed[0-9]+-[0-9]+$')
       + (SELECT count(*) FROM libraries AS l WHERE l.root !~ '^seed:[0-9]+$');

-- name: upsert_seed_library(library_id, name, root, until)^
-- The library of a seed, made when it is missing.
--
-- Returns: 0..1 rows SeedLibrary; created_at is the moment up to which the seed's songs reach, of
--          the first run.
-- Params:  until timestamptz: that moment, where the library is new.
-- Index:   libraries_pkey; libraries_name_key refuses a name that another library has.
-- Cost:    at most 22 buffers.
-- Locks:   the library.
INSERT INTO libraries AS l (id, name, root, created_at, updated_at)
VALUES (:library_id::uuid, :name::text, :root::text, :until::timestamptz, :until)
    ON CONFLICT (id) DO UPDATE SET root = excluded.root
RETURNING l.id, l.created_at;

-- name: insert_seed_artists(artist_ids, names, now)!
-- Artists of the library, but for those whose name is there.
--
-- Returns: the number of artists that are new.
-- Params:  artist_ids uuid[], names text[]: of the same length.
-- Index:   library_artists_pkey, library_artists_name_key.
-- Order:   as given.
-- Cost:    at most 260 buffers for ten.
-- Locks:   new rows only.
INSERT INTO library_artists (id, name, created_at, updated_at)
SELECT a.id, a.name, :now::timestamptz, :now
  FROM unnest(:artist_ids::uuid[], :names::text[]) AS a (id, name)
    ON CONFLICT DO NOTHING;

-- name: list_seed_artists(first_id, last_id)
-- Artists of the library between two ids.
--
-- Returns: 0..n rows SeedArtist.
-- Index:   library_artists_pkey.
-- Order:   id; total.
-- Cost:    at most 6 buffers.
-- Locks:   none.
SELECT a.id, a.name
  FROM library_artists AS a
 WHERE a.id BETWEEN :first_id::uuid AND :last_id::uuid
 ORDER BY a.id;

-- name: list_seed_albums(album_ids)
-- Which of these albums are there.
--
-- Returns: 0..n rows UUID, in no order.
-- Index:   albums_pkey.
-- Partitions: the one of each album.
-- Cost:    at most 20 buffers.
-- Locks:   none.
SELECT found.id
  FROM unnest(:album_ids::uuid[]) AS given (id)
 CROSS JOIN LATERAL (SELECT b.id FROM albums AS b WHERE b.id = given.id LIMIT 1) AS found;

-- name: copy_seed_albums()!
-- Albums, in the order of their ids.
--
-- Returns: the number of rows.
-- Index:   those of albums grow.
-- Locks:   new rows only.
COPY albums (
    id, library_id, key, artist_id, duration_ms, song_count, year, is_compilation, updated_at, name,
    artist_name
) FROM STDIN (FORMAT binary);

-- name: copy_seed_songs()!
-- Songs, in the order of their ids.
--
-- Returns: the number of rows.
-- Index:   those of songs grow.
-- Locks:   new rows only.
COPY songs (
    id, library_id, album_id, artist_id, duration_ms, bit_rate, sample_rate, year, channels,
    disc_number, track_number, updated_at, codec, name, artist_name, album_name, genre
) FROM STDIN (FORMAT binary);

-- name: insert_seed_words(first_id, last_id, album_ids)!
-- The words of the names of songs and albums that were copied, for searches.
--
-- Returns: the number of new words.
-- Params:  first_id, last_id uuid: the songs from the one to the other.
-- Index:   songs_pkey, albums_pkey; words_pkey.
-- Partitions: those of the ids.
-- Order:   by the word, so that two processes can't deadlock.
-- Cost:    at most 40 buffers for one.
-- Locks:   the new words.
INSERT INTO words (word)
SELECT DISTINCT w.word
  FROM (SELECT s.name_normalized
          FROM songs AS s
         WHERE s.id BETWEEN :first_id::uuid AND :last_id::uuid
         UNION ALL
        SELECT found.name_normalized
          FROM unnest(:album_ids::uuid[]) AS given (id)
         CROSS JOIN LATERAL (SELECT b.name_normalized
                               FROM albums AS b
                              WHERE b.id = given.id
                              LIMIT 1) AS found) AS named (name)
 CROSS JOIN LATERAL unnest(name_words(named.name)) AS w (word)
 WHERE length(w.word) <= 64
 ORDER BY w.word
    ON CONFLICT (word) DO NOTHING;

-- name: copy_seed_song_artists()!
-- Further artists of songs.
--
-- Returns: the number of rows.
-- Index:   those of song_artists grow.
-- Locks:   new rows only.
COPY song_artists (artist_id, song_id, position) FROM STDIN (FORMAT binary);

-- name: list_release_ids(max_rows)
-- The releases of the catalogue with the lowest Discogs numbers from the demo's first on.
--
-- Returns: 0..max_rows rows UUID.
-- Index:   releases_discogs_id_key.
-- Order:   discogs_id; total.
-- Cost:    at most 9 buffers.
-- Locks:   none.
SELECT r.id
  FROM releases AS r
 WHERE r.discogs_id >= 2000000000
 ORDER BY r.discogs_id
 LIMIT :max_rows::int;

-- name: insert_seed_user(user_id, username, chance, release_ids, play_count, until)^
-- An invented user with a folder, a stylus, copies and plays, unless there is one of the name.
--
-- The plays are of the copies, the first copies' most, over the last five years; their ids are in
-- the order of their times.
--
-- Returns: 0..1 rows int: how many plays were written; none where the name is taken.
-- Params:  chance bigint: what it is made from. release_ids uuid[]: a copy each. until
--          timestamptz: when the last play was.
-- Index:   users_username_key, releases_pkey; those of folders, styluses, user_releases and
--          play_history grow.
-- Cost:    at most 99 buffers.
-- Locks:   new rows only.
WITH added AS (
    INSERT INTO users (id, username, email, created_at, updated_at)
    VALUES (:user_id::uuid, :username::text, :username || '@example.invalid',
            :until::timestamptz - interval '5 years', :until)
        ON CONFLICT (lower(username)) DO NOTHING
    RETURNING id, created_at
),
folder AS (
    INSERT INTO folders (user_id, id, number, name, created_at, updated_at)
    SELECT :user_id::uuid, added.id, 1, 'Uncategorized', added.created_at, added.created_at
      FROM added
    RETURNING id
),
stylus AS (
    INSERT INTO styluses (
        user_id, id, name, expected_lifespan_hours, active, is_primary, owned, created_at,
        updated_at
    )
    SELECT :user_id::uuid, added.id, 'Stylus', 1000, true, true, true, added.created_at,
           added.created_at
      FROM added
    RETURNING id
),
drawn AS (
    SELECT given.place, given.release_id, added.created_at AS since,
           md5(:chance::bigint || :username || ' copy ' || given.place) AS digits,
           hashint8extended(given.place, :chance + hashtextextended(:username, 0)) & 2147483647
               AS dice
      FROM added
     CROSS JOIN unnest(:release_ids::uuid[]) WITH ORDINALITY AS given (release_id, place)
),
dated AS MATERIALIZED (
    SELECT c.place, c.release_id, c.digits, c.dice,
           c.since + c.dice %% 1800 * interval '1 day' + c.place * interval '1 second' AS added_at
      FROM drawn AS c
),
copy AS MATERIALIZED (
    SELECT d.place, d.release_id, d.dice, d.added_at,
           (left(translate(uuid7_floor(d.added_at)::text, '-', ''), 12) || '7'
            || substr(d.digits, 1, 3) || '8' || substr(d.digits, 4, 15))::uuid AS id
      FROM dated AS d
),
shelved AS (
    INSERT INTO user_releases (
        user_id, id, release_id, folder_id, rating, media_condition, sleeve_condition, added_at,
        created_at, updated_at
    )
    SELECT :user_id::uuid, copy.id, copy.release_id, folder.id,
           CASE WHEN copy.dice %% 3 = 0 THEN copy.dice %% 6 ELSE 0 END,
           (enum_range(NULL::media_condition))[1 + copy.dice %% 5],
           (enum_range(NULL::sleeve_condition))[1 + copy.dice %% 5],
           copy.added_at, copy.added_at, copy.added_at
      FROM copy
     CROSS JOIN folder
     ORDER BY copy.id
),
throw AS (
    SELECT play.number, md5(:chance || :username || ' play ' || play.number) AS digits,
           (hashint8extended(play.number, :chance + hashtextextended(:username, 1)) & 2147483647)
               / 2147483648.0 AS dice
      FROM added
     CROSS JOIN generate_series(1, :play_count::int) AS play (number)
),
thrown AS MATERIALIZED (
    -- Squared, so that the first copies are played most.
    SELECT t.digits, 1 + floor(t.dice * t.dice * cardinality(:release_ids))::bigint AS place,
           :until - t.number * (interval '5 years' / greatest(:play_count, 1)) AS played_at,
           t.number
      FROM throw AS t
),
played AS (
    INSERT INTO play_history (
        user_id, id, release_id, user_release_id, stylus_id, played_at, duration_seconds,
        duration_estimated, created_at, updated_at
    )
    SELECT :user_id::uuid,
           (left(translate(uuid7_floor(t.played_at)::text, '-', ''), 12) || '7'
            || substr(t.digits, 1, 3) || '8' || substr(t.digits, 4, 15))::uuid,
           copy.release_id, copy.id, CASE WHEN t.number %% 4 > 0 THEN stylus.id END, t.played_at,
           coalesce(r.play_duration, 2400), r.play_duration IS NULL, t.played_at, t.played_at
      FROM thrown AS t
      JOIN copy ON copy.place = t.place
      JOIN releases AS r ON r.id = copy.release_id
     CROSS JOIN stylus
     ORDER BY t.played_at
    RETURNING 1
)
SELECT count(*)::int AS plays
  FROM played
HAVING EXISTS (SELECT FROM added);

-- name: refresh_seed_statistics()!
-- What the planner and index-only scans need to know of the new rows.
--
-- Returns: -1; PostgreSQL does not tell the number of rows.
-- Index:   none.
-- Locks:   SHARE UPDATE EXCLUSIVE on each table in turn; reads and writes go on.
VACUUM (ANALYZE) library_artists, albums, songs, song_artists, users, folders, styluses,
    user_releases, play_history, releases;
