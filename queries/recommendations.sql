-- What to play next, what was neglected, and what wants cleaning.
-- Tables: user_releases, play_history, cleaning_history; user_preferences for zone and thresholds;
-- releases for the page.
--
-- A release counts once, however many copies of it are on the shelf; archived copies don't count.
-- Days are those of a zone: :tz where given, else the user's preference, else UTC. Thresholds are
-- the user's preferences; where none are kept, the API's defaults, which a test compares.
--
-- Cleanliness score (0 clean, 100 dirty): 100 where never cleaned, else the plays since the last
-- cleaning over (frequency + 0.01), in percent, at most 100. A play within a millisecond of the
-- cleaning, as the two of one log entry once were, is not "since".
-- Recency score: 100 to 7 days after the last play, then 80 to 30 days, 60 to 90, 40 to 180, 20 to
-- 365, else 0.

-- name: list_recommendations(user_id, tz, now, max_rows)
-- What to play now, best first, with what speaks for it.
--
-- The weight is 0 to 100: up to 40 for the days since the last play (or since it was added) up to
-- neglected_days, up to 25 for few plays (none of it from 10 on), up to 20 for the rating (10 where
-- not rated), up to 5 for being clean, and up to 10 that a hash of user, day and release draws, so
-- that a day's list stays and the next day's differs; 20 less within 30 days of a play.
--
-- Returns: 0..max_rows rows Recommendation.
-- Params:  tz text: NULL for the zone of the user's preferences. now timestamptz: its date in the
--          zone is today.
-- Index:   user_releases by any index of the user, play_history_user_release_idx,
--          cleaning_history_user_release_idx; user_preferences_pkey; releases_pkey for the page.
-- Order:   weight DESC, release id; total.
-- Cost:    at most 160 buffers.
-- Locks:   none.
WITH setting AS (
    SELECT (:now::timestamptz AT TIME ZONE
            coalesce(:tz::text, u.preferences ->> 'timeZone', 'UTC'))::date AS today,
           coalesce(:tz::text, u.preferences ->> 'timeZone', 'UTC') AS zone,
           coalesce((u.preferences ->> 'neglectedDays')::int, 365) AS neglected_days,
           coalesce((u.preferences ->> 'cleaningFrequencyPlays')::int, 5) AS cleaning_frequency
      FROM (SELECT) AS one
      LEFT JOIN user_preferences AS u
        ON u.user_id = :user_id::uuid
),
copy AS (
    SELECT DISTINCT ON (c.release_id) c.release_id, c.id, c.rating, c.added_at
      FROM user_releases AS c
     WHERE c.user_id = :user_id::uuid
       AND c.archived_at IS NULL
     ORDER BY c.release_id, c.rating DESC, c.id
),
cleaned AS (
    SELECT h.release_id, max(h.cleaned_at) AS cleaned_at
      FROM cleaning_history AS h
     WHERE h.user_id = :user_id::uuid
     GROUP BY h.release_id
),
played AS (
    SELECT p.release_id, count(*) AS plays, max(p.played_at) AS played_at,
           count(*) FILTER (WHERE p.played_at > cleaned.cleaned_at
                                                + interval '1 millisecond') AS plays_since
      FROM play_history AS p
      LEFT JOIN cleaned
        ON cleaned.release_id = p.release_id
     WHERE p.user_id = :user_id::uuid
     GROUP BY p.release_id
),
state AS MATERIALIZED (
    SELECT copy.release_id, copy.id AS copy_id, copy.rating, coalesce(played.plays, 0) AS plays,
           played.played_at, setting.neglected_days,
           greatest(setting.today - (coalesce(played.played_at, copy.added_at)
                                     AT TIME ZONE setting.zone)::date, 0) AS days,
           CASE WHEN cleaned.cleaned_at IS NULL THEN 100
                ELSE least(100, coalesce(played.plays_since, 0) * 100.0::float8
                                / (setting.cleaning_frequency + 0.01)) END::float8 AS cleanliness,
           (hashtextextended(:user_id::uuid::text || to_char(setting.today, 'YYYY-MM-DD')
                             || copy.release_id::text, 0) & 1023) / 1023.0::float8 AS luck
      FROM setting
     CROSS JOIN copy
      LEFT JOIN played
        ON played.release_id = copy.release_id
      LEFT JOIN cleaned
        ON cleaned.release_id = copy.release_id
),
weighed AS MATERIALIZED (
    SELECT state.release_id, state.copy_id, state.rating, state.plays, state.played_at, state.days,
           state.cleanliness,
           40.0::float8 * least(state.days, state.neglected_days)
               / state.neglected_days AS neglect_part,
           25.0::float8 * (10 - least(state.plays, 10)) / 10 AS rarity_part,
           CASE state.rating WHEN 0 THEN 10.0 ELSE 4.0 * state.rating END AS rating_part,
           5.0 * (100 - state.cleanliness) / 100 AS clean_part,
           10.0 * state.luck AS luck_part,
           CASE WHEN state.plays > 0 AND state.days <= 30 THEN 20.0 ELSE 0 END AS recent_part,
           CASE WHEN state.plays = 0 OR state.days > 365 THEN 0
                WHEN state.days <= 7 THEN 100
                WHEN state.days <= 30 THEN 80
                WHEN state.days <= 90 THEN 60
                WHEN state.days <= 180 THEN 40
                ELSE 20 END AS recency
      FROM state
),
page AS (
    SELECT w.release_id, w.copy_id, w.rating, w.plays, w.played_at, w.days, w.cleanliness,
           w.recency,
           greatest(w.neglect_part + w.rarity_part + w.rating_part + w.clean_part + w.luck_part
                    - w.recent_part, 0)::float8 AS weight,
           CASE WHEN w.plays = 0 THEN 'never played'
                WHEN w.neglect_part >= 40 THEN 'neglected'
                WHEN w.rating >= 4 THEN 'well rated'
                WHEN w.plays <= 2 THEN 'seldom played'
                WHEN w.recent_part = 0 THEN 'not played lately'
                ELSE 'worth another play' END AS reason
      FROM weighed AS w
     ORDER BY weight DESC, w.release_id
     LIMIT :max_rows::int
)
SELECT page.copy_id, page.weight, page.reason, page.days AS days_since, page.plays, page.rating,
       page.cleanliness, page.recency, page.played_at AS last_played_at, r.card AS release
  FROM page
  JOIN releases AS r
    ON r.id = page.release_id
 ORDER BY page.weight DESC, page.release_id;

