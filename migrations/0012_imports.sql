-- Add imports: each run, what its file says, and what becomes of every row of it.
--
-- Why:    whatever the file, it is compared and written by the same statements, a dry run tells of
--         each row, and a run that was cut short is taken up again.
-- Order:  expand.
-- Locks:  none on existing tables (the foreign keys take SHARE ROW EXCLUSIVE on users for
--         milliseconds).
-- Undo:   0012_imports.rollback.sql; loses the reports of imports and which rows came from where.
-- depends: 0011_archive_reasons_valid
--
-- Chunks and rows are parts of a run and go with it: CASCADE, unlike other references between the
-- tables of a user.

CREATE TABLE import_runs (
    user_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    source text NOT NULL,
    source_key text NOT NULL,
    file_name text NOT NULL,
    options jsonb NOT NULL,
    dry_run boolean NOT NULL,
    with_updates boolean NOT NULL,
    state text NOT NULL,
    records integer NOT NULL,
    bytes_read bigint NOT NULL,
    bytes_total bigint NOT NULL,
    counts jsonb NOT NULL,
    error text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    finished_at timestamptz,
    CONSTRAINT import_runs_pkey PRIMARY KEY (user_id, id),
    CONSTRAINT import_runs_state_check
        CHECK (state IN ('reading', 'judged', 'applying', 'done', 'failed')),
    CONSTRAINT import_runs_user_id_fkey
        FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);

COMMENT ON COLUMN import_runs.source_key IS 'whose ids the file has: the source in id_map';
COMMENT ON COLUMN import_runs.counts IS 'records by kind and verdict';
COMMENT ON COLUMN import_runs.updated_at IS 'last sign of life while it is reading or applying';

-- What the file says, some hundred records of one kind a row, until the run is done.
CREATE TABLE import_chunks (
    user_id uuid NOT NULL,
    run_id uuid NOT NULL,
    kind text NOT NULL,
    first_seq integer NOT NULL,
    items jsonb NOT NULL,
    CONSTRAINT import_chunks_pkey PRIMARY KEY (user_id, run_id, kind, first_seq),
    CONSTRAINT import_chunks_run_id_fkey
        FOREIGN KEY (user_id, run_id) REFERENCES import_runs (user_id, id) ON DELETE CASCADE
);

-- What becomes of each record of the file, which is also the run's report.
CREATE TABLE import_rows (
    user_id uuid NOT NULL,
    run_id uuid NOT NULL,
    seq integer NOT NULL,
    discogs_id integer,
    target_id uuid,
    kind text NOT NULL,
    verdict text NOT NULL,
    place text NOT NULL,
    source_id text,
    reason text,
    changes jsonb,
    CONSTRAINT import_rows_pkey PRIMARY KEY (user_id, run_id, seq),
    CONSTRAINT import_rows_verdict_check
        CHECK (verdict IN ('new', 'known', 'changed', 'unmatched', 'invalid')),
    CONSTRAINT import_rows_run_id_fkey
        FOREIGN KEY (user_id, run_id) REFERENCES import_runs (user_id, id) ON DELETE CASCADE
);

-- import_verdicts.insert_copy_verdicts and others: which row a reference of the file means.
CREATE INDEX import_rows_source_idx ON import_rows (user_id, run_id, kind, source_id)
    WHERE source_id IS NOT NULL;

COMMENT ON COLUMN import_rows.source_id IS
    'the file''s own name for the record, by which others refer to it; NULL where that failed';
COMMENT ON COLUMN import_rows.target_id IS 'the row that it is, or becomes';
COMMENT ON COLUMN import_rows.changes IS 'fields that differ: [what Kleio has, what the file has]';

CREATE TABLE id_map (
    user_id uuid NOT NULL,
    source text NOT NULL,
    kind text NOT NULL,
    old_id text NOT NULL,
    new_id uuid NOT NULL,
    CONSTRAINT id_map_pkey PRIMARY KEY (user_id, source, kind, old_id),
    CONSTRAINT id_map_user_id_fkey
        FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);

COMMENT ON TABLE id_map IS 'which row a record of another system became';
