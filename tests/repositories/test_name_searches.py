"""Searches of artists, labels, artists of the library and albums: one way, one set of tests."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest

from factories import NOW, artist_document, words_of
from kleio.catalogue import LabelDocument, seal
from kleio.db.queries import Connection, Keyed, all_queries
from kleio.importers.catalogue_store import store
from kleio.repositories import albums, artists, labels, library_artists
from library_rows import add_words, make_artist, make_library
from paging import walk

pytestmark = pytest.mark.anyio

FIRST: dict[str, Any] = {"before_score": None, "before_id": None}
NO_FILTERS: dict[str, Any] = dict.fromkeys(("library_id", "year_from", "year_to"))
NAMES = [
    *("Björk", "Bjarke", "  Sigur\u3000Rós ", "The Beatles", "Beatles", "Blink-182", "U2"),
    *("Кино", "Мумий Тролль", "椎名林檎", "東京スカパラダイスオーケストラ", "Σωκράτης Μάλαμας"),
    *("Nick Cave & The Bad Seeds", "The The", "R.E.M.", "Ñu", "El", "!!!", "100% Vinyl"),
]


async def put_artists(conn: Connection, names: list[str]) -> None:
    await store(conn, "artists", [artist_document(n, name) for n, name in enumerate(names, 1)])


async def put_labels(conn: Connection, names: list[str]) -> None:
    documents = [seal(LabelDocument(discogs_id=n, name=name)) for n, name in enumerate(names, 1)]
    await store(conn, "labels", documents)


async def put_library_artists(conn: Connection, names: list[str]) -> None:
    for name in names:
        await make_artist(conn, name)
    await add_words(conn)


async def put_albums(conn: Connection, names: list[str]) -> None:
    library_id = await make_library(conn)
    await conn.execute(
        "INSERT INTO albums (library_id, key, name, song_count, updated_at)"
        " SELECT %s, gen_random_uuid(), unnest(%s::text[]), 1, %s",
        [library_id, names, NOW],
    )
    await add_words(conn)


Put = Callable[[Connection, list[str]], Awaitable[None]]
NOUNS: dict[str, tuple[Put, Any, dict[str, Any]]] = {
    "artists": (put_artists, artists.search_artists, {}),
    "labels": (put_labels, labels.search_labels, {}),
    "library artists": (put_library_artists, library_artists.search_library_artists, {}),
    "albums": (put_albums, albums.search_albums, NO_FILTERS),
}
COUNTS: dict[str, Any] = {"artists": artists.count_artists, "labels": labels.count_labels}

each_noun = pytest.mark.parametrize("noun", NOUNS)


async def search(
    conn: Connection, noun: str, text: str, size: int = 50, **place: Any
) -> list[Keyed[Any]]:
    _, query, filters = NOUNS[noun]
    return await query(
        conn,
        search=text,
        **await words_of(conn, text),
        **filters,
        **{**FIRST, **place},
        page_size=size,
        page_offset=0,
    )


@each_noun
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("björk", "Björk"),
        ("BJORK", "Björk"),
        ("bjorck", "Björk"),
        ("beatels", "Beatles"),
        ("the beatles", "The Beatles"),
        ("beatles the", "The Beatles"),
        ("sigur ros", "  Sigur\u3000Rós "),
        ("ros siguur", "  Sigur\u3000Rós "),
        ("blink 182", "Blink-182"),
        ("blnk-182", "Blink-182"),
        ("u2", "U2"),
        ("el", "El"),
        ("nu", "Ñu"),
        ("кино", "Кино"),
        ("мумий троль", "Мумий Тролль"),
        ("椎名林檎", "椎名林檎"),
        ("東京スカパラダイス", "東京スカパラダイスオーケストラ"),
        ("σωκρατης μαλαμα", "Σωκράτης Μάλαμας"),
        # Four words and more: the three longest find, the others decide.
        ("seeds the cave bad nik", "Nick Cave & The Bad Seeds"),
        ("the the", "The The"),
        ("r.e.m.", "R.E.M."),
        ("100 vinyl", "100% Vinyl"),
        ("beatles zzzz", None),
        ("zzzz", None),
        ("%_\\", None),
    ],
)
async def test_a_name_is_found(text: str, found: str | None, noun: str, tx: Connection) -> None:
    await NOUNS[noun][0](tx, NAMES)
    rows = await search(tx, noun, text)
    assert [row.row.name for row in rows][:1] == ([] if found is None else [found])
    assert [row.key for row in rows] == sorted((row.key for row in rows), reverse=True)
    if noun in COUNTS:
        words = await words_of(tx, text)
        assert await COUNTS[noun](tx, search=text, **words, max_rows=99) == len(rows)
        assert await COUNTS[noun](tx, search=text, **words, max_rows=1) == min(len(rows), 1)


@each_noun
@pytest.mark.parametrize("text", ["!!!", "", " "])
async def test_what_has_no_letter_is_no_error(text: str, noun: str, tx: Connection) -> None:
    await NOUNS[noun][0](tx, NAMES)
    assert {row.row.name for row in await search(tx, noun, text)} <= {text}


@each_noun
@pytest.mark.parametrize("size", [1, 3, 100])
async def test_pages_of_a_search_hold_every_hit_once(noun: str, size: int, tx: Connection) -> None:
    names = [f"Night {'Owl' * (number % 3)} {number}" for number in range(20)]
    await NOUNS[noun][0](tx, [*names, "Day"])

    async def page(key: Any, last: UUID | None) -> list[Keyed[Any]]:
        return await search(tx, noun, "nigt", size, before_score=key, before_id=last)

    rows = await walk(page, size)
    assert sorted(row.row.name for row in rows) == sorted(names)


@each_noun
async def test_of_a_frequent_word_the_name_itself_is_always_there(
    noun: str, tx: Connection
) -> None:
    """It is the last one written: those that the index finds first would leave it out."""
    await NOUNS[noun][0](tx, [f"Orchestra of {number}" for number in range(2100)])
    await tx.execute("SET LOCAL enable_seqscan = off")
    before = await search(tx, noun, "orchestra", 3000)
    assert len(before) == 2000
    await tx.execute(
        {
            "artists": "UPDATE artists SET name = 'Orchestra' WHERE discogs_id = 2100",
            "labels": "UPDATE labels SET name = 'Orchestra' WHERE discogs_id = 2100",
            "library artists": "INSERT INTO library_artists (name, created_at, updated_at)"
            " VALUES ('Orchestra', now(), now())",
            "albums": "UPDATE albums SET name = 'Orchestra' WHERE name = 'Orchestra of 2099'",
        }[noun]
    )
    rows = await search(tx, noun, "Orchestra", 3000)
    assert (rows[0].row.name, rows[0].key) == ("Orchestra", pytest.approx(1.1))
    assert len({row.id for row in rows}) == len(rows) == 2001


@each_noun
async def test_a_search_reads_the_index_of_words_and_that_of_names(
    noun: str, tx: Connection
) -> None:
    await NOUNS[noun][0](tx, NAMES)
    await tx.execute("SET LOCAL enable_seqscan = off")
    table = noun.replace(" ", "_")
    given = {**FIRST, **NOUNS[noun][2], "page_size": 5, "page_offset": 0}
    given |= {"search": "the beatels", **await words_of(tx, "the beatels")}
    # Never prepared, as the adapter sends it: the planner has the words.
    statement = all_queries()[f"{table}.search_{table}"].sql
    cursor = await tx.execute(f"EXPLAIN {statement}", given, prepare=False)
    plan = "\n".join(row[0] for row in await cursor.fetchall())
    # A partition names its indexes after their columns.
    for index in (
        rf"{table}(_\d+_\d+_name)?_words_idx",
        rf"{table}(_name_idx|_\d+_\d+_left_id_idx)",
    ):
        assert re.search(rf" {index}\b", plan), plan
    assert "Seq Scan" not in plan