-- name: list_neglected(user_id, tz, now, max_rows)
-- What was not played for longer than the user's threshold, the longest first.
--
-- A release that was never played counts from the day it was added.
--
-- Returns: 0..max_rows rows NeglectedRelease.
-- Params:  tz text: NULL for the zone of the user's preferences. now timestamptz: its date in the
--          zone is today.
-- Index:   user_releases by any index of the user, play_history_user_release_idx;
--          user_preferences_pkey; releases_pkey for the page.
-- Order:   days DESC, release id; total.
-- Cost:    at most 150 buffers.
-- Locks:   none.
WITH setting AS (
    SELECT (:now::timestamptz AT TIME ZONE
            coalesce(:tz::text, u.preferences ->> 'timeZone', 'UTC'))::date AS today,
           coalesce(:tz::text, u.preferences ->> 'timeZone', 'UTC') AS zone,
           coalesce((u.preferences ->> 'neglectedDays')::int, 365) AS neglected_days
      FROM (SELECT) AS one
      LEFT JOIN user_preferences AS u
        ON u.user_id = :user_id::uuid
),
copy AS (
    SELECT c.release_id, min(c.added_at) AS added_at
      FROM user_releases AS c
     WHERE c.user_id = :user_id::uuid
       AND c.archived_at IS NULL
     GROUP BY c.release_id
),
played AS (
    SELECT p.release_id, max(p.played_at) AS played_at
      FROM play_history AS p
     WHERE p.user_id = :user_id::uuid
     GROUP BY p.release_id
),
page AS (
    SELECT copy.release_id, played.played_at,
           setting.today - (coalesce(played.played_at, copy.added_at)
                            AT TIME ZONE setting.zone)::date AS days
      FROM setting
     CROSS JOIN copy
      LEFT JOIN played
        ON played.release_id = copy.release_id
     WHERE setting.today - (coalesce(played.played_at, copy.added_at)
                            AT TIME ZONE setting.zone)::date > setting.neglected_days
     ORDER BY days DESC, copy.release_id
     LIMIT :max_rows::int
)
SELECT page.days AS days_since, page.played_at AS last_played_at, r.card AS release
  FROM page
  JOIN releases AS r
    ON r.id = page.release_id
 ORDER BY page.days DESC, page.release_id;

