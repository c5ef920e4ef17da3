-- Users: who they are and what they may.
-- Tables: users; folders, styluses and auth_tokens to count them.

-- name: insert_user(username, email, discogs_username, role, password_hash, now)^
-- A new user.
--
-- Returns: one row User.
-- Params:  role text: 'user' or 'admin'. password_hash text: argon2id, NULL for a user who signs
--          in with tokens only.
-- Index:   none: nothing but the new row is read.
-- Cost:    at most 23 buffers.
-- Locks:   the new row; users_username_key and users_email_key refuse a second one (23505).
WITH added AS (
    INSERT INTO users (
        username, email, discogs_username, role, password_hash, created_at, updated_at
    )
    VALUES (:username::text, :email::text, :discogs_username::text, :role::text::user_role,
            :password_hash::text, :now::timestamptz, :now)
    RETURNING id, username, email, discogs_username, role, password_hash, created_at, updated_at
)
SELECT u.id, u.username, u.email, u.discogs_username, u.role::text,
       u.password_hash IS NOT NULL AS has_password, u.created_at, u.updated_at
  FROM added AS u;

-- name: get_user(user_id)^
-- One user.
--
-- Returns: 0..1 rows User.
-- Index:   users_pkey.
-- Cost:    at most 8 buffers.
-- Locks:   none.
SELECT u.id, u.username, u.email, u.discogs_username, u.role::text,
       u.password_hash IS NOT NULL AS has_password, u.created_at, u.updated_at
  FROM users AS u
 WHERE u.id = :user_id::uuid;

-- name: get_user_by_username(username)^
-- One user by name, whatever its upper and lower case.
--
-- Returns: 0..1 rows User.
-- Index:   users_username_key (lower(username)).
-- Cost:    at most 6 buffers.
-- Locks:   none.
SELECT u.id, u.username, u.email, u.discogs_username, u.role::text,
       u.password_hash IS NOT NULL AS has_password, u.created_at, u.updated_at
  FROM users AS u
 WHERE lower(u.username) = lower(:username::text COLLATE "C");

-- name: get_user_secret(username)^
-- What a login is checked against, and of which version of the user it is.
--
-- Returns: 0..1 rows UserSecret.
-- Index:   users_username_key (lower(username)).
-- Cost:    at most 6 buffers.
-- Locks:   none.
SELECT u.id, u.password_hash, u.updated_at
  FROM users AS u
 WHERE lower(u.username) = lower(:username::text COLLATE "C");

-- name: list_users(after_name, after_id, page_size, page_offset)
-- Users by name; one keyset page.
--
-- Returns: 0..page_size rows Keyed[User]: name_key, id, then the user.
-- Params:  after_name text, after_id uuid: last row of the previous page, NULL for the first.
-- Index:   users_username_key (lower(username)).
-- Order:   lower(username); unique, so total.
-- Cost:    at most 20 buffers.
-- Locks:   none.
SELECT lower(u.username) AS name_key, u.id,
       u.id, u.username, u.email, u.discogs_username, u.role::text,
       u.password_hash IS NOT NULL AS has_password, u.created_at, u.updated_at
  FROM users AS u
 WHERE (lower(u.username), u.id)
       > (coalesce(:after_name::text, ''),
          coalesce(:after_id::uuid, '00000000-0000-0000-0000-000000000000'))
 ORDER BY lower(u.username), u.id
 LIMIT :page_size::int OFFSET :page_offset::int;

-- name: count_users()$
-- How many users there are.
--
-- Returns: one bigint.
-- Index:   none; the whole table is counted.
-- Cost:    at most 6 buffers.
-- Locks:   none.
SELECT count(*)
  FROM users AS u;

-- name: get_holdings(user_id)^
-- How much a user has of what one answer lists in whole: it must never be more than that can hold.
--
-- Returns: one row Holdings.
-- Index:   folders_user_id_number_key, styluses_pkey (user_id, id),
--          auth_tokens_user_idx (user_id, id).
-- Cost:    at most 20 buffers.
-- Locks:   none.
SELECT (SELECT count(*) FROM folders AS f WHERE f.user_id = :user_id::uuid) AS folders,
       (SELECT count(*) FROM styluses AS s WHERE s.user_id = :user_id::uuid) AS styluses,
       (SELECT count(*) FROM auth_tokens AS t WHERE t.user_id = :user_id::uuid) AS tokens;

-- name: update_user(user_id, changes, expected_updated_at, now)^
-- Change a user.
--
-- Returns: 0..1 rows User; none where there is no such user or it changed meanwhile.
-- Params:  changes text: a JSON object with the fields to change, by the API's names and
--          passwordHash; null clears one. expected_updated_at timestamptz: the version that the
--          caller saw, NULL for any.
-- Index:   users_pkey.
-- Cost:    at most 41 buffers.
-- Locks:   the row.
WITH given AS MATERIALIZED (
    SELECT e.changes, (e.changes ->> 'role')::user_role AS role
      FROM (SELECT :changes::text::jsonb AS changes) AS e
),
changed AS (
    UPDATE users AS u
       SET email = coalesce(given.changes ->> 'email', u.email),
           discogs_username = CASE WHEN given.changes ? 'discogsUsername'
                                   THEN given.changes ->> 'discogsUsername'
                                   ELSE u.discogs_username END,
           role = coalesce(given.role, u.role),
           password_hash = coalesce(given.changes ->> 'passwordHash', u.password_hash),
           updated_at = :now::timestamptz
      FROM given
     WHERE u.id = :user_id::uuid
       AND u.updated_at = coalesce(:expected_updated_at::timestamptz, u.updated_at)
    RETURNING u.id, u.username, u.email, u.discogs_username, u.role, u.password_hash, u.created_at,
              u.updated_at
)
SELECT u.id, u.username, u.email, u.discogs_username, u.role::text,
       u.password_hash IS NOT NULL AS has_password, u.created_at, u.updated_at
  FROM changed AS u;

-- name: lock_administrators()
-- Keep administrators what they are until the transaction ends.
--
-- Two that erase or demote themselves or each other at the same time would both see that the other
-- one is left. Whom it had to wait for and who is none any more is not among the rows.
--
-- Returns: 0..n rows UUID.
-- Index:   none; the whole table is read, when an administrator goes or becomes a user.
-- Order:   id; total, so that two can't deadlock.
-- Cost:    at most 17 buffers.
-- Locks:   the rows, FOR NO KEY UPDATE: what refers to them can still be written.
SELECT u.id
  FROM users AS u
 WHERE u.role = 'admin'
 ORDER BY u.id
   FOR NO KEY UPDATE;

-- name: delete_user(user_id)!
-- A user with everything that is theirs.
--
-- Returns: the number of users deleted, 0 or 1.
-- Index:   users_pkey; the foreign keys' tables by their user_id.
-- Cost:    at most 19 buffers.
-- Locks:   the user's rows in all tables.
DELETE FROM users AS u
 WHERE u.id = :user_id::uuid;
