-- Add styluses: each user's own, and the models to copy from.
--
-- Why:    hours on the stylus follow from the plays, so collectors know when to change it.
-- Order:  expand.
-- Locks:  none on existing tables (the foreign key takes SHARE ROW EXCLUSIVE on users for
--         milliseconds).
-- Undo:   0007_styluses.rollback.sql; loses the styluses.
-- depends: 0006_collection

-- How worn a stylus is, NULL where no expected life is known; the one place with the limits.
CREATE FUNCTION public.wear_level(percent_used double precision) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN CASE WHEN percent_used >= 100 THEN 'due' WHEN percent_used >= 80 THEN 'soon' ELSE 'ok' END;

CREATE TABLE stylus_models (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    manufacturer text NOT NULL,
    name text NOT NULL,
    cartridge_type text NOT NULL,
    shape text NOT NULL,
    expected_lifespan_hours integer NOT NULL,
    CONSTRAINT stylus_models_manufacturer_name_key UNIQUE (manufacturer, name),
    CONSTRAINT stylus_models_lifespan_check CHECK (expected_lifespan_hours > 0)
);

-- Expected lives are the makers' own figures where they give any, else what is commonly reckoned
-- for the shape of the diamond: conical and elliptical 300 to 500 hours, line contact 800 to 1,000.
INSERT INTO stylus_models (manufacturer, name, cartridge_type, shape, expected_lifespan_hours)
VALUES
    ('Audio-Technica', 'AT-VMN95C', 'moving magnet', 'conical', 500),
    ('Audio-Technica', 'AT-VMN95E', 'moving magnet', 'elliptical', 300),
    ('Audio-Technica', 'AT-VMN95EN', 'moving magnet', 'nude elliptical', 300),
    ('Audio-Technica', 'AT-VMN95ML', 'moving magnet', 'microlinear', 1000),
    ('Audio-Technica', 'AT-VMN95SH', 'moving magnet', 'Shibata', 800),
    ('Audio-Technica', 'VMN40ML', 'moving magnet', 'microlinear', 1000),
    ('Denon', 'DL-103', 'moving coil', 'conical', 500),
    ('Denon', 'DL-110', 'moving coil', 'elliptical', 500),
    ('Goldring', 'E3', 'moving magnet', 'elliptical', 500),
    ('Grado', 'Prestige Black', 'moving iron', 'elliptical', 500),
    ('Nagaoka', 'JN-P110', 'moving permalloy', 'elliptical', 500),
    ('Nagaoka', 'JN-P150', 'moving permalloy', 'elliptical', 500),
    ('Nagaoka', 'JN-P500', 'moving permalloy', 'line contact', 800),
    ('Ortofon', '2M Red', 'moving magnet', 'elliptical', 1000),
    ('Ortofon', '2M Blue', 'moving magnet', 'nude elliptical', 1000),
    ('Ortofon', '2M Bronze', 'moving magnet', 'fine line', 1000),
    ('Ortofon', '2M Black', 'moving magnet', 'Shibata', 1000),
    ('Rega', 'Carbon', 'moving magnet', 'conical', 500),
    ('Sumiko', 'Rainier', 'moving magnet', 'elliptical', 500);

CREATE TABLE styluses (
    user_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    model_id uuid,
    name text NOT NULL,
    manufacturer text,
    cartridge_type text,
    expected_lifespan_hours integer,
    purchase_date date,
    install_date date,
    active boolean NOT NULL,
    is_primary boolean NOT NULL,
    owned boolean NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT styluses_pkey PRIMARY KEY (user_id, id),
    CONSTRAINT styluses_user_id_fkey
        FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT styluses_model_id_fkey FOREIGN KEY (model_id) REFERENCES stylus_models (id),
    CONSTRAINT styluses_lifespan_check CHECK (expected_lifespan_hours > 0),
    CONSTRAINT styluses_primary_check CHECK (NOT is_primary OR active)
);

COMMENT ON COLUMN styluses.is_primary IS 'the one that plays are logged with; only an active one';

-- One primary stylus a user, whatever the code does.
CREATE UNIQUE INDEX styluses_user_primary_key ON styluses (user_id) WHERE is_primary;
