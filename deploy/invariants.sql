-- What has to hold in every Kleio database at any moment, whatever was killed, cut or full before:
-- a line for each rule that does not, and how many rows break it. No line: all is well.
--
--   psql -XAtqd "$DATABASE_URL" -f deploy/invariants.sql
--
-- It reads every row of most tables, in one snapshot; users go on meanwhile.
--
-- Constraints keep the references between users' tables. Not those that a dump's releases bring,
-- which are written without the checks (GRANT SET ON PARAMETER session_replication_role), nor those
-- of songs to albums and of files to songs, which have none; these are looked at row by row. Songs
-- and albums are joined through what is put together first, so that they may lie on different
-- servers (citus.sql). References to months that were put away into the schema `archive` are left
-- out.
WITH album AS MATERIALIZED (
    SELECT b.id, b.name, b.song_count, b.duration_ms
      FROM albums AS b
),
counted AS MATERIALIZED (
    SELECT s.album_id, count(*) AS songs, sum(s.duration_ms) AS duration_ms
      FROM songs AS s
     WHERE s.album_id IS NOT NULL AND s.missing_since IS NULL
     GROUP BY s.album_id
),
live AS MATERIALIZED (
    SELECT i.inhparent AS parent,
           uuid7_floor(make_timestamptz(
               left(min(substring(c.relname FROM '\d{4}_\d{2}$')), 4)::int,
               right(min(substring(c.relname FROM '\d{4}_\d{2}$')), 2)::int, 1, 0, 0, 0, 'UTC'
           )) AS first_id
      FROM pg_inherits AS i
      JOIN pg_class AS c ON c.oid = i.inhrelid
     WHERE i.inhparent IN ('songs'::regclass, 'albums'::regclass) AND NOT i.inhdetachpending
     GROUP BY i.inhparent
)
SELECT rule, broken
  FROM (
        SELECT 'constraints are valid' AS rule, count(*) AS broken
          FROM pg_constraint AS k
         WHERE k.connamespace = 'public'::regnamespace
           AND NOT (k.convalidated AND k.conenforced)
        UNION ALL
        SELECT 'indexes are valid', count(*)
          FROM pg_index AS i
          JOIN pg_class AS c ON c.oid = i.indexrelid
         WHERE c.relnamespace = 'public'::regnamespace
           AND NOT (i.indisvalid AND i.indisready)
        UNION ALL
        SELECT 'a user has the folder that everything goes to first', count(*)
          FROM users AS u
         WHERE NOT EXISTS (SELECT FROM folders AS f WHERE f.user_id = u.id AND f.number = 1)
        UNION ALL
        SELECT 'a play of a copy is of the release of the copy', count(*)
          FROM play_history AS p
          JOIN user_releases AS c ON c.user_id = p.user_id AND c.id = p.user_release_id
         WHERE c.release_id <> p.release_id
        UNION ALL
        SELECT 'a cleaning of a copy is of the release of the copy', count(*)
          FROM cleaning_history AS h
          JOIN user_releases AS c ON c.user_id = h.user_id AND c.id = h.user_release_id
         WHERE c.release_id <> h.release_id
        UNION ALL
        SELECT 'an answer that is kept is whole', count(*)
          FROM idempotency_keys AS k
         WHERE k.status = 0 OR length(k.response) = 0
        UNION ALL
        SELECT 'a release''s card shows its artists', count(*)
          FROM releases AS r
         WHERE (
                SELECT coalesce(jsonb_agg(jsonb_build_array(e.value -> 'id', e.value -> 'name', e.value -> 'anv', e.value -> 'join') ORDER BY e.position), '[]')
                  FROM json_array_elements(r.card -> 'artists') WITH ORDINALITY AS e (value, position)
               ) <> (
                SELECT coalesce(jsonb_agg(jsonb_build_array(p.artist_id, p.name, p.anv, p.join_relation) ORDER BY p.position), '[]')
                  FROM release_artists AS p
                 WHERE p.release_id = r.id AND p.role IS NULL
               )
        UNION ALL
        SELECT 'a release''s card shows its labels', count(*)
          FROM releases AS r
         WHERE (
                SELECT coalesce(jsonb_agg(jsonb_build_array(e.value -> 'id', e.value -> 'name', e.value -> 'catno') ORDER BY e.position), '[]')
                  FROM json_array_elements(r.card -> 'labels') WITH ORDINALITY AS e (value, position)
               ) <> (
                SELECT coalesce(jsonb_agg(jsonb_build_array(p.label_id, p.name, p.catno) ORDER BY p.position), '[]')
                  FROM release_labels AS p
                 WHERE p.release_id = r.id
               )
        UNION ALL
        SELECT 'a release''s card shows its formats', count(*)
          FROM releases AS r
         WHERE (
                SELECT coalesce(jsonb_agg(jsonb_build_array(e.value -> 'name', e.value -> 'qty', e.value -> 'descriptions') ORDER BY e.position), '[]')
                  FROM json_array_elements(r.card -> 'formats') WITH ORDINALITY AS e (value, position)
               ) <> (
                SELECT coalesce(jsonb_agg(jsonb_build_array(p.name, p.qty, p.descriptions) ORDER BY p.position), '[]')
                  FROM release_formats AS p
                 WHERE p.release_id = r.id
               )
        UNION ALL
        SELECT 'a release''s card shows its genres', count(*)
          FROM releases AS r
         WHERE (
                SELECT coalesce(jsonb_agg(e.value ORDER BY e.position), '[]')
                  FROM json_array_elements(r.card -> 'genres') WITH ORDINALITY AS e (value, position)
               ) <> (
                SELECT coalesce(jsonb_agg(n.name ORDER BY p.position), '[]')
                  FROM release_genres AS p
                  JOIN genres AS n ON n.id = p.genre_id
                 WHERE p.release_id = r.id
               )
        UNION ALL
        SELECT 'a release''s card shows its styles', count(*)
          FROM releases AS r
         WHERE (
                SELECT coalesce(jsonb_agg(e.value ORDER BY e.position), '[]')
                  FROM json_array_elements(r.card -> 'styles') WITH ORDINALITY AS e (value, position)
               ) <> (
                SELECT coalesce(jsonb_agg(n.name ORDER BY p.position), '[]')
                  FROM release_styles AS p
                  JOIN styles AS n ON n.id = p.style_id
                 WHERE p.release_id = r.id
               )
        UNION ALL
        SELECT 'a release''s card has its own fields', count(*)
          FROM releases AS r
         WHERE jsonb_build_array(r.card -> 'id', r.card -> 'title', r.card -> 'year',
                                 r.card -> 'discogsId', r.card -> 'playDuration')
               <> jsonb_build_array(r.id, r.title, r.year, r.discogs_id, r.play_duration)
        UNION ALL
        SELECT 'a credit has its release and its artist', count(*)
          FROM release_artists AS p
          LEFT JOIN releases AS r ON r.id = p.release_id
          LEFT JOIN artists AS a ON a.id = p.artist_id
         WHERE r.id IS NULL OR (p.artist_id IS NOT NULL AND a.id IS NULL)
        UNION ALL
        SELECT 'a release''s label has its release and its label', count(*)
          FROM release_labels AS p
          LEFT JOIN releases AS r ON r.id = p.release_id
          LEFT JOIN labels AS l ON l.id = p.label_id
         WHERE r.id IS NULL OR (p.label_id IS NOT NULL AND l.id IS NULL)
        UNION ALL
        SELECT 'a release''s genre has its release and its genre', count(*)
          FROM release_genres AS p
          LEFT JOIN releases AS r ON r.id = p.release_id
          LEFT JOIN genres AS g ON g.id = p.genre_id
         WHERE r.id IS NULL OR g.id IS NULL
        UNION ALL
        SELECT 'a release''s style has its release and its style', count(*)
          FROM release_styles AS p
          LEFT JOIN releases AS r ON r.id = p.release_id
          LEFT JOIN styles AS s ON s.id = p.style_id
         WHERE r.id IS NULL OR s.id IS NULL
        UNION ALL
        SELECT 'a format has its release', count(*)
          FROM release_formats AS p
          LEFT JOIN releases AS r ON r.id = p.release_id
         WHERE r.id IS NULL
        UNION ALL
        SELECT 'a track has its release', count(*)
          FROM tracks AS t
          LEFT JOIN releases AS r ON r.id = t.release_id
         WHERE r.id IS NULL
        UNION ALL
        SELECT 'a release is found by its title, artists and catalogue numbers', count(*)
          FROM releases AS r
         CROSS JOIN LATERAL (
                SELECT (SELECT string_agg(coalesce(p.anv, p.name), ' ' ORDER BY p.position)
                          FROM release_artists AS p
                         WHERE p.release_id = r.id AND p.role IS NULL) AS artists,
                       (SELECT string_agg(p.catno, ' ' ORDER BY p.position)
                          FROM release_labels AS p
                         WHERE p.release_id = r.id) AS catnos
               ) AS d
         WHERE r.artist_normalized <> normalize_name(coalesce(d.artists, ''))
            OR r.search_text <> normalize_name(concat_ws(' ', r.title, d.artists, d.catnos))
        UNION ALL
        SELECT 'a release is filtered by what its parts say', count(*)
          FROM releases AS r
         CROSS JOIN LATERAL (
                SELECT ARRAY(
                           SELECT 'artist:' || normalize_credit(n.name)
                             FROM release_artists AS p
                            CROSS JOIN LATERAL (VALUES (p.name), (p.anv)) AS n (name)
                            WHERE p.release_id = r.id AND n.name IS NOT NULL
                            UNION ALL
                           SELECT 'label:' || normalize_credit(p.name)
                             FROM release_labels AS p
                            WHERE p.release_id = r.id
                            UNION ALL
                           SELECT 'catno:' || normalize_code(p.catno)
                             FROM release_labels AS p
                            WHERE p.release_id = r.id AND p.catno IS NOT NULL
                            UNION ALL
                           SELECT 'format:' || normalize_name(p.name)
                             FROM release_formats AS p
                            WHERE p.release_id = r.id
                            UNION ALL
                           SELECT 'genre:' || g.name_normalized
                             FROM release_genres AS p
                             JOIN genres AS g ON g.id = p.genre_id
                            WHERE p.release_id = r.id
                            UNION ALL
                           SELECT 'style:' || s.name_normalized
                             FROM release_styles AS p
                             JOIN styles AS s ON s.id = p.style_id
                            WHERE p.release_id = r.id
                            UNION ALL
                           SELECT 'country:' || normalize_name(r.country)
                            WHERE r.country IS NOT NULL
                            UNION ALL
                           SELECT 'barcode:' || normalize_code(i.value)
                             FROM jsonb_to_recordset(r.metadata -> 'identifiers')
                                  AS i (type text, value text)
                            WHERE i.type = 'Barcode' AND i.value IS NOT NULL
                       ) AS facets
               ) AS d
         WHERE NOT (r.facets @> d.facets AND r.facets <@ d.facets)
        UNION ALL
        SELECT 'an album counts its songs and their length', count(*)
          FROM album AS b
          LEFT JOIN counted AS c ON c.album_id = b.id
         WHERE (b.song_count, b.duration_ms)
               <> (coalesce(c.songs, 0), coalesce(c.duration_ms, 0))
               -- Counted again when a month that is being put away has gone.
           AND NOT EXISTS (
                SELECT FROM pg_class AS t
                 WHERE t.relnamespace = 'public'::regnamespace
                   AND t.relkind = 'r'
                   AND t.relname ~ '^songs_\d{4}_\d{2}$'
                   AND NOT EXISTS (
                        SELECT FROM pg_inherits AS i
                         WHERE i.inhrelid = t.oid AND NOT i.inhdetachpending
                       )
               )
        UNION ALL
        SELECT 'a song has its album, and the name of it', count(*)
          FROM songs AS s
          LEFT JOIN album AS b ON b.id = s.album_id
         WHERE s.album_id >= (SELECT first_id FROM live WHERE parent = 'albums'::regclass)
           AND (b.id IS NULL OR s.album_name IS DISTINCT FROM b.name)
        UNION ALL
        SELECT 'a file has its song', count(*)
          FROM library_files AS f
          LEFT JOIN songs AS s ON s.id = f.song_id
         WHERE f.song_id >= (SELECT first_id FROM live WHERE parent = 'songs'::regclass)
           AND s.id IS NULL
        UNION ALL
        SELECT 'a sub-track has its index track', count(*)
          FROM tracks AS t
         WHERE t.parent_seq IS NOT NULL
           AND NOT EXISTS (
                SELECT FROM tracks AS p WHERE p.release_id = t.release_id AND p.seq = t.parent_seq
               )
        UNION ALL
        SELECT 'what an import brought is the user''s own', count(*)
          FROM id_map AS m
          JOIN (
                SELECT 'copy' AS kind, c.user_id, c.id FROM user_releases AS c
                UNION ALL SELECT 'play', p.user_id, p.id FROM play_history AS p
                UNION ALL SELECT 'cleaning', h.user_id, h.id FROM cleaning_history AS h
                UNION ALL SELECT 'stylus', s.user_id, s.id FROM styluses AS s
                UNION ALL SELECT 'folder', f.user_id, f.id FROM folders AS f
               ) AS o ON o.kind = m.kind AND o.id = m.new_id
         WHERE o.user_id <> m.user_id
        UNION ALL
        SELECT 'an import that is done has a verdict on each record', count(*)
          FROM import_runs AS i
         WHERE i.state = 'done'
           AND i.records <> (
                SELECT coalesce(sum(v.value::bigint), 0)
                  FROM jsonb_each(i.counts) AS kinds,
                       jsonb_each_text(kinds.value) AS v
               )
        UNION ALL
        SELECT 'an import that is done has nothing left to apply', count(*)
          FROM import_chunks AS c
          JOIN import_runs AS i ON i.user_id = c.user_id AND i.id = c.run_id
         WHERE i.state IN ('done', 'failed') AND NOT i.dry_run
        UNION ALL
        SELECT 'a sync that has ended is nobody''s work any more', count(*)
          FROM sync_jobs AS j
          JOIN sync_runs AS s ON s.user_id = j.user_id AND s.id = j.run_id
         WHERE s.status IN ('completed', 'failed', 'cancelled')
       ) AS found
 WHERE broken > 0
 ORDER BY rule;
