-- What becomes of each stylus, play and cleaning of an imported file.
-- Tables: import_rows for the verdicts; import_chunks, import_runs, id_map; styluses, play_history,
--         cleaning_history.
--
-- What the verdicts mean, how records are found and under what plans: as in import_verdicts.sql.

-- name: insert_stylus_verdicts(user_id, run_id)!
-- Styluses: without an id that is known, the k-th of a name and manufacturer is the k-th of those.
--
-- Returns: the number of records.
-- Index:   import_chunks_pkey, import_runs_pkey, id_map_pkey, styluses_pkey.
-- Cost:    at most 17 buffers.
-- Locks:   new rows only.
WITH given AS MATERIALIZED (
    SELECT g.seq, g.place, g.note, g.id AS source_id, g.name, g.manufacturer,
           g."cartridgeType" AS cartridge_type, g."expectedLifespanHours" AS lifespan,
           g."purchaseDate" AS purchase_date, g."installDate" AS install_date, r.source_key,
           lower(concat_ws(' ', g.manufacturer, g.name) COLLATE "pg_c_utf8") AS key,
           CASE WHEN g.problem IS NULL AND g.id IS NOT NULL
                 AND row_number() OVER (PARTITION BY g.id ORDER BY g.seq) > 1
                THEN 'id: an earlier stylus has it' ELSE g.problem END AS problem
      FROM import_runs AS r
      JOIN import_chunks AS c
        ON c.user_id = :user_id::uuid AND c.run_id = r.id AND c.kind = 'stylus'
     CROSS JOIN LATERAL jsonb_to_recordset(c.items) AS g (
               seq int, place text, problem text, note text, id text, name text,
               manufacturer text, "cartridgeType" text, "expectedLifespanHours" int,
               "purchaseDate" date, "installDate" date
           )
     WHERE r.user_id = :user_id::uuid
       AND r.id = :run_id::uuid
),
named AS MATERIALIZED (
    SELECT g.seq, s.id AS known_id
      FROM given AS g
      LEFT JOIN id_map AS m
        ON m.user_id = :user_id::uuid AND m.source = g.source_key AND m.kind = 'stylus'
       AND m.old_id = g.source_id
      JOIN styluses AS s
        ON s.user_id = :user_id::uuid
       AND s.id = coalesce(m.new_id, CASE WHEN pg_input_is_valid(g.source_id, 'uuid')
                                          THEN g.source_id::uuid END)
     WHERE g.problem IS NULL
),
pair AS (
    SELECT record.seq, own.id AS known_id
      FROM (
               SELECT g.seq, g.key, row_number() OVER (PARTITION BY g.key ORDER BY g.seq) AS k
                 FROM given AS g
                WHERE g.problem IS NULL
                  AND NOT EXISTS (SELECT FROM named AS n WHERE n.seq = g.seq)
           ) AS record
      JOIN (
               SELECT s.id, e.key, row_number() OVER (PARTITION BY e.key ORDER BY s.id) AS k
                 FROM styluses AS s
                CROSS JOIN LATERAL (
                          SELECT lower(concat_ws(' ', s.manufacturer, s.name)
                                       COLLATE "pg_c_utf8") AS key
                      ) AS e
                WHERE s.user_id = :user_id::uuid
                  AND NOT EXISTS (SELECT FROM named AS n WHERE n.known_id = s.id)
           ) AS own
        ON own.key = record.key AND own.k = record.k
     UNION ALL
    SELECT n.seq, n.known_id
      FROM named AS n
),
judged AS (
    SELECT g.seq, g.place, g.problem, g.note, g.source_id, s.id AS known_id,
           nullif(jsonb_strip_nulls(jsonb_build_object(
               'name', CASE WHEN s.name <> g.name THEN jsonb_build_array(s.name, g.name) END,
               'manufacturer', CASE WHEN s.manufacturer IS DISTINCT FROM g.manufacturer
                                     AND g.manufacturer IS NOT NULL
                                    THEN jsonb_build_array(s.manufacturer, g.manufacturer) END,
               'cartridgeType', CASE WHEN s.cartridge_type IS DISTINCT FROM g.cartridge_type
                                      AND g.cartridge_type IS NOT NULL
                                     THEN jsonb_build_array(s.cartridge_type, g.cartridge_type)
                                     END,
               'expectedLifespanHours',
                   CASE WHEN s.expected_lifespan_hours IS DISTINCT FROM g.lifespan
                         AND g.lifespan IS NOT NULL
                        THEN jsonb_build_array(s.expected_lifespan_hours, g.lifespan) END,
               'purchaseDate', CASE WHEN s.purchase_date IS DISTINCT FROM g.purchase_date
                                     AND g.purchase_date IS NOT NULL
                                    THEN jsonb_build_array(s.purchase_date, g.purchase_date) END,
               'installDate', CASE WHEN s.install_date IS DISTINCT FROM g.install_date
                                    AND g.install_date IS NOT NULL
                                   THEN jsonb_build_array(s.install_date, g.install_date) END
           )), '{}') AS changes
      FROM given AS g
      LEFT JOIN pair AS p
        ON p.seq = g.seq
      LEFT JOIN styluses AS s
        ON s.user_id = :user_id::uuid AND s.id = p.known_id
)
INSERT INTO import_rows (
    user_id, run_id, seq, target_id, kind, verdict, place, source_id, reason, changes
)
SELECT :user_id::uuid, :run_id::uuid, j.seq,
       CASE WHEN j.problem IS NULL THEN coalesce(j.known_id, uuidv7()) END,
       'stylus',
       CASE WHEN j.problem IS NOT NULL THEN 'invalid'
            WHEN j.known_id IS NULL THEN 'new'
            WHEN j.changes IS NULL THEN 'known'
            ELSE 'changed' END,
       j.place,
       CASE WHEN j.problem IS NULL THEN j.source_id END,
       coalesce(j.problem, j.note),
       CASE WHEN j.known_id IS NOT NULL THEN j.changes END
  FROM judged AS j
 ORDER BY j.seq;

