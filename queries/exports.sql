-- A user's own data on its way out, row by row as PostgreSQL finds it (COPY ... TO STDOUT).
-- Tables: user_releases, play_history, cleaning_history, folders, styluses; releases.
--
-- Each statement runs inside COPY with its values bound by the client, is never prepared, and gives
-- either CSV with a header or lines of JSON; the whole account is in account_exports.sql.
-- guard is what a text gets in front where a spreadsheet would take it for a formula, or where it
-- looks as if it had got one already: an apostrophe, or nothing.

-- name: export_collection_csv(user_id, archived, guard)
-- A user's copies in the columns of Discogs' own export, latest added first.
--
-- Artists by their names on Discogs, with what joins them. A format is its count and name (of
-- vinyl its size), the descriptions in Discogs' short forms without speed and Stereo, and the first
-- word of the free text, three letters of it.
--
-- Returns: CSV, one line a copy.
-- Params:  archived boolean: NULL for all copies. guard text: see above. Times are UTC.
-- Index:   user_releases_user_added_idx or another one that starts with the user, releases_pkey,
--          release_formats_pkey, folders_pkey.
-- Order:   added_at DESC, id DESC; total.
-- Plan:    custom.
-- Cost:    at most 650 buffers.
-- Locks:   none.
WITH short (word, written) AS (
    VALUES ('8-Track Cartridge', '8-Trk'), ('Advance', 'Adv'), ('Box Set', 'Box'),
           ('Cassette', 'Cass'), ('Club Edition', 'Club'), ('Compilation', 'Comp'),
           ('Deluxe Edition', 'Dlx'), ('Enhanced', 'Enh'), ('Etched', 'Etch'),
           ('Flexi-disc', 'Flexi'), ('Lathe Cut', 'Lathe'), ('Limited Edition', 'Ltd'),
           ('Maxi-Single', 'Maxi'), ('Mini-Album', 'MiniAlbum'), ('Misprint', 'M/Print'),
           ('Numbered', 'Num'), ('Partially Mixed', 'P/Mixed'),
           ('Partially Unofficial', 'P/Unofficial'), ('Picture Disc', 'Pic'),
           ('Quadraphonic', 'Quad'), ('Record Store Day', 'RSD'), ('Reel-To-Reel', 'Reel'),
           ('Reissue', 'RE'), ('Remastered', 'RM'), ('Repress', 'RP'), ('Sampler', 'Smplr'),
           ('Single Sided', 'S/Sided'), ('Special Edition', 'S/Edition'),
           ('Test Pressing', 'TP'), ('Transcription', 'Transcr'),
           ('Unofficial Release', 'Unofficial'), ('White Label', 'W/Lbl')
),
grade (code, written) AS (
    VALUES ('M', 'Mint (M)'), ('NM', 'Near Mint (NM or M-)'), ('VG+', 'Very Good Plus (VG+)'),
           ('VG', 'Very Good (VG)'), ('G+', 'Good Plus (G+)'), ('G', 'Good (G)'),
           ('F', 'Fair (F)'), ('P', 'Poor (P)'), ('Not Graded', 'Not Graded'),
           ('Generic', 'Generic'), ('No Cover', 'No Cover')
)
SELECT left(:guard::text, (label.catnos ~ '^''*[-+=@\t\r\n＝＋－＠]')::int) || label.catnos
           AS "Catalog#",
       left(:guard, (artist.names ~ '^''*[-+=@\t\r\n＝＋－＠]')::int) || artist.names AS "Artist",
       left(:guard, (r.title ~ '^''*[-+=@\t\r\n＝＋－＠]')::int) || r.title AS "Title",
       left(:guard, (label.names ~ '^''*[-+=@\t\r\n＝＋－＠]')::int) || label.names AS "Label",
       left(:guard, (format.written ~ '^''*[-+=@\t\r\n＝＋－＠]')::int) || format.written AS "Format",
       nullif(c.rating, 0) AS "Rating",
       coalesce(r.year, 0) AS "Released",
       r.discogs_id AS "release_id",
       left(:guard, (f.name ~ '^''*[-+=@\t\r\n＝＋－＠]')::int) || f.name AS "CollectionFolder",
       to_char(c.added_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') AS "Date Added",
       media.written AS "Collection Media Condition",
       sleeve.written AS "Collection Sleeve Condition",
       left(:guard, (c.notes ~ '^''*[-+=@\t\r\n＝＋－＠]')::int) || c.notes AS "Collection Notes"
  FROM user_releases AS c
  JOIN releases AS r
    ON r.id = c.release_id
  JOIN folders AS f
    ON f.user_id = :user_id::uuid AND f.id = c.folder_id
  LEFT JOIN grade AS media
    ON media.code = c.media_condition::text
  LEFT JOIN grade AS sleeve
    ON sleeve.code = c.sleeve_condition::text
 CROSS JOIN LATERAL (
           SELECT string_agg(
                      a.name || CASE WHEN a.number = json_array_length(r.card -> 'artists') THEN ''
                                     WHEN coalesce(btrim(a.joins), '') = '' THEN ', '
                                     WHEN left(btrim(a.joins), 1) = ',' THEN btrim(a.joins) || ' '
                                     ELSE ' ' || btrim(a.joins) || ' ' END,
                      '' ORDER BY a.number
                  ) AS names
             FROM ROWS FROM (
                      json_to_recordset(r.card -> 'artists') AS (name text, "join" text)
                  ) WITH ORDINALITY AS a (name, joins, number)
       ) AS artist
 CROSS JOIN LATERAL (
           SELECT string_agg(l.name, ', ' ORDER BY l.number) AS names,
                  string_agg(l.catno, ', ' ORDER BY l.number) AS catnos
             FROM ROWS FROM (
                      json_to_recordset(r.card -> 'labels') AS (name text, catno text)
                  ) WITH ORDINALITY AS l (name, catno, number)
       ) AS label
 CROSS JOIN LATERAL (
           SELECT string_agg(nullif(concat_ws(', ', carrier.written, words.written,
                                              substring(m.text FROM '^\s*(\d+|[^\s,]{1,3})')), ''),
                             ' + ' ORDER BY m.position) AS written
             FROM release_formats AS m
            CROSS JOIN LATERAL (
                      SELECT (SELECT d.word
                                FROM unnest(m.descriptions) WITH ORDINALITY AS d (word, number)
                               WHERE m.name = 'Vinyl'
                                 AND (d.word = 'LP' OR d.word ~ '^[0-9.½¼¾]+"$')
                               ORDER BY d.number
                               LIMIT 1) AS word
                  ) AS size
            CROSS JOIN LATERAL (
                      SELECT CASE WHEN m.qty ~ '^[1-9]' AND m.qty <> '1' THEN m.qty || 'x'
                                  ELSE '' END
                             || coalesce(size.word, (SELECT s.written
                                                       FROM short AS s
                                                      WHERE s.word = m.name), m.name) AS written
                       WHERE m.name <> 'All Media'
                  UNION ALL
                      SELECT NULL
                       WHERE m.name = 'All Media'
                  ) AS carrier
            CROSS JOIN LATERAL (
                      SELECT string_agg(coalesce(s.written, d.word), ', ' ORDER BY d.number)
                                 AS written
                        FROM unnest(m.descriptions) WITH ORDINALITY AS d (word, number)
                        LEFT JOIN short AS s
                          ON s.word = d.word
                       WHERE d.word IS DISTINCT FROM size.word
                         AND d.word <> 'Stereo'
                         AND d.word !~ ' RPM$'
                  ) AS words
            WHERE m.release_id = r.id
       ) AS format
 WHERE c.user_id = :user_id::uuid
   AND (:archived::boolean IS NULL OR (c.archived_at IS NOT NULL) = :archived::boolean)
 ORDER BY c.added_at DESC, c.id DESC;

-- name: export_copies(user_id, archived)
-- A user's copies as GET /collection gives them, latest added first.
--
-- Returns: lines of JSON, one a copy.
-- Params:  archived boolean: NULL for all copies.
-- Index:   user_releases_user_added_idx or another one that starts with the user, releases_pkey.
-- Order:   added_at DESC, id DESC; total.
-- Plan:    custom.
-- Cost:    at most 370 buffers.
-- Locks:   none.
SELECT json_build_object(
           'id', c.id, 'releaseId', c.release_id, 'folderId', c.folder_id,
           'discogsInstanceId', c.discogs_instance_id, 'rating', c.rating,
           'mediaCondition', c.media_condition, 'sleeveCondition', c.sleeve_condition,
           'notes', c.notes, 'customFields', c.custom_fields,
           'addedAt', (to_json(c.added_at AT TIME ZONE 'UTC') #>> '{}') || 'Z',
           'archivedAt', (to_json(c.archived_at AT TIME ZONE 'UTC') #>> '{}') || 'Z',
           'archiveReason', c.archive_reason,
           'updatedAt', (to_json(c.updated_at AT TIME ZONE 'UTC') #>> '{}') || 'Z',
           'release', r.card
       ) AS line
  FROM user_releases AS c
  JOIN releases AS r
    ON r.id = c.release_id
 WHERE c.user_id = :user_id::uuid
   AND (:archived::boolean IS NULL OR (c.archived_at IS NOT NULL) = :archived::boolean)
 ORDER BY c.added_at DESC, c.id DESC;

-- name: export_plays_csv(user_id, guard)
-- A user's plays in flat columns, newest first.
--
-- Returns: CSV, one line a play; release_id is Discogs' number, copy Kleio's id.
-- Params:  guard text: see the head of the file. Times are UTC.
-- Index:   play_history_user_played_idx (user_id, played_at DESC, id DESC), releases_pkey.
-- Order:   played_at DESC, id DESC; total.
-- Plan:    custom.
-- Cost:    at most 440 buffers.
-- Locks:   none.
SELECT (to_json(p.played_at AT TIME ZONE 'UTC') #>> '{}') || 'Z' AS played_at,
       r.discogs_id AS release_id,
       left(:guard::text, (artist.names ~ '^''*[-+=@\t\r\n＝＋－＠]')::int) || artist.names AS artist,
       left(:guard, (r.title ~ '^''*[-+=@\t\r\n＝＋－＠]')::int) || r.title AS title,
       p.duration_seconds, p.duration_estimated::text AS duration_estimated, p.side,
       left(:guard, (s.name ~ '^''*[-+=@\t\r\n＝＋－＠]')::int) || s.name AS stylus,
       p.user_release_id AS copy,
       left(:guard, (p.notes ~ '^''*[-+=@\t\r\n＝＋－＠]')::int) || p.notes AS notes
  FROM play_history AS p
  JOIN releases AS r
    ON r.id = p.release_id
  LEFT JOIN styluses AS s
    ON s.user_id = :user_id::uuid AND s.id = p.stylus_id
 CROSS JOIN LATERAL (
           SELECT string_agg(
                      a.name || CASE WHEN a.number = json_array_length(r.card -> 'artists') THEN ''
                                     WHEN coalesce(btrim(a.joins), '') = '' THEN ', '
                                     WHEN left(btrim(a.joins), 1) = ',' THEN btrim(a.joins) || ' '
                                     ELSE ' ' || btrim(a.joins) || ' ' END,
                      '' ORDER BY a.number
                  ) AS names
             FROM ROWS FROM (
                      json_to_recordset(r.card -> 'artists') AS (name text, "join" text)
                  ) WITH ORDINALITY AS a (name, joins, number)
       ) AS artist
 WHERE p.user_id = :user_id::uuid
 ORDER BY p.played_at DESC, p.id DESC;

-- name: export_plays(user_id)
-- A user's plays as GET /plays gives them, newest first.
--
-- Returns: lines of JSON, one a play.
-- Index:   play_history_user_played_idx (user_id, played_at DESC, id DESC), releases_pkey.
-- Order:   played_at DESC, id DESC; total.
-- Plan:    custom.
-- Cost:    at most 430 buffers.
-- Locks:   none.
SELECT json_build_object(
           'id', p.id, 'releaseId', p.release_id, 'copyId', p.user_release_id,
           'stylusId', p.stylus_id,
           'playedAt', (to_json(p.played_at AT TIME ZONE 'UTC') #>> '{}') || 'Z',
           'durationSeconds', p.duration_seconds, 'durationEstimated', p.duration_estimated,
           'side', p.side, 'notes', p.notes,
           'updatedAt', (to_json(p.updated_at AT TIME ZONE 'UTC') #>> '{}') || 'Z',
           'release', r.card
       ) AS line
  FROM play_history AS p
  JOIN releases AS r
    ON r.id = p.release_id
 WHERE p.user_id = :user_id::uuid
 ORDER BY p.played_at DESC, p.id DESC;

-- name: export_cleanings_csv(user_id, guard)
-- A user's cleanings in flat columns, newest first.
--
-- Returns: CSV, one line a cleaning; release_id is Discogs' number, copy Kleio's id.
-- Params:  guard text: see the head of the file. Times are UTC.
-- Index:   cleaning_history_user_cleaned_idx (user_id, cleaned_at DESC, id DESC), releases_pkey.
-- Order:   cleaned_at DESC, id DESC; total.
-- Plan:    custom.
-- Cost:    at most 130 buffers.
-- Locks:   none.
SELECT (to_json(w.cleaned_at AT TIME ZONE 'UTC') #>> '{}') || 'Z' AS cleaned_at,
       r.discogs_id AS release_id,
       left(:guard::text, (artist.names ~ '^''*[-+=@\t\r\n＝＋－＠]')::int) || artist.names AS artist,
       left(:guard, (r.title ~ '^''*[-+=@\t\r\n＝＋－＠]')::int) || r.title AS title,
       w.deep::text AS deep, w.user_release_id AS copy,
       left(:guard, (w.notes ~ '^''*[-+=@\t\r\n＝＋－＠]')::int) || w.notes AS notes
  FROM cleaning_history AS w
  JOIN releases AS r
    ON r.id = w.release_id
 CROSS JOIN LATERAL (
           SELECT string_agg(
                      a.name || CASE WHEN a.number = json_array_length(r.card -> 'artists') THEN ''
                                     WHEN coalesce(btrim(a.joins), '') = '' THEN ', '
                                     WHEN left(btrim(a.joins), 1) = ',' THEN btrim(a.joins) || ' '
                                     ELSE ' ' || btrim(a.joins) || ' ' END,
                      '' ORDER BY a.number
                  ) AS names
             FROM ROWS FROM (
                      json_to_recordset(r.card -> 'artists') AS (name text, "join" text)
                  ) WITH ORDINALITY AS a (name, joins, number)
       ) AS artist
 WHERE w.user_id = :user_id::uuid
 ORDER BY w.cleaned_at DESC, w.id DESC;

-- name: export_cleanings(user_id)
-- A user's cleanings as GET /cleanings gives them, newest first.
--
-- Returns: lines of JSON, one a cleaning.
-- Index:   cleaning_history_user_cleaned_idx (user_id, cleaned_at DESC, id DESC), releases_pkey.
-- Order:   cleaned_at DESC, id DESC; total.
-- Plan:    custom.
-- Cost:    at most 130 buffers.
-- Locks:   none.
SELECT json_build_object(
           'id', w.id, 'releaseId', w.release_id, 'copyId', w.user_release_id,
           'cleanedAt', (to_json(w.cleaned_at AT TIME ZONE 'UTC') #>> '{}') || 'Z',
           'deep', w.deep, 'notes', w.notes,
           'updatedAt', (to_json(w.updated_at AT TIME ZONE 'UTC') #>> '{}') || 'Z',
           'release', r.card
       ) AS line
  FROM cleaning_history AS w
  JOIN releases AS r
    ON r.id = w.release_id
 WHERE w.user_id = :user_id::uuid
 ORDER BY w.cleaned_at DESC, w.id DESC;
