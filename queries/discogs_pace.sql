-- When Kleio may call Discogs: one limit for all processes, because it holds for an address.
-- Tables: discogs_pace.

-- name: update_pace_taken(calls_a_minute, window_seconds, seen_seconds_ago, seen_limit, seen_used, now)^
-- Take the next free moment for one call, and say how long it is until then.
--
-- The window slides: a call is free when the one that is `permitted` calls before it is older than
-- the window. Moments ahead are taken in the order of asking, so nobody starves; two that ask at
-- once wait for each other on the row. Calls that Discogs has counted and Kleio has not made
-- belong to other programs behind the same address: what they use up beyond the reserve is left
-- to them, for three windows or until an answer tells something newer.
--
-- Returns: 0..1 rows Moment: seconds to wait from now on, and how many calls a window now holds;
--          none where the migration's row is gone.
-- Params:  calls_a_minute int: what Kleio may take; window_seconds double precision: 60 and what a
--          call may be late. seen_limit int, seen_used int, seen_seconds_ago double precision: the
--          headers of the caller's last answer and how long ago it came, NULL before the first.
--          now timestamptz: NULL for the server's clock, which all processes share.
-- Index:   discogs_pace_pkey.
-- Cost:    at most 19 buffers.
-- Locks:   the row, for this statement.
-- Allow:   time-in-write: all processes share the server's clock, and a lock is waited for first.
WITH held AS MATERIALIZED (
    SELECT p.id, p.calls, p.others, p.others_seen_at, p.call_limit, p.blocked_until
      FROM discogs_pace AS p
     WHERE p.id = 1
       FOR NO KEY UPDATE
),
moment AS (
    -- After the lock: who waited for it would else come with a time that has passed.
    SELECT h.id, h.calls, h.others, h.others_seen_at, h.blocked_until,
           coalesce(:seen_limit::int, h.call_limit) AS call_limit,
           coalesce(:now::timestamptz, clock_timestamp()) AS now,
           make_interval(secs => :window_seconds::double precision) AS span,
           make_interval(secs => :seen_seconds_ago::double precision) AS seen_ago
      FROM held AS h
),
counted AS (
    SELECT m.id, m.now, m.span, m.blocked_until, m.call_limit,
           ARRAY(
               SELECT t.at
                 FROM unnest(m.calls) AS t (at)
                WHERE t.at > m.now - m.span
                ORDER BY t.at
           ) AS calls,
           CASE WHEN :seen_used::int IS NOT NULL
                THEN greatest(0, :seen_used::int - (
                         SELECT count(*)
                           FROM unnest(m.calls) AS t (at)
                          WHERE t.at <= m.now - m.seen_ago
                            AND t.at > m.now - m.seen_ago - m.span
                     ))::int
                WHEN m.others_seen_at > m.now - 3 * m.span THEN m.others
                ELSE 0
           END AS others,
           CASE WHEN :seen_used::int IS NOT NULL THEN m.now - m.seen_ago
                ELSE m.others_seen_at
           END AS others_seen_at
      FROM moment AS m
),
allowed AS (
    -- Two of the limit are never used: Discogs' window and ours do not begin at the same instant.
    SELECT c.id, c.now, c.span, c.blocked_until, c.call_limit, c.calls, c.others, c.others_seen_at,
           cardinality(c.calls) AS taken,
           greatest(1, least(:calls_a_minute::int,
                             c.call_limit - 2 - c.others)) AS permitted
      FROM counted AS c
),
chosen AS (
    SELECT a.id, a.now, a.call_limit, a.calls, a.others, a.others_seen_at, a.permitted,
           greatest(a.now, a.blocked_until, a.calls[a.taken],
                    CASE WHEN a.taken >= a.permitted
                         THEN a.calls[a.taken - a.permitted + 1] + a.span
                    END) AS at
      FROM allowed AS a
)
UPDATE discogs_pace AS p
   SET calls = c.calls || c.at,
       others = c.others,
       others_seen_at = c.others_seen_at,
       call_limit = c.call_limit
  FROM chosen AS c
 WHERE p.id = c.id
RETURNING extract(epoch FROM c.at - c.now)::double precision AS wait_seconds, c.permitted;

-- name: update_pace_blocked(seconds, now)!
-- Let nobody call Discogs for a while, because it said so.
--
-- Returns: 1.
-- Params:  seconds double precision; now timestamptz: NULL for the server's clock.
-- Index:   discogs_pace_pkey.
-- Cost:    at most 16 buffers.
-- Locks:   the row.
-- Allow:   time-in-write: all processes share the server's clock; a test gives its own.
UPDATE discogs_pace AS p
   SET blocked_until = greatest(
           p.blocked_until,
           coalesce(:now::timestamptz, clock_timestamp())
               + make_interval(secs => :seconds::double precision)
       )
 WHERE p.id = 1;
