-- What a day, a year and the shelf were like, each in one statement over the user's own rows.
-- Tables: play_history, user_releases, cleaning_history, folders, user_preferences; releases and
-- what belongs to them for names.
--
-- Days, years and zones are as in stats.sql.

-- name: list_on_this_day(user_id, tz, day, now, max_rows)
-- What was played on a day of earlier years, the latest first.
--
-- On the 28th of February of a common year the 29ths of leap years count as well. Each earlier year
-- is one short range of the index.
--
-- Returns: 0..max_rows rows DayPlay.
-- Params:  tz text: NULL for the zone of the user's preferences. day date: NULL for that of now in
--          the zone.
-- Index:   play_history_user_played_idx alone for the plays, releases_pkey for the page;
--          user_preferences_pkey.
-- Order:   played_at DESC, id DESC; total.
-- Cost:    at most 11 buffers.
-- Locks:   none.
WITH zone AS (
    SELECT coalesce(:tz::text,
                    (SELECT u.preferences ->> 'timeZone'
                       FROM user_preferences AS u
                      WHERE u.user_id = :user_id::uuid),
                    'UTC') AS name
),
chosen AS (
    SELECT coalesce(:day::date, (:now::timestamptz AT TIME ZONE zone.name)::date) AS day
      FROM zone
),
earlier AS (
    SELECT (chosen.day - make_interval(years => n.years))::timestamp AS day
      FROM chosen
     CROSS JOIN zone
     CROSS JOIN LATERAL generate_series(
               1,
               extract(year FROM chosen.day)::int
               - extract(year FROM (SELECT min(p.played_at)
                                      FROM play_history AS p
                                     WHERE p.user_id = :user_id::uuid)
                                   AT TIME ZONE zone.name)::int
           ) AS n (years)
),
played AS (
    SELECT p.id, p.release_id, p.played_at,
           (p.played_at AT TIME ZONE (SELECT zone.name FROM zone))::date AS local_day
      FROM earlier
      JOIN play_history AS p
        ON p.user_id = :user_id::uuid
       AND p.played_at >= (earlier.day - interval '2 days') AT TIME ZONE 'UTC'
       AND p.played_at < (earlier.day + interval '4 days') AT TIME ZONE 'UTC'
)
SELECT played.id, played.played_at,
       (extract(year FROM chosen.day) - extract(year FROM played.local_day))::int AS years_ago,
       r.card AS release
  FROM chosen
  JOIN played
    ON to_char(played.local_day, 'MMDD') = to_char(chosen.day, 'MMDD')
    OR (to_char(played.local_day, 'MMDD') = '0229'
        AND to_char(chosen.day, 'MMDD') = '0228'
        AND to_char(chosen.day + 1, 'MMDD') = '0301')
  JOIN releases AS r
    ON r.id = played.release_id
 ORDER BY played.played_at DESC, played.id DESC
 LIMIT :max_rows::int;

