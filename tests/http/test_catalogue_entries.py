"""Artists, labels, genres and styles: lists, searches, one entry, and its releases."""

from __future__ import annotations

import pytest
from http_site import NOWHERE, Site, field_problem, problem

pytestmark = pytest.mark.anyio

NO_TOTAL = {"total": None, "totalIsEstimate": False, "refreshedAt": None}
NOUNS = ["artist", "label", "genre", "style"]


@pytest.mark.parametrize("noun", NOUNS)
async def test_a_list_is_by_name(reading: Site, noun: str) -> None:
    items = (await reading.alice.get(f"/api/v1/{noun}s?limit=200")).json()["items"]
    expected = await reading.rows(f"SELECT name FROM {noun}s ORDER BY name_normalized, id")
    assert [item["name"] for item in items] == [name for (name,) in expected][:200]


@pytest.mark.parametrize("noun", NOUNS)
async def test_one_entry_and_its_releases(reading: Site, noun: str) -> None:
    for item in (await reading.alice.get(f"/api/v1/{noun}s?limit=3")).json()["items"]:
        entry = await reading.alice.get(f"/api/v1/{noun}s/{item['id']}")
        assert entry.status_code == 200
        assert entry.json().items() >= item.items()
        listed = await reading.alice.get(f"/api/v1/{noun}s/{item['id']}/releases?limit=200")
        expected = await reading.rows(
            f"SELECT DISTINCT release_id FROM release_{noun}s WHERE {noun}_id = %s ORDER BY 1 DESC",
            item["id"],
        )
        assert [one["id"] for one in listed.json()["items"]] == [str(id) for (id,) in expected]


@pytest.mark.parametrize("noun", NOUNS)
async def test_an_entry_that_is_none(reading: Site, noun: str) -> None:
    problem(await reading.alice.get(f"/api/v1/{noun}s/{NOWHERE}"), 404, "not-found")
    problem(await reading.alice.get(f"/api/v1/{noun}s/{NOWHERE}/releases"), 404, "not-found")


async def test_an_entry_without_releases_is_no_error(site: Site) -> None:
    (made,) = await site.rows(
        "INSERT INTO genres (name, created_at) VALUES ('Empty', now()) RETURNING id"
    )
    answer = await site.alice.get(f"/api/v1/genres/{made[0]}/releases")
    assert (answer.status_code, answer.json()["items"]) == (200, [])


@pytest.mark.parametrize(
    ("noun", "text", "name"),
    [
        ("artist", "persuader", "The Persuader"),
        ("artist", "PERSUDER", "The Persuader"),
        ("artist", "beatels", "The Beatles"),
        ("artist", "beatles the", "The Beatles"),
        ("artist", "sigur ros", "Sigur Rós"),
        ("artist", "SIGUR RÓS", "Sigur Rós"),
        ("artist", "jesper dahlback", "Jesper Dahlbäck"),
        ("label", "smekleysa", "Smekkleysa"),
        ("label", "aple records", "Apple Records"),
    ],
)
async def test_a_search_forgives(reading: Site, noun: str, text: str, name: str) -> None:
    answer = await reading.alice.get(f"/api/v1/{noun}s", params={"q": text, "total": "true"})
    names = [item["name"] for item in answer.json()["items"]]
    assert names[:1] == [name]
    assert answer.json()["total"] == len(names)


@pytest.mark.parametrize("noun", ["artist", "label"])
@pytest.mark.parametrize("text", ["qqqxyzzy", "'; x --", "日本語"])
async def test_a_search_that_finds_nothing(reading: Site, noun: str, text: str) -> None:
    answer = await reading.alice.get(f"/api/v1/{noun}s", params={"q": text, "total": "true"})
    assert answer.json() == {"items": [], "next": None, **NO_TOTAL, "total": 0}


@pytest.mark.parametrize("path", ["artists", "labels", "releases", "collection"])
@pytest.mark.parametrize("text", ["!!!", "%", "_", "\\", "'; --", " "])
async def test_a_search_needs_a_letter_or_a_digit(reading: Site, path: str, text: str) -> None:
    answer = await reading.alice.get(f"/api/v1/{path}", params={"q": text})
    assert "needs a letter or a digit" in field_problem(answer, "q", "query")["message"]


@pytest.mark.parametrize("noun", ["genre", "style"])
async def test_a_vocabulary_is_not_searched(reading: Site, noun: str) -> None:
    problem(await reading.alice.get(f"/api/v1/{noun}s?q=rock"), 400)
