"""A database of the older Kleio as records: each trap that such files hold, by its name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

import old_kleio
import old_kleio_traps
from kleio.account_records import (
    CleaningRecord,
    CopyRecord,
    FolderRecord,
    PlayRecord,
    ReleaseRecord,
    StylusRecord,
)
from kleio.catalogue import FormatDocument
from kleio.importers.kleio_sqlite import KleioSqlite
from older_reading import NOW, Reading

Read = Callable[..., Reading]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Build a database with traps and read it."""

    def build(*traps: str, zone: Any = UTC, **sizes: int) -> Reading:
        path = old_kleio.build(tmp_path / "sqlite.db", traps=traps, **sizes)
        return Reading(path, zone)

    return build


def test_the_collection_as_it_is(read: Read) -> None:
    found = read()
    assert found.key == f"kleio-sqlite {old_kleio.STARTED}"
    assert found.at_end
    assert not [row for row in found.rows if row.problem or row.note]
    kinds = [row.kind for row in found.rows]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "folder": 3, "stylus": 1, "release": 12, "copy": 12, "play": 40, "cleaning": 15,
    }  # fmt: skip
    assert found.record("folder", 201) == FolderRecord(id="201", name="Jazz", number=201)
    release = found.record("release", 1005)
    assert release.is_stub
    assert msgspec.to_builtins(release.document) == {
        "discogsId": 1005,
        "title": "Title 1005",
        "year": 2005,
        "resourceUrl": "https://example.org/r/1005",
        "thumb": "https://example.org/t/1005.jpg",
        "coverImage": "https://example.org/c/1005.jpg",
        "playDuration": 1154,
        "artists": [
            {"name": "Artist 5", "discogsId": 7005, "join": "&"},
            {"name": "Artist 12", "discogsId": 7012, "anv": "A. 1005"},
        ],
        "labels": [{"name": "Label 5", "discogsId": 5005, "catno": "CAT 1005"}],
        "formats": [{"name": "Vinyl", "qty": "2", "descriptions": ["LP", "Album", "Stereo"]}],
        "genres": ["Jazz"],
        "tracks": [
            {
                "seq": seq,
                "position": position,
                "title": f"Track {seq} of 1005",
                "durationText": text,
                "durationSeconds": seconds,
            }
            for seq, position, text, seconds in (
                (1, "A1", "4:05", 245),
                (2, "A2", "4:34", 274),
                (3, "B3", "5:03", 303),
                (4, "B4", "5:32", 332),
            )
        ],
    }
    assert found.record("copy", 1005) == CopyRecord(
        id="1005",
        release_id="1005",
        folder_id="1",
        discogs_instance_id=10050,
        rating=3,
        media_condition="NM",
        sleeve_condition="VG",
        notes="Bought in town 1005",
        added_at=datetime(2005, 9, 20, 19, 30, tzinfo=UTC),
    )
    assert found.record("play", 2) == PlayRecord(
        id="2",
        release_id="1008",
        played_at=datetime(2006, 1, 3, 21, 7, tzinfo=UTC),
        stylus_id="20",
        duration_seconds=2400,
        duration_estimated=True,
    )
    assert found.record("play", 4).duration_seconds == 1214
    assert found.record("cleaning", 1) == CleaningRecord(
        id="1", release_id="1001", cleaned_at=datetime(2006, 1, 3, 19, 30, tzinfo=UTC), notes="Wet"
    )


def test_what_is_left_behind_is_counted(read: Read) -> None:
    found = read()
    assert found.left == {
        ("folders", "All, which is a view of the others"): 1,
        ("styluses", "models that came with the app and were not used"): 19,
        ("artists", "named by no release that comes along"): 187,
        ("labels", "named by no release that comes along"): 38,
        ("syncs", "the older Kleio's runs; Kleio keeps its own"): 3,
        ("auth", "a token of Discogs, which comes on request only"): 1,
    }
    assert found.read["releases"] == 12
    assert found.read["format_descriptions"] == 36
    assert found.read["artists"] == 200