-- name: get_year(user_id, year, tz)^
-- A year in review: what was played, for how long, what was new, and the shelf's growth.
--
-- Returns: one row Raw, a JSON object.
-- Params:  year int: 1 to 9999. tz text: NULL for the zone of the user's preferences.
-- Index:   play_history_user_played_idx, play_history_user_release_idx,
--          user_releases_user_added_idx, cleaning_history_user_cleaned_idx; releases_pkey,
--          release_artists_pkey, release_genres_pkey for the names; user_preferences_pkey.
-- Cost:    at most 14 buffers.
-- Locks:   none.
WITH zone AS (
    SELECT coalesce(:tz::text,
                    (SELECT u.preferences ->> 'timeZone'
                       FROM user_preferences AS u
                      WHERE u.user_id = :user_id::uuid),
                    'UTC') AS name
),
span AS (
    SELECT (make_date(:year::int, 1, 1)::timestamp - interval '2 days') AT TIME ZONE 'UTC' AS first,
           (make_date(:year::int, 12, 31)::timestamp + interval '3 days') AT TIME ZONE 'UTC' AS last
),
play AS MATERIALIZED (
    SELECT w.release_id, w.seconds, w.played_at, w.day
      FROM (SELECT p.release_id, p.duration_seconds AS seconds, p.played_at,
                   (p.played_at AT TIME ZONE (SELECT zone.name FROM zone))::date AS day
              FROM span
              JOIN play_history AS p
                ON p.user_id = :user_id::uuid
               AND p.played_at >= span.first
               AND p.played_at < span.last) AS w
     WHERE w.day BETWEEN make_date(:year::int, 1, 1) AND make_date(:year::int, 12, 31)
),
by_release AS MATERIALIZED (
    SELECT play.release_id, count(*) AS plays, sum(play.seconds) AS seconds,
           min(play.played_at) AS first_played_at
      FROM play
     GROUP BY play.release_id
),
by_day AS (
    SELECT play.day, count(*) AS plays, sum(play.seconds) AS seconds
      FROM play
     GROUP BY play.day
),
run AS (
    SELECT min(n.day) AS first, max(n.day) AS last, count(*) AS days
      FROM (SELECT by_day.day,
                   by_day.day - row_number() OVER (ORDER BY by_day.day)::int AS island
              FROM by_day) AS n
     GROUP BY n.island
     ORDER BY days DESC, first DESC
     LIMIT 1
),
top_release AS (
    SELECT b.plays, b.seconds, r.card, r.title, r.id
      FROM by_release AS b
      JOIN releases AS r
        ON r.id = b.release_id
     ORDER BY b.plays DESC, b.seconds DESC, r.title COLLATE "C", r.id
     LIMIT 10
),
leading_artist AS (
    SELECT n.id, n.name, sum(n.plays) AS plays, sum(n.seconds) AS seconds
      FROM (SELECT DISTINCT c.release_id, c.artist_id AS id,
                   CASE WHEN c.artist_id IS NULL THEN c.name END AS name, b.plays, b.seconds
              FROM by_release AS b
              JOIN release_artists AS c
                ON c.release_id = b.release_id AND c.role IS NULL) AS n
     GROUP BY n.id, n.name
     ORDER BY plays DESC, seconds DESC
     FETCH FIRST 10 ROWS WITH TIES
),
top_artist AS (
    SELECT l.id, coalesce(l.name, a.name) AS name, l.plays, l.seconds
      FROM leading_artist AS l
      LEFT JOIN artists AS a
        ON a.id = l.id
     ORDER BY l.plays DESC, l.seconds DESC, coalesce(l.name, a.name) COLLATE "C", l.id
     LIMIT 10
),
top_genre AS (
    SELECT g.name, sum(b.plays) AS plays, sum(b.seconds) AS seconds
      FROM by_release AS b
      JOIN release_genres AS e
        ON e.release_id = b.release_id
      JOIN genres AS g
        ON g.id = e.genre_id
     GROUP BY g.name
     ORDER BY plays DESC, seconds DESC, g.name COLLATE "C"
     LIMIT 10
)
SELECT json_build_object(
           'year', :year::int,
           'plays', (SELECT count(*) FROM play),
           'minutes', (SELECT (coalesce(sum(play.seconds), 0) / 60.0)::float8
                         FROM play),
           'releases', (SELECT count(*) FROM by_release),
           'newReleases', (SELECT count(*)
                             FROM by_release AS b
                            WHERE NOT EXISTS (
                                      SELECT FROM play_history AS p
                                       WHERE p.user_id = :user_id::uuid
                                         AND p.release_id = b.release_id
                                         AND p.played_at < b.first_played_at
                                  )),
           'daysWithPlays', (SELECT count(*) FROM by_day),
           'longestStreak', (SELECT json_build_object('days', run.days, 'from', run.first,
                                                      'to', run.last)
                               FROM run),
           'busiestDay', (SELECT json_build_object('date', d.day, 'plays', d.plays,
                                                   'minutes', (d.seconds / 60.0)::float8)
                            FROM by_day AS d
                           ORDER BY d.plays DESC, d.seconds DESC, d.day
                           LIMIT 1),
           'months', (SELECT json_agg(json_build_object(
                                 'month', m.month, 'plays', coalesce(d.plays, 0),
                                 'minutes', (coalesce(d.seconds, 0) / 60.0)::float8
                             ) ORDER BY m.month)
                        FROM generate_series(1, 12) AS m (month)
                        LEFT JOIN (SELECT extract(month FROM by_day.day)::int AS month,
                                          sum(by_day.plays) AS plays, sum(by_day.seconds) AS seconds
                                     FROM by_day
                                    GROUP BY 1) AS d
                          ON d.month = m.month),
           'topReleases', (SELECT coalesce(json_agg(json_build_object(
                                      'plays', t.plays, 'minutes', (t.seconds / 60.0)::float8,
                                      'release', t.card
                                  ) ORDER BY t.plays DESC, t.seconds DESC, t.title COLLATE "C",
                                             t.id), '[]')
                             FROM top_release AS t),
           'topArtists', (SELECT coalesce(json_agg(json_build_object(
                                     'id', t.id, 'name', t.name, 'plays', t.plays,
                                     'minutes', (t.seconds / 60.0)::float8
                                 ) ORDER BY t.plays DESC, t.seconds DESC, t.name COLLATE "C",
                                            t.id), '[]')
                            FROM top_artist AS t),
           'topGenres', (SELECT coalesce(json_agg(json_build_object(
                                    'name', t.name, 'plays', t.plays,
                                    'minutes', (t.seconds / 60.0)::float8
                                ) ORDER BY t.plays DESC, t.seconds DESC, t.name COLLATE "C"), '[]')
                           FROM top_genre AS t),
           'copiesAdded', (SELECT count(*)
                             FROM zone
                            CROSS JOIN span
                             JOIN user_releases AS c
                               ON c.user_id = :user_id::uuid
                              AND c.added_at >= span.first
                              AND c.added_at < span.last
                            WHERE extract(year FROM c.added_at AT TIME ZONE zone.name)
                                  = :year::int),
           'cleanings', (SELECT count(*)
                           FROM zone
                          CROSS JOIN span
                           JOIN cleaning_history AS h
                             ON h.user_id = :user_id::uuid
                            AND h.cleaned_at >= span.first
                            AND h.cleaned_at < span.last
                          WHERE extract(year FROM h.cleaned_at AT TIME ZONE zone.name)
                                = :year::int)
       );

