-- What a user's plays and shelf tell, each in one statement over the user's own rows.
-- Tables: play_history, user_releases, cleaning_history, folders, user_preferences; releases and
-- what belongs to them for names.
--
-- Days, weeks and hours are those of a zone: :tz where given, else the user's preference, else UTC;
-- never the server's or the session's. A play belongs to the local date that its time shows there,
-- also in an hour that a clock shows twice; so a range of days is compared by local dates, and by
-- times two days wider for the index.

-- name: list_play_buckets(user_id, bucket, tz, first_day, last_day)
-- Plays and minutes for each day, week, month or year of a range, empty ones included.
--
-- Returns: 0..n rows PlayBucket, one for each bucket from the first to the last.
-- Params:  bucket text: 'day', 'week' (from Monday), 'month' or 'year'. tz text: NULL for the zone
--          of the user's preferences. first_day, last_day date: inclusive, NULL for those of the
--          first and the last play.
-- Index:   play_history_user_played_idx alone; user_preferences_pkey.
-- Order:   start.
-- Cost:    at most 11 buffers.
-- Locks:   none.
WITH zone AS (
    SELECT coalesce(:tz::text,
                    (SELECT u.preferences ->> 'timeZone'
                       FROM user_preferences AS u
                      WHERE u.user_id = :user_id::uuid),
                    'UTC') AS name
),
by_day AS (
    SELECT (p.played_at AT TIME ZONE (SELECT zone.name FROM zone))::date AS day,
           count(*) AS plays, sum(p.duration_seconds) AS seconds
      FROM play_history AS p
     WHERE p.user_id = :user_id::uuid
       AND p.played_at >= (coalesce(:first_day::date, '-infinity')::timestamp
                           - interval '2 days') AT TIME ZONE 'UTC'
       AND p.played_at < (coalesce(:last_day::date, 'infinity')::timestamp
                          + interval '3 days') AT TIME ZONE 'UTC'
     GROUP BY 1
),
bucket AS (
    SELECT date_trunc(:bucket::text, d.day::timestamp)::date AS start,
           sum(d.plays)::bigint AS plays, sum(d.seconds)::bigint AS seconds
      FROM by_day AS d
     WHERE d.day BETWEEN coalesce(:first_day::date, '-infinity')
                     AND coalesce(:last_day::date, 'infinity')
     GROUP BY 1
),
span AS (
    SELECT coalesce(date_trunc(:bucket::text, :first_day::date::timestamp), min(b.start)) AS first,
           coalesce(date_trunc(:bucket::text, :last_day::date::timestamp), max(b.start)) AS last
      FROM bucket AS b
)
SELECT s.start::date AS start, coalesce(b.plays, 0) AS plays,
       (coalesce(b.seconds, 0) / 60.0)::float8 AS minutes
  FROM span
 CROSS JOIN generate_series(span.first, span.last, ('1 ' || :bucket::text)::interval) AS s (start)
  LEFT JOIN bucket AS b
    ON b.start = s.start::date
 ORDER BY s.start;

