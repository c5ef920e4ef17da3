"""Releases: one with its tracks, filters, search, what Discogs lacks, and what caches need."""

from __future__ import annotations

import gzip

import pytest
from http_site import DEMO_RELEASES, EQUAL, EQUAL_RELEASES, NOWHERE, Site, field_problem, problem

pytestmark = pytest.mark.anyio

URL = "/api/v1/releases"
NEW = {
    "title": "Mine",
    "artists": [{"name": "Me", "join": "&"}, {"name": "You"}, {"name": "Ada", "role": "Cover"}],
    "labels": [{"name": "Own", "catno": "OWN 1"}],
    "formats": [{"name": "Vinyl", "qty": 2, "descriptions": ["LP"]}],
    "genres": ["Electronic", "Electronic"],
    "styles": ["Never Heard Of"],
    "tracks": [{"title": "One", "duration": "3:20", "position": "A1"}, {"title": "Two"}],
    "year": 2020,
    "barcode": "1 23",
}


async def titles(site: Site, **parameters: str) -> list[str]:
    answer = await site.bob.get(URL, params={"limit": "200", **parameters})
    assert answer.status_code == 200, answer.text
    return [item["title"] for item in answer.json()["items"]]


async def test_stockholm(reading: Site) -> None:
    (card,) = (await reading.bob.get(f"{URL}?discogsId=1")).json()["items"]
    body = (await reading.bob.get(f"{URL}/{card['id']}")).json()
    assert body["title"] == "Stockholm"
    assert [artist["name"] for artist in body["artists"]] == ["The Persuader"]
    assert [(label["name"], label["catno"]) for label in body["labels"]] == [("Svek", "SK032")]
    assert [track["title"] for track in body["tracks"]] == [
        *("Östermalm", "Vasastaden", "Kungsholmen", "Södermalm", "Norrmalm", "Gamla Stan")
    ]
    assert [(one["name"], one["role"]) for one in body["credits"]] == [
        ("Jesper Dahlbäck", "Music By")
    ]
    assert body.items() >= card.items()


async def test_a_release_that_is_none(reading: Site) -> None:
    problem(await reading.bob.get(f"{URL}/{NOWHERE}"), 404, "not-found")


# --- search and filters -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "title"),
    [
        *((text, "Stockholm") for text in ("Stockholm", "stokholm", "stockhlom", "STOCKHOLM")),
        *((text, "Stockholm") for text in ("persuader stockholm", "stokholm persuder", "sk032")),
        *((text, "Abbey Road") for text in ("abbey road", "road abbey", "beatels", "abey rod")),
        *((text, "Abbey Road") for text in ("beatels abbey", "the beatles - abbey road", "7088")),
        *((text, "Ágætis byrjun") for text in ("agaetis byrjun", "Ágætis", "sigur ros", "byrjun")),
    ],
)
async def test_a_search_forgives(reading: Site, text: str, title: str) -> None:
    assert (await titles(reading, q=text))[:1] == [title]


