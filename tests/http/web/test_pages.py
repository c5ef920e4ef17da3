"""What holds for every page: its policy, its statements, its size, whose it is, what stays text."""

from __future__ import annotations

import re
from typing import Any

import pytest
from http_site import (
    ALICES_FOLDER,
    ALICES_NOTE,
    ALICES_SONG,
    ALICES_STYLUS,
    NOWHERE,
    Site,
)
from litestar.routes import HTTPRoute
from page_client import HTMX, Browser, as_browser, inline, links

from factories import make_copy, release_document, store_releases
from kleio.catalogue import ArtistCredit, TrackDocument

pytestmark = pytest.mark.anyio

SESSION = "tokens.get_page_session"
RECORD = ["releases.get_release", "records.get_record"]
SHELF = "collection.list_collection"
FILTERED = "collection_pages.list_collection"

STATEMENTS: dict[str, list[str]] = {
    "/sign-in": [],
    "/log": ["recommendations.list_recommendations", "styluses.list_styluses"],
    "/log?q=road": [
        f"{FILTERED}_descending",
        "words.get_alternatives",
        "releases.search_releases",
        "styluses.list_styluses",
    ],
    "/plays": ["plays.list_plays"],
    "/shelf": [f"{SHELF}_newest"],
    "/shelf?view=list": [f"{SHELF}_newest"],
    "/shelf?sort=added": [f"{SHELF}_oldest"],
    "/shelf?sort=artist": [f"{FILTERED}_ascending"],
    "/shelf?q=title": [f"{FILTERED}_descending"],
    "/shelf?sort=-match": [f"{SHELF}_newest"],
    "/shelf?needsCleaning=true&genre=Rock": [f"{FILTERED}_descending"],
    "/shelf?archived=true": [f"{FILTERED}_descending"],
    "/shelf?panel=filters": ["folders.list_folders"],
    "/records/{release}": RECORD,
    "/records/{release}/library?copyId={copy}": ["shelf_matches.list_copy_albums"],
    "/insight": ["stats_reviews.get_year", "stats.list_play_buckets", "stats.get_streaks"],
    "/insight?year=1950": [
        "stats_reviews.get_year",
        "stats.list_play_buckets",
        "stats.get_streaks",
    ],
    "/insight/time": ["stats.list_play_buckets", "stats.list_heatmap"],
    "/insight/time?range=all&measure=minutes": ["stats.list_play_buckets", "stats.list_heatmap"],
    "/insight/top": ["stats.list_top_releases"],
    "/insight/top?by=artist&range=1y": ["stats.list_top_names"],
    "/insight/shelf": ["stats_reviews.get_collection_stats", "styluses.list_styluses"],
    "/library": ["library_stats.list_library_stats", "library_stats.get_library_totals"],
    "/library?q=the": ["words.get_alternatives", "search.search_everything"],
    "/library/artists": [
        "library_artists.list_library_artists",
        "library_stats.get_artist_totals",
    ],
    "/library/artists?q=beatles": [
        "words.get_alternatives",
        "library_artists.search_library_artists",
    ],
    "/library/albums": ["albums.list_albums_newest", "library_stats.get_library_totals"],
    "/library/albums?sort=name": [
        "albums.list_albums_by_name",
        "library_stats.get_library_totals",
    ],
    "/library/songs": ["songs.list_songs_newest", "library_stats.get_library_totals"],
    "/library/songs?q=sketch": ["words.get_alternatives", "songs.search_songs"],
    "/library/artists/{artist}": [
        "library_artists.get_library_artist",
        "albums.list_artist_albums",
    ],
    "/library/artists/{artist}?show=songs": [
        "library_artists.get_library_artist",
        "songs.list_artist_songs",
    ],
    "/library/albums/{album}": ["albums.get_album", "songs.list_album_songs"],
    "/data": ["imports.list_runs"],
    "/data/exports": [],
    "/data/discogs": ["discogs_credentials.get_credential", "sync_runs.list_runs"],
    "/data/preferences": ["preferences.get_preferences"],
    "/data/tokens": ["tokens.list_tokens"],
    "/data/erase": [],
}
"""What each page asks the database beside who is looking."""


