-- loses: all styluses
DROP TABLE IF EXISTS styluses;

DROP TABLE IF EXISTS stylus_models;

DROP FUNCTION IF EXISTS public.wear_level(double precision);
