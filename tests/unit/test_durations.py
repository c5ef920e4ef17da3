"""Playing times: every form that the sources write, and the estimate's table."""

from __future__ import annotations

import pytest

from kleio.catalogue import FormatDocument, TrackDocument
from kleio.durations import (
    MAX_DISCS,
    UNKNOWN_SECONDS,
    estimate_play_duration,
    parse_duration,
    sum_track_durations,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("45", 45),
        ("4:45", 285),
        ("04:45", 285),
        ("1:02:03", 3723),
        ("155:20", 9320),
        (" 4 : 45 ", 285),
        ("0:00", 0),
        ("0:59", 59),
        ("100:00:00", 360_000),
    ],
)
def test_parse_duration(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        " ",
        "4.45",
        "4:75",
        "1:75:00",
        "1:2:3:4",
        ":45",
        "4:",
        "-4:45",
        "~4:45",
        "four",
        "٤:٤٥",
        "100:00:01",
        "999999",
        "9" * 64,
        "9:" * 1000 + "9",
    ],
)
def test_parse_duration_gives_none_for_what_it_does_not_know(text: str | None) -> None:
    assert parse_duration(text) is None


def track(
    seq: int, seconds: int | None, kind: str = "track", parent: int | None = None
) -> TrackDocument:
    return TrackDocument(
        seq=seq,
        title="",
        type=kind,  # type: ignore[arg-type]
        parent_seq=parent,
        duration_seconds=seconds,
    )


def test_sum_skips_headings_and_unknown_durations() -> None:
    tracks = [track(1, 999, "heading"), track(2, 100), track(3, None), track(4, 50)]
    assert sum_track_durations(tracks) == 150


def test_sum_counts_an_index_track_instead_of_its_sub_tracks() -> None:
    tracks = [track(1, 420, "index"), track(2, 190, parent=1), track(3, 266, parent=1)]
    assert sum_track_durations(tracks) == 420


def test_sum_counts_sub_tracks_of_an_index_track_without_duration() -> None:
    tracks = [track(1, None, "index"), track(2, 190, parent=1), track(3, 266, parent=1)]
    assert sum_track_durations([*tracks, track(4, 10)]) == 466


def test_sum_covers_sub_tracks_at_any_depth() -> None:
    tracks = [
        track(1, 420, "index"),
        track(2, None, "index", parent=1),
        track(3, 100, parent=2),
    ]
    assert sum_track_durations(tracks) == 420


@pytest.mark.parametrize("tracks", [[], [track(1, None)], [track(1, 0)], [track(1, 9, "heading")]])
def test_sum_is_none_when_nothing_is_known(tracks: list[TrackDocument]) -> None:
    assert sum_track_durations(tracks) is None


def test_sum_stays_within_the_database_integer() -> None:
    assert sum_track_durations(track(n, 360_000) for n in range(1, 10_000)) == 2**31 - 1


def carrier(name: str, *descriptions: str, qty: str | None = "1") -> FormatDocument:
    return FormatDocument(name=name, qty=qty, descriptions=list(descriptions))


@pytest.mark.parametrize(
    ("descriptions", "minutes_a_side"),
    [
        (('7"', "45 RPM", "Single"), 3),
        (('7"', "45 RPM", "EP"), 5),
        (('7"', "33 ⅓ RPM"), 8),
        (('7"',), 3),
        (('10"', "45 RPM"), 9),
        (('10"', "33 ⅓ RPM"), 15),
        (('12"', "45 RPM"), 12),
        (('12"', "33 ⅓ RPM"), 22),
        (('12"',), 20),
        (("LP", "Album"), 22),
        (("LP", "45 RPM"), 12),
        (("Album",), 20),
        (('16"', "33 ⅓ RPM"), 20),
    ],
)
def test_estimate_of_vinyl(descriptions: tuple[str, ...], minutes_a_side: int) -> None:
    assert estimate_play_duration([carrier("Vinyl", *descriptions)]) == minutes_a_side * 2 * 60


def test_estimate_counts_discs_and_sides() -> None:
    assert estimate_play_duration([carrier("Vinyl", "LP", qty="3")]) == 3 * 2 * 22 * 60
    assert estimate_play_duration([carrier("Vinyl", "LP", "Single Sided")]) == 22 * 60
    assert estimate_play_duration([carrier("Shellac", '10"', "78 RPM")]) == 2 * 3 * 60
    assert estimate_play_duration([carrier("Shellac", '12"')]) == 2 * 4 * 60


def test_estimate_of_a_record_ignores_its_cd_and_its_box() -> None:
    formats = [
        carrier("Box Set"),
        carrier("Vinyl", "LP"),
        carrier("CD", "Album"),
        carrier("All Media", "Limited Edition"),
    ]
    assert estimate_play_duration(formats) == 44 * 60


@pytest.mark.parametrize(
    ("formats", "minutes"),
    [
        ([carrier("CD", "Album")], 40),
        ([carrier("CD", "Album", qty="2")], 80),
        ([carrier("CD", "Single")], 10),
        ([carrier("CD", "EP")], 24),
        ([carrier("File", "MP3", qty="12")], 40),
        ([carrier("Cassette", "C60")], 40),
        ([carrier("Box Set")], 40),
        ([], 40),
    ],
)
def test_estimate_of_other_carriers(formats: list[FormatDocument], minutes: int) -> None:
    assert estimate_play_duration(formats) == minutes * 60


@pytest.mark.parametrize(
    ("qty", "discs"),
    [
        (None, 1),
        ("", 1),
        ("0", 1),
        ("x2", 1),
        ("-3", 1),
        (" 2 ", 2),
        ("02", 2),
        ("251", MAX_DISCS),
        ("1" + "0" * 62 + "1", MAX_DISCS),
    ],
)
def test_estimate_clamps_the_quantity(qty: str | None, discs: int) -> None:
    assert estimate_play_duration([carrier("Vinyl", qty=qty)]) == discs * UNKNOWN_SECONDS


def test_estimate_stays_within_the_database_integer() -> None:
    formats = [carrier("CD", qty="9" * 64)] * 10_000
    assert estimate_play_duration(formats) == 2**31 - 1