async def filled(site: Site, path: str) -> str:
    release, copy = await site.release_id(2), await site.copy_id("alice")
    song = "SELECT album_id, artist_id FROM songs WHERE name = %s"
    ((album, artist),) = await site.rows(f"{song} LIMIT 1", ALICES_SONG)
    return path.format(release=release, copy=copy, album=album, artist=artist)


def test_every_page_is_looked_at(reading: Site) -> None:
    """A page that is added is added here too."""
    served = {
        route.path_format
        for route in reading.app.routes
        if isinstance(route, HTTPRoute)
        and "GET" in route.methods
        and "kleio.web." in route.route_handler_map["GET"][0].fn.__module__
    }
    served -= {"/", "/assets/{digest}/{name}", "/insight/years/{year}/picture.svg"}
    served = {
        path
        for path in served
        if not path.startswith(("/data/exports/", "/data/imports/", "/admin"))
    }
    listed = {
        re.sub(r"\{(release|album|artist)\}", r"{\1_id}", path).partition("?")[0]
        for path in STATEMENTS
    }
    assert served == listed


@pytest.mark.parametrize("path", STATEMENTS)
async def test_statements(reading: Site, reader: Browser, statements: list[str], path: str) -> None:
    address = await filled(reading, path)
    statements.clear()
    await reader.client.get(address)
    assert statements == [SESSION, *STATEMENTS[path]]


@pytest.mark.parametrize("path", STATEMENTS)
async def test_the_policy_is_kept(reading: Site, reader: Browser, path: str) -> None:
    browser = reader if path != "/sign-in" else Browser(reading.client())
    page = await browser.get(await filled(reading, path))
    policy = page.answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert page.answer.headers["x-content-type-options"] == "nosniff"
    assert page.answer.headers["cache-control"] == "no-store"
    assert inline(page) == []
    # A link that says that it is a file would keep an error, or a page to sign in on, as one.
    assert page.find("//@download") == []
    # What leads elsewhere is a link to Discogs that somebody has to follow.
    foreign = [link for link in links(page) if "//" in link]
    assert all(link.startswith("https://www.discogs.com") for link in foreign)
    assert page.find("//html/@lang") == ["en"]
    assert len(page.find("//main")) == len(page.find("//h1")) == 1
    assert page.find("//title")[0].text_content().endswith(" · Kleio")


@pytest.mark.parametrize("path", STATEMENTS)
async def test_every_field_has_a_label(reading: Site, reader: Browser, path: str) -> None:
    page = await reader.get(await filled(reading, path))
    for field in page.find("//input[not(@type='hidden')] | //select | //textarea"):
        by_id = page.find(f"//label[@for='{field.get('id')}']") if field.get("id") else []
        assert by_id or field.xpath("ancestor::label"), field.attrib
    for button in page.find("//button"):
        assert button.get("aria-label") or button.text_content().strip()
    ids = page.find("//@id")
    assert len(ids) == len(set(ids))


async def test_a_shelf_page_is_small(site: Site, alice: Browser) -> None:
    """48 covers, each with its sleeve: below 50 kB as it is sent."""
    count = await site.value(
        "SELECT count(*) FROM user_releases AS c JOIN users AS u ON u.id = c.user_id"
        " WHERE u.username = 'alice' AND c.archived_at IS NULL"
    )
    assert count > 48
    for view in ("covers", "list"):
        for path in (f"/shelf?view={view}", f"/shelf?view={view}&sort=title"):
            async with alice.client.stream(
                "GET", path, headers={"Accept-Encoding": "gzip"}
            ) as answer:
                assert answer.headers["content-encoding"] == "gzip"
                sent = b"".join([chunk async for chunk in answer.aiter_raw()])
            page = await alice.get(path)
            assert page.text.count('aria-label="Log a play of') == 48
            assert len(sent) < 50_000
            assert len(sent) < len(page.text) / 3


async def test_two_users_see_nothing_of_each_other(reading: Site) -> None:
    bob = await as_browser(reading, "bob")
    for path in STATEMENTS:
        address = await filled(reading, path)
        for headers in ({}, HTMX):
            answer = await bob.client.get(address, headers=headers, follow_redirects=True)
            assert answer.status_code == 200, path
            for secret in (ALICES_NOTE, ALICES_FOLDER, ALICES_STYLUS, "alice"):
                assert secret not in answer.text, (path, secret)


