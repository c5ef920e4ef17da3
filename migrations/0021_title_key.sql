-- Add the function that says when an album of files and a release are the same record.
--
-- Why:    "OK Computer (Remastered)" in a tag and "OK Computer" in the catalogue are one title to a
--         collector who asks whether a record is there digitally.
-- Order:  expand.
-- Locks:  none.
-- Undo:   0021_title_key.rollback.sql.
-- depends: 0020_library_scans

-- A normalised title without what tells editions apart at its end, and without punctuation:
-- "ok computer (2009 remaster)" and "ok computer [deluxe edition]" are "okcomputer". A title that
-- is nothing else stays as it is.
CREATE FUNCTION public.title_key(title_normalized text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN coalesce(
        nullif(
            regexp_replace(
                regexp_replace(
                    title_normalized,
                    '(\s*[(\[][^()\[\]]*\m(edition|remaster|remastered|deluxe|expanded|anniversary|bonus'
                    '|reissue|mono|stereo|dis[ck] ?\d+|cd ?\d+|vinyl|version|limited|special|explicit)\M'
                    '[^()\[\]]*[)\]])+\s*$',
                    ''
                ) COLLATE "pg_c_utf8",
                '[^[:alnum:]]', '', 'g'
            ),
            ''
        ),
        title_normalized
    );
