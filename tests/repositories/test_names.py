"""Artists and labels, genres and styles: found by name, paged by name, counted."""

from __future__ import annotations

import random
from types import ModuleType
from typing import Any
from uuid import UUID

import pytest
from msgspec import structs

from factories import artist_document, release_document
from kleio.catalogue import LabelDocument, seal
from kleio.db.queries import Connection, Keyed
from kleio.importers.catalogue_store import save, store
from kleio.repositories import artists, genres, labels, styles
from kleio.repositories.words import NO_WORDS
from paging import walk

pytestmark = pytest.mark.anyio

NAMED = {"artists": (artists, artist_document), "labels": (labels, None)}
WORDS = {"genres": genres, "styles": styles}
NAMES = ["Björk", "bjork (2)", "  Sigur\u3000Rós ", "The Beatles", "Beatles (3)", "ABBA", "!!!", ""]


def make(kind: str, number: int, name: str) -> Any:
    if kind == "artists":
        return artist_document(number, name, profile="P", metadata={"urls": ["x"]})
    return seal(LabelDocument(discogs_id=number, name=name, profile="P", metadata={"urls": ["x"]}))


def function(kind: str, verb: str) -> Any:
    module: ModuleType = {"artists": artists, "labels": labels, **WORDS}[kind]
    return getattr(module, f"{verb}_{kind if verb in ('list', 'search', 'count') else kind[:-1]}")


def pages(conn: Connection, kind: str, page_size: int) -> Any:
    async def page(key: Any, last: UUID | None) -> list[Keyed[Any]]:
        return await function(kind, "list")(
            conn, after_name=key, after_id=last, page_size=page_size, page_offset=0
        )

    return page


@pytest.mark.parametrize("kind", NAMED)
async def test_an_entry_is_read_as_it_was_written(kind: str, tx: Connection) -> None:
    (saved,) = await save(tx, kind, [make(kind, 7, "Name (2)")])
    found = await function(kind, "get")(tx, **{f"{kind[:-1]}_id": saved.id})
    assert (found.id, found.discogs_id, found.name, found.profile) == (
        saved.id,
        7,
        "Name (2)",
        "P",
    )
    assert bytes(found.metadata) == b'{"urls": ["x"]}'
    assert await function(kind, "get")(tx, **{f"{kind[:-1]}_id": UUID(int=1)}) is None


@pytest.mark.parametrize("kind", NAMED)
@pytest.mark.parametrize("page_size", [1, 3, 100])
async def test_pages_by_name_hold_every_entry_once(
    page_size: int, kind: str, tx: Connection, rng: random.Random
) -> None:
    names = [rng.choice(NAMES) for _ in range(40)] + ["Ä" * 70, "Ä" * 70 + "b"]
    await store(tx, kind, [make(kind, number, name) for number, name in enumerate(names, 1)])
    rows = await walk(pages(tx, kind, page_size), page_size)
    assert sorted(row.row.discogs_id for row in rows) == list(range(1, len(names) + 1))
    order = [(row.key, row.id) for row in rows]
    assert order == sorted(order)


@pytest.mark.parametrize("kind", NAMED)
async def test_all_are_counted_without_a_search(kind: str, tx: Connection) -> None:
    await store(tx, kind, [make(kind, number, str(number)) for number in (1, 2, 3)])
    count = function(kind, "count")
    nothing = {"search": None, **structs.asdict(NO_WORDS)}
    assert await count(tx, **nothing, max_rows=9) == 3
    assert await count(tx, **nothing, max_rows=2) == 2


@pytest.mark.parametrize("kind", WORDS)
async def test_words_are_made_once_and_paged_by_name(kind: str, tx: Connection) -> None:
    words = ["Rock", "Hip Hop", "Électro", "rock", "Folk, World, & Country"]
    for number in (1, 2):
        await store(tx, "releases", [release_document(number, **{kind: words})])
    assert await function(kind, "count")(tx) == len(words)
    rows = await walk(pages(tx, kind, 2), 2)
    names = [row.row.name for row in rows]
    assert names[:3] == ["Électro", "Folk, World, & Country", "Hip Hop"]
    assert sorted(names) == sorted(words)
    one = rows[0].row
    assert await function(kind, "get")(tx, **{f"{kind[:-1]}_id": one.id}) == one
    assert await function(kind, "get")(tx, **{f"{kind[:-1]}_id": UUID(int=1)}) is None
