-- Runs of imports: their progress, what their files say, and what became of each record.
-- Tables: import_runs, import_chunks, import_rows; releases for what a file adds to the catalogue.
--
-- The comparison stands in import_verdicts.sql, listening_verdicts.sql and import_releases.sql, what
-- it leads to in import_writes.sql.

-- name: insert_run(user_id, source, source_key, file_name, options, dry_run, with_updates, bytes_total, now)^
-- A new run, before anything of its file is read.
--
-- Returns: one row UUID: the run's id.
-- Params:  options text: a JSON object, for people to see.
-- Cost:    at most 16 buffers.
-- Locks:   the new row.
INSERT INTO import_runs (
    user_id, source, source_key, file_name, options, dry_run, with_updates, state, records,
    bytes_read, bytes_total, counts, created_at, updated_at
)
VALUES (
    :user_id::uuid, :source::text, :source_key::text, :file_name::text, :options::text::jsonb,
    :dry_run::boolean, :with_updates::boolean, 'reading', 0, 0, :bytes_total::bigint, '{}',
    :now::timestamptz, :now
)
RETURNING id;

-- name: update_run_progress(user_id, run_id, records, bytes_read, now)!
-- How far the file is read; also a sign of life.
--
-- Returns: the number of runs changed, 0 or 1.
-- Index:   import_runs_pkey (user_id, id).
-- Cost:    at most 31 buffers.
-- Locks:   the row.
UPDATE import_runs AS r
   SET records = :records::int,
       bytes_read = :bytes_read::bigint,
       updated_at = :now::timestamptz
 WHERE r.user_id = :user_id::uuid
   AND r.id = :run_id::uuid;

-- name: update_run_state(user_id, run_id, state, error, now)!
-- Bring a run into another state, and count what became of its records.
--
-- Returns: the number of runs changed, 0 or 1.
-- Params:  state text: NULL to leave it. error text: NULL where all is well.
-- Index:   import_runs_pkey (user_id, id), import_rows_pkey (user_id, run_id, seq).
-- Cost:    at most 41 buffers.
-- Locks:   the row.
WITH counted AS (
    SELECT w.kind, w.verdict, count(*) AS records
      FROM import_rows AS w
     WHERE w.user_id = :user_id::uuid
       AND w.run_id = :run_id::uuid
     GROUP BY w.kind, w.verdict
),
of_kind AS (
    SELECT c.kind, jsonb_object_agg(c.verdict, c.records) AS verdicts
      FROM counted AS c
     GROUP BY c.kind
)
UPDATE import_runs AS r
   SET state = coalesce(:state::text, r.state),
       error = :error::text,
       counts = coalesce((SELECT jsonb_object_agg(k.kind, k.verdicts) FROM of_kind AS k), '{}'),
       updated_at = :now::timestamptz,
       finished_at = CASE WHEN :state::text IN ('done', 'failed') THEN :now END
 WHERE r.user_id = :user_id::uuid
   AND r.id = :run_id::uuid;

-- name: get_run(user_id, run_id)^
-- One import of a user.
--
-- Returns: 0..1 rows Run.
-- Index:   import_runs_pkey (user_id, id).
-- Cost:    at most 8 buffers.
-- Locks:   none.
SELECT r.id, r.source, r.source_key, r.file_name, r.options, r.dry_run, r.with_updates, r.state,
       r.records, r.bytes_read, r.bytes_total, r.counts, r.error, r.created_at, r.updated_at,
       r.finished_at
  FROM import_runs AS r
 WHERE r.user_id = :user_id::uuid
   AND r.id = :run_id::uuid;

-- name: get_run_report(user_id, run_id)^
-- One import of a user with the first of its records that could not be kept.
--
-- Those are only looked for where there are any.
--
-- Returns: 0..1 rows RunReport.
-- Index:   import_runs_pkey (user_id, id), import_rows_pkey (user_id, run_id, seq).
-- Cost:    at most 8 buffers.
-- Locks:   none.
SELECT r.id, r.source, r.source_key, r.file_name, r.options, r.dry_run, r.with_updates, r.state,
       r.records, r.bytes_read, r.bytes_total, r.counts, r.error, r.created_at, r.updated_at,
       r.finished_at,
       coalesce((SELECT json_agg(json_build_object(
                            'place', e.place, 'kind', e.kind, 'verdict', e.verdict,
                            'reason', e.reason
                        ) ORDER BY e.seq)
                   FROM (
                            SELECT w.seq, w.place, w.kind, w.verdict, w.reason
                              FROM import_rows AS w
                             WHERE w.user_id = :user_id::uuid
                               AND w.run_id = :run_id::uuid
                               AND w.verdict IN ('invalid', 'unmatched')
                               AND (r.counts @? '$.*.invalid' OR r.counts @? '$.*.unmatched')
                             ORDER BY w.seq
                             LIMIT 20
                        ) AS e), '[]') AS problems
  FROM import_runs AS r
 WHERE r.user_id = :user_id::uuid
   AND r.id = :run_id::uuid;

