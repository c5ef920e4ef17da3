-- What one user has of a release and has done with it, for the page of a record.
-- Tables: user_releases, folders, play_history, cleaning_history, styluses, user_preferences; tracks
--         for the sides.

-- name: get_record(user_id, release_id, now, max_rows)^
-- A user's copies, plays and cleanings of one release, and what logging it needs, as one row.
--
-- Whatever the release is: of one that does not exist, or that the user has nothing of, the lists
-- are empty. Times are UTC.
--
-- Returns: one row Record.
-- Params:  now timestamptz: its date in the user's zone is today, for what is neglected. max_rows
--          int: how many of the latest plays and of the latest cleanings are listed.
-- Index:   user_releases_user_release_idx, play_history_user_release_idx,
--          cleaning_history_user_release_idx, styluses_pkey, folders_user_id_number_key,
--          tracks_pkey, user_preferences_pkey.
-- Cost:    at most 70 buffers.
-- Locks:   none.
WITH setting AS (
    SELECT (:now::timestamptz AT TIME ZONE coalesce(u.preferences ->> 'timeZone', 'UTC'))::date
               AS today,
           coalesce(u.preferences ->> 'timeZone', 'UTC') AS zone,
           coalesce((u.preferences ->> 'neglectedDays')::int, 365) AS neglected_days,
           coalesce((u.preferences ->> 'cleaningFrequencyPlays')::int, 5) AS cleaning_frequency
      FROM (SELECT) AS one
      LEFT JOIN user_preferences AS u
        ON u.user_id = :user_id::uuid
),
copy AS (
    SELECT c.id, c.folder_id, c.rating, c.media_condition::text AS media_condition,
           c.sleeve_condition::text AS sleeve_condition, c.notes, c.added_at, c.archived_at,
           c.archive_reason, c.updated_at
      FROM user_releases AS c
     WHERE c.user_id = :user_id::uuid
       AND c.release_id = :release_id::uuid
),
cleaned AS (
    SELECT max(h.cleaned_at) AS last_cleaned_at, count(*) AS cleanings
      FROM cleaning_history AS h
     WHERE h.user_id = :user_id::uuid
       AND h.release_id = :release_id::uuid
),
played AS (
    SELECT count(*) AS plays, max(p.played_at) AS last_played_at,
           coalesce(sum(p.duration_seconds), 0) AS seconds,
           count(*) FILTER (WHERE p.played_at > cleaned.last_cleaned_at
                                                + interval '1 millisecond') AS plays_since
      FROM cleaned
      LEFT JOIN play_history AS p
        ON p.user_id = :user_id::uuid AND p.release_id = :release_id::uuid
     WHERE p.id IS NOT NULL
     GROUP BY cleaned.last_cleaned_at
)
SELECT coalesce(
           (SELECT json_agg(json_build_object(
                       'id', c.id, 'folderId', c.folder_id, 'rating', c.rating,
                       'mediaCondition', c.media_condition, 'sleeveCondition', c.sleeve_condition,
                       'notes', c.notes, 'archiveReason', c.archive_reason,
                       'addedAt', to_char(c.added_at AT TIME ZONE 'UTC',
                                          'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
                       'archivedAt', to_char(c.archived_at AT TIME ZONE 'UTC',
                                             'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
                       'updatedAt', to_char(c.updated_at AT TIME ZONE 'UTC',
                                            'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
                   ) ORDER BY c.archived_at DESC NULLS FIRST, c.added_at, c.id)
              FROM copy AS c),
           '[]'
       ) AS copies,
       coalesce(
           (SELECT json_agg(json_build_object(
                       'id', p.id, 'stylusId', p.stylus_id, 'side', p.side, 'notes', p.notes,
                       'durationSeconds', p.duration_seconds,
                       'at', to_char(p.played_at AT TIME ZONE 'UTC',
                                     'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
                   ) ORDER BY p.played_at DESC, p.id DESC)
              FROM (SELECT h.id, h.stylus_id, h.side, h.notes, h.duration_seconds, h.played_at
                      FROM play_history AS h
                     WHERE h.user_id = :user_id::uuid
                       AND h.release_id = :release_id::uuid
                     ORDER BY h.played_at DESC, h.id DESC
                     LIMIT :max_rows::int) AS p),
           '[]'
       ) AS plays,
       coalesce(
           (SELECT json_agg(json_build_object(
                       'id', x.id, 'deep', x.deep, 'notes', x.notes,
                       'at', to_char(x.cleaned_at AT TIME ZONE 'UTC',
                                     'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
                   ) ORDER BY x.cleaned_at DESC, x.id DESC)
              FROM (SELECT h.id, h.deep, h.notes, h.cleaned_at
                      FROM cleaning_history AS h
                     WHERE h.user_id = :user_id::uuid
                       AND h.release_id = :release_id::uuid
                     ORDER BY h.cleaned_at DESC, h.id DESC
                     LIMIT :max_rows::int) AS x),
           '[]'
       ) AS cleanings,
       coalesce(
           (SELECT json_agg(json_build_object(
                       'id', s.id, 'name', s.name, 'primary', s.is_primary, 'active', s.active
                   ) ORDER BY s.is_primary DESC, s.active DESC, lower(s.name), s.id)
              FROM styluses AS s
             WHERE s.user_id = :user_id::uuid),
           '[]'
       ) AS styluses,
       coalesce(
           (SELECT json_agg(json_build_object('id', f.id, 'name', f.name) ORDER BY f.number)
              FROM folders AS f
             WHERE f.user_id = :user_id::uuid),
           '[]'
       ) AS folders,
       coalesce(
           (SELECT json_agg(DISTINCT side_of(t.position))
              FROM tracks AS t
             WHERE t.release_id = :release_id::uuid
               AND side_of(t.position) IS NOT NULL),
           '[]'
       ) AS sides,
       coalesce(
           (SELECT json_agg(json_build_object(
                       'month', m.month, 'plays', m.plays, 'cleanings', m.cleanings
                   ) ORDER BY m.month)
              FROM (SELECT to_char(e.at AT TIME ZONE setting.zone, 'YYYY-MM') AS month,
                           count(*) FILTER (WHERE e.is_play) AS plays,
                           count(*) FILTER (WHERE NOT e.is_play) AS cleanings
                      FROM (SELECT h.played_at AS at, true AS is_play
                              FROM play_history AS h
                             WHERE h.user_id = :user_id::uuid
                               AND h.release_id = :release_id::uuid
                             UNION ALL
                            SELECT h.cleaned_at, false
                              FROM cleaning_history AS h
                             WHERE h.user_id = :user_id::uuid
                               AND h.release_id = :release_id::uuid) AS e
                     GROUP BY month) AS m),
           '[]'
       ) AS months,
       coalesce(played.plays, 0) AS play_count,
       coalesce(played.seconds, 0) AS seconds_played,
       cleaned.cleanings AS cleaning_count,
       played.last_played_at,
       cleaned.last_cleaned_at,
       CASE WHEN cleaned.last_cleaned_at IS NULL THEN 100
            ELSE least(100, coalesce(played.plays_since, 0) * 100.0::float8
                            / (setting.cleaning_frequency + 0.01)) END::float8 AS cleanliness,
       coalesce(
           setting.today - (coalesce(played.last_played_at,
                                     (SELECT min(c.added_at)
                                        FROM copy AS c
                                       WHERE c.archived_at IS NULL))
                            AT TIME ZONE setting.zone)::date > setting.neglected_days, false
       ) AS neglected
  FROM setting
 CROSS JOIN cleaned
  LEFT JOIN played ON true;
