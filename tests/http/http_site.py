"""A running application on a database of its own, with clients for three users.

The database is a copy of one that is filled once a run: three accounts, a few releases by hand
for searches, releases whose sort keys are all equal, a part of the demo's catalogue, and two
shelves that share releases. What tests look for by name stands here.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import msgspec
import psycopg
from litestar import Litestar

import factories
from factories import NOW, Account
from kleio import passwords
from kleio.catalogue import (
    ArtistCredit,
    FormatDocument,
    LabelCredit,
    ReleaseDocument,
    TrackDocument,
)
from kleio.db.connections import configure
from kleio.db.pool import Database
from kleio.db.queries import Connection
from kleio.http.app import create_app
from kleio.importers import catalogue_store
from kleio.repositories import folders, tokens
from kleio.seed import demo_catalogue
from kleio.settings import Settings
from library_rows import fill_library
from servers import as_owner, is_as_app

SECRET_KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
PASSWORD = "correct horse battery"
API = "/api/v1"
STATEMENT_NAME = re.compile(r"/\* kleio:([a-z_.]+) \*/")

TOKENS = {name: f"kleio_{name}-token-for-tests-{name}" for name in ("alice", "bob", "root")}
"""Tokens that never expire, the same in every copy of the database."""

NOWHERE = UUID("01900000-0000-7000-8000-000000000000")
"""An id that nothing has."""

DEMO_RELEASES = 60
EQUAL_RELEASES = 45
ALICES_NOTE = "only alice may read this"
ALICES_PLAYS = 20
ALICES_CLEANINGS = 5
ALICES_STYLUS = "alice's own stylus"
ALICES_FOLDER = "alice's own folder"
ALICES_SONG = "Starálfur"
"""The song that Alice starred, rated 4 and played seven times."""

EQUAL = {"artist": "Same Artist", "title": "Same Title", "year": 1977}
"""What releases 5001 and on have in common."""


def credit(name: str, discogs_id: int | None = None, **more: Any) -> ArtistCredit:
    return ArtistCredit(name=name, discogs_id=discogs_id, **more)


def by_hand() -> list[ReleaseDocument]:
    """Return the releases that tests know by name."""
    vinyl = [FormatDocument(name="Vinyl", qty="2", descriptions=['12"', "33 ⅓ RPM"])]
    titles = ("Östermalm", "Vasastaden", "Kungsholmen", "Södermalm", "Norrmalm", "Gamla Stan")
    stockholm = factories.release_document(
        1,
        title="Stockholm",
        formats=vinyl,
        artists=[credit("The Persuader", 1), credit("Jesper Dahlbäck", 239, role="Music By")],
        tracks=[TrackDocument(seq=seq, title=title) for seq, title in enumerate(titles, 1)],
    )
    rock = {"genres": ["Rock"], "styles": ["Pop Rock"]}
    cd = [FormatDocument(name="CD", qty="1", descriptions=["Album"])]
    road = factories.release_document(
        2,
        title="Abbey Road",
        year=1969,
        country="UK",
        artists=[credit("The Beatles", 82730)],
        labels=[LabelCredit(name="Apple Records", discogs_id=25693, catno="PCS 7088")],
        **rock,
    )
    byrjun = factories.release_document(
        3,
        title="Ágætis byrjun",
        year=1999,
        country="Iceland",
        formats=cd,
        artists=[credit("Sigur Rós", 9767)],
        labels=[LabelCredit(name="Smekkleysa", discogs_id=39, catno="SM 79CD")],
        metadata={"identifiers": [{"type": "Barcode", "value": "5 690351 121797"}]},
        **rock,
    )
    namesake = factories.release_document(
        4,
        title="No Year",
        year=None,
        released=None,
        country=None,
        formats=cd,
        labels=[],
        tracks=[],
        artists=[credit("Nobody's Namesake", None), credit("Prince (3)", 77, join_relation="&")],
    )
    return [stockholm, road, byrjun, namesake]


def with_equal_keys(first: int = 5001, count: int = EQUAL_RELEASES) -> list[ReleaseDocument]:
    """Return releases that no sort can tell apart but by id."""
    return [
        factories.release_document(
            number,
            title=EQUAL["title"],
            year=EQUAL["year"],
            artists=[credit(EQUAL["artist"], 5000)],
            labels=[LabelCredit(name="Same Label", discogs_id=5000, catno="EQ 1")],
        )
        for number in range(first, first + count)
    ]


async def _account(conn: Connection, name: str, password_hash: str | None, role: str) -> Account:
    account = await factories.make_user(conn, name, role=role, password_hash=password_hash)
    await tokens.insert_token(
        conn,
        token_hash=factories.token_hash(TOKENS[name]),
        user_id=account.id,
        name="fixture",
        prefix=TOKENS[name][:12],
        expires_at=None,
        now=NOW,
    )
    return account


async def _fill(conninfo: str) -> None:
    conn: Connection = await psycopg.AsyncConnection.connect(conninfo, autocommit=True)
    async with conn:
        await configure(conn)
        known = await factories.store_releases(conn, by_hand())
        equal = await factories.store_releases(conn, with_equal_keys())
        await catalogue_store.store(conn, "releases", list(demo_catalogue(DEMO_RELEASES)))
        password_hash = await passwords.hash_password(PASSWORD)
        alice = await _account(conn, "alice", password_hash, "user")
        bob = await _account(conn, "bob", None, "user")
        await _account(conn, "root", None, "admin")
        own = await folders.insert_folder(
            conn, user_id=alice.id, number=None, name=ALICES_FOLDER, now=NOW
        )
        for number, release_id in enumerate([*known, *equal, known[0]]):
            await factories.make_copy(
                conn,
                alice,
                release_id,
                notes=ALICES_NOTE,
                rating=number % 3,
                folder_id=own.id if number % 2 else None,
                added_at=NOW - timedelta(days=number % 2),
            )
        for release_id in known[:2]:
            await factories.make_copy(conn, bob, release_id, notes="bob's")
        await _listen(conn, alice, known)
        await fill_library(conn)
        await conn.execute(
            "INSERT INTO user_songs (user_id, song_id, play_count, rating, last_played_at,"
            "                        starred_at, created_at, updated_at)"
            " SELECT %s, s.id, 7, 4, %s, %s, %s, %s FROM songs AS s WHERE s.name = %s",
            [alice.id, NOW, NOW, NOW, NOW, ALICES_SONG],
        )


async def _listen(conn: Connection, alice: Account, releases: list[UUID]) -> None:
    """Log what Alice played and cleaned: two plays at each time, so that ids decide too."""
    stylus_id = await factories.make_stylus(
        conn, alice.id, name=ALICES_STYLUS, is_primary=True, expected_lifespan_hours=10
    )
    for number in range(ALICES_PLAYS):
        await factories.make_play(
            conn,
            alice.id,
            releases[number % 2],
            stylus_id=None if number % 4 else stylus_id,
            played_at=NOW - timedelta(days=number // 2),
            notes=ALICES_NOTE,
        )
    for number in range(ALICES_CLEANINGS):
        await factories.make_cleaning(
            conn,
            alice.id,
            releases[number % 2],
            cleaned_at=NOW - timedelta(days=number // 2),
            deep=number == 0,
            notes=ALICES_NOTE,
        )


def fill(conninfo: str) -> None:
    """Write everything that a copy of the database holds."""
    asyncio.run(_fill(conninfo))


class Site:
    """An application that runs, and who may call it."""

    def __init__(self, app: Litestar, settings: Settings) -> None:
        self.app = app
        self.settings = settings
        self.database: Database = app.state.database
        self._transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        self.anonymous = self.client()
        self.alice = self.client(TOKENS["alice"])
        self.bob = self.client(TOKENS["bob"])
        self.root = self.client(TOKENS["root"])

    def client(self, token: str | None = None) -> httpx.AsyncClient:
        """Return a client with a token; it asks for no compression unless a test does."""
        headers = {"Accept-Encoding": "identity"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return httpx.AsyncClient(
            transport=self._transport, base_url="http://kleio.test", headers=headers
        )

    async def rows(self, statement: str, *parameters: Any) -> list[Any]:
        """Run a statement, as the owner of the database, and return its rows."""
        async with self._connection() as conn:
            cursor = await conn.execute(statement, parameters)
            return await cursor.fetchall() if cursor.description else []

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        if not is_as_app():
            async with self.database.connection() as conn:
                yield conn
            return
        conninfo = as_owner(self.settings.conninfo() or "")
        async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as conn:
            await configure(conn)
            yield conn

    async def value(self, statement: str, *parameters: Any) -> Any:
        """Run a statement and return the first row's first value."""
        return (await self.rows(statement, *parameters))[0][0]

    async def release_id(self, discogs_id: int = 1) -> UUID:
        return await self.value("SELECT id FROM releases WHERE discogs_id = %s", discogs_id)

    async def song_id(self, name: str = ALICES_SONG) -> UUID:
        return await self.value("SELECT id FROM songs WHERE name = %s ORDER BY id LIMIT 1", name)

    async def user_id(self, username: str) -> UUID:
        return await self.value("SELECT id FROM users WHERE username = %s", username)

    async def copy_id(self, username: str) -> UUID:
        """Return the id of the user's first copy."""
        return await self.value(
            "SELECT c.id FROM user_releases AS c JOIN users AS u ON u.id = c.user_id"
            " WHERE u.username = %s ORDER BY c.id LIMIT 1",
            username,
        )


