"""What a format of files is to an import: a source that yields records with where they stand.

A new format is one module with a class after `Source`. It parses and knows nothing of the database;
what is compared and written, `account_import` does for all of them alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import BinaryIO, Protocol, Self

import msgspec

from kleio.account_records import AccountKind, AccountRecord

HEAD_BYTES = 4096
"""How much of a file's beginning `describe_head` looks at."""


class SourceError(Exception):
    """The file can't be read as what it should be: one sentence for people, with line or place.

    Raised while a source is opened or read; an import that meets it has written nothing but its
    own report.
    """


class SourceRow(msgspec.Struct, frozen=True, kw_only=True):
    """One record of a file, or why there is none.

    Attributes:
        place: where it stands: `line 17`, `play_history 42`, `$.plays[3]`.
        kind: what it is, or should have been.
        record: None where it can't be read, and then `problem` says why, naming the field.
        problem: a sentence fragment such as `Rating: 6 is not 0 to 5`; the record is refused.
        note: what the reader had to leave out or change of a record that is kept.
        is_checked: whether `record_checks` has passed the record already.
    """

    place: str
    kind: AccountKind
    record: AccountRecord | None = None
    problem: str | None = None
    note: str | None = None
    is_checked: bool = False


class Source(Protocol):
    """An open file. It is iterated once, in a thread, and closed by whoever opened it.

    Records may come in any order: references between them (`release_id` ...) are resolved when all
    are there. Every record that others refer to has an `id`; of several records of one kind with
    one `id` the first counts, and only releases and folders may repeat theirs.
    """

    name: str
    """The format, as people call it: `collection-csv`."""

    key: str
    """Whose ids these are: files of one key that name a record alike mean the same record."""

    file_name: str
    """The file's name without its folder."""

    size: int
    """Bytes, as the file lies there."""

    @property
    def position(self) -> int:
        """How many of the bytes are read."""

    def __iter__(self) -> Iterator[SourceRow]:
        """Yield the records; raises SourceError where the file itself is damaged."""

    def close(self) -> None:
        """Close the file."""


class FileSource:
    """What sources of a plain file share: the file, its name, its size and how far it is read.

    Args:
        file: open for reading bytes, at its start.
        file_name: what to call it.
    """

    def __init__(self, file: BinaryIO, file_name: str) -> None:
        self.file = file
        self.file_name = file_name
        self.size = file.seek(0, 2)
        file.seek(0)
        self.position = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self.file.close()