-- name: get_collection_stats(user_id, tz)^
-- What the shelf is made of, and how it grew.
--
-- A copy whose release has two genres counts for both; so do formats.
--
-- Returns: one row Raw, a JSON object.
-- Params:  tz text: NULL for the zone of the user's preferences.
-- Index:   user_releases_user_added_idx or another one that starts with the user, releases_pkey,
--          release_genres_pkey, folders_pkey, play_history_user_release_idx; user_preferences_pkey.
-- Cost:    at most 1,200 buffers.
-- Locks:   none.
WITH zone AS (
    SELECT coalesce(:tz::text,
                    (SELECT u.preferences ->> 'timeZone'
                       FROM user_preferences AS u
                      WHERE u.user_id = :user_id::uuid),
                    'UTC') AS name
),
copy AS MATERIALIZED (
    SELECT c.id, c.release_id, c.folder_id, c.media_condition, c.rating, c.added_at, r.year,
           r.play_duration
      FROM user_releases AS c
      JOIN releases AS r
        ON r.id = c.release_id
     WHERE c.user_id = :user_id::uuid
       AND c.archived_at IS NULL
),
by_decade AS (
    SELECT copy.year / 10 * 10 AS decade, count(*) AS copies
      FROM copy
     GROUP BY decade
),
by_format AS (
    SELECT f.name, count(*) AS copies
      FROM (SELECT DISTINCT f.name, copy.id
              FROM copy
              JOIN release_formats AS f
                ON f.release_id = copy.release_id) AS f
     GROUP BY f.name
),
by_genre AS (
    SELECT g.name, e.copies
      FROM (SELECT e.genre_id, count(*) AS copies
              FROM (SELECT DISTINCT e.genre_id, copy.id
                      FROM copy
                      JOIN release_genres AS e
                        ON e.release_id = copy.release_id) AS e
             GROUP BY e.genre_id) AS e
      JOIN genres AS g
        ON g.id = e.genre_id
),
by_folder AS (
    SELECT f.id, f.name, count(copy.id) AS copies
      FROM folders AS f
      LEFT JOIN copy
        ON copy.folder_id = f.id
     WHERE f.user_id = :user_id::uuid
     GROUP BY f.id, f.name
),
by_condition AS (
    SELECT copy.media_condition AS condition, count(*) AS copies
      FROM copy
     GROUP BY copy.media_condition
),
by_rating AS (
    SELECT copy.rating, count(*) AS copies
      FROM copy
     GROUP BY copy.rating
),
growth AS (
    SELECT date_trunc('month',
                      copy.added_at AT TIME ZONE (SELECT zone.name FROM zone))::date AS month,
           count(*) AS added
      FROM copy
     GROUP BY month
)
SELECT json_build_object(
           'copies', (SELECT count(*) FROM copy),
           'releases', (SELECT count(DISTINCT copy.release_id) FROM copy),
           'minutes', (SELECT (coalesce(sum(copy.play_duration), 0) / 60.0)::float8
                         FROM copy),
           'neverPlayed', (SELECT count(*)
                             FROM copy
                            WHERE NOT EXISTS (
                                      SELECT FROM play_history AS p
                                       WHERE p.user_id = :user_id::uuid
                                         AND p.release_id = copy.release_id
                                  )),
           'byFormat', (SELECT coalesce(json_agg(json_build_object('name', b.name,
                                                                   'copies', b.copies)
                                                 ORDER BY b.copies DESC, b.name COLLATE "C"), '[]')
                          FROM by_format AS b),
           'byDecade', (SELECT coalesce(json_agg(json_build_object('decade', b.decade,
                                                                   'copies', b.copies)
                                                 ORDER BY b.decade NULLS LAST), '[]')
                          FROM by_decade AS b),
           'byGenre', (SELECT coalesce(json_agg(json_build_object('name', b.name,
                                                                  'copies', b.copies)
                                                ORDER BY b.copies DESC, b.name COLLATE "C"), '[]')
                         FROM by_genre AS b),
           'byFolder', (SELECT coalesce(json_agg(json_build_object('id', b.id, 'name', b.name,
                                                                   'copies', b.copies)
                                                 ORDER BY b.copies DESC, b.name COLLATE "C"), '[]')
                          FROM by_folder AS b),
           'byCondition', (SELECT coalesce(json_agg(json_build_object('condition', b.condition,
                                                                      'copies', b.copies)
                                                    ORDER BY b.condition NULLS LAST), '[]')
                             FROM by_condition AS b),
           'byRating', (SELECT coalesce(json_agg(json_build_object('rating', b.rating,
                                                                   'copies', b.copies)
                                                 ORDER BY b.rating), '[]')
                          FROM by_rating AS b),
           'growth', (SELECT coalesce(json_agg(json_build_object('month', g.month,
                                                                 'added', g.added,
                                                                 'copies', g.copies)
                                               ORDER BY g.month), '[]')
                        FROM (SELECT growth.month, growth.added,
                                     sum(growth.added) OVER (ORDER BY growth.month) AS copies
                                FROM growth) AS g)
       );
