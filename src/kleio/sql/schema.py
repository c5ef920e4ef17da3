"""What a database holds, as far as the checks ask: read once from its catalogue.

Of partitions only the parent counts: their indexes and rows are the parent's. Kleio's own
bookkeeping and other schemas than those of the search path are left out.
"""

from __future__ import annotations

from typing import Any

import msgspec

from kleio.db.reading import SyncConnection

USER_KEY = "user_id"


class Column(msgspec.Struct, frozen=True):
    """A column as it is declared."""

    name: str
    number: int
    type: str
    is_not_null: bool
    is_generated: bool


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """A table, partitioned table, view or materialised view; sizes are the planner's."""

    oid: int
    name: str
    kind: str
    rows: float
    pages: int
    columns: dict[str, Column]
    is_unlogged: bool = False
    primary_key: tuple[str, ...] = ()
    unique_keys: tuple[tuple[str, ...], ...] = ()
    checked: tuple[frozenset[str], ...] = ()
    """Columns that stand together in a CHECK that speaks of NULL."""

    @property
    def is_per_user(self) -> bool:
        """Whether its rows belong to users: its primary key begins with `user_id`."""
        return self.primary_key[:1] == (USER_KEY,)


class Index(msgspec.Struct, frozen=True):
    """An index; `is_key` where it belongs to a primary key or a UNIQUE constraint."""

    name: str
    table: str
    is_key: bool
    is_unique: bool
    is_valid: bool
    columns: tuple[str, ...]
    """The key columns; an empty name for an expression."""


class ForeignKey(msgspec.Struct, frozen=True):
    """A foreign key; `on_delete` is `a` (no action), `r`, `c` (cascade), `n`, `d`."""

    name: str
    table: str
    columns: tuple[str, ...]
    target: str
    target_columns: tuple[str, ...]
    on_delete: str


class Schema(msgspec.Struct, frozen=True, kw_only=True):
    """Tables, indexes and what hangs on them, by name."""

    tables: dict[str, Table]
    indexes: dict[str, Index]
    foreign_keys: list[ForeignKey]
    triggers: list[tuple[str, str]]
    """Table and name."""
    reading_functions: list[str]
    """Functions of SQL that read tables."""
    parents: dict[str, str]
    """Partitions and their indexes: what each is a part of."""
    part_rows: dict[str, float]
    """The rows of each partition, as the planner counts."""
    type_names: dict[int, str]

    @property
    def user_tables(self) -> frozenset[str]:
        """The tables whose rows belong to users."""
        return frozenset(table.name for table in self.tables.values() if table.is_per_user)

    def whole(self, name: str) -> str:
        """Return the partitioned table (or index) that a partition belongs to, or the name."""
        while name in self.parents:
            name = self.parents[name]
        return name

    def rows(self, name: str) -> float:
        """Return the rows of a table (all its partitions together) or of a partition."""
        if name in self.part_rows:
            return self.part_rows[name]
        return self.tables[name].rows if name in self.tables else 0


_TABLES = """
SELECT c.oid, c.relname, c.relkind::text,
       CASE WHEN c.relkind = 'p'
            THEN coalesce((SELECT sum(greatest(p.reltuples, 0))
                             FROM pg_partition_tree(c.oid) AS t
                             JOIN pg_class AS p ON p.oid = t.relid AND t.isleaf), 0)
            ELSE greatest(c.reltuples, 0) END::float8,
       CASE WHEN c.relkind = 'p'
            THEN coalesce((SELECT sum(p.relpages)
                             FROM pg_partition_tree(c.oid) AS t
                             JOIN pg_class AS p ON p.oid = t.relid AND t.isleaf), 0)
            ELSE c.relpages END::bigint,
       c.relpersistence = 'u'
  FROM pg_class AS c
 WHERE c.relkind IN ('r', 'p', 'm', 'v', 'f')
   AND NOT c.relispartition
   AND pg_table_is_visible(c.oid)
   AND c.relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
   AND c.relname !~ '^_?(yoyo|kleio)_'
   AND NOT EXISTS (SELECT FROM pg_depend AS d
                    WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
                      AND d.deptype = 'e')
 ORDER BY c.relname
"""

_COLUMNS = """
SELECT a.attrelid, a.attname, a.attnum, format_type(a.atttypid, NULL), a.attnotnull,
       a.attgenerated <> ''
  FROM pg_attribute AS a
 WHERE a.attrelid = ANY (%s) AND a.attnum > 0 AND NOT a.attisdropped
 ORDER BY a.attrelid, a.attnum
"""

