"""The library: what is found as one types, and artists, albums and songs to the end."""

from __future__ import annotations

from typing import Any

import pytest
from http_site import ALICES_SONG, NOWHERE, Site
from page_client import HTMX, Browser, Page, inline

from kleio.web import library, words
from kleio.web.library import KIND_NAMES, groups_of

pytestmark = pytest.mark.anyio


async def test_totals_and_their_age(reading: Site, reader: Browser) -> None:
    totals = (await reading.alice.get("/api/v1/library/stats")).json()
    page = await reader.get("/library")
    assert totals["totals"]["songs"] > 0
    numbers = [int(text.replace(",", "")) for text in page.find("//dl//dd/a/text()")]
    assert numbers == [totals["totals"][name] for name in ("songs", "albums", "artists")]
    assert page.find("//main//a[@href='/library/songs']")
    for entry in totals["libraries"]:
        assert entry["name"] in page.words()


async def test_a_search_forgives_typing_errors(reading: Site, reader: Browser) -> None:
    page = await reader.get("/library?q=Staralfr")
    assert ALICES_SONG in page.words("//section[@aria-labelledby='hits-song']")
    part = Page(await reader.client.get("/library?q=Staralfr", headers=HTMX))
    assert "<html" not in part.text
    assert ALICES_SONG in part.words("//ul")
    assert part.find("//mark")
    nothing = await reader.get("/library?q=zzzzqqqq")
    assert "Nothing sounds like “zzzzqqqq”" in nothing.words()
    # An empty field shows the totals again.
    empty = await reader.client.get("/library?q=", headers=HTMX, follow_redirects=True)
    assert "Counted" in empty.text or "Songs" in empty.text
    assert "<html" not in empty.text


async def test_every_kind_is_found(reading: Site, reader: Browser) -> None:
    answer = (await reading.alice.get("/api/v1/search?q=the&limit=6")).json()
    page = await reader.get("/library?q=the")
    for kind in ("artist", "album", "song", "release"):
        found = answer[f"{kind}s"]
        shown = page.find(f"//section[@aria-labelledby='hits-{kind}']//li")
        assert len(shown) == len(found)
    (first, *_) = page.find("//section[contains(@class, 'hits')]//h2/text()")
    assert first == KIND_NAMES[answer["best"]]
    one = await reader.get("/library?q=the&kind=release")
    assert one.find("//section[@id='hits']//h2/text()") == ["Records"]
    for link in set(page.find("//section[@id='hits']//a/@href")):
        assert (await reader.client.get(link)).status_code == 200, link


def test_the_best_kind_comes_first() -> None:
    from msgspec import Raw

    from kleio.repositories.search import Hit

    item = Raw(
        b'{"id":null,"libraryArtistId":null,"name":"x","albums":0,"songs":0,"score":0.5,'
        b'"highlights":[]}'
    )
    song = Raw(
        b'{"id":"%b","name":"y","artistId":null,"artistName":null,"albumId":null,'
        b'"albumName":null,"durationMs":null,"score":0.9,"highlights":[]}' % str(NOWHERE).encode()
    )
    groups = groups_of([Hit("artist", 0.5, item), Hit("song", 0.9, song)], "x", None)
    assert [group.kind for group in groups] == ["song", "artist"]
    assert [group.more for group in groups] == [None, None]
    many = groups_of([Hit("artist", 0.5, item)] * library.PER_KIND, "x y", None)
    assert many[0].more == "/library?q=x+y&kind=artist"


