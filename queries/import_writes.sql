-- What the verdicts on an imported file lead to: rows that are added, and with updates changed.
-- Tables: folders, styluses, user_releases, play_history, cleaning_history, user_preferences,
--         id_map; import_rows, import_chunks, import_runs; releases, stylus_models, tracks.
--
-- All is one transaction, in the order of the references; releases have been added before
-- (import_releases.sql).

-- name: upsert_ids(user_id, run_id)!
-- Remember which row each record of the source became, so that the next file finds it.
--
-- Releases with a number of Discogs' are found by that.
--
-- Returns: the number of ids written.
-- Index:   import_rows_source_idx or import_rows_pkey, import_runs_pkey, id_map_pkey,
--          releases_pkey.
-- Cost:    at most 14 buffers.
-- Locks:   the rows, in the order of their keys.
INSERT INTO id_map AS m (user_id, source, kind, old_id, new_id)
SELECT :user_id::uuid, r.source_key, w.kind, w.source_id, w.target_id
  FROM import_runs AS r
  JOIN import_rows AS w
    ON w.user_id = :user_id::uuid AND w.run_id = r.id
 WHERE r.user_id = :user_id::uuid
   AND r.id = :run_id::uuid
   AND w.source_id IS NOT NULL
   AND w.target_id IS NOT NULL
   AND w.discogs_id IS NULL
   AND w.source_id <> w.target_id::text
   AND (w.kind <> 'release' OR EXISTS (SELECT FROM releases AS e WHERE e.id = w.target_id))
 ORDER BY w.kind, w.source_id
    ON CONFLICT (user_id, source, kind, old_id) DO UPDATE
   SET new_id = excluded.new_id
 WHERE m.new_id <> excluded.new_id;

-- name: insert_folders(user_id, run_id, now)!
-- The folders that the user lacks, with their numbers where those are free, else with the next.
--
-- Returns: the number of folders.
-- Index:   import_chunks_pkey, import_rows_pkey, folders_user_id_number_key.
-- Cost:    at most 13 buffers.
-- Locks:   the new rows; folders.lock_folders was called.
WITH given AS (
    SELECT g.seq, w.target_id, g.name,
           CASE WHEN g.number > 1
                 AND row_number() OVER (PARTITION BY g.number ORDER BY g.seq) = 1
                 AND NOT EXISTS (SELECT FROM folders AS f
                                  WHERE f.user_id = :user_id::uuid AND f.number = g.number)
                THEN g.number END AS number
      FROM import_chunks AS c
     CROSS JOIN LATERAL jsonb_to_recordset(c.items) AS g (seq int, name text, number int)
      JOIN import_rows AS w
        ON w.user_id = :user_id::uuid AND w.run_id = :run_id::uuid AND w.seq = g.seq
     WHERE c.user_id = :user_id::uuid
       AND c.run_id = :run_id::uuid
       AND c.kind = 'folder'
       AND w.verdict = 'new'
),
highest AS (
    SELECT greatest((SELECT max(f.number) FROM folders AS f WHERE f.user_id = :user_id::uuid),
                    (SELECT max(g.number) FROM given AS g), 1) AS number
)
INSERT INTO folders (user_id, id, number, name, created_at, updated_at)
SELECT :user_id::uuid, g.target_id,
       coalesce(g.number,
                highest.number + row_number() OVER (PARTITION BY g.number IS NULL
                                                    ORDER BY g.seq)),
       g.name, :now::timestamptz, :now
  FROM given AS g
 CROSS JOIN highest
 ORDER BY g.seq;