@pytest.mark.parametrize(
    "text", ["qqqxyzzy", "stockholm beatles", "'; DROP x", "日本語", "x" * 300]
)
async def test_a_search_that_finds_nothing(reading: Site, text: str) -> None:
    answer = await reading.bob.get(URL, params={"q": text, "total": "true"})
    assert answer.json() == {
        "items": [],
        "next": None,
        "total": 0,
        "totalIsEstimate": False,
        "refreshedAt": None,
    }


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"artist": "the persuader"}, ["Stockholm"]),
        ({"artist": "Jesper Dahlback"}, ["Stockholm"]),
        ({"artist": "prince"}, ["No Year"]),
        ({"artist": "Prince (3)"}, ["No Year"]),
        ({"label": "svek", "artist": "The Persuader"}, ["Stockholm"]),
        ({"label": "Apple Records"}, ["Abbey Road"]),
        ({"country": "iceland", "genre": "ROCK"}, ["Ágætis byrjun"]),
        ({"country": "Iceland", "genre": "Jazz"}, []),
        ({"style": "pop rock", "yearTo": "1969", "label": "apple records"}, ["Abbey Road"]),
        *(({"catno": catno, "artist": "the persuader"}, ["Stockholm"]) for catno in ("SK032",)),
        *(
            ({"catno": catno}, ["Abbey Road"])
            for catno in ("PCS 7088", "pcs7088", "PCS-7088", " P C S 7 0 8 8 ")
        ),
        ({"catno": "PCS 708"}, []),
        *(
            ({"barcode": code}, ["Ágætis byrjun"])
            for code in ("5690351121797", "5 690351 121797", "5-690351-121797")
        ),
        ({"barcode": "569035112179"}, []),
        ({"discogsId": "2"}, ["Abbey Road"]),
        ({"discogsId": "2", "country": "Sweden"}, []),
        ({"discogsId": "2147483647"}, []),
        ({"format": "cd", "artist": "sigur ros"}, ["Ágætis byrjun"]),
        ({"format": "vinyl", "artist": "sigur ros"}, []),
        ({"q": "stokholm", "country": "sweden", "yearFrom": "1999"}, ["Stockholm"]),
        ({"q": "stokholm", "yearFrom": "2000"}, []),
        ({"artist": "!"}, []),
    ],
    ids=str,
)
async def test_filters_combine(reading: Site, filters: dict[str, str], expected: list[str]) -> None:
    assert await titles(reading, **filters) == expected


@pytest.mark.parametrize(
    ("bounds", "condition"),
    [
        ({"yearFrom": "1977", "yearTo": "1977"}, "year = 1977"),
        ({"yearFrom": "1990"}, "year >= 1990"),
        ({"yearTo": "1980"}, "year <= 1980"),
        ({"yearFrom": "0", "yearTo": "9999"}, "year IS NOT NULL"),
        ({"genre": "rock", "yearFrom": "1990"}, "year >= 1990 AND facets @> '{genre:rock}'"),
        ({"format": "vinyl"}, "facets @> '{format:vinyl}'"),
        ({}, "true"),
    ],
    ids=str,
)
async def test_filters_find_all(reading: Site, bounds: dict[str, str], condition: str) -> None:
    expected = await reading.rows(f"SELECT id FROM releases WHERE {condition} ORDER BY id DESC")
    answer = await reading.bob.get(URL, params={"limit": "200", "total": "true", **bounds})
    assert [item["id"] for item in answer.json()["items"]] == [str(id) for (id,) in expected]
    assert answer.json()["total"] == len(expected)
    assert len(expected) >= EQUAL_RELEASES or bounds.get("yearFrom") or bounds.get("yearTo")


async def test_all_releases_are_there(reading: Site) -> None:
    assert len(await titles(reading)) == 4 + EQUAL_RELEASES + DEMO_RELEASES
    assert (await titles(reading, artist=str(EQUAL["artist"]))) == ["Same Title"] * EQUAL_RELEASES


# --- what Discogs lacks -------------------------------------------------------------------------


async def test_a_release_is_added(site: Site) -> None:
    answer = await site.bob.post(URL, json=NEW)
    assert answer.status_code == 201
    body = answer.json()
    assert answer.headers["location"] == f"{URL}/{body['id']}"
    assert (body["discogsId"], body["year"], body["genres"]) == (None, 2020, ["Electronic"])
    assert [artist["name"] for artist in body["artists"]] == ["Me", "You"]
    assert body["tracks"][0]["durationSeconds"] == 200
    assert body["formats"] == [{"name": "Vinyl", "qty": "2", "text": None, "descriptions": ["LP"]}]
    assert (await site.alice.get(answer.headers["location"])).json() == body
    assert await titles(site, barcode="123") == ["Mine"]
    assert await titles(site, catno="own1") == ["Mine"]
    copy = await site.bob.post("/api/v1/collection", json={"releaseId": body["id"]})
    assert copy.status_code == 201


# --- caches -------------------------------------------------------------------------------------


