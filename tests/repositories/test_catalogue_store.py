"""Documents into the catalogue: counts, changes, shrinking, odd values, two writers at once."""

from __future__ import annotations

import json
import random
from typing import Any

import anyio
import pytest

from factories import artist_document, release_document, settings_for, store_releases
from kleio.catalogue import (
    ArtistCredit,
    Document,
    FormatDocument,
    LabelCredit,
    LabelDocument,
    MasterDocument,
    ReleaseDocument,
    TrackDocument,
    seal,
)
from kleio.db.connections import connect
from kleio.db.errors import InvalidData
from kleio.db.queries import Connection
from kleio.importers.catalogue_store import Kind, StoreCounts, save, store
from kleio.repositories import releases
from kleio.seed import demo_catalogue

pytestmark = pytest.mark.anyio

PARTS = (
    *("release_artists", "release_labels", "release_formats"),
    *("release_genres", "release_styles", "tracks"),
)
KINDS: dict[Kind, Any] = {
    "artists": lambda number, name: artist_document(number, name),
    "labels": lambda number, name: seal(LabelDocument(discogs_id=number, name=name)),
    "masters": lambda number, name: seal(MasterDocument(discogs_id=number, title=name)),
    "releases": lambda number, name: release_document(number, title=name),
}


async def rows(conn: Connection, statement: str, *parameters: object) -> list[Any]:
    return await (await conn.execute(statement, parameters)).fetchall()


async def counts(conn: Connection) -> dict[str, int]:
    return {part: (await rows(conn, f"SELECT count(*) FROM {part}"))[0][0] for part in PARTS}


@pytest.mark.parametrize("kind", KINDS)
async def test_documents_are_inserted_updated_or_unchanged(kind: Kind, tx: Connection) -> None:
    make = KINDS[kind]
    first = [make(number, f"Name {number}") for number in (3, 1, 2)]
    assert await store(tx, kind, first) == StoreCounts(inserted=3)
    assert await store(tx, kind, first) == StoreCounts(unchanged=3)
    second = [make(1, "Name 1"), make(2, "Other"), make(4, "New")]
    assert await store(tx, kind, second) == StoreCounts(inserted=1, updated=1, unchanged=1)
    assert await store(tx, kind, []) == StoreCounts()


@pytest.mark.parametrize("kind", KINDS)
async def test_an_unchanged_document_writes_nothing(kind: Kind, tx: Connection) -> None:
    document = KINDS[kind](1, "Name")
    await store(tx, kind, [document])
    before = await rows(tx, f"SELECT ctid, xmin, updated_at FROM {kind}")
    await store(tx, kind, [document])
    assert await rows(tx, f"SELECT ctid, xmin, updated_at FROM {kind}") == before


async def test_ids_and_creation_times_stay_when_a_document_changes(tx: Connection) -> None:
    (before,) = await save(tx, "releases", [release_document(1)])
    (created,) = await rows(tx, "SELECT created_at FROM releases")
    (after,) = await save(tx, "releases", [release_document(1, title="New")])
    assert (after.id, after.inserted) == (before.id, False)
    assert await rows(tx, "SELECT created_at FROM releases") == [created]


PICTURES = "SELECT thumb, cover_image, card ->> 'thumb', card ->> 'coverImage' FROM releases"


async def test_a_document_without_pictures_leaves_those_that_are_known(tx: Connection) -> None:
    """No dump has any; where the API tells of none, there is none any more."""
    known = {"thumb": "https://i.discogs.com/t", "cover_image": "https://i.discogs.com/c"}
    await store(tx, "releases", [release_document(1, **known, from_api=True)])
    await store(tx, "releases", [release_document(1, title="Of a dump")])
    assert await rows(tx, PICTURES) == [(*known.values(), *known.values())]
    await store(tx, "releases", [release_document(1, cover_image="https://i.discogs.com/d")])
    assert await rows(tx, PICTURES) == [(known["thumb"], "https://i.discogs.com/d") * 2]
    await store(tx, "releases", [release_document(1, title="Of the API", from_api=True)])
    assert await rows(tx, PICTURES) == [(None,) * 4]


async def test_a_document_without_a_number_is_always_new(tx: Connection) -> None:
    document = seal(ReleaseDocument(title="By hand"))
    for _ in range(2):
        assert await store(tx, "releases", [document]) == StoreCounts(inserted=1)
    assert await rows(tx, "SELECT discogs_id, synced_at FROM releases") == [(None, None)] * 2