def test_stylus_zero_is_no_stylus(read: Read) -> None:
    found = read("stylus_zero")
    assert found.record("play", 900_001).stylus_id is None
    assert found.record("play", 900_002).stylus_id is None
    assert found.note("play", 900_001) == ""


def test_stylus_that_is_gone_is_said(read: Read) -> None:
    found = read("stylus_gone")
    assert found.record("play", 900_011).stylus_id is None
    assert found.note("play", 900_011) == "stylus_id: there is no stylus 4711: without one"


def test_base_model_that_was_played_comes_along(read: Read) -> None:
    found = read("base_model_played")
    assert found.record("stylus", 1) == StylusRecord(
        id="1",
        name="2M Red",
        manufacturer="Ortofon",
        model=("Ortofon", "2M Red"),
        expected_lifespan_hours=1000,
        active=False,
        owned=False,
    )
    assert "kept for its plays" in found.note("stylus", 1)
    assert found.record("play", 900_021).stylus_id == "1"
    assert found.left["styluses", "models that came with the app and were not used"] == 18


def test_one_stylus_is_primary(read: Read) -> None:
    found = read("two_primary_styluses")
    assert [row.record.id for row in found.rows if getattr(row.record, "is_primary", False)] == [
        "900031"
    ]
    assert found.record("stylus", 900_031).purchase_date == date(2025, 1, 5)
    assert found.note("stylus", 20) == "primary_stylus: another one is: not primary"
    assert found.note("stylus", 900_032) == "primary_stylus: it is not active: not primary"
    # Go's zero values: no hours, no maker, no date.
    assert found.record("stylus", 900_032) == StylusRecord(
        id="900032", name="Old one", active=False
    )


def test_purchase_dates_in_every_spelling(read: Read) -> None:
    found = read("purchase_dates")
    dates = [found.record("stylus", number).purchase_date for number in range(900_041, 900_047)]
    assert dates == [
        date(2023, 4, 5), date(2023, 4, 6), date(2023, 4, 7), date(2023, 4, 8), date(2023, 4, 9),
        None,
    ]  # fmt: skip
    assert found.note("stylus", 900_046) == "purchase_date: 'last spring' is not a time: left out"


def test_deep_cleaning_in_the_notes(read: Read) -> None:
    found = read("deep_cleaning_notes")
    deep = [found.record("cleaning", number).deep for number in (900_071, 900_072, 900_073)]
    assert deep == [True, True, False]
    assert found.note("cleaning", 900_071) == "deep, because its notes say so"


def test_times_in_every_spelling(read: Read) -> None:
    found = read("times_odd")
    times = [found.record("play", number).played_at for number in range(900_101, 900_108)]
    assert times == [
        datetime(2025, 4, 1, 20, 0, tzinfo=UTC),
        datetime(2025, 4, 1, 18, 0, tzinfo=UTC),
        datetime(2025, 4, 2, 3, 0, 0, 123_456, tzinfo=UTC),
        datetime(2025, 4, 1, 20, 0, tzinfo=UTC),
        datetime(2025, 4, 1, 20, 0, tzinfo=UTC),
        datetime(2025, 4, 1, 20, 0, tzinfo=UTC),
        datetime(2025, 4, 1, 0, 0, tzinfo=UTC),
    ]
    assert [found.problem("play", number) for number in range(900_108, 900_112)] == [
        "playedAt: more than a day in the future",
        "playedAt: before 1877",
        "played_at: no time",
        "played_at: 'yesterday' is not a time",
    ]
    assert found.problem("cleaning", 900_101) == "cleanedAt: more than a day in the future"
    assert found.problem("cleaning", 900_102) == "cleaned_at: no time"


