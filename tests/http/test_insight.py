"""Statistics and recommendations over HTTP: shapes, ranges, zones, what is refused, statements."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import msgspec
import pytest
from http_site import API, Site, field_problem, problem
from test_openapi import page, strict
from test_statements import SESSION

from kleio.http import insight_schemas as shapes
from kleio.repositories.stats import HeatmapCell, PlayBucket, Streaks
from kleio.time_zones import known_name, known_zones

pytestmark = pytest.mark.anyio

PATHS: dict[str, tuple[str, Any]] = {
    "/stats/plays": ("stats.list_play_buckets", page(PlayBucket)),
    "/stats/calendar?year=2024": ("stats.list_play_buckets", page(PlayBucket)),
    "/stats/top": ("stats.list_top_names", page(shapes.TopItem)),
    "/stats/top?by=release&measure=minutes": ("stats.list_top_releases", page(shapes.TopItem)),
    "/stats/streaks": ("stats.get_streaks", strict(Streaks)),
    "/stats/heatmap": ("stats.list_heatmap", page(HeatmapCell)),
    "/stats/years/2024": ("stats_reviews.get_year", None),
    "/stats/on-this-day?date=2025-02-28": (
        "stats_reviews.list_on_this_day",
        page(shapes.EarlierPlay),
    ),
    "/collection/stats": ("stats_reviews.get_collection_stats", strict(shapes.CollectionStats)),
    "/recommendations": (
        "recommendations.list_recommendations",
        page(shapes.RecommendedRelease),
    ),
    "/recommendations/neglected": (
        "recommendations.list_neglected",
        page(shapes.NeglectedItem),
    ),
    "/recommendations/cleaning": (
        "recommendations.list_due_cleanings",
        page(shapes.CleaningItem),
    ),
}
WITH_ZONE = [path for path in PATHS if path != "/recommendations/cleaning"]


async def listen(site: Site, username: str = "alice", *times: str) -> None:
    """Give a user plays of the first release and a cleaning, in place of all others."""
    user_id, release_id = await site.user_id(username), await site.release_id()
    for table in ("play_history", "cleaning_history"):
        await site.rows(f"DELETE FROM {table} WHERE user_id = %s", user_id)
    for time in times or ("2024-02-28T22:30Z", "2024-02-29T12:00Z", "2024-03-01T12:00Z"):
        await site.rows(
            "INSERT INTO play_history (user_id, release_id, played_at, duration_seconds,"
            " duration_estimated, created_at, updated_at)"
            " VALUES (%s, %s, %s, 600, false, %s, %s)",
            *(user_id, release_id, time, datetime.now(UTC), datetime.now(UTC)),
        )
    await site.rows(
        "INSERT INTO cleaning_history (user_id, release_id, cleaned_at, deep, created_at,"
        " updated_at) VALUES (%s, %s, '2024-02-01Z', true, '2024-02-01Z', '2024-02-01Z')",
        *(user_id, release_id),
    )


async def read(site: Site, path: str, **parameters: Any) -> Any:
    answer = await site.alice.get(f"{API}{path}", params=parameters or None)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("path", PATHS)
async def test_an_insight_is_one_statement_and_as_the_document_says(
    site: Site,
    statements: list[str],
    path: str,
) -> None:
    name, shape = PATHS[path]
    # Alice's copies are old enough to be neglected only with a threshold of a day.
    await site.alice.patch(f"{API}/me/preferences", json={"neglectedDays": 1})
    await listen(site)
    statements.clear()
    answer = await site.alice.get(f"{API}{path}")
    assert answer.status_code == 200, answer.text
    assert statements == [SESSION, name]
    if path == "/stats/years/2024":
        body = answer.json()
        year = msgspec.json.decode(answer.content, type=shapes.Year)
        assert {*body} == {*shapes.Year.__struct_encode_fields__}
        assert (year.plays, year.cleanings, year.longest_streak.days) == (3, 1, 3)
        assert {*body["longestStreak"]} == {"days", "from", "to"}
        assert body["busiestDay"] == {"date": "2024-02-28", "plays": 1, "minutes": 10.0}
        assert [month["plays"] for month in body["months"]] == [0, 2, 1, *[0] * 9]
        return
    found = msgspec.json.decode(answer.content, type=shape)
    if hasattr(found, "items"):
        assert found.items
        assert found.next is None


@pytest.mark.parametrize("path", PATHS)
async def test_a_user_without_anything_is_answered(site: Site, path: str) -> None:
    answer = await site.root.get(f"{API}{path}")
    assert answer.status_code == 200, answer.text


async def test_ranges_and_zones(site: Site) -> None:
    await listen(site)

    async def days(**parameters: Any) -> list[tuple[str, int]]:
        found = await read(site, "/stats/plays", **parameters)
        return [(item["start"], item["plays"]) for item in found["items"]]

    assert await days() == [("2024-02-28", 1), ("2024-02-29", 1), ("2024-03-01", 1)]
    assert await days(tz="Europe/Athens") == [("2024-02-29", 2), ("2024-03-01", 1)]
    assert await days(since="2024-02-29", until="2024-02-29") == [("2024-02-29", 1)]
    assert await days(bucket="week", until="2024-03-04") == [("2024-02-26", 3), ("2024-03-04", 0)]
    await site.alice.patch(f"{API}/me/preferences", json={"timeZone": "Asia/Kolkata"})
    assert await days() == [("2024-02-29", 2), ("2024-03-01", 1)]
    calendar = (await read(site, "/stats/calendar", year=2024))["items"]
    assert len(calendar) == 366
    assert [day["start"] for day in calendar if day["plays"]] == ["2024-02-29", "2024-03-01"]
    top = await read(site, "/stats/top", by="genre", since="2024-03-01")
    assert [(item["plays"], item["minutes"]) for item in top["items"]] == [(1, 10.0)]
    heatmap = await read(site, "/stats/heatmap", since="2024-03-01")
    assert [(c["weekday"], c["hour"]) for c in heatmap["items"] if c["plays"]] == [(5, 17)]


async def test_a_zone_that_is_an_abbreviation_to_postgresql_has_its_summer_time(site: Site) -> None:
    # Half past midnight in Brussels, half past eleven of the day before at UTC+1.
    await listen(site, "alice", "2024-06-30T22:30:00Z")
    preferences = f"{API}/me/preferences"
    for zone in ("CET", "MET"):
        found = await read(site, "/stats/plays", tz=zone)
        assert [item["start"] for item in found["items"]] == ["2024-07-01"]
        changed = await site.alice.patch(preferences, json={"timeZone": zone})
        assert changed.json()["timeZone"] == "Europe/Brussels"
        found = await read(site, "/stats/plays")
        assert [item["start"] for item in found["items"]] == ["2024-07-01"]


async def test_streaks_and_recommendations_are_of_today(site: Site) -> None:
    today = datetime.now(UTC)
    await listen(site, "alice", *(str(today - timedelta(days=n)) for n in range(3)))
    streaks = await read(site, "/stats/streaks")
    assert streaks["currentDays"] == streaks["longestDays"] == 3
    release_id = str(await site.release_id())
    listed = (await read(site, "/recommendations", limit=200))["items"]
    (played,) = [item for item in listed if item["release"]["id"] == release_id]
    assert played["daysSince"] == 0
    assert played["recency"] == 100
    assert {item["release"]["id"] for item in listed} >= {release_id}
    assert listed == sorted(listed, key=lambda item: -item["weight"])
    assert (await read(site, "/recommendations", limit=3))["items"] == listed[:3]
    due = (await read(site, "/recommendations/cleaning", limit=200))["items"]
    await site.alice.patch(f"{API}/me/preferences", json={"cleaningFrequencyPlays": 1000})
    fewer = (await read(site, "/recommendations/cleaning", limit=200))["items"]
    assert len(fewer) <= len(due)
    await site.alice.patch(f"{API}/me/preferences", json={"neglectedDays": 36_500})
    assert (await read(site, "/recommendations/neglected"))["items"] == []


async def test_the_plays_of_others_do_not_count(site: Site) -> None:
    before = [(await site.bob.get(f"{API}{path}")).text for path in PATHS]
    await listen(site)
    assert [(await site.bob.get(f"{API}{path}")).text for path in PATHS] == before


# --- what is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "tz", ["Mars/Olympus", "x" * 65, "utc+25", "../etc/passwd", "Europe", "localtime"]
)
@pytest.mark.parametrize("path", WITH_ZONE)
async def test_a_zone_that_does_not_exist_is_named(reading: Site, path: str, tz: str) -> None:
    url = f"{API}{path}{'&' if '?' in path else '?'}tz={tz.replace('+', '%2B')}"
    field_problem(await reading.alice.get(url), "tz", "query")


@pytest.mark.parametrize(
    ("path", "field"),
    [
        *(
            (f"/stats/{name}?since=2024-05-02&until=2024-05-01", "until")
            for name in ("plays", "top", "heatmap")
        ),
        ("/stats/plays?since=1899-12-31", "since"),
        ("/stats/plays?until=2200-01-01", "until"),
        ("/stats/plays?since=yesterday", "since"),
        ("/stats/plays?since=2023-02-29", "since"),
        ("/stats/plays?bucket=hour", "bucket"),
        ("/stats/top?by=mood", "by"),
        ("/stats/top?measure=hours", "measure"),
        ("/stats/top?limit=0", "limit"),
        ("/stats/top?limit=201", "limit"),
        ("/stats/calendar?year=0", "year"),
        ("/stats/on-this-day?date=02-29", "date"),
        ("/recommendations?limit=x", "limit"),
        ("/recommendations/cleaning?tz=UTC", "tz"),
    ],
)
async def test_what_is_wrong_is_named(reading: Site, path: str, field: str) -> None:
    field_problem(await reading.alice.get(f"{API}{path}"), field, "query")


@pytest.mark.parametrize("year", ["0", "10000", "99999999999999999999"])
async def test_a_year_out_of_bounds_is_named(reading: Site, year: str) -> None:
    field_problem(await reading.alice.get(f"{API}/stats/years/{year}"), "year", "path")


@pytest.mark.parametrize("year", ["1", "1899", str(date.today().year), "9999"])
async def test_any_other_year_is_answered(reading: Site, year: str) -> None:
    assert (await read(reading, f"/stats/years/{year}"))["year"] == int(year)


async def test_a_calendar_needs_its_year(reading: Site) -> None:
    problem(await reading.alice.get(f"{API}/stats/calendar"), 400)


async def test_what_is_no_year_is_no_page(reading: Site) -> None:
    problem(await reading.alice.get(f"{API}/stats/years/next"), 404)


async def test_a_zone_that_is_let_through_is_the_same_to_the_server(reading: Site) -> None:
    # Of a year that all versions of the tz database in use tell the same of.
    moments = [datetime(2023, month, 1, 12, tzinfo=UTC) for month in (1, 7)]
    found = await reading.rows(
        "SELECT zone, moment, moment AT TIME ZONE zone"
        "  FROM unnest(%s::text[]) AS zone CROSS JOIN unnest(%s::timestamptz[]) AS moment",
        sorted(known_zones()),
        moments,
    )
    different = {
        zone
        for zone, moment, local in found
        if local != moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    }
    assert different == set()
    assert len(found) > 1000
    assert all(known_name(zone) in known_zones() for zone in available_timezones() - {"localtime"})
