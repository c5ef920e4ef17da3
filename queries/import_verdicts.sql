-- What becomes of each record of an imported file: it is compared with what the user has.
-- Tables: import_rows for the verdicts; import_chunks, import_runs, id_map; folders, user_releases,
--         user_preferences.
--
-- new: it will be added. known: it is there. changed: it is there and differs; the user's own stays
-- unless the run is one with updates, and then what the file says counts. unmatched: it is of a
-- release that is nowhere. invalid: it can't be, and the reason says why.
--
-- A record is there if the same record of the same source came before (id_map), or if it bears the
-- id of a row of the user's own, or else by content: of n equal records the k-th is the k-th of the
-- rows equal to them. What refers to other records finds them by the source's ids, which is why
-- kinds are judged in their order: releases, folders, styluses, copies, plays, cleanings. Releases
-- are judged in import_releases.sql; styluses, plays and cleanings in listening_verdicts.sql.
--
-- Rows that the same transaction wrote have no statistics. The transaction turns nested loops off
-- (kleio.db.connections), and what looks the large catalogue up does so by index in a LATERAL.

-- name: insert_folder_verdicts(user_id, run_id)!
-- Folders: number 1 is number 1, others are the same by name, whatever its case.
--
-- Returns: the number of records.
-- Index:   import_chunks_pkey, import_runs_pkey, id_map_pkey, folders_pkey,
--          folders_user_id_number_key, folders_user_name_key.
-- Cost:    at most 17 buffers.
-- Locks:   new rows only.
WITH given AS MATERIALIZED (
    SELECT g.seq, g.place, g.problem, g.note, g.id AS source_id, g.name, g.number, r.source_key,
           lower(g.name COLLATE "pg_c_utf8") AS key, uuidv7() AS new_id
      FROM import_runs AS r
      JOIN import_chunks AS c
        ON c.user_id = :user_id::uuid AND c.run_id = r.id AND c.kind = 'folder'
     CROSS JOIN LATERAL jsonb_to_recordset(c.items) AS g (
               seq int, place text, problem text, note text, id text, name text, number int
           )
     WHERE r.user_id = :user_id::uuid
       AND r.id = :run_id::uuid
),
found AS (
    SELECT g.seq, g.place, g.problem, g.note, g.source_id, g.name, g.key, g.new_id,
           coalesce(first.id, mapped.id, named.id) AS known_id,
           CASE WHEN first.id IS NULL AND mapped.name <> g.name
                THEN jsonb_build_object('name', jsonb_build_array(mapped.name, g.name)) END
               AS changes
      FROM given AS g
      LEFT JOIN id_map AS m
        ON m.user_id = :user_id::uuid AND m.source = g.source_key AND m.kind = 'folder'
       AND m.old_id = g.source_id
      LEFT JOIN folders AS mapped
        ON mapped.user_id = :user_id::uuid
       AND mapped.number > 1
       AND mapped.id = coalesce(m.new_id, CASE WHEN pg_input_is_valid(g.source_id, 'uuid')
                                               THEN g.source_id::uuid END)
      LEFT JOIN folders AS first
        ON first.user_id = :user_id::uuid AND first.number = 1 AND g.number = 1
      LEFT JOIN folders AS named
        ON named.user_id = :user_id::uuid AND lower(named.name COLLATE "pg_c_utf8") = g.key
),
judged AS (
    SELECT f.seq, f.place, f.problem, f.note, f.source_id, f.known_id, f.changes,
           first_value(f.new_id) OVER same AS new_id,
           row_number() OVER same = 1 AS is_first,
           row_number() OVER (PARTITION BY f.problem IS NOT NULL, f.source_id ORDER BY f.seq) = 1
               AS names_it
      FROM found AS f
    WINDOW same AS (PARTITION BY f.problem IS NOT NULL, f.known_id IS NOT NULL, f.key
                    ORDER BY f.seq)
)
INSERT INTO import_rows (
    user_id, run_id, seq, target_id, kind, verdict, place, source_id, reason, changes
)
SELECT :user_id::uuid, :run_id::uuid, j.seq,
       CASE WHEN j.problem IS NULL THEN coalesce(j.known_id, j.new_id) END,
       'folder',
       CASE WHEN j.problem IS NOT NULL THEN 'invalid'
            WHEN j.changes IS NOT NULL THEN 'changed'
            WHEN j.known_id IS NULL AND j.is_first THEN 'new'
            ELSE 'known' END,
       j.place,
       CASE WHEN j.problem IS NULL AND j.names_it THEN j.source_id END,
       coalesce(j.problem, j.note),
       CASE WHEN j.problem IS NULL THEN j.changes END
  FROM judged AS j
 ORDER BY j.seq;

