-- loses: the reports of imports and which rows came from where
DROP TABLE IF EXISTS id_map;
DROP TABLE IF EXISTS import_rows;
DROP TABLE IF EXISTS import_chunks;
DROP TABLE IF EXISTS import_runs;
