"""Insight: what the charts show is what the API counts, and each has its table."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from http_site import ALICES_PLAYS, ALICES_STYLUS, Site
from lxml import etree
from page_client import Browser, as_browser

from factories import NOW
from kleio.repositories.stats import HeatmapCell, PlayBucket
from kleio.web import heatmaps
from kleio.web.charts import Bar, Point, columns, steps
from kleio.web.insight import growth_points, span_of

pytestmark = pytest.mark.anyio

YEAR = NOW.year


async def test_a_year_shows_every_day_and_what_was_played_most(
    reading: Site, reader: Browser
) -> None:
    counted = (await reading.alice.get(f"/api/v1/stats/years/{YEAR}")).json()
    assert counted["plays"] > 0
    page = await reader.get(f"/insight?year={YEAR}")
    assert page.find("//h1")[0].text == str(YEAR)
    figures = dict(zip(page.find("//dl//dt/text()"), page.find("//dl//dd/text()"), strict=True))
    assert figures["Plays"] == str(counted["plays"])
    assert figures["Records"] == str(counted["releases"])
    squares = page.find("//*[local-name()='svg'][contains(@class, 'heat')]/*[local-name()='rect']")
    assert len(squares) == (date(YEAR + 1, 1, 1) - date(YEAR, 1, 1)).days
    loud = [square for square in squares if square.get("class") not in ("heat-0", "later")]
    days = page.find("//section[.//h2[@id='days']]//tbody/tr")
    assert len(loud) == len(days) == counted["daysWithPlays"]
    months = page.find("//section[.//h2[@id='months']]//tbody/tr/td[1]/text()")
    assert [int(plays) for plays in months] == [month["plays"] for month in counted["months"]]
    assert counted["topReleases"][0]["release"]["title"] in page.words()
    (picture,) = page.find("//img[contains(@src, 'picture.svg')]")
    assert f"{counted['plays']} plays" in picture.get("alt")


async def test_a_year_without_a_play_says_so(reader: Browser) -> None:
    page = await reader.get("/insight?year=1950")
    assert "A silent year" in page.words()
    assert page.find("//a[@rel='prev']/@href") == ["/insight?year=1949"]
    now = await reader.get("/insight")
    assert now.find("//h1")[0].text == str(datetime.now(UTC).year)
    assert now.find("//a[@rel='next']") == []


async def test_a_play_darkens_its_day(site: Site, alice: Browser) -> None:
    today = datetime.now(UTC).date()
    title = f"{today:%a} {today.day} {today:%b}: "
    before = await alice.get("/insight")
    assert f"{title}nothing" in before.text or "Silence" in before.text
    await alice.post("/log", log=f"play:release:{await site.release_id()}")
    after = await alice.get("/insight")
    (square,) = after.find(f"//*[local-name()='rect'][*[starts-with(text(), '{title}')]]")
    assert square.get("class") in [f"heat-{level}" for level in range(1, heatmaps.LEVELS + 1)]
    assert f"{title}1 play" in after.text


async def test_the_picture_is_one_whatever_stands_in_titles(site: Site, alice: Browser) -> None:
    """Anybody adds to the catalogue; XML can hold no control, not even escaped."""
    await site.rows(
        "UPDATE releases SET card = jsonb_set(card::jsonb, '{title}', to_jsonb(%s::text))::json",
        "a\x1b[31mb\uffff<&",
    )
    year = datetime.now(UTC).year
    await alice.post("/log", log=f"play:release:{await site.release_id()}")
    picture = await alice.client.get(f"/insight/years/{year}/picture.svg")
    assert "a?[31mb?<&" in "".join(etree.fromstring(picture.content).itertext())


async def test_the_picture_holds_all_that_it_needs(reading: Site, reader: Browser) -> None:
    path = f"/insight/years/{YEAR}/picture.svg"
    answer = await reader.client.get(path)
    assert answer.headers["content-type"].startswith("image/svg+xml")
    root = etree.fromstring(answer.content)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    counted = (await reading.alice.get(f"/api/v1/stats/years/{YEAR}")).json()
    assert f"{counted['plays']} plays" in "".join(root.itertext())
    assert not re.findall(r"(?:href|src)=", answer.text)
    assert set(re.findall(r"url\(([^;]+);", answer.text)) == {"data:font/woff2"}
    # The policy lets its own style through, by hash, and nothing else.
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert answer.headers["content-disposition"].startswith("inline")
    kept = await reader.client.get(f"{path}?download=true")
    assert kept.headers["content-disposition"] == f'attachment; filename="kleio-alice-{YEAR}.svg"'
    assert len(answer.content) < 200_000
    assert (await reader.client.get("/insight/years/1800/picture.svg")).status_code == 404
    empty = await reader.client.get("/insight/years/1950/picture.svg")
    etree.fromstring(empty.content)


@pytest.mark.parametrize(
    ("query", "bucket", "offered"),
    [
        ("", "day", "By day By week"),
        ("?range=1y", "week", "By week By month"),
        ("?range=all", "month", "By month By year"),
        ("?range=all&bucket=day", "month", "By month By year"),
        ("?since=2024-01-01&until=2024-01-31", "day", "By day By week"),
        ("?since=2024-01-01&until=2024-12-31&measure=minutes", "week", "By week By month"),
    ],
)
async def test_time(reader: Browser, query: str, bucket: str, offered: str) -> None:
    page = await reader.get(f"/insight/time{query}")
    assert page.words("//*[@aria-label='Summed']") == offered
    chosen = page.find("//*[@aria-label='Summed']/a[@aria-current]/text()")
    assert chosen == [f"By {bucket}"]


async def test_time_is_what_the_api_counts(reading: Site, reader: Browser) -> None:
    since = (NOW - timedelta(days=30)).date()
    query = f"since={since}&until={NOW.date()}"
    answer = await reading.alice.get(f"/api/v1/stats/plays?{query}&bucket=day")
    counted = [(item["plays"]) for item in answer.json()["items"]]
    page = await reader.get(f"/insight/time?{query}")
    rows = page.find("//section[.//h2[@id='plays']]//tbody/tr/td[1]/text()")
    assert [int(plays) for plays in rows] == counted
    assert len(page.find("//*[contains(@class, 'columns')]/*[local-name()='rect']")) == 31
    assert sum(counted) == ALICES_PLAYS
    assert page.words("//h2[@id='plays']").startswith(f"{ALICES_PLAYS} plays")
    cells = page.find("//section[.//h2[@id='hours']]//tbody//td/text()")
    assert sum(int(plays) for plays in cells) == ALICES_PLAYS


@pytest.mark.parametrize("by", ["release", "artist", "genre", "style", "label", "decade"])
@pytest.mark.parametrize("measure", ["plays", "minutes"])
async def test_the_most_played(reading: Site, reader: Browser, by: str, measure: str) -> None:
    answer = await reading.alice.get(f"/api/v1/stats/top?by={by}&measure={measure}&limit=25")
    counted = answer.json()["items"]
    page = await reader.get(f"/insight/top?by={by}&measure={measure}")
    rows = page.find("//tbody/tr")
    assert len(rows) == len(counted) > 0
    for row, item in zip(rows, counted, strict=True):
        assert item["name"] in row.text_content()
    assert page.find("//*[@aria-label='What']/a[@aria-current]/@href") == [
        f"/insight/top?by={by}&measure={measure}"
    ]


async def test_shelf_and_styluses(reading: Site, reader: Browser) -> None:
    counted = (await reading.alice.get("/api/v1/collection/stats")).json()
    page = await reader.get("/insight/shelf")
    figures = page.find("//dl//dd")
    assert figures[0].text == str(counted["copies"])
    rows = page.find("//section[.//h2[text()='Genre']]//tbody/tr")
    assert [int(row.xpath("td")[-1].text) for row in rows] == [
        part["copies"] for part in counted["byGenre"]
    ]
    wear = page.words("//section[.//h2[@id='wear']]")
    assert ALICES_STYLUS in wear
    assert "of 10 hours" in wear
    (gauge,) = page.find("//*[contains(@class, 'gauge')]")
    assert gauge.get("role") == "img"
    assert "of its life" in gauge.get("aria-label")


async def test_an_empty_account_is_led_on(site: Site) -> None:
    root = await as_browser(site, "root")
    assert "Silence so far" in (await root.get("/insight")).words()
    assert "Nothing was played" in (await root.get("/insight/time")).words()
    assert "Nothing was played" in (await root.get("/insight/top")).words()
    shelf = await root.get("/insight/shelf")
    assert "An empty shelf" in shelf.words()
    assert "No stylus yet" in shelf.words()


@pytest.mark.parametrize(
    "path",
    [
        "/insight?year=1",
        "/insight?year=x",
        "/insight/time?range=x",
        "/insight/time?since=2024-02-01&until=2024-01-01",
        "/insight/top?by=x",
    ],
)
async def test_a_wrong_address_is_told(reader: Browser, path: str) -> None:
    assert (await reader.get(path, 400)).find("//h1")[0].text == "That did not work"


# --- the pictures themselves ----------------------------------------------------------------------


def rects(picture: Any) -> list[Any]:
    return list(etree.fromstring(str(picture)).iter("rect"))


def day(number: int, plays: int, year: int = 2024) -> PlayBucket:
    return PlayBucket(date(year, 1, 1) + timedelta(days=number), plays, plays * 40.0)


def test_squares_stand_in_weeks_from_monday() -> None:
    days = [day(number, number % 5) for number in range(366)]
    first, second = heatmaps.halves(days, date(2024, 12, 31))
    assert len(rects(first.picture)) == 182
    assert len(rects(second.picture)) == 184
    # The 1st of January 2024 was a Monday, the 1st of July too.
    for half in (first, second):
        corner, below = rects(half.picture)[:2]
        assert corner.get("y") == "14"
        assert below.get("y") == "27"
        assert corner.get("x") == below.get("x")
    assert first.says == "January to June 2024: 361 plays on 145 days"
    later = heatmaps.halves(days, date(2024, 12, 30))[1]
    assert [rect.get("class") for rect in rects(later.picture)][-2:] != ["later", "later"]
    assert rects(later.picture)[-1].get("class") == "later"


@pytest.mark.parametrize(
    ("value", "most", "level"),
    [(0, 8, 0), (0, 0, 0), (1, 8, 1), (2, 8, 1), (3, 8, 2), (8, 8, 4), (1, 1, 4), (9, 8, 4)],
)
def test_levels(value: int, most: int, level: int) -> None:
    assert heatmaps.level(value, most) == level


def test_the_busiest_hour_is_told() -> None:
    cells = [
        HeatmapCell(weekday, hour, int((weekday, hour) == (5, 21)), 40.0)
        for weekday in range(1, 8)
        for hour in range(24)
    ]
    picture = etree.fromstring(str(heatmaps.week(cells)))
    assert picture.get("aria-label") == "1 play by weekday and hour; most on Friday from 21:00"
    assert [rect.get("class") for rect in picture.iter("rect")].count("heat-4") == 1


def test_titles_in_charts_are_text() -> None:
    bar = Bar('<b onload="x">', 1, '"><script>', "<i>")
    for picture in (
        columns([bar], label='"><script>', most="<u>"),
        steps([Point(0, 1)], [(0, "<i>")], label='"><script>', most="<u>"),
    ):
        root = etree.fromstring(str(picture))
        assert root.get("aria-label") == '"><script>'
        assert {element.tag for element in root.iter()} <= {"svg", "path", "text", "rect", "title"}


def test_columns_write_no_more_words_than_there_is_room_for() -> None:
    for number in (1, 12, 13, 90, 400):
        root = etree.fromstring(str(columns([Bar("x", 1, "x", "x")] * number, label="x")))
        words = [text for text in root.iter("text") if text.text == "x"]
        assert 1 <= len(words) <= 12
        right = [
            float(rect.get("x").rstrip("%")) + float(rect.get("width").rstrip("%"))
            for rect in root.iter("rect")
        ]
        assert len(right) == number
        assert max(right) <= 100


def test_growth_reaches_from_the_first_copy_to_this_month() -> None:
    from kleio.http.insight_schemas import Growth

    growth = [Growth(date(2020, 7, 1), 2, 2), Growth(date(2022, 1, 1), 1, 3)]
    points, ticks = growth_points(growth, date(2023, 7, 9))
    # 37 months, each with a width of its own.
    assert [(point.at, point.value) for point in points] == [(0, 2), (18 / 37, 3)]
    assert ticks == [(6 / 37, "2021"), (18 / 37, "2022"), (30 / 37, "2023")]
    assert growth_points([], date(2023, 7, 9)) == ([], [])
    this_month = growth_points(growth[:1], date(2020, 7, 30))
    assert this_month == ([Point(0, 2)], [(0.0, "Jul 2020")])


def test_a_range_counts_today() -> None:
    today = date(2026, 3, 31)
    span = span_of("30d", None, None, None, today)
    assert (span.first, span.last, span.bucket) == (date(2026, 3, 2), today, "day")
    assert span_of("all", "year", None, None, today).first is None
    assert span_of("30d", None, None, date(2026, 1, 1), today).first is None
