"""Release dumps of any size, written as a stream from a sample's real entries under new numbers.

Each round through the sample gives its releases new numbers. Artists, labels and masters get new
ones (and names of their own) only every few rounds, so that a file of any size names 0.52 artists,
0.12 labels and 0.13 masters a release, as the dump of March 2026 does. All else stays as it is:
lengths of track lists, credits, notes, scripts, damage.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

SAMPLE = "discogs_20200806_releases.xml.gz"

FIRST_RELEASE = 100_000_000
"""Above the numbers in use, so that a file never meets real entries."""

ARTISTS_A_RELEASE = 0.52
"""9,957,079 artists to 18,952,204 releases (March 2026)."""

_STEP = 20_000_000
"""Between the numbers that one artist has in two casts; above all numbers in use in 2020."""

# What is replaced: the release's number, an artist's with its name, a label's, a master's.
_NUMBERS = re.compile(
    rb'<release id="(?P<release>\d+)"'
    rb"|<artist><id>(?P<artist>[1-9]\d*)</id><name>(?P<name>[^<]*)</name>"
    rb'|<label name="(?P<label_name>[^"]*)"(?P<catno>[^>]*) id="(?P<label>\d+)"'
    rb"|(?P<main><master_id[^>]*>)(?P<master>[1-9]\d*)<"
)


class _Entry:
    """One release of the sample, cut where numbers stand."""

    def __init__(self, text: bytes) -> None:
        self.pieces: list[bytes | re.Match[bytes]] = []
        end = 0
        for match in _NUMBERS.finditer(text):
            self.pieces += [text[end : match.start()], match]
            end = match.end()
        self.pieces.append(text[end:])

    def cast(self, number: int) -> tuple[bytes, bytes]:
        """Return what stands before and behind the release's number, in a cast."""
        suffix = b" %d" % number if number else b""
        shift = number * _STEP
        done: list[bytes] = []
        head = b""
        for piece in self.pieces:
            if isinstance(piece, bytes):
                done.append(piece)
            elif piece["release"]:
                head = b"".join(done) + b'<release id="'
                done = [b'"']
            elif piece["artist"]:
                artist = _shifted(piece["artist"], shift)
                done.append(
                    b"<artist><id>%d</id><name>%b%b</name>" % (artist, piece["name"], suffix)
                )
            elif piece["label"]:
                label = _shifted(piece["label"], shift)
                name, catno = piece["label_name"], piece["catno"]
                done.append(b'<label name="%b%b"%b id="%d"' % (name, suffix, catno, label))
            else:
                done.append(b"%b%d<" % (piece["main"], _shifted(piece["master"], shift)))
        return head, b"".join(done)


def _shifted(number: bytes, shift: int) -> int:
    """Return a number of another cast; there are 100, and at most 2,147,483,647 numbers."""
    return int(number) % _STEP + shift


def sample_entries(sample: Path) -> list[bytes]:
    """Return the sample's releases as they stand in its file."""
    text = gzip.decompress(sample.read_bytes())
    return [entry + b"</release>" for entry in text.split(b"</release>")[:-1]]


def release_dump(sample: Path, releases: int) -> Iterator[bytes]:
    """Yield the XML of a dump of so many releases in pieces of one round through the sample."""
    texts = sample_entries(sample)
    texts[0] = texts[0].partition(b"<releases>")[2]
    entries = [_Entry(text.lstrip()) for text in texts]
    artists = {
        piece["artist"]
        for entry in entries
        for piece in entry.pieces
        if not isinstance(piece, bytes) and piece["artist"]
    }
    casts = max(1, min(100, round(releases * ARTISTS_A_RELEASE / len(artists))))
    rounds = -(-releases // len(entries))
    number = FIRST_RELEASE
    yield b"<releases>\n"
    cast = -1
    parts: list[tuple[bytes, bytes]] = []
    for turn in range(rounds):
        if turn * casts // rounds != cast:
            cast = turn * casts // rounds
            parts = [entry.cast(cast) for entry in entries]
        left = FIRST_RELEASE + releases - number
        written = []
        for head, tail in parts[:left]:
            written.append(b"%b%d%b\n" % (head, number, tail))
            number += 1
        yield b"".join(written)
    yield b"</releases>\n"


def write_release_dump(path: Path, sample: Path, releases: int) -> int:
    """Write such a dump, packed where its name ends in .gz; return the bytes of its XML."""
    size = 0
    with gzip.open(path, "wb", compresslevel=1) if path.suffix == ".gz" else path.open("wb") as out:
        for piece in release_dump(sample, releases):
            size += out.write(piece)
    return size
