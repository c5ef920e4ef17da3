"""Answers of Discogs' API, made documents and copies: new shapes, old ones, and odd values."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from lxml import etree

from kleio.discogs import answers
from kleio.discogs.answers import Item, shelf_item
from kleio.discogs.client import Answer
from kleio.discogs.documents import release_document, stub_document
from kleio.importers.discogs_entries import parse_entry


def answer(value: Any) -> Answer:
    return Answer(msgspec.json.encode(value), datetime(2026, 1, 1, tzinfo=UTC))


def release(**changes: Any) -> dict[str, Any]:
    return {
        "id": 7,
        "title": "Suite",
        "year": 1999,
        "released": "1999-03-00",
        "artists": [{"id": 1, "name": "A", "anv": "", "join": "", "role": "", "tracks": ""}],
        "labels": [{"id": 5, "name": "L", "catno": "L 1", "entity_type": "1"}],
        "formats": [{"name": "Vinyl", "qty": "1", "descriptions": ["LP"]}],
        "genres": ["Jazz"],
        "styles": [],
        "tracklist": [{"position": "A1", "type_": "track", "title": "One", "duration": "3:00"}],
        **changes,
    }


def test_a_release_of_the_api_is_that_of_a_dump() -> None:
    """But for what only one of them has: pictures' addresses, and that it is the API's."""
    xml = etree.fromstring(
        '<release id="7" status="Accepted"><artists><artist><id>1</id><name>A</name><anv>AA</anv>'
        "<join>&amp;</join><role></role><tracks></tracks></artist></artists><title>Suite</title>"
        '<labels><label name="L" catno="L 1" id="5"/></labels><extraartists><artist><id>9</id>'
        "<name>E</name><anv/><join/><role>Producer</role><tracks>A1</tracks></artist>"
        '</extraartists><formats><format name="Vinyl" qty="2" text="Red"><descriptions>'
        "<description>LP</description></descriptions></format></formats><genres>"
        "<genre>Jazz</genre></genres><styles><style>Bop</style></styles><country>US</country>"
        "<released>1999-03-00</released><notes>n</notes><data_quality>Correct</data_quality>"
        "<master_id>42</master_id><tracklist><track><position/><title>Part</title><duration/>"
        "</track><track><position>A1</position><title>One</title><duration>3:00</duration>"
        "<artists><artist><id>3</id><name>T</name><anv/><join/><role/><tracks/></artist>"
        "</artists></track><track><position/><title>Index</title><duration/><sub_tracks><track>"
        "<position>A2a</position><title>Sub</title><duration>1:00</duration></track>"
        '</sub_tracks></track></tracklist><identifiers><identifier type="Barcode" value="1"/>'
        '</identifiers><videos><video src="https://v" duration="200" embed="true">'
        "<title>V</title></video></videos><companies><company><id>2</id><name>C</name>"
        "<entity_type>4</entity_type></company></companies></release>"
    )
    dumped = parse_entry("releases", xml)
    fetched = release_document(
        release(
            status="Accepted",
            artists=[{"id": 1, "name": "A", "anv": "AA", "join": "&", "role": "", "tracks": ""}],
            extraartists=[
                {"id": 9, "name": "E", "anv": "", "join": "", "role": "Producer", "tracks": "A1"}
            ],
            formats=[{"name": "Vinyl", "qty": "2", "text": "Red", "descriptions": ["LP"]}],
            styles=["Bop"],
            country="US",
            notes="n",
            data_quality="Correct",
            master_id=42,
            tracklist=[
                {"position": "", "type_": "heading", "title": "Part", "duration": ""},
                {
                    "position": "A1",
                    "type_": "track",
                    "title": "One",
                    "duration": "3:00",
                    "artists": [{"id": 3, "name": "T", "role": ""}],
                },
                {
                    "position": "",
                    "type_": "index",
                    "title": "Index",
                    "duration": "",
                    "sub_tracks": [
                        {"position": "A2a", "type_": "track", "title": "Sub", "duration": "1:00"}
                    ],
                },
            ],
            identifiers=[{"type": "Barcode", "value": "1"}],
            videos=[{"uri": "https://v", "duration": 200, "embed": True, "title": "V"}],
            companies=[{"id": 2, "name": "C", "entity_type": "4", "catno": ""}],
            community={"have": 1},
            lowest_price=9.99,
            num_for_sale=3,
        )
    )
    assert fetched.from_api
    fetched.from_api = False
    fetched.source_hash = dumped.source_hash = None
    assert fetched == dumped


def test_prices_and_the_like_do_not_change_a_document() -> None:
    first = release_document(release(lowest_price=1.0, community={"have": 1}, num_for_sale=1))
    second = release_document(release(lowest_price=2.0, community={"have": 2}, num_for_sale=9))
    assert first.source_hash == second.source_hash


def test_what_nobody_knows_is_kept() -> None:
    document = release_document(release(novelty=[1, 2]))
    assert document.metadata["other"] == [{"path": "novelty", "value": [1, 2]}]


def test_an_answer_of_older_shape_has_tracks_without_a_type() -> None:
    lines = [
        {"title": "Side one"},
        {"position": "A1", "title": "One", "duration": ""},
        {"title": "Medley", "sub_tracks": [{"title": "Part", "duration": "2:00"}]},
    ]
    document = release_document(release(tracklist=lines, styles=None, released=None))
    assert [track.type for track in document.tracks] == ["heading", "track", "index", "track"]
    assert [track.parent_seq for track in document.tracks] == [None, None, None, 3]
    assert document.styles == []
    assert (document.year, document.released) == (1999, "1999")
    assert (document.play_duration, document.play_duration_estimated) == (120, False)


@pytest.mark.parametrize(
    ("changes", "field", "expected"),
    [
        ({"year": 0, "released": ""}, "year", None),
        ({"year": 0, "released": "2004"}, "year", 2004),
        ({"master_id": 0}, "master_discogs_id", None),
        ({"master_id": None}, "master_discogs_id", None),
        ({"master_id": 2**31}, "master_discogs_id", None),
        ({"thumb": ""}, "thumb", None),
        ({"title": None}, "title", ""),
        ({"cover_image": "c"}, "cover_image", "c"),
        ({"images": [{"uri": "b"}, {"type": "primary", "uri": "p"}]}, "cover_image", "p"),
        ({"images": [{"uri": "", "resource_url": "r"}]}, "cover_image", "r"),
        ({"tracklist": None}, "tracks", []),
        ({"id": "7"}, "discogs_id", 7),
    ],
)
def test_odd_values(changes: dict[str, Any], field: str, expected: Any) -> None:
    assert getattr(release_document(release(**changes)), field) == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"id": None},
        {"id": 0},
        {"id": True},
        {"id": 2**31},
        {"title": ["x"]},
        {"artists": {}},
        {"artists": ["A"]},
        {"genres": "Jazz"},
        {"tracklist": [{"sub_tracks": 3}]},
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"release|list|text"):
        release_document(release(**changes))


def test_tracks_nested_without_end_are_refused() -> None:
    lines: list[dict[str, Any]] = [{"title": "x"}]
    for _ in range(20):
        lines = [{"title": "x", "sub_tracks": lines}]
    with pytest.raises(ValueError, match="nested"):
        release_document(release(tracklist=lines))


def test_a_credit_without_an_artist_keeps_its_name() -> None:
    document = release_document(release(artists=[{"id": 0, "name": "Nobody"}]))
    assert [(credit.name, credit.discogs_id) for credit in document.artists] == [("Nobody", None)]


def test_a_number_of_64_digits_stays_text() -> None:
    document = release_document(release(formats=[{"name": "File", "qty": "1" + "0" * 63}]))
    assert document.formats[0].qty == "1" + "0" * 63


def test_a_stub_is_not_sealed_and_says_what_a_shelf_says() -> None:
    stub = stub_document(release(year=0, thumb="t", cover_image="c", tracklist=[]))
    assert stub.source_hash is None
    assert stub.from_api
    assert (stub.title, stub.year, stub.released, stub.thumb) == ("Suite", None, None, "t")
    assert (stub.play_duration, stub.play_duration_estimated) == (2 * 22 * 60, True)


# --- items of a shelf ---------------------------------------------------------------------------


def item(**changes: Any) -> Item:
    given = {"id": 10, "instance_id": 3_000_000_000, "basic_information": {}, **changes}
    return msgspec.convert(given, Item, strict=False)


def test_an_item_of_older_shape() -> None:
    found = shelf_item(item(), {})
    assert (found.folder_number, found.rating, found.added_at) == (1, 0, None)
    assert (found.notes, found.media_condition, found.custom_fields) == (None, None, {})


@pytest.mark.parametrize(("rating", "kept"), [(None, 0), (-1, 0), (5, 5), (9, 5), ("4", 4)])
def test_ratings_are_0_to_5(rating: Any, kept: int) -> None:
    assert shelf_item(item(rating=rating), {}).rating == kept


def test_notes_are_told_by_the_numbers_of_their_fields() -> None:
    notes = [
        {"field_id": 1, "value": "Good (G)"},
        {"field_id": 2, "value": "Generic"},
        {"field_id": 3, "value": "a\r\nb"},
        {"field_id": 4, "value": "shop"},
        {"field_id": 5, "value": "  "},
        {"field_id": 6, "value": None},
        {"field_id": 77, "value": "x"},
    ]
    found = shelf_item(item(notes=notes), {4: "Where", 5: "Empty"})
    assert (found.media_condition, found.sleeve_condition, found.notes) == (
        "G",
        "Generic",
        "a\r\nb",
    )
    assert found.custom_fields == {"Where": "shop", "Field 77": "x"}


def test_fields_of_one_name_are_told_apart() -> None:
    given = [{"id": n, "name": name} for n, name in ((1, "Media"), (3, "Notes"), (4, " Where "))]
    assert answers.fields(answer({"fields": given})) == {4: "Where"}
    twice = answers.fields(answer({"fields": [{"id": n, "name": "X"} for n in (4, 5)]}))
    assert twice == {4: "X", 5: "X (5)"}


def test_folders_are_without_all_and_uncategorized() -> None:
    given = [{"id": n, "name": name, "count": 1} for n, name in ((0, "All"), (1, "U"), (9, " J "))]
    assert [(f.id, f.name) for f in answers.folders(answer({"folders": given}))] == [(9, "J")]


def page(**changes: Any) -> Answer:
    found = {"id": 10, "instance_id": 1, "basic_information": {}, **changes}
    return answer({"pagination": {"items": 1, "pages": 1, "page": 1}, "releases": [found]})


@pytest.mark.parametrize(
    "changes", [{"id": 0}, {"instance_id": -1}, {"date_added": "2020-01-01T00:00:00"}], ids=str
)
def test_an_item_that_can_t_be_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="an item of the page"):
        answers.shelf_page(page(**changes))


def test_times_keep_their_zone() -> None:
    found, _ = answers.shelf_page(page(date_added="2020-01-10T03:26:47-08:00"))
    assert found.releases[0].date_added == datetime(2020, 1, 10, 11, 26, 47, tzinfo=UTC)
