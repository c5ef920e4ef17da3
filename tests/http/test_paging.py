"""Pages: every list to its end without gap or repeat, in every order, with equal keys."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Any, get_args

import httpx
import pytest
from http_site import (
    EQUAL_RELEASES,
    NOWHERE,
    Site,
    field_problem,
    follow,
    with_equal_keys,
)

import factories
from factories import NOW
from kleio.http.paging import MAX_OFFSET, MAX_PAGE
from kleio.http.shelf import Sort

pytestmark = pytest.mark.anyio

LIMITS = [1, 7, 50]
SORTS = [sort for sort in get_args(Sort) if sort.removeprefix("-") != "match"]
"""Those that need no `q`; the page's tests read on by how like a text the rows are."""
# What the items don't show: tests/http/test_shelf_listening.py.
LISTENING = {"played", "-played", "plays", "-plays", "cleaning", "-cleaning"}
ALICES_COPIES = EQUAL_RELEASES + 5

LISTS = {
    "/api/v1/releases": "SELECT count(*) FROM releases",
    "/api/v1/releases?artist=Same+Artist": f"SELECT {EQUAL_RELEASES}",
    "/api/v1/releases?q=same+title": f"SELECT {EQUAL_RELEASES}",
    "/api/v1/artists": "SELECT count(*) FROM artists",
    "/api/v1/labels": "SELECT count(*) FROM labels",
    "/api/v1/genres": "SELECT count(*) FROM genres",
    "/api/v1/styles": "SELECT count(*) FROM styles",
    "/api/v1/users": "SELECT count(*) FROM users",
    "/api/v1/collection?q=same+title": f"SELECT {EQUAL_RELEASES}",
    "/api/v1/collection?artist=same+artist&sort=year": f"SELECT {EQUAL_RELEASES}",
}


def ids(pages: list[list[Any]]) -> list[str]:
    return [item["id"] for page in pages for item in page]


async def client_of(site: Site, url: str) -> Any:
    return site.alice if "collection" in url else site.root


def with_limit(url: str, limit: int) -> str:
    return f"{url}{'&' if '?' in url else '?'}limit={limit}"


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("url", LISTS)
async def test_a_list_is_read_to_its_end(reading: Site, url: str, limit: int) -> None:
    pages = await follow(await client_of(reading, url), with_limit(url, limit))
    found = ids(pages)
    assert len(found) == len(set(found)) == await reading.value(LISTS[url])
    assert all(len(page) == limit for page in pages[:-1])
    assert 0 < len(pages[-1]) <= limit


@pytest.mark.parametrize("noun", ["artist", "label", "genre", "style"])
@pytest.mark.parametrize("limit", LIMITS)
async def test_the_releases_of_an_entry_are_read_to_their_end(
    reading: Site, noun: str, limit: int
) -> None:
    (entry, count) = (
        await reading.rows(
            f"SELECT {noun}_id, count(DISTINCT release_id) FROM release_{noun}s"
            " GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 1"
        )
    )[0]
    pages = await follow(reading.bob, f"/api/v1/{noun}s/{entry}/releases?limit={limit}")
    assert len(ids(pages)) == len(set(ids(pages))) == count


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("sort", SORTS)
async def test_the_shelf_is_read_to_its_end_in_every_order(
    reading: Site, sort: str, limit: int
) -> None:
    pages = await follow(reading.alice, f"/api/v1/collection?sort={sort}&limit={limit}")
    found = ids(pages)
    assert len(found) == len(set(found)) == ALICES_COPIES
    (whole,) = await follow(reading.alice, f"/api/v1/collection?sort={sort}&limit={MAX_PAGE}")
    assert found == ids([whole])


def _key(sort: str, item: dict[str, Any]) -> Any:
    release = item["release"]
    match sort.removeprefix("-"):
        case "added":
            return item["addedAt"]
        case "artist":
            return " ".join(a["name"] for a in release["artists"] if a["name"]).lower()
        case "title":
            return release["title"].lower().replace("á", "a").replace("æ", "ae")
        case "year":
            return release["year"] or 0
        case _:
            return item["rating"]


