"""Releases as they are read: one in full, lists by filter, by search and by what they refer to."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest

from factories import make_release, release_document, store_releases, words_of
from kleio.catalogue import ArtistCredit, FormatDocument, LabelCredit, TrackDocument
from kleio.db.queries import Connection, Keyed
from kleio.repositories import artists, releases
from paging import walk

pytestmark = pytest.mark.anyio

NO_FILTERS: dict[str, Any] = dict.fromkeys(
    (
        *("artist", "label", "genre", "style", "format", "country", "catno", "barcode"),
        *("year_from", "year_to"),
    )
)
NO_SEARCH = dict.fromkeys(("search", "first_words", "second_words", "third_words"))
DEBUT = release_document(
    2,
    title="Debut",
    year=1993,
    country="Iceland",
    artists=[ArtistCredit(name="Björk (2)", discogs_id=22)],
    labels=[LabelCredit(name="One Little Indian", discogs_id=6, catno="TPLP 31")],
    formats=[FormatDocument(name="CD")],
    styles=["Downtempo"],
    metadata={"identifiers": [{"type": "Barcode", "value": "5 016958 010423"}]},
)
CREDITED = release_document(
    3,
    title="Third",
    genres=["Rock"],
    artists=[
        ArtistCredit(name="Various"),
        ArtistCredit(name="Björk (2)", discogs_id=22, role="Vocals"),
        ArtistCredit(name="Björk (2)", discogs_id=22, role="Producer"),
    ],
)


async def test_one_release_has_everything(tx: Connection) -> None:
    tracks = [
        TrackDocument(seq=1, title="Side one", type="heading"),
        TrackDocument(
            seq=2,
            title="Östermalm",
            position="A",
            duration_text="4:45",
            duration_seconds=285,
            credits=[ArtistCredit(name="X", role="Mix")],
        ),
        TrackDocument(seq=3, title="Part", parent_seq=2, position="A.1"),
    ]
    release_id = await make_release(tx, 1, tracks=tracks, notes="N", master_discogs_id=5)
    detail = json.loads(bytes(await releases.get_release(tx, release_id=release_id)))
    assert detail["id"] == str(release_id)
    assert (detail["discogsId"], detail["masterDiscogsId"], detail["notes"]) == (1, 5, "N")
    assert [(t["seq"], t["type"], t["parentSeq"]) for t in detail["tracks"]] == [
        (1, "heading", None),
        (2, "track", None),
        (3, "track", 2),
    ]
    assert detail["tracks"][1]["credits"] == [{"name": "X", "role": "Mix"}]
    assert detail["labels"][0]["catno"] == "SK032"
    assert detail["playDuration"] == 285
    assert await releases.get_release_id(tx, discogs_id=1) == release_id


async def test_a_release_that_is_not_there_is_none(tx: Connection) -> None:
    assert await releases.get_release(tx, release_id=UUID(int=1)) is None
    assert await releases.get_release_id(tx, discogs_id=99) is None


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, [3, 2, 1]),
        ({"artist": "björk"}, [3, 2]),
        ({"artist": "the persuader"}, [1]),
        ({"label": "One little Indian"}, [2]),
        ({"catno": "tplp31"}, [2]),
        ({"catno": "SK-032"}, [3, 1]),
        ({"barcode": "5016958010423"}, [2]),
        ({"genre": "rock"}, [3]),
        ({"style": "Downtempo", "country": "ICELAND"}, [2]),
        ({"format": "cd"}, [2]),
        ({"year_from": 1994}, [3, 1]),
        ({"year_to": 1994, "genre": "Electronic"}, [2]),
        ({"discogs_id": 3}, [3]),
        ({"discogs_id": 3, "genre": "Electronic"}, []),
        ({"artist": "bjö"}, []),
    ],
)
async def test_filters(filters: dict[str, Any], expected: list[int], tx: Connection) -> None:
    await store_releases(tx, [release_document(1), DEBUT, CREDITED])
    given = {**NO_FILTERS, "discogs_id": None, **filters}
    rows = await releases.list_releases(tx, **given, before_id=None, page_size=10, page_offset=0)
    assert [json.loads(bytes(row.row))["discogsId"] for row in rows] == expected
    assert await releases.count_releases(tx, **given, **NO_SEARCH, max_rows=9) == len(expected)


@pytest.mark.parametrize(
    ("search", "first"),
    [
        ("debut", 2),
        ("debutt", 2),
        ("bjork debut", 2),
        ("TPLP 31", 2),
        ("tplp-31", 2),
        ("tplp31", 2),
        ("5016958010423", 2),
        ("50 16958 01042 3", 2),
        ("title 1", 1),
        ("persuader", 1),
        ("nothing like it", None),
    ],
)
async def test_a_search_finds_title_artist_and_number(
    search: str, first: int | None, tx: Connection
) -> None:
    await store_releases(tx, [release_document(1), DEBUT, CREDITED])
    page = {"before_score": None, "before_id": None, "page_size": 10, "page_offset": 0}
    typed = {"search": search, **await words_of(tx, search)}
    rows = await releases.search_releases(tx, **typed, **NO_FILTERS, **page)
    found = [json.loads(bytes(row.row))["discogsId"] for row in rows]
    assert (found[0] if found else None) == first
    given = {**NO_FILTERS, "discogs_id": None, **typed}
    assert await releases.count_releases(tx, **given, max_rows=9) == len(found)
    none = {**NO_FILTERS, "genre": "Polka"}
    assert await releases.search_releases(tx, **typed, **none, **page) == []


@pytest.mark.parametrize("page_size", [1, 7])
async def test_the_catalogue_is_paged_newest_first(page_size: int, tx: Connection) -> None:
    ids = await store_releases(tx, [release_document(number) for number in range(1, 24)])

    async def page(_: Any, last: UUID | None) -> list[Keyed[Any]]:
        return await releases.list_releases(
            tx,
            **NO_FILTERS,
            discogs_id=None,
            before_id=last,
            page_size=page_size,
            page_offset=0,
        )

    assert [row.id for row in await walk(page, page_size)] == sorted(ids, reverse=True)


@pytest.mark.parametrize("page_size", [1, 5])
async def test_search_pages_hold_every_hit_once(page_size: int, tx: Connection) -> None:
    ids = await store_releases(
        tx, [release_document(n, title=f"Night {n % 3}") for n in range(1, 16)]
    )
    words = await words_of(tx, "night")

    async def page(key: Any, last: UUID | None) -> list[Keyed[Any]]:
        return await releases.search_releases(
            tx,
            search="night",
            **words,
            **NO_FILTERS,
            before_score=key,
            before_id=last,
            page_size=page_size,
            page_offset=0,
        )

    assert sorted(row.id for row in await walk(page, page_size)) == sorted(ids)


async def test_an_artist_s_releases_count_once_whatever_the_role(tx: Connection) -> None:
    await store_releases(tx, [release_document(1), DEBUT, CREDITED])
    cursor = await tx.execute("SELECT id FROM artists WHERE discogs_id = 22")
    (artist_id,) = await cursor.fetchone()
    assert (await artists.get_artist(tx, artist_id=artist_id)).name == "Björk (2)"

    async def page(_: Any, last: UUID | None) -> list[Keyed[Any]]:
        return await releases.list_artist_releases(
            tx, artist_id=artist_id, before_id=last, page_size=1, page_offset=0
        )

    rows = await walk(page, 1)
    assert [json.loads(bytes(row.row))["discogsId"] for row in rows] == [3, 2]


@pytest.mark.parametrize(("noun", "name"), [("label", "Svek"), ("genre", "Rock"), ("style", "Dub")])
async def test_releases_of_a_label_genre_or_style_are_paged(
    noun: str, name: str, tx: Connection
) -> None:
    twice = {
        "label": {"labels": [LabelCredit(name=name, discogs_id=5, catno=c) for c in "ab"]},
        "genre": {"genres": [name, "Pop"]},
        "style": {"styles": [name, "Ska"]},
    }[noun]
    ids = await store_releases(tx, [release_document(n, **twice) for n in range(1, 8)])
    other = {"label": {"labels": []}, "genre": {"genres": ["Jazz"]}, "style": {"styles": []}}
    await make_release(tx, 99, **other[noun])
    cursor = await tx.execute(f"SELECT id FROM {noun}s WHERE name = %s", [name])
    (noun_id,) = await cursor.fetchone()

    async def page(_: Any, last: UUID | None) -> list[Keyed[Any]]:
        return await getattr(releases, f"list_{noun}_releases")(
            tx, **{f"{noun}_id": noun_id}, before_id=last, page_size=3, page_offset=0
        )

    assert [row.id for row in await walk(page, 3)] == sorted(ids, reverse=True)


@pytest.mark.parametrize(
    ("title", "search"),
    [
        ("Подмосковные вечера", "подмосковнае"),
        ("Τα παιδιά του Πειραιά", "πειραα"),
        ("硝子の少年", "硝子の少"),
        ("חנוכה בחורף", "בחורפ"),
        ("Ísland í dag", "islnd"),
    ],
)
async def test_a_search_forgives_in_every_script(tx: Connection, title: str, search: str) -> None:
    # pg_trgm tells letters by the database's LC_CTYPE: with C these names have no trigrams.
    await store_releases(tx, [release_document(2, title=title), release_document(3, title="Other")])
    rows = await releases.search_releases(
        tx,
        search=search,
        **await words_of(tx, search),
        **NO_FILTERS,
        before_score=None,
        before_id=None,
        page_size=10,
        page_offset=0,
    )
    assert [json.loads(bytes(row.row))["title"] for row in rows] == [title]
