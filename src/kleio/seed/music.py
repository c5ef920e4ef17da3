"""An invented music library of any size: artists, albums and songs as rows, chunk by chunk.

Each chunk is made from the seed and its number alone, so that chunks can be made in any order, by
several processes, and again. Texts come encoded and ids as 16 bytes, which is what a binary COPY
takes and what costs least at ten million. Nothing here touches a database.
"""

from __future__ import annotations

import bisect
import itertools
import math
import unicodedata
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from kleio.seed.cast import ODD
from kleio.seed.dice import Dice, table, templates
from kleio.seed.languages import LANGUAGES
from kleio.seed.vocabulary import FAMILIES
from kleio.seed.words import LISTS, WHERES

ALBUMS_A_CHUNK = 2000
"""What one transaction loads: with eleven songs an album 22,000 songs, about a second."""

SONGS_AN_ALBUM = 11
SONGS_AN_ARTIST = 33
"""Most have one or two albums, and the few at the top of Zipf's law hundreds."""

SPREAD = 3
"""An album has so many songs more or less than the mean: 8 to 14."""

_SKEW, _SHIFT = 0.85, 8.0
_COMPILATIONS, _FURTHER = 0.04, 0.03
_POOL = 6_000
_WORDS = 40_000

Row = tuple[Any, ...]
Named = tuple[bytes, bytes]
"""An artist's id and name."""


class MusicPlan(msgspec.Struct, frozen=True, kw_only=True):
    """How large a library is to be, and when its songs were added: until a moment, evenly."""

    seed: int
    songs: int
    albums: int
    artists: int
    months: int
    until: datetime

    @property
    def chunks(self) -> int:
        """How many chunks there are."""
        return math.ceil(self.albums / ALBUMS_A_CHUNK)

    @property
    def since(self) -> datetime:
        """The first moment of the month that the first album was added in."""
        until = self.until.astimezone(UTC)
        month = until.year * 12 + until.month - self.months
        return datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC)

    @property
    def library_id(self) -> UUID:
        """The id of the library: there can be no other of this number."""
        return UUID(int=self.seed)

    def album_range(self, chunk: int) -> range:
        """Return the numbers of a chunk's albums."""
        return range(chunk * ALBUMS_A_CHUNK, min((chunk + 1) * ALBUMS_A_CHUNK, self.albums))

    def song_count(self, chunk: int) -> int:
        """Return how many songs a chunk has."""
        albums = self.album_range(chunk)
        return self.songs * albums.stop // self.albums - self.songs * albums.start // self.albums


class Chunk(NamedTuple):
    """Rows in the order of the columns of the three COPY statements in `queries/seeds.sql`."""

    albums: list[Row]
    songs: list[Row]
    further_artists: list[Row]


def artist_names(plan: MusicPlan) -> Iterator[tuple[UUID, str]]:
    """Yield the id and the name of each artist; those in several scripts are every ninth."""
    dice = Dice(f"{plan.seed} artists")
    first = _milliseconds(plan.since) - plan.artists
    taken: set[str] = set()
    for number in range(plan.artists):
        for attempt in itertools.count():
            name = _act(dice)
            if attempt > 3:
                name = f"{name} {_invented(dice)}"
            # Roughly what normalize_name() does; what still collides is left out by the database.
            folded = unicodedata.normalize("NFKD", name).casefold()
            key = "".join(c for c in folded if not unicodedata.combining(c))
            if key not in taken:
                break
        taken.add(key)
        yield UUID(bytes=_id(first + number, 0, int(dice.random() * 2**53))), name


def user_id(plan: MusicPlan, number: int) -> UUID:
    """Return the id of an invented user, who was there before the first album."""
    chance = Dice(f"{plan.seed} user {number}").random()
    return UUID(bytes=_id(_milliseconds(plan.since) - 2, number, int(chance * 2**53)))


def shelf(plan: MusicPlan, number: int, releases: Sequence[UUID], copies: int) -> list[UUID]:
    """Return which releases a user owns: the first ones are the most popular, some twice."""
    dice = Dice(f"{plan.seed} shelf {number}")
    return [releases[int(len(releases) * dice.random() ** 2)] for _ in range(copies)]


def artist_id_range(plan: MusicPlan) -> tuple[UUID, UUID]:
    """Return the lowest and the highest id that an artist of the plan may have."""
    last = _milliseconds(plan.since)
    first = last - plan.artists
    return UUID(int=first << 80), UUID(int=(last << 80) - 1)


def first_album_id(plan: MusicPlan, chunk: int) -> UUID:
    """Return the id of a chunk's first album, which is there when the chunk is."""
    return UUID(bytes=_Maker(plan, chunk).album_id(plan.album_range(chunk).start))


