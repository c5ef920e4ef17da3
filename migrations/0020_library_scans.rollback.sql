-- loses: the record of scans
DROP TABLE IF EXISTS scan_members;

DROP TABLE IF EXISTS scan_songs;

DROP TABLE IF EXISTS scan_reads;

DROP TABLE IF EXISTS scan_folders;

DROP TABLE IF EXISTS scan_files;

DROP TABLE IF EXISTS library_scans;

DROP FUNCTION IF EXISTS public.lead_artist(text);

DROP FUNCTION IF EXISTS public.folder_key(bytea);

DROP FUNCTION IF EXISTS public.is_below(bytea, bytea);