class HeldPasswords:
    """Passwords that wait to be hashed until a test lets them go on."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()
        self.waiting = 0

    async def hash(self, password: str) -> str:
        self.waiting += 1
        await self.go_on.wait()
        return "$argon2id$of " + password


OpenSite = Callable[..., Any]


@asynccontextmanager
async def open_site(settings: Settings) -> AsyncIterator[Site]:
    """Start the application and stop it again."""
    app = create_app(settings)
    async with app.lifespan():
        yield Site(app, settings)


async def leave_sync(site: Site, user_id: UUID, copy_id: UUID) -> UUID:
    """Leave a sync of Alice's that somebody works on, half way through, and return its id."""
    run_id: UUID = await site.value(
        "INSERT INTO sync_runs (user_id, status, dry_run, with_details, created_at, updated_at)"
        " VALUES (%s, 'running', false, false, now(), now()) RETURNING id",
        user_id,
    )
    await site.rows(
        "INSERT INTO sync_jobs (run_id, user_id, owner, created_at, alive_at)"
        " VALUES (%s, %s, uuidv7(), now(), now())",
        run_id,
        user_id,
    )
    await site.rows(
        "INSERT INTO sync_items (user_id, run_id, instance_id, reading, release_discogs_id,"
        " folder_number, rating, notes, custom_fields) VALUES (%s, %s, 1, 1, 1, 1, 0, %s, '{}')",
        user_id,
        run_id,
        ALICES_NOTE,
    )
    await site.rows(
        "INSERT INTO discogs_copies (user_id, id, present, folder_number, rating, notes,"
        " custom_fields, synced_at) VALUES (%s, %s, true, 1, 0, %s, '{}', now())",
        user_id,
        copy_id,
        ALICES_NOTE,
    )
    return run_id


