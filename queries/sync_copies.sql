-- How what a sync has read of a shelf at Discogs becomes the user's shelf here.
-- Tables: sync_items, user_releases, discogs_copies, folders; play_history and cleaning_history of
--         copies that become another release's.
--
-- Three sides are compared field by field: here (the copy), there (Discogs now), known (what
-- Discogs said when last synced). Where only one side changed it counts, where both did the user
-- wins and the run reports it. Of a copy that was never synced an empty field counts as unchanged.
-- A run writes in one transaction what all its pages said; folders come first, copies after them.

-- name: update_items_matched(user_id, run_id)!
-- Find each item's copy: by its instance, else one of the same release that is free.
--
-- Of a release's copies without an instance, or whose instance is gone (a record that is added
-- again at Discogs gets a new one), those on the shelf come first, then those that were archived
-- because they were gone, then archived ones that never had an instance; among equals copies and
-- items are paired in the order in which they were added. Each copy is given to one item. A record
-- that was sold or given away and is bought again is another copy: one that was archived for such a
-- reason is found by its instance, and where it has none, by items from before it was archived.
--
-- Returns: the number of items that have a copy.
-- Index:   sync_items_pkey, user_releases_user_added_idx or another one that starts with the user,
--          discogs_copies_pkey.
-- Cost:    at most 11 buffers.
-- Locks:   the items.
WITH known AS (
    SELECT i.instance_id, c.id AS copy_id
      FROM sync_items AS i
      JOIN user_releases AS c
        ON c.user_id = :user_id::uuid AND c.discogs_instance_id = i.instance_id
     WHERE i.user_id = :user_id::uuid
       AND i.run_id = :run_id::uuid
),
unknown AS (
    SELECT i.instance_id, i.release_id, i.added_at,
           row_number() OVER (PARTITION BY i.release_id
                              ORDER BY i.added_at, i.instance_id) AS nth
      FROM sync_items AS i
     WHERE i.user_id = :user_id::uuid
       AND i.run_id = :run_id::uuid
       AND NOT EXISTS (SELECT FROM known AS k WHERE k.instance_id = i.instance_id)
),
free AS (
    SELECT c.id, c.release_id,
           CASE WHEN c.archive_reason IS DISTINCT FROM 'removed at Discogs'
                THEN c.archived_at END AS given_up_at,
           row_number() OVER (
               PARTITION BY c.release_id
               ORDER BY CASE WHEN c.archived_at IS NULL THEN 1
                             WHEN c.archive_reason = 'removed at Discogs' THEN 2
                             ELSE 3
                        END,
                        c.added_at, c.id
           ) AS nth
      FROM user_releases AS c
      LEFT JOIN discogs_copies AS b
        ON b.user_id = :user_id::uuid AND b.id = c.id
     WHERE c.user_id = :user_id::uuid
       AND (c.discogs_instance_id IS NULL
            OR (NOT b.present AND c.archived_at IS NULL)
            OR c.archive_reason = 'removed at Discogs')
       AND NOT EXISTS (SELECT FROM known AS k WHERE k.copy_id = c.id)
),
matched AS (
    SELECT k.instance_id, k.copy_id, false AS is_adopted
      FROM known AS k
     UNION ALL
    SELECT u.instance_id, f.id, true
      FROM unknown AS u
      JOIN free AS f
        ON f.release_id = u.release_id AND f.nth = u.nth
     WHERE NOT coalesce(u.added_at > f.given_up_at, false)
)
UPDATE sync_items AS i
   SET copy_id = m.copy_id,
       is_adopted = m.is_adopted
  FROM matched AS m
 WHERE i.user_id = :user_id::uuid
   AND i.run_id = :run_id::uuid
   AND i.instance_id = m.instance_id;