-- name: get_streaks(user_id, tz, now)^
-- Days in a row with a play: the current and the longest run, the later of two that are as long.
--
-- The current run may end yesterday: today is not over yet.
--
-- Returns: one row Streaks.
-- Params:  tz text: NULL for the zone of the user's preferences. now timestamptz: its date in the
--          zone is today.
-- Index:   the smaller of play_history_user_release_idx and play_history_user_played_idx, alone;
--          user_preferences_pkey.
-- Cost:    at most 11 buffers.
-- Locks:   none.
WITH zone AS (
    SELECT coalesce(:tz::text,
                    (SELECT u.preferences ->> 'timeZone'
                       FROM user_preferences AS u
                      WHERE u.user_id = :user_id::uuid),
                    'UTC') AS name
),
by_day AS (
    SELECT (p.played_at AT TIME ZONE (SELECT zone.name FROM zone))::date AS day
      FROM play_history AS p
     WHERE p.user_id = :user_id::uuid
     GROUP BY 1
),
run AS (
    SELECT min(n.day) AS first, max(n.day) AS last, count(*)::int AS days
      FROM (SELECT d.day, d.day - row_number() OVER (ORDER BY d.day)::int AS island
              FROM by_day AS d) AS n
     GROUP BY n.island
),
today AS (
    SELECT (:now::timestamptz AT TIME ZONE zone.name)::date AS day
      FROM zone
)
SELECT coalesce(max(run.days) FILTER (WHERE today.day BETWEEN run.first AND run.last + 1),
                0) AS current_days,
       max(run.first) FILTER (WHERE today.day BETWEEN run.first AND run.last + 1) AS current_from,
       coalesce(max(run.days), 0) AS longest_days,
       (array_agg(run.first ORDER BY run.days DESC, run.first DESC))[1] AS longest_from,
       (array_agg(run.last ORDER BY run.days DESC, run.first DESC))[1] AS longest_to
  FROM today
  LEFT JOIN run
    ON true;

-- name: list_heatmap(user_id, tz, first_day, last_day)
-- Plays and minutes by weekday and hour.
--
-- Returns: 0..168 rows HeatmapCell, always all of them.
-- Params:  tz text: NULL for the zone of the user's preferences. first_day, last_day date:
--          inclusive, NULL is open.
-- Index:   play_history_user_played_idx alone; user_preferences_pkey.
-- Order:   weekday (1 is Monday), hour.
-- Cost:    at most 11 buffers.
-- Locks:   none.
WITH zone AS (
    SELECT coalesce(:tz::text,
                    (SELECT u.preferences ->> 'timeZone'
                       FROM user_preferences AS u
                      WHERE u.user_id = :user_id::uuid),
                    'UTC') AS name
),
play AS MATERIALIZED (
    SELECT p.played_at AT TIME ZONE (SELECT zone.name FROM zone) AS local,
           p.duration_seconds AS seconds
      FROM play_history AS p
     WHERE p.user_id = :user_id::uuid
       AND p.played_at >= (coalesce(:first_day::date, '-infinity')::timestamp
                           - interval '2 days') AT TIME ZONE 'UTC'
       AND p.played_at < (coalesce(:last_day::date, 'infinity')::timestamp
                          + interval '3 days') AT TIME ZONE 'UTC'
),
cell AS (
    SELECT date_trunc('hour', play.local) - date_trunc('week', play.local) AS since_monday,
           count(*) AS plays, sum(play.seconds) AS seconds
      FROM play
     WHERE (:first_day::date IS NULL AND :last_day::date IS NULL)
        OR play.local::date BETWEEN coalesce(:first_day::date, '-infinity')
                                AND coalesce(:last_day::date, 'infinity')
     GROUP BY 1
)
SELECT w.weekday, h.hour, coalesce(c.plays, 0) AS plays,
       (coalesce(c.seconds, 0) / 60.0)::float8 AS minutes
  FROM generate_series(1, 7) AS w (weekday)
 CROSS JOIN generate_series(0, 23) AS h (hour)
  LEFT JOIN cell AS c
    ON c.since_monday = make_interval(days => w.weekday - 1, hours => h.hour)
 ORDER BY w.weekday, h.hour;

