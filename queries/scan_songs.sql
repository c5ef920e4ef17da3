-- What a scan has read of a batch of files, set by set into the library; one transaction a batch.
-- Tables: scan_songs, scan_members, scan_folders, scan_files, library_files, library_artists,
-- albums, songs, words.
--
-- Allow:   unread-column scan_songs.is_compilation: what the file says of itself; its neighbours decide.

-- name: copy_scan_songs()!
-- What was read of files, or why nothing was.
--
-- Returns: the number of rows.
-- Index:   none is read; scan_songs_pkey grows.
-- Locks:   the new rows.
COPY scan_songs (
    library_id, size, mtime_ns, duration_ms, bit_rate, sample_rate, year, channels,
    disc_number, track_number, is_compilation, path, problem, content_hash, codec, name,
    artist_name, artists, album_name, album_artist, genre, tags
) FROM STDIN;

-- name: update_scan_songs(library_id)!
-- Say which song each file is: the one at its path, one that has moved there, or a new one.
--
-- A file with other audio than its path had, or at a new path, is looked for among the songs that
-- are missing and among those whose own paths now hold other audio: so files that were renamed,
-- also to each other's names, stay the songs that they were. Of several with the same audio the
-- first by path is the first. What is found nowhere is the song at its path with new audio (it was
-- replaced by a better copy), or a new song.
--
-- Returns: the number of songs.
-- Index:   library_files_pkey; library_files_content_idx (library_id, content_hash).
-- Cost:    at most 11 buffers.
-- Locks:   the rows, which nobody else has.
WITH known AS (
    SELECT n.path_key, n.path, n.content_hash, k.song_id AS here,
           coalesce(k.content_hash <> n.content_hash, true) AS is_other,
           k.content_hash AS old_hash
      FROM scan_songs AS n
      LEFT JOIN library_files AS k
        ON k.library_id = n.library_id AND k.path_key = n.path_key
     WHERE n.library_id = :library_id::uuid
       AND n.problem IS NULL
), seekers AS (
    SELECT known.path_key, known.content_hash,
           row_number() OVER (PARTITION BY known.content_hash ORDER BY known.path) AS place
      FROM known
     WHERE known.is_other
), homeless AS (
    SELECT k.song_id, k.content_hash, k.path
      FROM library_files AS k
     WHERE k.library_id = :library_id
       AND k.missing_since IS NOT NULL
       AND k.song_id IS NOT NULL
       AND k.content_hash IN (SELECT seekers.content_hash FROM seekers)
     UNION
    SELECT known.here, known.old_hash, known.path
      FROM known
     WHERE known.is_other AND known.here IS NOT NULL AND known.old_hash IS NOT NULL
), found AS (
    SELECT seekers.path_key, h.song_id
      FROM seekers
      JOIN (SELECT homeless.song_id, homeless.content_hash,
                   row_number() OVER (PARTITION BY homeless.content_hash ORDER BY homeless.path)
                       AS place
              FROM homeless) AS h
        ON h.content_hash = seekers.content_hash AND h.place = seekers.place
), settled AS (
    SELECT known.path_key, known.here,
           coalesce(
               found.song_id,
               CASE WHEN NOT EXISTS (SELECT FROM found AS f WHERE f.song_id = known.here)
                    THEN known.here
               END
           ) AS song_id
      FROM known
      LEFT JOIN found ON found.path_key = known.path_key
)
UPDATE scan_songs AS n
   SET song_id = coalesce(settled.song_id, uuidv7()),
       outcome = CASE WHEN settled.song_id IS NULL THEN 'new'
                      WHEN settled.song_id = settled.here THEN 'known'
                      ELSE 'moved'
                 END
  FROM settled
 WHERE n.library_id = :library_id
   AND n.path_key = settled.path_key;

