-- Tokens: how clients prove who they are. Only the SHA-256 of a token is kept.
-- Tables: auth_tokens, users; user_preferences for the zone of the page.

-- name: insert_token(token_hash, user_id, name, prefix, expires_at, now)^
-- A new token of a user.
--
-- Returns: one row Token.
-- Params:  expires_at timestamptz: NULL for a token that does not expire.
-- Cost:    at most 20 buffers.
-- Locks:   the new row.
INSERT INTO auth_tokens (token_hash, user_id, name, prefix, created_at, expires_at)
VALUES (:token_hash::bytea, :user_id::uuid, :name::text, :prefix::text, :now::timestamptz,
        :expires_at::timestamptz)
RETURNING id, name, prefix, created_at, expires_at, last_used_at;

-- name: get_session(token_hash, now)^
-- Who a token belongs to, unless it has expired: the one statement of authentication.
--
-- Returns: 0..1 rows Session.
-- Index:   auth_tokens_pkey, users_pkey.
-- Cost:    at most 12 buffers.
-- Locks:   none.
SELECT u.id AS user_id, u.username, u.role::text, t.id AS token_id
  FROM auth_tokens AS t
  JOIN users AS u
    ON u.id = t.user_id
 WHERE t.token_hash = :token_hash::bytea
   AND (t.expires_at IS NULL OR t.expires_at > :now::timestamptz);

-- name: get_page_session(token_hash, now)^
-- Who a token belongs to, as get_session, with what the page needs on every view.
--
-- Returns: 0..1 rows PageSession.
-- Index:   auth_tokens_pkey, users_pkey, user_preferences_pkey.
-- Cost:    at most 17 buffers.
-- Locks:   none.
-- Allow:   isolation: whose preferences these are, the token says.
SELECT u.id AS user_id, u.username, u.role::text, t.id AS token_id, t.name AS token_name,
       coalesce(p.preferences ->> 'timeZone', 'UTC') AS time_zone
  FROM auth_tokens AS t
  JOIN users AS u
    ON u.id = t.user_id
  LEFT JOIN user_preferences AS p
    ON p.user_id = u.id
 WHERE t.token_hash = :token_hash::bytea
   AND (t.expires_at IS NULL OR t.expires_at > :now::timestamptz);

-- name: get_named_session(token_hash, now)^
-- Who a token belongs to, as get_page_session without the zone: for a database on Citus, where the
-- preferences lie elsewhere than the tokens.
--
-- Returns: 0..1 rows NamedSession.
-- Index:   auth_tokens_pkey, users_pkey.
-- Cost:    at most 12 buffers.
-- Locks:   none.
SELECT u.id AS user_id, u.username, u.role::text, t.id AS token_id, t.name AS token_name
  FROM auth_tokens AS t
  JOIN users AS u
    ON u.id = t.user_id
 WHERE t.token_hash = :token_hash::bytea
   AND (t.expires_at IS NULL OR t.expires_at > :now::timestamptz);

-- name: list_sessions(token_hashes, now)
-- Who many tokens belong to, but for those that have expired: get_session of each.
--
-- Of requests that arrive together; LATERAL with its LIMIT can only be a nested loop, whatever the
-- planner thinks of the number of tokens.
--
-- Returns: 0..n rows HashedSession, in no order; none for a token that is unknown or has expired.
-- Params:  token_hashes bytea[]: each once.
-- Index:   auth_tokens_pkey, users_pkey.
-- Cost:    at most 12 buffers.
-- Locks:   none.
SELECT found.user_id, found.username, found.role, found.token_id, given.token_hash
  FROM unnest(:token_hashes::bytea[]) AS given (token_hash)
 CROSS JOIN LATERAL (
           SELECT u.id AS user_id, u.username, u.role::text, t.id AS token_id
             FROM auth_tokens AS t
             JOIN users AS u
               ON u.id = t.user_id
            WHERE t.token_hash = given.token_hash
              AND (t.expires_at IS NULL OR t.expires_at > :now::timestamptz)
            LIMIT 1
       ) AS found;

-- name: list_sessions_among(token_hashes, now)
-- Who many tokens belong to, as list_sessions: for a database on Citus, which refuses its LATERAL.
--
-- Returns: 0..n rows HashedSession, in no order; none for a token that is unknown or has expired.
-- Params:  token_hashes bytea[]: each once.
-- Index:   auth_tokens_pkey, users_pkey where there are many users.
-- Plan:    custom.
-- Cost:    at most 60 buffers.
-- Locks:   none.
SELECT u.id AS user_id, u.username, u.role::text, t.id AS token_id, t.token_hash
  FROM auth_tokens AS t
  JOIN users AS u
    ON u.id = t.user_id
 WHERE t.token_hash = ANY (:token_hashes::bytea[])
   AND (t.expires_at IS NULL OR t.expires_at > :now::timestamptz);

