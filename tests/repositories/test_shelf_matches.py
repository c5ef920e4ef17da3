"""Albums of files that a user owns as records, and the reverse."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from factories import NOW, Account, make_copy, make_release, make_user
from kleio.catalogue import ArtistCredit
from kleio.db.queries import Connection
from kleio.repositories.shelf_matches import list_album_copies, list_copy_albums

pytestmark = pytest.mark.anyio


class Library:
    """Albums of a library by artists that are linked to the catalogue's, or not."""

    def __init__(self, conn: Connection, library_id: UUID) -> None:
        self.conn = conn
        self.library_id = library_id

    async def album(self, name: str, artist: str, *, linked: bool = True, songs: int = 10) -> UUID:
        row: Any = await (
            await self.conn.execute(
                "WITH artist AS ("
                " INSERT INTO library_artists (name, artist_id, link, created_at, updated_at)"
                " SELECT %(artist)s, c.id, CASE WHEN c.id IS NOT NULL THEN 'name' END, %(now)s,"
                "        %(now)s"
                "   FROM (SELECT 1) AS one"
                "   LEFT JOIN artists AS c ON c.name = %(artist)s AND %(linked)s"
                " ON CONFLICT (name_key) DO UPDATE SET updated_at = excluded.updated_at"
                " RETURNING id"
                ")"
                " INSERT INTO albums (library_id, key, artist_id, updated_at, name, artist_name,"
                "                     song_count)"
                " SELECT %(library)s, uuidv7(), artist.id, %(now)s, %(name)s, %(artist)s, %(songs)s"
                "   FROM artist RETURNING id",
                {
                    "library": self.library_id, "artist": artist, "name": name, "now": NOW,
                    "linked": linked, "songs": songs,
                },
            )
        ).fetchone()  # fmt: skip
        return row[0]  # type: ignore[no-any-return]


@pytest.fixture
async def library(tx: Connection) -> Library:
    row: Any = await (
        await tx.execute(
            "INSERT INTO libraries (name, root, created_at, updated_at)"
            " VALUES ('m', '/m', %s, %s) RETURNING id",
            (NOW, NOW),
        )
    ).fetchone()
    return Library(tx, row[0])


@pytest.fixture
async def ada(tx: Connection) -> Account:
    return await make_user(tx, "ada")


async def own(conn: Connection, account: Account, title: str, *artists: ArtistCredit) -> UUID:
    release_id = await make_release(conn, title=title, artists=list(artists))
    return (await make_copy(conn, account, release_id)).id


RADIOHEAD = ArtistCredit(name="Radiohead", discogs_id=3840)


async def copies(conn: Connection, user: Account, album_id: UUID) -> list[UUID]:
    rows = await list_album_copies(conn, user_id=user.id, album_id=album_id)
    return [row.id for row in rows]


async def albums(conn: Connection, user: Account, *copy_ids: UUID) -> list[tuple[UUID, UUID]]:
    rows = await list_copy_albums(conn, user_id=user.id, copy_ids=list(copy_ids))
    return [(row.copy_id, row.id) for row in rows]


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("OK Computer", "OK Computer"),
        ("OK Computer", "ok computer (Remastered)"),
        ("OK Computer (Collector's Edition)", "OK Computer"),
        ("OK Computer", "OK Computer [Deluxe Edition] (Disc 2)"),
        ("Mr. Bungle's Début!", "Mr Bungles Debut"),
        ("( )", "( )"),
        ("(Special Edition)", "(Special Edition)"),
    ],
)
async def test_the_same_record(
    tx: Connection, library: Library, ada: Account, title: str, name: str
) -> None:
    copy_id = await own(tx, ada, title, RADIOHEAD)
    album_id = await library.album(name, "Radiohead")
    assert await copies(tx, ada, album_id) == [copy_id]
    assert await albums(tx, ada, copy_id) == [(copy_id, album_id)]


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("OK Computer", "Kid A"),
        ("Weezer (Blue Album)", "Weezer (Green Album)"),
        ("IV", "III"),
        ("( )", "(Special Edition)"),
        ("Live (Version)", "Dead (Version)"),
    ],
)
async def test_other_records(
    tx: Connection, library: Library, ada: Account, title: str, name: str
) -> None:
    copy_id = await own(tx, ada, title, RADIOHEAD)
    assert await copies(tx, ada, await library.album(name, "Radiohead")) == []
    assert await albums(tx, ada, copy_id) == []


