-- Each user's copies of releases: the shelf.
-- Tables: user_releases, folders; releases for what is on the shelf; play_history,
--         cleaning_history and user_preferences for what has been done with it.
--
-- A copy is archived or on the shelf. The unfiltered lists and the random pick see the shelf only,
-- the filtered lists one or the other, and what takes a copy's id sees both. Plays and cleanings
-- belong to a release, so that all copies of it have been played and cleaned alike.

-- name: list_collection_newest(user_id, before_added_at, before_id, marks_at, page_size, page_offset)
-- One user's copies, latest added first, each with its release; one keyset page.
--
-- Without filters, so that the page that is read most is a short walk of one index under any
-- plan; what is filtered or sorted otherwise reads collection_pages.list_collection_descending.
--
-- Returns: 0..page_size rows Keyed[ShelfCopy]: added_at, id, then the copy.
-- Params:  before_added_at timestamptz, before_id uuid: last row of the previous page, NULL for the
--          first. marks_at timestamptz: when it is, for what has been done with each
--          release by then; NULL to leave those columns NULL, and their tables unread.
-- Index:   user_releases_user_added_idx (user_id, added_at DESC, id DESC), releases_pkey;
--          for the marks play_history_user_release_idx, cleaning_history_user_release_idx,
--          user_preferences_pkey.
-- Order:   added_at DESC, id DESC; total.
-- Cost:    at most 310 buffers.
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
)
SELECT c.added_at, c.id,
       c.id, c.release_id, c.folder_id, c.discogs_instance_id, c.rating,
       c.media_condition::text, c.sleeve_condition::text, c.notes, c.custom_fields,
       c.added_at, c.archived_at, c.archive_reason, c.updated_at, r.card AS release,
       marks.plays, marks.last_played_at, marks.last_cleaned_at, marks.cleanliness,
       marks.needs_cleaning, marks.neglected, marks.recently_played
  FROM user_releases AS c
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
 WHERE c.user_id = :user_id::uuid
   AND c.archived_at IS NULL
   AND (c.added_at, c.id) < (coalesce(:before_added_at::timestamptz, 'infinity'),
                              coalesce(:before_id::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
 ORDER BY c.added_at DESC, c.id DESC
 LIMIT :page_size::int OFFSET :page_offset::int;

-- name: list_collection_oldest(user_id, after_added_at, after_id, marks_at, page_size, page_offset)
-- One user's copies, earliest added first, each with its release; one keyset page.
--
-- Without filters, so that the page that is read most is a short walk of one index under any
-- plan; what is filtered or sorted otherwise reads collection_pages.list_collection_ascending.
--
-- Returns: 0..page_size rows Keyed[ShelfCopy]: added_at, id, then the copy.
-- Params:  after_added_at timestamptz, after_id uuid: last row of the previous page, NULL for the
--          first. marks_at timestamptz: when it is, for what has been done with each
--          release by then; NULL to leave those columns NULL, and their tables unread.
-- Index:   user_releases_user_added_idx (user_id, added_at DESC, id DESC), releases_pkey;
--          for the marks play_history_user_release_idx, cleaning_history_user_release_idx,
--          user_preferences_pkey.
-- Order:   added_at, id; total.
-- Cost:    at most 310 buffers.
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
)
SELECT c.added_at, c.id,
       c.id, c.release_id, c.folder_id, c.discogs_instance_id, c.rating,
       c.media_condition::text, c.sleeve_condition::text, c.notes, c.custom_fields,
       c.added_at, c.archived_at, c.archive_reason, c.updated_at, r.card AS release,
       marks.plays, marks.last_played_at, marks.last_cleaned_at, marks.cleanliness,
       marks.needs_cleaning, marks.neglected, marks.recently_played
  FROM user_releases AS c
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
 WHERE c.user_id = :user_id::uuid
   AND c.archived_at IS NULL
   AND (c.added_at, c.id) > (coalesce(:after_added_at::timestamptz, '-infinity'),
                              coalesce(:after_id::uuid, '00000000-0000-0000-0000-000000000000'))
 ORDER BY c.added_at, c.id
 LIMIT :page_size::int OFFSET :page_offset::int;

-- name: get_random_copy(user_id, seed, artist, label, genre, style, format, country, year_from, year_to, folder_id, min_rating, played_since, not_played_since, never_played, needs_cleaning, search)^
-- One copy off a user's shelf by chance, each that passes the filters as likely as any other.
--
-- Chance comes from the seed, so that the same seed finds the same copy again while the copies that
-- pass stay the same; a hash of each id puts them into an order that is as good as shuffled.
--
-- Returns: 0..1 rows Copy.
-- Params:  seed text: random, or what the caller wants to repeat. The filters as those of
--          collection_pages.list_collection_ascending.
-- Index:   user_releases_user_added_idx or another one that starts with the user, releases_pkey;
--          for a rare filter releases_facets_idx, user_releases_user_release_idx; for plays and
--          cleanings play_history_user_release_idx, cleaning_history_user_release_idx,
--          user_preferences_pkey.
-- Plan:    custom, as collection_pages.list_collection_ascending.
-- Cost:    at most 290 buffers.
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
),
pick AS (
    SELECT c.id
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
       AND c.archived_at IS NULL
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
     ORDER BY md5(:seed::text || c.id), c.id
     LIMIT 1
)
SELECT c.id, c.release_id, c.folder_id, c.discogs_instance_id, c.rating,
       c.media_condition::text, c.sleeve_condition::text, c.notes, c.custom_fields,
       c.added_at, c.archived_at, c.archive_reason, c.updated_at, r.card AS release
  FROM pick
  JOIN user_releases AS c
    ON c.user_id = :user_id::uuid AND c.id = pick.id
  JOIN releases AS r
    ON r.id = c.release_id;