-- name: insert_play_verdicts(user_id, run_id)!
-- Plays: without an id that is known, the k-th of a release at a second is the k-th of those.
--
-- A play whose copy or stylus is missing is kept without it. An estimated duration is none that the
-- file gives.
--
-- Returns: the number of records.
-- Index:   import_chunks_pkey, import_runs_pkey, import_rows_source_idx, id_map_pkey,
--          play_history_pkey.
-- Cost:    at most 17 buffers.
-- Locks:   new rows only.
WITH given AS MATERIALIZED (
    SELECT g.seq, g.place, g.note, g.id AS source_id, g."releaseId" AS release,
           rel.target_id AS release_id, g."playedAt" AS played_at, g."copyId" AS copy,
           copy.target_id AS copy_id, g."stylusId" AS stylus, stylus.target_id AS stylus_id,
           CASE WHEN NOT coalesce(g."durationEstimated", false) THEN g."durationSeconds" END
               AS duration,
           g.side, g.notes,
           coalesce(m.new_id, CASE WHEN pg_input_is_valid(g.id, 'uuid') THEN g.id::uuid END)
               AS mapped_id,
           CASE WHEN g.problem IS NULL AND g.id IS NOT NULL
                 AND row_number() OVER (PARTITION BY g.id ORDER BY g.seq) > 1
                THEN 'id: an earlier play has it' ELSE g.problem END AS problem
      FROM import_runs AS r
      JOIN import_chunks AS c
        ON c.user_id = :user_id::uuid AND c.run_id = r.id AND c.kind = 'play'
     CROSS JOIN LATERAL jsonb_to_recordset(c.items) AS g (
               seq int, place text, problem text, note text, id text, "releaseId" text,
               "playedAt" timestamptz, "copyId" text, "stylusId" text, "durationSeconds" int,
               "durationEstimated" boolean, side text, notes text
           )
      LEFT JOIN import_rows AS rel
        ON rel.user_id = :user_id::uuid AND rel.run_id = r.id AND rel.kind = 'release'
       AND rel.source_id = g."releaseId"
      LEFT JOIN import_rows AS copy
        ON copy.user_id = :user_id::uuid AND copy.run_id = r.id AND copy.kind = 'copy'
       AND copy.source_id = g."copyId"
      LEFT JOIN import_rows AS stylus
        ON stylus.user_id = :user_id::uuid AND stylus.run_id = r.id AND stylus.kind = 'stylus'
       AND stylus.source_id = g."stylusId"
      LEFT JOIN id_map AS m
        ON m.user_id = :user_id::uuid AND m.source = r.source_key AND m.kind = 'play'
       AND m.old_id = g.id
     WHERE r.user_id = :user_id::uuid
       AND r.id = :run_id::uuid
),
named AS MATERIALIZED (
    SELECT g.seq, p.id AS known_id
      FROM given AS g
      JOIN play_history AS p
        ON p.user_id = :user_id::uuid AND p.id = g.mapped_id AND p.release_id = g.release_id
     WHERE g.problem IS NULL
),
pair AS (
    SELECT record.seq, own.id AS known_id
      FROM (
               SELECT g.seq, g.release_id, date_trunc('second', g.played_at) AS second,
                      row_number() OVER (PARTITION BY g.release_id,
                                                      date_trunc('second', g.played_at)
                                         ORDER BY g.seq) AS k
                 FROM given AS g
                WHERE g.problem IS NULL
                  AND NOT EXISTS (SELECT FROM named AS n WHERE n.seq = g.seq)
           ) AS record
      JOIN (
               SELECT p.id, p.release_id, date_trunc('second', p.played_at) AS second,
                      row_number() OVER (PARTITION BY p.release_id,
                                                      date_trunc('second', p.played_at)
                                         ORDER BY p.id) AS k
                 FROM play_history AS p
                WHERE p.user_id = :user_id::uuid
                  AND NOT EXISTS (SELECT FROM named AS n WHERE n.known_id = p.id)
           ) AS own
        ON own.release_id = record.release_id AND own.second = record.second
       AND own.k = record.k
     UNION ALL
    SELECT n.seq, n.known_id
      FROM named AS n
),
judged AS (
    SELECT g.seq, g.place, g.problem, g.note, g.source_id, g.release, g.release_id, g.copy,
           g.copy_id, g.stylus, g.stylus_id, p.id AS known_id,
           nullif(jsonb_strip_nulls(jsonb_build_object(
               'playedAt', CASE WHEN date_trunc('second', g.played_at)
                                     <> date_trunc('second', p.played_at)
                                THEN jsonb_build_array(p.played_at, g.played_at) END,
               'stylusId', CASE WHEN g.stylus_id IS DISTINCT FROM p.stylus_id
                                 AND g.stylus_id IS NOT NULL
                                THEN jsonb_build_array(p.stylus_id, g.stylus_id) END,
               'durationSeconds', CASE WHEN g.duration <> p.duration_seconds
                                       THEN jsonb_build_array(p.duration_seconds, g.duration)
                                       END,
               'side', CASE WHEN g.side IS DISTINCT FROM p.side AND g.side IS NOT NULL
                            THEN jsonb_build_array(p.side, g.side) END,
               'notes', CASE WHEN g.notes IS DISTINCT FROM p.notes AND g.notes IS NOT NULL
                             THEN jsonb_build_array(p.notes, g.notes) END
           )), '{}') AS changes
      FROM given AS g
      LEFT JOIN pair
        ON pair.seq = g.seq
      LEFT JOIN play_history AS p
        ON p.user_id = :user_id::uuid AND p.id = pair.known_id
)
INSERT INTO import_rows (
    user_id, run_id, seq, target_id, kind, verdict, place, source_id, reason, changes
)
SELECT :user_id::uuid, :run_id::uuid, j.seq,
       CASE WHEN j.problem IS NULL AND j.release_id IS NOT NULL
            THEN coalesce(j.known_id, uuidv7()) END,
       'play',
       CASE WHEN j.problem IS NOT NULL THEN 'invalid'
            WHEN j.release_id IS NULL THEN 'unmatched'
            WHEN j.known_id IS NULL THEN 'new'
            WHEN j.changes IS NULL THEN 'known'
            ELSE 'changed' END,
       j.place,
       CASE WHEN j.problem IS NULL AND j.release_id IS NOT NULL THEN j.source_id END,
       CASE WHEN j.problem IS NOT NULL THEN j.problem
            WHEN j.release_id IS NULL
            THEN concat('release ', j.release, ' is not in the file, or was refused')
            ELSE nullif(concat_ws('; ', j.note,
                                  CASE WHEN j.copy IS NOT NULL AND j.copy_id IS NULL
                                       THEN concat('without its copy ', j.copy) END,
                                  CASE WHEN j.stylus IS NOT NULL AND j.stylus_id IS NULL
                                       THEN concat('without its stylus ', j.stylus) END), '') END,
       CASE WHEN j.known_id IS NOT NULL THEN j.changes END
  FROM judged AS j
 ORDER BY j.seq;