-- name: list_top_releases(user_id, tz, by_minutes, first_day, last_day, max_rows)
-- The releases that were played most.
--
-- Titles decide only between those that are level at the end, so no other release is looked up.
--
-- Returns: 0..max_rows rows TopRelease.
-- Params:  by_minutes boolean: by listening time instead of by plays. tz text: NULL for the zone of
--          the user's preferences. first_day, last_day date: inclusive, NULL is open.
-- Index:   play_history_user_played_idx alone for the plays, releases_pkey for the page;
--          user_preferences_pkey.
-- Order:   the measure descending, then the other one, then the title and id; total.
-- Cost:    at most 200 buffers.
-- Locks:   none.
WITH zone AS (
    SELECT coalesce(:tz::text,
                    (SELECT u.preferences ->> 'timeZone'
                       FROM user_preferences AS u
                      WHERE u.user_id = :user_id::uuid),
                    'UTC') AS name
),
played AS (
    SELECT p.release_id, count(*) AS plays, sum(p.duration_seconds) AS seconds
      FROM play_history AS p
     WHERE p.user_id = :user_id::uuid
       AND p.played_at >= (coalesce(:first_day::date, '-infinity')::timestamp
                           - interval '2 days') AT TIME ZONE 'UTC'
       AND p.played_at < (coalesce(:last_day::date, 'infinity')::timestamp
                          + interval '3 days') AT TIME ZONE 'UTC'
       AND ((:first_day::date IS NULL AND :last_day::date IS NULL)
            OR (p.played_at AT TIME ZONE (SELECT zone.name FROM zone))::date
               BETWEEN coalesce(:first_day::date, '-infinity')
                   AND coalesce(:last_day::date, 'infinity'))
     GROUP BY p.release_id
),
top AS (
    SELECT played.release_id, played.plays, played.seconds
      FROM played
     ORDER BY CASE WHEN :by_minutes::boolean THEN played.seconds ELSE played.plays END DESC,
              CASE WHEN :by_minutes::boolean THEN played.plays ELSE played.seconds END DESC
     FETCH FIRST (:max_rows::int) ROWS WITH TIES
)
SELECT r.id, r.title AS name, top.plays, (top.seconds / 60.0)::float8 AS minutes,
       1::bigint AS releases, r.card AS release
  FROM top
  JOIN releases AS r
    ON r.id = top.release_id
 ORDER BY CASE WHEN :by_minutes::boolean THEN top.seconds ELSE top.plays END DESC,
          CASE WHEN :by_minutes::boolean THEN top.plays ELSE top.seconds END DESC,
          r.title COLLATE "C", r.id
 LIMIT :max_rows::int;

