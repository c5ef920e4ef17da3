"""Discogs dump files as a stream of Documents.

This module owns the walk over a dump's XML: which kind it is, which elements are entries, and how
memory stays flat. The bytes come from `discogs_bytes`, the meaning of an entry is in
`discogs_entries`; nothing here knows the database.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Sequence
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Literal, Self, get_args

from lxml import etree

from kleio.catalogue import Document
from kleio.importers.discogs_blocks import Block, Cutter
from kleio.importers.discogs_bytes import DumpBytes, DumpError
from kleio.importers.discogs_elements import Element, EntryError, Refused
from kleio.importers.discogs_entries import parse_entry

__all__ = ["KINDS", "Dump", "DumpError", "Kind", "Refused", "open_dump"]

Kind = Literal["artists", "labels", "masters", "releases"]

KINDS: tuple[Kind, ...] = get_args(Kind)
"""The four dumps, in the order in which one refers to the other."""

# The element of an entry by its dump's root; a file may also hold one entry as its root.
_ENTRY_TAGS: dict[Kind, str] = {kind: kind[:-1] for kind in KINDS}
_KINDS_BY_ROOT: dict[str, Kind] = {kind: kind for kind in KINDS}
_KINDS_BY_ENTRY: dict[str, Kind] = {tag: kind for kind, tag in _ENTRY_TAGS.items()}

# What may stand before the root: space, declaration, instructions, comments.
_PROLOG = re.compile(rb"(?:\s+|<\?.*?\?>|<!--.*?-->)*", re.DOTALL)
_ROOT = re.compile(rb"<([A-Za-z_:][^\s/>]*)[\s/>]")
_ENCODING = re.compile(rb"\A<\?xml[^>]*?\sencoding\s*=\s*[\"']([^\"'>]*)[\"']")
_PROLOG_LIMIT = 64 * 1024

MAX_ENTRY_BYTES = 64 * 1024 * 1024
"""The longest entry, or whatever stands between two: a small packed file may unpack without end,
and the parser keeps an entry in memory."""

# Put behind every entry's end tag, so that the parser reports entries by these alone. Reporting
# ends of elements instead makes lxml take the interpreter's lock at each of the 170 elements of a
# release: 115 us a release instead of 82, and far more while another thread runs.
_MARKER = b"<?kleio?>"


class Dump:
    """One open dump file; iterate once, then close it.

    Iterating yields a sealed Document for every entry, or a Refused for one that cannot be kept.
    When the file is damaged, every whole entry before the damage is yielded before the error.

    Raises:
        DumpError: while iterating, when the XML is broken or cut off, or the file damaged.
    """

    def __init__(self, path: Path) -> None:
        """Open the file and read up to its root element.

        Raises:
            DumpError: it cannot be opened, is empty, not XML or not a Discogs dump.
        """
        self.path = path
        self._bytes = DumpBytes(path)
        self._cutter: Cutter | None = None
        try:
            self._chunks: Iterator[bytes] = iter(self._bytes)
            self._lines_before = 0
            self._head, root = self._read_root()
            self._single = root in _KINDS_BY_ENTRY
            kind = _KINDS_BY_ROOT.get(root) or _KINDS_BY_ENTRY.get(root)
            if kind is None:
                shown = root if len(root) <= 40 else f"{root[:40]}..."
                raise DumpError(
                    path,
                    f"is not a Discogs dump: its root element is <{shown}>, "
                    f"not one of {', '.join(KINDS)}",
                )
            self.kind: Kind = kind
        except BaseException:
            self.close()
            raise

    @property
    def size(self) -> int:
        """The file's size in bytes, packed as it is."""
        return self._bytes.size

    @property
    def position(self) -> int:
        """How many of those bytes have been read."""
        return self._bytes.position

    def close(self) -> None:
        """Close the file."""
        self._bytes.close()

    def __enter__(self) -> Self:
        """Return the dump itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the file."""
        self.close()

    def _read_root(self) -> tuple[bytes, str]:
        """Return what was read and the root's tag.

        A document type is refused here, before the parser sees it: dumps have none, and entities
        declared in one can grow without bound in attributes even when they are not resolved.
        """
        head = b""
        for chunk in self._chunks:
            head += chunk
            start = _prolog_end(head)
            if head.startswith(b"<!DOCTYPE", start):
                raise DumpError(self.path, "has a document type, which Discogs dumps never have")
            root = _ROOT.match(head, start)
            if root:
                self._check_encoding(head)
                return head, root[1].decode()
            if len(head) > _PROLOG_LIMIT:
                break
        if not head.strip():
            raise DumpError(self.path, "is empty")
        raise DumpError(self.path, "is not XML: no element begins it")

    def _check_encoding(self, head: bytes) -> None:
        match = _ENCODING.match(head)
        if match and match[1].lower() not in (b"utf-8", b"utf8", b"us-ascii", b"ascii"):
            name = match[1].decode(errors="replace")
            raise DumpError(self.path, f"is in {name}; Discogs dumps are UTF-8")

    def blocks(self, size: int) -> Generator[Block]:
        """Yield the entries as they stand, `size` to a block, as far as the file can be cut.

        Afterwards `go_on` says which blocks were not used, and iterating the dump yields their
        entries and what is in no block, with the damage if there is any.
        """
        root = re.compile(rb"<%b\s*>" % self.kind.encode())
        found = None if self._single else root.match(self._head, _prolog_end(self._head))
        if found is None:
            return
        self._cutter = Cutter(_ENTRY_TAGS[self.kind], size)
        self._cutter.begin(1 + self._head.count(b"\n", 0, found.end()))
        self._head, first = b"", self._head[found.end() :]
        try:
            for chunk in chain((first,), self._chunks):
                yield from self._cutter.feed(chunk)
                if self._cutter.is_full:
                    break
        except DumpError as damage:
            self._chunks = _Damaged(damage)

    def go_on(self, unused: Sequence[Block]) -> None:
        """Have iteration go on with the blocks that were not used, in the order of the file."""
        if self._cutter is None:
            return
        left = [*unused, self._cutter.rest]
        self._cutter = None
        self._head = b"<%b>" % self.kind.encode() + b"".join(block.text for block in left)
        self._lines_before = left[0].line - 1

    def __iter__(self) -> Iterator[Document | Refused]:
        """Yield the entries in the order of the file."""
        parser = etree.XMLPullParser(
            events=("pi",),
            huge_tree=True,  # titles and notes of any length
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            remove_comments=True,
            collect_ids=False,
        )
        before = self._lines_before
        walk = _Walk(self.kind, single=self._single, lines_before=before)
        end = b"</" + _ENTRY_TAGS[self.kind].encode() + b">"
        marked = end + _MARKER
        chunks = chain((self._head,), self._chunks)
        self._head = b""
        root: Element | None = None
        damage: DumpError | None = None
        since_entry = 0
        while root is None and damage is None:
            try:
                chunk = next(chunks, None)
                if chunk is None:
                    root = parser.close()
                else:
                    since_entry += len(chunk)
                    if since_entry > MAX_ENTRY_BYTES:
                        raise DumpError(
                            self.path,
                            f"has an entry of more than {MAX_ENTRY_BYTES // 1024**2} MiB",
                            byte=self._bytes.position,
                        )
                    parser.feed(chunk.replace(end, marked))
                # An undeclared entity stops the events silently and shows only here.
                for fatal in parser.feed_error_log.filter_from_fatals():
                    line = before + fatal.line
                    damage = DumpError(self.path, _broken(fatal.message), line=line)
                    break
            except etree.XMLSyntaxError as error:
                line = before + (error.lineno or 1)
                damage = DumpError(self.path, _broken(error.msg), line=line)
            except DumpError as error:
                damage = error
            for _, marker in parser.read_events():
                for entry in walk.up_to(marker):
                    since_entry = 0
                    yield entry
        if damage is not None:
            raise damage
        yield from walk.rest(root)


