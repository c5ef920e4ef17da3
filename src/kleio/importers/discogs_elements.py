"""The parts of a Discogs dump that its four kinds share: ids, years, lists, credits.

This module owns what happens to what has no field (`Leftovers`), and the reading of everything
that artists, labels, masters and releases have in common. Whole entries are made in
`discogs_entries`.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec
from lxml import etree

from kleio.catalogue import ArtistCredit

Element: TypeAlias = Any  # lxml has no annotations

MAX_ID = 2**31 - 1
"""Ids are `integer` in the database; the largest in use are near 40 million."""

# Deeper than any form of Discogs; below it an unknown element is kept as text.
_MAX_DEPTH = 32

_NO_ID = ("0", "NULL")
"""How the dumps say that a credit is linked to nobody."""


class EntryError(ValueError):
    """An entry that cannot be kept; `discogs_id` is None when that is the reason."""

    def __init__(self, reason: str, discogs_id: int | None = None) -> None:
        """Give the reason without naming the entry."""
        super().__init__(reason)
        self.discogs_id = discogs_id


class Refused(msgspec.Struct, frozen=True):
    """An entry that cannot be kept, with the line of its start tag where it is known."""

    line: int | None
    reason: str
    discogs_id: int | None = None


class Leftovers:
    """What has no field, collected into `metadata["other"]` where there is any."""

    __slots__ = ("_metadata",)

    def __init__(self, metadata: dict[str, Any]) -> None:
        """Collect into this entry's metadata."""
        self._metadata = metadata

    def element(self, path: str, element: Element) -> None:
        """Keep an element that nobody knows, whole."""
        self._add({"path": path, "element": _generic(element, 0)})

    def value(self, path: str, value: str) -> None:
        """Keep a value that its field cannot hold."""
        self._add({"path": path, "value": value})

    def _add(self, item: dict[str, Any]) -> None:
        self._metadata.setdefault("other", []).append(item)


def _generic(element: Element, depth: int) -> dict[str, Any]:
    if depth == _MAX_DEPTH:
        return {"xml": etree.tostring(element, encoding="unicode")}
    kept: dict[str, Any] = {"tag": element.tag}
    if element.attrib:
        kept["attributes"] = dict(element.attrib)
    if element.text and not element.text.isspace():
        kept["text"] = element.text
    if len(element):
        kept["children"] = [_generic(child, depth + 1) for child in element]
    if depth and element.tail and not element.tail.isspace():
        kept["tail"] = element.tail
    return kept


def filled(text: str | None) -> str | None:
    return text if text and not text.isspace() else None


def _number(text: str | None) -> int | None:
    """Return a decimal number of at most ten digits, else None."""
    if text and len(text) <= 10 and text.isascii() and text.isdigit():
        return int(text)
    return None


def parse_link(text: str | None, path: str, other: Leftovers) -> int | None:
    """Return the id of a linked entry; None, and nothing lost, where it is linked to none."""
    number = _number(text)
    if number:
        if number <= MAX_ID:
            return number
    elif text is None or text in _NO_ID or text.isspace():
        return None
    other.value(path, text or "")
    return None


def parse_entry_id(text: str | None, what: str) -> int:
    text = filled(text)
    if text is None:
        raise EntryError(f"the {what} has no id")
    number = _number(text.strip())
    if not number or number > MAX_ID:
        shown = text if len(text) <= 40 else f"{text[:40]}..."
        raise EntryError(f"the {what}'s id is not a number from 1 to {MAX_ID}: {shown!r}")
    return number


def parse_year(text: str | None) -> int | None:
    """Return the year of ``1999``, ``1999-03-00`` and the like; 0 means unknown."""
    if not text or len(text) < 4:
        return None
    digits = text[:4]
    if digits.isascii() and digits.isdigit() and digits >= "1000" and not text[4:5].isdigit():
        return int(digits)
    return None


THINGS = frozenset(("images", "identifiers", "videos", "companies", "series"))
"""The elements that `parse_things` reads."""