-- name: list_top_names(user_id, kind, tz, by_minutes, first_day, last_day, max_rows)
-- The artists, labels, genres, styles or decades that were played most.
--
-- Plays are summed for each release and then for each artist, label ...; names are looked up for
-- those at the top alone. A release of two genres counts for both. The LATERALs hold the planner to
-- an index look-up for each release: it takes the number of releases for five times what it is and
-- would read all credits of a catalogue of 100,000 (top artists of 20,000 plays: 32 ms, by look-ups
-- 22).
--
-- Returns: 0..max_rows rows TopName.
-- Params:  kind text: 'artist', 'label', 'genre', 'style' or 'decade'. by_minutes boolean: by
--          listening time instead of by plays. tz text: NULL for the zone of
--          the user's preferences. first_day, last_day date: inclusive, NULL is open.
-- Index:   play_history_user_played_idx alone for the plays; for the names, by their kind,
--          release_artists_pkey, release_labels_pkey, release_genres_pkey, release_styles_pkey,
--          releases_pkey; user_preferences_pkey.
-- Order:   the measure descending, then the other one, then the name and id; total.
-- Plan:    custom: with the kind known only its own branch is left.
-- Cost:    at most 410 buffers.
-- Locks:   none.
WITH zone AS (
    SELECT coalesce(:tz::text,
                    (SELECT u.preferences ->> 'timeZone'
                       FROM user_preferences AS u
                      WHERE u.user_id = :user_id::uuid),
                    'UTC') AS name
),
played AS (
    SELECT p.release_id, count(*) AS plays, sum(p.duration_seconds) AS seconds
      FROM play_history AS p
     WHERE p.user_id = :user_id::uuid
       AND p.played_at >= (coalesce(:first_day::date, '-infinity')::timestamp
                           - interval '2 days') AT TIME ZONE 'UTC'
       AND p.played_at < (coalesce(:last_day::date, 'infinity')::timestamp
                          + interval '3 days') AT TIME ZONE 'UTC'
       AND ((:first_day::date IS NULL AND :last_day::date IS NULL)
            OR (p.played_at AT TIME ZONE (SELECT zone.name FROM zone))::date
               BETWEEN coalesce(:first_day::date, '-infinity')
                   AND coalesce(:last_day::date, 'infinity'))
     GROUP BY p.release_id
),
named AS (
    SELECT c.id, c.name, played.plays, played.seconds
      FROM played
     CROSS JOIN LATERAL (
               SELECT DISTINCT c.artist_id AS id, CASE WHEN c.artist_id IS NULL THEN c.name END
                 FROM release_artists AS c
                WHERE c.release_id = played.release_id
                  AND c.role IS NULL
           ) AS c (id, name)
     WHERE :kind::text = 'artist'
     UNION ALL
    SELECT c.id, c.name, played.plays, played.seconds
      FROM played
     CROSS JOIN LATERAL (
               SELECT DISTINCT c.label_id, CASE WHEN c.label_id IS NULL THEN c.name END
                 FROM release_labels AS c
                WHERE c.release_id = played.release_id
           ) AS c (id, name)
     WHERE :kind::text = 'label'
     UNION ALL
    SELECT c.id, NULL::text, played.plays, played.seconds
      FROM played
     CROSS JOIN LATERAL (
               SELECT DISTINCT c.genre_id
                 FROM release_genres AS c
                WHERE c.release_id = played.release_id
           ) AS c (id)
     WHERE :kind::text = 'genre'
     UNION ALL
    SELECT c.id, NULL::text, played.plays, played.seconds
      FROM played
     CROSS JOIN LATERAL (
               SELECT DISTINCT c.style_id
                 FROM release_styles AS c
                WHERE c.release_id = played.release_id
           ) AS c (id)
     WHERE :kind::text = 'style'
     UNION ALL
    SELECT NULL::uuid, r.decade, played.plays, played.seconds
      FROM played
     CROSS JOIN LATERAL (
               SELECT (r.year / 10 * 10)::text
                 FROM releases AS r
                WHERE r.id = played.release_id
                LIMIT 1
           ) AS r (decade)
     WHERE :kind::text = 'decade'
       AND r.decade IS NOT NULL
),
top AS (
    SELECT named.id, named.name, sum(named.plays)::bigint AS plays, sum(named.seconds) AS seconds,
           count(*) AS releases
      FROM named
     GROUP BY named.id, named.name
     ORDER BY CASE WHEN :by_minutes::boolean THEN sum(named.seconds)
                   ELSE sum(named.plays) END DESC,
              CASE WHEN :by_minutes::boolean THEN sum(named.plays)
                   ELSE sum(named.seconds) END DESC
     FETCH FIRST (:max_rows::int) ROWS WITH TIES
)
SELECT top.id, coalesce(top.name, a.name, l.name, g.name, s.name) AS name, top.plays,
       (top.seconds / 60.0)::float8 AS minutes, top.releases
  FROM top
  LEFT JOIN artists AS a
    ON :kind::text = 'artist' AND a.id = top.id
  LEFT JOIN labels AS l
    ON :kind::text = 'label' AND l.id = top.id
  LEFT JOIN genres AS g
    ON :kind::text = 'genre' AND g.id = top.id
  LEFT JOIN styles AS s
    ON :kind::text = 'style' AND s.id = top.id
 ORDER BY CASE WHEN :by_minutes::boolean THEN top.seconds ELSE top.plays END DESC,
          CASE WHEN :by_minutes::boolean THEN top.plays ELSE top.seconds END DESC,
          coalesce(top.name, a.name, l.name, g.name, s.name) COLLATE "C", top.id
 LIMIT :max_rows::int;

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