async def test_a_release_that_shrinks_leaves_no_orphan_rows(tx: Connection) -> None:
    full = release_document(
        1,
        artists=[ArtistCredit(name=f"A{n}", discogs_id=n) for n in range(1, 6)],
        labels=[LabelCredit(name=f"L{n}", catno=str(n)) for n in range(1, 5)],
        formats=[FormatDocument(name=name) for name in ("CD", "DVD", "Box Set")],
        genres=["Rock", "Pop"],
        styles=["Ska", "Dub"],
        tracks=[TrackDocument(seq=n, title=f"T{n}") for n in range(1, 8)],
    )
    other = release_document(2)
    await store(tx, "releases", [full, other])
    kept = await counts(tx)
    await store(tx, "releases", [release_document(1)])
    expected = dict(zip(PARTS, (1, 1, 1, 1, 1, 2), strict=True))
    assert await counts(tx) == {part: 2 * count for part, count in expected.items()}
    await store(tx, "releases", [full])
    assert await counts(tx) == kept
    await store(tx, "releases", [seal(ReleaseDocument(discogs_id=1, title="Bare"))])
    assert await counts(tx) == expected


async def test_random_versions_leave_what_the_last_one_says(
    tx: Connection, rng: random.Random
) -> None:
    documents = list(demo_catalogue(60, seed=rng.randrange(1000)))
    await store(tx, "releases", documents)
    for document in documents:
        document.artists = document.artists[: rng.randint(0, 3)]
        document.tracks = document.tracks[: rng.randint(0, 5)]
        document.genres = rng.sample(document.genres, rng.randint(0, len(document.genres)))
        seal(document)
    await store(tx, "releases", documents)
    for document in documents:
        ((artists, tracks, genres),) = await rows(
            tx,
            "SELECT ARRAY(SELECT name FROM release_artists WHERE release_id = r.id"
            "              ORDER BY position),"
            "       ARRAY(SELECT title FROM tracks WHERE release_id = r.id ORDER BY seq),"
            "       ARRAY(SELECT g.name FROM release_genres AS e JOIN genres AS g"
            "               ON g.id = e.genre_id WHERE release_id = r.id ORDER BY position)"
            "  FROM releases AS r WHERE discogs_id = %s",
            document.discogs_id,
        )
        assert artists == [credit.name for credit in document.artists]
        assert tracks == [track.title for track in document.tracks]
        assert genres == document.genres


async def test_a_credit_makes_a_stub_that_a_later_artist_document_fills(tx: Connection) -> None:
    await store(tx, "releases", [release_document(1)])
    ((stub, name, profile, hash_),) = await rows(
        tx, "SELECT id, name, profile, source_hash FROM artists WHERE discogs_id = 1"
    )
    assert (name, profile, hash_) == ("The Persuader", None, None)
    document = artist_document(1, "The Persuader", profile="Jesper Dahlbäck")
    assert await store(tx, "artists", [document]) == StoreCounts(updated=1)
    assert await rows(tx, "SELECT id, profile FROM artists WHERE discogs_id = 1") == [
        (stub, "Jesper Dahlbäck")
    ]
    # A release that comes later does not empty it again.
    await store(tx, "releases", [release_document(2)])
    assert await rows(tx, "SELECT profile FROM artists") == [("Jesper Dahlbäck",)]


async def test_a_credit_without_a_number_keeps_its_name(tx: Connection) -> None:
    credits = [
        ArtistCredit(name="Unknown Artist"),
        ArtistCredit(name="Nobody (4)", anv="N.", role="Written-By", tracks="A1"),
    ]
    (release_id,) = await store_releases(tx, [release_document(1, artists=credits)])
    assert await rows(
        tx, "SELECT artist_id, name, anv, role, tracks FROM release_artists ORDER BY position"
    ) == [
        (None, "Unknown Artist", None, None, None),
        (None, "Nobody (4)", "N.", "Written-By", "A1"),
    ]
    assert await rows(tx, "SELECT name FROM artists") == []
    detail = json.loads(bytes(await releases.get_release(tx, release_id=release_id)))
    assert detail["artists"][0]["name"] == "Unknown Artist"
    assert detail["credits"][0]["name"] == "Nobody (4)"


@pytest.mark.parametrize("kind", KINDS)
async def test_a_very_long_name_is_kept_whole(
    kind: Kind, tx: Connection, rng: random.Random
) -> None:
    # Random, so that TOAST can't compress it below the limit of an index row.
    name = "".join(chr(rng.randrange(0x4E00, 0x9FFF)) for _ in range(5000))
    assert await store(tx, kind, [KINDS[kind](1, name)]) == StoreCounts(inserted=1)
    column = "title" if kind in ("masters", "releases") else "name"
    assert await rows(tx, f"SELECT {column} FROM {kind} WHERE discogs_id = 1") == [(name,)]


async def test_a_quantity_of_64_digits_is_kept(tx: Connection) -> None:
    formats = [FormatDocument(name="Vinyl", qty="9" * 64), FormatDocument(name="CD", qty="")]
    await store(tx, "releases", [release_document(1, formats=formats)])
    assert await rows(tx, "SELECT qty FROM release_formats ORDER BY position") == [
        ("9" * 64,),
        ("",),
    ]


