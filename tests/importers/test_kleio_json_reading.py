"""The history export of the older Kleio as records: both spellings, and what may be wrong in it."""

from __future__ import annotations

import io
import json
from datetime import UTC, date, datetime
from typing import Any

import pytest

from kleio.account_records import CleaningRecord, PlayRecord, ReleaseRecord, StylusRecord
from kleio.catalogue import ReleaseDocument
from kleio.importers.kleio_json import KleioJson
from kleio.importers.sources import SourceError, SourceRow

ADDED = "2025-01-02T03:04:05Z"

STYLUS = {
    "id": 20,
    "name": "MP-110",
    "manufacturer": "Nagaoka",
    "expectedLifespan": 1000,
    "purchaseDate": "2024-03-01T00:00:00Z",
    "active": True,
    "primary": True,
    "createdAt": ADDED,
    "updatedAt": ADDED,
    "owned": True,
    "baseModel": False,
}
SNAKE_STYLUS = {
    "id": 20,
    "name": "MP-110",
    "manufacturer": "Nagaoka",
    "expected_lifespan_hours": 1000,
    "purchase_date": "2024-03-01T00:00:00Z",
    "active": True,
    "primary_stylus": True,
    "created_at": ADDED,
    "updated_at": ADDED,
    "owned": True,
    "base_model": False,
}
EXPORT = {
    "exportDate": "2025-06-01T10:00:00Z",
    "playHistory": [
        {"releaseId": 1001, "stylusId": 20, "playedAt": "2025-03-01T20:00:00Z", "notes": "Side A"},
        {"releaseId": 1001, "playedAt": "2025-03-02T20:00:00Z"},
    ],
    "cleaningHistory": [
        {"releaseId": 1002, "cleanedAt": "2025-03-03T20:00:00Z", "notes": "Deep clean"}
    ],
    "styluses": [STYLUS],
}
SNAKE_EXPORT = {
    "export_date": "2025-06-01T10:00:00Z",
    "play_history": [
        {
            "release_id": 1001,
            "stylus_id": 20,
            "played_at": "2025-03-01T20:00:00Z",
            "notes": "Side A",
        },
        {"release_id": 1001, "played_at": "2025-03-02T20:00:00Z"},
    ],
    "cleaning_history": [
        {"release_id": 1002, "cleaned_at": "2025-03-03T20:00:00Z", "notes": "Deep clean"}
    ],
    "styluses": [SNAKE_STYLUS],
}


def read(content: Any) -> list[SourceRow]:
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    with KleioJson(io.BytesIO(text), "export.json") as source:
        rows = list(source)
        assert source.position == source.size
    return rows


@pytest.mark.parametrize("export", [EXPORT, SNAKE_EXPORT], ids=["camel", "snake"])
def test_both_spellings(export: dict[str, Any]) -> None:
    rows = read(export)
    assert [row.record for row in rows] == [
        StylusRecord(
            id=f"20 {ADDED}",
            name="MP-110",
            manufacturer="Nagaoka",
            model=("Nagaoka", "MP-110"),
            expected_lifespan_hours=1000,
            purchase_date=date(2024, 3, 1),
            is_primary=True,
        ),
        ReleaseRecord(
            id="1001", document=ReleaseDocument(discogs_id=1001, title=""), lookup_only=True
        ),
        PlayRecord(
            release_id="1001",
            played_at=datetime(2025, 3, 1, 20, 0, tzinfo=UTC),
            stylus_id=f"20 {ADDED}",
            duration_estimated=True,
            notes="Side A",
        ),
        PlayRecord(
            release_id="1001",
            played_at=datetime(2025, 3, 2, 20, 0, tzinfo=UTC),
            duration_estimated=True,
        ),
        ReleaseRecord(
            id="1002", document=ReleaseDocument(discogs_id=1002, title=""), lookup_only=True
        ),
        CleaningRecord(
            release_id="1002",
            cleaned_at=datetime(2025, 3, 3, 20, 0, tzinfo=UTC),
            deep=True,
            notes="Deep clean",
        ),
    ]
    places = [row.place.replace("_h", "H") for row in rows]
    assert places == [
        "$.styluses[0]", "$.playHistory[0].releaseId", "$.playHistory[0]", "$.playHistory[1]",
        "$.cleaningHistory[0].releaseId", "$.cleaningHistory[0]",
    ]  # fmt: skip


