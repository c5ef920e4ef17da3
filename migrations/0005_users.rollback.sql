-- loses: all accounts
DROP TABLE IF EXISTS idempotency_keys;

DROP TABLE IF EXISTS discogs_credentials;

DROP TABLE IF EXISTS user_preferences;

DROP TABLE IF EXISTS auth_tokens;

DROP TABLE IF EXISTS users;
