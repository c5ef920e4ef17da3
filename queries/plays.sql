-- Each user's plays.
-- Tables: play_history; releases and tracks for what was played and how long that takes.

-- name: insert_play(user_id, release_id, copy_id, stylus_id, with_primary, played_at, duration_seconds, side, notes, now)^
-- Log a play.
--
-- Its duration is the one given; else the sum of the side's tracks; else the release's playing
-- time, of which a side is its share; else 40 minutes; at most 48 hours. All but the first are
-- marked as estimated. A release has the sides of its tracks and the one that was played, two where
-- no track has any. Index tracks count with their own duration, or with their sub-tracks', each on
-- its own side; a duration of 0 is unknown. One level of sub-tracks is looked at, as Discogs has no
-- other (none of the 255 sub-tracks in 1,001 releases of its dumps is below another one): a deeper
-- track would count beside an upper index's duration. update_play estimates in the same way.
--
-- Returns: 0..1 rows UUID: the id; none where there is no such release, or the copy is not of it.
-- Params:  release_id uuid: NULL for that of the copy. copy_id uuid: NULL where not known.
--          stylus_id uuid: NULL for none, or with_primary boolean for the user's primary one, where
--          there is one. duration_seconds int, side text: NULL where not given.
-- Index:   releases_pkey, user_releases_pkey (user_id, id) with a copy, tracks_pkey with a side,
--          styluses_user_primary_key with the primary stylus.
-- Cost:    at most 38 buffers.
-- Locks:   the new row. A stylus that is not the user's is refused (play_history_stylus_id_fkey,
--          23503); a copy that is not is none.
WITH played AS (
    SELECT r.id, r.play_duration, c.id AS copy_id
      FROM (SELECT :release_id::uuid AS release_id, :copy_id::uuid AS copy_id) AS given
      LEFT JOIN user_releases AS c
        ON c.user_id = :user_id::uuid AND c.id = given.copy_id
      JOIN releases AS r
        ON r.id = coalesce(given.release_id, c.release_id)
     WHERE given.copy_id IS NULL
        OR c.release_id = r.id
),
line AS (
    SELECT side_of(t.position) AS side, nullif(t.duration_seconds, 0) AS seconds
      FROM played
      JOIN tracks AS t
        ON t.release_id = played.id AND t.type <> 'heading'
      LEFT JOIN tracks AS parent
        ON parent.release_id = played.id AND parent.seq = t.parent_seq
     WHERE :side::text IS NOT NULL
       AND coalesce(parent.duration_seconds, 0) = 0
),
side AS (
    SELECT sum(line.seconds) FILTER (WHERE line.side = :side::text) AS seconds,
           greatest(count(DISTINCT line.side)
                        + (NOT coalesce(bool_or(line.side = :side::text), false))::int,
                    CASE WHEN count(line.side) = 0 THEN 2 END) AS sides
      FROM line
)
INSERT INTO play_history (
    user_id, release_id, user_release_id, stylus_id, played_at, duration_seconds,
    duration_estimated, side, notes, created_at, updated_at
)
SELECT :user_id::uuid, played.id, played.copy_id,
       CASE WHEN :with_primary::boolean
            THEN (SELECT s.id
                    FROM styluses AS s
                   WHERE s.user_id = :user_id::uuid
                     AND s.is_primary)
            ELSE :stylus_id::uuid END,
       :played_at::timestamptz,
       coalesce(
           :duration_seconds::int,
           least(
               CASE WHEN :side::text IS NULL THEN coalesce(played.play_duration, 2400)
                    ELSE coalesce(side.seconds,
                                  coalesce(played.play_duration, 2400) / side.sides) END,
               172800
           )
       ),
       :duration_seconds::int IS NULL, :side::text, :notes::text, :now::timestamptz, :now
  FROM played
 CROSS JOIN side
RETURNING id;