@pytest.mark.parametrize(
    "document",
    [
        release_document(1, title="NUL \0"),
        release_document(1, metadata={"a": ["\0"]}),
        release_document(0),
        release_document(-1),
        release_document(2**31),
        release_document(1, year=2**31),
        release_document(1, tracks=[TrackDocument(seq=1, title="x", duration_seconds=-1)]),
    ],
    ids=["NUL", "NUL below", "0", "negative", "int4", "year int4", "negative duration"],
)
async def test_what_can_t_be_stored_is_refused_and_leaves_nothing(
    document: ReleaseDocument, tx: Connection
) -> None:
    with pytest.raises(InvalidData):
        async with tx.transaction():
            await store(tx, "releases", [release_document(5), document])
    assert await rows(tx, "SELECT discogs_id FROM releases") == []
    assert await rows(tx, "SELECT name FROM artists") == []


async def test_a_batch_can_be_a_part_of_a_transaction(conn: Connection) -> None:
    async with conn.transaction(force_rollback=True):
        await store(conn, "releases", [release_document(1)])
    assert await rows(conn, "SELECT id FROM releases") == []


async def two_writers(
    conninfo: str, tmp_path: Any, kind: Kind, first: list[Document], second: list[Document]
) -> None:
    """Store two batches at once, each on a connection of its own."""
    settings = settings_for(conninfo, tmp_path)

    async def write(documents: list[Document]) -> None:
        async with await connect(settings, conninfo) as writer:
            await store(writer, kind, documents)

    async with anyio.create_task_group() as group:
        group.start_soon(write, first)
        group.start_soon(write, second)


@pytest.mark.parametrize("known", [False, True], ids=["all new", "all known"])
async def test_two_writers_of_overlapping_releases_never_deadlock(
    known: bool, conn: Connection, conninfo: str, tmp_path: Any, rng: random.Random
) -> None:
    documents = list(demo_catalogue(300, seed=rng.randrange(1000)))
    if known:
        await store(conn, "releases", [seal(document) for document in documents])
        for document in documents:
            document.title += " changed"
            seal(document)
    first, second = documents[:200], documents[100:]
    rng.shuffle(first)
    rng.shuffle(second)
    # Both find the new releases missing; the later one loses, whole, and tries again by itself.
    await two_writers(conninfo, tmp_path, "releases", first, second)
    ((count,),) = await rows(conn, "SELECT count(*) FROM releases")
    assert count == 300
    ids = [row[0] for row in await rows(conn, "SELECT id FROM releases")]
    assert await releases.refresh_releases(conn, release_ids=ids) == 0


@pytest.mark.parametrize("kind", ["artists", "labels", "masters"])
async def test_two_writers_of_the_same_entries_never_lose(
    kind: Kind, conninfo: str, tmp_path: Any, rng: random.Random
) -> None:
    documents = [KINDS[kind](number, f"Name {number}") for number in range(1, 400)]
    first, second = documents[:], documents[:]
    rng.shuffle(first)
    rng.shuffle(second)
    await two_writers(conninfo, tmp_path, kind, first, second)


async def test_of_two_spellings_the_first_mention_counts_whatever_the_batches(
    tx: Connection,
) -> None:
    documents = []
    for number, spelling in ((9, "Music on Vinyl"), (3, "Music On Vinyl"), (5, "MUSIC ON VINYL")):
        document = release_document(number)
        document.labels = [LabelCredit(name=spelling, discogs_id=77)]
        document.artists = [ArtistCredit(name=spelling, discogs_id=78)]
        documents.append(seal(document))
    await store(tx, "releases", documents)
    for table in ("labels", "artists"):
        found = await rows(tx, f"SELECT name FROM {table} WHERE discogs_id IN (77, 78)")
        assert found == [("Music on Vinyl",)]


async def test_the_second_of_two_writers_of_one_release_replaces_all_of_it(
    conn: Connection, conninfo: str, tmp_path: Any
) -> None:
    def version(letter: str, tracks: int) -> ReleaseDocument:
        document = release_document(1)
        document.tracks = [
            TrackDocument(seq=seq, title=f"{letter}{seq}") for seq in range(1, tracks + 1)
        ]
        return seal(document)

    settings = settings_for(conninfo, tmp_path)
    await store(conn, "releases", [version("old", 8)])
    async with (
        await connect(settings, conninfo) as other,
        anyio.create_task_group() as group,
        conn.transaction(),
    ):
        await store(conn, "releases", [version("a", 10)])
        group.start_soon(store, other, "releases", [version("b", 5)])
        with anyio.fail_after(20):
            while not await rows(
                conn, "SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            ):
                await anyio.lowlevel.checkpoint()
    titles = await rows(conn, "SELECT title FROM tracks ORDER BY seq")
    assert titles == [("b1",), ("b2",), ("b3",), ("b4",), ("b5",)]
