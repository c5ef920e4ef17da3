-- Each user's styluses with their wear, and the models to copy from.
-- Tables: styluses, stylus_models; play_history for the hours.

-- name: list_stylus_models()
-- The models that a stylus can be copied from; there are few, so one answer holds them all.
--
-- Returns: 0..n rows StylusModel.
-- Index:   none; the table is small and read whole.
-- Order:   manufacturer, name; total.
-- Cost:    at most 5 buffers.
-- Locks:   none.
SELECT m.id, m.manufacturer, m.name, m.cartridge_type, m.shape, m.expected_lifespan_hours
  FROM stylus_models AS m
 ORDER BY m.manufacturer, m.name;

-- name: list_styluses(user_id)
-- A user's styluses with their hours; there are few, so one answer holds them all.
--
-- Hours are the summed durations of the plays, never counted up anywhere, so a play that is edited
-- or deleted is right at once.
--
-- Returns: 0..n rows Stylus.
-- Index:   styluses_pkey (user_id, id), play_history_user_stylus_idx.
-- Order:   primary first, then active ones, then by name; id makes it total.
-- Cost:    at most 18 buffers.
-- Locks:   none.
WITH played AS (
    SELECT p.stylus_id, count(*) AS plays, sum(p.duration_seconds) AS seconds
      FROM play_history AS p
     WHERE p.user_id = :user_id::uuid
       AND p.stylus_id IS NOT NULL
     GROUP BY p.stylus_id
)
SELECT s.id, s.model_id, s.name, s.manufacturer, s.cartridge_type, s.expected_lifespan_hours,
       s.purchase_date, s.install_date, s.active, s.is_primary AS "primary", s.owned,
       coalesce(p.plays, 0) AS plays,
       coalesce(p.seconds, 0) / 3600.0::float8 AS hours_used,
       s.expected_lifespan_hours
           - least(coalesce(p.seconds, 0) / 3600.0::float8, s.expected_lifespan_hours)
           AS hours_left,
       100 * coalesce(p.seconds, 0) / 3600.0::float8 / s.expected_lifespan_hours AS percent_used,
       wear_level(100 * coalesce(p.seconds, 0) / 3600.0::float8 / s.expected_lifespan_hours)
           AS warning,
       s.created_at, s.updated_at
  FROM styluses AS s
  LEFT JOIN played AS p
    ON p.stylus_id = s.id
 WHERE s.user_id = :user_id::uuid
 ORDER BY s.is_primary DESC, s.active DESC, lower(s.name), s.id;

-- name: get_stylus(user_id, stylus_id)^
-- One stylus of a user with its hours.
--
-- Returns: 0..1 rows Stylus.
-- Index:   styluses_pkey (user_id, id), play_history_user_stylus_idx.
-- Cost:    at most 14 buffers.
-- Locks:   none.
SELECT s.id, s.model_id, s.name, s.manufacturer, s.cartridge_type, s.expected_lifespan_hours,
       s.purchase_date, s.install_date, s.active, s.is_primary AS "primary", s.owned,
       p.plays, p.seconds / 3600.0::float8 AS hours_used,
       s.expected_lifespan_hours
           - least(p.seconds / 3600.0::float8, s.expected_lifespan_hours) AS hours_left,
       100 * p.seconds / 3600.0::float8 / s.expected_lifespan_hours AS percent_used,
       wear_level(100 * p.seconds / 3600.0::float8 / s.expected_lifespan_hours) AS warning,
       s.created_at, s.updated_at
  FROM styluses AS s
 CROSS JOIN LATERAL (
           SELECT count(*) AS plays, coalesce(sum(p.duration_seconds), 0) AS seconds
             FROM play_history AS p
            WHERE p.user_id = :user_id::uuid
              AND p.stylus_id = s.id
       ) AS p
 WHERE s.user_id = :user_id::uuid
   AND s.id = :stylus_id::uuid;