-- name: update_items_merged(user_id, run_id)!
-- Decide what becomes of each item: which side counts in which field.
--
-- When a copy was added is kept to the second by Discogs and not at all by its CSV, which has no
-- zone: of a copy that was never synced, a time that is Discogs' but for a zone, and one that was
-- only the clock's when the copy was typed in, count as unchanged.
--
-- Returns: the number of items.
-- Index:   sync_items_pkey, user_releases_pkey, folders_pkey, discogs_copies_pkey.
-- Cost:    at most 11 buffers.
-- Locks:   the items.
WITH side AS (
    SELECT i.instance_id, c.updated_at, i.is_adopted,
           i.release_id IS NOT NULL AND i.release_id <> c.release_id AS is_other_release,
           c.archived_at IS NOT NULL
               AND c.archive_reason = 'removed at Discogs'
               AND NOT coalesce(b.present, false) AS is_returning,
           field.kind, field.name, field.here, field.known, field.there
      FROM sync_items AS i
      JOIN user_releases AS c
        ON c.user_id = :user_id::uuid AND c.id = i.copy_id
      JOIN folders AS f
        ON f.user_id = :user_id::uuid AND f.id = c.folder_id
      LEFT JOIN discogs_copies AS b
        ON b.user_id = :user_id::uuid AND b.id = c.id AND NOT i.is_adopted
     CROSS JOIN LATERAL (
               SELECT 'own' AS kind, own.name, own.here, own.known, own.there
                 FROM (VALUES
                          ('folderId', to_jsonb(f.number), to_jsonb(coalesce(b.folder_number, 1)),
                           to_jsonb(i.folder_number)),
                          ('rating', to_jsonb(c.rating), to_jsonb(coalesce(b.rating, 0)),
                           to_jsonb(i.rating)),
                          ('mediaCondition', to_jsonb(c.media_condition::text),
                           to_jsonb(b.media_condition), to_jsonb(i.media_condition)),
                          ('sleeveCondition', to_jsonb(c.sleeve_condition::text),
                           to_jsonb(b.sleeve_condition), to_jsonb(i.sleeve_condition)),
                          ('notes', to_jsonb(c.notes), to_jsonb(b.notes), to_jsonb(i.notes)),
                          ('addedAt', to_jsonb(c.added_at AT TIME ZONE 'UTC'),
                           to_jsonb(CASE WHEN b.added_at IS NOT NULL THEN b.added_at
                                         WHEN c.added_at = c.created_at THEN c.added_at
                                         WHEN abs(extract(epoch FROM c.added_at - i.added_at))
                                              <= 26 * 3600
                                         THEN c.added_at
                                    END AT TIME ZONE 'UTC'),
                           to_jsonb(coalesce(i.added_at, b.added_at, c.added_at)
                                    AT TIME ZONE 'UTC'))
                      ) AS own (name, here, known, there)
                UNION ALL
               SELECT 'custom', key.name, c.custom_fields -> key.name,
                      b.custom_fields -> key.name, i.custom_fields -> key.name
                 FROM jsonb_object_keys(
                          c.custom_fields || coalesce(b.custom_fields, '{}') || i.custom_fields
                      ) AS key (name)
           ) AS field
     WHERE i.user_id = :user_id::uuid
       AND i.run_id = :run_id::uuid
),
decided AS (
    SELECT s.instance_id, s.updated_at, s.is_adopted, s.is_other_release, s.is_returning,
           s.kind, s.name, s.here,
           CASE WHEN s.here IS NOT DISTINCT FROM s.known THEN s.there ELSE s.here
           END AS merged,
           s.here IS DISTINCT FROM s.known
               AND s.there IS DISTINCT FROM s.known
               AND s.here IS DISTINCT FROM s.there AS is_conflict
      FROM side AS s
),
outcome AS (
    SELECT d.instance_id, d.updated_at, d.is_adopted, d.is_other_release, d.is_returning,
           jsonb_object_agg(d.name, d.merged) FILTER (WHERE d.kind = 'own') AS merged,
           jsonb_object_agg(d.name, d.merged)
               FILTER (WHERE d.kind = 'custom' AND d.merged IS NOT NULL) AS merged_custom,
           array_agg(CASE WHEN d.kind = 'own' THEN d.name ELSE 'customFields.' || d.name END
                     ORDER BY d.kind DESC, d.name) FILTER (WHERE d.is_conflict) AS conflicts,
           bool_or(d.merged IS DISTINCT FROM d.here) AS is_changing
      FROM decided AS d
     GROUP BY d.instance_id, d.updated_at, d.is_adopted, d.is_other_release, d.is_returning
)
UPDATE sync_items AS i
   SET seen_updated_at = o.updated_at,
       merged = o.merged,
       merged_custom = coalesce(o.merged_custom, '{}'),
       conflicts = coalesce(o.conflicts, '{}'),
       verdict = CASE WHEN o.instance_id IS NULL THEN 'new'
                      WHEN o.is_returning THEN 'returned'
                      WHEN o.is_adopted THEN 'adopted'
                      WHEN o.is_changing OR o.is_other_release THEN 'changed'
                      ELSE 'unchanged'
                 END
  FROM sync_items AS every
  LEFT JOIN outcome AS o
    ON o.instance_id = every.instance_id
 WHERE every.user_id = :user_id::uuid
   AND every.run_id = :run_id::uuid
   AND i.user_id = :user_id::uuid
   AND i.run_id = :run_id::uuid
   AND i.instance_id = every.instance_id;

