-- The releases of an imported file: which the catalogue has, and which it lacks.
-- Tables: import_rows for the verdicts; import_chunks, import_runs, id_map; releases,
--         user_releases.
--
-- Verdicts are as in import_verdicts.sql. Releases come before all that is the user's own: they are
-- judged first, and written chunk by chunk, each a transaction of its own, because the catalogue is
-- locked meanwhile.

-- name: insert_release_verdicts(user_id, run_id)!
-- Releases: by Discogs' number; one without is the one that it was before, or bears the id of, or
-- one on the user's shelf of the same title, year, artists and catalogue numbers.
--
-- What the catalogue has is never changed by a file, so no release is ever changed. All records of
-- one release have one target, and the first of them is the new one.
--
-- Returns: the number of records.
-- Index:   import_chunks_pkey, import_runs_pkey, releases_discogs_id_key, id_map_pkey,
--          user_releases_user_release_idx; for what is on the shelf by hand releases_pkey.
-- Cost:    at most 17 buffers.
-- Locks:   new rows only.
WITH given AS MATERIALIZED (
    SELECT g.seq, g.place, g.problem, g.note, g.id AS source_id,
           coalesce(g."lookupOnly", false) AS lookup_only,
           (g.document ->> 'discogsId')::int AS discogs_id,
           CASE WHEN g.document ->> 'discogsId' IS NULL THEN g.document END AS document,
           r.source_key, uuidv7() AS new_id
      FROM import_runs AS r
      JOIN import_chunks AS c
        ON c.user_id = :user_id::uuid AND c.run_id = r.id AND c.kind = 'release'
     CROSS JOIN LATERAL jsonb_to_recordset(c.items) AS g (
               seq int, place text, problem text, note text, id text, document jsonb,
               "lookupOnly" boolean
           )
     WHERE r.user_id = :user_id::uuid
       AND r.id = :run_id::uuid
),
by_hand AS MATERIALIZED (
    SELECT g.seq, normalize_code(g.document ->> 'title') AS title,
           coalesce((g.document ->> 'year')::int, 0) AS year,
           (SELECT normalize_code(string_agg(a.name || coalesce(a."join", ''), ''
                                             ORDER BY a.number))
              FROM ROWS FROM (
                       jsonb_to_recordset(g.document -> 'artists')
                           AS (name text, "join" text, role text)
                   ) WITH ORDINALITY AS a (name, "join", role, number)
             WHERE a.role IS NULL) AS artists,
           (SELECT normalize_code(string_agg(l.catno, '' ORDER BY l.number))
              FROM ROWS FROM (
                       jsonb_to_recordset(g.document -> 'labels') AS (catno text)
                   ) WITH ORDINALITY AS l (catno, number)) AS catnos
      FROM given AS g
     WHERE g.document IS NOT NULL
       AND g.problem IS NULL
),
own AS MATERIALIZED (
    SELECT r.id, normalize_code(r.title) AS title, coalesce(r.year, 0) AS year,
           (SELECT normalize_code(string_agg(a.name || coalesce(a."join", ''), ''
                                             ORDER BY a.number))
              FROM ROWS FROM (
                       json_to_recordset(r.card -> 'artists') AS (name text, "join" text)
                   ) WITH ORDINALITY AS a (name, "join", number)) AS artists,
           (SELECT normalize_code(string_agg(l.catno, '' ORDER BY l.number))
              FROM ROWS FROM (
                       json_to_recordset(r.card -> 'labels') AS (catno text)
                   ) WITH ORDINALITY AS l (catno, number)) AS catnos
      FROM (
               SELECT DISTINCT c.release_id
                 FROM user_releases AS c
                WHERE c.user_id = :user_id::uuid
                  AND EXISTS (SELECT FROM by_hand)
           ) AS mine
     CROSS JOIN LATERAL (
               SELECT r.id, r.title, r.year, r.card
                 FROM releases AS r
                WHERE r.id = mine.release_id
                  AND r.discogs_id IS NULL
                LIMIT 1
           ) AS r
),
alike AS MATERIALIZED (
    SELECT DISTINCT ON (h.seq) h.seq, own.id
      FROM by_hand AS h
      JOIN own
        ON own.title = h.title AND own.year = h.year
       AND coalesce(own.artists, '') = coalesce(h.artists, '')
       AND coalesce(own.catnos, '') = coalesce(h.catnos, '')
     ORDER BY h.seq, own.id
),
found AS (
    SELECT g.seq, g.place, g.problem, g.note, g.source_id, g.lookup_only, g.discogs_id, g.new_id,
           coalesce(numbered.id, mapped.id, alike.id) AS known_id
      FROM given AS g
      LEFT JOIN LATERAL (
               SELECT r.id
                 FROM releases AS r
                WHERE r.discogs_id = g.discogs_id
                LIMIT 1
           ) AS numbered
        ON true
      LEFT JOIN id_map AS m
        ON m.user_id = :user_id::uuid AND m.source = g.source_key AND m.kind = 'release'
       AND m.old_id = g.source_id
      LEFT JOIN LATERAL (
               SELECT r.id
                 FROM releases AS r
                WHERE g.discogs_id IS NULL
                  AND r.discogs_id IS NULL
                  AND r.id = coalesce(m.new_id, CASE WHEN pg_input_is_valid(g.source_id, 'uuid')
                                                     THEN g.source_id::uuid END)
                LIMIT 1
           ) AS mapped
        ON true
      LEFT JOIN alike
        ON alike.seq = g.seq
),
judged AS (
    SELECT f.seq, f.place, f.problem, f.note, f.source_id, f.discogs_id, f.known_id,
           first_value(f.new_id) OVER same AS new_id,
           row_number() OVER same = 1 AS is_first,
           row_number() OVER (PARTITION BY f.problem IS NOT NULL, f.source_id ORDER BY f.seq) = 1
               AS names_it,
           bool_and(f.lookup_only) OVER (PARTITION BY f.problem IS NOT NULL, f.discogs_id,
                                         CASE WHEN f.discogs_id IS NULL THEN f.source_id END)
               AS is_never_added
      FROM found AS f
    WINDOW same AS (PARTITION BY f.problem IS NOT NULL, f.discogs_id,
                                 CASE WHEN f.discogs_id IS NULL THEN f.source_id END
                    ORDER BY f.lookup_only, f.seq)
)
INSERT INTO import_rows (
    user_id, run_id, seq, discogs_id, target_id, kind, verdict, place, source_id, reason
)
SELECT :user_id::uuid, :run_id::uuid, j.seq, j.discogs_id,
       CASE WHEN j.problem IS NULL AND (j.known_id IS NOT NULL OR NOT j.is_never_added)
            THEN coalesce(j.known_id, j.new_id) END,
       'release',
       CASE WHEN j.problem IS NOT NULL THEN 'invalid'
            WHEN j.known_id IS NOT NULL THEN 'known'
            WHEN j.is_never_added THEN 'unmatched'
            WHEN j.is_first THEN 'new'
            ELSE 'known' END,
       j.place,
       CASE WHEN j.problem IS NULL AND j.names_it
             AND (j.known_id IS NOT NULL OR NOT j.is_never_added) THEN j.source_id END,
       CASE WHEN j.problem IS NOT NULL THEN j.problem
            WHEN j.known_id IS NULL AND j.is_never_added
            THEN concat('the catalogue has no release ', j.discogs_id)
            ELSE j.note END
  FROM judged AS j
 ORDER BY j.seq;