-- name: insert_scan_members(library_id, batch)!
-- The songs of the batch's folders, read or not, and which album each belongs to.
--
-- An album is its artist and its title, so albums of one title by two artists are two, and one in
-- two folders is one. Where no tag names the album's artist, the folder tells: the one that other
-- songs of the album name; the one artist that all its songs begin with, whoever else is featured;
-- several artists with tracks in one numbering are a compilation; and what is left are songs that
-- lie side by side, each of its own artist. An album without any artist stays in its folder.
--
-- A song whose place another one takes, and whose own audio is nowhere, says nothing: it is here
-- for its album, which is to be counted again.
--
-- Returns: the number of songs.
-- Params:  batch int: NULL for the folders that are looked at in the end.
-- Index:   scan_folders_pkey; scan_files_folder_idx; library_files_pkey; songs_pkey;
--          library_artists_pkey.
-- Partitions: the one of each song.
-- Cost:    at most 11 buffers.
-- Locks:   the new rows.
WITH members AS (
    SELECT n.song_id, n.folder_key, true AS is_read, n.album_name, n.album_artist,
           n.artists[1] AS artist_name, n.disc_number, n.track_number, s.album_id AS old_album_id
      FROM scan_songs AS n
      LEFT JOIN songs AS s ON s.id = n.song_id
     WHERE n.library_id = :library_id::uuid
       AND n.problem IS NULL
     UNION ALL
    SELECT s.id, f.folder_key, false, CASE WHEN r.path_key IS NULL THEN s.album_name END,
           s.tags ->> 'albumArtist', t.name, s.disc_number, s.track_number, s.album_id
      FROM scan_folders AS d
      JOIN scan_files AS f ON f.library_id = d.library_id AND f.folder_key = d.folder_key
      JOIN library_files AS k ON k.library_id = f.library_id AND k.path_key = f.path_key
      JOIN songs AS s ON s.id = k.song_id
      LEFT JOIN library_artists AS t ON t.id = s.artist_id
      LEFT JOIN scan_songs AS r
        ON r.library_id = f.library_id AND r.path_key = f.path_key AND r.problem IS NULL
     WHERE d.library_id = :library_id
       AND d.batch = coalesce(:batch::int, 2147483647)
       AND NOT EXISTS (SELECT FROM scan_songs AS n
                        WHERE n.library_id = :library_id AND n.song_id = s.id)
), titled AS (
    SELECT members.song_id, members.folder_key, members.is_read, members.album_name,
           members.album_artist, lead_artist(members.artist_name) AS lead, members.disc_number,
           members.track_number, members.old_album_id, name_key(members.album_name) AS title_key
      FROM members
), folder_albums AS (
    SELECT titled.folder_key, titled.title_key,
           count(DISTINCT name_key(titled.album_artist)) AS tagged,
           min(titled.album_artist COLLATE "C") AS tag,
           count(DISTINCT name_key(titled.lead)) AS leads,
           min(titled.lead COLLATE "C") AS lead,
           bool_and(titled.track_number IS NOT NULL)
               AND count(*) = count(DISTINCT (titled.disc_number, titled.track_number))
               AS is_numbered
      FROM titled
     WHERE titled.title_key IS NOT NULL
     GROUP BY titled.folder_key, titled.title_key
), judged AS (
    SELECT titled.song_id, titled.is_read, titled.old_album_id, titled.folder_key,
           titled.album_name, titled.title_key,
           CASE WHEN titled.title_key IS NULL THEN NULL
                WHEN titled.album_artist IS NOT NULL THEN titled.album_artist
                WHEN g.tagged = 1 THEN g.tag
                WHEN g.leads = 1 THEN g.lead
                WHEN g.is_numbered THEN 'Various Artists'
                ELSE titled.lead
           END AS album_artist
      FROM titled
      LEFT JOIN folder_albums AS g
        ON g.folder_key = titled.folder_key AND g.title_key = titled.title_key
)
INSERT INTO scan_members AS m (
    library_id, song_id, folder_key, old_album_id, is_read, album_name, album_artist, album_key
)
SELECT :library_id, judged.song_id, judged.folder_key, judged.old_album_id, judged.is_read,
       judged.album_name, judged.album_artist,
       md5(coalesce(name_key(judged.album_artist), judged.folder_key)::text
           || judged.title_key::text)::uuid
  FROM judged
    ON CONFLICT (library_id, song_id) DO UPDATE
   SET folder_key = excluded.folder_key,
       old_album_id = excluded.old_album_id,
       is_read = excluded.is_read,
       album_name = excluded.album_name,
       album_artist = excluded.album_artist,
       album_key = excluded.album_key;

-- name: update_scan_members(library_id)!
-- Give the batch's songs the ids of their albums.
--
-- Returns: the number of songs that have an album.
-- Index:   albums_key_idx (library_id, key).
-- Partitions: all of albums are probed by key.
-- Cost:    at most 11 buffers.
-- Locks:   the rows, which nobody else has.
UPDATE scan_members AS m
   SET album_id = a.id
  FROM albums AS a
 WHERE m.library_id = :library_id::uuid
   AND a.library_id = :library_id
   AND a.key = m.album_key;