async def test_the_artist_must_be_the_same_and_known_to_be(
    tx: Connection, library: Library, ada: Account
) -> None:
    copy_id = await own(tx, ada, "Greatest Hits", ArtistCredit(name="Queen", discogs_id=81013))
    await own(tx, ada, "Greatest Hits", ArtistCredit(name="ABBA", discogs_id=69866))
    unlinked = await library.album("Greatest Hits", "Queen", linked=False)
    assert await copies(tx, ada, unlinked) == []
    await tx.execute(
        "UPDATE library_artists SET link = 'hand',"
        " artist_id = (SELECT id FROM artists WHERE discogs_id = 81013)"
    )
    assert await copies(tx, ada, unlinked) == [copy_id]


async def test_any_main_artist_of_the_release_counts_and_no_guest(
    tx: Connection, library: Library, ada: Account
) -> None:
    first = await own(
        tx,
        ada,
        "Duets",
        ArtistCredit(name="Ella", discogs_id=1, join_relation="&"),
        ArtistCredit(name="Louis", discogs_id=2),
        ArtistCredit(name="Louis", discogs_id=2, anv="Satchmo"),
        ArtistCredit(name="Oscar", discogs_id=3, role="Piano"),
    )
    by_ella = await library.album("Duets", "Ella")
    by_louis = await library.album("Duets", "Louis", songs=12)
    by_oscar = await library.album("Duets", "Oscar")
    assert await copies(tx, ada, by_ella) == [first]
    assert await copies(tx, ada, by_louis) == [first]
    assert await copies(tx, ada, by_oscar) == []
    assert await albums(tx, ada, first) == [(first, by_louis), (first, by_ella)]


async def test_several_copies_and_pressings_but_none_that_is_archived(
    tx: Connection, library: Library, ada: Account
) -> None:
    owned = {await own(tx, ada, "OK Computer", RADIOHEAD) for _ in range(2)}
    release_id = await make_release(tx, title="OK Computer", artists=[RADIOHEAD])
    owned |= {(await make_copy(tx, ada, release_id)).id for _ in range(2)}
    gone = await make_copy(tx, ada, release_id)
    await tx.execute(
        "UPDATE user_releases SET archived_at = %s, archive_reason = 'sold' WHERE id = %s",
        (NOW, gone.id),
    )
    album_id = await library.album("OK Computer", "Radiohead")
    found = await copies(tx, ada, album_id)
    assert set(found) == owned
    assert len(found) == 4
    assert {copy_id for copy_id, _ in await albums(tx, ada, *owned)} == owned


async def test_an_album_whose_songs_are_all_missing_is_not_there(
    tx: Connection, library: Library, ada: Account
) -> None:
    copy_id = await own(tx, ada, "OK Computer", RADIOHEAD)
    await library.album("OK Computer", "Radiohead", songs=0)
    assert await albums(tx, ada, copy_id) == []


async def test_users_see_their_own_shelves_alone(
    tx: Connection, library: Library, ada: Account
) -> None:
    ben = await make_user(tx, "ben")
    copy_id = await own(tx, ada, "OK Computer", RADIOHEAD)
    album_id = await library.album("OK Computer", "Radiohead")
    assert await copies(tx, ben, album_id) == []
    assert await albums(tx, ben, copy_id) == []
    assert await copies(tx, ada, album_id) == [copy_id]
