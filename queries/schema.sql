-- The schema as PostgreSQL's catalogue has it, for `kleio diagram`.
-- Tables: none of Kleio's; PostgreSQL's catalogue.

-- name: list_schema_columns()
-- Every column of every table and materialised view; of a partitioned table once.
--
-- Returns: 0..n rows SchemaColumn.
-- Index:   none: the catalogue.
-- Order:   table, the column's place; total.
-- Cost:    at most 5,000 buffers.
-- Locks:   none.
SELECT c.relname::text AS table_name, a.attname::text AS column_name,
       format_type(a.atttypid, a.atttypmod) AS type_name,
       a.attnotnull AS is_not_null,
       EXISTS (SELECT
                 FROM pg_index AS i
                WHERE i.indrelid = c.oid
                  AND i.indisprimary
                  AND a.attnum = ANY (i.indkey)) AS is_primary,
       EXISTS (SELECT
                 FROM pg_constraint AS k
                WHERE k.conrelid = c.oid
                  AND k.contype = 'f'
                  AND a.attnum = ANY (k.conkey)) AS is_reference,
       c.relkind::text AS kind
  FROM pg_class AS c
  JOIN pg_attribute AS a
    ON a.attrelid = c.oid
   AND a.attnum > 0
   AND NOT a.attisdropped
 WHERE c.relnamespace = 'public'::regnamespace
   AND c.relkind IN ('r', 'p', 'm')
   AND NOT c.relispartition
   AND c.relname !~ '^_?(yoyo|kleio)'
   AND NOT EXISTS (SELECT
                     FROM pg_depend AS d
                    WHERE d.objid = c.oid
                      AND d.deptype = 'e')
 ORDER BY c.relname, a.attnum;

-- name: list_schema_references()
-- Every foreign key between two tables.
--
-- Returns: 0..n rows SchemaReference.
-- Index:   none: the catalogue.
-- Order:   table, name; total.
-- Cost:    at most 5,000 buffers.
-- Locks:   none.
SELECT f.relname::text AS table_name, t.relname::text AS target_name,
       k.conname::text AS constraint_name,
       (SELECT string_agg(a.attname, ', ' ORDER BY place.number)
          FROM unnest(k.conkey) WITH ORDINALITY AS place (attnum, number)
          JOIN pg_attribute AS a
            ON a.attrelid = k.conrelid
           AND a.attnum = place.attnum) AS columns,
       EXISTS (SELECT
                 FROM pg_attribute AS a
                WHERE a.attrelid = k.conrelid
                  AND a.attnum = ANY (k.conkey)
                  AND NOT a.attnotnull) AS is_optional
  FROM pg_constraint AS k
  JOIN pg_class AS f
    ON f.oid = k.conrelid
  JOIN pg_class AS t
    ON t.oid = k.confrelid
 WHERE k.contype = 'f'
   AND k.conparentid = 0
   AND f.relnamespace = 'public'::regnamespace
   AND NOT f.relispartition
 ORDER BY f.relname, k.conname;