async def test_titles_are_text(site: Site, alice: Browser) -> None:
    bad = '<script>alert("x")</script>'
    quoted = '" autofocus onfocus="alert(1)'
    document = release_document(
        900_001,
        title=bad,
        artists=[ArtistCredit(name=quoted), ArtistCredit(name=bad)],
        tracks=[TrackDocument(seq=1, title=bad, position="A1")],
        notes=bad,
        thumb="javascript:alert(1)",
        cover_image="javascript:alert(1)",
    )
    user_id = await site.user_id("alice")
    async with site.database.connection() as conn:
        (release_id,) = await store_releases(conn, [document])
        account = type("Account", (), {"id": user_id})()
        await make_copy(conn, account, release_id, notes=f"{bad}{quoted}")
    await alice.post("/log", log=f"both:release:{release_id}", notes=f"{bad}{quoted}")
    pages = ("/log", "/log?q=script+alert", "/plays", "/shelf", "/shelf?view=list&sort=-added")
    for path in (*pages, f"/records/{release_id}", f"/shelf?q={bad}"):
        page = await alice.get(path)
        assert inline(page) == [], path
        if path != "/log":
            assert bad in page.words(), path
        assert page.find("//@onfocus") == [], path
        assert not [link for link in links(page) if link.startswith("javascript")], path
    logged = await alice.post("/log", 200, htmx=True, log=f"play:release:{release_id}")
    assert inline(logged) == []
    assert bad in logged.text.replace("&lt;", "<").replace("&gt;", ">").replace("&#34;", '"')


async def test_an_unknown_page_is_a_page(reader: Browser, reading: Site) -> None:
    for path in ("/nope", "/records/nope/x", f"/records/{NOWHERE}"):
        page = await reader.get(path, 404)
        assert page.find("//h1")[0].text == "Not on this shelf"
        assert "content-security-policy" in page.answer.headers
    page = await reader.get("/records/nope", 400)
    assert "Release id" in page.words()
    answer = await reading.anonymous.get("/nope", headers={"Accept": "application/json"})
    assert answer.headers["content-type"] == "application/problem+json"
    answer = await reading.alice.get("/api/v1/nope", headers={"Accept": "text/html"})
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/shelf?sort=nonsense", "Sort"),
        ("/shelf?yearFrom=2000&yearTo=1990", "Year to: earlier than yearFrom"),
        ("/shelf?cursor=x", "Cursor"),
        ("/shelf?artits=x", "Artits: no such parameter"),
        ("/log?q=%00", "NUL"),
    ],
)
async def test_a_wrong_address_says_what_is_wrong(reader: Browser, path: str, words: str) -> None:
    page = await reader.get(path, 400)
    assert words in page.words()
    part = await reader.client.get(path, headers=HTMX)
    assert part.status_code == 400
    assert part.headers["hx-retarget"] == "#notes"


async def test_empty_fields_leave_the_address(reader: Browser) -> None:
    answer = await reader.client.get("/shelf?q=&sort=artist&genre=&yearFrom=&label=+")
    assert (answer.status_code, answer.headers["location"]) == (303, "/shelf?sort=artist")


@pytest.mark.parametrize(
    "path", ["/log", "/shelf", "/library", "/library/artists", "/library/albums", "/library/songs"]
)
async def test_what_has_no_letter_finds_nothing(
    reader: Browser, statements: list[str], path: str
) -> None:
    for q, headers in (("★", {}), ("(", HTMX), ("!!!", HTMX), ("_", {})):
        statements.clear()
        answer = await reader.client.get(path, params={"q": q}, headers=headers)
        assert answer.status_code == 200
        assert "A search goes by letters and digits." in answer.text
        # The database is not asked what it could not find.
        options = ["styluses.list_styluses"] if path == "/log" and not headers else []
        assert statements == [SESSION, *options]


async def test_a_database_that_is_away_is_told(
    reader: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kleio.db.errors import Unavailable
    from kleio.db.pool import Database

    async def away(*_args: Any, **_more: Any) -> Any:
        raise Unavailable("gone", operation="read")

    monkeypatch.setattr(Database, "read", away)
    page = await reader.get("/shelf", 503)
    assert page.find("//h1")[0].text == "The needle is lifted"
    assert page.answer.headers["retry-after"] == "1"
