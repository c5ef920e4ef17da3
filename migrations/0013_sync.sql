-- Add the sync with Discogs: its runs, what they read, what Discogs said last, and the call limit.
--
-- Why:    a shelf is kept at Discogs; its copies come from there again and again without undoing
--         what the user changed here, and a run goes on where a killed one stopped.
-- Order:  expand.
-- Locks:  releases and folders ACCESS EXCLUSIVE, milliseconds (constant defaults rewrite nothing);
--         the foreign keys take SHARE ROW EXCLUSIVE on users and user_releases for milliseconds.
-- Undo:   0013_sync.rollback.sql; loses the runs and what Discogs said last, so that the next sync
--         takes each copy for one that it has never seen.
-- depends: 0012_imports

ALTER TABLE releases ADD COLUMN from_api boolean NOT NULL DEFAULT false;

ALTER TABLE releases ADD COLUMN fetched_at timestamptz;

COMMENT ON COLUMN releases.source_hash IS
    'of the document that it was written from; NULL for a stub, which is only what a shelf or a file
    says of it: the next sync or dump completes it';

COMMENT ON COLUMN releases.from_api IS
    'from Discogs'' API, whose terms limit its age; a dump is CC0 and replaces it';

COMMENT ON COLUMN releases.fetched_at IS
    'when the API was last asked for all of it, whatever the answer was';

ALTER TABLE folders ADD COLUMN discogs_name text;

COMMENT ON COLUMN folders.discogs_name IS
    'the name at Discogs when last synced, NULL for a folder that Discogs does not know';

-- A run and how far it is. What it has read and not yet written is in sync_items.
CREATE TABLE sync_runs (
    user_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    status text NOT NULL DEFAULT 'pending',
    phase text NOT NULL DEFAULT 'identity',
    dry_run boolean NOT NULL,
    with_details boolean NOT NULL,
    pages_done integer NOT NULL DEFAULT 0,
    pages_total integer,
    releases_done integer NOT NULL DEFAULT 0,
    releases_total integer,
    calls integer NOT NULL DEFAULT 0,
    counts jsonb NOT NULL DEFAULT '{}',
    report jsonb NOT NULL DEFAULT '{}',
    state jsonb NOT NULL DEFAULT '{}',
    error_code text,
    error text,
    created_at timestamptz NOT NULL,
    started_at timestamptz,
    phase_started_at timestamptz,
    updated_at timestamptz NOT NULL,
    finished_at timestamptz,
    CONSTRAINT sync_runs_pkey PRIMARY KEY (user_id, id),
    CONSTRAINT sync_runs_user_id_fkey
        FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT sync_runs_status_check
        CHECK (status IN ('pending', 'running', 'completed', 'failed', 'cancelled')),
    CONSTRAINT sync_runs_phase_check
        CHECK (phase IN ('identity', 'pages', 'checking', 'shelf', 'releases', 'done'))
);

COMMENT ON COLUMN sync_runs.state IS 'where a run that was cut short goes on';

-- Who works on which run: a queue, so it is no table of a user's and stays on one node. Its row
-- goes when the run ends, so there are as many as there are runs that wait or work.
CREATE TABLE sync_jobs (
    run_id uuid NOT NULL,
    user_id uuid NOT NULL,
    owner uuid,
    backend_pid integer,
    backend_started_at timestamptz,
    attempts integer NOT NULL DEFAULT 0,
    cancel_requested boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL,
    alive_at timestamptz NOT NULL,
    CONSTRAINT sync_jobs_pkey PRIMARY KEY (run_id),
    CONSTRAINT sync_jobs_user_id_key UNIQUE (user_id),
    CONSTRAINT sync_jobs_user_id_fkey
        FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);

COMMENT ON COLUMN sync_jobs.owner IS 'a new number for each process that takes the run over';

COMMENT ON COLUMN sync_jobs.backend_pid IS
    'the owner''s connection, NULL behind a pooler; gone, it tells at once that the owner is';

-- What a run has read of the shelf at Discogs, with what becomes of each item.
CREATE TABLE sync_items (
    user_id uuid NOT NULL,
    run_id uuid NOT NULL,
    instance_id bigint NOT NULL,
    reading integer NOT NULL,
    release_discogs_id integer NOT NULL,
    release_id uuid,
    folder_number integer NOT NULL,
    rating smallint NOT NULL,
    media_condition text,
    sleeve_condition text,
    notes text,
    custom_fields jsonb NOT NULL,
    added_at timestamptz,
    copy_id uuid,
    is_adopted boolean NOT NULL DEFAULT false,
    seen_updated_at timestamptz,
    verdict text,
    conflicts text[] NOT NULL DEFAULT '{}',
    merged jsonb,
    merged_custom jsonb,
    CONSTRAINT sync_items_pkey PRIMARY KEY (user_id, run_id, instance_id),
    CONSTRAINT sync_items_user_id_fkey
        FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT sync_items_run_id_fkey
        FOREIGN KEY (user_id, run_id) REFERENCES sync_runs (user_id, id)
);

COMMENT ON COLUMN sync_items.release_id IS 'NULL where the catalogue lacks the release';

-- What Discogs said of a copy when it was last synced: what differs from it there has changed at
-- Discogs, what differs from it here the user has changed.
CREATE TABLE discogs_copies (
    user_id uuid NOT NULL,
    id uuid NOT NULL,
    present boolean NOT NULL,
    folder_number integer NOT NULL,
    rating smallint NOT NULL,
    media_condition text,
    sleeve_condition text,
    notes text,
    custom_fields jsonb NOT NULL,
    added_at timestamptz,
    synced_at timestamptz NOT NULL,
    CONSTRAINT discogs_copies_pkey PRIMARY KEY (user_id, id),
    CONSTRAINT discogs_copies_user_id_fkey
        FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT discogs_copies_id_fkey
        FOREIGN KEY (user_id, id) REFERENCES user_releases (user_id, id)
);

-- One row: when Kleio called Discogs, whose limit is one for all processes behind an address.
-- It is overwritten with each call, so it has room to stay on its page.
CREATE TABLE discogs_pace (
    id smallint NOT NULL,
    calls timestamptz[] NOT NULL,
    others integer NOT NULL,
    others_seen_at timestamptz,
    call_limit integer,
    blocked_until timestamptz,
    CONSTRAINT discogs_pace_pkey PRIMARY KEY (id),
    CONSTRAINT discogs_pace_id_check CHECK (id = 1)
) WITH (fillfactor = 20);

COMMENT ON COLUMN discogs_pace.calls IS 'the last minute''s, and those that wait for their time';

COMMENT ON COLUMN discogs_pace.others IS
    'calls of the last minute that Discogs has counted and Kleio has not made';

INSERT INTO discogs_pace (id, calls, others) VALUES (1, '{}', 0);
