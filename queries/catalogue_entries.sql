-- What all kinds of catalogue entries share when documents are written.
-- Tables: none; an advisory lock.

-- name: lock_entries(kind)^
-- Wait until no other transaction writes entries of a kind, and keep others waiting until the end.
--
-- Taken before the look at what is known: two writers of one release would else each see the old
-- version, and the tracks of one would stay beside those of the other.
--
-- Returns: one row bool, true.
-- Params:  kind text: 'artists', 'labels', 'masters' or 'releases'; 'libraries' for those.
-- Index:   none; no table is read.
-- Cost:    at most 11 buffers.
-- Locks:   the advisory lock of the kind, until the transaction ends.
SELECT true
  FROM pg_advisory_xact_lock(hashtextextended('kleio:' || :kind::text, 0));
