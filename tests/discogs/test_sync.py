"""A sync from its first call to its last: what arrives, what it costs, how it is told."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from discogs_standin import Discogs
from factories import Account, make_release, release_document
from importing import account_file, import_account
from kleio.db.queries import Connection
from kleio.importers.catalogue_store import StoreCounts, store
from kleio.repositories import releases
from old_kleio import build
from older_importing import import_database
from shelf_at_discogs import Shelf
from syncing import copies, counts, picture, report, rows, value

from .conftest import Sync

pytestmark = pytest.mark.anyio


async def test_a_first_sync_brings_all_of_a_shelf(
    sync: Sync, ada: Account, shelf: Shelf, discogs: Discogs, conn: Connection
) -> None:
    first = shelf.add(
        10,
        folder_id=501,
        rating=4,
        added=datetime(2020, 1, 10, 11, 26, 47, tzinfo=UTC),
        notes=[
            {"field_id": 1, "value": "Very Good Plus (VG+)"},
            {"field_id": 2, "value": "No Cover"},
            {"field_id": 3, "value": "signed"},
            {"field_id": 4, "value": "Amoeba"},
        ],
    )
    second = shelf.add(10, added=datetime(2020, 1, 11, tzinfo=UTC))
    run = await sync(ada, with_details=True)
    assert (run.status, run.phase, run.error) == ("completed", "done", None)
    assert await copies(conn, ada) == [
        {
            "instance": first["instance_id"],
            "release": 10,
            "folder": "Jazz",
            "rating": 4,
            "media": "VG+",
            "sleeve": "No Cover",
            "notes": "signed",
            "custom": '{"Purchase place": "Amoeba"}',
            "added_at": datetime(2020, 1, 10, 11, 26, 47, tzinfo=UTC),
            "reason": None,
        },
        {
            "instance": second["instance_id"],
            "release": 10,
            "folder": "Uncategorized",
            "rating": 0,
            "media": None,
            "sleeve": None,
            "notes": None,
            "custom": "{}",
            "added_at": datetime(2020, 1, 11, tzinfo=UTC),
            "reason": None,
        },
    ]
    assert counts(run) == {"added": 2, "toFetch": 1, "fetched": 1}
    assert report(run) == {}
    assert await value(conn, "SELECT count(*) FROM tracks") == len(discogs.release(10)["tracklist"])
    assert discogs.paths() == [
        "/oauth/identity",
        "/users/collector/collection/folders",
        "/users/collector/collection/fields",
        "/users/collector/collection/folders/0/releases",
        "/releases/10",
    ]
    assert run.calls == len(discogs.calls)
    assert await value(conn, "SELECT discogs_username FROM users") == "collector"


async def test_a_second_sync_changes_nothing(
    sync: Sync, ada: Account, large_shelf: Shelf, conn: Connection
) -> None:
    await sync(ada, with_details=True)
    before = await picture(conn)
    written = await rows(conn, "SELECT id, updated_at FROM user_releases ORDER BY id")
    run = await sync(ada, with_details=True)
    assert counts(run) == {"unchanged": 250}
    assert await picture(conn) == before
    assert await rows(conn, "SELECT id, updated_at FROM user_releases ORDER BY id") == written


async def test_2500_known_copies_cost_no_more_than_pages_fields_folders_and_identity(
    sync: Sync, ada: Account, discogs: Discogs, conn: Connection
) -> None:
    large = discogs.add_shelf(Shelf.generated(2500, random.Random(3)))
    await sync(ada)
    # As a dump would have left them: in whole, and not from the API.
    await conn.execute("UPDATE releases SET source_hash = 'of a dump', from_api = false")
    discogs.calls.clear()
    run = await sync(ada, with_details=True)
    assert counts(run) == {"unchanged": 2500}
    assert len(large.items) == 2500
    assert len(discogs.calls) == run.calls == 25 + 1 + 1 + 1


async def test_what_an_older_kleio_knows_of_a_release_outlives_the_pages_of_a_shelf(
    sync: Sync, ada: Account, shelf: Shelf, conn: Connection, tmp_path: Path
) -> None:
    """A page has neither tracks nor times; what has both, or one, stays until it is fetched."""
    build(tmp_path / "kleio.db")
    await import_database(conn, ada, tmp_path / "kleio.db")
    await conn.execute(
        "DELETE FROM tracks WHERE release_id IN (SELECT id FROM releases"
        " WHERE NOT play_duration_estimated ORDER BY discogs_id LIMIT 1)"
    )
    known = (
        "SELECT r.discogs_id, r.title, r.play_duration, r.play_duration_estimated,"
        " array_agg(t.title || t.duration_text ORDER BY t.seq)"
        "  FROM releases AS r LEFT JOIN tracks AS t ON t.release_id = r.id"
        " GROUP BY r.id ORDER BY r.discogs_id"
    )
    before = await rows(conn, known)
    for number, *_ in before:
        shelf.add(number)
    await sync(ada)
    assert await rows(conn, known) == before
    run = await sync(ada, with_details=True)
    assert counts(run)["fetched"] == len(before)
    assert [row[1] for row in await rows(conn, known)] == [f"Title {row[0]}" for row in before]


async def test_the_pages_of_a_shelf_have_the_pictures_that_no_dump_has(
    sync: Sync, ada: Account, shelf: Shelf, conn: Connection
) -> None:
    release_id = await make_release(conn, 10)
    await make_release(conn, 11)
    shelf.add(10)
    await sync(ada, dry_run=True)
    pictures = (
        "SELECT discogs_id, thumb, cover_image, card ->> 'thumb', card ->> 'coverImage'"
        "  FROM releases ORDER BY discogs_id"
    )
    assert await rows(conn, pictures) == [(10, *(None,) * 4), (11, *(None,) * 4)]
    known = "SELECT title, source_hash, from_api, updated_at FROM releases WHERE discogs_id = 10"
    ((*before, written_at),) = await rows(conn, known)
    await sync(ada)
    given = tuple(f"https://i.discogs.com/10-{size}.jpeg" for size in (150, 600))
    assert await rows(conn, pictures) == [(10, *given, *given), (11, *(None,) * 4)]
    ((*after, seen_at),) = await rows(conn, known)
    assert after == before
    assert seen_at > written_at
    assert await releases.refresh_releases(conn, release_ids=[release_id]) == 0
    await sync(ada)
    assert await rows(conn, known) == [(*before, seen_at)]


async def test_a_release_of_somebody_s_file_is_what_discogs_says_after_a_sync(
    sync: Sync, ada: Account, shelf: Shelf, conn: Connection
) -> None:
    """The catalogue is everybody's; what the file says of its origin counts for nothing."""
    shelf.add(10)
    told = [
        {"id": "a", "document": {"discogsId": 10, "title": "Not so", "sourceHash": "0" * 32}},
        {"id": "b", "document": {"title": "By hand", "fromApi": True}},
        {"id": "c", "document": {"discogsId": 11, "title": "A stub", "fromApi": True}}
        | {"isStub": True},
    ]
    await import_account(conn, ada.id, account_file(releases=told))
    known = "SELECT discogs_id, title, from_api, source_hash IS NULL FROM releases ORDER BY 1"
    assert await rows(conn, known) == [
        (10, "Not so", True, False),
        (11, "A stub", False, True),
        (None, "By hand", False, False),
    ]
    run = await sync(ada, with_details=True)
    assert counts(run) == {"added": 1, "toFetch": 1, "fetched": 1}
    assert (await rows(conn, known))[0] == (10, "Title 10", True, False)


async def test_a_dump_replaces_a_release_of_somebody_s_file(ada: Account, conn: Connection) -> None:
    """Also where the two say the same, so that it is a dump's from then on."""
    document = release_document(10)
    told = {"id": "a", "document": msgspec.to_builtins(document)}
    await import_account(conn, ada.id, account_file(releases=[told]))
    known = "SELECT title, from_api, source_hash = %s FROM releases"
    assert await rows(conn, known, document.source_hash) == [("Title 10", True, False)]
    assert await store(conn, "releases", [document]) == StoreCounts(updated=1)
    assert await rows(conn, known, document.source_hash) == [("Title 10", False, True)]
