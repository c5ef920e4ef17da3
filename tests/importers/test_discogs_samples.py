"""The real dump files into Documents: every entry, and some by value."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import msgspec
import pytest

from dump_files import read
from kleio.catalogue import (
    ArtistCredit,
    ArtistDocument,
    Document,
    LabelDocument,
    MasterDocument,
    ReleaseDocument,
    seal,
)
from kleio.importers.discogs_xml import Refused, open_dump

GZIP_SAMPLES = "discogs_20200806_{}.xml.gz"


@pytest.mark.parametrize("kind", ["artists", "labels", "masters", "releases"])
def test_sample_is_read_whole(dump_samples: Path, kind: str) -> None:
    with open_dump(dump_samples / GZIP_SAMPLES.format(kind)) as dump:
        entries = list(dump)
        assert dump.kind == kind
        assert dump.position == dump.size
    assert len(entries) == 1000
    assert not [entry for entry in entries if isinstance(entry, Refused)]
    assert len({entry.discogs_id for entry in entries}) == 1000
    assert not [entry for entry in entries if "other" in entry.metadata]  # type: ignore[union-attr]


def test_sample_tracks(dump_samples: Path) -> None:
    """9,178 lines, headings and index tracks among them; 9,430 with the sub-tracks."""
    lines: Counter[str] = Counter()
    empty_durations = 0
    for entry in read(dump_samples / GZIP_SAMPLES.format("releases")):
        assert isinstance(entry, ReleaseDocument)
        assert [track.seq for track in entry.tracks] == list(range(1, len(entry.tracks) + 1))
        for track in entry.tracks:
            lines["sub-track" if track.parent_seq is not None else track.type] += 1
            empty_durations += track.duration_text is None
    assert lines == {"track": 8935, "heading": 186, "index": 57, "sub-track": 252}
    assert lines.total() - lines["sub-track"] == 9178
    assert lines.total() == 9430
    assert empty_durations == 4673


def test_sample_release_1(dump_samples: Path) -> None:
    entry = read(dump_samples / GZIP_SAMPLES.format("releases"))[0]
    assert isinstance(entry, ReleaseDocument)
    assert (entry.discogs_id, entry.title, entry.country) == (1, "Stockholm", "Sweden")
    assert (entry.released, entry.year, entry.master_discogs_id) == ("1999-03-00", 1999, 1660109)
    assert entry.resource_url == "https://api.discogs.com/releases/1"
    assert entry.artists == [
        ArtistCredit(name="The Persuader", discogs_id=1),
        ArtistCredit(name="Jesper Dahlbäck", discogs_id=239, role="Music By [All Tracks By]"),
    ]
    assert [(label.name, label.catno, label.discogs_id) for label in entry.labels] == [
        ("Svek", "SK032", 5)
    ]
    assert entry.formats[0].descriptions == ['12"', "33 ⅓ RPM"]
    assert (entry.genres, entry.styles) == (["Electronic"], ["Deep House"])
    assert [track.position for track in entry.tracks] == ["A", "B1", "B2", "C1", "C2", "D"]
    assert entry.tracks[0].duration_seconds == 285
    assert (entry.play_duration, entry.play_duration_estimated) == (1771, False)
    assert entry.metadata["status"] == "Accepted"
    assert entry.metadata["is_main_release"] is True
    assert entry.metadata["images"][0] == {"type": "primary", "width": 600, "height": 600}
    assert entry.metadata["identifiers"][0]["value"] == "MPO SK 032 A1"
    video = entry.metadata["videos"][0]
    assert (video["uri"], video["duration"], video["embed"]) == (
        "https://www.youtube.com/watch?v=MpmbntGDyNE",
        296,
        True,
    )
    assert entry.metadata["companies"][0]["entity_type_name"]


def test_sample_of_a_single_release(dump_samples: Path) -> None:
    with open_dump(dump_samples / "one_release.xml") as dump:
        assert dump.kind == "releases"
        (entry,) = dump
    assert isinstance(entry, ReleaseDocument)
    assert entry.discogs_id == 3
    first = entry.tracks[0]
    assert (first.type, first.duration_seconds) == ("index", 420)
    assert [(t.seq, t.parent_seq, t.position) for t in entry.tracks[1:4]] == [
        (2, 1, "11.a"),
        (3, 1, "11.b"),
        (4, 1, "11.c"),
    ]
    assert entry.tracks[4].parent_seq is None
    assert entry.play_duration == sum(
        track.duration_seconds or 0 for track in entry.tracks if track.parent_seq is None
    )


def test_sample_artist_and_label_and_master(dump_samples: Path) -> None:
    artist = read(dump_samples / GZIP_SAMPLES.format("artists"))[0]
    assert isinstance(artist, ArtistDocument)
    assert (artist.discogs_id, artist.name, artist.profile) == (1, "The Persuader", None)
    assert artist.resource_url == "https://api.discogs.com/artists/1"
    assert artist.metadata["aliases"][0] == {"id": 239, "name": "Jesper Dahlbäck"}
    assert artist.metadata["namevariations"] == ["Persuader", "The Presuader"]
    label = read(dump_samples / GZIP_SAMPLES.format("labels"))[0]
    assert isinstance(label, LabelDocument)
    assert (label.discogs_id, label.name) == (1, "Planet E")
    assert label.metadata["contactinfo"].startswith("Planet E Communications\r\n")
    master = read(dump_samples / GZIP_SAMPLES.format("masters"))[0]
    assert isinstance(master, MasterDocument)
    assert (master.discogs_id, master.main_release_discogs_id, master.year) == (113, 116925, 2002)
    assert master.metadata["artists"] == [{"id": 3225, "name": "Vince Watson"}]


def test_reading_twice_gives_the_same_hashes(dump_samples: Path) -> None:
    path = dump_samples / GZIP_SAMPLES.format("releases")
    first, second = read(path), read(path)
    assert first == second
    assert all(
        isinstance(e, Document) and e.source_hash and len(e.source_hash) == 32 for e in first
    )
    last = first[-1]
    assert isinstance(last, Document)
    assert seal(msgspec.structs.replace(last)).source_hash == last.source_hash