-- name: insert_copy_verdicts(user_id, run_id)!
-- Copies: by id, by Discogs' instance, and else the k-th record of a release is its k-th copy.
--
-- Those added at the same second are paired first, archived ones too; then those that are left, if
-- on the shelf, in the order of their times. So as many copies are new as the file has more of a
-- release than the user has, whatever zone its times are in. Two different instances are never the
-- same copy, and no instance is that of two: one that another copy has is left out. Only what a
-- record gives is compared: an empty field changes nothing.
--
-- Returns: the number of records.
-- Index:   import_chunks_pkey, import_runs_pkey, import_rows_source_idx, id_map_pkey,
--          user_releases_pkey, user_releases_user_id_instance_key.
-- Cost:    at most 17 buffers.
-- Locks:   new rows only.
WITH given AS MATERIALIZED (
    SELECT g.seq, g.place, g.note, g.id AS source_id, g."releaseId" AS release,
           rel.target_id AS release_id, g."folderId" AS folder, fol.target_id AS folder_id,
           g."discogsInstanceId" AS instance, coalesce(g.rating, 0) AS rating,
           g."mediaCondition" AS media, g."sleeveCondition" AS sleeve, g.notes,
           g."customFields" AS custom_fields, g."addedAt" AS added_at,
           g."archivedAt" AS archived_at, g."archiveReason" AS archive_reason,
           coalesce(m.new_id, CASE WHEN pg_input_is_valid(g.id, 'uuid') THEN g.id::uuid END)
               AS mapped_id,
           CASE WHEN g.problem IS NOT NULL THEN g.problem
                WHEN g.id IS NOT NULL
                 AND row_number() OVER (PARTITION BY g.id ORDER BY g.seq) > 1
                THEN 'id: an earlier copy has it'
                WHEN g."discogsInstanceId" IS NOT NULL
                 AND row_number() OVER (PARTITION BY g."discogsInstanceId" ORDER BY g.seq) > 1
                THEN 'discogsInstanceId: an earlier copy has it' END AS problem
      FROM import_runs AS r
      JOIN import_chunks AS c
        ON c.user_id = :user_id::uuid AND c.run_id = r.id AND c.kind = 'copy'
     CROSS JOIN LATERAL jsonb_to_recordset(c.items) AS g (
               seq int, place text, problem text, note text, id text, "releaseId" text,
               "folderId" text, "discogsInstanceId" bigint, rating int, "mediaCondition" text,
               "sleeveCondition" text, notes text, "customFields" jsonb, "addedAt" timestamptz,
               "archivedAt" timestamptz, "archiveReason" text
           )
      LEFT JOIN import_rows AS rel
        ON rel.user_id = :user_id::uuid AND rel.run_id = r.id AND rel.kind = 'release'
       AND rel.source_id = g."releaseId"
      LEFT JOIN import_rows AS fol
        ON fol.user_id = :user_id::uuid AND fol.run_id = r.id AND fol.kind = 'folder'
       AND fol.source_id = g."folderId"
      LEFT JOIN id_map AS m
        ON m.user_id = :user_id::uuid AND m.source = r.source_key AND m.kind = 'copy'
       AND m.old_id = g.id
     WHERE r.user_id = :user_id::uuid
       AND r.id = :run_id::uuid
),
named AS MATERIALIZED (
    SELECT g.seq, coalesce(own.id, instance.id) AS known_id,
           own.id IS NULL AND instance.release_id <> g.release_id AS is_other
      FROM given AS g
      LEFT JOIN user_releases AS own
        ON own.user_id = :user_id::uuid AND own.id = g.mapped_id
       AND own.release_id = g.release_id
      LEFT JOIN user_releases AS instance
        ON instance.user_id = :user_id::uuid AND instance.discogs_instance_id = g.instance
     WHERE g.problem IS NULL
       AND g.release_id IS NOT NULL
       AND coalesce(own.id, instance.id) IS NOT NULL
),
record AS MATERIALIZED (
    SELECT g.seq, g.release_id, g.added_at, g.archived_at, g.instance,
           row_number() OVER (PARTITION BY g.release_id, date_trunc('second', g.added_at)
                              ORDER BY g.instance IS NULL, g.seq) AS k
      FROM given AS g
     WHERE g.problem IS NULL
       AND g.release_id IS NOT NULL
       AND NOT EXISTS (SELECT FROM named AS n WHERE n.seq = g.seq)
),
own AS MATERIALIZED (
    SELECT c.id, c.release_id, c.added_at, c.archived_at, c.discogs_instance_id AS instance,
           row_number() OVER (PARTITION BY c.release_id, date_trunc('second', c.added_at)
                              ORDER BY c.discogs_instance_id IS NOT NULL,
                                       c.archived_at IS NOT NULL, c.id) AS k
      FROM user_releases AS c
     WHERE c.user_id = :user_id::uuid
       AND NOT EXISTS (SELECT FROM named AS n WHERE n.known_id = c.id)
),
same_time AS MATERIALIZED (
    SELECT record.seq, own.id AS known_id
      FROM record
      JOIN own
        ON own.release_id = record.release_id
       AND date_trunc('second', own.added_at) = date_trunc('second', record.added_at)
       AND own.k = record.k
     WHERE own.instance IS NULL
        OR record.instance IS NULL
),
other_time AS (
    SELECT left_over.seq, still_there.id AS known_id
      FROM (
               SELECT record.seq, record.release_id, record.instance,
                      row_number() OVER (PARTITION BY record.release_id
                                         ORDER BY record.instance IS NULL, record.added_at,
                                                  record.seq) AS k
                 FROM record
                WHERE record.archived_at IS NULL
                  AND NOT EXISTS (SELECT FROM same_time AS t WHERE t.seq = record.seq)
           ) AS left_over
      JOIN (
               SELECT own.id, own.release_id, own.instance,
                      row_number() OVER (PARTITION BY own.release_id
                                         ORDER BY own.instance IS NOT NULL, own.added_at,
                                                  own.id) AS k
                 FROM own
                WHERE own.archived_at IS NULL
                  AND NOT EXISTS (SELECT FROM same_time AS t WHERE t.known_id = own.id)
           ) AS still_there
        ON still_there.release_id = left_over.release_id AND still_there.k = left_over.k
     WHERE still_there.instance IS NULL
        OR left_over.instance IS NULL
),
pair AS (
    SELECT n.seq, n.known_id, n.is_other
      FROM named AS n
     UNION ALL
    SELECT t.seq, t.known_id, false
      FROM same_time AS t
     UNION ALL
    SELECT t.seq, t.known_id, false
      FROM other_time AS t
),
judged AS (
    SELECT g.seq, g.place, g.note, g.source_id, g.release, g.release_id, g.folder, g.folder_id,
           c.id AS known_id,
           CASE WHEN p.is_other THEN 'discogsInstanceId: a copy of another release has it'
                ELSE g.problem END AS problem,
           CASE WHEN holder.id IS NOT NULL
                THEN 'discogsInstanceId: left out; another copy has it' END AS instance_note,
           nullif(jsonb_strip_nulls(jsonb_build_object(
               'folderId', CASE WHEN g.folder_id <> c.folder_id
                                THEN jsonb_build_array(c.folder_id, g.folder_id) END,
               'discogsInstanceId',
                   CASE WHEN g.instance IS DISTINCT FROM c.discogs_instance_id
                         AND g.instance IS NOT NULL
                         AND holder.id IS NULL
                        THEN jsonb_build_array(c.discogs_instance_id, g.instance) END,
               'rating', CASE WHEN g.rating NOT IN (0, c.rating)
                              THEN jsonb_build_array(c.rating, g.rating) END,
               'mediaCondition', CASE WHEN g.media IS DISTINCT FROM c.media_condition::text
                                       AND g.media IS NOT NULL
                                      THEN jsonb_build_array(c.media_condition, g.media) END,
               'sleeveCondition', CASE WHEN g.sleeve IS DISTINCT FROM c.sleeve_condition::text
                                        AND g.sleeve IS NOT NULL
                                       THEN jsonb_build_array(c.sleeve_condition, g.sleeve) END,
               'notes', CASE WHEN g.notes IS DISTINCT FROM c.notes AND g.notes IS NOT NULL
                             THEN jsonb_build_array(c.notes, g.notes) END,
               'customFields', CASE WHEN NOT c.custom_fields @> g.custom_fields
                                    THEN jsonb_build_array(c.custom_fields,
                                                           c.custom_fields || g.custom_fields)
                                    END,
               'addedAt', CASE WHEN date_trunc('second', g.added_at)
                                    <> date_trunc('second', c.added_at)
                               THEN jsonb_build_array(c.added_at, g.added_at) END,
               'archivedAt', CASE WHEN g.archived_at IS NOT NULL AND c.archived_at IS NULL
                                  THEN jsonb_build_array(c.archived_at, g.archived_at) END,
               'archiveReason', CASE WHEN g.archived_at IS NOT NULL AND c.archived_at IS NULL
                                      AND g.archive_reason IS NOT NULL
                                     THEN jsonb_build_array(c.archive_reason, g.archive_reason)
                                     END
           )), '{}') AS changes
      FROM given AS g
      LEFT JOIN pair AS p
        ON p.seq = g.seq
      LEFT JOIN user_releases AS c
        ON c.user_id = :user_id::uuid AND c.id = p.known_id
      LEFT JOIN user_releases AS holder
        ON holder.user_id = :user_id::uuid AND holder.discogs_instance_id = g.instance
       AND holder.id <> c.id
)
INSERT INTO import_rows (
    user_id, run_id, seq, target_id, kind, verdict, place, source_id, reason, changes
)
SELECT :user_id::uuid, :run_id::uuid, j.seq,
       CASE WHEN j.problem IS NULL AND j.release_id IS NOT NULL
            THEN coalesce(j.known_id, uuidv7()) END,
       'copy',
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
            ELSE nullif(concat_ws('; ', j.note, j.instance_note,
                                  CASE WHEN j.folder IS NOT NULL AND j.folder_id IS NULL
                                       THEN concat('folder ', j.folder, ' is not in the file, or'
                                                   ' was refused') END), '') END,
       CASE WHEN j.problem IS NULL AND j.known_id IS NOT NULL THEN j.changes END
  FROM judged AS j
 ORDER BY j.seq;