# --- lists of plain things, kept in the shape of the API -----------------------------------------


def _attributes(element: Element) -> dict[str, Any]:
    """Return an element's filled attributes, sizes and lengths as numbers."""
    kept: dict[str, Any] = {}
    for name, value in element.items():
        if value:
            if name in ("width", "height", "duration"):
                number = _number(value)
                kept[name] = value if number is None else number
            elif name == "embed":
                kept[name] = {"true": True, "false": False}.get(value, value)
            else:
                kept["uri" if name == "src" else name] = value
    return kept


def parse_things(parent: Element) -> list[dict[str, Any]]:
    """Return images, identifiers, videos, companies or series as dictionaries."""
    things = []
    for item in parent:
        thing = _attributes(item)
        text = item.text
        if text and not text.isspace():
            thing["text"] = text
        for child in item:
            text = child.text
            tag = child.tag
            if len(child) or child.attrib or tag in thing:
                thing.setdefault("other", []).append(_generic(child, 1))
            elif text and not text.isspace():
                thing[tag] = text
        number = _number(thing.get("id"))
        if number is not None:
            thing["id"] = number
        if thing:
            things.append(thing)
    return things


def parse_texts(parent: Element, tag: str, path: str, other: Leftovers) -> list[str]:
    texts = []
    for child in parent:
        text = child.text
        if child.tag != tag or len(child):
            other.element(path, child)
        elif text and not text.isspace():
            texts.append(text)
    return texts


def parse_named(parent: Element, path: str, other: Leftovers) -> list[dict[str, Any]]:
    """Return aliases, members, groups or sub-labels as ``{"id": ..., "name": ...}``.

    Members come as pairs ``<id>26</id><name id="26">...</name>`` and, in newer dumps, as names
    alone; sub-labels as ``<label id="26">...</label>``.
    """
    named: list[dict[str, Any]] = []
    ids: list[int] = []
    for child in parent:
        if child.tag == "id":
            number = parse_link(child.text, f"{path}/id", other)
            if number is not None:
                ids.append(number)
        elif child.tag in ("name", "label") and not len(child):
            item = parse_named_one(child, path, other)
            if item:
                named.append(item)
        else:
            other.element(path, child)
    known = {item.get("id") for item in named}
    named.extend({"id": number} for number in ids if number not in known)
    return named


def parse_named_one(element: Element, path: str, other: Leftovers) -> dict[str, Any]:
    item: dict[str, Any] = {}
    number = parse_link(element.get("id"), f"{path}/{element.tag}@id", other)
    if number is not None:
        item["id"] = number
    name = filled(element.text)
    if name is not None:
        item["name"] = name
    return item


# --- credits -------------------------------------------------------------------------------------

_CREDIT_TAGS = frozenset(("id", "name", "anv", "join", "role", "tracks"))


def parse_credits(parent: Element, path: str, extra: bool, other: Leftovers) -> list[ArtistCredit]:
    """Return the credits of an ``artists`` (main) or ``extraartists`` (extra) element.

    A main artist has no role, an extra artist always has one, "" when the source's is empty.
    """
    credited = []
    for artist in parent:
        texts = {child.tag: child.text for child in artist}
        if artist.tag != "artist" or not texts.keys() <= _CREDIT_TAGS or len(texts) != len(artist):
            other.element(path, artist)
            if artist.tag != "artist":
                continue
        number = texts.get("id")
        role = texts.get("role")
        if extra:
            role = role or ""
        elif role is not None:
            # Never seen; kept apart, so that a main artist stays one.
            if not role.isspace():
                other.value(f"{path}/artist/role", role)
            role = None
        anv = texts.get("anv")
        join = texts.get("join")
        tracks = texts.get("tracks")
        credited.append(
            ArtistCredit(
                name=texts.get("name") or "",
                discogs_id=parse_link(number, f"{path}/artist/id", other) if number else None,
                anv=filled(anv) if anv else None,
                join_relation=filled(join) if join else None,
                role=role,
                tracks=filled(tracks) if tracks else None,
            )
        )
    return credited
