-- The users' Discogs tokens, encrypted before they come here.
-- Tables: discogs_credentials.

-- name: upsert_credential(user_id, token_encrypted, now)!
-- Replace a user's Discogs token.
--
-- Returns: 1.
-- Params:  token_encrypted bytea: ciphertext bound to the user (kleio.encryption).
-- Index:   discogs_credentials_pkey.
-- Cost:    at most 19 buffers.
-- Locks:   the row.
INSERT INTO discogs_credentials (user_id, token_encrypted, updated_at)
VALUES (:user_id::uuid, :token_encrypted::bytea, :now::timestamptz)
    ON CONFLICT (user_id) DO UPDATE
   SET token_encrypted = excluded.token_encrypted,
       updated_at = excluded.updated_at;

-- name: get_credential(user_id)^
-- A user's Discogs token, encrypted.
--
-- Returns: 0..1 rows bytes.
-- Index:   discogs_credentials_pkey.
-- Cost:    at most 3 buffers.
-- Locks:   none.
SELECT c.token_encrypted
  FROM discogs_credentials AS c
 WHERE c.user_id = :user_id::uuid;

-- name: delete_credential(user_id)!
-- Forget a user's Discogs token.
--
-- Returns: the number of tokens deleted, 0 or 1.
-- Index:   discogs_credentials_pkey.
-- Cost:    at most 13 buffers.
-- Locks:   the row.
DELETE FROM discogs_credentials AS c
 WHERE c.user_id = :user_id::uuid;

-- name: lock_credential(user_id)^
-- A user's Discogs token, encrypted, kept from change until the transaction ends.
--
-- Returns: 0..1 rows bytes.
-- Index:   discogs_credentials_pkey.
-- Cost:    at most 13 buffers.
-- Locks:   the row.
SELECT c.token_encrypted
  FROM discogs_credentials AS c
 WHERE c.user_id = :user_id::uuid
   FOR UPDATE;