def test_order_of_the_members_does_not_count() -> None:
    turned = dict(reversed(EXPORT.items()))
    assert {row.place: row for row in read(turned)} == {row.place: row for row in read(EXPORT)}


def test_what_is_missing_and_what_is_odd() -> None:
    rows = read(
        {
            "playHistory": [
                {"releaseId": 1, "stylusId": 0, "playedAt": "2025-03-01T20:00:00+02:00"},
                {"releaseId": 1, "stylusId": 5, "playedAt": "2025-03-01T20:00:00Z", "notes": None},
                {"releaseId": "x", "playedAt": "2025-03-01T20:00:00Z"},
                {"releaseId": 1},
                {"releaseId": {"id": 1}, "playedAt": "2025-03-01T20:00:00Z"},
                17,
                {"releaseId": 1, "playedAt": True},
            ],
            "cleaningHistory": None,
            "styluses": [{}, "diamond", {"id": 7, "name": "A", "primary": True, "active": False}],
            "somethingElse": {"deep": [[1], {"er": 2}]},
        }
    )
    found = {row.place: row for row in rows}
    assert found["$.styluses[0]"].record == StylusRecord(name="Stylus ?")
    assert found["$.styluses[1]"].problem == "not an object"
    assert found["$.styluses[2]"].note == "primary_stylus: it is not active: not primary"
    play = found["$.playHistory[0]"].record
    assert isinstance(play, PlayRecord)
    assert (play.stylus_id, play.played_at) == (None, datetime(2025, 3, 1, 18, 0, tzinfo=UTC))
    assert found["$.playHistory[0]"].note is None
    assert found["$.playHistory[1]"].note == "stylus_id: there is no stylus 5: without one"
    assert [found[f"$.playHistory[{n}]"].problem for n in range(2, 7)] == [
        "release_id: 'x' is not a whole number",
        "played_at: no time",
        "release_id: no number",
        "not an object",
        "played_at: 'True' is not a time",
    ]


def test_two_apps_have_a_stylus_20_each() -> None:
    other = STYLUS | {"name": "DL-103", "createdAt": "2023-01-02T03:04:05Z"}
    (first,), (second,) = (read({"styluses": [stylus]}) for stylus in (STYLUS, other))
    assert first.record
    assert second.record
    assert first.record.id != second.record.id


def test_one_number_twice_in_a_file() -> None:
    first, second = read({"styluses": [STYLUS, STYLUS | {"updatedAt": "2026-01-01T00:00:00Z"}]})
    assert (first.record and first.record.id, second.record and second.record.id) == (
        f"20 {ADDED}",
        None,
    )
    assert isinstance(second.record, StylusRecord)
    assert second.record.is_primary
    assert first.note == "primary_stylus: another one is: not primary"


BAD = {
    "empty": (b"", "the file is empty"),
    "blank": (b" \n", "the file is empty"),
    "zip": (b"PK\x03\x04" + b"x" * 50, "a zip archive"),
    "sqlite": (b"SQLite format 3\0" + b"x" * 100, "an SQLite database"),
    "list": (b"[1]", "not a history export of the older Kleio, which begins with {"),
    "other": (b'{"users": []}', "none of playHistory, cleaningHistory, styluses in it"),
    "account": (
        b'{"format": "kleio-account", "version": 1}',
        "it says of itself that it is kleio-account",
    ),
    "no list": (b'{"playHistory": {}}', "playHistory is not a list"),
    "cut": (json.dumps(EXPORT).encode()[:-40], "not JSON"),
    "cut in plays": (json.dumps(EXPORT).encode()[:90], "not JSON"),
    "more behind": (json.dumps(EXPORT).encode() + b"{}", "not JSON"),
    "deep": (b'{"playHistory": [' + b"[" * 5000, "lists in each other"),
    "twice": (b'{"playHistory": [], "playHistory": []}', "stands twice"),
}


@pytest.mark.parametrize("name", list(BAD))
def test_bad_files(name: str) -> None:
    content, words = BAD[name]
    with pytest.raises(SourceError) as caught:
        read(content)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
