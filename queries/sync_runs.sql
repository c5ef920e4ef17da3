-- Each user's syncs with Discogs: how far they are and how they ended.
-- Tables: sync_runs.

-- name: insert_run(user_id, dry_run, with_details, now)^
-- A new run, which waits for somebody to work on it.
--
-- Returns: one row UUID.
-- Cost:    at most 16 buffers.
-- Locks:   the new row.
INSERT INTO sync_runs (user_id, dry_run, with_details, created_at, updated_at)
VALUES (:user_id::uuid, :dry_run::boolean, :with_details::boolean, :now::timestamptz, :now)
RETURNING id;

-- name: get_run(user_id, run_id, calls_a_minute)^
-- One run of a user, with how long it still takes.
--
-- The rest is estimated twice, by the calls that a minute has and by the pace of this phase so
-- far, and the longer one counts: others may be using the same minute.
--
-- Returns: 0..1 rows SyncRun.
-- Params:  calls_a_minute int: how many calls Kleio may make.
-- Index:   sync_runs_pkey (user_id, id).
-- Cost:    at most 8 buffers.
-- Locks:   none.
SELECT r.id, r.status, r.phase, r.dry_run, r.with_details, r.pages_done, r.pages_total,
       r.releases_done, r.releases_total, r.calls,
       CASE WHEN r.status = 'running'
            THEN ceil(greatest(
                     rest.calls * 60.0 / :calls_a_minute::int,
                     extract(epoch FROM r.updated_at - r.phase_started_at)
                         * rest.calls / nullif(rest.done, 0)
                 ))::int
       END AS remaining_seconds,
       r.counts, r.report, r.error_code, r.error, r.created_at, r.started_at, r.updated_at,
       r.finished_at
  FROM sync_runs AS r
 CROSS JOIN LATERAL (
           SELECT greatest(0, coalesce(r.pages_total - r.pages_done, 0))
                      + greatest(0, coalesce(r.releases_total - r.releases_done, 0)) AS calls,
                  CASE WHEN r.phase = 'releases' THEN r.releases_done ELSE r.pages_done
                  END AS done
       ) AS rest
 WHERE r.user_id = :user_id::uuid
   AND r.id = :run_id::uuid;

