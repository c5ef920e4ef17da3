-- transactional: false
DROP INDEX CONCURRENTLY IF EXISTS folders_user_name_key;
