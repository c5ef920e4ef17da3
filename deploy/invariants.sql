-- What has to hold in every Kleio database at any moment, whatever was killed, cut or full before:
-- a line for each rule that does not, and how many rows break it. No line: all is well.
--
--   psql -XAtqd "$DATABASE_URL" -f deploy/invariants.sql
--
-- It reads every row of most tables, in one snapshot; users go on meanwhile.
SELECT rule, broken
  FROM (
        -- References hold by their constraints, so it is these that have to be whole.
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