-- name: insert_scanned_songs(library_id, now)!
-- The batch's new songs.
--
-- Returns: the number of songs.
-- Index:   scan_songs_pkey; scan_members_pkey; library_artists_name_key; albums_pkey.
-- Partitions: the one of each album.
-- Cost:    at most 11 buffers.
-- Locks:   the new rows; healing makes a month that has no partition.
INSERT INTO songs (
    id, library_id, album_id, artist_id, duration_ms, bit_rate, sample_rate, year, channels,
    disc_number, track_number, updated_at, codec, name, artist_name, album_name, genre, tags
)
SELECT n.song_id, n.library_id, m.album_id, t.id, n.duration_ms, n.bit_rate, n.sample_rate, n.year,
       n.channels, n.disc_number, n.track_number, :now::timestamptz, n.codec, n.name,
       n.artist_name, a.name, n.genre, n.tags
  FROM scan_songs AS n
  JOIN scan_members AS m ON m.library_id = n.library_id AND m.song_id = n.song_id
  LEFT JOIN albums AS a ON a.id = m.album_id
  LEFT JOIN library_artists AS t ON t.name_key = name_key(n.artists[1])
 WHERE n.library_id = :library_id::uuid
   AND n.outcome = 'new'
 ORDER BY n.song_id;

-- name: update_scanned_songs(library_id, now)^
-- What the files of the batch's known songs now say; a song that says the same is left alone.
--
-- Returns: one row ScanWritten.
-- Index:   scan_songs_pkey; scan_members_pkey; songs_pkey; library_artists_name_key; albums_pkey.
-- Partitions: the one of each song and album.
-- Cost:    at most 11 buffers.
-- Locks:   the songs that change.
WITH written AS (
    UPDATE songs AS s
       SET album_id = m.album_id,
           artist_id = t.id,
           duration_ms = n.duration_ms,
           bit_rate = n.bit_rate,
           sample_rate = n.sample_rate,
           year = n.year,
           channels = n.channels,
           disc_number = n.disc_number,
           track_number = n.track_number,
           missing_since = NULL,
           updated_at = :now::timestamptz,
           codec = n.codec,
           name = n.name,
           artist_name = n.artist_name,
           album_name = a.name,
           genre = n.genre,
           tags = n.tags
      FROM scan_songs AS n
      JOIN scan_members AS m ON m.library_id = n.library_id AND m.song_id = n.song_id
      LEFT JOIN albums AS a ON a.id = m.album_id
      LEFT JOIN library_artists AS t ON t.name_key = name_key(n.artists[1])
     WHERE n.library_id = :library_id::uuid
       AND n.outcome IN ('known', 'moved')
       AND s.id = n.song_id
       AND (s.album_id, s.artist_id, s.duration_ms, s.bit_rate, s.sample_rate, s.year, s.channels,
            s.disc_number, s.track_number, s.missing_since, s.codec, s.name, s.artist_name,
            s.album_name, s.genre, s.tags)
           IS DISTINCT FROM
           (m.album_id, t.id, n.duration_ms, n.bit_rate, n.sample_rate, n.year, n.channels,
            n.disc_number, n.track_number, NULL::timestamptz, n.codec, n.name, n.artist_name,
            a.name, n.genre, n.tags)
    RETURNING n.outcome
)
SELECT (SELECT count(*) FROM scan_songs AS n
         WHERE n.library_id = :library_id AND n.outcome = 'new') AS inserted,
       (SELECT count(*) FROM written WHERE written.outcome = 'known') AS updated,
       (SELECT count(*) FROM scan_songs AS n
         WHERE n.library_id = :library_id AND n.outcome = 'moved') AS moved;

-- name: insert_scan_words(library_id)!
-- The words of the names of the batch's songs, artists and albums, for searches.
--
-- Returns: the number of new words.
-- Index:   scan_songs_pkey, scan_members_pkey; words_pkey.
-- Order:   by the word, so that two scans can't deadlock.
-- Cost:    at most 11 buffers.
-- Locks:   the new words.
INSERT INTO words (word)
SELECT DISTINCT w.word
  FROM (SELECT unnest(n.name || n.artists) AS name
          FROM scan_songs AS n
         WHERE n.library_id = :library_id::uuid
         UNION
        SELECT unnest(ARRAY[m.album_name, m.album_artist])
          FROM scan_members AS m
         WHERE m.library_id = :library_id) AS named
 CROSS JOIN LATERAL unnest(name_words(normalize_name(named.name))) AS w (word)
 WHERE length(w.word) <= 64
 ORDER BY w.word
    ON CONFLICT (word) DO NOTHING;