-- name: get_new_releases(user_id, run_id, after_seq)^
-- The next chunk of releases, and of them those to be added to the catalogue.
--
-- What was added in the meantime, by whomever, is left out: it is asked under the locks of
-- collection.lock_shelf and catalogue_entries.lock_entries. Nothing here may become a join that
-- reads the whole catalogue or the whole run, chunk after chunk: hence LATERAL with LIMIT and
-- scalar subqueries, which are looked up by index (100,000 releases: 0.7 s of CPU in all; as joins
-- 17 s).
--
-- Returns: 0..1 rows NewReleases; none after the last chunk.
-- Params:  after_seq int: first_seq of the chunk before, 0 for the first.
-- Index:   import_chunks_pkey, import_rows_pkey, import_runs_pkey, id_map_pkey,
--          releases_discogs_id_key, releases_pkey.
-- Order:   first_seq; total.
-- Plan:    custom: one made for an empty catalogue reads it whole while it grows.
-- Cost:    at most 3 buffers.
-- Locks:   none.
WITH chunk AS MATERIALIZED (
    SELECT c.first_seq, c.items
      FROM import_chunks AS c
     WHERE c.user_id = :user_id::uuid
       AND c.run_id = :run_id::uuid
       AND c.kind = 'release'
       AND c.first_seq > :after_seq::int
     ORDER BY c.first_seq
     LIMIT 1
)
SELECT c.first_seq, e.documents, e.has_own
  FROM chunk AS c
  JOIN import_runs AS run
    ON run.user_id = :user_id::uuid AND run.id = :run_id::uuid
 CROSS JOIN LATERAL (
           SELECT jsonb_agg(g.document || jsonb_build_object('newId', w.target_id)
                            ORDER BY g.seq) AS documents,
                  coalesce(bool_or(w.discogs_id IS NULL), false) AS has_own
             FROM jsonb_to_recordset(c.items) AS g (seq int, document jsonb)
            CROSS JOIN LATERAL (
                      SELECT w.target_id, w.discogs_id, w.source_id, w.verdict
                        FROM import_rows AS w
                       WHERE w.user_id = :user_id::uuid
                         AND w.run_id = :run_id::uuid
                         AND w.seq = g.seq
                       LIMIT 1
                  ) AS w
            WHERE w.verdict = 'new'
              AND (SELECT r.id FROM releases AS r WHERE r.discogs_id = w.discogs_id) IS NULL
              AND (SELECT r.id FROM releases AS r WHERE r.id = w.target_id) IS NULL
              AND (w.discogs_id IS NOT NULL
                   OR (SELECT m.new_id
                         FROM id_map AS m
                        WHERE m.user_id = :user_id::uuid
                          AND m.source = run.source_key
                          AND m.kind = 'release'
                          AND m.old_id = w.source_id) IS NULL)
       ) AS e
 ORDER BY c.first_seq;