-- name: insert_plays(user_id, plays, now)!
-- Log many plays of a user's copies at once, none of them timed.
--
-- Returns: the number of plays.
-- Params:  plays jsonb: an array of objects with copyId and playedAt, and where there is one
--          stylusId, side, notes and durationSeconds, the estimate; without it the estimate is the
--          release's playing time, else 40 minutes.
-- Index:   user_releases_pkey (user_id, id) or another one that starts with the user,
--          releases_pkey.
-- Cost:    at most 330 buffers for ten.
-- Locks:   the new rows. A stylus that is not the user's is refused (play_history_stylus_id_fkey,
--          23503); a copy that is not is left out.
INSERT INTO play_history (
    user_id, release_id, user_release_id, stylus_id, played_at, duration_seconds,
    duration_estimated, side, notes, created_at, updated_at
)
SELECT :user_id::uuid, c.release_id, c.id, given."stylusId", given."playedAt",
       least(coalesce(given."durationSeconds", r.play_duration, 2400), 172800), true, given.side,
       given.notes, :now::timestamptz, :now
  FROM jsonb_to_recordset(:plays::jsonb) AS given (
           "copyId" uuid, "stylusId" uuid, "playedAt" timestamptz, "durationSeconds" int,
           side text, notes text
       )
  JOIN user_releases AS c
    ON c.user_id = :user_id::uuid AND c.id = given."copyId"
  JOIN releases AS r
    ON r.id = c.release_id
 ORDER BY given."playedAt";

-- name: get_play(user_id, play_id)^
-- One play of a user, with its release.
--
-- Returns: 0..1 rows Play.
-- Index:   play_history_pkey (user_id, id), releases_pkey.
-- Cost:    at most 14 buffers.
-- Locks:   none.
SELECT p.id, p.release_id, p.user_release_id AS copy_id, p.stylus_id, p.played_at,
       p.duration_seconds, p.duration_estimated, p.side, p.notes, p.updated_at, r.card AS release
  FROM play_history AS p
  JOIN releases AS r
    ON r.id = p.release_id
 WHERE p.user_id = :user_id::uuid
   AND p.id = :play_id::uuid;