-- name: get_verdicts(user_id, run_id)^
-- How many items become what, and how many copies have vanished from Discogs.
--
-- Returns: 0..1 rows Verdicts.
-- Index:   sync_items_pkey, user_releases_user_id_instance_key, discogs_copies_pkey.
-- Cost:    at most 6 buffers.
-- Locks:   none.
SELECT count(*) AS items,
       count(*) FILTER (WHERE i.verdict = 'new') AS added,
       count(*) FILTER (WHERE i.verdict = 'adopted') AS adopted,
       count(*) FILTER (WHERE i.verdict = 'changed') AS changed,
       count(*) FILTER (WHERE i.verdict = 'returned') AS returned,
       count(*) FILTER (WHERE i.verdict = 'unchanged') AS unchanged,
       count(*) FILTER (WHERE i.conflicts <> '{}') AS conflicts,
       (
           SELECT count(*)
             FROM user_releases AS c
             LEFT JOIN discogs_copies AS b
               ON b.user_id = :user_id::uuid AND b.id = c.id
            WHERE c.user_id = :user_id::uuid
              AND c.discogs_instance_id IS NOT NULL
              AND c.archived_at IS NULL
              AND coalesce(b.present, true)
              AND NOT EXISTS (
                      SELECT FROM sync_items AS found
                       WHERE found.user_id = :user_id::uuid
                         AND found.run_id = :run_id::uuid
                         AND found.instance_id = c.discogs_instance_id
                  )
              AND NOT EXISTS (
                      SELECT FROM sync_items AS taken
                       WHERE taken.user_id = :user_id::uuid
                         AND taken.run_id = :run_id::uuid
                         AND taken.copy_id = c.id
                  )
       ) AS vanished
  FROM sync_items AS i
 WHERE i.user_id = :user_id::uuid
   AND i.run_id = :run_id::uuid;

-- name: get_conflicts(user_id, run_id)^
-- The copies that changed on both sides, with the fields in which the user's side was kept.
--
-- Returns: 0..1 rows Raw: a JSON array of at most 200.
-- Index:   sync_items_pkey.
-- Cost:    at most 3 buffers.
-- Locks:   none.
SELECT coalesce(json_agg(json_build_object(
           'copyId', i.copy_id, 'instanceId', i.instance_id,
           'releaseDiscogsId', i.release_discogs_id, 'fields', i.conflicts
       ) ORDER BY i.instance_id), '[]')
  FROM (
           SELECT c.copy_id, c.instance_id, c.release_discogs_id, c.conflicts
             FROM sync_items AS c
            WHERE c.user_id = :user_id::uuid
              AND c.run_id = :run_id::uuid
              AND c.conflicts <> '{}'
            ORDER BY c.instance_id
            LIMIT 200
       ) AS i;