def _prolog_end(head: bytes) -> int:
    match = _PROLOG.match(head)
    return match.end() if match else 0


class _Damaged(Iterator[bytes]):
    """Bytes that end at once with the damage that was met before."""

    def __init__(self, damage: DumpError) -> None:
        self._damage = damage

    def __next__(self) -> bytes:
        raise self._damage


def open_dump(path: Path | str) -> Dump:
    """Open a dump file, packed or not, and tell its kind by its content.

    Raises:
        DumpError: it cannot be opened, is empty, not XML or not a Discogs dump.
    """
    return Dump(Path(path))


class _Walk:
    """Turns the elements before a marker into entries and takes them off the tree.

    The marker itself stays until the next one, because the parser still adds the space after it.
    """

    def __init__(self, kind: Kind, *, single: bool, lines_before: int) -> None:
        self._lines_before = lines_before
        self._kind = kind
        self._tag = _ENTRY_TAGS[kind]
        self._single = single
        self._done = False
        self._instructions = False

    def up_to(self, marker: Element) -> Iterator[Document | Refused]:
        """Yield the entries before a marker, none for one inside an entry (a sub-label's)."""
        root = marker.getparent()
        if root is None:
            entry = marker.getprevious()
            if self._single and entry is not None and not self._done:
                self._done = True
                yield self._entry(entry)
        elif self._single or root.getparent() is not None:
            self._instructions = True
        else:
            yield from self._take(root, marker)

    def rest(self, root: Element) -> Iterator[Document | Refused]:
        """Yield what has no marker behind it; the file is known to be whole."""
        if not self._single:
            yield from self._take(root, None)
        elif not self._done:
            yield self._entry(root)

    def _take(self, root: Element, marker: Element | None) -> Iterator[Document | Refused]:
        # Not len(root), which counts: small entries come by the thousand in one chunk.
        first: Element
        while (first := next(root.iterchildren(), None)) is not marker:
            if first.tag == self._tag:
                yield self._entry(first)
            elif isinstance(first.tag, str):
                yield Refused(self._line(first), f"<{first.tag}> is not a <{self._tag}>")
            root.remove(first)

    def _line(self, element: Element) -> int:
        return self._lines_before + int(element.sourceline)

    def _entry(self, element: Element) -> Document | Refused:
        if self._instructions:
            # They say nothing, and would cut texts in two.
            etree.strip_tags(element, etree.ProcessingInstruction)
            self._instructions = False
        try:
            return parse_entry(self._kind, element)
        except EntryError as error:
            return Refused(self._line(element), str(error), error.discogs_id)


def _broken(message: str | None) -> str:
    """Shorten the parser's message to its first sentence, without the place we name ourselves."""
    text = re.sub(r",? ?line \d+, column \d+$", "", (message or "unknown error").strip())
    return f"the XML is broken: {text}"