-- name: insert_styluses(user_id, run_id, now)!
-- The styluses that the user lacks; of those that would be primary one is, where there is none yet.
--
-- Returns: the number of styluses.
-- Index:   import_chunks_pkey, import_rows_pkey, stylus_models_manufacturer_name_key,
--          styluses_user_primary_key.
-- Cost:    at most 13 buffers.
-- Locks:   the new rows.
INSERT INTO styluses (
    user_id, id, model_id, name, manufacturer, cartridge_type, expected_lifespan_hours,
    purchase_date, install_date, active, is_primary, owned, created_at, updated_at
)
SELECT :user_id::uuid, w.target_id, m.id, g.name, g.manufacturer, g."cartridgeType",
       g."expectedLifespanHours", g."purchaseDate", g."installDate", coalesce(g.active, true),
       coalesce(g."isPrimary", false)
           AND row_number() OVER (PARTITION BY coalesce(g."isPrimary", false) ORDER BY g.seq) = 1
           AND NOT EXISTS (SELECT FROM styluses AS s
                            WHERE s.user_id = :user_id::uuid AND s.is_primary),
       coalesce(g.owned, true), :now::timestamptz, :now
  FROM import_chunks AS c
 CROSS JOIN LATERAL jsonb_to_recordset(c.items) AS g (
           seq int, name text, manufacturer text, "cartridgeType" text, model jsonb,
           "expectedLifespanHours" int, "purchaseDate" date, "installDate" date, active boolean,
           "isPrimary" boolean, owned boolean
       )
  JOIN import_rows AS w
    ON w.user_id = :user_id::uuid AND w.run_id = :run_id::uuid AND w.seq = g.seq
  LEFT JOIN stylus_models AS m
    ON m.manufacturer = g.model ->> 0 AND m.name = g.model ->> 1
 WHERE c.user_id = :user_id::uuid
   AND c.run_id = :run_id::uuid
   AND c.kind = 'stylus'
   AND w.verdict = 'new'
 ORDER BY g.seq;

-- name: insert_copies(user_id, run_id, now)!
-- The copies that the user lacks; without a folder they go to number 1, without a time they were
-- added when the run began.
--
-- Returns: the number of copies.
-- Index:   import_chunks_pkey, import_rows_pkey, import_rows_source_idx, import_runs_pkey,
--          folders_user_id_number_key.
-- Cost:    at most 13 buffers.
-- Locks:   the new rows. An instance that came in the meantime is refused
--          (user_releases_user_id_instance_key, 23505).
INSERT INTO user_releases (
    user_id, id, release_id, folder_id, discogs_instance_id, rating, media_condition,
    sleeve_condition, notes, custom_fields, added_at, archived_at, archive_reason, created_at,
    updated_at
)
SELECT :user_id::uuid, w.target_id, rel.target_id, coalesce(fol.target_id, first.id),
       g."discogsInstanceId", coalesce(g.rating, 0), g."mediaCondition"::media_condition,
       g."sleeveCondition"::sleeve_condition, g.notes, coalesce(g."customFields", '{}'),
       coalesce(g."addedAt", r.created_at), g."archivedAt", g."archiveReason",
       :now::timestamptz, :now
  FROM import_runs AS r
  JOIN folders AS first
    ON first.user_id = :user_id::uuid AND first.number = 1
  JOIN import_chunks AS c
    ON c.user_id = :user_id::uuid AND c.run_id = r.id AND c.kind = 'copy'
 CROSS JOIN LATERAL jsonb_to_recordset(c.items) AS g (
           seq int, "releaseId" text, "folderId" text, "discogsInstanceId" bigint, rating int,
           "mediaCondition" text, "sleeveCondition" text, notes text, "customFields" jsonb,
           "addedAt" timestamptz, "archivedAt" timestamptz, "archiveReason" text
       )
  JOIN import_rows AS w
    ON w.user_id = :user_id::uuid AND w.run_id = r.id AND w.seq = g.seq
  JOIN import_rows AS rel
    ON rel.user_id = :user_id::uuid AND rel.run_id = r.id AND rel.kind = 'release'
   AND rel.source_id = g."releaseId"
  LEFT JOIN import_rows AS fol
    ON fol.user_id = :user_id::uuid AND fol.run_id = r.id AND fol.kind = 'folder'
   AND fol.source_id = g."folderId"
 WHERE r.user_id = :user_id::uuid
   AND r.id = :run_id::uuid
   AND w.verdict = 'new'
 ORDER BY g.seq;