-- name: list_tokens(user_id)
-- A user's tokens, newest first; there are few, so one answer holds them all.
--
-- Returns: 0..n rows Token.
-- Index:   auth_tokens_user_idx (user_id, id).
-- Order:   id DESC; total.
-- Cost:    at most 12 buffers.
-- Locks:   none.
SELECT t.id, t.name, t.prefix, t.created_at, t.expires_at, t.last_used_at
  FROM auth_tokens AS t
 WHERE t.user_id = :user_id::uuid
 ORDER BY t.id DESC;

-- name: delete_token(user_id, token_id)!
-- Revoke one token of a user.
--
-- Returns: the number of tokens deleted, 0 or 1.
-- Index:   auth_tokens_user_idx (user_id, id).
-- Cost:    at most 17 buffers.
-- Locks:   the row.
DELETE FROM auth_tokens AS t
 WHERE t.user_id = :user_id::uuid
   AND t.id = :token_id::uuid;

-- name: delete_tokens_by_name(user_id, name)!
-- Revoke a user's tokens of one name.
--
-- Returns: the number of tokens deleted.
-- Index:   auth_tokens_user_idx (user_id, id).
-- Cost:    at most 26 buffers.
-- Locks:   the rows.
DELETE FROM auth_tokens AS t
 WHERE t.user_id = :user_id::uuid
   AND t.name = :name::text;

-- name: delete_spent_tokens(user_id, name, kept, now)!
-- Forget a user's tokens that have expired, and of those of a name all but the latest.
--
-- Done at each login, so that they don't pile up.
--
-- Returns: the number of tokens deleted.
-- Index:   auth_tokens_user_idx (user_id, id).
-- Cost:    at most 25 buffers.
-- Locks:   the rows.
-- Allow:   offset: no page, but how many are kept; it is the same each time.
DELETE FROM auth_tokens AS t
 WHERE t.user_id = :user_id::uuid
   AND (t.expires_at <= :now::timestamptz
        OR t.name = :name::text
           AND t.id <= (SELECT o.id
                          FROM auth_tokens AS o
                         WHERE o.user_id = :user_id::uuid
                           AND o.name = :name::text
                         ORDER BY o.id DESC
                        OFFSET :kept::int
                         LIMIT 1));

-- name: update_tokens_last_used(token_hashes, now)!
-- Say that these tokens were used; sent in batches, so that no request writes.
--
-- Returns: the number of tokens updated.
-- Index:   auth_tokens_pkey.
-- Order:   locked in the order of their hashes, so that two workers can't deadlock.
-- Cost:    at most 260 buffers.
-- Locks:   the rows, in milliseconds.
WITH used AS (
    SELECT t.token_hash
      FROM auth_tokens AS t
     WHERE t.token_hash = ANY (:token_hashes::bytea[])
     ORDER BY t.token_hash
       FOR NO KEY UPDATE
)
UPDATE auth_tokens AS t
   SET last_used_at = :now::timestamptz
  FROM used
 WHERE t.token_hash = used.token_hash;

-- name: update_tokens_used(token_hashes, now)!
-- Say that these tokens were used, as update_tokens_last_used: for a database on Citus, which locks
-- rows ahead on one shard only.
--
-- Two workers may deadlock there; the one that fails says it again a minute later.
--
-- Returns: the number of tokens updated.
-- Index:   auth_tokens_pkey.
-- Plan:    custom.
-- Cost:    at most 210 buffers.
-- Locks:   the tokens' rows.
UPDATE auth_tokens AS t
   SET last_used_at = :now::timestamptz
 WHERE t.token_hash = ANY (:token_hashes::bytea[]);

-- name: delete_all_expired_tokens(now)!
-- Forget the tokens of all users that have expired.
--
-- Returns: the number of tokens deleted.
-- Index:   none: reads all tokens, once in an hour.
-- Cost:    at most 5,000 buffers.
-- Locks:   the rows.
DELETE FROM auth_tokens AS t
 WHERE t.expires_at <= :now::timestamptz;

-- name: count_all_expired_tokens(now)$
-- How many tokens delete_all_expired_tokens would forget.
--
-- Returns: one bigint.
-- Index:   none: reads all tokens.
-- Cost:    at most 5,000 buffers.
-- Locks:   none.
SELECT count(*)
  FROM auth_tokens AS t
 WHERE t.expires_at <= :now::timestamptz;
