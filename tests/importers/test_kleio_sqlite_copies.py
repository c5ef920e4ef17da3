"""Releases, folders and copies of an older Kleio: each trap that such files hold, by its name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import old_kleio
from kleio.account_records import (
    CopyRecord,
    FolderRecord,
)
from kleio.catalogue import ArtistCredit, FormatDocument, LabelCredit
from older_reading import Reading

Read = Callable[..., Reading]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Build a database with traps and read it."""

    def build(*traps: str, zone: Any = UTC, **sizes: int) -> Reading:
        path = old_kleio.build(tmp_path / "sqlite.db", traps=traps, **sizes)
        return Reading(path, zone)

    return build


def test_deleted_release_is_kept_for_what_was_done_with_it(read: Read) -> None:
    found = read("deleted_release")
    document = found.document(900_051)
    assert document.title == "Release 900051"
    assert document.artists == [ArtistCredit(name="Artist 0", discogs_id=7000)]
    assert document.labels == [LabelCredit(name="Label 0", discogs_id=5000, catno="GONE 1")]
    assert document.formats == [FormatDocument(name="Vinyl", qty="2", descriptions=["LP"])]
    assert (document.genres, document.styles) == (["Electronic"], ["Deep House"])
    assert [track.title for track in document.tracks] == ["Still here"]
    assert (document.play_duration, document.play_duration_estimated) == (300, False)
    assert "the row was deleted; kept for plays or cleanings" in found.note("release", 900_051)
    assert found.record("play", 900_051).notes == "Last spin"
    assert found.record("play", 900_051).duration_seconds == 2400
    assert found.record("cleaning", 900_051).release_id == "900051"
    assert not [row for row in found.rows if row.kind == "copy" and row.place.endswith("900051")]


def test_notes_of_a_deleted_release_come_as_an_archived_copy(read: Read) -> None:
    found = read("deleted_release")
    seen = datetime(2025, 1, 2, 10, 0, 9, tzinfo=UTC)
    assert found.record("copy", 900_052) == CopyRecord(
        id="900052",
        release_id="900052",
        media_condition="G",
        notes="Signed by the drummer",
        added_at=seen,
        archived_at=seen,
        archive_reason="other",
    )
    # Nothing of 900053 is its owner's own.
    assert not [row for row in found.rows if row.place.endswith("900053")]
    for table in ("release_artists", "release_labels", "formats", "release_genres",
                  "release_styles", "tracks", "format_descriptions"):  # fmt: skip
        assert found.left[table, "of deleted releases without plays or cleanings"] == 1


def test_hand_altered_columns_are_read_by_name(read: Read) -> None:
    found = read("hand_altered")
    copies = {n: found.record("copy", n) for n in range(900_061, 900_066)}
    assert (copies[900_061].archived_at, copies[900_061].archive_reason) == (
        datetime(2025, 3, 1, 10, 0, tzinfo=UTC),
        "removed at Discogs",
    )
    # Without a time of its own: when the row was changed last.
    assert (copies[900_062].archived_at, copies[900_062].archive_reason) == (
        datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC),
        "duplicate",
    )
    assert copies[900_063].archive_reason == "other"
    assert copies[900_063].custom_fields == {"Archive reason": "Gave it to my aunt"}
    assert copies[900_064].archived_at is None
    assert copies[900_065].custom_fields == {"colour": "blue"}
    assert found.note("copy", 900_065) == (
        "is_archived: 'perhaps' is neither true nor false: left out"
    )
    assert found.record("cleaning", 900_061).deep
    assert not found.record("cleaning", 900_062).deep
    assert found.record("copy", 1005).custom_fields == {}


def test_folders(read: Read) -> None:
    found = read("folders_odd")
    assert not [row for row in found.rows if row.place == "folders 0"]
    assert found.record("folder", 900_081).name == "JAZZ (900081)"
    assert found.record("folder", 900_082).name == "Folder 900082"
    assert found.record("folder", 900_089) == FolderRecord(
        id="900089", name="Folder 900089", number=900_089
    )
    folders = [found.record("copy", number).folder_id for number in range(900_081, 900_086)]
    assert folders == [None, "900089", "900081", "900082", None]
    assert "'somewhere' is not a whole number" in found.note("copy", 900_085)


def test_second_copy_has_overwritten_the_first(read: Read) -> None:
    found = read("second_copy")
    copy = found.record("copy", 900_091)
    assert (copy.discogs_instance_id, copy.folder_id, copy.rating) == (88_888, "201", 5)
    assert found.record("copy", 900_092).discogs_instance_id is None
    assert found.note("copy", 900_092) == "instance_id: 88888 is another row's too: left out"
    assert found.record("copy", 900_093).discogs_instance_id is None


def test_odd_booleans(read: Read) -> None:
    found = read("odd_booleans")
    estimated = [
        found.document(number).play_duration_estimated for number in (900_131, 900_132, 900_133)
    ]
    # Whether it is exact is not known where nothing is said.
    assert estimated == [True, False, True]
    # It has no time of its own: when the row was changed last.
    assert found.record("copy", 900_131).added_at == datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
    stylus = found.record("stylus", 900_131)
    assert (stylus.active, stylus.is_primary, stylus.owned) == (True, False, True)
    assert found.note("stylus", 900_131) == (
        "base_model: 'maybe' is neither true nor false: left out"
    )


def test_note_fields_have_their_meanings(read: Read) -> None:
    found = read("note_fields")
    copy = found.record("copy", 900_141)
    assert (copy.media_condition, copy.sleeve_condition) == ("VG+", "No Cover")
    assert copy.notes == "First pressing"
    assert copy.custom_fields == {"Field 4": "Shelf 3", "Field 9": "19.90"}
    copy = found.record("copy", 900_142)
    assert (copy.media_condition, copy.sleeve_condition, copy.notes) == (None, "NM", None)
    assert copy.custom_fields == {"Media Condition": "Played to death"}
    assert "'Played to death' is not a grade: a custom field" in found.note("copy", 900_142)


def test_names_of_artists_and_labels(read: Read) -> None:
    found = read("credit_names")
    document = found.document(900_151)
    assert document.artists == [
        ArtistCredit(
            name="Prince",
            discogs_id=900_151,
            anv="The Artist",
            join_relation="feat.",
            tracks="A1, A2",
        ),
        ArtistCredit(name="Artist 1", discogs_id=7001, role="Producer"),
        ArtistCredit(name="Artist 1", discogs_id=7001, role="Mixed By"),
        ArtistCredit(name="Unknown artist", role="Liner Notes"),
        ArtistCredit(name="Unknown artist", discogs_id=900_159),
        ArtistCredit(name="Artist 2", discogs_id=7002),
    ]
    assert document.labels == [
        LabelCredit(name="Blue (12)", discogs_id=900_151, catno="B 1"),
        LabelCredit(name="Blue (12)", discogs_id=900_151, catno="B 2"),
        LabelCredit(name="Blue (12)", discogs_id=900_152),
        LabelCredit(name="Unknown label", discogs_id=900_159, catno="none"),
    ]
    assert found.note("release", 900_151).count("has no name") == 3


def test_descriptions_of_replaced_formats_stay_behind(read: Read) -> None:
    found = read("format_leftovers")
    assert found.left["format_descriptions", "of formats that were replaced since"] == 2