-- name: get_copy(user_id, copy_id)^
-- One copy of a user, with its release.
--
-- Returns: 0..1 rows Copy.
-- Index:   user_releases_pkey (user_id, id), releases_pkey.
-- Cost:    at most 12 buffers.
-- Locks:   none.
SELECT c.id, c.release_id, c.folder_id, c.discogs_instance_id, c.rating,
       c.media_condition::text, c.sleeve_condition::text, c.notes, c.custom_fields,
       c.added_at, c.archived_at, c.archive_reason, c.updated_at, r.card AS release
  FROM user_releases AS c
  JOIN releases AS r
    ON r.id = c.release_id
 WHERE c.user_id = :user_id::uuid
   AND c.id = :copy_id::uuid;

-- name: lock_shelf(user_id)^
-- Wait until no import or sync writes what is this user's, and keep others waiting until the end.
--
-- Each of them decides by what is on the shelf what to put there; two at once would put the same
-- record there twice. With the transaction and not the session, so that it goes with a process that
-- was killed, and holds through a transaction pooler. Taken before any other lock of the user's
-- rows or the catalogue's.
--
-- Returns: one row bool, true.
-- Index:   none; no table is read.
-- Cost:    at most 11 buffers.
-- Locks:   an advisory lock of the user, until the transaction ends.
SELECT true
  FROM pg_advisory_xact_lock(hashtextextended('kleio:shelf:' || :user_id::uuid, 0));

-- name: insert_copy(user_id, release_id, discogs_id, folder_id, rating, media_condition, sleeve_condition, notes, custom_fields, added_at, now)^
-- Put one more copy of a release on a user's shelf.
--
-- Returns: 0..1 rows Copy; none where the catalogue has no such release.
-- Params:  release_id uuid or discogs_id int: which release; the other one is NULL. folder_id uuid:
--          NULL for Uncategorized. custom_fields text: a JSON object.
-- Index:   releases_pkey or releases_discogs_id_key, folders_user_id_number_key.
-- Cost:    at most 41 buffers.
-- Locks:   the new row. A folder that is not the user's is refused
--          (user_releases_folder_id_fkey, 23503).
WITH added AS (
    INSERT INTO user_releases (
        user_id, release_id, folder_id, rating, media_condition, sleeve_condition, notes,
        custom_fields, added_at, created_at, updated_at
    )
    SELECT :user_id::uuid, r.id,
           coalesce(:folder_id::uuid, (SELECT f.id
                                         FROM folders AS f
                                        WHERE f.user_id = :user_id::uuid
                                          AND f.number = 1)),
           :rating::smallint, :media_condition::text::media_condition,
           :sleeve_condition::text::sleeve_condition, :notes::text,
           :custom_fields::text::jsonb, :added_at::timestamptz, :now::timestamptz, :now
      FROM releases AS r
     WHERE r.id = :release_id::uuid
        OR r.discogs_id = :discogs_id::int
    RETURNING user_id, id, release_id, folder_id, discogs_instance_id, rating, media_condition,
              sleeve_condition, notes, custom_fields, added_at, archived_at, archive_reason,
              updated_at
)
SELECT c.id, c.release_id, c.folder_id, c.discogs_instance_id, c.rating,
       c.media_condition::text, c.sleeve_condition::text, c.notes, c.custom_fields,
       c.added_at, c.archived_at, c.archive_reason, c.updated_at, r.card AS release
  FROM added AS c
  JOIN releases AS r
    ON r.id = c.release_id
 WHERE c.user_id = :user_id::uuid;