@pytest.mark.parametrize(
    ("path", "api", "name"),
    [
        ("/library/artists", "/library/artists", "name"),
        ("/library/albums", "/albums", "name"),
        ("/library/albums?sort=name", "/albums?sort=name", "name"),
        ("/library/albums?sort=added", "/albums?sort=added", "name"),
        ("/library/songs", "/songs", "name"),
        ("/library/songs?sort=added", "/songs?sort=added", "name"),
        ("/library/songs?q=sketch", "/songs?q=sketch", "name"),
        ("/library/artists?q=beatles", "/library/artists?q=beatles", "name"),
        ("/library/albums?q=road", "/albums?q=road", "name"),
    ],
)
async def test_lists_are_those_of_the_api_to_the_end(
    reading: Site,
    reader: Browser,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    api: str,
    name: str,
) -> None:
    monkeypatch.setattr(library, "PAGE", 5)
    wanted: list[str] = []
    address: str | None = f"/api/v1{api}{'&' if '?' in api else '?'}limit=10"
    for _ in range(2):
        answer = (await reading.alice.get(address)).json() if address else {"items": []}
        wanted += [item[name] for item in answer["items"]]
        following = answer.get("next")
        address = f"/api/v1{api}{'&' if '?' in api else '?'}limit=10&cursor={following}"
        if following is None:
            break
    shown: list[str] = []
    to: str | None = path
    while to is not None and len(shown) < len(wanted):
        first = not shown
        page = await reader.get(to) if first else Page(await reader.client.get(to, headers=HTMX))
        assert ("<html" in page.text) == first
        document: Any = page
        rows = document.find(
            "//a[@class='found-name'][starts-with(@href, '/library/artists/')]"
            " | //span[@class='tile-title'] | //tr/th[@scope='row']"
        )
        shown += [(row.text or "").strip() for row in rows]
        links = page.find("//a[@rel='next']/@href")
        to = links[0] if links else None
    assert shown[: len(wanted)] == wanted
    assert len(wanted) > 0


async def test_an_album_and_its_artist(reading: Site, reader: Browser) -> None:
    song = (await reading.alice.get(f"/api/v1/songs/{await reading.song_id()}")).json()
    page = await reader.get(f"/library/albums/{song['albumId']}")
    assert page.find("//h1")[0].text == song["albumName"]
    songs = (await reading.alice.get(f"/api/v1/albums/{song['albumId']}/songs")).json()["items"]
    rows = page.find("//tbody/tr")
    assert len(rows) == len(songs)
    assert words.length(songs[0]["durationMs"]) in rows[0].text_content()
    artist = await reader.get(f"/library/artists/{song['artistId']}")
    assert song["albumName"] in artist.words()
    whole = await reader.get(f"/library/artists/{song['artistId']}?show=songs")
    assert ALICES_SONG in whole.words("//tbody")
    for nothing in (f"/library/albums/{NOWHERE}", f"/library/artists/{NOWHERE}"):
        assert (await reader.get(nothing, 404)).find("//h1")[0].text == "Not on this shelf"


async def test_names_of_files_are_text(site: Site, reader: Browser, alice: Browser) -> None:
    bad = "<script>alert(1)</script>"
    album = await site.value("SELECT album_id FROM songs WHERE name = %s", ALICES_SONG)
    await site.rows("UPDATE songs SET name = %s WHERE name = %s", bad, ALICES_SONG)
    await site.rows("UPDATE albums SET name = %s WHERE id = %s", f"{bad} album", album)
    await site.rows("INSERT INTO words (word) VALUES (%s)", bad)
    for path in (f"/library/albums/{album}", "/library?q=script+alert+album&kind=album"):
        page = await alice.get(path)
        assert bad in page.words()
        assert inline(page) == []
    found = await alice.get("/library?q=script+alert&kind=song")
    assert inline(found) == []


@pytest.mark.parametrize(
    "path",
    [
        "/library?q=%00",
        "/library?q=x&kind=nonsense",
        "/library/albums?q=x&sort=name",
        "/library/songs?sort=name",
        "/library/artists?cursor=x",
        "/library/albums/nope",
    ],
)
async def test_a_wrong_address_is_told(reader: Browser, path: str) -> None:
    assert (await reader.get(path, 400)).find("//h1")[0].text == "That did not work"


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [(None, ""), (0, "0:00"), (225_400, "3:45"), (3_723_000, "1:02:03"), (59_999, "1:00")],
)
def test_lengths(milliseconds: int | None, text: str) -> None:
    assert words.length(milliseconds) == text
