"""Statements per request: few, and as many for a page of 200 as for a page of one."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from datetime import datetime
from typing import Any

import psycopg
import pytest
from http_site import ALICES_NOTE, API, NOWHERE, PASSWORD, STATEMENT_NAME, Site
from uuid6 import uuid7

from kleio.db.queries import Connection
from kleio.repositories import tokens

pytestmark = pytest.mark.anyio

SESSION = "tokens.get_session"


LISTS = {
    "/collection": "collection.list_collection_newest",
    "/collection?sort=added": "collection.list_collection_oldest",
    "/collection?sort=artist": "collection_pages.list_collection_ascending",
    "/collection?sort=-year": "collection_pages.list_collection_descending",
    "/collection?q=title&genre=electronic": "collection_pages.list_collection_descending",
    "/collection?sort=played": "collection_pages.list_collection_ascending",
    "/collection?sort=-cleaning&neverPlayed=true": "collection_pages.list_collection_descending",
    "/plays": "plays.list_plays",
    "/plays?genre=electronic": "plays.list_filtered_plays",
    "/plays?since=2025-01-01T00:00:00Z&artist=the+persuader": "plays.list_filtered_plays",
    "/cleanings": "cleanings.list_cleanings",
    "/releases": "releases.list_releases",
    "/releases?genre=electronic&yearFrom=1970": "releases.list_releases",
    "/artists": "artists.list_artists",
    "/labels": "labels.list_labels",
    "/genres": "genres.list_genres",
    "/styles": "styles.list_styles",
    "/users": "users.list_users",
    "/songs?genre=Rock": "songs.list_filtered_songs_newest",
    "/songs?sort=added&codec=flac": "songs.list_filtered_songs_oldest",
    "/songs/starred": "user_songs.list_starred_songs",
    "/songs/played": "user_songs.list_played_songs",
    "/albums?yearFrom=1900": "albums.list_albums_newest",
    "/albums?sort=added&yearFrom=1900": "albums.list_albums_oldest",
    "/albums?sort=name&yearFrom=1900": "albums.list_albums_by_name",
    "/releases/popular": "library_stats.list_popular_releases",
}

WITH_TOTALS = {
    "/songs": ("songs.list_songs_newest", "library_stats.get_library_totals"),
    "/songs?sort=added": ("songs.list_songs_oldest", "library_stats.get_library_totals"),
    "/albums": ("albums.list_albums_newest", "library_stats.get_library_totals"),
    "/albums?sort=name": ("albums.list_albums_by_name", "library_stats.get_library_totals"),
    "/library/artists": (
        "library_artists.list_library_artists",
        "library_stats.get_artist_totals",
    ),
}


@pytest.mark.parametrize("limit", [1, 50, 200])
@pytest.mark.parametrize("path", LISTS)
async def test_a_page_is_one_statement(
    reading: Site, statements: list[str], path: str, limit: int
) -> None:
    client = reading.root if path == "/users" else reading.alice
    answer = await client.get(f"/api/v1{path}{'&' if '?' in path else '?'}limit={limit}")
    assert answer.status_code == 200
    assert answer.json()["items"]
    assert statements == [SESSION, LISTS[path]]


@pytest.mark.parametrize("limit", [1, 200])
@pytest.mark.parametrize("path", WITH_TOTALS)
async def test_a_page_of_a_whole_list_takes_its_total_from_a_view(
    reading: Site, statements: list[str], path: str, limit: int
) -> None:
    answer = await reading.alice.get(f"/api/v1{path}{'&' if '?' in path else '?'}limit={limit}")
    assert answer.json()["items"]
    assert statements == [SESSION, *WITH_TOTALS[path]]


async def test_songs_albums_and_artists_are_one_statement(
    reading: Site, statements: list[str]
) -> None:
    song = (await reading.alice.get(f"/api/v1/songs/{await reading.song_id()}")).json()
    album, artist = song["albumId"], song["artistId"]
    for path, names in {
        f"/songs/{song['id']}": ["songs.list_songs_by_id"],
        f"/songs/{song['id']}/state": ["user_songs.list_song_states"],
        f"/albums/{album}": ["albums.get_album"],
        f"/albums/{album}/songs": ["songs.list_album_songs"],
        f"/library/artists/{artist}": ["library_artists.get_library_artist"],
        f"/library/artists/{artist}/songs": ["songs.list_artist_songs"],
        f"/library/artists/{artist}/albums": ["albums.list_artist_albums"],
        "/library/stats": ["library_stats.get_library_totals", "library_stats.list_library_stats"],
        "/library/genres": ["library_stats.list_genre_counts"],
        "/songs?q=sketch": ["words.get_alternatives", "songs.search_songs"],
        "/releases?q=title": ["words.get_alternatives", "releases.search_releases"],
        "/search?q=the": ["words.get_alternatives", "search.search_everything"],
        "/search?q=the&kind=album&limit=50": ["words.get_alternatives", "search.search_everything"],
        "/artists?q=the": ["words.get_alternatives", "artists.search_artists"],
        "/labels?q=label": ["words.get_alternatives", "labels.search_labels"],
        "/albums?q=road": ["words.get_alternatives", "albums.search_albums"],
        "/library/artists?q=beatles": [
            "words.get_alternatives",
            "library_artists.search_library_artists",
        ],
    }.items():
        statements.clear()
        assert (await reading.alice.get(f"/api/v1{path}")).status_code == 200
        assert statements == [SESSION, *names]


@pytest.mark.parametrize("count", [1, 1000])
async def test_a_look_up_is_one_statement(reading: Site, statements: list[str], count: int) -> None:
    ids = [str(await reading.song_id()), *(str(uuid7()) for _ in range(count - 1))]
    for path, name in {
        "/songs/lookup": "songs.list_songs_by_id",
        "/songs/states": "user_songs.list_song_states",
    }.items():
        statements.clear()
        answer = await reading.alice.post(f"/api/v1{path}", json={"ids": ids})
        assert len(answer.json()["items"]) == count
        assert statements == [SESSION, name]


TOTALS = ["/collection", "/releases", "/releases?q=title", "/artists", "/plays", "/cleanings"]
TOTALS += ["/songs", "/songs?q=sketch", "/songs?codec=flac"]


@pytest.mark.parametrize("path", TOTALS)
async def test_a_total_is_one_more(reading: Site, statements: list[str], path: str) -> None:
    await reading.alice.get(f"/api/v1{path}{'&' if '?' in path else '?'}total=true")
    assert len(statements) == (4 if "q=" in path else 3)  # what is like its words
    assert ".count_" in statements[-1]


@pytest.mark.parametrize("noun", ["artist", "label", "genre", "style"])
async def test_the_releases_of_an_entry_are_one_statement(
    reading: Site, statements: list[str], noun: str
) -> None:
    entry = await reading.value(f"SELECT {noun}_id FROM release_{noun}s LIMIT 1")
    statements.clear()
    for limit in (1, 200):
        await reading.alice.get(f"/api/v1/{noun}s/{entry}/releases?limit={limit}")
        assert statements == [SESSION, f"releases.list_{noun}_releases"]
        statements.clear()
    await reading.alice.get(f"/api/v1/{noun}s/{entry}")
    assert statements == [SESSION, f"{noun}s.get_{noun}"]
    statements.clear()
    # Only where there is nothing it has to be asked whether there is such an entry.
    await reading.alice.get(f"/api/v1/{noun}s/{NOWHERE}/releases")
    assert statements == [SESSION, f"releases.list_{noun}_releases", f"{noun}s.get_{noun}"]


async def test_single_reads(reading: Site, statements: list[str]) -> None:
    release_id, copy_id = await reading.release_id(), await reading.copy_id("alice")
    hers = "SELECT folder_id FROM user_releases WHERE notes = %s LIMIT 1"
    for path, name in {
        f"/releases/{release_id}": "releases.get_release",
        f"/collection/{copy_id}": "collection.get_copy",
        "/collection/folders": "folders.list_folders",
        f"/collection/folders/{await reading.value(hers, ALICES_NOTE)}": "folders.get_folder",
        "/collection/random?genre=rock&neverPlayed=true": "collection.get_random_copy",
        f"/plays/{await reading.value('SELECT id FROM play_history LIMIT 1')}": "plays.get_play",
        f"/cleanings/{await reading.value('SELECT id FROM cleaning_history LIMIT 1')}": (
            "cleanings.get_cleaning"
        ),
        f"/styluses/{await reading.value('SELECT id FROM styluses LIMIT 1')}": (
            "styluses.get_stylus"
        ),
        "/styluses": "styluses.list_styluses",
        "/styluses/models": "styluses.list_stylus_models",
        "/me": "users.get_user",
        "/me/preferences": "preferences.get_preferences",
        "/auth/tokens": "tokens.list_tokens",
        "/imports": "imports.list_runs",
    }.items():
        statements.clear()
        assert (await reading.alice.get(f"/api/v1{path}")).status_code == 200
        assert statements == [SESSION, name]


async def test_a_refused_request_asks_nothing(reading: Site, statements: list[str]) -> None:
    await reading.anonymous.get("/api/v1/collection")
    await reading.client("Basic").get("/api/v2/nothing")
    await reading.anonymous.get("/health/live")
    await reading.anonymous.get("/openapi.json")
    assert statements == []
    await reading.alice.get("/api/v1/collection?limit=0")
    await reading.alice.post("/api/v1/collection", content=b"{")
    assert set(statements) == {SESSION}


WRITES: list[tuple[str, str, Any, int]] = [
    ("POST", "/collection", {"discogsId": 1}, 1),
    ("PATCH", "/collection/{copy}", {"rating": 1}, 1),
    ("DELETE", "/collection/{copy}", None, 1),
    ("POST", "/collection/{copy}/archive", {"reason": "lost"}, 1),
    ("POST", "/collection/folders", {"name": "Attic"}, 3),
    ("POST", "/plays", {"copyId": "{copy}"}, 2),
    ("PATCH", "/plays/{play}", {"side": "A"}, 2),
    ("DELETE", "/plays/{play}", None, 1),
    ("POST", "/cleanings", {"copyId": "{copy}"}, 2),
    ("PATCH", "/cleanings/{cleaning}", {"deep": True}, 2),
    ("DELETE", "/cleanings/{cleaning}", None, 1),
    ("POST", "/log", {"copyId": "{copy}"}, 4),
    ("POST", "/styluses", {"name": "x"}, 3),
    ("POST", "/styluses", {"name": "x", "primary": True}, 4),
    ("PATCH", "/styluses/{stylus}", {"name": "x"}, 2),
    ("PATCH", "/styluses/{stylus}", {"primary": True}, 3),
    ("DELETE", "/styluses/{stylus}", None, 1),
    ("POST", "/releases", {"title": "x", "artists": [{"name": "y"}]}, 4),
    ("PATCH", "/songs/{song}/state", {"starred": True}, 1),
    ("PATCH", "/songs/{song}/state", {"starred": True, "rating": 3}, 2),
    ("POST", "/songs/{song}/plays", {}, 1),
    ("POST", "/auth/tokens", {"name": "x"}, 2),
    ("PATCH", "/me", {"discogsUsername": "x"}, 1),
    # Of these three count the guess at the password, and give it back.
    ("PATCH", "/me", {"password": PASSWORD, "currentPassword": PASSWORD}, 5),
    ("PATCH", "/me/preferences", {"neglectedDays": 3}, 1),
    ("PUT", "/me/discogs-token", {"token": "abcdefgh"}, 1),
    ("DELETE", "/me/discogs-token", None, 1),
]


@pytest.mark.parametrize(("method", "path", "body", "most"), WRITES)
async def test_writes(
    site: Site, statements: list[str], method: str, path: str, body: Any, most: int
) -> None:
    ids = {"copy": await site.copy_id("alice"), "song": await site.song_id()}
    tables = {"play": "play_history", "cleaning": "cleaning_history", "stylus": "styluses"}
    for name, table in tables.items():
        ids[name] = await site.value(f"SELECT id FROM {table} LIMIT 1")
    for name, id_ in ids.items():
        path = path.replace(f"{{{name}}}", str(id_))
    if body == {"copyId": "{copy}"}:
        body = {"copyId": str(ids["copy"])}
    statements.clear()
    answer = await site.alice.request(method, f"/api/v1{path}", json=body)
    assert answer.status_code < 300 or method == "DELETE"
    assert statements[0] == SESSION
    assert len(statements) - 1 == most, statements


@pytest.mark.parametrize("count", [1, 200])
async def test_a_large_release_takes_as_many(site: Site, statements: list[str], count: int) -> None:
    artists = [{"name": f"Artist {number}"} for number in range(count)]
    tracks = [{"title": f"Track {number}"} for number in range(count)]
    body = {"title": "x", "artists": artists, "tracks": tracks}
    assert (await site.alice.post("/api/v1/releases", json=body)).status_code == 201
    assert len(statements) == 5


async def test_an_idempotency_key_adds_two(site: Site, statements: list[str]) -> None:
    for expected in (4, 3):
        statements.clear()
        answer = await site.alice.post(
            "/api/v1/collection", json={"discogsId": 1}, headers={"Idempotency-Key": "k"}
        )
        assert answer.status_code == 201
        assert len(statements) == expected


async def test_the_server_counts_the_same(site: Site) -> None:
    """What the server itself says it ran, so that no way around the cursor goes unseen."""
    try:
        await site.rows("SELECT FROM pg_stat_statements LIMIT 0")
    except psycopg.Error:
        pytest.skip("this server has no pg_stat_statements")

    async def calls() -> Counter[str]:
        rows = await site.rows(
            "SELECT query, calls FROM pg_stat_statements"
            " WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        return Counter({query: count for query, count in rows if "pg_stat_statements" not in query})

    before = await calls()
    for limit in (1, 50, 200):
        assert (await site.alice.get(f"/api/v1/collection?limit={limit}")).status_code == 200
    ran = await calls() - before
    named = {
        STATEMENT_NAME.search(query)[1]: count
        for query, count in ran.items()
        if STATEMENT_NAME.search(query)
    }
    assert named == {SESSION: 3, "collection.list_collection_newest": 3}
    assert sum(ran.values()) == 6, json.dumps(ran)


async def test_requests_that_arrive_together_are_authenticated_together(
    reading: Site, statements: list[str]
) -> None:
    clients = [reading.alice, reading.bob, reading.root, reading.client("kleio_wrong")] * 3
    answers = await asyncio.gather(*(client.get(f"{API}/me") for client in clients))
    statuses = [answer.status_code for answer in answers]
    assert statuses == [200, 200, 200, 401] * 3
    names = [answer.json().get("username") for answer in answers]
    assert names == ["alice", "bob", "root", None] * 3
    looked_up = [name for name in statements if name.startswith("tokens.")]
    assert looked_up == ["tokens.list_sessions"]


async def test_a_revoked_token_is_refused_while_an_earlier_look_up_is_under_way(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is asked after the revocation is not answered by what was found before it."""
    created = await site.alice.post(f"{API}/auth/tokens", json={"name": "phone"})
    token = created.json()
    began, go_on = asyncio.Event(), asyncio.Event()
    get_session = tokens.get_session

    async def held(conn: Connection, *, token_hash: bytes, now: datetime) -> Any:
        found = await get_session(conn, token_hash=token_hash, now=now)
        if found is not None and str(found.token_id) == token["id"] and not began.is_set():
            began.set()
            await go_on.wait()
        return found

    monkeypatch.setattr(tokens, "get_session", held)
    phone = site.client(token["token"])
    early = asyncio.create_task(phone.get(f"{API}/me"))
    async with asyncio.timeout(10):
        await began.wait()
        assert (await site.alice.delete(f"{API}/auth/tokens/{token['id']}")).status_code == 204
        late = await phone.get(f"{API}/me")
        go_on.set()
        assert (late.status_code, (await early).status_code) == (401, 200)
