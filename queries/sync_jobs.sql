-- Who works on which sync: a queue, and the lease on each run.
-- Tables: sync_jobs; pg_stat_activity.
--
-- A run belongs to its owner as long as that says so now and then. One that was killed is found
-- dead at once where its connection is gone, and after a while where a pooler hides that. Whoever
-- writes for a run holds the job's row meanwhile, so that two can never both write.

-- name: get_backend()^
-- The server process behind this connection, for its job to name.
--
-- Returns: 0..1 rows Backend.
-- Index:   none; a view of the server's processes.
-- Cost:    at most 3 buffers.
-- Locks:   none.
SELECT a.pid AS backend_pid, a.backend_start AS backend_started_at
  FROM pg_stat_activity AS a
 WHERE a.pid = pg_backend_pid();

-- name: count_jobs()$
-- How many runs wait or are worked on.
--
-- Returns: one bigint.
-- Index:   none; there are few rows.
-- Cost:    at most 3 buffers.
-- Locks:   none.
SELECT count(*)
  FROM sync_jobs AS j;

-- name: insert_job(run_id, user_id, now)!
-- Queue a run.
--
-- Returns: 1 where the user has no other run that waits or works, 0 where it has.
-- Index:   sync_jobs_user_id_key.
-- Cost:    at most 22 buffers.
-- Locks:   the new row.
INSERT INTO sync_jobs (run_id, user_id, created_at, alive_at)
VALUES (:run_id::uuid, :user_id::uuid, :now::timestamptz, :now)
    ON CONFLICT (user_id) DO NOTHING;

-- name: get_job(user_id)^
-- The job of a user, and whether somebody works on it.
--
-- Returns: 0..1 rows Job.
-- Index:   sync_jobs_user_id_key.
-- Cost:    at most 3 buffers.
-- Locks:   none.
SELECT j.run_id, j.user_id, j.attempts, j.cancel_requested, j.created_at
  FROM sync_jobs AS j
 WHERE j.user_id = :user_id::uuid;

-- name: update_job_claimed(user_id, owner, backend_pid, backend_started_at, dead_before, now)^
-- Take over the oldest run that nobody works on.
--
-- Attempts are counted where nobody asked for the run by name: a run that kills its owners is not
-- to go round for ever, and a person may try as often as he likes.
--
-- Returns: 0..1 rows Job; none where there is nothing to do.
-- Params:  user_id uuid: whose alone, NULL for anybody's. owner uuid: new. backend_pid int,
--          backend_started_at timestamptz: of get_backend, NULL behind a pooler.
--          dead_before timestamptz: an owner that has not said anything since then is dead.
-- Index:   sync_jobs_pkey; there are few rows.
-- Cost:    at most 13 buffers.
-- Locks:   the row; one that somebody holds is passed over.
UPDATE sync_jobs AS j
   SET owner = :owner::uuid,
       backend_pid = :backend_pid::int,
       backend_started_at = :backend_started_at::timestamptz,
       attempts = CASE WHEN :user_id::uuid IS NULL THEN j.attempts + 1 ELSE 1 END,
       alive_at = :now::timestamptz
 WHERE j.run_id = (
           SELECT n.run_id
             FROM sync_jobs AS n
            WHERE n.user_id = coalesce(:user_id, n.user_id)
              AND (n.owner IS NULL
                   OR n.alive_at < :dead_before::timestamptz
                   OR (n.backend_pid IS NOT NULL
                       -- The start of another role's process can't be seen.
                       AND NOT EXISTS (
                               SELECT FROM pg_stat_activity AS a
                                WHERE a.pid = n.backend_pid
                                  AND coalesce(a.backend_start, n.backend_started_at)
                                      = n.backend_started_at
                           )))
            ORDER BY n.created_at, n.run_id
            LIMIT 1
              FOR UPDATE SKIP LOCKED
       )
RETURNING j.run_id, j.user_id, j.attempts, j.cancel_requested, j.created_at;

-- name: update_job_alive(run_id, owner, now)^
-- Say that a run's owner is alive; in a transaction, keep the run until its end.
--
-- Returns: 0..1 rows bool: whether somebody wants the run to stop; none where it is another's now.
-- Index:   sync_jobs_pkey.
-- Cost:    at most 13 buffers.
-- Locks:   the row.
UPDATE sync_jobs AS j
   SET alive_at = :now::timestamptz
 WHERE j.run_id = :run_id::uuid
   AND j.owner = :owner::uuid
RETURNING j.cancel_requested;

-- name: update_job_released(run_id, owner)!
-- Leave a run to whoever wants it next.
--
-- Returns: the number of jobs released, 0 or 1.
-- Index:   sync_jobs_pkey.
-- Cost:    at most 13 buffers.
-- Locks:   the row.
UPDATE sync_jobs AS j
   SET owner = NULL,
       attempts = j.attempts - 1
 WHERE j.run_id = :run_id::uuid
   AND j.owner = :owner::uuid;

-- name: update_job_cancelled(user_id, run_id)!
-- Ask a run's owner to stop.
--
-- Returns: the number of jobs asked, 0 or 1.
-- Index:   sync_jobs_pkey.
-- Cost:    at most 13 buffers.
-- Locks:   the row.
UPDATE sync_jobs AS j
   SET cancel_requested = true
 WHERE j.user_id = :user_id::uuid
   AND j.run_id = :run_id::uuid;

-- name: delete_job(run_id)!
-- Forget the job of a run that has ended.
--
-- Returns: the number of jobs deleted, 0 or 1.
-- Index:   sync_jobs_pkey.
-- Cost:    at most 13 buffers.
-- Locks:   the row.
DELETE FROM sync_jobs AS j
 WHERE j.run_id = :run_id::uuid;