-- name: update_copy(user_id, copy_id, changes, expected_updated_at, now)^
-- Change a copy of a user.
--
-- Returns: 0..1 rows Copy; none where there is no such copy or it changed meanwhile.
-- Params:  changes text: a JSON object with the fields to change, by the API's names; null clears
--          one. expected_updated_at timestamptz: the version that the caller saw, NULL for any.
-- Index:   user_releases_pkey (user_id, id), releases_pkey.
-- Cost:    at most 47 buffers.
-- Locks:   the row. A folder that is not the user's is refused
--          (user_releases_folder_id_fkey, 23503).
WITH given AS MATERIALIZED (
    SELECT e.changes,
           (e.changes ->> 'mediaCondition')::media_condition AS media_condition,
           (e.changes ->> 'sleeveCondition')::sleeve_condition AS sleeve_condition,
           (e.changes ->> 'addedAt')::timestamptz AS added_at
      FROM (SELECT :changes::text::jsonb AS changes) AS e
),
changed AS (
    UPDATE user_releases AS c
       SET folder_id = CASE WHEN given.changes ? 'folderId'
                            THEN (given.changes ->> 'folderId')::uuid ELSE c.folder_id END,
           rating = CASE WHEN given.changes ? 'rating'
                         THEN (given.changes ->> 'rating')::smallint ELSE c.rating END,
           media_condition = CASE WHEN given.changes ? 'mediaCondition'
                                  THEN given.media_condition ELSE c.media_condition END,
           sleeve_condition = CASE WHEN given.changes ? 'sleeveCondition'
                                   THEN given.sleeve_condition ELSE c.sleeve_condition END,
           notes = CASE WHEN given.changes ? 'notes'
                        THEN given.changes ->> 'notes' ELSE c.notes END,
           custom_fields = CASE WHEN given.changes ? 'customFields'
                                THEN given.changes -> 'customFields' ELSE c.custom_fields END,
           added_at = CASE WHEN given.changes ? 'addedAt'
                           THEN given.added_at ELSE c.added_at END,
           updated_at = :now::timestamptz
      FROM given
     WHERE c.user_id = :user_id::uuid
       AND c.id = :copy_id::uuid
       AND c.updated_at = coalesce(:expected_updated_at::timestamptz, c.updated_at)
    RETURNING c.user_id, c.id, c.release_id, c.folder_id, c.discogs_instance_id, c.rating,
              c.media_condition, c.sleeve_condition, c.notes, c.custom_fields, c.added_at,
              c.archived_at, c.archive_reason, c.updated_at
)
SELECT c.id, c.release_id, c.folder_id, c.discogs_instance_id, c.rating,
       c.media_condition::text, c.sleeve_condition::text, c.notes, c.custom_fields,
       c.added_at, c.archived_at, c.archive_reason, c.updated_at, r.card AS release
  FROM changed AS c
  JOIN releases AS r
    ON r.id = c.release_id
 WHERE c.user_id = :user_id::uuid;

