-- Add attempts, by which guesses at passwords and tokens are limited on all workers together.
--
-- Why:    a worker that counts for itself lets as many guesses through as there are workers.
-- Order:  expand.
-- Locks:  none.
-- Undo:   0024_attempts.rollback.sql; loses the counts of the last ten minutes.
-- depends: 0023_maintenance
--
-- Unlogged: a crash forgives what was guessed in the last minutes, and no guess waits for the disk.
-- A row is rewritten by each failed guess of its account or address, so a page keeps room for that.
CREATE UNLOGGED TABLE attempts (
    subject bytea PRIMARY KEY,
    free_at timestamptz NOT NULL,
    CONSTRAINT attempts_subject_check CHECK (octet_length(subject) = 32)
) WITH (fillfactor = 70);

COMMENT ON COLUMN attempts.subject IS
    'SHA-256 of the account or address: a name that was typed may be a password';
COMMENT ON COLUMN attempts.free_at IS 'when everything that was counted is forgotten again';
