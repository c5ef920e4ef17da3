"""Opens another application's SQLite file for reading, and says in one sentence why it can't be.

The file is never written to, nor is anything made beside it, with one exception that SQLite needs:
where a program has the file open with a write-ahead log, or was killed with one, its index
(`-shm`) is made anew. What is read is one state of the file: a read transaction is held from the
first row to the last.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from kleio.importers.files import describe_head, open_file, read_head
from kleio.importers.sources import SourceError

BUSY_SECONDS = 5.0
"""How long another program's lock is waited for."""

MAX_VALUE_BYTES = 16 * 1024 * 1024
"""The longest text or blob that is read; SQLite itself would take a gigabyte into memory."""

_MAGIC = b"SQLite format 3\x00"
_HEADER_BYTES = 100
_WAL = 2

_WORDS = {
    "SQLITE_BUSY": "another program holds it locked; stop the older Kleio and try again",
    "SQLITE_LOCKED": "another program holds it locked; stop the older Kleio and try again",
    "SQLITE_NOTADB": "not an SQLite database, or an encrypted one",
    "SQLITE_CORRUPT": "damaged: SQLite can't read it to its end",
    "SQLITE_READONLY_ROLLBACK": (
        "its last transaction was cut short (a -journal file lies beside it); open it once with "
        "the older Kleio or with sqlite3, which completes or undoes that, and try again"
    ),
    "SQLITE_CANTOPEN": (
        "can't be opened; where a -wal file lies beside it, the folder must be writable"
    ),
    "SQLITE_TOOBIG": f"holds a value of more than {MAX_VALUE_BYTES:,} bytes",
    "SQLITE_PERM": "may not be read",
    "SQLITE_AUTH": "may not be read",
}


class Texts:
    """Turns the bytes of SQLite's texts into texts, and counts those that are not UTF-8."""

    def __init__(self) -> None:
        self.damaged = 0

    def __call__(self, value: bytes) -> str:
        """Return the text, with U+FFFD for each byte that is none."""
        try:
            return value.decode()
        except UnicodeDecodeError:
            self.damaged += 1
            return value.decode("utf-8", "replace")


class SqliteFile:
    """An open file, and one state of it until it is closed.

    `tables` are its tables with their columns, in lower case as SQLite compares names.

    Raises:
        SourceError: there is no such file, it is something else, damaged, cut short or locked.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.texts = Texts()
        in_wal_mode, self.size = _check_header(path)
        # A file with a log that lies beside nothing was closed by all who used it: nobody writes
        # it, and opened in the ordinary way it would get a log and an index beside it.
        # The log lies beside the file itself, wherever the path leads to it from.
        real = path.resolve()
        at_rest = in_wal_mode and not real.with_name(f"{real.name}-wal").exists()
        address = f"file:{quote(str(real))}?mode=ro{'&immutable=1' if at_rest else ''}"
        self.tables: dict[str, list[str]] = {}
        with _clear(path):
            # Read in another thread than it is opened in, but never in two at once.
            self._conn = sqlite3.connect(
                address,
                uri=True,
                timeout=BUSY_SECONDS,
                isolation_level=None,
                check_same_thread=False,
            )
        try:
            self._begin()
        except BaseException:
            self._conn.close()
            raise

    def _begin(self) -> None:
        with _clear(self.path):
            self._conn.text_factory = self.texts
            # As SQLite advises for files that anybody may have made: nothing in them is run.
            self._conn.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)
            self._conn.execute("PRAGMA trusted_schema = OFF")
            self._conn.execute("PRAGMA cell_size_check = ON")
            self._conn.execute("PRAGMA query_only = ON")
            self._conn.execute("BEGIN")
            # The read lock is taken by the first read, not by BEGIN.
            names = self._conn.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            for (name,) in names.fetchall():
                columns = self._conn.execute("SELECT name FROM pragma_table_info(?)", (name,))
                self.tables[name.lower()] = [column.lower() for (column,) in columns]

    def close(self) -> None:
        """Close the file and give up its state."""
        self._conn.close()

    def rows(self, statement: str, parameters: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a statement as they are read.

        Raises:
            SourceError: the file is damaged, or its lock was lost.
        """
        with _clear(self.path):
            # Not `yield from`: that would close the cursor, maybe after the connection.
            for row in self._conn.execute(statement, parameters):  # noqa: UP028
                yield row

    def value(self, statement: str, parameters: Sequence[Any] = ()) -> Any:
        """Return the first column of the first row, None where there is none."""
        return next(self.rows(statement, parameters), (None,))[0]

    def columns(self, table: str, names: Sequence[str], alias: str) -> str:
        """Return a select list of these columns, NULL for each that the table lacks."""
        there = self.tables.get(table, ())
        return ", ".join(f"{alias}.{quoted(name)}" if name in there else "NULL" for name in names)

    def has(self, *tables: str | None) -> bool:
        """Whether all of these tables are there; None is no condition."""
        return all(table in self.tables for table in tables if table is not None)


def quoted(name: str) -> str:
    """Return a name as SQLite takes it in a statement, whatever characters it has."""
    return '"' + name.replace('"', '""') + '"'


def _check_header(path: Path) -> tuple[bool, int]:
    """Refuse what is no SQLite file or was cut short; return if it keeps a log, and its size."""
    with open_file(path) as file:
        try:
            header = read_head(file)[:_HEADER_BYTES]
        except SourceError as error:
            raise SourceError(f"{path}: {error}") from error
        except OSError as error:
            raise SourceError(f"{path}: {error.strerror or error}") from error
        size = file.seek(0, 2)
    if not header.startswith(_MAGIC):
        words = describe_head(header)
        if words is None and header.lstrip().startswith(b"{"):
            words = "JSON; see kleio-json"
        raise SourceError(f"{path}: {f'this is {words}' if words else _WORDS['SQLITE_NOTADB']}")
    if len(header) == _HEADER_BYTES:
        page = int.from_bytes(header[16:18], "big")
        page = 65_536 if page == 1 else page
        # The count of pages is valid only where it was written with the last change.
        pages = int.from_bytes(header[28:32], "big") if header[24:28] == header[92:96] else 0
        if size >= max(pages * page, _HEADER_BYTES):
            return header[18] == _WAL, size
    raise SourceError(f"{path}: cut short: an SQLite database without its end")


@contextmanager
def _clear(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", "")
        # Extended codes (SQLITE_CORRUPT_INDEX) begin with the one that they refine.
        words = _WORDS.get(name) or _WORDS.get("_".join(name.split("_")[:2])) or str(error)
        raise SourceError(f"{path}: {words}") from error