-- name: update_copy_archived(user_id, copy_id, archive_reason, expected_updated_at, now)^
-- Take a copy off a user's shelf and keep it, with why.
--
-- Returns: 0..1 rows Copy; none where there is no such copy, it is archived already or it changed
--          meanwhile.
-- Params:  archive_reason text: 'sold' or another one that user_releases_archive_reason_check
--          knows. expected_updated_at timestamptz: the version that the caller saw, NULL for any.
-- Index:   user_releases_pkey (user_id, id), releases_pkey.
-- Cost:    at most 47 buffers.
-- Locks:   the row.
WITH changed AS (
    UPDATE user_releases AS c
       SET archived_at = :now::timestamptz,
           archive_reason = :archive_reason::text,
           updated_at = :now
     WHERE c.user_id = :user_id::uuid
       AND c.id = :copy_id::uuid
       AND c.archived_at IS NULL
       AND c.updated_at = coalesce(:expected_updated_at::timestamptz, c.updated_at)
    RETURNING c.user_id, c.id, c.release_id, c.folder_id, c.discogs_instance_id, c.rating,
              c.media_condition, c.sleeve_condition, c.notes, c.custom_fields, c.added_at,
              c.archived_at, c.archive_reason, c.updated_at
)
SELECT c.id, c.release_id, c.folder_id, c.discogs_instance_id, c.rating,
       c.media_condition::text, c.sleeve_condition::text, c.notes, c.custom_fields,
       c.added_at, c.archived_at, c.archive_reason, c.updated_at, r.card AS release
  FROM changed AS c
  JOIN releases AS r
    ON r.id = c.release_id
 WHERE c.user_id = :user_id::uuid;

-- name: update_copy_restored(user_id, copy_id, expected_updated_at, now)^
-- Put an archived copy back on a user's shelf, into the folder it was in.
--
-- Returns: 0..1 rows Copy; none where there is no such copy, it is not archived or it changed
--          meanwhile.
-- Params:  expected_updated_at timestamptz: the version that the caller saw, NULL for any.
-- Index:   user_releases_pkey (user_id, id), releases_pkey.
-- Cost:    at most 16 buffers.
-- Locks:   the row.
WITH changed AS (
    UPDATE user_releases AS c
       SET archived_at = NULL,
           archive_reason = NULL,
           updated_at = :now::timestamptz
     WHERE c.user_id = :user_id::uuid
       AND c.id = :copy_id::uuid
       AND c.archived_at IS NOT NULL
       AND c.updated_at = coalesce(:expected_updated_at::timestamptz, c.updated_at)
    RETURNING c.user_id, c.id, c.release_id, c.folder_id, c.discogs_instance_id, c.rating,
              c.media_condition, c.sleeve_condition, c.notes, c.custom_fields, c.added_at,
              c.archived_at, c.archive_reason, c.updated_at
)
SELECT c.id, c.release_id, c.folder_id, c.discogs_instance_id, c.rating,
       c.media_condition::text, c.sleeve_condition::text, c.notes, c.custom_fields,
       c.added_at, c.archived_at, c.archive_reason, c.updated_at, r.card AS release
  FROM changed AS c
  JOIN releases AS r
    ON r.id = c.release_id
 WHERE c.user_id = :user_id::uuid;

-- name: delete_copy(user_id, copy_id)!
-- Take a copy off a user's shelf for good; its plays and cleanings stay, as those of the release.
--
-- Returns: the number of copies deleted, 0 or 1.
-- Index:   user_releases_pkey (user_id, id), play_history_user_copy_idx,
--          cleaning_history_user_copy_idx, discogs_copies_pkey.
-- Cost:    at most 19 buffers.
-- Locks:   the copy, its plays and cleanings, and what Discogs said of it.
WITH played AS (
    UPDATE play_history AS p
       SET user_release_id = NULL
     WHERE p.user_id = :user_id::uuid
       AND p.user_release_id = :copy_id::uuid
),
cleaned AS (
    UPDATE cleaning_history AS h
       SET user_release_id = NULL
     WHERE h.user_id = :user_id::uuid
       AND h.user_release_id = :copy_id::uuid
),
known AS (
    DELETE FROM discogs_copies AS b
     WHERE b.user_id = :user_id::uuid
       AND b.id = :copy_id::uuid
)
DELETE FROM user_releases AS c
 WHERE c.user_id = :user_id::uuid
   AND c.id = :copy_id::uuid;
