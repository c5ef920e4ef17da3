-- Genres of the shared catalogue: Discogs' fixed vocabulary, a few hundred words.
-- Tables: genres.

-- name: list_genres(after_name, after_id, page_size, page_offset)
-- Genres by name; one keyset page.
--
-- Returns: 0..page_size rows Keyed[Genre]: name_normalized, id, then the genre.
-- Params:  after_name text, after_id uuid: last row of the previous page, NULL for the first.
-- Index:   none; the table is small and read whole.
-- Order:   name_normalized, id; total.
-- Cost:    at most 5 buffers.
-- Locks:   none.
SELECT g.name_normalized, g.id, g.id, g.name
  FROM genres AS g
 WHERE (g.name_normalized, g.id)
       > (coalesce(:after_name::text, ''),
          coalesce(:after_id::uuid, '00000000-0000-0000-0000-000000000000'))
 ORDER BY g.name_normalized, g.id
 LIMIT :page_size::int OFFSET :page_offset::int;

-- name: count_genres()$
-- How many genres there are.
--
-- Returns: one bigint.
-- Index:   none; the table is small and read whole.
-- Cost:    at most 5 buffers.
-- Locks:   none.
SELECT count(*)
  FROM genres AS g;

-- name: get_genre(genre_id)^
-- One genre.
--
-- Returns: 0..1 rows Genre.
-- Index:   genres_pkey.
-- Cost:    at most 5 buffers.
-- Locks:   none.
SELECT g.id, g.name
  FROM genres AS g
 WHERE g.id = :genre_id::uuid;