-- name: insert_plays(user_id, run_id, now)!
-- The plays that the user lacks; what is not timed is estimated as plays.insert_play does.
--
-- A copy is kept where it is one of the release that was played.
--
-- Returns: the number of plays.
-- Index:   import_chunks_pkey, import_rows_pkey, import_rows_source_idx, releases_pkey,
--          tracks_pkey, user_releases_pkey or user_releases_user_release_idx.
-- Cost:    at most 13 buffers.
-- Locks:   the new rows.
INSERT INTO play_history (
    user_id, id, release_id, user_release_id, stylus_id, played_at, duration_seconds,
    duration_estimated, side, notes, created_at, updated_at
)
SELECT :user_id::uuid, w.target_id, rel.target_id, c.id, stylus.target_id, g."playedAt",
       coalesce(g."durationSeconds", estimate.seconds),
       g."durationSeconds" IS NULL OR coalesce(g."durationEstimated", false), g.side, g.notes,
       :now::timestamptz, :now
  FROM import_chunks AS k
 CROSS JOIN LATERAL jsonb_to_recordset(k.items) AS g (
           seq int, "releaseId" text, "playedAt" timestamptz, "copyId" text, "stylusId" text,
           "durationSeconds" int, "durationEstimated" boolean, side text, notes text
       )
  JOIN import_rows AS w
    ON w.user_id = :user_id::uuid AND w.run_id = :run_id::uuid AND w.seq = g.seq
  JOIN import_rows AS rel
    ON rel.user_id = :user_id::uuid AND rel.run_id = :run_id::uuid AND rel.kind = 'release'
   AND rel.source_id = g."releaseId"
  LEFT JOIN import_rows AS copy
    ON copy.user_id = :user_id::uuid AND copy.run_id = :run_id::uuid AND copy.kind = 'copy'
   AND copy.source_id = g."copyId"
  LEFT JOIN user_releases AS c
    ON c.user_id = :user_id::uuid AND c.id = copy.target_id AND c.release_id = rel.target_id
  LEFT JOIN import_rows AS stylus
    ON stylus.user_id = :user_id::uuid AND stylus.run_id = :run_id::uuid
   AND stylus.kind = 'stylus' AND stylus.source_id = g."stylusId"
  LEFT JOIN LATERAL (
           SELECT least(
                      CASE WHEN g.side IS NULL THEN coalesce(r.play_duration, 2400)
                           ELSE coalesce(side.seconds,
                                         coalesce(r.play_duration, 2400) / side.sides) END,
                      172800
                  ) AS seconds
             FROM releases AS r
            CROSS JOIN LATERAL (
                      SELECT sum(line.seconds) FILTER (WHERE line.side = g.side) AS seconds,
                             greatest(count(DISTINCT line.side)
                                          + (NOT coalesce(bool_or(line.side = g.side), false))::int,
                                      CASE WHEN count(line.side) = 0 THEN 2 END) AS sides
                        FROM (
                                 SELECT side_of(t.position) AS side,
                                        nullif(t.duration_seconds, 0) AS seconds
                                   FROM tracks AS t
                                   LEFT JOIN tracks AS parent
                                     ON parent.release_id = rel.target_id
                                    AND parent.seq = t.parent_seq
                                  WHERE t.release_id = rel.target_id
                                    AND t.type <> 'heading'
                                    AND g.side IS NOT NULL
                                    AND coalesce(parent.duration_seconds, 0) = 0
                             ) AS line
                  ) AS side
            WHERE r.id = rel.target_id
              AND g."durationSeconds" IS NULL
            LIMIT 1
       ) AS estimate
    ON true
 WHERE k.user_id = :user_id::uuid
   AND k.run_id = :run_id::uuid
   AND k.kind = 'play'
   AND w.verdict = 'new'
 ORDER BY g.seq;

