-- Add users, their tokens, preferences, Discogs credentials and idempotency keys.
--
-- Why:    many users on one server, each with an account of their own.
-- Order:  expand.
-- Locks:  none on existing tables.
-- Undo:   0005_users.rollback.sql; loses the accounts.
-- depends: 0004_catalogue
--
-- A token is stored as its SHA-256 only; it has 256 bits of chance, so a slow hash adds nothing.
CREATE TABLE users (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    username text COLLATE "C" NOT NULL,
    email text COLLATE "pg_c_utf8" NOT NULL,
    discogs_username text,
    role user_role NOT NULL DEFAULT 'user',
    password_hash text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT users_username_check CHECK (username ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$'),
    CONSTRAINT users_email_check CHECK (email ~ '^[^@\s]+@[^@\s]+$' AND length(email) <= 254)
);

-- Names and addresses differ only where they differ beyond upper and lower case; the collations
-- make that, and the order of users.list_users, the same on every server.
CREATE UNIQUE INDEX users_username_key ON users (lower(username));

CREATE UNIQUE INDEX users_email_key ON users (lower(email));

CREATE TABLE auth_tokens (
    token_hash bytea PRIMARY KEY,
    id uuid NOT NULL DEFAULT uuidv7(),
    user_id uuid NOT NULL,
    name text NOT NULL,
    prefix text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    last_used_at timestamptz,
    CONSTRAINT auth_tokens_user_id_fkey
        FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT auth_tokens_token_hash_check CHECK (octet_length(token_hash) = 32)
);

COMMENT ON COLUMN auth_tokens.prefix IS 'the first characters of the token, to tell tokens apart';

-- auth_tokens.list_tokens and delete_token.
CREATE UNIQUE INDEX auth_tokens_user_idx ON auth_tokens (user_id, id);

CREATE TABLE user_preferences (
    user_id uuid NOT NULL,
    preferences jsonb NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT user_preferences_pkey PRIMARY KEY (user_id),
    CONSTRAINT user_preferences_user_id_fkey
        FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);

CREATE TABLE discogs_credentials (
    user_id uuid NOT NULL,
    token_encrypted bytea NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT discogs_credentials_pkey PRIMARY KEY (user_id),
    CONSTRAINT discogs_credentials_user_id_fkey
        FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);

CREATE TABLE idempotency_keys (
    user_id uuid NOT NULL,
    key text NOT NULL,
    request_hash bytea NOT NULL,
    status smallint NOT NULL,
    response bytea NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (user_id, key),
    CONSTRAINT idempotency_keys_user_id_fkey
        FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);
