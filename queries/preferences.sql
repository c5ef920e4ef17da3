-- A user's preferences: one JSON object whose shape the API checks.
-- Tables: user_preferences.

-- name: get_preferences(user_id)^
-- A user's preferences.
--
-- Returns: 0..1 rows Raw; none where the user never changed any.
-- Index:   user_preferences_pkey.
-- Cost:    at most 3 buffers.
-- Locks:   none.
SELECT p.preferences
  FROM user_preferences AS p
 WHERE p.user_id = :user_id::uuid;

-- name: upsert_preferences(user_id, changes, now)^
-- Change a user's preferences; those that are not named stay.
--
-- Merged by the statement, so that two changes at once both count.
--
-- Returns: one row Raw, all that the user ever changed.
-- Params:  changes text: a JSON object, by the API's names.
-- Index:   user_preferences_pkey.
-- Cost:    at most 19 buffers.
-- Locks:   the row.
INSERT INTO user_preferences AS p (user_id, preferences, updated_at)
VALUES (:user_id::uuid, :changes::text::jsonb, :now::timestamptz)
    ON CONFLICT (user_id) DO UPDATE
   SET preferences = p.preferences || excluded.preferences,
       updated_at = excluded.updated_at
RETURNING p.preferences;