-- name: insert_cleanings(user_id, run_id, now)!
-- The cleanings that the user lacks; a copy is kept where it is one of the release.
--
-- Returns: the number of cleanings.
-- Index:   import_chunks_pkey, import_rows_pkey, import_rows_source_idx, user_releases_pkey or
--          user_releases_user_release_idx.
-- Cost:    at most 13 buffers.
-- Locks:   the new rows.
INSERT INTO cleaning_history (
    user_id, id, release_id, user_release_id, cleaned_at, deep, notes, created_at, updated_at
)
SELECT :user_id::uuid, w.target_id, rel.target_id, c.id, g."cleanedAt", coalesce(g.deep, false),
       g.notes, :now::timestamptz, :now
  FROM import_chunks AS k
 CROSS JOIN LATERAL jsonb_to_recordset(k.items) AS g (
           seq int, "releaseId" text, "cleanedAt" timestamptz, "copyId" text, deep boolean,
           notes text
       )
  JOIN import_rows AS w
    ON w.user_id = :user_id::uuid AND w.run_id = :run_id::uuid AND w.seq = g.seq
  JOIN import_rows AS rel
    ON rel.user_id = :user_id::uuid AND rel.run_id = :run_id::uuid AND rel.kind = 'release'
   AND rel.source_id = g."releaseId"
  LEFT JOIN import_rows AS copy
    ON copy.user_id = :user_id::uuid AND copy.run_id = :run_id::uuid AND copy.kind = 'copy'
   AND copy.source_id = g."copyId"
  LEFT JOIN user_releases AS c
    ON c.user_id = :user_id::uuid AND c.id = copy.target_id AND c.release_id = rel.target_id
 WHERE k.user_id = :user_id::uuid
   AND k.run_id = :run_id::uuid
   AND k.kind = 'cleaning'
   AND w.verdict = 'new'
 ORDER BY g.seq;

-- name: upsert_preferences(user_id, run_id, now)!
-- What the file says of preferences that the user never set.
--
-- Returns: the number of rows written, 0 or 1.
-- Index:   import_chunks_pkey, import_rows_pkey, user_preferences_pkey.
-- Cost:    at most 13 buffers.
-- Locks:   the row.
INSERT INTO user_preferences AS u (user_id, preferences, updated_at)
SELECT :user_id::uuid, g.preferences, :now::timestamptz
  FROM import_chunks AS c
 CROSS JOIN LATERAL jsonb_to_recordset(c.items) AS g (seq int, preferences jsonb)
  JOIN import_rows AS w
    ON w.user_id = :user_id::uuid AND w.run_id = :run_id::uuid AND w.seq = g.seq
 WHERE c.user_id = :user_id::uuid
   AND c.run_id = :run_id::uuid
   AND c.kind = 'preferences'
   AND w.verdict IN ('new', 'changed')
 ORDER BY g.seq
 LIMIT 1
    ON CONFLICT (user_id) DO UPDATE
   SET preferences = excluded.preferences || u.preferences,
       updated_at = excluded.updated_at;

-- name: update_preferences(user_id, run_id, now)!
-- Preferences, to what the file says of them.
--
-- Returns: the number of rows, 0 or 1.
-- Index:   import_chunks_pkey, import_rows_pkey, user_preferences_pkey.
-- Cost:    at most 22 buffers.
-- Locks:   the row.
WITH given AS MATERIALIZED (
    SELECT g.preferences
      FROM import_chunks AS c
     CROSS JOIN LATERAL jsonb_to_recordset(c.items) AS g (seq int, preferences jsonb)
      JOIN import_rows AS w
        ON w.user_id = :user_id::uuid AND w.run_id = :run_id::uuid AND w.seq = g.seq
     WHERE c.user_id = :user_id::uuid
       AND c.run_id = :run_id::uuid
       AND c.kind = 'preferences'
       AND w.verdict IN ('new', 'changed')
     ORDER BY g.seq
     LIMIT 1
)
UPDATE user_preferences AS u
   SET preferences = u.preferences || given.preferences,
       updated_at = :now::timestamptz
  FROM given
 WHERE u.user_id = :user_id::uuid;

