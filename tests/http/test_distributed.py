"""A database on Citus: the statements that it takes instead of others give the same answers."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest
from http_site import API, NOWHERE, Site, follow, problem

pytestmark = pytest.mark.anyio


@pytest.fixture
async def listening(site: Site) -> Site:
    """Alice has starred and played some songs, several at the same time."""
    alice = await site.user_id("alice")
    await site.rows(
        "INSERT INTO user_songs (user_id, song_id, play_count, rating, last_played_at, starred_at,"
        "                        created_at, updated_at)"
        " SELECT %s, s.id, 1, 0, '2026-01-01Z', '2026-01-02Z', '2026-01-01Z', '2026-01-01Z'"
        "   FROM songs AS s ORDER BY s.id LIMIT 7 ON CONFLICT DO NOTHING",
        alice,
    )
    return site


async def answers(site: Site, ids: list[UUID]) -> list[Any]:
    lookup = await site.alice.post(
        f"{API}/songs/lookup", json={"ids": [str(id) for id in (*ids, ids[0], NOWHERE)]}
    )
    assert lookup.status_code == 200, lookup.text
    one = await site.alice.get(f"{API}/songs/{ids[0]}")
    gone = await site.alice.get(f"{API}/songs/{NOWHERE}")
    return [
        lookup.json(),
        one.json(),
        gone.status_code,
        *[
            await follow(site.alice, f"{API}/songs/{what}?limit=3")
            for what in ("starred", "played")
        ],
    ]


async def test_songs_and_one_s_own_are_the_same(listening: Site) -> None:
    site = listening
    ids = [id for (id,) in await site.rows("SELECT id FROM songs ORDER BY md5(id::text) LIMIT 9")]
    plain = await answers(site, ids)
    assert len(plain[0]["items"]) == 11
    assert sum(map(len, plain[3])) >= 7
    assert not site.database.is_distributed
    site.database.is_distributed = True
    assert await answers(site, ids) == plain


async def test_who_asks_is_known_there(site: Site) -> None:
    """Several tokens at once, and when each was used last."""
    site.database.is_distributed = True
    clients = [site.alice, site.bob, site.root, site.client("kleio_nobody-s")] * 5
    answers = await asyncio.gather(*(client.get(f"{API}/me") for client in clients))
    names = [answer.json().get("username") for answer in answers]
    assert names == ["alice", "bob", "root", None] * 5
    await site.rows("UPDATE auth_tokens SET last_used_at = NULL")
    await site.app.state.token_use.flush()
    used = await site.rows(
        "SELECT u.username FROM auth_tokens AS t JOIN users AS u ON u.id = t.user_id"
        " WHERE t.last_used_at IS NOT NULL ORDER BY u.username"
    )
    assert used == [("alice",), ("bob",), ("root",)]


async def test_an_artist_that_is_nowhere_is_refused_without_a_foreign_key(site: Site) -> None:
    await site.rows("ALTER TABLE library_artists DROP CONSTRAINT library_artists_artist_id_fkey")
    site.database.is_distributed = True
    (id,) = (await site.rows("SELECT id FROM library_artists ORDER BY id LIMIT 1"))[0]
    url = f"{API}/library/artists/{id}/link"
    answer = await site.root.put(url, json={"artistId": str(NOWHERE)})
    assert problem(answer, 404)["errors"][0]["field"] == "artistId"
    (beatles,) = (await site.rows("SELECT id FROM artists WHERE name = 'The Beatles'"))[0]
    assert (await site.root.put(url, json={"artistId": str(beatles)})).status_code == 200
