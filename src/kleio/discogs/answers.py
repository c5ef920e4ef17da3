"""The answers of Discogs' API that a sync reads: identity, folders, fields, pages of a shelf.

This module owns their shape and what an item of a shelf says of a copy. Releases are
`kleio.discogs.documents`'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from kleio.discogs.client import Answer
from kleio.importers.discogs_elements import MAX_ID, filled
from kleio.importers.grades import media_grade, sleeve_grade

T = TypeVar("T")

MEDIA_FIELD, SLEEVE_FIELD, NOTES_FIELD = 1, 2, 3
"""The fields that every user has; the others are the user's own, by name."""

UNCATEGORIZED = 1

# Beyond it PostgreSQL would refuse the item; Discogs has passed two billion.
MAX_INSTANCE = 2**63 - 1


class Identity(msgspec.Struct, frozen=True):
    """Whose token it is."""

    username: str


class Folder(msgspec.Struct, frozen=True):
    """A folder; number 0 is all of them."""

    id: int
    name: str
    count: int = 0


class _Folders(msgspec.Struct):
    folders: list[Folder]


class Field(msgspec.Struct, frozen=True):
    """A field of a copy."""

    id: int
    name: str


class _Fields(msgspec.Struct):
    fields: list[Field]


class Pagination(msgspec.Struct, frozen=True):
    """Where a page stands; `items` is how many there are on all pages."""

    items: int
    pages: int
    page: int


class _Note(msgspec.Struct):
    field_id: int
    value: str | None = None


class Item(msgspec.Struct, frozen=True):
    """A copy at Discogs."""

    instance_id: int
    id: int
    basic_information: dict[str, Any]
    folder_id: int | None = None
    rating: int | None = 0
    date_added: datetime | None = None
    notes: list[_Note] | None = None


class ShelfPage(msgspec.Struct, frozen=True):
    """A page of a shelf."""

    pagination: Pagination
    releases: list[Item]


class ShelfItem(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a sync keeps of an item: the copy's fields by the API's names."""

    instance_id: int
    release_discogs_id: int
    folder_number: int
    rating: int
    media_condition: str | None
    sleeve_condition: str | None
    notes: str | None
    custom_fields: dict[str, str]
    added_at: datetime | None


def decode(answer: Answer, kind: type[T]) -> T:
    """Return an answer as a Struct.

    Raises:
        msgspec.MsgspecError: it is not of that shape.
    """
    if b"\\u0000" in answer.body:
        # PostgreSQL's text holds no NUL.
        return msgspec.convert(without_nul(msgspec.json.decode(answer.body)), kind, strict=False)
    return msgspec.json.decode(answer.body, type=kind, strict=False)


def without_nul(value: Any) -> Any:
    """Return decoded JSON with no NUL in any of its texts."""
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, list):
        return [without_nul(item) for item in value]
    if isinstance(value, dict):
        return {key.replace("\0", ""): without_nul(item) for key, item in value.items()}
    return value


def identity(answer: Answer) -> Identity:
    """Return whose token it is."""
    return decode(answer, Identity)


def folders(answer: Answer) -> list[Folder]:
    """Return the folders but number 0, which is all of them, and number 1, which all users have."""
    return [
        Folder(folder.id, folder.name.strip()[:200] or f"Folder {folder.id}", folder.count)
        for folder in decode(answer, _Folders).folders
        if UNCATEGORIZED < folder.id <= MAX_ID
    ]


def fields(answer: Answer) -> dict[int, str]:
    """Return the names of the user's own fields; of two that have the same one has its number."""
    names: dict[int, str] = {}
    for field in decode(answer, _Fields).fields:
        if field.id in (MEDIA_FIELD, SLEEVE_FIELD, NOTES_FIELD):
            continue
        name = field.name.strip() or f"Field {field.id}"
        names[field.id] = f"{name} ({field.id})" if name in names.values() else name
    return names


def shelf_page(answer: Answer) -> tuple[ShelfPage, datetime]:
    """Return a page, and when Discogs gave it.

    Raises:
        ValueError: an item has a number that can't be one.
    """
    page = decode(answer, ShelfPage)
    for item in page.releases:
        if not (0 < item.instance_id <= MAX_INSTANCE and 0 < item.id <= MAX_ID):
            raise ValueError("an item of the page has no usable number")
        if item.date_added is not None and item.date_added.tzinfo is None:
            raise ValueError("an item of the page has a time without a zone")
    return page, answer.at


def shelf_item(item: Item, names: Mapping[int, str]) -> ShelfItem:
    """Return what an item says of a copy.

    A condition that is none of Discogs' own is kept as a custom field, so that nothing is lost.

    Args:
        item: as Discogs gives it; what is left out is empty.
        names: of the user's own fields, by their number.
    """
    media = sleeve = notes = None
    custom: dict[str, str] = {}
    for note in item.notes or ():
        value = filled(note.value)
        if value is None:
            continue
        if note.field_id == MEDIA_FIELD:
            media = media_grade(value)
            if media is None:
                custom["Media Condition"] = value
        elif note.field_id == SLEEVE_FIELD:
            sleeve = sleeve_grade(value)
            if sleeve is None:
                custom["Sleeve Condition"] = value
        elif note.field_id == NOTES_FIELD:
            notes = value
        else:
            custom[names.get(note.field_id, f"Field {note.field_id}")] = value
    folder = item.folder_id or UNCATEGORIZED
    return ShelfItem(
        instance_id=item.instance_id,
        release_discogs_id=item.id,
        folder_number=folder if 0 < folder <= MAX_ID else UNCATEGORIZED,
        rating=min(5, max(0, item.rating or 0)),
        media_condition=media,
        sleeve_condition=sleeve,
        notes=notes,
        custom_fields=custom,
        added_at=item.date_added,
    )


def encode_items(items: Sequence[ShelfItem]) -> str:
    """Return items as the text of a JSON array, the statements' `:items`."""
    return msgspec.json.encode(items).decode()
