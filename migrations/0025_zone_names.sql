-- Name the time zones of preferences as Python and PostgreSQL both know them.
--
-- Why:    CET, EET, MET and WET are abbreviations to PostgreSQL, without summer time: from March to
--         October a user's days began an hour later in statistics than on the page.
-- Order:  expand.
-- Locks:  the rows of those users, milliseconds.
-- Undo:   0025_zone_names.rollback.sql, which changes nothing: the new names are known before, too.
-- depends: 0024_attempts
UPDATE user_preferences
   SET preferences = jsonb_set(
           preferences, '{timeZone}',
           CASE preferences ->> 'timeZone'
               WHEN 'EET' THEN '"Europe/Athens"'::jsonb
               WHEN 'WET' THEN '"Europe/Lisbon"'::jsonb
               ELSE '"Europe/Brussels"'::jsonb
           END
       )
 WHERE preferences ->> 'timeZone' IN ('CET', 'EET', 'MET', 'WET');
