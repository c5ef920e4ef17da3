-- Add the enum types of the shared catalogue, the users and their shelves.
--
-- Why:    a fixed vocabulary that the database checks; the order of the labels is the order
--         of the grades, best first, so that ORDER BY on a condition means something.
-- Order:  expand.
-- Locks:  none.
-- Undo:   0002_types.rollback.sql.
-- depends: 0001_extensions
CREATE TYPE user_role AS ENUM ('user', 'admin');

CREATE TYPE track_type AS ENUM ('track', 'heading', 'index');

-- Discogs' grades; the export writes them in full ("Near Mint (NM or M-)").
CREATE TYPE media_condition AS ENUM ('M', 'NM', 'VG+', 'VG', 'G+', 'G', 'F', 'P', 'Not Graded');

CREATE TYPE sleeve_condition AS ENUM (
    'M', 'NM', 'VG+', 'VG', 'G+', 'G', 'F', 'P', 'Not Graded', 'Generic', 'No Cover'
);
