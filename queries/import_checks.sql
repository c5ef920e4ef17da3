-- What an import left behind, read back to be compared with its file.
-- Tables: import_rows, import_runs, id_map; folders, styluses, user_releases, play_history,
--         cleaning_history; releases and what belongs to releases.
--
-- A check is made once, by the command that has just imported; nothing else waits for it. All of it
-- is read by the verdicts' targets, so that it tells of rows that are there, not of what was meant.
-- As in import_verdicts.sql there are no statistics and no nested loops, and what looks the large
-- catalogue up does so by index in a LATERAL.

-- name: list_found_counts(user_id, run_id)
-- How many rows there are of each kind that the records of a run became, and how long they play.
--
-- Returns: 0..6 rows FoundCount.
-- Index:   import_rows_pkey (user_id, run_id, seq), id_map_pkey and the primary keys of the kinds.
-- Order:   kind; total.
-- Plan:    custom.
-- Cost:    at most 12 buffers.
-- Locks:   none.
WITH target AS MATERIALIZED (
    SELECT DISTINCT w.kind, w.target_id AS id, w.source_id, r.source_key
      FROM import_runs AS r
      JOIN import_rows AS w
        ON w.user_id = :user_id::uuid AND w.run_id = r.id
     WHERE r.user_id = :user_id::uuid
       AND r.id = :run_id::uuid
       AND w.target_id IS NOT NULL
),
found AS (
    SELECT t.kind, f.id, NULL::int AS seconds
      FROM target AS t
      JOIN folders AS f
        ON f.user_id = :user_id::uuid AND f.id = t.id
     WHERE t.kind = 'folder'
     UNION ALL
    SELECT t.kind, s.id, NULL
      FROM target AS t
      JOIN styluses AS s
        ON s.user_id = :user_id::uuid AND s.id = t.id
     WHERE t.kind = 'stylus'
     UNION ALL
    SELECT t.kind, c.id, NULL
      FROM target AS t
      JOIN user_releases AS c
        ON c.user_id = :user_id::uuid AND c.id = t.id
     WHERE t.kind = 'copy'
     UNION ALL
    SELECT t.kind, p.id, p.duration_seconds
      FROM target AS t
      JOIN play_history AS p
        ON p.user_id = :user_id::uuid AND p.id = t.id
     WHERE t.kind = 'play'
     UNION ALL
    SELECT t.kind, h.id, NULL
      FROM target AS t
      JOIN cleaning_history AS h
        ON h.user_id = :user_id::uuid AND h.id = t.id
     WHERE t.kind = 'cleaning'
     UNION ALL
    SELECT t.kind, r.id, r.play_duration
      FROM target AS t
     CROSS JOIN LATERAL (
               SELECT r.id, r.play_duration
                 FROM releases AS r
                WHERE r.id = t.id
                LIMIT 1
           ) AS r
     WHERE t.kind = 'release'
),
mapped AS (
    SELECT t.kind, count(*) AS ids
      FROM target AS t
      JOIN id_map AS m
        ON m.user_id = :user_id::uuid AND m.source = t.source_key AND m.kind = t.kind
       AND m.old_id = t.source_id AND m.new_id = t.id
     GROUP BY t.kind
)
SELECT f.kind, count(DISTINCT f.id)::int AS rows, sum(f.seconds)::bigint AS seconds,
       coalesce(max(m.ids), 0)::int AS mapped
  FROM found AS f
  LEFT JOIN mapped AS m
    ON m.kind = f.kind
 GROUP BY f.kind
 ORDER BY f.kind;