-- name: update_folders(user_id, run_id, now)!
-- Folders that the file calls otherwise, where that name is free.
--
-- Returns: the number of folders.
-- Index:   import_rows_pkey, folders_pkey, folders_user_name_key.
-- Cost:    at most 22 buffers.
-- Locks:   the rows.
WITH renamed AS (
    SELECT DISTINCT ON (lower((w.changes -> 'name' ->> 1) COLLATE "pg_c_utf8")) w.target_id,
           w.changes -> 'name' ->> 1 AS name
      FROM import_rows AS w
     WHERE w.user_id = :user_id::uuid
       AND w.run_id = :run_id::uuid
       AND w.kind = 'folder'
       AND w.verdict = 'changed'
     ORDER BY lower((w.changes -> 'name' ->> 1) COLLATE "pg_c_utf8"), w.seq
)
UPDATE folders AS f
   SET name = e.name,
       updated_at = :now::timestamptz
  FROM renamed AS e
 WHERE f.user_id = :user_id::uuid
   AND f.id = e.target_id
   AND NOT EXISTS (SELECT FROM folders AS other
                    WHERE other.user_id = :user_id::uuid
                      AND other.id <> f.id
                      AND lower(other.name COLLATE "pg_c_utf8")
                          = lower(e.name COLLATE "pg_c_utf8"));

-- name: update_styluses(user_id, run_id, now)!
-- Styluses, to what the file says of them.
--
-- Returns: the number of styluses.
-- Index:   import_rows_pkey, styluses_pkey.
-- Cost:    at most 22 buffers.
-- Locks:   the rows.
WITH given AS MATERIALIZED (
    SELECT w.target_id, w.changes, (w.changes -> 'purchaseDate' ->> 1)::date AS purchase_date,
           (w.changes -> 'installDate' ->> 1)::date AS install_date
      FROM import_rows AS w
     WHERE w.user_id = :user_id::uuid
       AND w.run_id = :run_id::uuid
       AND w.kind = 'stylus'
       AND w.verdict = 'changed'
)
UPDATE styluses AS s
   SET name = coalesce(g.changes -> 'name' ->> 1, s.name),
       manufacturer = coalesce(g.changes -> 'manufacturer' ->> 1, s.manufacturer),
       cartridge_type = coalesce(g.changes -> 'cartridgeType' ->> 1, s.cartridge_type),
       expected_lifespan_hours = coalesce((g.changes -> 'expectedLifespanHours' ->> 1)::int,
                                          s.expected_lifespan_hours),
       purchase_date = coalesce(g.purchase_date, s.purchase_date),
       install_date = coalesce(g.install_date, s.install_date),
       updated_at = :now::timestamptz
  FROM given AS g
 WHERE s.user_id = :user_id::uuid
   AND s.id = g.target_id;