# --- answers ------------------------------------------------------------------------------------

_LEAKS = (
    *("ERROR", "relation", "constraint", "SQLSTATE", "psycopg", "Traceback", "SELECT", "INSERT"),
    *("user_releases", "auth_tokens", "release_artists", "idempotency_keys", "_fkey", "_pkey"),
)


def assert_no_leak(text: str) -> None:
    """Fail where an answer holds a word of the database or of the code."""
    assert [word for word in _LEAKS if word in text] == []


def problem(response: httpx.Response, status: int, slug: str | None = None) -> dict[str, Any]:
    """Check that an answer is a problem of this status and type, and return it."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"].partition(";")[0] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    assert_no_leak(response.text)
    found: dict[str, Any] = msgspec.json.decode(response.content)
    assert found["status"] == status
    assert found["type"].startswith("urn:kleio:problem:")
    assert found["title"]
    assert found["detail"]
    assert found["requestId"] == response.headers["x-request-id"]
    if slug is not None:
        assert found["type"] == f"urn:kleio:problem:{slug}"
    return found


def field_problem(response: httpx.Response, field: str, source: str) -> dict[str, Any]:
    """Check that an answer is a 400 that names a field, and return what it says of it."""
    found = problem(response, 400, "invalid-request")
    named = {(error["field"], error["source"]): error for error in found.get("errors", [])}
    assert (field, source) in named, found
    assert field in found["detail"]
    return named[field, source]


async def follow(client: httpx.AsyncClient, url: str) -> list[list[Any]]:
    """Read a list to its end through `next` and return the pages; the Link header must agree."""
    pages: list[list[Any]] = []
    given = httpx.URL(url)
    address: httpx.URL | None = given
    while address is not None:
        response = await client.get(address)
        assert response.status_code == 200, response.text
        body = response.json()
        pages.append(body["items"])
        assert len(pages) < 1000, "the list has no end"
        if body["next"] is None:
            assert "link" not in response.headers
            address = None
        else:
            address = given.copy_set_param("cursor", body["next"])
            link = httpx.URL(response.links["next"]["url"])
            assert link.path == address.path
            assert sorted(link.params.multi_items()) == sorted(address.params.multi_items())
    return pages
