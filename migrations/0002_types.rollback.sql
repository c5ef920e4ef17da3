DROP TYPE IF EXISTS sleeve_condition;

DROP TYPE IF EXISTS media_condition;

DROP TYPE IF EXISTS track_type;

DROP TYPE IF EXISTS user_role;