@pytest.mark.parametrize("sort", sorted(set(SORTS) - LISTENING))
async def test_the_shelf_is_in_order(reading: Site, sort: str) -> None:
    (items,) = await follow(reading.alice, f"/api/v1/collection?sort={sort}&limit={MAX_PAGE}")
    keys = [(_key(sort, item), item["id"]) for item in items]
    if "artist" in sort:  # anv and join words are not in the card's names
        keys = [key for key in keys if not key[0].startswith("nobody")]
    assert keys == sorted(keys, reverse=sort.startswith("-"))


@pytest.mark.parametrize("sort", [sort for sort in SORTS if not sort.startswith("-")])
async def test_a_dash_turns_the_shelf_round(reading: Site, sort: str) -> None:
    up = ids(await follow(reading.alice, f"/api/v1/collection?sort={sort}&limit=7"))
    down = ids(await follow(reading.alice, f"/api/v1/collection?sort=-{sort}&limit=7"))
    assert up == down[::-1]


@pytest.mark.parametrize("sort", SORTS)
async def test_rows_that_come_meanwhile_make_no_gap(site: Site, sort: str) -> None:
    url = f"/api/v1/collection?sort={sort}&limit=7"
    before = ids(await follow(site.alice, url))
    alice = await site.user_id("alice")
    found: list[str] = []
    cursor: str | None = None
    async with site.database.connection() as conn:
        release_id = await site.release_id(5001)
        folder = await site.value("SELECT id FROM folders WHERE user_id = %s LIMIT 1", alice)
        for number in range(100):
            body = (await site.alice.get(url + (f"&cursor={cursor}" if cursor else ""))).json()
            found += ids([body["items"]])
            cursor = body["next"]
            if cursor is None:
                break
            await conn.execute(
                "INSERT INTO user_releases (user_id, release_id, folder_id, rating, added_at,"
                " created_at, updated_at) VALUES (%s, %s, %s, %s, %s, %s, %s)",
                (alice, release_id, folder, number % 3, NOW - timedelta(days=number % 2), NOW, NOW),
            )
    assert len(found) == len(set(found))
    assert [copy for copy in found if copy in set(before)] == before


async def test_releases_that_come_meanwhile_make_no_gap(site: Site) -> None:
    url = "/api/v1/releases?limit=20"
    before = ids(await follow(site.alice, url))
    first = (await site.alice.get(url)).json()
    async with site.database.connection() as conn:
        await factories.store_releases(conn, with_equal_keys(9000, 30))
    rest = ids(await follow(site.alice, f"{url}&cursor={first['next']}"))
    assert ids([first["items"]]) + rest == before


@pytest.mark.parametrize("url", LISTS)
async def test_offset_skips(reading: Site, url: str) -> None:
    client = await client_of(reading, url)
    (whole, *_) = await follow(client, with_limit(url, MAX_PAGE))
    skipped = await client.get(with_limit(url, 2) + "&offset=1")
    assert ids([skipped.json()["items"]]) == ids([whole[1:3]])
    far = await client.get(with_limit(url, 2) + f"&offset={MAX_OFFSET}")
    assert far.json().items() >= {"items": [], "next": None, "total": None}.items()
    # The next page after an offset has no offset.
    cursor = skipped.json()["next"]
    if cursor is not None:
        pages = await follow(client, with_limit(url, 50) + f"&cursor={cursor}")
        assert ids(pages) == ids([whole[3:]])


@pytest.mark.parametrize("url", LISTS)
async def test_total_is_counted_on_request(reading: Site, url: str) -> None:
    client = await client_of(reading, url)
    assert (await client.get(with_limit(url, 1))).json()["total"] is None
    answer = await client.get(with_limit(url, 1) + "&total=true")
    assert answer.json()["total"] == await reading.value(LISTS[url])
    assert "total=true" in str(answer.links.get("next", {}).get("url", "total=true"))


@pytest.mark.parametrize("url", LISTS)
async def test_a_whole_page_that_ends_the_list_has_no_next(reading: Site, url: str) -> None:
    count = await reading.value(LISTS[url])
    client = await client_of(reading, url)
    if count <= MAX_PAGE:
        answer = await client.get(with_limit(url, count))
        assert answer.json()["next"] is None
        assert len(answer.json()["items"]) == count