-- name: insert_chunk(user_id, run_id, kind, first_seq, items)!
-- Some hundred records of one kind, as the file has them.
--
-- One row for all of them: 200,000 records as rows of their own take as long to write as all the
-- rest of their import.
--
-- Returns: the number of chunks, 1.
-- Params:  items text: a JSON array of records (kleio.account_records), each with its seq and
--          place, and with a problem where it is refused.
-- Cost:    at most 16 buffers without items.
-- Locks:   the new row.
INSERT INTO import_chunks (user_id, run_id, kind, first_seq, items)
VALUES (:user_id::uuid, :run_id::uuid, :kind::text, :first_seq::int, :items::text::jsonb);

-- name: delete_chunks(user_id, run_id)!
-- Forget what the file says, when the run is over.
--
-- Returns: the number of chunks deleted.
-- Index:   import_chunks_pkey (user_id, run_id, kind, first_seq).
-- Cost:    at most 13 buffers.
-- Locks:   the rows.
DELETE FROM import_chunks AS c
 WHERE c.user_id = :user_id::uuid
   AND c.run_id = :run_id::uuid;

-- name: delete_verdicts(user_id, run_id, with_releases)!
-- Forget the verdicts, to judge again.
--
-- Returns: the number of rows deleted.
-- Params:  with_releases boolean: those on releases too, as long as none of them was written.
-- Index:   import_rows_pkey (user_id, run_id, seq).
-- Cost:    at most 320 buffers.
-- Locks:   the rows.
DELETE FROM import_rows AS w
 WHERE w.user_id = :user_id::uuid
   AND w.run_id = :run_id::uuid
   AND (w.kind <> 'release' OR :with_releases::boolean);