-- name: list_plays(user_id, before_played_at, before_id, page_size, page_offset)
-- A user's plays, newest first, each with its release; one keyset page.
--
-- Without filters, as collection.list_collection_newest; what is filtered reads
-- list_filtered_plays.
--
-- Returns: 0..page_size rows Keyed[Play]: played_at, id, then the play.
-- Params:  before_played_at timestamptz, before_id uuid: last row of the previous page, NULL for
--          the first.
-- Index:   play_history_user_played_idx (user_id, played_at DESC, id DESC), releases_pkey.
-- Order:   played_at DESC, id DESC; total.
-- Cost:    at most 310 buffers.
-- Locks:   none.
SELECT p.played_at, p.id,
       p.id, p.release_id, p.user_release_id AS copy_id, p.stylus_id, p.played_at,
       p.duration_seconds, p.duration_estimated, p.side, p.notes, p.updated_at, r.card AS release
  FROM play_history AS p
  JOIN releases AS r
    ON r.id = p.release_id
 WHERE p.user_id = :user_id::uuid
   AND (p.played_at, p.id) < (coalesce(:before_played_at::timestamptz, 'infinity'),
                              coalesce(:before_id::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
 ORDER BY p.played_at DESC, p.id DESC
 LIMIT :page_size::int OFFSET :page_offset::int;

-- name: list_filtered_plays(user_id, release_id, copy_id, stylus_id, artist, genre, since, until, before_played_at, before_id, page_size, page_offset)
-- A user's plays that pass filters, newest first, each with its release; one keyset page.
--
-- Returns: 0..page_size rows Keyed[Play]: played_at, id, then the play.
-- Params:  since timestamptz inclusive, until timestamptz exclusive; artist, genre: names,
--          normalised here; all are NULL where they are no filter. before_played_at timestamptz,
--          before_id uuid: last row of the previous page, NULL for the first.
-- Index:   play_history_user_played_idx, releases_pkey; for a release
--          play_history_user_release_idx, for a stylus play_history_user_stylus_idx, for a rare
--          artist releases_facets_idx.
-- Order:   played_at DESC, id DESC; total.
-- Plan:    custom: only with the filters known does the planner choose the index.
-- Cost:    at most 270 buffers.
-- Locks:   none.
SELECT p.played_at, p.id,
       p.id, p.release_id, p.user_release_id AS copy_id, p.stylus_id, p.played_at,
       p.duration_seconds, p.duration_estimated, p.side, p.notes, p.updated_at, r.card AS release
  FROM play_history AS p
  JOIN releases AS r
    ON r.id = p.release_id
 WHERE p.user_id = :user_id::uuid
   AND (:release_id::uuid IS NULL OR p.release_id = :release_id::uuid)
   AND (:copy_id::uuid IS NULL OR p.user_release_id = :copy_id::uuid)
   AND (:stylus_id::uuid IS NULL OR p.stylus_id = :stylus_id::uuid)
   AND (:since::timestamptz IS NULL OR p.played_at >= :since::timestamptz)
   AND (:until::timestamptz IS NULL OR p.played_at < :until::timestamptz)
   AND (release_facets(:artist::text, NULL, :genre::text, NULL, NULL, NULL, NULL, NULL) IS NULL
        OR r.facets @> release_facets(:artist::text, NULL, :genre::text, NULL, NULL, NULL, NULL,
                                      NULL))
   AND (p.played_at, p.id) < (coalesce(:before_played_at::timestamptz, 'infinity'),
                              coalesce(:before_id::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
 ORDER BY p.played_at DESC, p.id DESC
 LIMIT :page_size::int OFFSET :page_offset::int;

-- name: count_plays(user_id, release_id, copy_id, stylus_id, artist, genre, since, until)$
-- How many plays of a user pass the filters of list_filtered_plays.
--
-- Returns: one bigint.
-- Index:   play_history_user_played_idx or another one that starts with the user, releases_pkey;
--          for a release play_history_user_release_idx, for a stylus play_history_user_stylus_idx,
--          for a rare artist releases_facets_idx.
-- Plan:    custom, as list_filtered_plays.
-- Cost:    at most 26 buffers.
-- Locks:   none.
SELECT count(*)
  FROM play_history AS p
  JOIN releases AS r
    ON r.id = p.release_id
 WHERE p.user_id = :user_id::uuid
   AND (:release_id::uuid IS NULL OR p.release_id = :release_id::uuid)
   AND (:copy_id::uuid IS NULL OR p.user_release_id = :copy_id::uuid)
   AND (:stylus_id::uuid IS NULL OR p.stylus_id = :stylus_id::uuid)
   AND (:since::timestamptz IS NULL OR p.played_at >= :since::timestamptz)
   AND (:until::timestamptz IS NULL OR p.played_at < :until::timestamptz)
   AND (release_facets(:artist::text, NULL, :genre::text, NULL, NULL, NULL, NULL, NULL) IS NULL
        OR r.facets @> release_facets(:artist::text, NULL, :genre::text, NULL, NULL, NULL, NULL,
                                      NULL));

-- name: update_play(user_id, play_id, changes, expected_updated_at, now)!
-- Change a play; a duration that is given is no longer an estimate.
--
-- The duration is estimated anew, as insert_play does, where it is taken back (null), and where it
-- was estimated and the side changes.
--
-- Returns: the number of plays changed; 0 where there is none or it changed meanwhile.
-- Params:  changes text: a JSON object with the fields to change, by the API's names; null clears
--          one. expected_updated_at timestamptz: the version that the caller saw, NULL for any.
-- Index:   play_history_pkey (user_id, id); for a new estimate releases_pkey, tracks_pkey.
-- Cost:    at most 46 buffers.
-- Locks:   the row. A stylus that is not the user's is refused (play_history_stylus_id_fkey,
--          23503).
WITH given AS MATERIALIZED (
    SELECT e.changes, (e.changes ->> 'playedAt')::timestamptz AS played_at
      FROM (SELECT :changes::text::jsonb AS changes) AS e
),
played AS (
    SELECT r.id, r.play_duration,
           CASE WHEN given.changes ? 'side' THEN given.changes ->> 'side' ELSE p.side END AS side
      FROM given
      JOIN play_history AS p
        ON p.user_id = :user_id::uuid AND p.id = :play_id::uuid
      JOIN releases AS r
        ON r.id = p.release_id
     WHERE given.changes ->> 'durationSeconds' IS NULL
       AND (given.changes ? 'durationSeconds' OR (p.duration_estimated AND given.changes ? 'side'))
),
line AS (
    SELECT side_of(t.position) AS side, nullif(t.duration_seconds, 0) AS seconds
      FROM played
      JOIN tracks AS t
        ON t.release_id = played.id AND t.type <> 'heading'
      LEFT JOIN tracks AS parent
        ON parent.release_id = played.id AND parent.seq = t.parent_seq
     WHERE played.side IS NOT NULL
       AND coalesce(parent.duration_seconds, 0) = 0
),
estimate AS (
    SELECT least(
               CASE WHEN played.side IS NULL THEN coalesce(played.play_duration, 2400)
                    ELSE coalesce(side.seconds,
                                  coalesce(played.play_duration, 2400) / side.sides) END,
               172800
           )::int AS seconds
      FROM played
     CROSS JOIN LATERAL (
               SELECT sum(line.seconds) FILTER (WHERE line.side = played.side) AS seconds,
                      greatest(count(DISTINCT line.side)
                                   + (NOT coalesce(bool_or(line.side = played.side), false))::int,
                               CASE WHEN count(line.side) = 0 THEN 2 END) AS sides
                 FROM line
           ) AS side
)
UPDATE play_history AS p
   SET played_at = coalesce(given.played_at, p.played_at),
       duration_seconds = coalesce((given.changes ->> 'durationSeconds')::int, estimate.seconds,
                                   p.duration_seconds),
       duration_estimated = CASE WHEN given.changes ? 'durationSeconds'
                                 THEN given.changes ->> 'durationSeconds' IS NULL
                                 ELSE p.duration_estimated END,
       stylus_id = CASE WHEN given.changes ? 'stylusId'
                        THEN (given.changes ->> 'stylusId')::uuid ELSE p.stylus_id END,
       side = CASE WHEN given.changes ? 'side' THEN given.changes ->> 'side' ELSE p.side END,
       notes = CASE WHEN given.changes ? 'notes' THEN given.changes ->> 'notes' ELSE p.notes END,
       updated_at = :now::timestamptz
  FROM given
  LEFT JOIN estimate
    ON true
 WHERE p.user_id = :user_id::uuid
   AND p.id = :play_id::uuid
   AND p.updated_at = coalesce(:expected_updated_at::timestamptz, p.updated_at);

-- name: delete_play(user_id, play_id)^
-- Delete a play, and tell all of it, so that it can be put back.
--
-- Returns: 0..1 rows RemovedPlay.
-- Index:   play_history_pkey (user_id, id), releases_pkey.
-- Cost:    at most 24 buffers.
-- Locks:   the row.
DELETE FROM play_history AS p
 USING releases AS r
 WHERE p.user_id = :user_id::uuid
   AND p.id = :play_id::uuid
   AND r.id = p.release_id
RETURNING p.id, p.release_id, p.user_release_id AS copy_id, p.stylus_id, p.played_at,
          p.duration_seconds, p.duration_estimated, p.side, p.notes, p.created_at,
          r.title AS release_title;

-- name: insert_removed_play(user_id, play_id, release_id, copy_id, stylus_id, played_at, duration_seconds, duration_estimated, side, notes, created_at, now)!
-- Put a play back as it was, under its id, so that what an import has noted of it is true again.
--
-- Returns: the number of plays put back; 0 where it is back already.
-- Params:  those of RemovedPlay; a copy or a stylus that has gone meanwhile is none.
-- Index:   play_history_pkey, user_releases_pkey and styluses_pkey (user_id, id).
-- Cost:    at most 38 buffers.
-- Locks:   the new row.
INSERT INTO play_history (
    user_id, id, release_id, user_release_id, stylus_id, played_at, duration_seconds,
    duration_estimated, side, notes, created_at, updated_at
)
SELECT :user_id::uuid, :play_id::uuid, :release_id::uuid,
       (SELECT c.id
          FROM user_releases AS c
         WHERE c.user_id = :user_id::uuid
           AND c.id = :copy_id::uuid),
       (SELECT s.id
          FROM styluses AS s
         WHERE s.user_id = :user_id::uuid
           AND s.id = :stylus_id::uuid),
       :played_at::timestamptz, :duration_seconds::int, :duration_estimated::boolean, :side::text,
       :notes::text, :created_at::timestamptz, :now::timestamptz
    ON CONFLICT (user_id, id) DO NOTHING;

-- name: delete_plays_before(user_id, before)!
-- Delete a user's plays that are older than a moment.
--
-- Returns: the number of plays deleted.
-- Params:  before timestamptz: plays at that moment stay.
-- Index:   play_history_user_played_idx (user_id, played_at DESC, id DESC).
-- Cost:    at most 16 buffers.
-- Locks:   the rows.
DELETE FROM play_history AS p
 WHERE p.user_id = :user_id::uuid
   AND p.played_at < :before::timestamptz;
