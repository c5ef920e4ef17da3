-- Answers already given to requests that carry an Idempotency-Key.
-- Tables: idempotency_keys.

-- name: insert_idempotency_key(user_id, key, request_hash, now)!
-- Claim a key for the request of this transaction; the answer follows in the same transaction.
--
-- Returns: 1 where the key is new, 0 where it was used already.
-- Params:  request_hash bytea: SHA-256 of method, path and body.
-- Index:   idempotency_keys_pkey.
-- Cost:    at most 19 buffers.
-- Locks:   the key; a second request with it waits until the first one ends.
INSERT INTO idempotency_keys (user_id, key, request_hash, status, response, created_at)
VALUES (:user_id::uuid, :key::text, :request_hash::bytea, 0, '', :now::timestamptz)
    ON CONFLICT (user_id, key) DO NOTHING;

-- name: get_idempotency_key(user_id, key)^
-- The answer that was given under a key.
--
-- Returns: 0..1 rows IdempotentAnswer.
-- Index:   idempotency_keys_pkey.
-- Cost:    at most 3 buffers.
-- Locks:   none.
SELECT k.request_hash, k.status, k.response
  FROM idempotency_keys AS k
 WHERE k.user_id = :user_id::uuid
   AND k.key = :key::text;

-- name: update_idempotency_key(user_id, key, status, response)!
-- Keep the answer, so that the same request gets it again.
--
-- Returns: 1.
-- Index:   idempotency_keys_pkey.
-- Cost:    at most 13 buffers.
-- Locks:   the row.
UPDATE idempotency_keys AS k
   SET status = :status::smallint,
       response = :response::bytea
 WHERE k.user_id = :user_id::uuid
   AND k.key = :key::text;

-- name: delete_old_idempotency_keys(before)!
-- Forget the answers of all users that are older than a client may count on.
--
-- Returns: the number of keys deleted.
-- Index:   none: reads all keys, once in an hour.
-- Cost:    at most 5,000 buffers.
-- Locks:   the rows.
-- Allow:   isolation: of all users, for `kleio maintain` alone.
DELETE FROM idempotency_keys AS k
 WHERE k.created_at < :before::timestamptz;

-- name: count_old_idempotency_keys(before)$
-- How many answers delete_old_idempotency_keys would forget.
--
-- Returns: one bigint.
-- Index:   none: reads all keys.
-- Cost:    at most 5,000 buffers.
-- Locks:   none.
-- Allow:   isolation: of all users, for `kleio maintain` alone.
SELECT count(*)
  FROM idempotency_keys AS k
 WHERE k.created_at < :before::timestamptz;