_INDEXES = """
SELECT c.relname, t.relname, i.indisprimary, i.indisunique, i.indisvalid,
       EXISTS (SELECT FROM pg_constraint AS k WHERE k.conindid = c.oid AND k.contype IN ('p', 'u')),
       i.indpred IS NOT NULL,
       ARRAY(SELECT coalesce(a.attname, '')
               FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k (number, place)
               LEFT JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = k.number
              WHERE k.place <= i.indnkeyatts
              ORDER BY k.place)
  FROM pg_index AS i
  JOIN pg_class AS c ON c.oid = i.indexrelid
  JOIN pg_class AS t ON t.oid = i.indrelid
 WHERE i.indrelid = ANY (%s)
 ORDER BY c.relname
"""

_CONSTRAINTS = """
SELECT k.conname, k.contype::text, k.conrelid, f.relname, k.confdeltype::text,
       ARRAY(SELECT a.attname FROM unnest(k.conkey) WITH ORDINALITY AS n (number, place)
               JOIN pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = n.number
              ORDER BY n.place),
       ARRAY(SELECT a.attname FROM unnest(k.confkey) WITH ORDINALITY AS n (number, place)
               JOIN pg_attribute AS a ON a.attrelid = k.confrelid AND a.attnum = n.number
              ORDER BY n.place),
       k.contype = 'c' AND pg_get_constraintdef(k.oid) ILIKE '%% NULL%%'
  FROM pg_constraint AS k
  LEFT JOIN pg_class AS f ON f.oid = k.confrelid
 WHERE k.conrelid = ANY (%s) AND k.contype IN ('f', 'c') AND k.conparentid = 0
 ORDER BY k.conname
"""

_TRIGGERS = """
SELECT c.relname, t.tgname
  FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
 WHERE t.tgrelid = ANY (%s) AND NOT t.tgisinternal
 ORDER BY c.relname, t.tgname
"""

_READING_FUNCTIONS = """
SELECT DISTINCT p.proname
  FROM pg_depend AS d JOIN pg_proc AS p ON p.oid = d.objid
 WHERE d.classid = 'pg_proc'::regclass AND d.refclassid = 'pg_class'::regclass
   AND d.refobjid = ANY (%s)
 ORDER BY p.proname
"""

_PARENTS = """
SELECT c.relname, p.relname, c.relkind = 'r', greatest(c.reltuples, 0)::float8
  FROM pg_inherits AS i
  JOIN pg_class AS c ON c.oid = i.inhrelid
  JOIN pg_class AS p ON p.oid = i.inhparent
 WHERE c.relispartition
"""


def read_schema(conn: SyncConnection) -> Schema:
    """Read the catalogue of the database that a connection leads to."""
    rows = conn.execute(_TABLES).fetchall()
    oids = [row[0] for row in rows]
    columns: dict[int, dict[str, Column]] = {oid: {} for oid in oids}
    for oid, name, *rest in conn.execute(_COLUMNS, [oids]):
        columns[oid][name] = Column(name, *rest)
    indexes: dict[str, Index] = {}
    keys: dict[str, list[tuple[str, ...]]] = {}
    primary: dict[str, tuple[str, ...]] = {}
    for name, table, is_primary, is_unique, is_valid, is_key, is_partial, parts in conn.execute(
        _INDEXES, [oids]
    ):
        indexes[name] = Index(name, table, is_key, is_unique, is_valid, tuple(parts))
        if is_primary:
            primary[table] = tuple(parts)
        if is_unique and not is_partial:
            keys.setdefault(table, []).append(tuple(parts))
    names = {row[0]: row[1] for row in rows}
    foreign_keys: list[ForeignKey] = []
    checked: dict[str, list[frozenset[str]]] = {}
    for name, kind, oid, target, on_delete, parts, target_parts, speaks_of_null in conn.execute(
        _CONSTRAINTS, [oids]
    ):
        if kind == "f":
            foreign_keys.append(
                ForeignKey(name, names[oid], tuple(parts), target, tuple(target_parts), on_delete)
            )
        elif speaks_of_null:
            checked.setdefault(names[oid], []).append(frozenset(parts))
    parts = conn.execute(_PARENTS).fetchall()
    return Schema(
        tables={
            name: Table(
                oid=oid,
                name=name,
                kind=kind,
                rows=size,
                pages=pages,
                is_unlogged=is_unlogged,
                columns=columns[oid],
                primary_key=primary.get(name, ()),
                unique_keys=tuple(keys.get(name, ())),
                checked=tuple(checked.get(name, ())),
            )
            for oid, name, kind, size, pages, is_unlogged in rows
        },
        indexes=indexes,
        foreign_keys=foreign_keys,
        triggers=_all(conn, _TRIGGERS, oids),
        reading_functions=[row[0] for row in _all(conn, _READING_FUNCTIONS, oids)],
        parents={name: parent for name, parent, *_ in parts},
        part_rows={name: size for name, _, is_table, size in parts if is_table},
        type_names=dict(conn.execute("SELECT oid, format_type(oid, NULL) FROM pg_type").fetchall()),
    )


def _all(conn: SyncConnection, statement: str, oids: list[int]) -> list[Any]:
    return conn.execute(statement, [oids]).fetchall()