-- name: update_copies(user_id, run_id, now)!
-- Copies, to what the file says of them.
--
-- Returns: the number of copies.
-- Index:   import_rows_pkey, user_releases_pkey.
-- Cost:    at most 22 buffers.
-- Locks:   the rows. An instance that came in the meantime is refused
--          (user_releases_user_id_instance_key, 23505).
WITH given AS MATERIALIZED (
    SELECT w.target_id, w.changes,
           (w.changes -> 'mediaCondition' ->> 1)::media_condition AS media_condition,
           (w.changes -> 'sleeveCondition' ->> 1)::sleeve_condition AS sleeve_condition,
           (w.changes -> 'addedAt' ->> 1)::timestamptz AS added_at,
           (w.changes -> 'archivedAt' ->> 1)::timestamptz AS archived_at
      FROM import_rows AS w
     WHERE w.user_id = :user_id::uuid
       AND w.run_id = :run_id::uuid
       AND w.kind = 'copy'
       AND w.verdict = 'changed'
)
UPDATE user_releases AS c
   SET folder_id = coalesce((g.changes -> 'folderId' ->> 1)::uuid, c.folder_id),
       discogs_instance_id = coalesce((g.changes -> 'discogsInstanceId' ->> 1)::bigint,
                                      c.discogs_instance_id),
       rating = coalesce((g.changes -> 'rating' ->> 1)::smallint, c.rating),
       media_condition = coalesce(g.media_condition, c.media_condition),
       sleeve_condition = coalesce(g.sleeve_condition, c.sleeve_condition),
       notes = coalesce(g.changes -> 'notes' ->> 1, c.notes),
       custom_fields = coalesce(g.changes -> 'customFields' -> 1, c.custom_fields),
       added_at = coalesce(g.added_at, c.added_at),
       archived_at = coalesce(g.archived_at, c.archived_at),
       archive_reason = coalesce(g.changes -> 'archiveReason' ->> 1, c.archive_reason),
       updated_at = :now::timestamptz
  FROM given AS g
 WHERE c.user_id = :user_id::uuid
   AND c.id = g.target_id;

-- name: update_plays(user_id, run_id, now)!
-- Plays, to what the file says of them.
--
-- Returns: the number of plays.
-- Index:   import_rows_pkey, play_history_pkey.
-- Cost:    at most 22 buffers.
-- Locks:   the rows.
WITH given AS MATERIALIZED (
    SELECT w.target_id, w.changes, (w.changes -> 'playedAt' ->> 1)::timestamptz AS played_at
      FROM import_rows AS w
     WHERE w.user_id = :user_id::uuid
       AND w.run_id = :run_id::uuid
       AND w.kind = 'play'
       AND w.verdict = 'changed'
)
UPDATE play_history AS p
   SET played_at = coalesce(g.played_at, p.played_at),
       stylus_id = coalesce((g.changes -> 'stylusId' ->> 1)::uuid, p.stylus_id),
       duration_seconds = coalesce((g.changes -> 'durationSeconds' ->> 1)::int,
                                   p.duration_seconds),
       duration_estimated = p.duration_estimated AND NOT g.changes ? 'durationSeconds',
       side = coalesce(g.changes -> 'side' ->> 1, p.side),
       notes = coalesce(g.changes -> 'notes' ->> 1, p.notes),
       updated_at = :now::timestamptz
  FROM given AS g
 WHERE p.user_id = :user_id::uuid
   AND p.id = g.target_id;

-- name: update_cleanings(user_id, run_id, now)!
-- Cleanings, to what the file says of them.
--
-- Returns: the number of cleanings.
-- Index:   import_rows_pkey, cleaning_history_pkey.
-- Cost:    at most 22 buffers.
-- Locks:   the rows.
WITH given AS MATERIALIZED (
    SELECT w.target_id, w.changes, (w.changes -> 'cleanedAt' ->> 1)::timestamptz AS cleaned_at
      FROM import_rows AS w
     WHERE w.user_id = :user_id::uuid
       AND w.run_id = :run_id::uuid
       AND w.kind = 'cleaning'
       AND w.verdict = 'changed'
)
UPDATE cleaning_history AS h
   SET cleaned_at = coalesce(g.cleaned_at, h.cleaned_at),
       deep = coalesce((g.changes -> 'deep' ->> 1)::boolean, h.deep),
       notes = coalesce(g.changes -> 'notes' ->> 1, h.notes),
       updated_at = :now::timestamptz
  FROM given AS g
 WHERE h.user_id = :user_id::uuid
   AND h.id = g.target_id;