-- name: list_due_cleanings(user_id, max_rows)
-- What is due for cleaning, the dirtiest first.
--
-- Due is a cleanliness score of 60 or more. Of what was never cleaned, the most played comes first.
--
-- Returns: 0..max_rows rows DueCleaning.
-- Index:   user_releases by any index of the user, play_history_user_release_idx,
--          cleaning_history_user_release_idx; user_preferences_pkey; releases_pkey for the page.
-- Order:   score DESC, plays since DESC, release id; total.
-- Cost:    at most 160 buffers.
-- Locks:   none.
WITH setting AS (
    SELECT coalesce((u.preferences ->> 'cleaningFrequencyPlays')::int, 5) AS cleaning_frequency
      FROM (SELECT) AS one
      LEFT JOIN user_preferences AS u
        ON u.user_id = :user_id::uuid
),
copy AS (
    SELECT DISTINCT c.release_id
      FROM user_releases AS c
     WHERE c.user_id = :user_id::uuid
       AND c.archived_at IS NULL
),
cleaned AS (
    SELECT h.release_id, max(h.cleaned_at) AS cleaned_at
      FROM cleaning_history AS h
     WHERE h.user_id = :user_id::uuid
     GROUP BY h.release_id
),
played AS (
    SELECT p.release_id,
           count(*) FILTER (WHERE cleaned.cleaned_at IS NULL
                               OR p.played_at > cleaned.cleaned_at
                                                + interval '1 millisecond') AS plays_since
      FROM play_history AS p
      LEFT JOIN cleaned
        ON cleaned.release_id = p.release_id
     WHERE p.user_id = :user_id::uuid
     GROUP BY p.release_id
),
page AS (
    SELECT scored.release_id, scored.plays_since, scored.cleaned_at, scored.score
      FROM (SELECT copy.release_id, coalesce(played.plays_since, 0) AS plays_since,
                   cleaned.cleaned_at,
                   CASE WHEN cleaned.cleaned_at IS NULL THEN 100
                        ELSE least(100, coalesce(played.plays_since, 0) * 100.0::float8
                                        / (setting.cleaning_frequency + 0.01)) END::float8 AS score
              FROM setting
             CROSS JOIN copy
              LEFT JOIN cleaned
                ON cleaned.release_id = copy.release_id
              LEFT JOIN played
                ON played.release_id = copy.release_id) AS scored
     WHERE scored.score >= 60
     ORDER BY scored.score DESC, scored.plays_since DESC, scored.release_id
     LIMIT :max_rows::int
)
SELECT page.score AS cleanliness, page.plays_since, page.cleaned_at AS last_cleaned_at,
       r.card AS release
  FROM page
  JOIN releases AS r
    ON r.id = page.release_id
 ORDER BY page.score DESC, page.plays_since DESC, page.release_id;