def test_unzoned_times_are_in_the_zone_given(read: Read) -> None:
    found = read("times_odd", "clocks_change", zone=ZoneInfo("Europe/Amsterdam"))
    assert found.record("play", 2).played_at == datetime(2006, 1, 3, 20, 7, tzinfo=UTC)
    # What names its zone, and what the app itself wrote, is not touched by it.
    assert found.record("play", 900_101).played_at == datetime(2025, 4, 1, 20, 0, tzinfo=UTC)
    assert found.record("play", 900_105).played_at == datetime(2025, 4, 1, 20, 0, tzinfo=UTC)
    assert found.record("play", 900_107).played_at == datetime(2025, 3, 31, 22, 0, tzinfo=UTC)
    assert found.record("copy", 1005).added_at == datetime(2005, 9, 20, 19, 30, tzinfo=UTC)
    for number, instant in (
        (900_121, datetime(2024, 10, 27, 0, 30, tzinfo=UTC)),
        (900_122, datetime(2025, 3, 30, 1, 30, tzinfo=UTC)),
    ):
        assert found.record("play", number).played_at == instant
        assert "an hour that the clocks repeat or leave out" in found.note("play", number)


def test_equal_plays_are_two_plays(read: Read) -> None:
    found = read("duplicate_plays")
    first, second = (found.record("play", number) for number in (900_171, 900_172))
    assert msgspec.structs.replace(first, id="900172") == second
    assert found.record("cleaning", 900_171).cleaned_at == first.played_at


def test_nulls_where_none_are_expected(read: Read) -> None:
    found = read("nulls")
    assert found.record("folder", 900_181).name == "Folder 900181"
    document = found.document(900_181)
    assert document.title == "Release 900181"
    assert document.formats == [FormatDocument(name="CD")]
    assert [(track.seq, track.title, track.position) for track in document.tracks] == [
        (1, "", None)
    ]
    assert found.note("release", 900_181) == (
        "formats 2025: no name: left out; no title: called 'Release 900181'"
    )
    copy = found.record("copy", 900_181)
    assert (copy.discogs_instance_id, copy.folder_id, copy.rating) == (None, None, 0)
    assert found.note("copy", 900_181).endswith("of no field: 'Which field?': left out")
    assert found.record("stylus", 900_181).name == "Stylus 900181"
    assert found.problem("play", 900_181) == "played_at: no time"
    assert found.problem("play", 900_182) == "release_id: no number"
    assert found.problem("cleaning", 900_181) == "cleaned_at: no time"
    assert found.problem("cleaning", 900_182) == "release_id: no number"


def test_texts_in_columns_of_numbers(read: Read) -> None:
    found = read("text_in_numbers")
    document = found.document(900_191)
    assert (document.year, document.play_duration) == (None, 40 * 60)
    assert [track.duration_seconds for track in document.tracks] == [None, None]
    assert document.formats == [FormatDocument(name="Vinyl", qty="two")]
    assert found.note("release", 900_191).endswith(
        "year: '1987?' is not a whole number: left out; "
        "play_duration: 'long' is not a whole number: left out"
    )
    assert found.record("copy", 900_191).rating == 0
    assert found.note("copy", 900_192) == "rating: 9 is not 0 to 5: not rated"
    assert found.document(900_193).year == 1987
    assert found.record("copy", 900_193).discogs_instance_id is None
    (track,) = (row for row in found.rows if row.place.startswith("tracks"))
    assert track.problem == "release_id: '900191x' is not a number"
    assert found.problem("play", 900_191) == "release_id: 'the blue one' is not a whole number"
    assert found.record("play", 900_192).stylus_id is None
    assert found.record("stylus", 900_191).expected_lifespan_hours is None
    assert found.note("stylus", 900_192) == "expected_lifespan_hours: -1: left out"


def test_numbers_that_are_not_discogs(read: Read) -> None:
    found = read("numbers_impossible")
    assert found.problem("release", -5) == "id: -5 can't be a number of Discogs"
    assert found.problem("release", 3_000_000_000).startswith("id: 3000000000")
    assert found.problem("play", 900_201) == "release_id: -5 can't be a number of Discogs"
    assert found.problem("cleaning", 900_201).startswith("release_id: 3000000000")
    assert not [row for row in found.rows if row.kind == "copy" and row.place == "releases -5"]


