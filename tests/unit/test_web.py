"""What the page writes and draws: words, sleeves, charts, addresses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from lxml import etree

from kleio.http.schemas import ArtistOnCard, FormatOnCard
from kleio.web import charts, words
from kleio.web.charts import Bar
from kleio.web.query_strings import changed
from kleio.web.sleeves import sleeve

NOW = datetime(2026, 3, 1, 0, 30, tzinfo=ZoneInfo("Europe/Berlin"))


def artist(name: str, **more: str | None) -> ArtistOnCard:
    fields = {"id": None, "discogs_id": None, "anv": None, "join": None, **more}
    return ArtistOnCard(name=name, **fields)


@pytest.mark.parametrize(
    ("before", "said"),
    [
        (timedelta(seconds=-40), "just now"),
        (timedelta(seconds=20), "just now"),
        (timedelta(minutes=29), "29 min ago"),
        (timedelta(minutes=31), "yesterday, 23:59"),
        (timedelta(hours=25), "2 days ago"),
        (timedelta(days=13), "13 days ago"),
        (timedelta(days=21), "3 weeks ago"),
        (timedelta(days=100), "3 months ago"),
        (timedelta(days=800), "2 years ago"),
    ],
)
def test_how_long_ago(before: timedelta, said: str) -> None:
    """Days are those of the reader: half an hour past midnight, 31 minutes ago was yesterday."""
    assert words.ago((NOW - before).astimezone(UTC), NOW) == said


def test_days_and_times_are_the_reader_s() -> None:
    moment = datetime(2025, 12, 31, 23, 30, tzinfo=UTC)
    assert words.day(moment, NOW) == "1 Jan"
    assert words.day(datetime(2025, 5, 3, tzinfo=UTC), NOW) == "3 May 2025"
    assert words.clock(moment, NOW) == "00:30"
    assert words.weekday(NOW - timedelta(minutes=31), NOW) == "Yesterday"
    assert words.weekday(moment, NOW) == "Thursday, 1 Jan"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(None, ""), (0, ""), (20, "1 min"), (2580, "43 min"), (3720, "1 h 02"), (360_000, "100 h 00")],
)
def test_durations(seconds: int | None, said: str) -> None:
    assert words.duration(seconds) == said


def test_names_as_sleeves_have_them() -> None:
    assert words.artists([]) == "Unknown artist"
    assert (
        words.artists([artist("Prince (3)", join="&"), artist("X", anv="The X")])
        == "Prince & The X"
    )
    assert words.artists([artist("A", join=","), artist("B")]) == "A, B"
    vinyl = FormatOnCard(name="Vinyl", qty="2", text=None, descriptions=["LP", "Album"])
    cd = FormatOnCard(name="CD", qty="1", text=None, descriptions=[])
    assert words.formats([vinyl, cd]) == "2 × Vinyl, LP, Album + CD"
    assert words.count(1, "copy", "copies") == "1 copy"
    assert words.count(1200, "play") == "1,200 plays"
    assert words.field("sleeveCondition") == "Sleeve condition"


@pytest.mark.parametrize("title", ["Blue", "<script>", "&", "…", "", "日本"])
def test_every_sleeve_is_a_picture_of_its_own(title: str) -> None:
    drawn = set()
    for number in range(200):
        release_id = UUID(int=number)
        genres = [["Jazz"], ["No such genre"], []][number % 3]
        text = sleeve(release_id, title, genres)
        assert text == sleeve(str(release_id), title, genres)
        assert len(text) < 2000
        picture = etree.fromstring(text)
        assert picture.get("aria-hidden") == "true"
        assert not picture.xpath("//@style | //script")
        drawn.add(str(text))
    assert len(drawn) > 190


def test_charts_say_what_they_draw() -> None:
    bars = [
        Bar("March", 3, "March: 3 plays", tick="2026"),
        Bar("April", 0, "April: <none>", mark=True),
        Bar("May", 12, "May: 12 plays"),
    ]
    drawn = etree.fromstring(charts.bars(bars, height=60, label="Plays & more"))
    assert drawn.get("aria-label") == "Plays & more"
    assert [rect.findtext("title") for rect in drawn.iter("rect")] == [bar.says for bar in bars]
    heights = [float(rect.get("height")) for rect in drawn.iter("rect")]
    assert heights[2] == 60
    assert heights[0] == 15
    assert 0 < heights[1] < 1
    assert [text.text for text in drawn.iter("text")] == ["2026"]
    assert len(list(drawn.iter("circle"))) == 1
    assert etree.fromstring(charts.bars([], label="nothing")) is not None


@pytest.mark.parametrize(
    ("share", "width"), [(0, "0.0"), (0.5, "50.0"), (1.7, "100.0"), (-1, "0.0")]
)
def test_a_gauge_is_never_more_than_full(share: float, width: str) -> None:
    drawn = etree.fromstring(charts.gauge(share, label="x", level="due"))
    assert drawn.xpath("//rect[@class='fill']/@width") == [width]
    assert drawn.get("class") == "gauge due"


def test_an_address_is_changed_and_begins_anew() -> None:
    address = {"q": "a b", "sort": "artist", "cursor": "x"}
    assert changed("/shelf", address, q=None) == "/shelf?sort=artist"
    assert changed("/shelf", address, cursor="y") == "/shelf?q=a+b&sort=artist&cursor=y"
    assert changed("/shelf", {}, view=None) == "/shelf"
