-- Each user's copies, filtered and in any order: pages of them, and how many there are.
-- Tables: user_releases; releases for what is on the shelf; play_history, cleaning_history and
--         user_preferences for what has been done with it.
--
-- What is read without filters, by the time of adding, stands in collection.sql. Plays and
-- cleanings belong to a release, so that all copies of it have been played and cleaned alike.

-- name: list_collection_ascending(user_id, sort, artist, label, genre, style, format, country, year_from, year_to, folder_id, min_rating, played_since, not_played_since, never_played, needs_cleaning, archived, search, after_key, after_id, marks_at, page_size, page_offset)
-- One user's copies, filtered and by any order, ascending; one keyset page.
--
-- Whatever the key, the whole shelf has to be read and sorted (the first rows of the sort are kept
-- only), so one query with the key chosen by CASE costs nothing; the cards are fetched for the
-- page alone. Plays and cleanings are read only where the sort or a filter asks for them, and then
-- all of the user's at once: with 5,000 copies and 20,000 plays, a look at the index for each copy
-- takes about twice as long.
--
-- Returns: 0..page_size rows Keyed[ShelfCopy]: sort_key, id, then the copy.
-- Params:  sort text: 'added', 'artist', 'title', 'year' (unknown is 0), 'rating', 'played' (last;
--          never comes first), 'plays' (how many), 'cleaning' (0 clean to 100 dirty) or 'match'
--          (how like the search, scored as by releases.search_releases).
--          after_key text, after_id uuid: last row of the previous page, NULL for the first.
--          The filters are NULL where they are none, but archived boolean; search text: what a
--          person typed; not_played_since timestamptz passes what was never played too;
--          needs_cleaning boolean: a cleaning score of 60 or more. marks_at timestamptz: when it
--          is, for what has been done with each release by then; NULL to leave those columns NULL.
-- Index:   user_releases_user_added_idx or another one that starts with the user, releases_pkey;
--          for a rare filter releases_facets_idx, user_releases_user_release_idx; for plays and
--          cleanings play_history_user_release_idx, cleaning_history_user_release_idx,
--          user_preferences_pkey.
-- Order:   sort_key, id; total.
-- Plan:    custom: a generic plan starts from releases_facets_idx, which it reads whole.
-- Cost:    at most 600 buffers.
-- Locks:   none.
WITH setting AS MATERIALIZED (
    SELECT (:marks_at::timestamptz AT TIME ZONE coalesce(u.preferences ->> 'timeZone', 'UTC'))::date
               AS today,
           coalesce(u.preferences ->> 'timeZone', 'UTC') AS zone,
           coalesce((u.preferences ->> 'neglectedDays')::int, 365) AS neglected_days,
           coalesce((u.preferences ->> 'recentlyPlayedDays')::int, 180) AS recently_played_days,
           coalesce((u.preferences ->> 'cleaningFrequencyPlays')::int, 5) AS cleaning_frequency
      FROM (SELECT) AS one
      LEFT JOIN user_preferences AS u
        ON u.user_id = :user_id::uuid
),
played AS MATERIALIZED (
    SELECT p.release_id, max(p.played_at) AS last_played_at, count(*) AS plays
      FROM play_history AS p
     WHERE p.user_id = :user_id::uuid
     GROUP BY p.release_id
),
last_cleaned AS (
    SELECT h.release_id, max(h.cleaned_at) AS cleaned_at,
           coalesce((SELECT (u.preferences ->> 'cleaningFrequencyPlays')::numeric
                       FROM user_preferences AS u
                      WHERE u.user_id = :user_id::uuid), 5) AS frequency
      FROM cleaning_history AS h
     WHERE h.user_id = :user_id::uuid
     GROUP BY h.release_id
),
cleaning AS MATERIALIZED (
    SELECT l.release_id,
           least(100, count(p.played_at) / (l.frequency + 0.01) * 100) AS score
      FROM last_cleaned AS l
      LEFT JOIN play_history AS p
        ON p.user_id = :user_id::uuid
       AND p.release_id = l.release_id
       AND p.played_at > l.cleaned_at + interval '1 millisecond'
     GROUP BY l.release_id, l.frequency
),
shelf AS (
    SELECT c.id,
           CASE :sort::text
               WHEN 'added' THEN to_char(c.added_at AT TIME ZONE 'UTC',
                                         'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
               WHEN 'artist' THEN left(r.artist_normalized, 100)
               WHEN 'title' THEN left(r.title_normalized, 100)
               WHEN 'year' THEN to_char(coalesce(r.year, 0), 'FM0000')
               WHEN 'rating' THEN c.rating::text
               WHEN 'played' THEN coalesce(to_char(played.last_played_at AT TIME ZONE 'UTC',
                                                   'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '')
               WHEN 'plays' THEN to_char(coalesce(played.plays, 0), 'FM0000000000')
               WHEN 'cleaning' THEN to_char(coalesce(cleaning.score, 100), 'FM000.0000')
               WHEN 'match' THEN to_char(
                   coalesce(word_similarity(normalize_name(:search::text), r.search_text)
                            + similarity(normalize_name(:search::text), r.search_text) / 10, 0),
                   'FM0.000000'
               )
           END COLLATE "C" AS sort_key
      FROM user_releases AS c
      JOIN releases AS r
        ON r.id = c.release_id
      LEFT JOIN played
        ON played.release_id = c.release_id
       AND (:sort::text IN ('played', 'plays')
            OR :played_since::timestamptz IS NOT NULL
            OR :not_played_since::timestamptz IS NOT NULL
            OR :never_played::boolean IS NOT NULL)
      LEFT JOIN cleaning
        ON cleaning.release_id = c.release_id
       AND (:sort::text = 'cleaning' OR :needs_cleaning::boolean IS NOT NULL)
     WHERE c.user_id = :user_id::uuid
       AND (c.archived_at IS NOT NULL) = :archived::boolean
       AND (release_facets(
                :artist::text, :label::text, :genre::text, :style::text, :format::text,
                :country::text, NULL, NULL
            ) IS NULL
            OR r.facets @> release_facets(
                :artist::text, :label::text, :genre::text, :style::text, :format::text,
                :country::text, NULL, NULL
            ))
       AND (:year_from::int IS NULL OR r.year >= :year_from::int)
       AND (:year_to::int IS NULL OR r.year <= :year_to::int)
       AND (:folder_id::uuid IS NULL OR c.folder_id = :folder_id::uuid)
       AND (:min_rating::int IS NULL OR c.rating >= :min_rating::int)
       AND (:played_since::timestamptz IS NULL
            OR played.last_played_at >= :played_since::timestamptz)
       AND (:not_played_since::timestamptz IS NULL
            OR coalesce(played.last_played_at, '-infinity') < :not_played_since::timestamptz)
       AND (:never_played::boolean IS NULL OR (played.plays IS NULL) = :never_played::boolean)
       AND (:needs_cleaning::boolean IS NULL
            OR (coalesce(cleaning.score, 100) >= 60) = :needs_cleaning::boolean)
       AND (:search::text IS NULL OR r.search_text %%> ALL (search_words(:search::text)))
),
page AS (
    SELECT shelf.id, shelf.sort_key
      FROM shelf
     WHERE (:after_id::uuid IS NULL
            OR (shelf.sort_key, shelf.id) > (:after_key::text, :after_id::uuid))
     ORDER BY shelf.sort_key, shelf.id
     LIMIT :page_size::int OFFSET :page_offset::int
)
SELECT page.sort_key, page.id,
       c.id, c.release_id, c.folder_id, c.discogs_instance_id, c.rating,
       c.media_condition::text, c.sleeve_condition::text, c.notes, c.custom_fields,
       c.added_at, c.archived_at, c.archive_reason, c.updated_at, r.card AS release,
       marks.plays, marks.last_played_at, marks.last_cleaned_at, marks.cleanliness,
       marks.needs_cleaning, marks.neglected, marks.recently_played
  FROM page
  JOIN user_releases AS c
    ON c.user_id = :user_id::uuid AND c.id = page.id
  JOIN releases AS r
    ON r.id = c.release_id
  LEFT JOIN LATERAL (
           SELECT played.plays, played.last_played_at, cleaned.last_cleaned_at, dirt.cleanliness,
                  dirt.cleanliness >= 60 AS needs_cleaning,
                  setting.today - (coalesce(played.last_played_at, c.added_at)
                                   AT TIME ZONE setting.zone)::date
                      > setting.neglected_days AS neglected,
                  coalesce(setting.today - (played.last_played_at AT TIME ZONE setting.zone)::date
                           <= setting.recently_played_days, false) AS recently_played
             FROM setting
            CROSS JOIN (
                      SELECT max(h.cleaned_at) AS last_cleaned_at
                        FROM cleaning_history AS h
                       WHERE h.user_id = :user_id::uuid
                         AND h.release_id = c.release_id
                         AND :marks_at::timestamptz IS NOT NULL
                  ) AS cleaned
            CROSS JOIN LATERAL (
                      SELECT count(*) AS plays, max(p.played_at) AS last_played_at,
                             count(*) FILTER (WHERE p.played_at > cleaned.last_cleaned_at
                                                                  + interval '1 millisecond')
                                 AS plays_since
                        FROM play_history AS p
                       WHERE p.user_id = :user_id::uuid
                         AND p.release_id = c.release_id
                         AND :marks_at::timestamptz IS NOT NULL
                  ) AS played
            CROSS JOIN LATERAL (
                      SELECT CASE WHEN cleaned.last_cleaned_at IS NULL THEN 100
                                  ELSE least(100, played.plays_since * 100.0::float8
                                                  / (setting.cleaning_frequency + 0.01))
                             END::float8 AS cleanliness
                  ) AS dirt
            WHERE :marks_at::timestamptz IS NOT NULL
       ) AS marks ON true
 ORDER BY page.sort_key, page.id;

-- name: list_collection_descending(user_id, sort, artist, label, genre, style, format, country, year_from, year_to, folder_id, min_rating, played_since, not_played_since, never_played, needs_cleaning, archived, search, before_key, before_id, marks_at, page_size, page_offset)
-- One user's copies, filtered and by any order, descending; one keyset page.
--
-- Whatever the key, the whole shelf has to be read and sorted (the first rows of the sort are kept
-- only), so one query with the key chosen by CASE costs nothing; the cards are fetched for the
-- page alone. Plays and cleanings are read only where the sort or a filter asks for them, and then
-- all of the user's at once: with 5,000 copies and 20,000 plays, a look at the index for each copy
-- takes about twice as long.
--
-- Returns: 0..page_size rows Keyed[ShelfCopy]: sort_key, id, then the copy.
-- Params:  sort text: 'added', 'artist', 'title', 'year' (unknown is 0), 'rating', 'played' (last;
--          never comes first), 'plays' (how many), 'cleaning' (0 clean to 100 dirty) or 'match'
--          (how like the search, scored as by releases.search_releases).
--          before_key text, before_id uuid: last row of the previous page, NULL for the first.
--          The filters are NULL where they are none, but archived boolean; search text: what a
--          person typed; not_played_since timestamptz passes what was never played too;
--          needs_cleaning boolean: a cleaning score of 60 or more. marks_at timestamptz: when it
--          is, for what has been done with each release by then; NULL to leave those columns NULL.
-- Index:   user_releases_user_added_idx or another one that starts with the user, releases_pkey;
--          for a rare filter releases_facets_idx, user_releases_user_release_idx; for plays and
--          cleanings play_history_user_release_idx, cleaning_history_user_release_idx,
--          user_preferences_pkey.
-- Order:   sort_key DESC, id DESC; total.
-- Plan:    custom: a generic plan starts from releases_facets_idx, which it reads whole.
-- Cost:    at most 600 buffers.
-- Locks:   none.
WITH setting AS MATERIALIZED (
    SELECT (:marks_at::timestamptz AT TIME ZONE coalesce(u.preferences ->> 'timeZone', 'UTC'))::date
               AS today,
           coalesce(u.preferences ->> 'timeZone', 'UTC') AS zone,
           coalesce((u.preferences ->> 'neglectedDays')::int, 365) AS neglected_days,
           coalesce((u.preferences ->> 'recentlyPlayedDays')::int, 180) AS recently_played_days,
           coalesce((u.preferences ->> 'cleaningFrequencyPlays')::int, 5) AS cleaning_frequency
      FROM (SELECT) AS one
      LEFT JOIN user_preferences AS u
        ON u.user_id = :user_id::uuid
),
played AS MATERIALIZED (
    SELECT p.release_id, max(p.played_at) AS last_played_at, count(*) AS plays
      FROM play_history AS p
     WHERE p.user_id = :user_id::uuid
     GROUP BY p.release_id
),
last_cleaned AS (
    SELECT h.release_id, max(h.cleaned_at) AS cleaned_at,
           coalesce((SELECT (u.preferences ->> 'cleaningFrequencyPlays')::numeric
                       FROM user_preferences AS u
                      WHERE u.user_id = :user_id::uuid), 5) AS frequency
      FROM cleaning_history AS h
     WHERE h.user_id = :user_id::uuid
     GROUP BY h.release_id
),
cleaning AS MATERIALIZED (
    SELECT l.release_id,
           least(100, count(p.played_at) / (l.frequency + 0.01) * 100) AS score
      FROM last_cleaned AS l
      LEFT JOIN play_history AS p
        ON p.user_id = :user_id::uuid
       AND p.release_id = l.release_id
       AND p.played_at > l.cleaned_at + interval '1 millisecond'
     GROUP BY l.release_id, l.frequency
),
shelf AS (
    SELECT c.id,
           CASE :sort::text
               WHEN 'added' THEN to_char(c.added_at AT TIME ZONE 'UTC',
                                         'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
               WHEN 'artist' THEN left(r.artist_normalized, 100)
               WHEN 'title' THEN left(r.title_normalized, 100)
               WHEN 'year' THEN to_char(coalesce(r.year, 0), 'FM0000')
               WHEN 'rating' THEN c.rating::text
               WHEN 'played' THEN coalesce(to_char(played.last_played_at AT TIME ZONE 'UTC',
                                                   'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '')
               WHEN 'plays' THEN to_char(coalesce(played.plays, 0), 'FM0000000000')
               WHEN 'cleaning' THEN to_char(coalesce(cleaning.score, 100), 'FM000.0000')
               WHEN 'match' THEN to_char(
                   coalesce(word_similarity(normalize_name(:search::text), r.search_text)
                            + similarity(normalize_name(:search::text), r.search_text) / 10, 0),
                   'FM0.000000'
               )
           END COLLATE "C" AS sort_key
      FROM user_releases AS c
      JOIN releases AS r
        ON r.id = c.release_id
      LEFT JOIN played
        ON played.release_id = c.release_id
       AND (:sort::text IN ('played', 'plays')
            OR :played_since::timestamptz IS NOT NULL
            OR :not_played_since::timestamptz IS NOT NULL
            OR :never_played::boolean IS NOT NULL)
      LEFT JOIN cleaning
        ON cleaning.release_id = c.release_id
       AND (:sort::text = 'cleaning' OR :needs_cleaning::boolean IS NOT NULL)
     WHERE c.user_id = :user_id::uuid
       AND (c.archived_at IS NOT NULL) = :archived::boolean
       AND (release_facets(
                :artist::text, :label::text, :genre::text, :style::text, :format::text,
                :country::text, NULL, NULL
            ) IS NULL
            OR r.facets @> release_facets(
                :artist::text, :label::text, :genre::text, :style::text, :format::text,
                :country::text, NULL, NULL
            ))
       AND (:year_from::int IS NULL OR r.year >= :year_from::int)
       AND (:year_to::int IS NULL OR r.year <= :year_to::int)
       AND (:folder_id::uuid IS NULL OR c.folder_id = :folder_id::uuid)
       AND (:min_rating::int IS NULL OR c.rating >= :min_rating::int)
       AND (:played_since::timestamptz IS NULL
            OR played.last_played_at >= :played_since::timestamptz)
       AND (:not_played_since::timestamptz IS NULL
            OR coalesce(played.last_played_at, '-infinity') < :not_played_since::timestamptz)
       AND (:never_played::boolean IS NULL OR (played.plays IS NULL) = :never_played::boolean)
       AND (:needs_cleaning::boolean IS NULL
            OR (coalesce(cleaning.score, 100) >= 60) = :needs_cleaning::boolean)
       AND (:search::text IS NULL OR r.search_text %%> ALL (search_words(:search::text)))
),
page AS (
    SELECT shelf.id, shelf.sort_key
      FROM shelf
     WHERE (:before_id::uuid IS NULL
            OR (shelf.sort_key, shelf.id) < (:before_key::text, :before_id::uuid))
     ORDER BY shelf.sort_key DESC, shelf.id DESC
     LIMIT :page_size::int OFFSET :page_offset::int
)
SELECT page.sort_key, page.id,
       c.id, c.release_id, c.folder_id, c.discogs_instance_id, c.rating,
       c.media_condition::text, c.sleeve_condition::text, c.notes, c.custom_fields,
       c.added_at, c.archived_at, c.archive_reason, c.updated_at, r.card AS release,
       marks.plays, marks.last_played_at, marks.last_cleaned_at, marks.cleanliness,
       marks.needs_cleaning, marks.neglected, marks.recently_played
  FROM page
  JOIN user_releases AS c
    ON c.user_id = :user_id::uuid AND c.id = page.id
  JOIN releases AS r
    ON r.id = c.release_id
  LEFT JOIN LATERAL (
           SELECT played.plays, played.last_played_at, cleaned.last_cleaned_at, dirt.cleanliness,
                  dirt.cleanliness >= 60 AS needs_cleaning,
                  setting.today - (coalesce(played.last_played_at, c.added_at)
                                   AT TIME ZONE setting.zone)::date
                      > setting.neglected_days AS neglected,
                  coalesce(setting.today - (played.last_played_at AT TIME ZONE setting.zone)::date
                           <= setting.recently_played_days, false) AS recently_played
             FROM setting
            CROSS JOIN (
                      SELECT max(h.cleaned_at) AS last_cleaned_at
                        FROM cleaning_history AS h
                       WHERE h.user_id = :user_id::uuid
                         AND h.release_id = c.release_id
                         AND :marks_at::timestamptz IS NOT NULL
                  ) AS cleaned
            CROSS JOIN LATERAL (
                      SELECT count(*) AS plays, max(p.played_at) AS last_played_at,
                             count(*) FILTER (WHERE p.played_at > cleaned.last_cleaned_at
                                                                  + interval '1 millisecond')
                                 AS plays_since
                        FROM play_history AS p
                       WHERE p.user_id = :user_id::uuid
                         AND p.release_id = c.release_id
                         AND :marks_at::timestamptz IS NOT NULL
                  ) AS played
            CROSS JOIN LATERAL (
                      SELECT CASE WHEN cleaned.last_cleaned_at IS NULL THEN 100
                                  ELSE least(100, played.plays_since * 100.0::float8
                                                  / (setting.cleaning_frequency + 0.01))
                             END::float8 AS cleanliness
                  ) AS dirt
            WHERE :marks_at::timestamptz IS NOT NULL
       ) AS marks ON true
 ORDER BY page.sort_key DESC, page.id DESC;

-- name: count_collection(user_id, artist, label, genre, style, format, country, year_from, year_to, folder_id, min_rating, played_since, not_played_since, never_played, needs_cleaning, archived, search)$
-- How many copies of a user pass the filters of list_collection_ascending.
--
-- Returns: one bigint.
-- Index:   user_releases_user_added_idx or another one that starts with the user, releases_pkey;
--          for a rare filter releases_facets_idx, user_releases_user_release_idx; for plays and
--          cleanings play_history_user_release_idx, cleaning_history_user_release_idx,
--          user_preferences_pkey.
-- Plan:    custom: a generic plan starts from releases_facets_idx, which it reads whole.
-- Cost:    at most 280 buffers.
-- Locks:   none.
WITH played AS MATERIALIZED (
    SELECT p.release_id, max(p.played_at) AS last_played_at, count(*) AS plays
      FROM play_history AS p
     WHERE p.user_id = :user_id::uuid
     GROUP BY p.release_id
),
last_cleaned AS (
    SELECT h.release_id, max(h.cleaned_at) AS cleaned_at,
           coalesce((SELECT (u.preferences ->> 'cleaningFrequencyPlays')::numeric
                       FROM user_preferences AS u
                      WHERE u.user_id = :user_id::uuid), 5) AS frequency
      FROM cleaning_history AS h
     WHERE h.user_id = :user_id::uuid
     GROUP BY h.release_id
),
cleaning AS MATERIALIZED (
    SELECT l.release_id,
           least(100, count(p.played_at) / (l.frequency + 0.01) * 100) AS score
      FROM last_cleaned AS l
      LEFT JOIN play_history AS p
        ON p.user_id = :user_id::uuid
       AND p.release_id = l.release_id
       AND p.played_at > l.cleaned_at + interval '1 millisecond'
     GROUP BY l.release_id, l.frequency
)
SELECT count(*)
  FROM user_releases AS c
  JOIN releases AS r
    ON r.id = c.release_id
  LEFT JOIN played
    ON played.release_id = c.release_id
   AND (:played_since::timestamptz IS NOT NULL
        OR :not_played_since::timestamptz IS NOT NULL
        OR :never_played::boolean IS NOT NULL)
  LEFT JOIN cleaning
    ON cleaning.release_id = c.release_id
   AND :needs_cleaning::boolean IS NOT NULL
 WHERE c.user_id = :user_id::uuid
   AND (c.archived_at IS NOT NULL) = :archived::boolean
   AND (release_facets(
            :artist::text, :label::text, :genre::text, :style::text, :format::text,
            :country::text, NULL, NULL
        ) IS NULL
        OR r.facets @> release_facets(
            :artist::text, :label::text, :genre::text, :style::text, :format::text,
            :country::text, NULL, NULL
        ))
   AND (:year_from::int IS NULL OR r.year >= :year_from::int)
   AND (:year_to::int IS NULL OR r.year <= :year_to::int)
   AND (:folder_id::uuid IS NULL OR c.folder_id = :folder_id::uuid)
   AND (:min_rating::int IS NULL OR c.rating >= :min_rating::int)
   AND (:played_since::timestamptz IS NULL
        OR played.last_played_at >= :played_since::timestamptz)
   AND (:not_played_since::timestamptz IS NULL
        OR coalesce(played.last_played_at, '-infinity') < :not_played_since::timestamptz)
   AND (:never_played::boolean IS NULL OR (played.plays IS NULL) = :never_played::boolean)
   AND (:needs_cleaning::boolean IS NULL
        OR (coalesce(cleaning.score, 100) >= 60) = :needs_cleaning::boolean)
   AND (:search::text IS NULL OR r.search_text %%> ALL (search_words(:search::text)));
