-- Guesses at passwords and tokens: how many an account and an address have left.
-- Tables: attempts.
--
-- A subject may try so often in a window. One number says it all: `free_at`, which each attempt
-- moves on by the subject's gap (the window through its attempts), and which may not lie further
-- ahead than the window. That is the generic cell rate algorithm of ATM networks.

-- name: upsert_attempt(subject, gap_seconds, window_seconds, now)^
-- Count an attempt of a subject that has one left, before it is known whether it succeeds.
--
-- Before and not after, so that a thousand guesses at once on all workers don't all find a count
-- of none. What is refused moves nothing on: who waits as long as told is let in. One that lost
-- against others at the same moment does not see what they have written, and waits for one gap.
--
-- Returns: one row Wait: the seconds until the subject may try, 0 where this attempt was counted.
-- Params:  subject bytea: a SHA-256. gap_seconds, window_seconds double precision.
-- Index:   attempts_pkey.
-- Cost:    at most 19 buffers.
-- Locks:   the subject's row, for this statement.
WITH counted AS (
    INSERT INTO attempts AS a (subject, free_at)
    VALUES (:subject::bytea,
            :now::timestamptz + make_interval(secs => :gap_seconds::double precision))
        ON CONFLICT (subject) DO UPDATE
       SET free_at = greatest(a.free_at, :now) + (excluded.free_at - :now)
     WHERE a.free_at + (excluded.free_at - :now)
           <= :now + make_interval(secs => :window_seconds::double precision)
    RETURNING a.subject
)
SELECT CASE WHEN EXISTS (SELECT FROM counted) THEN 0
            ELSE coalesce(
                     (SELECT nullif(
                                 greatest(
                                     extract(epoch FROM a.free_at - :now)::double precision
                                     + :gap_seconds - :window_seconds,
                                     0
                                 ),
                                 0
                             )
                        FROM attempts AS a
                       WHERE a.subject = :subject),
                     :gap_seconds
                 )
       END AS seconds;

-- name: update_attempts_returned(subjects, gaps)!
-- Give each subject back an attempt that was none: only what fails counts.
--
-- Returns: the number of subjects.
-- Params:  subjects bytea[]: SHA-256 of each. gaps double precision[]: seconds, in their order.
-- Index:   attempts_pkey.
-- Order:   locked in the order of the subjects, so that two workers can't deadlock.
-- Cost:    at most 11 buffers.
-- Locks:   the subjects' rows.
WITH held AS (
    SELECT a.subject, make_interval(secs => q.gap) AS gap
      FROM unnest(:subjects::bytea[], :gaps::double precision[]) AS q (subject, gap)
      JOIN attempts AS a
        ON a.subject = q.subject
     ORDER BY a.subject
       FOR NO KEY UPDATE OF a
)
UPDATE attempts AS a
   SET free_at = a.free_at - h.gap
  FROM held AS h
 WHERE a.subject = h.subject;

-- name: delete_old_attempts(now)!
-- Forget the subjects of which nothing counts any more.
--
-- Returns: the number of subjects.
-- Index:   none: reads all of them, once in an hour.
-- Cost:    at most 110 buffers.
-- Locks:   the rows.
DELETE FROM attempts AS a
 WHERE a.free_at <= :now::timestamptz;

-- name: count_old_attempts(now)$
-- How many subjects delete_old_attempts would forget.
--
-- Returns: one bigint.
-- Index:   none: reads all of them.
-- Cost:    at most 110 buffers.
-- Locks:   none.
SELECT count(*)
  FROM attempts AS a
 WHERE a.free_at <= :now::timestamptz;