def test_odd_texts(read: Read) -> None:
    found = read("texts_odd")
    titles = [found.document(number).title for number in range(900_211, 900_215)]
    assert titles == ["Nul", "Ключ 鍵 \N{MUSICAL SYMBOL G CLEF}", "L\ufffdrm", "Blob"]
    assert found.left["texts", "hold bytes that are not UTF-8, which became U+FFFD"] == 1
    assert found.record("play", 900_211).notes == "n" * 20_000
    assert found.note("play", 900_211) == "notes: 30,000 characters, cut to the first 20,000"
    assert found.note("play", 900_212) == ""
    assert found.note("cleaning", 900_211).startswith("notes: 20,001 characters")
    assert "20,001 characters" in found.note("copy", 900_212)


def test_objects_of_ones_own_are_counted(read: Read) -> None:
    found = read("foreign_objects", "syncs_odd")
    assert found.left["shopping_list", "not a table of the older Kleio"] == 1
    assert found.left["tracks.bpm", "not a column of the older Kleio"] == 3
    assert found.left["syncs", "the older Kleio's runs; Kleio keeps its own"] == 4


def test_older_version_of_the_app(read: Read) -> None:
    found = read("older_version")
    kinds = {row.kind for row in found.rows}
    assert kinds == {"folder", "stylus", "release", "copy", "play"}
    assert not [row for row in found.rows if row.problem or row.note]
    document = found.document(1005)
    # Estimated by Kleio's own rule: two LPs.
    assert (document.play_duration, document.play_duration_estimated) == (88 * 60, True)
    assert found.record("play", 2).duration_seconds == 40 * 60
    assert found.record("copy", 1005).custom_fields == {}


def test_empty_database(tmp_path: Path) -> None:
    found = Reading(old_kleio.empty(tmp_path / "sqlite.db"))
    assert found.rows == []
    assert found.key == "kleio-sqlite"


def test_everything_at_once(read: Read) -> None:
    """No trap hides another one, and every row of every table is accounted for."""
    found = read(*old_kleio_traps.every_trap())
    findings = found.findings
    assert sum(findings.read.values()) >= 668
    for table, rows in findings.read.items():
        gone = findings.dropped[table] + findings.left_of(table)
        assert (table, rows) == (table, findings.taken[table] + gone)
    plays = [row for row in found.rows if row.kind == "play"]
    assert len(plays) == found.read["play_history"] == 67
    assert sum(row.problem is not None for row in plays) == 8
    assert sum(row.kind == "cleaning" for row in found.rows) == found.read["cleaning_history"]
    copies = sum(row.kind == "copy" for row in found.rows)
    # Two rows of releases are refused, one copy is of a release without a row.
    assert copies == found.read["releases"] - 2 + 1
    assert findings.made == {"folders": 1, "releases": 1, "artists": 1, "labels": 1}
    named = {row.record.id for row in found.rows if isinstance(row.record, ReleaseRecord)}
    for row in plays:
        if row.record is not None:
            assert row.record.release_id in named


def test_seconds_are_those_that_sqlite_sums(read: Read) -> None:
    found = read("duplicate_plays", "text_in_numbers", "numbers_impossible", "deleted_release")
    played = sum(row.record.duration_seconds or 0 for row in found.rows
                 if isinstance(row.record, PlayRecord))  # fmt: skip
    assert found.seconds == played + found.findings.refused_seconds
    assert found.findings.refused_seconds == 2 * 2400


def test_same_arguments_give_the_same_rows(tmp_path: Path) -> None:
    first = Reading(old_kleio.build(tmp_path / "1.db", traps=old_kleio_traps.every_trap()))
    second = Reading(old_kleio.build(tmp_path / "2.db", traps=old_kleio_traps.every_trap()))
    assert first.rows == second.rows


def test_token_is_not_shown(tmp_path: Path) -> None:
    path = old_kleio.build(tmp_path / "sqlite.db")
    with KleioSqlite(path, zone=UTC, now=NOW) as source:
        login = source.login()
        assert (login.username, login.token) == (old_kleio.USERNAME, old_kleio.TOKEN)
        assert old_kleio.TOKEN not in f"{login!r} {login}"
