"""Totals of the catalogue's lists: counted one by one up to a bound, and what is told beyond."""

from __future__ import annotations

from typing import Any

import pytest
from http_site import Site

from kleio.http import totals

pytestmark = pytest.mark.anyio

NOUNS = ("artists", "labels", "releases")
SEARCHED = {"artists": "the", "labels": "label", "releases": "title"}


async def total_of(site: Site, path: str) -> tuple[Any, ...]:
    answer = (await site.alice.get(f"/api/v1/{path}")).json()
    return answer["total"], answer["totalIsEstimate"], answer["refreshedAt"]


async def whole(site: Site, noun: str) -> int:
    return int(await site.value(f"SELECT count(*) FROM {noun}"))


@pytest.mark.parametrize("noun", NOUNS)
async def test_a_total_is_only_told_on_request(reading: Site, noun: str) -> None:
    assert await total_of(reading, noun) == (None, False, None)


@pytest.mark.parametrize("noun", NOUNS)
async def test_a_total_up_to_the_bound_is_exact(
    reading: Site, noun: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = await whole(reading, noun)
    monkeypatch.setattr(totals, "MAX_COUNTED", number)
    assert await total_of(reading, f"{noun}?total=true&limit=1") == (number, False, None)


@pytest.mark.parametrize("noun", NOUNS)
async def test_a_longer_list_has_the_total_of_the_last_refresh(
    site: Site, noun: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(totals, "MAX_COUNTED", 1)
    await site.rows("REFRESH MATERIALIZED VIEW mv_catalogue_totals")
    (refreshed_at,) = (await site.rows("SELECT refreshed_at FROM mv_catalogue_totals"))[0]
    number = await whole(site, noun)
    assert number > 1
    # What came since is not in it.
    if noun != "releases":
        await site.rows(
            f"INSERT INTO {noun} (name, created_at, updated_at) VALUES ('New', now(), now())"
        )
    total, is_estimate, told_at = await total_of(site, f"{noun}?total=true")
    assert (total, is_estimate) == (number, True)
    assert told_at is not None
    assert told_at[:19] == refreshed_at.isoformat()[:19]


@pytest.mark.parametrize("noun", NOUNS)
async def test_a_refresh_that_is_older_than_the_catalogue_says_less_than_the_bound(
    site: Site, noun: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A first import is not counted before the next refresh."""
    told = int(await site.value(f"SELECT {noun} FROM mv_catalogue_totals"))
    copied = {"releases": "title, artist_normalized, card, facets, search_text, updated_at"}.get(
        noun, "name, updated_at"
    )
    await site.rows(
        f"INSERT INTO {noun} ({copied}, created_at)"
        f" SELECT {copied}, now() FROM {noun} CROSS JOIN generate_series(1, 3) LIMIT %s",
        told + 5,
    )
    monkeypatch.setattr(totals, "MAX_COUNTED", told + 1)
    assert await total_of(site, f"{noun}?total=true") == (told + 1, True, None)


@pytest.mark.parametrize("noun", NOUNS)
async def test_of_a_search_that_finds_more_than_the_bound_the_total_is_the_bound(
    reading: Site, noun: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"{noun}?q={SEARCHED[noun]}&total=true"
    found, is_estimate, _ = await total_of(reading, path)
    assert (found > 1, is_estimate) == (True, False)
    monkeypatch.setattr(totals, "MAX_COUNTED", 1)
    assert await total_of(reading, path) == (1, True, None)


async def test_of_filtered_releases_too(reading: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(totals, "MAX_COUNTED", 1)
    assert await total_of(reading, "releases?genre=electronic&total=true") == (1, True, None)
