"""The tables of the older Kleio's database: by which it is known, and which columns mean something.

It says what is there, not what it means; that is `kleio_sqlite`'s and `older_releases`'.
"""

from __future__ import annotations

from kleio.durations import UNKNOWN_SECONDS
from kleio.importers.findings import Findings
from kleio.importers.record_checks import MAX_PLAY_SECONDS
from kleio.importers.sources import SourceError
from kleio.importers.sqlite_files import SqliteFile, quoted

REQUIRED = {
    "folders": ("id", "name"),
    "releases": ("id", "instance_id", "folder_id", "title"),
    "styluses": ("id", "name"),
    "play_history": ("id", "release_id", "played_at"),
}
"""The tables and columns by which such a file is known; later versions added the others."""

SHARED_COLUMNS = (
    *("title", "year", "resource_url", "thumb", "cover_image"),
    *("play_duration", "play_duration_estimated"),
)
"""Columns of releases that say what a release is, in the order in which they are read."""

OWN_COLUMNS = (
    *("instance_id", "folder_id", "rating", "created_at", "updated_at"),
    *("is_archived", "archived", "archive", "archived_at", "archive_reason"),
)
"""Columns of releases that say how its owner has it; the last five are of plans and of hands."""

KNOWN: dict[str, frozenset[str]] = {
    "auth": frozenset(("token", "username")),
    "folders": frozenset(("id", "name", "count", "resource_url", "created_at", "updated_at")),
    "releases": frozenset(("id", "last_synced", "sync_session_id", *SHARED_COLUMNS, *OWN_COLUMNS)),
    "labels": frozenset(("id", "name", "resource_url", "entity_type")),
    "release_labels": frozenset(("release_id", "label_id", "catno")),
    "artists": frozenset(("id", "name", "resource_url")),
    "release_artists": frozenset(
        ("release_id", "artist_id", "join_relation", "anv", "tracks", "role")
    ),
    "formats": frozenset(("id", "release_id", "name", "qty")),
    "format_descriptions": frozenset(("format_id", "description")),
    "genres": frozenset(("id", "name")),
    "release_genres": frozenset(("release_id", "genre_id")),
    "styles": frozenset(("id", "name")),
    "release_styles": frozenset(("release_id", "style_id")),
    "release_notes": frozenset(("release_id", "field_id", "value")),
    "syncs": frozenset(("id", "sync_start", "sync_end", "status", "created_at")),
    "styluses": frozenset(
        (
            *("id", "name", "manufacturer", "expected_lifespan_hours", "purchase_date", "active"),
            *("primary_stylus", "owned", "base_model", "created_at", "updated_at"),
        )
    ),
    "play_history": frozenset(
        ("id", "release_id", "stylus_id", "played_at", "notes", "created_at", "updated_at")
    ),
    "cleaning_history": frozenset(
        (
            *("id", "release_id", "cleaned_at", "notes", "is_deep_clean", "deep_clean"),
            *("created_at", "updated_at"),
        )
    ),
    "tracks": frozenset(
        ("id", "release_id", "position", "title", "duration_text", "duration_seconds")
    ),
}
"""The app's tables with the columns that are understood or known to mean nothing."""

SHARED = ("artists", "labels", "genres", "styles")
"""Tables that are read by way of those that refer to them."""


def check_schema(file: SqliteFile) -> None:
    """Refuse a file that is another application's.

    Raises:
        SourceError: tables or columns are missing; the message names them.
    """
    missing = [table for table in REQUIRED if table not in file.tables]
    if missing:
        what = f"no table {', '.join(missing)}"
    else:
        lacking = [
            f"{table}.{column}"
            for table, columns in REQUIRED.items()
            for column in columns
            if column not in file.tables[table]
        ]
        if not lacking:
            return
        what = f"no column {', '.join(lacking)}"
    raise SourceError(f"{file.path}: not a database of the older Kleio: {what}")


def count_rows(file: SqliteFile, table: str) -> int:
    """Return how many rows a table has, 0 where there is none."""
    if table not in file.tables:
        return 0
    return int(file.value(f"SELECT count(*) FROM {quoted(table)}"))  # noqa: S608 -- its own name


def account(file: SqliteFile, findings: Findings) -> None:
    """Count every table's rows, and what no reader has looked at, when all records are read."""
    for table in KNOWN:
        if table in file.tables:
            findings.read[table] = count_rows(file, table)
    for table in SHARED:
        unused = findings.read[table] - findings.taken[table]
        findings.leave(table, unused, "named by no release that comes along")
    findings.leave("syncs", findings.read["syncs"], "the older Kleio's runs; Kleio keeps its own")
    findings.leave("auth", findings.read["auth"], "a token of Discogs, which comes on request only")
    if file.has("format_descriptions", "formats"):
        replaced = file.value(
            "SELECT count(*) FROM format_descriptions"
            " WHERE format_id NOT IN (SELECT id FROM formats)"
        )
        findings.leave("format_descriptions", replaced, "of formats that were replaced since")
        findings.dropped["format_descriptions"] += file.value(
            "SELECT count(*) FROM format_descriptions AS d JOIN formats AS f ON f.id = d.format_id"
            " WHERE typeof(f.release_id) <> 'integer'"
        )
    for table, columns in file.tables.items():
        if table.startswith("sqlite_"):
            continue
        if table not in KNOWN:
            rows = count_rows(file, table)
            findings.leave(table, rows, "not a table of the older Kleio")
            continue
        if table == "releases":
            continue  # what its owner added to it becomes custom fields of the copies
        for column in columns:
            if column not in KNOWN[table]:
                count = f"SELECT count({quoted(column)}) FROM {quoted(table)}"  # noqa: S608
                values = file.value(count)
                findings.leave(f"{table}.{column}", values, "not a column of the older Kleio")
    damaged = file.texts.damaged
    findings.leave("texts", damaged, "hold bytes that are not UTF-8, which became U+FFFD")


def play_seconds(file: SqliteFile) -> int:
    """Return how long all plays of a file played, by the older Kleio's rule and SQLite's sum."""
    if "play_duration" not in file.tables["releases"]:
        return UNKNOWN_SECONDS * count_rows(file, "play_history")
    return int(
        file.value(
            "SELECT coalesce(sum(min(CASE WHEN typeof(r.play_duration) = 'integer'"
            " AND r.play_duration > 0 THEN r.play_duration ELSE ? END, ?)), 0)"
            " FROM play_history AS p LEFT JOIN releases AS r ON r.id = p.release_id",
            (UNKNOWN_SECONDS, MAX_PLAY_SECONDS),
        )
    )