# --- cursors ------------------------------------------------------------------------------------


def encoded(*parts: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def nested(start: bytes) -> str:
    """Return a cursor with arrays in arrays after its start, as deep as a cursor may be long."""
    return base64.urlsafe_b64encode(start + b"[" * (1500 - len(start))).decode()


BAD_CURSORS = [
    "",
    "x",
    "%%%",
    "é",
    "AAAA",
    encoded(),
    encoded("newest"),
    encoded("newest", None, "x"),
    encoded("newest", {}, str(NOWHERE)),
    encoded("newest", "x", str(NOWHERE)),
    encoded("-added", "x", str(NOWHERE)),
    encoded("-added", 10**400, str(NOWHERE)),
    encoded("name", None, str(NOWHERE)),
    encoded("name", 5, str(NOWHERE)),
    encoded("name", "a\0b", str(NOWHERE)),
    encoded("name", "\ud800", str(NOWHERE)),
    encoded("name", "a", str(NOWHERE), None),
    nested(b'["name","a","%s",' % str(NOWHERE).encode()),
    nested(b'["name",'),
    nested(b""),
    encoded("best", "x", str(NOWHERE)),
    encoded("best", "nan", str(NOWHERE)),
    encoded("newest", str(NOWHERE), str(NOWHERE)) + "!",
]


@pytest.mark.parametrize("cursor", BAD_CURSORS)
@pytest.mark.parametrize(
    "url", [*LISTS, "/api/v1/collection", "/api/v1/collection?sort=title", "/api/v1/artists?q=x"]
)
async def test_a_cursor_that_is_none_is_refused(reading: Site, url: str, cursor: str) -> None:
    client = await client_of(reading, url)
    answer = await client.get(url, params={**dict(_params(url)), "cursor": cursor})
    field_problem(answer, "cursor", "query")


def _params(url: str) -> list[tuple[str, str]]:
    return httpx.URL(url).params.multi_items()


@pytest.mark.parametrize("key", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
@pytest.mark.parametrize("query", ["sort=added", "sort=added&q=a", "sort=-added&q=a"])
async def test_a_cursor_with_a_time_that_has_no_utc_is_refused(
    reading: Site, query: str, key: str
) -> None:
    sort = query.partition("&")[0].removeprefix("sort=")
    raw = base64.urlsafe_b64encode(json.dumps([sort, key, str(NOWHERE)]).encode()).decode()
    answer = await reading.alice.get(f"/api/v1/collection?{query}&cursor={raw.rstrip('=')}")
    field_problem(answer, "cursor", "query")


@pytest.mark.parametrize("given", ["-added", "title", "-title", "rating"])
@pytest.mark.parametrize("asked", SORTS)
async def test_a_cursor_of_another_order_is_refused(reading: Site, given: str, asked: str) -> None:
    first = await reading.alice.get(f"/api/v1/collection?limit=1&sort={given}")
    cursor = first.json()["next"]
    answer = await reading.alice.get(f"/api/v1/collection?sort={asked}&cursor={cursor}")
    if given == asked:
        assert answer.status_code == 200
    else:
        field_problem(answer, "cursor", "query")


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ("/api/v1/releases?limit=1", "/api/v1/releases?q=same&"),
        ("/api/v1/releases?limit=1&q=same", "/api/v1/releases?"),
        ("/api/v1/releases?limit=1", "/api/v1/artists?"),
        ("/api/v1/artists?limit=1", "/api/v1/releases?"),
        ("/api/v1/releases?limit=1&q=same", "/api/v1/artists?"),
    ],
)
async def test_a_cursor_of_another_list_is_refused(reading: Site, given: str, asked: str) -> None:
    cursor = (await reading.alice.get(given)).json()["next"]
    assert cursor is not None
    field_problem(await reading.alice.get(f"{asked}cursor={cursor}"), "cursor", "query")


async def test_a_cursor_and_an_offset_do_not_go_together(reading: Site) -> None:
    cursor = (await reading.alice.get("/api/v1/releases?limit=1")).json()["next"]
    answer = await reading.alice.get(f"/api/v1/releases?cursor={cursor}&offset=1")
    field_problem(answer, "offset", "query")
