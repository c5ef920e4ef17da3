"""A JSON file whose lists are read item by item, however it is laid out.

One object with lists: memory holds an item, and what an item may take is bounded. What the members
are called and what the items mean is the readers' to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import ijson

from kleio.importers.files import describe_head, read_head
from kleio.importers.sources import FileSource, SourceError

MAX_ITEM_BYTES = 4 * 1024 * 1024
"""A longer item is none of a collection: the largest release with all its credits has a tenth."""

MAX_DEPTH = 50

STARTS = ("start_map", "start_array")
_ENDS = ("end_map", "end_array")

Event = tuple[str, Any]
"""What the parser tells: what it met, and its value."""


class JsonFile(FileSource):
    """A file that holds one JSON object.

    Args:
        file: open for reading bytes, at its start.
        file_name: what to call it.
        what: what it should be, for errors: `the JSON of an account`.

    Raises:
        SourceError: it is something else.
    """

    def __init__(self, file: BinaryIO, file_name: str, what: str) -> None:
        super().__init__(file, file_name)
        head = read_head(file)
        if words := describe_head(head):
            raise SourceError(f"this is {words}, not JSON")
        self._start = 3 if head.startswith(b"\xef\xbb\xbf") else 0
        if not head[self._start :].lstrip().startswith(b"{"):
            raise SourceError(f"this is not {what}, which begins with {{")
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

    @contextmanager
    def parsed(self) -> Iterator[Iterator[Event]]:
        """Give the events of the whole file, from its start; a fault of it is a SourceError."""
        self.file.seek(self._start)
        self.position = self._start
        self.done("$")
        try:
            yield ijson.basic_parse(self, use_float=True)
        except ijson.JSONError as error:
            raise SourceError(
                f"after {self._at}, before byte {self.position:,}: not JSON: {_fault(error)}"
            ) from error

    def members(self, events: Iterator[Event]) -> Iterator[tuple[str, str, Any]]:
        """Yield each member of the object: its name and the event that its value begins with.

        Who takes one reads it to its end (`items`, `build`, `skip`) before the next.
        """
        next(events)
        found = set()
        for event, name in events:
            if event != "map_key":
                break
            self.done(f"$.{name[:50]}")
            if name in found:
                raise SourceError(f"$.{name[:50]} stands twice")
            found.add(name)
            yield name, *next(events)
        # What comes after the object is a fault, which the parser tells of.
        next(events, None)

    def items(self, name: str, event: str, events: Iterator[Event]) -> Iterator[tuple[str, Any]]:
        """Yield the items of a list that begins with an event, each with its place."""
        if event != "start_array":
            raise SourceError(f"$.{name}: not a list")
        for number, (start, value) in enumerate(events):
            if start == "end_array":
                return
            place = f"$.{name}[{number}]"
            item = self.build(start, value, events)
            self.done(place)
            yield place, item

    def build(self, event: str, value: Any, events: Iterator[Event]) -> Any:
        """Return the value that begins with an event, as Python has it."""
        if event not in STARTS:
            return value
        builder = ijson.ObjectBuilder()
        builder.event(event, value)
        for event, value in self._inside(events):
            builder.event(event, value)
        return builder.value

    def skip(self, event: str, events: Iterator[Event]) -> None:
        """Pass over the value that begins with an event, whatever its size."""
        if event in STARTS:
            for _ in self._inside(events):
                self.done(self._at)

    def _inside(self, events: Iterator[Event]) -> Iterator[Event]:
        depth = 1
        while depth:
            event, value = next(events)
            if event in STARTS:
                depth += 1
                if depth > MAX_DEPTH:
                    raise SourceError(
                        f"after {self._at}: more than {MAX_DEPTH} lists in each other"
                    )
            elif event in _ENDS:
                depth -= 1
            yield event, value

    def done(self, place: str) -> None:
        """Note how far the file is understood; what comes next may be of full length again."""
        self._at = place
        self._since_item = 0


def _fault(error: Exception) -> str:
    """Return the parser's words without the piece of the file that it shows below them."""
    return re.sub(r"^b['\"]|(?:\n|\\n).*|\.$", "", str(error), flags=re.DOTALL)