-- name: update_member_songs(library_id, now)!
-- Songs that were not read and belong to another album now, because songs beside them changed.
--
-- Returns: the number of songs.
-- Index:   scan_members_pkey; songs_pkey; albums_pkey.
-- Partitions: the one of each song and album.
-- Cost:    at most 11 buffers.
-- Locks:   the songs that change.
UPDATE songs AS s
   SET album_id = m.album_id, album_name = a.name, updated_at = :now::timestamptz
  FROM scan_members AS m
  JOIN albums AS a ON a.id = m.album_id
 WHERE m.library_id = :library_id::uuid
   AND NOT m.is_read
   AND s.id = m.song_id
   AND s.album_id IS DISTINCT FROM m.album_id;

-- name: update_displaced_files(library_id, now)!
-- Songs whose place another one has taken, and whose own audio is nowhere, are missing.
--
-- Their row stays under a path that no file can have: the old one, a NUL and the song's id; so the
-- song is recognised when its audio turns up again.
--
-- Returns: the number of songs.
-- Index:   scan_songs_pkey; library_files_pkey; songs_pkey.
-- Partitions: the one of each song.
-- Cost:    at most 11 buffers.
-- Locks:   the files and songs.
WITH displaced AS (
    UPDATE library_files AS k
       SET path = k.path || '\000'::bytea || uuid_send(k.song_id),
           missing_since = coalesce(k.missing_since, :now::timestamptz)
      FROM scan_songs AS n
     WHERE n.library_id = :library_id::uuid
       AND n.problem IS NULL
       AND k.library_id = n.library_id
       AND k.path_key = n.path_key
       AND k.song_id <> n.song_id
       AND NOT EXISTS (SELECT FROM scan_songs AS o
                        WHERE o.library_id = :library_id AND o.song_id = k.song_id)
    RETURNING k.song_id
)
UPDATE songs AS s
   SET missing_since = :now, updated_at = :now
  FROM displaced
 WHERE s.id = displaced.song_id
   AND s.missing_since IS NULL;

-- name: delete_scanned_files(library_id)!
-- The rows in whose place those of the batch's songs come.
--
-- Returns: the number of rows.
-- Index:   scan_songs_pkey; library_files_pkey; library_files_song_id_key.
-- Cost:    at most 11 buffers.
-- Locks:   the rows.
WITH replaced AS (
    SELECT n.path_key
      FROM scan_songs AS n
     WHERE n.library_id = :library_id::uuid AND n.problem IS NULL
     UNION
    SELECT o.path_key
      FROM scan_songs AS n
      JOIN library_files AS o ON o.song_id = n.song_id
     WHERE n.library_id = :library_id AND n.problem IS NULL
)
DELETE FROM library_files AS k
 USING replaced
 WHERE k.library_id = :library_id
   AND k.path_key = replaced.path_key;

-- name: upsert_scanned_files(library_id)!
-- What is known of the batch's files; of one that can't be read now, why, beside its song.
--
-- Returns: the number of rows.
-- Index:   library_files_pkey.
-- Cost:    at most 11 buffers.
-- Locks:   the rows.
INSERT INTO library_files AS k (
    library_id, song_id, size, mtime_ns, content_hash, path, problem
)
SELECT n.library_id, n.song_id, n.size, n.mtime_ns, n.content_hash, n.path, n.problem
  FROM scan_songs AS n
 WHERE n.library_id = :library_id::uuid
 ORDER BY n.path
    ON CONFLICT (library_id, path_key) DO UPDATE
   SET size = excluded.size,
       mtime_ns = excluded.mtime_ns,
       problem = excluded.problem;

-- name: delete_scan_batch(library_id)!
-- Clear the desk of a batch.
--
-- Returns: the number of files that were read.
-- Index:   scan_songs_pkey; scan_members_pkey.
-- Cost:    at most 11 buffers.
-- Locks:   the rows, which nobody else has.
WITH members AS (
    DELETE FROM scan_members AS m WHERE m.library_id = :library_id::uuid
)
DELETE FROM scan_songs AS n WHERE n.library_id = :library_id;