-- name: update_copies_synced(user_id, run_id, now)!
-- Write what was decided of copies that are here already, and what Discogs says of them now.
--
-- A copy that the user has changed since it was compared is left for the next sync. Where Discogs
-- has merged its release into another one, its plays and cleanings become those of that one too.
--
-- Returns: the number of copies of which Discogs says something new.
-- Index:   sync_items_pkey, user_releases_pkey, folders_user_id_number_key, discogs_copies_pkey,
--          play_history_user_copy_idx, cleaning_history_user_copy_idx.
-- Cost:    at most 11 buffers.
-- Locks:   the copies that change; of those that become another release's the plays and cleanings.
WITH merged AS MATERIALIZED (
    SELECT i.copy_id, i.release_id, f.id AS folder_id, i.instance_id, i.verdict, i.seen_updated_at,
           i.merged, i.merged_custom,
           (i.merged ->> 'mediaCondition')::media_condition AS media_condition,
           (i.merged ->> 'sleeveCondition')::sleeve_condition AS sleeve_condition,
           (i.merged ->> 'addedAt')::timestamp AT TIME ZONE 'UTC' AS added_at
      FROM sync_items AS i
      JOIN folders AS f
        ON f.user_id = :user_id::uuid AND f.number = (i.merged ->> 'folderId')::int
     WHERE i.user_id = :user_id::uuid
       AND i.run_id = :run_id::uuid
       AND i.verdict IN ('adopted', 'changed', 'returned')
),
written AS (
    UPDATE user_releases AS c
       SET release_id = coalesce(m.release_id, c.release_id),
           folder_id = m.folder_id,
           discogs_instance_id = m.instance_id,
           rating = (m.merged ->> 'rating')::smallint,
           media_condition = m.media_condition,
           sleeve_condition = m.sleeve_condition,
           notes = m.merged ->> 'notes',
           custom_fields = m.merged_custom,
           added_at = m.added_at,
           archived_at = CASE WHEN m.verdict = 'returned' THEN NULL ELSE c.archived_at END,
           archive_reason = CASE WHEN m.verdict = 'returned' THEN NULL ELSE c.archive_reason END,
           updated_at = :now::timestamptz
      FROM merged AS m
     WHERE c.user_id = :user_id::uuid
       AND c.id = m.copy_id
       AND c.updated_at = m.seen_updated_at
    RETURNING c.id, c.release_id
),
played AS (
    UPDATE play_history AS p
       SET release_id = w.release_id,
           updated_at = :now::timestamptz
      FROM written AS w
     WHERE p.user_id = :user_id::uuid
       AND p.user_release_id = w.id
       AND p.release_id <> w.release_id
),
cleaned AS (
    UPDATE cleaning_history AS h
       SET release_id = w.release_id,
           updated_at = :now::timestamptz
      FROM written AS w
     WHERE h.user_id = :user_id::uuid
       AND h.user_release_id = w.id
       AND h.release_id <> w.release_id
)
INSERT INTO discogs_copies AS b (
    user_id, id, present, folder_number, rating, media_condition, sleeve_condition, notes,
    custom_fields, added_at, synced_at
)
SELECT :user_id::uuid, i.copy_id, true, i.folder_number, i.rating, i.media_condition,
       i.sleeve_condition, i.notes, i.custom_fields, i.added_at, :now::timestamptz
  FROM sync_items AS i
 WHERE i.user_id = :user_id::uuid
   AND i.run_id = :run_id::uuid
   AND (i.verdict = 'unchanged' OR i.copy_id IN (SELECT w.id FROM written AS w))
 ORDER BY i.copy_id
    ON CONFLICT (user_id, id) DO UPDATE
   SET present = excluded.present,
       folder_number = excluded.folder_number,
       rating = excluded.rating,
       media_condition = excluded.media_condition,
       sleeve_condition = excluded.sleeve_condition,
       notes = excluded.notes,
       custom_fields = excluded.custom_fields,
       added_at = coalesce(excluded.added_at, b.added_at),
       synced_at = excluded.synced_at
 WHERE (b.present, b.folder_number, b.rating, b.media_condition, b.sleeve_condition, b.notes,
        b.custom_fields, b.added_at)
       IS DISTINCT FROM
       (excluded.present, excluded.folder_number, excluded.rating, excluded.media_condition,
        excluded.sleeve_condition, excluded.notes, excluded.custom_fields,
        coalesce(excluded.added_at, b.added_at));

