"""One search over everything: typing errors, scripts, ranking, groups, highlights."""

from __future__ import annotations

from typing import Any

import pytest
from http_site import API, Site, field_problem

from library_rows import MISSING

pytestmark = pytest.mark.anyio

URL = f"{API}/search"
KINDS = ("artists", "albums", "songs", "releases")


async def search(site: Site, text: str, **more: Any) -> dict[str, Any]:
    answer = await site.bob.get(URL, params={"q": text, **more})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    assert set(found) == {"best", *KINDS}
    return found


def names(found: dict[str, Any], kind: str) -> list[str]:
    return [hit["release"]["title"] if kind == "releases" else hit["name"] for hit in found[kind]]


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        ("beatels", "artists", "The Beatles"),
        ("sigur ros", "artists", "Sigur Rós"),
        ("кино", "artists", "Кино"),
        ("abey rod", "albums", "Abbey Road"),
        ("abbey rod", "releases", "Abbey Road"),
        ("agaetis byrjun", "albums", "Ágætis byrjun"),
        ("oh darlin", "songs", "Oh! Darling"),
        ("закрой за мной двер", "songs", "Закрой за мной дверь"),
        ("無罪モラト", "albums", "無罪モラトリアム"),
        ("stokholm", "releases", "Stockholm"),
        ("pcs 7088", "releases", "Abbey Road"),
    ],
)
async def test_a_search_forgives(reading: Site, text: str, kind: str, name: str) -> None:
    assert names(await search(reading, text), kind)[:1] == [name]


async def test_hits_are_grouped_and_ranked(reading: Site) -> None:
    found = await search(reading, "abbey road")
    assert names(found, "albums") == ["Abbey Road"]
    assert names(found, "releases") == ["Abbey Road"]
    assert (found["songs"], found["best"]) == ([], "album")
    many = await search(reading, "sketch", limit=3)
    assert len(many["songs"]) == 3
    assert many["best"] == "song"
    for kind in KINDS:
        scores = [hit["score"] for hit in many[kind]]
        assert scores == sorted(scores, reverse=True)


async def test_the_name_itself_leads(site: Site) -> None:
    await site.rows(
        "INSERT INTO songs (library_id, codec, name, updated_at)"
        " SELECT l.id, 'flac', n, now() FROM libraries AS l,"
        " unnest(ARRAY['Come Together Again', 'Together', 'Get It Together Now']) AS n"
    )
    # No scan has told of their words: those that are written as they are typed are found.
    assert names(await search(site, "come together"), "songs") == [
        "Come Together",
        "Come Together Again",
    ]
    assert names(await search(site, "together"), "songs")[0] == "Together"


async def test_an_artist_of_both_is_one_hit(reading: Site) -> None:
    (hit,) = (await search(reading, "beatles"))["artists"]
    assert (hit["id"] is None, hit["libraryArtistId"] is None) == (False, False)
    assert (hit["songs"], hit["albums"]) == (4, 1)
    (alone,) = (await search(reading, "кино"))["artists"]
    assert (alone["id"], alone["libraryArtistId"] is None) == (None, False)
    persuader = (await search(reading, "persuader"))["artists"][0]
    assert (persuader["id"] is None, persuader["libraryArtistId"]) == (False, None)
    assert (persuader["songs"], persuader["albums"]) == (0, 0)


async def test_highlights_are_the_name_in_parts(reading: Site) -> None:
    (hit,) = (await search(reading, "svefn", kind="song"))["songs"]
    assert "".join(part["text"] for part in hit["highlights"]) == "Svefn-g-englar"
    (album,) = (await search(reading, "rod abey"))["albums"]
    assert album["highlights"] == [
        {"text": "Abbey", "match": True},
        {"text": " ", "match": False},
        {"text": "Road", "match": True},
    ]
    release = (await search(reading, "beatels abbey"))["releases"][0]
    assert [part["text"] for part in release["highlights"] if part["match"]] == ["Abbey"]
    assert [part["text"] for part in release["artistHighlights"] if part["match"]] == ["Beatles"]
    for text in ("the", "sketch", "группа", "a"):
        found = await search(reading, text, limit=50)
        for kind in KINDS:
            for name, one in zip(names(found, kind), found[kind], strict=True):
                assert "".join(part["text"] for part in one["highlights"]) == name


async def test_one_kind_alone(reading: Site) -> None:
    whole = await search(reading, "abbey road")
    for kind in KINDS:
        alone = await search(reading, "abbey road", kind=kind.removesuffix("s"))
        assert {one: alone[one] for one in KINDS} == {
            one: whole[one] if one == kind else [] for one in KINDS
        }


@pytest.mark.parametrize(
    "text", ["qqqxyzzy", "abbey stockholm", "'; DROP x", "日本語", "x" * 300, "..a..", MISSING]
)
async def test_a_search_that_finds_nothing(reading: Site, text: str) -> None:
    found = await search(reading, text, kind="song")
    assert (found["best"], found["songs"]) == (None, [])


async def test_many_words_all_count(reading: Site) -> None:
    text = "закрой за мной дверь"
    assert names(await search(reading, text), "songs") == ["Закрой за мной дверь"]
    assert names(await search(reading, f"{text} окно"), "songs") == []


async def test_it_is_the_same_until_something_changes(reading: Site) -> None:
    first = await reading.bob.get(URL, params={"q": "abbey"})
    again = await reading.bob.get(
        URL, params={"q": "abbey"}, headers={"If-None-Match": first.headers["etag"]}
    )
    assert again.status_code == 304


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "q"),
        ("q=", "q"),
        ("q=...", "q"),
        ("q=a%00b", "q"),
        (f"q={'x' * 301}", "q"),
        ("q=x&kind=songs", "kind"),
        ("q=x&limit=51", "limit"),
        ("q=x&limit=0", "limit"),
        ("q=x&cursor=a", "cursor"),
    ],
)
async def test_bad_parameters_are_named(reading: Site, query: str, field: str) -> None:
    field_problem(await reading.bob.get(f"{URL}?{query}"), field, "query")