-- name: list_runs(user_id, calls_a_minute, before_id, page_size, page_offset)
-- One user's runs, newest first; one keyset page.
--
-- Returns: 0..page_size rows Keyed[SyncRun]: id, id, then the run as get_run gives it.
-- Params:  calls_a_minute int; before_id uuid: last row of the previous page, NULL for the first.
-- Index:   sync_runs_pkey (user_id, id).
-- Order:   id DESC; total.
-- Cost:    at most 21 buffers.
-- Locks:   none.
SELECT r.id, r.id,
       r.id, r.status, r.phase, r.dry_run, r.with_details, r.pages_done, r.pages_total,
       r.releases_done, r.releases_total, r.calls,
       CASE WHEN r.status = 'running'
            THEN ceil(greatest(
                     rest.calls * 60.0 / :calls_a_minute::int,
                     extract(epoch FROM r.updated_at - r.phase_started_at)
                         * rest.calls / nullif(rest.done, 0)
                 ))::int
       END AS remaining_seconds,
       r.counts, r.report, r.error_code, r.error, r.created_at, r.started_at, r.updated_at,
       r.finished_at
  FROM sync_runs AS r
 CROSS JOIN LATERAL (
           SELECT greatest(0, coalesce(r.pages_total - r.pages_done, 0))
                      + greatest(0, coalesce(r.releases_total - r.releases_done, 0)) AS calls,
                  CASE WHEN r.phase = 'releases' THEN r.releases_done ELSE r.pages_done
                  END AS done
       ) AS rest
 WHERE r.user_id = :user_id::uuid
   AND r.id < coalesce(:before_id::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
 ORDER BY r.id DESC
 LIMIT :page_size::int OFFSET :page_offset::int;

-- name: get_run_state(user_id, run_id)^
-- Where a run goes on.
--
-- Returns: 0..1 rows RunState.
-- Index:   sync_runs_pkey (user_id, id).
-- Cost:    at most 8 buffers.
-- Locks:   none.
SELECT r.phase, r.dry_run, r.with_details, r.releases_done, r.counts, r.report, r.state,
       r.created_at, r.updated_at
  FROM sync_runs AS r
 WHERE r.user_id = :user_id::uuid
   AND r.id = :run_id::uuid;

-- name: update_run_phase(user_id, run_id, phase, now)!
-- Let a run begin its next phase.
--
-- Returns: the number of runs changed, 0 or 1.
-- Index:   sync_runs_pkey (user_id, id).
-- Cost:    at most 31 buffers.
-- Locks:   the row.
UPDATE sync_runs AS r
   SET status = 'running',
       phase = :phase::text,
       started_at = coalesce(r.started_at, :now::timestamptz),
       phase_started_at = :now,
       updated_at = :now
 WHERE r.user_id = :user_id::uuid
   AND r.id = :run_id::uuid;

-- name: update_run_progress(user_id, run_id, pages_done, pages_total, releases_done, releases_total, new_calls, counts, report, state, now)!
-- Note how far a run is.
--
-- Returns: the number of runs changed, 0 or 1.
-- Params:  new_calls int: how many calls were made since the last note. Of the others, NULL leaves
--          the value as it is. counts, report, state text: JSON objects.
-- Index:   sync_runs_pkey (user_id, id).
-- Cost:    at most 31 buffers.
-- Locks:   the row.
UPDATE sync_runs AS r
   SET pages_done = coalesce(:pages_done::int, r.pages_done),
       pages_total = coalesce(:pages_total::int, r.pages_total),
       releases_done = coalesce(:releases_done::int, r.releases_done),
       releases_total = coalesce(:releases_total::int, r.releases_total),
       calls = r.calls + :new_calls::int,
       counts = coalesce(:counts::text::jsonb, r.counts),
       report = coalesce(:report::text::jsonb, r.report),
       state = coalesce(:state::text::jsonb, r.state),
       updated_at = :now::timestamptz
 WHERE r.user_id = :user_id::uuid
   AND r.id = :run_id::uuid;

-- name: update_run_finished(user_id, run_id, outcome, new_calls, error_code, error, now)!
-- Note how a run ended.
--
-- Returns: the number of runs changed, 0 or 1.
-- Params:  outcome text: 'completed', 'failed' or 'cancelled'. error_code, error text: why it
--          failed, NULL where it did not.
-- Index:   sync_runs_pkey (user_id, id).
-- Cost:    at most 31 buffers.
-- Locks:   the row.
UPDATE sync_runs AS r
   SET status = :outcome::text,
       phase = CASE WHEN :outcome = 'completed' THEN 'done' ELSE r.phase END,
       calls = r.calls + :new_calls::int,
       state = '{}',
       error_code = :error_code::text,
       error = :error::text,
       updated_at = :now::timestamptz,
       finished_at = :now
 WHERE r.user_id = :user_id::uuid
   AND r.id = :run_id::uuid
   AND r.finished_at IS NULL;

-- name: delete_ended_runs(before, kept, after_created_at, after_id, max_runs)^
-- Forget syncs of all users that ended long ago, but the last ones of each user: one page of
-- the old runs, the oldest first, of which those go that enough later ones of their kind follow.
--
-- A dry run is a kind of its own. What Discogs said last of each copy is not a run's
-- (discogs_copies), so the next sync compares as it would have.
--
-- Enough follow where there is a last one of so many: counting the first few would need a LIMIT one
-- subquery deeper, which Citus may refuse.
--
-- Returns: one row ForgottenRuns.
-- Params:  before timestamptz: what ended since then stays. kept int: how many of the last runs of
--          each user, kind and outcome stay. after_created_at timestamptz, after_id uuid:
--          the last run of the page before, NULL for the first.
-- Index:   sync_runs_latest_idx (created_at, id), sync_runs_pkey (user_id, id).
-- Order:   created_at, id; total, so that no run is looked at twice.
-- Cost:    at most 11 buffers.
-- Locks:   the runs.
-- Allow:   isolation: of all users, for `kleio maintain` alone.
-- Allow:   offset: no page, but how many are kept; it is the same each time.
WITH old AS (
    SELECT r.user_id, r.id, r.created_at
      FROM sync_runs AS r
     WHERE (r.created_at, r.id)
               > (coalesce(:after_created_at::timestamptz, '-infinity'),
                  coalesce(:after_id::uuid, '00000000-0000-0000-0000-000000000000'))
       AND r.created_at < :before::timestamptz
     ORDER BY r.created_at, r.id
     LIMIT :max_runs::int
),
deleted AS (
    DELETE FROM sync_runs AS r
     USING old AS o
     WHERE r.user_id = o.user_id
       AND r.id = o.id
       AND r.finished_at < :before::timestamptz
       AND EXISTS (
              SELECT
                FROM sync_runs AS later
               WHERE later.user_id = r.user_id
                 AND later.id > r.id
                 AND later.dry_run = r.dry_run
                 AND later.finished_at IS NOT NULL
                 AND (later.status = 'completed') = (r.status = 'completed')
               ORDER BY later.id
              OFFSET :kept::int - 1
               LIMIT 1)
    RETURNING r.id
)
SELECT (SELECT count(*) FROM deleted) AS deleted,
       (array_agg(o.created_at ORDER BY o.created_at DESC, o.id DESC))[1] AS last_created_at,
       (array_agg(o.id ORDER BY o.created_at DESC, o.id DESC))[1] AS last_id
  FROM old AS o;

-- name: count_ended_runs(before, kept)$
-- How many runs delete_ended_runs would forget, page by page.
--
-- Returns: one bigint.
-- Params:  as delete_ended_runs.
-- Index:   sync_runs_latest_idx (created_at, id), sync_runs_pkey (user_id, id).
-- Cost:    at most 11 buffers.
-- Locks:   none.
-- Allow:   isolation: of all users, for `kleio maintain` alone.
-- Allow:   offset: no page, but how many are kept; it is the same each time.
SELECT count(*)
  FROM sync_runs AS r
 WHERE r.created_at < :before::timestamptz
   AND r.finished_at < :before::timestamptz
   AND EXISTS (
          SELECT
            FROM sync_runs AS later
           WHERE later.user_id = r.user_id
             AND later.id > r.id
             AND later.dry_run = r.dry_run
             AND later.finished_at IS NOT NULL
             AND (later.status = 'completed') = (r.status = 'completed')
           ORDER BY later.id
          OFFSET :kept::int - 1
           LIMIT 1);