class Library:
    """Makes the chunks of one plan; what all of them need is made once."""

    def __init__(self, plan: MusicPlan, artists: Sequence[Named]) -> None:
        """Make the words and the weights.

        Args:
            plan: the library.
            artists: those of `artist_names` that the database holds, in the order of their ids.
        """
        self.plan = plan
        self.artists = artists
        weights = ((rank + _SHIFT) ** -_SKEW for rank in range(len(artists)))
        self._weights = list(itertools.accumulate(weights))
        dice = Dice(f"{plan.seed} words")
        self._families = table({family: family.weight for family in FAMILIES})
        self._titles = {
            family.genre: [dice.fill(family.titles).encode() for _ in range(_POOL)]
            for family in FAMILIES
        }
        self._native = [
            [
                f"{head}{language.space}{tail}".encode()
                for head in language.heads
                for tail in language.tails
            ]
            for language in LANGUAGES.values()
            if language.heads
        ]
        self._wheres = [f" {where}".encode() for where in WHERES]
        self._versions = [
            f" ({version})".encode()
            for version in ("Live", "Acoustic", "Demo", "Remastered 2011", "Remix", "Instrumental",
                            "Radio Edit", "Extended Version", "Mono", "Alternate Take")
        ]  # fmt: skip
        # Titles of millions of songs hold tens of thousands of words, and most of them are rare.
        self._rare = [f" {_invented(dice, long=True)}".encode() for _ in range(_WORDS)]

    def chunk(self, number: int) -> Chunk:
        """Return the rows of a chunk, in the order of their ids."""
        plan = self.plan
        maker = _Maker(plan, number)
        # Chance of its own: the first that the chunk draws from is the first album's id.
        dice = Dice(f"{plan.seed} counts {number}")
        counts = _counts(dice, plan.song_count(number), len(plan.album_range(number)))
        chunk = Chunk([], [], [])
        for album, count in zip(plan.album_range(number), counts, strict=True):
            self._album(maker, album, count, chunk)
        return chunk

    def _artist(self, dice: Dice) -> Named:
        drawn = dice.random() * self._weights[-1]
        return self.artists[bisect.bisect_left(self._weights, drawn)]

    def _album(self, maker: _Maker, number: int, count: int, chunk: Chunk) -> None:
        dice, library_id = maker.dice, self.plan.library_id.bytes
        album_id = maker.album_id(number)
        added = maker.added
        family = dice.pick(self._families)
        genre = family.genre.encode() if dice.random() < 0.97 else None
        titles = self._titles[family.genre]
        if dice.random() < family.native * 0.4:
            titles = dice.pick(self._native)
        artist_id, artist_name = artist = self._artist(dice)
        is_compilation = dice.random() < _COMPILATIONS
        year = _year(dice, family.since) if dice.random() < 0.98 else None
        codec, bit_rate, sample_rate = dice.pick(_CODECS)
        updated_at = datetime.fromtimestamp(added / 1000, UTC)
        name = self._title(dice, titles)
        discs = 2 if count > 10 and dice.random() < 0.06 else 1
        per_disc = -(-count // discs)
        numbered = dice.random() < 0.99
        total = 0
        for place in range(count):
            song_artist_id, credit = artist
            if is_compilation:
                song_artist_id, credit = self._artist(dice)
            song_id = _id(added + 1 + place, place, int(dice.random() * 2**53))
            title = self._title(dice, titles)
            if dice.random() < _FURTHER:
                guest_id, guest = self._artist(dice)
                if guest_id != song_artist_id:
                    credit = b"%b feat. %b" % (credit, guest)
                    chunk.further_artists.append((guest_id, song_id, 2))
            # Two draws, because most songs are near the middle; a few are very long.
            duration = 90_000 + int((dice.random() + dice.random()) * 150_000)
            if dice.random() < 0.01:
                duration *= 3
            total += duration
            chunk.songs.append((
                song_id, library_id, album_id, song_artist_id, duration,
                bit_rate + int(dice.random() * bit_rate / 4) if codec == b"flac" else bit_rate,
                sample_rate, year, 2, place // per_disc + 1 if numbered else None,
                place % per_disc + 1 if numbered else None, updated_at, codec, title, credit, name,
                genre,
            ))  # fmt: skip
        chunk.albums.append((
            album_id, library_id, album_id, None if is_compilation else artist_id, total, count,
            year, is_compilation, updated_at, name,
            b"Various Artists" if is_compilation else artist_name,
        ))  # fmt: skip

    def _title(self, dice: Dice, titles: list[bytes]) -> bytes:
        drawn = dice.random()
        title = titles[int(dice.random() * len(titles))]
        if drawn < 0.25:
            return title
        if drawn < 0.6:
            return title + self._rare[int(dice.random() ** 3 * _WORDS)]
        if drawn < 0.7:
            return title + self._wheres[int(dice.random() * len(self._wheres))]
        if drawn < 0.8:
            return title + self._versions[int(dice.random() * len(self._versions))]
        if drawn < 0.85:
            return title + b" / " + titles[int(dice.random() * len(titles))]
        word = self._rare[int(dice.random() ** 3 * _WORDS)][1:]
        return word if drawn < 0.9 else word + self._rare[int(dice.random() ** 3 * _WORDS)]


class _Maker:
    """A chunk's source of chance, and the album that is being made."""

    def __init__(self, plan: MusicPlan, chunk: int) -> None:
        self.dice = Dice(f"{plan.seed} chunk {chunk}")
        self._since = _milliseconds(plan.since)
        self._span = _milliseconds(plan.until) - self._since
        self._albums = plan.albums
        self.added = 0

    def album_id(self, number: int) -> bytes:
        """Return the id of an album and note when it was added."""
        self.added = self._since + self._span * number // self._albums
        return _id(self.added, 0, int(self.dice.random() * 2**53))


def _id(milliseconds: int, sequence: int, chance: int) -> bytes:
    """Return a UUIDv7: 48 bits of time, 12 of a number that counts up, 62 of chance."""
    return (
        milliseconds << 80 | 0x7 << 76 | (sequence & 0xFFF) << 64 | 0b10 << 62 | chance << 9
    ).to_bytes(16)


def _milliseconds(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def _counts(dice: Dice, songs: int, albums: int) -> list[int]:
    """Return how many songs each album has: about the mean, and all songs together."""
    mean = songs // albums
    spread = min(SPREAD, mean - 1)
    counts = [mean + dice.between(-spread, spread) for _ in range(albums)]
    rest = songs - sum(counts)
    for place in itertools.cycle(range(albums)):
        if rest == 0:
            return counts
        step = 1 if rest > 0 else -1
        if 1 <= counts[place] + step <= mean + spread + 1 or spread == 0:
            counts[place] += step
            rest -= step
    raise AssertionError


def _year(dice: Dice, since: int) -> int:
    return 2026 - int((2026 - since) * dice.random() ** 1.5)


_CODECS: tuple[tuple[bytes, int, int], ...] = table({
    (b"flac", 820_000, 44_100): 38, (b"flac", 2_400_000, 96_000): 6,
    (b"mp3", 320_000, 44_100): 20, (b"mp3", 256_000, 44_100): 8, (b"mp3", 192_000, 44_100): 8,
    (b"aac", 256_000, 44_100): 10, (b"opus", 160_000, 48_000): 5, (b"vorbis", 192_000, 44_100): 3,
    (b"alac", 900_000, 44_100): 1, (b"pcm", 1_411_200, 44_100): 1,
})  # fmt: skip

_HEADS = ("vel", "kor", "num", "ax", "tre", "ost", "mir", "sol", "ky", "dra", "fen", "ul", "zar",
          "pel", "ari", "quo", "hal", "bri", "stom", "cla", "wen", "glo", "ist", "jun",
          "tha")  # fmt: skip
_MIDDLES = ("", "", "a", "i", "an", "el", "or", "imo", "ede", "ust")
_TAILS = ("ith", "oma", "ex", "aro", "und", "ika", "ost", "enne", "ulon", "ades", "iv", "orra",
          "atik", "esh", "ume", "ax", "ley", "wick", "berg")  # fmt: skip
_BANDS = templates(
    """4* The {odd} {plural}
3* {odd} {plural}
2* {adj} {noun}
2* The {noun} {plural}
{odd} {noun} {where}
{name} & The {odd} {plural}
{number} {odd} {plural}
{place} {plural}
DJ {adj} {noun}
{noun} Of {place}""".splitlines(),
    LISTS | {"odd": ODD},
)
_LANGUAGES = table({
    language: 40 if key == "en" else 1 + bool(language.heads) for key, language in LANGUAGES.items()
})  # fmt: skip


def _act(dice: Dice) -> str:
    language = dice.pick(_LANGUAGES)
    drawn = dice.random()
    if drawn < 0.45:
        first, last = dice.pick(language.first), dice.pick(language.last)
        name = f"{last} {first}" if not language.space else f"{first} {last}"
        return name if dice.random() < 0.3 else f"{name} {_invented(dice)}"
    if drawn < 0.6:
        group, emblem = dice.pick(language.groups), dice.pick(language.emblems)
        return f"{group}{language.space}{emblem} {_invented(dice)}"
    return dice.fill(_BANDS) if drawn < 0.9 else _invented(dice)


def _invented(dice: Dice, *, long: bool = False) -> str:
    middle = dice.pick(_MIDDLES) + (dice.pick(_HEADS) if long else "")
    return (dice.pick(_HEADS) + middle + dice.pick(_TAILS)).capitalize()
