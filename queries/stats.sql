-- What a user's plays tell, each in one statement over the user's own rows.
-- Tables: play_history, user_preferences; releases and what belongs to them for names.
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
