"""A whole account as one JSON, which `kleio export all` writes, back as its records.

However the JSON is laid out and in whatever order its members come, it is read as a stream; what an
item may take is bounded. The shape of records is `kleio.account_records`', their rules are
`record_checks`'.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, BinaryIO

import ijson
import msgspec

from kleio.account_records import (
    FORMAT,
    VERSION,
    AccountKind,
    AccountRecord,
    CleaningRecord,
    CopyRecord,
    FolderRecord,
    PlayRecord,
    PreferencesRecord,
    ReleaseRecord,
    StylusRecord,
)
from kleio.importers.files import describe_head, read_head
from kleio.importers.sources import FileSource, SourceError, SourceRow

MAX_ITEM_BYTES = 4 * 1024 * 1024
"""A longer item is none of an account: the largest release with all its credits has a tenth."""

MAX_DEPTH = 50

_LISTS: dict[str, tuple[AccountKind, type[AccountRecord]]] = {
    "releases": ("release", ReleaseRecord),
    "folders": ("folder", FolderRecord),
    "styluses": ("stylus", StylusRecord),
    "copies": ("copy", CopyRecord),
    "plays": ("play", PlayRecord),
    "cleanings": ("cleaning", CleaningRecord),
}
_FIELDS = {name: frozenset(record.__struct_encode_fields__) for name, (_, record) in _LISTS.items()}
_STARTS = ("start_map", "start_array")
_ENDS = ("end_map", "end_array")

_AT = re.compile(r"^(?P<message>.*?)(?: - at (?:`key` in )?`\$\.?(?P<path>[^`]*)`)?$", re.DOTALL)

Event = tuple[str, Any]


class AccountJson(FileSource):
    """The records of a whole-account JSON.

    Args:
        file: open for reading bytes, at its start.
        file_name: what to call it.

    Raises:
        SourceError: it is no JSON.
    """

    name = "account"
    key = "account"

    def __init__(self, file: BinaryIO, file_name: str) -> None:
        super().__init__(file, file_name)
        head = read_head(file)
        if words := describe_head(head):
            raise SourceError(f"this is {words}, not JSON")
        self._start = 3 if head.startswith(b"\xef\xbb\xbf") else 0
        if not head[self._start :].lstrip().startswith(b"{"):
            raise SourceError("this is not the JSON of an account, which begins with {")
        self._since_item = 0
        self._at = "$"

    def read(self, size: int) -> bytes:
        """Return the next bytes: the parser reads the file through here."""
        block = self.file.read(size)
        self.position += len(block)
        self._since_item += len(block)
        if self._since_item > MAX_ITEM_BYTES:
            raise SourceError(f"after {self._at}: an item of more than {MAX_ITEM_BYTES:,} bytes")
        return block

    def __iter__(self) -> Iterator[SourceRow]:
        """Yield every item of the account's lists, and its preferences."""
        self.file.seek(self._start)
        try:
            yield from self._members(ijson.basic_parse(self, use_float=True))
        except ijson.JSONError as error:
            raise SourceError(
                f"after {self._at}, before byte {self.position:,}: not JSON: {_fault(error)}"
            ) from error

    def _members(self, events: Iterator[Event]) -> Iterator[SourceRow]:
        next(events)
        found: dict[str, Any] = {}
        for event, name in events:
            if event != "map_key":
                break
            self._done(f"$.{name[:50]}")
            if name in found:
                raise SourceError(f"$.{name[:50]} stands twice")
            event, value = next(events)
            if name in _LISTS:
                if event != "start_array":
                    raise SourceError(f"$.{name}: not a list")
                yield from self._items(name, events)
            elif name == "preferences":
                value = self._build(event, value, events)
                yield _row("$.preferences", "preferences", {"preferences": value})
            elif event in _STARTS:
                raise SourceError(f"$.{name[:50]}: this version of Kleio knows no such list")
            found[name] = value
            _check_head(name, value)
        # What comes after the object is a fault, which the parser tells of.
        next(events, None)
        for name in ("format", "version"):
            if name not in found:
                raise SourceError(f"this is not the JSON of an account: it has no {name}")

    def _items(self, name: str, events: Iterator[Event]) -> Iterator[SourceRow]:
        kind, _ = _LISTS[name]
        for number, (event, value) in enumerate(events):
            if event == "end_array":
                return
            place = f"$.{name}[{number}]"
            item = self._build(event, value, events)
            self._done(place)
            yield _row(place, kind, item, _FIELDS[name])

    def _build(self, event: str, value: Any, events: Iterator[Event]) -> Any:
        """Return the value that begins with an event, as Python has it."""
        if event not in _STARTS:
            return value
        builder = ijson.ObjectBuilder()
        builder.event(event, value)
        depth = 1
        while depth:
            event, value = next(events)
            builder.event(event, value)
            if event in _STARTS:
                depth += 1
                if depth > MAX_DEPTH:
                    raise SourceError(
                        f"after {self._at}: more than {MAX_DEPTH} lists in each other"
                    )
            elif event in _ENDS:
                depth -= 1
        return builder.value

    def _done(self, place: str) -> None:
        self._at = place
        self._since_item = 0


def _fault(error: Exception) -> str:
    """Return the parser's words without the piece of the file that it shows below them."""
    return re.sub(r"^b['\"]|(?:\n|\\n).*|\.$", "", str(error), flags=re.DOTALL)


_RECORDS: dict[AccountKind, type[AccountRecord]] = {
    "preferences": PreferencesRecord,
    **dict(_LISTS.values()),
}


def _row(
    place: str, kind: AccountKind, item: Any, known: frozenset[str] | None = None
) -> SourceRow:
    try:
        record = msgspec.convert(item, type=_RECORDS[kind])
    except (msgspec.ValidationError, RecursionError) as error:
        return SourceRow(place=place, kind=kind, problem=_in_words(str(error)))
    unknown = sorted(item.keys() - known) if known is not None else []
    note = f"left out: {', '.join(name[:50] for name in unknown[:5])}" if unknown else None
    return SourceRow(place=place, kind=kind, record=record, note=note)


def _in_words(error: str) -> str:
    found = _AT.match(error)
    if found is None or not found["path"]:
        return error.replace("`", "")
    return f"{found['path']}: {found['message']}".replace("`", "")


def _check_head(name: str, value: Any) -> None:
    if name == "format" and value != FORMAT:
        raise SourceError(f"this is not the JSON of an account: its format is not {FORMAT}")
    if name == "version" and value != VERSION:
        raise SourceError(
            f"the file is of version {str(value)[:20]}; this Kleio reads version {VERSION}"
        )