-- name: get_found_parts(user_id, run_id)^
-- What belongs to the releases that the records of a run became.
--
-- Returns: one row FoundParts.
-- Index:   import_rows_pkey (user_id, run_id, seq), the primary keys of a release's parts.
-- Plan:    custom.
-- Cost:    at most 14 buffers.
-- Locks:   none.
WITH target AS MATERIALIZED (
    SELECT w.target_id AS id, bool_and(w.verdict = 'known') AS is_known
      FROM import_rows AS w
     WHERE w.user_id = :user_id::uuid
       AND w.run_id = :run_id::uuid
       AND w.kind = 'release'
       AND w.target_id IS NOT NULL
     GROUP BY w.target_id
),
part AS MATERIALIZED (
    SELECT t.is_known, artist.credits, artist.ids AS artist_ids, label.credits AS label_credits,
           label.ids AS label_ids, format.formats, format.descriptions,
           genre.links AS genre_links, genre.ids AS genre_ids, style.links AS style_links,
           style.ids AS style_ids, track.tracks
      FROM target AS t
     CROSS JOIN LATERAL (
               SELECT count(*) AS credits, array_agg(DISTINCT c.artist_id) AS ids
                 FROM release_artists AS c
                WHERE c.release_id = t.id
           ) AS artist
     CROSS JOIN LATERAL (
               SELECT count(*) AS credits, array_agg(DISTINCT c.label_id) AS ids
                 FROM release_labels AS c
                WHERE c.release_id = t.id
           ) AS label
     CROSS JOIN LATERAL (
               SELECT count(*) AS formats, sum(cardinality(f.descriptions)) AS descriptions
                 FROM release_formats AS f
                WHERE f.release_id = t.id
           ) AS format
     CROSS JOIN LATERAL (
               SELECT count(*) AS links, array_agg(DISTINCT e.genre_id) AS ids
                 FROM release_genres AS e
                WHERE e.release_id = t.id
           ) AS genre
     CROSS JOIN LATERAL (
               SELECT count(*) AS links, array_agg(DISTINCT e.style_id) AS ids
                 FROM release_styles AS e
                WHERE e.release_id = t.id
           ) AS style
     CROSS JOIN LATERAL (
               SELECT count(*) AS tracks
                 FROM tracks AS k
                WHERE k.release_id = t.id
           ) AS track
)
SELECT count(*) FILTER (WHERE p.is_known)::int AS known_releases,
       coalesce(sum(p.credits), 0)::int AS credits,
       (SELECT count(DISTINCT e.id)
          FROM part AS q
         CROSS JOIN unnest(q.artist_ids) AS e (id))::int AS artists,
       coalesce(sum(p.label_credits), 0)::int AS label_credits,
       (SELECT count(DISTINCT e.id)
          FROM part AS q
         CROSS JOIN unnest(q.label_ids) AS e (id))::int AS labels,
       coalesce(sum(p.formats), 0)::int AS formats,
       coalesce(sum(p.descriptions), 0)::int AS descriptions,
       coalesce(sum(p.genre_links), 0)::int AS genre_links,
       (SELECT count(DISTINCT e.id)
          FROM part AS q
         CROSS JOIN unnest(q.genre_ids) AS e (id))::int AS genres,
       coalesce(sum(p.style_links), 0)::int AS style_links,
       (SELECT count(DISTINCT e.id)
          FROM part AS q
         CROSS JOIN unnest(q.style_ids) AS e (id))::int AS styles,
       coalesce(sum(p.tracks), 0)::int AS tracks
  FROM part AS p;