-- name: insert_preferences_verdicts(user_id, run_id)!
-- Preferences: those that the user never set are taken, of others the user's own stay.
--
-- Returns: the number of records.
-- Index:   import_chunks_pkey, import_runs_pkey, user_preferences_pkey.
-- Cost:    at most 19 buffers.
-- Locks:   new rows only.
WITH judged AS (
    SELECT g.seq, g.place, g.problem, g.note,
           (SELECT jsonb_object_agg(given.key, jsonb_build_array(mine.value, given.value))
              FROM jsonb_each(g.preferences) AS given (key, value)
              LEFT JOIN jsonb_each(u.preferences) AS mine (key, value)
                ON mine.key = given.key
             WHERE mine.value IS DISTINCT FROM given.value) AS changes,
           coalesce(g.preferences - ARRAY(SELECT jsonb_object_keys(u.preferences)), '{}') <> '{}'
               AS has_new
      FROM import_runs AS r
      JOIN import_chunks AS c
        ON c.user_id = :user_id::uuid AND c.run_id = r.id AND c.kind = 'preferences'
     CROSS JOIN LATERAL jsonb_to_recordset(c.items) AS g (
               seq int, place text, problem text, note text, preferences jsonb
           )
      LEFT JOIN user_preferences AS u
        ON u.user_id = :user_id::uuid
     WHERE r.user_id = :user_id::uuid
       AND r.id = :run_id::uuid
)
INSERT INTO import_rows (user_id, run_id, seq, kind, verdict, place, reason, changes)
SELECT :user_id::uuid, :run_id::uuid, j.seq, 'preferences',
       CASE WHEN j.problem IS NOT NULL THEN 'invalid'
            WHEN j.has_new THEN 'new'
            WHEN j.changes IS NULL THEN 'known'
            ELSE 'changed' END,
       j.place, coalesce(j.problem, j.note),
       CASE WHEN j.problem IS NULL THEN j.changes END
  FROM judged AS j
 ORDER BY j.seq;