-- name: list_runs(user_id, before_id, page_size, page_offset)
-- A user's imports, latest first; one keyset page.
--
-- Returns: 0..page_size rows Keyed[Run]: id, id, then the run.
-- Params:  before_id uuid: last row of the previous page, NULL for the first.
-- Index:   import_runs_pkey (user_id, id).
-- Order:   id DESC, which is by time; total.
-- Cost:    at most 81 buffers.
-- Locks:   none.
SELECT r.id, r.id,
       r.id, r.source, r.source_key, r.file_name, r.options, r.dry_run, r.with_updates, r.state,
       r.records, r.bytes_read, r.bytes_total, r.counts, r.error, r.created_at, r.updated_at,
       r.finished_at
  FROM import_runs AS r
 WHERE r.user_id = :user_id::uuid
   AND r.id < coalesce(:before_id::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
 ORDER BY r.id DESC
 LIMIT :page_size::int OFFSET :page_offset::int;

-- name: list_rows(user_id, run_id, verdict, kind, after_seq, after_id, page_size, page_offset)
-- What became of the records of an import, in the order of the file; one keyset page.
--
-- A rare verdict is looked for among all rows of the run: an index for it would cost every import
-- more than such a page ever takes.
--
-- Returns: 0..page_size rows Keyed[ImportRow]: seq, id, then the row.
-- Params:  verdict, kind text: NULL for any. after_seq int, after_id uuid: last row of the previous
--          page, NULL for the first; the id is the run's.
-- Index:   import_rows_pkey (user_id, run_id, seq).
-- Order:   seq, id; total.
-- Cost:    at most 9 buffers.
-- Locks:   none.
SELECT w.seq, w.run_id AS id,
       w.place, w.kind, w.verdict, w.reason, w.changes, w.discogs_id, w.target_id
  FROM import_rows AS w
 WHERE w.user_id = :user_id::uuid
   AND w.run_id = :run_id::uuid
   AND (:verdict::text IS NULL OR w.verdict = :verdict::text)
   AND (:kind::text IS NULL OR w.kind = :kind::text)
   AND (w.seq, w.run_id) > (coalesce(:after_seq::int, 0),
                            coalesce(:after_id::uuid, '00000000-0000-0000-0000-000000000000'))
 ORDER BY w.seq, w.run_id
 LIMIT :page_size::int OFFSET :page_offset::int;

-- name: export_rows_csv(user_id, run_id, verdict, kind)
-- The report of an import for people.
--
-- No import reads it again, so what a spreadsheet would take for a formula of the file's always
-- gets an apostrophe in front.
--
-- Returns: CSV, one line a record of the file.
-- Params:  verdict, kind text: NULL for any.
-- Index:   import_rows_pkey (user_id, run_id, seq).
-- Order:   seq; total.
-- Plan:    custom.
-- Cost:    at most 14 buffers.
-- Locks:   none.
SELECT left('''', (w.place ~ '^''*[-+=@\t\r\n＝＋－＠]')::int) || w.place AS place,
       w.kind, w.verdict,
       left('''', (w.reason ~ '^''*[-+=@\t\r\n＝＋－＠]')::int) || w.reason AS reason,
       w.changes::text AS changes,
       left('''', (w.source_id ~ '^''*[-+=@\t\r\n＝＋－＠]')::int) || w.source_id AS source_id,
       w.discogs_id AS release_id, w.target_id AS id
  FROM import_rows AS w
 WHERE w.user_id = :user_id::uuid
   AND w.run_id = :run_id::uuid
   AND (:verdict::text IS NULL OR w.verdict = :verdict::text)
   AND (:kind::text IS NULL OR w.kind = :kind::text)
 ORDER BY w.seq;

-- name: export_rows(user_id, run_id, verdict, kind)
-- The report of an import for programs.
--
-- Returns: lines of JSON, one a record of the file.
-- Params:  verdict, kind text: NULL for any.
-- Index:   import_rows_pkey (user_id, run_id, seq).
-- Order:   seq; total.
-- Plan:    custom.
-- Cost:    at most 14 buffers.
-- Locks:   none.
SELECT JSON_OBJECT(
           'place' VALUE w.place, 'kind' VALUE w.kind, 'verdict' VALUE w.verdict,
           'reason' VALUE w.reason, 'changes' VALUE w.changes, 'sourceId' VALUE w.source_id,
           'discogsId' VALUE w.discogs_id, 'targetId' VALUE w.target_id
           ABSENT ON NULL RETURNING json
       ) AS line
  FROM import_rows AS w
 WHERE w.user_id = :user_id::uuid
   AND w.run_id = :run_id::uuid
   AND (:verdict::text IS NULL OR w.verdict = :verdict::text)
   AND (:kind::text IS NULL OR w.kind = :kind::text)
 ORDER BY w.seq;

-- name: delete_run(user_id, run_id)!
-- An import's run with its report; what it brought stays.
--
-- Returns: the number of runs deleted, 0 or 1.
-- Index:   import_runs_pkey (user_id, id); for the foreign keys' rows import_chunks_pkey,
--          import_rows_pkey.
-- Cost:    at most 19 buffers.
-- Locks:   the run and its rows.
DELETE FROM import_runs AS r
 WHERE r.user_id = :user_id::uuid
   AND r.id = :run_id::uuid;

-- name: delete_ended_runs(before, kept, max_records, after_created_at, after_id, max_runs)^
-- Forget imports of all users that ended long ago, but the last ones of each user: one page of
-- the old runs, the oldest first, of which those go that enough later ones of their kind follow.
--
-- A report goes with its run. What a run brought stays, and so does what was noted of where it
-- came from (id_map): the same file again adds nothing.
--
-- Enough follow where there is a last one of so many: counting the first few would need a LIMIT one
-- subquery deeper, which Citus may refuse.
--
-- Returns: one row ForgottenRuns.
-- Params:  before timestamptz: what ended since then stays. kept int: how many of the last runs of
--          each user, source and outcome stay. max_records bigint: a page ends with the run that
--          reaches it. after_created_at timestamptz, after_id uuid: the last run of the page
--          before, NULL for the first.
-- Index:   import_runs_latest_idx (created_at, id), import_runs_pkey (user_id, id).
-- Order:   created_at, id; total, so that no run is looked at twice.
-- Cost:    at most 11 buffers.
-- Locks:   the runs and their rows.
-- Allow:   isolation: of all users, for `kleio maintain` alone.
-- Allow:   offset: no page, but how many are kept; it is the same each time.
WITH old AS (
    SELECT page.user_id, page.id, page.created_at
      FROM (SELECT r.user_id, r.id, r.created_at,
                   sum(r.records) OVER (ORDER BY r.created_at, r.id) - r.records AS records_before
              FROM import_runs AS r
             WHERE (r.created_at, r.id)
                       > (coalesce(:after_created_at::timestamptz, '-infinity'),
                          coalesce(:after_id::uuid, '00000000-0000-0000-0000-000000000000'))
               AND r.created_at < :before::timestamptz
             ORDER BY r.created_at, r.id
             LIMIT :max_runs::int) AS page
     WHERE page.records_before < :max_records::bigint
),
deleted AS (
    DELETE FROM import_runs AS r
     USING old AS o
     WHERE r.user_id = o.user_id
       AND r.id = o.id
       AND r.finished_at < :before::timestamptz
       AND EXISTS (
              SELECT
                FROM import_runs AS later
               WHERE later.user_id = r.user_id
                 AND later.id > r.id
                 AND later.source = r.source
                 AND later.finished_at IS NOT NULL
                 AND (later.state = 'done') = (r.state = 'done')
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
-- Index:   import_runs_latest_idx (created_at, id), import_runs_pkey (user_id, id).
-- Cost:    at most 11 buffers.
-- Locks:   none.
-- Allow:   isolation: of all users, for `kleio maintain` alone.
-- Allow:   offset: no page, but how many are kept; it is the same each time.
SELECT count(*)
  FROM import_runs AS r
 WHERE r.created_at < :before::timestamptz
   AND r.finished_at < :before::timestamptz
   AND EXISTS (
          SELECT
            FROM import_runs AS later
           WHERE later.user_id = r.user_id
             AND later.id > r.id
             AND later.source = r.source
             AND later.finished_at IS NOT NULL
             AND (later.state = 'done') = (r.state = 'done')
           ORDER BY later.id
          OFFSET :kept::int - 1
           LIMIT 1);