-- name: list_found_rows(user_id, run_id, seqs)
-- The rows that some records of a run became, as records; what they refer to by its natural name.
--
-- A release is named by Discogs' number, a folder and a stylus by their names: a file knows those.
--
-- Returns: 0..n rows FoundRow: a record's seq, kind and verdict, and its row as JSON of that kind,
--          NULL where there is none.
-- Params:  seqs int[]: the records.
-- Index:   import_rows_pkey (user_id, run_id, seq) and the primary keys of the kinds.
-- Order:   seq; total.
-- Plan:    custom.
-- Cost:    at most 9 buffers.
-- Locks:   none.
WITH target AS MATERIALIZED (
    SELECT w.seq, w.kind, w.verdict, w.target_id AS id
      FROM import_rows AS w
     WHERE w.user_id = :user_id::uuid
       AND w.run_id = :run_id::uuid
       AND w.seq = ANY(:seqs::int[])
)
SELECT t.seq, t.kind, t.verdict, found.record
  FROM target AS t
  LEFT JOIN (
           SELECT t.seq,
                  JSON_OBJECT('name' VALUE f.name, 'number' VALUE f.number
                              RETURNING json) AS record
             FROM target AS t
             JOIN folders AS f
               ON f.user_id = :user_id::uuid AND f.id = t.id
            WHERE t.kind = 'folder'
            UNION ALL
           SELECT t.seq,
                  JSON_OBJECT(
                      'name' VALUE s.name, 'manufacturer' VALUE s.manufacturer,
                      'expectedLifespanHours' VALUE s.expected_lifespan_hours,
                      'purchaseDate' VALUE s.purchase_date, 'active' VALUE s.active,
                      'isPrimary' VALUE s.is_primary, 'owned' VALUE s.owned
                      ABSENT ON NULL RETURNING json
                  )
             FROM target AS t
             JOIN styluses AS s
               ON s.user_id = :user_id::uuid AND s.id = t.id
            WHERE t.kind = 'stylus'
            UNION ALL
           SELECT t.seq,
                  JSON_OBJECT(
                      'releaseId' VALUE r.discogs_id::text, 'folderId' VALUE f.name,
                      'discogsInstanceId' VALUE c.discogs_instance_id, 'rating' VALUE c.rating,
                      'mediaCondition' VALUE c.media_condition,
                      'sleeveCondition' VALUE c.sleeve_condition, 'notes' VALUE c.notes,
                      'customFields' VALUE c.custom_fields,
                      'addedAt' VALUE (to_json(c.added_at AT TIME ZONE 'UTC') #>> '{}') || 'Z',
                      'archivedAt' VALUE
                          (to_json(c.archived_at AT TIME ZONE 'UTC') #>> '{}') || 'Z',
                      'archiveReason' VALUE c.archive_reason
                      ABSENT ON NULL RETURNING json
                  )
             FROM target AS t
             JOIN user_releases AS c
               ON c.user_id = :user_id::uuid AND c.id = t.id
            CROSS JOIN LATERAL (
                      SELECT r.discogs_id
                        FROM releases AS r
                       WHERE r.id = c.release_id
                       LIMIT 1
                  ) AS r
             JOIN folders AS f
               ON f.user_id = :user_id::uuid AND f.id = c.folder_id
            WHERE t.kind = 'copy'
            UNION ALL
           SELECT t.seq,
                  JSON_OBJECT(
                      'releaseId' VALUE r.discogs_id::text,
                      'playedAt' VALUE (to_json(p.played_at AT TIME ZONE 'UTC') #>> '{}') || 'Z',
                      'stylusId' VALUE s.name, 'durationSeconds' VALUE p.duration_seconds,
                      'durationEstimated' VALUE p.duration_estimated, 'side' VALUE p.side,
                      'notes' VALUE p.notes
                      ABSENT ON NULL RETURNING json
                  )
             FROM target AS t
             JOIN play_history AS p
               ON p.user_id = :user_id::uuid AND p.id = t.id
            CROSS JOIN LATERAL (
                      SELECT r.discogs_id
                        FROM releases AS r
                       WHERE r.id = p.release_id
                       LIMIT 1
                  ) AS r
             LEFT JOIN styluses AS s
               ON s.user_id = :user_id::uuid AND s.id = p.stylus_id
            WHERE t.kind = 'play'
            UNION ALL
           SELECT t.seq,
                  JSON_OBJECT(
                      'releaseId' VALUE r.discogs_id::text,
                      'cleanedAt' VALUE (to_json(h.cleaned_at AT TIME ZONE 'UTC') #>> '{}') || 'Z',
                      'deep' VALUE h.deep, 'notes' VALUE h.notes
                      ABSENT ON NULL RETURNING json
                  )
             FROM target AS t
             JOIN cleaning_history AS h
               ON h.user_id = :user_id::uuid AND h.id = t.id
            CROSS JOIN LATERAL (
                      SELECT r.discogs_id
                        FROM releases AS r
                       WHERE r.id = h.release_id
                       LIMIT 1
                  ) AS r
            WHERE t.kind = 'cleaning'
            UNION ALL
           SELECT t.seq,
                  JSON_OBJECT(
                      'discogsId' VALUE r.discogs_id, 'title' VALUE r.title, 'year' VALUE r.year,
                      'resourceUrl' VALUE r.resource_url, 'thumb' VALUE r.thumb,
                      'coverImage' VALUE r.cover_image, 'playDuration' VALUE r.play_duration,
                      'playDurationEstimated' VALUE r.play_duration_estimated,
                      'artists' VALUE (
                          SELECT json_agg(JSON_OBJECT(
                                     'name' VALUE c.name,
                                     'discogsId' VALUE (SELECT a.discogs_id
                                                          FROM artists AS a
                                                         WHERE a.id = c.artist_id),
                                     'anv' VALUE c.anv, 'join' VALUE c.join_relation,
                                     'role' VALUE c.role, 'tracks' VALUE c.tracks
                                     ABSENT ON NULL RETURNING json
                                 ) ORDER BY c.position)
                            FROM release_artists AS c
                           WHERE c.release_id = r.id
                      ),
                      'labels' VALUE (
                          SELECT json_agg(JSON_OBJECT(
                                     'name' VALUE c.name,
                                     'discogsId' VALUE (SELECT l.discogs_id
                                                          FROM labels AS l
                                                         WHERE l.id = c.label_id),
                                     'catno' VALUE c.catno ABSENT ON NULL RETURNING json
                                 ) ORDER BY c.position)
                            FROM release_labels AS c
                           WHERE c.release_id = r.id
                      ),
                      'formats' VALUE (
                          SELECT json_agg(JSON_OBJECT(
                                     'name' VALUE f.name, 'qty' VALUE f.qty,
                                     'descriptions' VALUE to_json(f.descriptions)
                                     ABSENT ON NULL RETURNING json
                                 ) ORDER BY f.position)
                            FROM release_formats AS f
                           WHERE f.release_id = r.id
                      ),
                      'genres' VALUE (
                          SELECT json_agg(g.name ORDER BY e.position)
                            FROM release_genres AS e
                            JOIN genres AS g
                              ON g.id = e.genre_id
                           WHERE e.release_id = r.id
                      ),
                      'styles' VALUE (
                          SELECT json_agg(s.name ORDER BY e.position)
                            FROM release_styles AS e
                            JOIN styles AS s
                              ON s.id = e.style_id
                           WHERE e.release_id = r.id
                      ),
                      'tracks' VALUE (
                          SELECT json_agg(JSON_OBJECT(
                                     'seq' VALUE k.seq, 'title' VALUE k.title,
                                     'position' VALUE k.position,
                                     'durationText' VALUE k.duration_text,
                                     'durationSeconds' VALUE k.duration_seconds
                                     ABSENT ON NULL RETURNING json
                                 ) ORDER BY k.seq)
                            FROM tracks AS k
                           WHERE k.release_id = r.id
                      )
                      ABSENT ON NULL RETURNING json
                  )
             FROM target AS t
            CROSS JOIN LATERAL (
                      SELECT r.id, r.discogs_id, r.title, r.year, r.resource_url, r.thumb,
                             r.cover_image, r.play_duration, r.play_duration_estimated
                        FROM releases AS r
                       WHERE r.id = t.id
                       LIMIT 1
                  ) AS r
            WHERE t.kind = 'release'
       ) AS found
    ON found.seq = t.seq
 ORDER BY t.seq;

-- name: export_reasons(user_id, run_id)
-- The records of a run of which something is to be said: refused, unmatched, or kept with a note.
--
-- Returns: lines of JSON, one a record: Reason.
-- Index:   import_rows_pkey (user_id, run_id, seq).
-- Order:   seq; total.
-- Plan:    custom.
-- Cost:    at most 14 buffers.
-- Locks:   none.
SELECT JSON_OBJECT(
           'place' VALUE w.place, 'kind' VALUE w.kind, 'verdict' VALUE w.verdict,
           'reason' VALUE w.reason RETURNING json
       ) AS line
  FROM import_rows AS w
 WHERE w.user_id = :user_id::uuid
   AND w.run_id = :run_id::uuid
   AND w.reason IS NOT NULL
 ORDER BY w.seq;
