"""A dump's XML in blocks of whole entries, which can be parsed apart from each other.

This module owns where a dump may be cut, and the parsing of one block. A cut is a guess: an end
tag may stand in a comment or a CDATA section. Then the block is not well-formed by itself,
`parse_block` says so, and the caller goes on with `Dump`, which reads the rest in one piece.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from lxml import etree

from kleio.catalogue import Document
from kleio.importers.discogs_elements import Element, EntryError, Refused
from kleio.importers.discogs_entries import parse_entry

BLOCK_BYTES = 32 * 1024 * 1024
"""A block ends behind the entry that reaches this, however few it holds."""

TREE_ENTRIES = 50
"""So many entries are parsed at once: their tree stays in the processor's cache, and the whole
takes 145 us a release instead of 157."""

_ROOT = b"entries"


class Block(msgspec.Struct, frozen=True):
    """Whole entries as they stand in the file, and the line that the first byte is in."""

    text: bytes
    line: int


class Cutter:
    """Cuts the bytes behind a dump's root tag into blocks; what no block holds is `rest`."""

    def __init__(self, tag: str, size: int) -> None:
        """Cut behind each `size`-th end tag."""
        self._end = b"</" + tag.encode() + b">"
        # Sub-labels are elements of the same name, but for their attribute.
        self._next = b"<label>" if tag == "label" else b""
        self._size = size
        self._pieces = bytearray()
        self._entries = 0
        self._scanned = 0
        self._line = 1

    def begin(self, line: int) -> None:
        """Say which line the first byte is in."""
        self._line = line

    @property
    def is_full(self) -> bool:
        """Whether there is more than a block's bytes, and nowhere to cut them."""
        return len(self._pieces) > 2 * BLOCK_BYTES

    @property
    def rest(self) -> Block:
        """What is not in a block yet."""
        return Block(bytes(self._pieces), self._line)

    def feed(self, chunk: bytes) -> Iterator[Block]:
        """Take some bytes and yield the blocks that are complete with them."""
        pieces, end = self._pieces, self._end
        pieces += chunk
        while (found := pieces.find(end, self._scanned)) >= 0:
            cut = found + len(end)
            if self._next:
                following = bytes(pieces[cut : cut + 64]).lstrip()
                if len(following) < len(self._next):
                    # What follows decides, and is not there yet; at the end of the file it is rest.
                    self._scanned = found
                    return
                if not following.startswith(self._next):
                    self._scanned = cut
                    continue
            self._scanned = cut
            self._entries += 1
            if self._entries == self._size or cut >= BLOCK_BYTES:
                text = bytes(pieces[:cut])
                del pieces[:cut]
                yield Block(text, self._line)
                self._line += text.count(b"\n")
                self._entries = self._scanned = 0
        # The last bytes may be the beginning of an end tag.
        self._scanned = max(self._scanned, len(pieces) - len(end) + 1)


def parse_block(kind: str, block: Block) -> list[Document | Refused] | None:
    """Return a block's entries, or None where it is not well-formed by itself."""
    entries: list[Document | Refused] = []
    cutter = Cutter(kind[:-1], TREE_ENTRIES)
    cutter.begin(block.line)
    for piece in [*cutter.feed(block.text), cutter.rest]:
        parser = etree.XMLParser(
            huge_tree=True,  # titles and notes of any length
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            remove_comments=True,
            remove_pis=True,
            collect_ids=False,
        )
        try:
            root = etree.fromstring(b"<%b>%b</%b>" % (_ROOT, piece.text, _ROOT), parser)
        except etree.XMLSyntaxError:
            return None
        entries += [_entry(kind, element, piece.line - 1) for element in root]
    return entries


def _entry(kind: str, element: Element, lines_before: int) -> Document | Refused:
    if element.tag != kind[:-1]:
        reason, number = f"<{element.tag}> is not a <{kind[:-1]}>", None
    else:
        try:
            return parse_entry(kind, element)
        except EntryError as error:
            reason, number = str(error), error.discogs_id
    return Refused(lines_before + element.sourceline, reason, number)