async def catalogue_reads(site: Site) -> list[str]:
    """Return one address of each read of the catalogue."""
    found = [URL, f"{URL}?q=stockholm", f"{URL}/{await site.release_id()}"]
    for noun in ("artist", "label", "genre", "style"):
        (entry,) = (await site.rows(f"SELECT id FROM {noun}s ORDER BY id LIMIT 1"))[0]
        base = f"/api/v1/{noun}s"
        found += [base, f"{base}/{entry}", f"{base}/{entry}/releases"]
    return found


async def test_a_release_that_lists_could_not_show_is_refused(start) -> None:
    async with start(KLEIO_MAX_BODY_BYTES="1MiB") as site:
        body = {"title": "Long", "artists": [{"name": "A" * 500}] * 200}
        field_problem(await site.alice.post(URL, json=body), "body", "body")
        assert await site.value("SELECT count(*) FROM releases WHERE title = 'Long'") == 0


async def test_catalogue_reads_have_a_validator(reading: Site) -> None:
    for url in await catalogue_reads(reading):
        first = await reading.bob.get(url)
        tag = first.headers["etag"]
        assert tag.startswith('W/"'), url  # the bytes differ when they are compressed
        assert first.headers["cache-control"] == "private, no-cache"
        strong = tag.removeprefix("W/")
        for given in (tag, strong, "*", f'"other", {tag}', f'"other" ,W/{strong},"more"'):
            answer = await reading.bob.get(url, headers={"If-None-Match": given})
            assert answer.status_code == 304, (url, given)
            assert answer.content == b""
            assert answer.headers["etag"] == tag
            assert "content-type" not in answer.headers
        for given in ('"other"', 'W/"other"', "", "nonsense", strong.strip('"')):
            answer = await reading.bob.get(url, headers={"If-None-Match": given})
            assert answer.status_code == 200, (url, given)
            assert answer.content == first.content


async def test_a_validator_changes_with_the_answer(site: Site) -> None:
    before = (await site.bob.get(URL)).headers["etag"]
    assert (await site.bob.post(URL, json=NEW)).status_code == 201
    answer = await site.bob.get(URL, headers={"If-None-Match": before})
    assert answer.status_code == 200
    assert answer.headers["etag"] != before


async def test_a_validator_is_not_asked_of_a_stranger(reading: Site) -> None:
    tag = (await reading.bob.get(URL)).headers["etag"]
    problem(await reading.anonymous.get(URL, headers={"If-None-Match": tag}), 401)
    problem(await reading.bob.get(f"{URL}/{NOWHERE}", headers={"If-None-Match": "*"}), 404)


@pytest.mark.parametrize("path", [URL, "/api/v1/collection", "/openapi.json"])
@pytest.mark.parametrize(
    ("asked", "compressed"),
    [
        *(("gzip", True), ("gzip, deflate, br", True), ("GZIP", True), ("br, gzip;q=0.5", True)),
        *(("", False), ("identity", False), ("br", False), ("gzip;q=0", False)),
        *(("gzip; q=0.000, identity", False), ("x-notgzip", False)),
    ],
)
async def test_gzip_only_when_asked(reading: Site, path: str, asked: str, compressed: bool) -> None:
    plain = await reading.alice.get(path)
    request = reading.alice.build_request("GET", path, headers={"Accept-Encoding": asked})
    answer = await reading.alice.send(request, stream=True)
    raw = b"".join([part async for part in answer.aiter_raw()])
    assert ("content-encoding" in answer.headers) is compressed
    assert (gzip.decompress(raw) if compressed else raw) == plain.content
    assert int(answer.headers["content-length"]) == len(raw)
    for given in (plain, answer):
        names = [name.strip().lower() for name in given.headers["vary"].split(",")]
        assert names.count("accept-encoding") == 1
        assert ("authorization" in names) is (path == URL)


async def test_small_answers_are_not_compressed(reading: Site) -> None:
    answer = await reading.alice.get("/api/v1/me", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in answer.headers
    assert "Accept-Encoding" in answer.headers["vary"]
