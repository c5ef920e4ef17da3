"""Real answers of Discogs' API, older shapes among them, synced through the stand-in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from discogs_standin import Discogs, serving
from factories import make_user, settings_for
from kleio.db.queries import Connection
from kleio.discogs import answers, runs
from kleio.discogs.client import Answer
from kleio.discogs.documents import release_document, stub_document
from kleio.discogs.sync import work
from shelf_at_discogs import Shelf, sample
from syncing import SECRET_KEY, copies, give_token, rows, value

pytestmark = pytest.mark.anyio

RELEASES = (
    *(f"joalla/release_{number}" for number in (1, 2, 3, 79, 3329867)),
    *(f"scrobbler/collection_test_data_{number}" for number in (1, 2)),
)
PAGES = (
    "joalla/folder_0_releases",
    "scrobbler/collection_test_data_0",
    "scrobbler/fake_collection_test_data_0",
)


@pytest.fixture
def discogs() -> Discogs:
    return Discogs(limit=100_000)


@pytest.fixture
def discogs_url(discogs: Discogs) -> Iterator[str]:
    with serving(discogs) as url:
        yield url


@pytest.mark.parametrize("name", RELEASES)
def test_a_release_is_read_whole(samples: Path, name: str) -> None:
    given = sample(samples, name)
    document = release_document(given)
    assert document.discogs_id == given["id"]
    assert document.title == given["title"]
    assert len(document.tracks) == len(given["tracklist"])
    assert len(document.artists) == len(given["artists"]) + len(given["extraartists"])
    assert len(document.labels) == len(given["labels"])
    assert {track.type for track in document.tracks} <= {"track", "heading", "index"}
    assert document.metadata.get("other") is None
    assert document.released == given.get("released", document.released)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_read_whole(samples: Path, name: str) -> None:
    given = sample(samples, name)
    answer = Answer(json.dumps(given).encode(), runs.utc_now())
    page, _ = answers.shelf_page(answer)
    assert len(page.releases) == len(given["releases"])
    for item, source in zip(page.releases, given["releases"], strict=True):
        assert answers.shelf_item(item, {}).added_at is not None
        stub = stub_document(item.basic_information)
        assert stub.title == source["basic_information"]["title"]
        assert stub.artists


def test_folders_and_identity_are_read(samples: Path) -> None:
    for name, read in (("folders", answers.folders), ("identity", answers.identity)):
        given = sample(samples, f"joalla/{name}")
        assert read(Answer(json.dumps(given).encode(), runs.utc_now()))


async def test_a_shelf_of_real_items(
    samples: Path,
    conn: Connection,
    conninfo: str,
    tmp_path: Path,
    discogs: Discogs,
    discogs_url: str,
) -> None:
    shelf = discogs.add_shelf(Shelf("example", "token-of-example"))
    for name in PAGES:
        shelf.items += sample(samples, name)["releases"]
    for name in RELEASES:
        given = sample(samples, name)
        discogs.documents[given["id"]] = given
        shelf.add(given["id"])
        shelf.items[-1]["basic_information"] = given
    settings = settings_for(
        conninfo,
        tmp_path,
        KLEIO_DISCOGS_URL=discogs_url,
        KLEIO_DISCOGS_RATE="100000",
        KLEIO_SECRET_KEY=SECRET_KEY,
    )
    ada = await make_user(conn, "ada")
    await give_token(conn, ada, shelf.token, settings)
    await runs.begin(conn, user_id=ada.id, dry_run=False, with_details=True, now=runs.utc_now())
    owned = await runs.claim(conn, user_id=ada.id, now=runs.utc_now())
    assert owned is not None
    assert await work(conn, owned, settings) is None
    kept = {row["instance"] for row in await copies(conn, ada)}
    assert kept == {item["instance_id"] for item in shelf.items}
    for name in RELEASES:
        given = sample(samples, name)
        tracks = await rows(
            conn,
            "SELECT t.title FROM tracks AS t JOIN releases AS r ON r.id = t.release_id"
            " WHERE r.discogs_id = %s ORDER BY t.seq",
            given["id"],
        )
        assert [title for (title,) in tracks] == [line["title"] for line in given["tracklist"]]
    assert await value(conn, "SELECT count(*) FROM releases WHERE source_hash IS NULL") == 0