-- name: insert_stylus(user_id, model_id, name, manufacturer, cartridge_type, expected_lifespan_hours, purchase_date, install_date, active, is_primary, owned, now)^
-- A new stylus; what is not given is copied from the model.
--
-- Returns: 0..1 rows UUID: the id; none where a model is given that does not exist.
-- Params:  model_id uuid: NULL for none; then name is needed. The texts, dates and hours are NULL
--          where they are the model's or not known.
-- Index:   stylus_models_pkey.
-- Cost:    at most 17 buffers.
-- Locks:   the new row; a second primary one is refused (styluses_user_primary_key, 23505), so
--          update_primary_styluses comes first; so is one that is primary and not active
--          (styluses_primary_check, 23514).
INSERT INTO styluses (
    user_id, model_id, name, manufacturer, cartridge_type, expected_lifespan_hours,
    purchase_date, install_date, active, is_primary, owned, created_at, updated_at
)
SELECT :user_id::uuid, m.id, coalesce(:name::text, m.name),
       coalesce(:manufacturer::text, m.manufacturer),
       coalesce(:cartridge_type::text, m.cartridge_type),
       coalesce(:expected_lifespan_hours::int, m.expected_lifespan_hours),
       :purchase_date::date, :install_date::date, :active::boolean, :is_primary::boolean,
       :owned::boolean, :now::timestamptz, :now
  FROM (SELECT :model_id::uuid AS id) AS given
  LEFT JOIN stylus_models AS m
    ON m.id = given.id
 WHERE given.id IS NULL OR m.id IS NOT NULL
RETURNING id;

-- name: update_primary_styluses(user_id, stylus_id, now)!
-- Take the primary mark off a user's stylus, before another one gets it.
--
-- Returns: the number of styluses changed, 0 or 1.
-- Params:  stylus_id uuid: the one that gets the mark and, where it has it, keeps its version; NULL
--          for a new one.
-- Index:   styluses_user_primary_key.
-- Cost:    at most 28 buffers.
-- Locks:   the row.
UPDATE styluses AS s
   SET is_primary = false,
       updated_at = :now::timestamptz
 WHERE s.user_id = :user_id::uuid
   AND s.is_primary
   AND s.id IS DISTINCT FROM :stylus_id::uuid;

-- name: update_stylus(user_id, stylus_id, changes, expected_updated_at, now)!
-- Change a stylus; one that is no longer active is no longer primary.
--
-- Returns: the number of styluses changed; 0 where there is none or it changed meanwhile.
-- Params:  changes text: a JSON object with the fields to change, by the API's names; null clears
--          one. expected_updated_at timestamptz: the version that the caller saw, NULL for any.
-- Index:   styluses_pkey (user_id, id).
-- Cost:    at most 37 buffers.
-- Locks:   the row. A second primary one is refused (styluses_user_primary_key, 23505), and one
--          that is primary and not active (styluses_primary_check, 23514).
WITH given AS MATERIALIZED (
    SELECT e.changes, (e.changes ->> 'purchaseDate')::date AS purchase_date,
           (e.changes ->> 'installDate')::date AS install_date
      FROM (SELECT :changes::text::jsonb AS changes) AS e
)
UPDATE styluses AS s
   SET name = coalesce(g.changes ->> 'name', s.name),
       manufacturer = CASE WHEN g.changes ? 'manufacturer'
                           THEN g.changes ->> 'manufacturer' ELSE s.manufacturer END,
       cartridge_type = CASE WHEN g.changes ? 'cartridgeType'
                             THEN g.changes ->> 'cartridgeType' ELSE s.cartridge_type END,
       expected_lifespan_hours = CASE WHEN g.changes ? 'expectedLifespanHours'
                                      THEN (g.changes ->> 'expectedLifespanHours')::int
                                      ELSE s.expected_lifespan_hours END,
       purchase_date = CASE WHEN g.changes ? 'purchaseDate'
                            THEN g.purchase_date ELSE s.purchase_date END,
       install_date = CASE WHEN g.changes ? 'installDate'
                           THEN g.install_date ELSE s.install_date END,
       active = coalesce((g.changes ->> 'active')::boolean, s.active),
       is_primary = coalesce((g.changes ->> 'primary')::boolean,
                             s.is_primary AND coalesce((g.changes ->> 'active')::boolean, true)),
       owned = coalesce((g.changes ->> 'owned')::boolean, s.owned),
       updated_at = :now::timestamptz
  FROM given AS g
 WHERE s.user_id = :user_id::uuid
   AND s.id = :stylus_id::uuid
   AND s.updated_at = coalesce(:expected_updated_at::timestamptz, s.updated_at);

-- name: delete_stylus(user_id, stylus_id)!
-- Remove a stylus; its plays stay, without it.
--
-- Returns: the number of styluses deleted, 0 or 1.
-- Index:   styluses_pkey (user_id, id), play_history_user_stylus_idx.
-- Cost:    at most 19 buffers.
-- Locks:   the stylus and its plays.
WITH cleared AS (
    UPDATE play_history AS p
       SET stylus_id = NULL
     WHERE p.user_id = :user_id::uuid
       AND p.stylus_id = :stylus_id::uuid
)
DELETE FROM styluses AS s
 WHERE s.user_id = :user_id::uuid
   AND s.id = :stylus_id::uuid;
