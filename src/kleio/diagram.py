"""A picture of the schema, drawn from a database: Mermaid, which most places show as a drawing.

Nothing is written by hand but which tables belong together; one that is in no group is in the last.
"""

from __future__ import annotations

from collections import defaultdict

from kleio.db.queries import Connection
from kleio.repositories.schema import (
    SchemaColumn,
    SchemaReference,
    list_schema_columns,
    list_schema_references,
)

_GROUPS = {
    "The shared catalogue": (
        "artists",
        "labels",
        "masters",
        "release",
        "tracks",
        "genres",
        "styles",
    ),
    "Users and their shelves": (
        *(
            "users",
            "auth_",
            "attempts",
            "user_",
            "discogs_",
            "idempotency_",
            "folders",
            "play_",
            "cleaning_",
        ),
        *("stylus", "sync_", "import_", "id_map"),
    ),
    "The music library": ("librar", "albums", "songs", "song_"),
    "Views, counted by `kleio maintain`": ("mv_",),
    "Care": (),
}
"""Titles, and what the names of their tables begin with."""

_HEAD = """\
# The schema

Drawn from a migrated database by `kleio diagram`; a test compares it. A line leads from a reference
to what it refers to: `}|--||` where it is always there, `}o--o|` where it may be NULL. Tables of
other groups are drawn as boxes without columns.
"""


async def draw(conn: Connection) -> str:
    """Return the diagrams of a database, as a page of Markdown."""
    return markdown(await list_schema_columns(conn), await list_schema_references(conn))


def markdown(columns: list[SchemaColumn], references: list[SchemaReference]) -> str:
    """Return the page that shows these columns and references."""
    tables: defaultdict[str, list[SchemaColumn]] = defaultdict(list)
    for column in columns:
        tables[column.table_name].append(column)
    parts = [_HEAD]
    for title in _GROUPS:
        names = [name for name in tables if _group(name) == title]
        if not names:
            continue
        parts += [f"\n## {title}\n", "\n```mermaid\nerDiagram\n"]
        for name in names:
            parts += [f"    {name} {{\n", *(_column(column) for column in tables[name]), "    }\n"]
        parts += [_reference(one) for one in references if one.table_name in names]
        parts.append("```\n")
        if partitioned := [name for name in names if tables[name][0].kind == "p"]:
            parts.append(f"\nPartitioned by month: {', '.join(partitioned)}.\n")
    return "".join(parts)


def _group(table: str) -> str:
    # The longest beginning decides: user_songs is the user's, release_artists the catalogue's.
    found = [
        (len(start), title)
        for title, starts in _GROUPS.items()
        for start in starts
        if table.startswith(start)
    ]
    return max(found)[1] if found else list(_GROUPS)[-1]


def _column(column: SchemaColumn) -> str:
    # Mermaid takes one word as a type.
    type_name = column.type_name.replace("timestamp with time zone", "timestamptz")
    type_name = type_name.replace("double precision", "float8").replace(" ", "_")
    keys = [key for key, is_it in (("PK", column.is_primary), ("FK", column.is_reference)) if is_it]
    line = f"        {type_name} {column.column_name}"
    if keys:
        line += f" {','.join(keys)}"
    return line + ("\n" if column.is_not_null or column.kind == "m" else ' "or NULL"\n')


def _reference(one: SchemaReference) -> str:
    line = "}o--o|" if one.is_optional else "}|--||"
    return f'    {one.table_name} {line} {one.target_name} : "{one.columns}"\n'
