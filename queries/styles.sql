-- Styles of the shared catalogue: Discogs' fixed vocabulary, a few hundred words.
-- Tables: styles.

-- name: list_styles(after_name, after_id, page_size, page_offset)
-- Styles by name; one keyset page.
--
-- Returns: 0..page_size rows Keyed[Style]: name_normalized, id, then the style.
-- Params:  after_name text, after_id uuid: last row of the previous page, NULL for the first.
-- Index:   none; the table is small and read whole.
-- Order:   name_normalized, id; total.
-- Cost:    at most 6 buffers.
-- Locks:   none.
SELECT s.name_normalized, s.id, s.id, s.name
  FROM styles AS s
 WHERE (s.name_normalized, s.id)
       > (coalesce(:after_name::text, ''),
          coalesce(:after_id::uuid, '00000000-0000-0000-0000-000000000000'))
 ORDER BY s.name_normalized, s.id
 LIMIT :page_size::int OFFSET :page_offset::int;

-- name: count_styles()$
-- How many styles there are.
--
-- Returns: one bigint.
-- Index:   none; the table is small and read whole.
-- Cost:    at most 6 buffers.
-- Locks:   none.
SELECT count(*)
  FROM styles AS s;

-- name: get_style(style_id)^
-- One style.
--
-- Returns: 0..1 rows Style.
-- Index:   styles_pkey.
-- Cost:    at most 6 buffers.
-- Locks:   none.
SELECT s.id, s.name
  FROM styles AS s
 WHERE s.id = :style_id::uuid;