-- name: update_release_targets(user_id, run_id)!
-- Point records at the releases that were added since they were judged: by somebody else, or by
-- another import of the same source.
--
-- Returns: the number of records.
-- Index:   import_rows_pkey, import_runs_pkey, id_map_pkey, releases_discogs_id_key.
-- Cost:    at most 3,100 buffers.
-- Locks:   the rows.
WITH added AS (
    SELECT w.seq, coalesce(r.id, m.new_id) AS id
      FROM import_runs AS run
      JOIN import_rows AS w
        ON w.user_id = :user_id::uuid AND w.run_id = run.id AND w.kind = 'release'
      LEFT JOIN LATERAL (
               SELECT r.id
                 FROM releases AS r
                WHERE r.discogs_id = w.discogs_id
                LIMIT 1
           ) AS r
        ON true
      LEFT JOIN id_map AS m
        ON m.user_id = :user_id::uuid AND m.source = run.source_key AND m.kind = 'release'
       AND m.old_id = w.source_id AND w.discogs_id IS NULL
     WHERE run.user_id = :user_id::uuid
       AND run.id = :run_id::uuid
       AND w.target_id IS NOT NULL
)
UPDATE import_rows AS w
   SET target_id = a.id
  FROM added AS a
 WHERE w.user_id = :user_id::uuid
   AND w.run_id = :run_id::uuid
   AND w.seq = a.seq
   AND w.target_id <> a.id;