-- name: insert_cleaning_verdicts(user_id, run_id)!
-- Cleanings: as plays.
--
-- Returns: the number of records.
-- Index:   import_chunks_pkey, import_runs_pkey, import_rows_source_idx, id_map_pkey,
--          cleaning_history_pkey.
-- Cost:    at most 17 buffers.
-- Locks:   new rows only.
WITH given AS MATERIALIZED (
    SELECT g.seq, g.place, g.note, g.id AS source_id, g."releaseId" AS release,
           rel.target_id AS release_id, g."cleanedAt" AS cleaned_at, g."copyId" AS copy,
           copy.target_id AS copy_id, coalesce(g.deep, false) AS deep, g.notes,
           coalesce(m.new_id, CASE WHEN pg_input_is_valid(g.id, 'uuid') THEN g.id::uuid END)
               AS mapped_id,
           CASE WHEN g.problem IS NULL AND g.id IS NOT NULL
                 AND row_number() OVER (PARTITION BY g.id ORDER BY g.seq) > 1
                THEN 'id: an earlier cleaning has it' ELSE g.problem END AS problem
      FROM import_runs AS r
      JOIN import_chunks AS c
        ON c.user_id = :user_id::uuid AND c.run_id = r.id AND c.kind = 'cleaning'
     CROSS JOIN LATERAL jsonb_to_recordset(c.items) AS g (
               seq int, place text, problem text, note text, id text, "releaseId" text,
               "cleanedAt" timestamptz, "copyId" text, deep boolean, notes text
           )
      LEFT JOIN import_rows AS rel
        ON rel.user_id = :user_id::uuid AND rel.run_id = r.id AND rel.kind = 'release'
       AND rel.source_id = g."releaseId"
      LEFT JOIN import_rows AS copy
        ON copy.user_id = :user_id::uuid AND copy.run_id = r.id AND copy.kind = 'copy'
       AND copy.source_id = g."copyId"
      LEFT JOIN id_map AS m
        ON m.user_id = :user_id::uuid AND m.source = r.source_key AND m.kind = 'cleaning'
       AND m.old_id = g.id
     WHERE r.user_id = :user_id::uuid
       AND r.id = :run_id::uuid
),
named AS MATERIALIZED (
    SELECT g.seq, w.id AS known_id
      FROM given AS g
      JOIN cleaning_history AS w
        ON w.user_id = :user_id::uuid AND w.id = g.mapped_id AND w.release_id = g.release_id
     WHERE g.problem IS NULL
),
pair AS (
    SELECT record.seq, own.id AS known_id
      FROM (
               SELECT g.seq, g.release_id, date_trunc('second', g.cleaned_at) AS second,
                      row_number() OVER (PARTITION BY g.release_id,
                                                      date_trunc('second', g.cleaned_at)
                                         ORDER BY g.seq) AS k
                 FROM given AS g
                WHERE g.problem IS NULL
                  AND NOT EXISTS (SELECT FROM named AS n WHERE n.seq = g.seq)
           ) AS record
      JOIN (
               SELECT w.id, w.release_id, date_trunc('second', w.cleaned_at) AS second,
                      row_number() OVER (PARTITION BY w.release_id,
                                                      date_trunc('second', w.cleaned_at)
                                         ORDER BY w.id) AS k
                 FROM cleaning_history AS w
                WHERE w.user_id = :user_id::uuid
                  AND NOT EXISTS (SELECT FROM named AS n WHERE n.known_id = w.id)
           ) AS own
        ON own.release_id = record.release_id AND own.second = record.second
       AND own.k = record.k
     UNION ALL
    SELECT n.seq, n.known_id
      FROM named AS n
),
judged AS (
    SELECT g.seq, g.place, g.problem, g.note, g.source_id, g.release, g.release_id, g.copy,
           g.copy_id, w.id AS known_id,
           nullif(jsonb_strip_nulls(jsonb_build_object(
               'cleanedAt', CASE WHEN date_trunc('second', g.cleaned_at)
                                      <> date_trunc('second', w.cleaned_at)
                                 THEN jsonb_build_array(w.cleaned_at, g.cleaned_at) END,
               'deep', CASE WHEN g.deep AND NOT w.deep THEN jsonb_build_array(w.deep, g.deep) END,
               'notes', CASE WHEN g.notes IS DISTINCT FROM w.notes AND g.notes IS NOT NULL
                             THEN jsonb_build_array(w.notes, g.notes) END
           )), '{}') AS changes
      FROM given AS g
      LEFT JOIN pair
        ON pair.seq = g.seq
      LEFT JOIN cleaning_history AS w
        ON w.user_id = :user_id::uuid AND w.id = pair.known_id
)
INSERT INTO import_rows (
    user_id, run_id, seq, target_id, kind, verdict, place, source_id, reason, changes
)
SELECT :user_id::uuid, :run_id::uuid, j.seq,
       CASE WHEN j.problem IS NULL AND j.release_id IS NOT NULL
            THEN coalesce(j.known_id, uuidv7()) END,
       'cleaning',
       CASE WHEN j.problem IS NOT NULL THEN 'invalid'
            WHEN j.release_id IS NULL THEN 'unmatched'
            WHEN j.known_id IS NULL THEN 'new'
            WHEN j.changes IS NULL THEN 'known'
            ELSE 'changed' END,
       j.place,
       CASE WHEN j.problem IS NULL AND j.release_id IS NOT NULL THEN j.source_id END,
       CASE WHEN j.problem IS NOT NULL THEN j.problem
            WHEN j.release_id IS NULL
            THEN concat('release ', j.release, ' is not in the file, or was refused')
            ELSE nullif(concat_ws('; ', j.note,
                                  CASE WHEN j.copy IS NOT NULL AND j.copy_id IS NULL
                                       THEN concat('without its copy ', j.copy) END), '') END,
       CASE WHEN j.known_id IS NOT NULL THEN j.changes END
  FROM judged AS j
 ORDER BY j.seq;