-- name: insert_copies_synced(user_id, run_id, now)!
-- Put the copies on the shelf that are at Discogs and not here.
--
-- One whose release the catalogue could not take is left out; the run names the release.
--
-- Returns: the number of copies added.
-- Index:   sync_items_pkey, folders_user_id_number_key.
-- Cost:    at most 11 buffers.
-- Locks:   the new rows.
WITH added AS (
    INSERT INTO user_releases (
        user_id, release_id, folder_id, discogs_instance_id, rating, media_condition,
        sleeve_condition, notes, custom_fields, added_at, created_at, updated_at
    )
    SELECT :user_id::uuid, i.release_id, f.id, i.instance_id, i.rating,
           i.media_condition::media_condition, i.sleeve_condition::sleeve_condition, i.notes,
           i.custom_fields, coalesce(i.added_at, :now::timestamptz), :now, :now
      FROM sync_items AS i
      JOIN folders AS f
        ON f.user_id = :user_id::uuid AND f.number = i.folder_number
     WHERE i.user_id = :user_id::uuid
       AND i.run_id = :run_id::uuid
       AND i.verdict = 'new'
       AND i.release_id IS NOT NULL
     ORDER BY i.added_at, i.instance_id
    RETURNING id, discogs_instance_id
)
INSERT INTO discogs_copies (
    user_id, id, present, folder_number, rating, media_condition, sleeve_condition, notes,
    custom_fields, added_at, synced_at
)
SELECT :user_id::uuid, a.id, true, i.folder_number, i.rating, i.media_condition,
       i.sleeve_condition, i.notes, i.custom_fields, i.added_at, :now::timestamptz
  FROM added AS a
  JOIN sync_items AS i
    ON i.user_id = :user_id::uuid
   AND i.run_id = :run_id::uuid
   AND i.instance_id = a.discogs_instance_id
 WHERE i.user_id = :user_id::uuid;

-- name: update_copies_vanished(user_id, run_id, now)!
-- Archive the copies that are no longer at Discogs, and remember that they are gone there.
--
-- Once: a copy that the user puts back on the shelf stays there.
--
-- Returns: the number of copies that are gone at Discogs since the last sync.
-- Index:   user_releases_user_id_instance_key, sync_items_pkey, folders_pkey, discogs_copies_pkey.
-- Cost:    at most 14 buffers.
-- Locks:   the copies.
WITH gone AS (
    SELECT c.id, f.number, c.rating, c.media_condition::text AS media_condition,
           c.sleeve_condition::text AS sleeve_condition, c.notes, c.custom_fields, c.added_at,
           c.archived_at IS NULL AS is_on_shelf
      FROM user_releases AS c
      JOIN folders AS f
        ON f.user_id = :user_id::uuid AND f.id = c.folder_id
      LEFT JOIN discogs_copies AS b
        ON b.user_id = :user_id::uuid AND b.id = c.id
     WHERE c.user_id = :user_id::uuid
       AND c.discogs_instance_id IS NOT NULL
       AND coalesce(b.present, true)
       AND NOT EXISTS (
               SELECT FROM sync_items AS i
                WHERE i.user_id = :user_id::uuid
                  AND i.run_id = :run_id::uuid
                  AND i.instance_id = c.discogs_instance_id
           )
),
archived AS (
    UPDATE user_releases AS c
       SET archived_at = :now::timestamptz,
           archive_reason = 'removed at Discogs',
           updated_at = :now
      FROM gone AS g
     WHERE c.user_id = :user_id::uuid
       AND c.id = g.id
       AND c.archived_at IS NULL
)
INSERT INTO discogs_copies AS b (
    user_id, id, present, folder_number, rating, media_condition, sleeve_condition, notes,
    custom_fields, added_at, synced_at
)
SELECT :user_id::uuid, g.id, false, g.number, g.rating, g.media_condition, g.sleeve_condition,
       g.notes, g.custom_fields, g.added_at, :now::timestamptz
  FROM gone AS g
 ORDER BY g.id
    ON CONFLICT (user_id, id) DO UPDATE
   SET present = false,
       synced_at = excluded.synced_at;
