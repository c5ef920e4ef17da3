-- Add maintenance_steps, which tells when each step of `kleio maintain` ran last.
--
-- Why:    several servers share one database: what one has done the others leave alone, and health,
--         metrics and `kleio doctor` tell how long ago it was.
-- Order:  expand.
-- Locks:  none.
-- Undo:   0023_maintenance.rollback.sql; loses when the steps ran last.
-- depends: 0022_search_functions
CREATE TABLE maintenance_steps (
    step text PRIMARY KEY,
    started_at timestamptz NOT NULL,
    finished_at timestamptz NOT NULL,
    succeeded_at timestamptz,
    changed bigint NOT NULL,
    warnings text[] NOT NULL,
    problem text,
    host text NOT NULL
);

COMMENT ON COLUMN maintenance_steps.step IS 'its name; `run` is all of them';
COMMENT ON COLUMN maintenance_steps.succeeded_at IS
    'when it last ended without a problem, NULL for never';
