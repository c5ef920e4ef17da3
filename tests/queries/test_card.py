"""The release card and the other derived columns never differ from what they are derived from."""

from __future__ import annotations

import random

import pytest

import factories
from factories import release_document, store_releases
from kleio.catalogue import (
    ArtistCredit,
    FormatDocument,
    LabelCredit,
    ReleaseDocument,
    TrackDocument,
    seal,
)
from kleio.db.queries import Connection
from kleio.importers.catalogue_store import store
from kleio.repositories import releases
from kleio.seed import demo_catalogue

pytestmark = pytest.mark.anyio

LONG = "Extraordinary " * 400

SHAPES: dict[str, dict[str, object]] = {
    "as Discogs gives most": {},
    "nothing but a title": dict.fromkeys(
        ("artists", "labels", "formats", "genres", "styles", "tracks"), ()
    )
    | dict.fromkeys(("year", "released", "country")),
    "an artist that exists nowhere": {"artists": [ArtistCredit(name="Gone", discogs_id=987654321)]},
    "an artist without a number": {"artists": [ArtistCredit(name="No Artist (2)", anv="N. A.")]},
    "the same artist twice": {
        "artists": [
            ArtistCredit(name="Ann (3)", discogs_id=7, join_relation="&"),
            ArtistCredit(name="Ann (3)", discogs_id=7, anv="Annie"),
            ArtistCredit(name="Ann (3)", discogs_id=7, role="Mixed By", tracks="1 to 3"),
        ]
    },
    "only credits with a role": {"artists": [ArtistCredit(name="Bo", discogs_id=8, role="Drums")]},
    "labels without and with the same numbers": {
        "labels": [
            LabelCredit(name="Not On Label"),
            LabelCredit(name="Svek", discogs_id=5, catno="SK 032"),
            LabelCredit(name="Svek", discogs_id=5, catno="sk-032"),
        ]
    },
    "a catalogue number of signs alone": {"labels": [LabelCredit(name="X", catno="—")]},
    "a quantity of 64 digits": {"formats": [FormatDocument(name="CD", qty="9" * 64)]},
    "repeated genres": {"genres": ["Rock", "Rock"], "styles": ["Ska", "Ska"]},
    "barcodes": {
        "metadata": {
            "identifiers": [
                {"type": "Barcode", "value": "7 3 1 4"},
                {"type": "Barcode", "value": ""},
                {"type": "Barcode"},
                {"type": "Matrix / Runout", "value": "MPO"},
            ]
        }
    },
    "identifiers missing in the metadata": {"metadata": {"videos": []}},
    "a very long title": {"title": LONG},
    "an empty title": {"title": ""},
    "a title of other scripts and spaces": {"title": "  \u3000Сигур\tRós \U0001f3b6 "},
    "a quote and a backslash": {"title": 'O\'Neil \\ "x" <&> %s :name'},
}


async def wrong(conn: Connection) -> int:
    ids = [row[0] for row in await (await conn.execute("SELECT id FROM releases")).fetchall()]
    return await releases.refresh_releases(conn, release_ids=ids)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
async def test_a_new_release_has_the_card_that_refresh_would_write(
    shape: dict[str, object], tx: Connection
) -> None:
    lists = {name: list(value) for name, value in shape.items() if value == ()}
    await store_releases(tx, [release_document(1, **{**shape, **lists})])
    assert await wrong(tx) == 0


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
async def test_a_changed_release_has_it_too(shape: dict[str, object], tx: Connection) -> None:
    lists = {name: list(value) for name, value in shape.items() if value == ()}
    full = release_document(
        1,
        artists=[ArtistCredit(name=f"A{n}", discogs_id=n) for n in range(1, 5)],
        labels=[LabelCredit(name=f"L{n}", discogs_id=n, catno=str(n)) for n in range(1, 4)],
        genres=["Rock", "Jazz", "Pop"],
    )
    changed = release_document(1, **{**shape, **lists})
    await store(tx, "releases", [full])
    await store(tx, "releases", [changed])
    assert await wrong(tx) == 0
    await store(tx, "releases", [full])
    assert await wrong(tx) == 0


async def test_a_release_without_a_discogs_number_has_it_too(tx: Connection) -> None:
    documents = [release_document(discogs_id=None, title=title) for title in ("Own", "Other")]
    await store(tx, "releases", [seal(ReleaseDocument(title="By hand")), *documents])
    assert await wrong(tx) == 0


async def test_cards_of_a_catalogue_and_of_random_changes_to_it_hold(
    tx: Connection, rng: random.Random
) -> None:
    documents = list(demo_catalogue(150, seed=rng.randrange(1000)))
    await store(tx, "releases", documents)
    assert await wrong(tx) == 0
    for document in documents:
        for name in ("artists", "labels", "formats", "genres", "styles"):
            values = getattr(document, name)
            setattr(document, name, rng.sample(values, rng.randint(0, len(values))))
        document.tracks = document.tracks[: rng.randint(0, len(document.tracks))]
        seal(document)
    await store(tx, "releases", documents)
    assert await wrong(tx) == 0


@pytest.mark.parametrize(
    "damage",
    [
        "card = '{}'",
        'card = (card::jsonb || \'{"title": "x"}\')::json',
        "facets = '{}'",
        "facets = facets || 'genre:nonsense'::text",
        "search_text = ''",
        "artist_normalized = 'x'",
    ],
)
async def test_refresh_repairs_what_was_broken_by_hand_and_nothing_else(
    damage: str, tx: Connection
) -> None:
    release_id, other = await store_releases(tx, [release_document(1), release_document(2)])
    before = await derived(tx)
    await tx.execute(f"UPDATE releases SET {damage} WHERE id = %s", [release_id])
    assert await releases.refresh_releases(tx, release_ids=[other]) == 0
    assert await wrong(tx) == 1
    assert await derived(tx) == before
    assert await wrong(tx) == 0


async def derived(conn: Connection) -> list[object]:
    cursor = await conn.execute(
        "SELECT discogs_id, card::jsonb::text, search_text, artist_normalized,"
        "       ARRAY(SELECT DISTINCT unnest(facets) ORDER BY 1)"
        "  FROM releases ORDER BY discogs_id"
    )
    return await cursor.fetchall()


async def test_an_artist_that_is_renamed_later_leaves_nothing_stale(tx: Connection) -> None:
    # Card and facets keep the name of the credit, which the next dump renames.
    await store(tx, "releases", [release_document(1)])
    for name in ("The Persuader (2)", "Jesper Dahlbäck"):
        await store(tx, "artists", [factories.artist_document(1, name)])
        assert await wrong(tx) == 0


async def test_a_track_credit_without_a_number_is_kept(tx: Connection) -> None:
    track = TrackDocument(seq=1, title="One", credits=[ArtistCredit(name="Somebody", role="Bass")])
    (release_id,) = await store_releases(tx, [release_document(1, tracks=[track])])
    detail = await releases.get_release(tx, release_id=release_id)
    assert b'"Somebody"' in bytes(detail)
