"""How a work comes out: carrier, date, label, positions and what is scratched into the runout."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kleio.catalogue import (
    ArtistCredit,
    FormatDocument,
    LabelCredit,
    ReleaseDocument,
    TrackDocument,
    seal,
)
from kleio.seed.cast import FIRST_DISCOGS_ID, Label
from kleio.seed.dice import Dice, table, templates
from kleio.seed.vocabulary import DATA_QUALITY, DATES, FILE_DATES, Country
from kleio.seed.words import LISTS
from kleio.seed.works import Song, Work, Writer

# What an LP, a CD and a cassette hold, seconds.
_CAPACITY = {"Vinyl": 2820, "CD": 4740, "Cassette": 5400, "CDr": 4740, "Box Set": 2600,
             "Reel-To-Reel": 5400, "8-Track Cartridge": 4800, "DVD": 7200}  # fmt: skip
_SIDED = frozenset(("Vinyl", "Cassette", "Shellac", "Flexi-disc", "Reel-To-Reel"))
_TIMED = table({"all": 49, "none": 46, "some": 5})
_TEXTS = {
    "Vinyl": ("Gatefold", "180g", "Red", "Clear", "White", "Green", "Transparent Blue", "Marbled"),
    "CD": ("Digipak", "Digipak", "Cardboard Sleeve", "Super Jewel Box"),
    "Cassette": ("Clear Shell", "White Shell", "Chrome", "Dolby HX Pro B NR"),
    "CDr": ("Cardboard Sleeve", "Hand-stamped"),
}
_CODECS = table({"MP3": 70, "FLAC": 13, "WAV": 12, "AAC": 5})
_EXTRAS = {
    "Vinyl": table({"": 60, "Promo": 9, "Limited Edition": 9, "Repress": 3, "White Label": 3,
                    "Numbered": 2, "Unofficial Release": 3, "Test Pressing": 1}),
    "CD": table({"": 68, "Promo": 9, "Limited Edition": 6, "Unofficial Release": 4, "Enhanced": 2,
                 "Sampler": 1}),
    "Cassette": table({"": 78, "Unofficial Release": 9, "Limited Edition": 7, "Promo": 3}),
}  # fmt: skip
_NO_LABEL = {"CDr": 0.6, "File": 0.22, "Cassette": 0.15}
_NOTES = templates(
    """3* Recorded in {place}.
2* Comes with a printed inner sleeve.
2* Durations are not listed on the release.
2* Includes a folded insert with lyrics.
Edition of 300 copies.
2* Label side shows {place} as the place of recording.
Sleeve printed in one colour on uncoated card.
The track "{noun}" of the first edition is missing here.
2* Made for {place} Distribution.
Some copies have a sticker with the words "{plea}".
Spine reads "{adj} {noun}".
3* All rights reserved.
Thanks to everybody in {place}.
Remastered from the original tapes.""".splitlines(),
    LISTS,
)
_VENUES = templates(["Live At {place}", "Live In {place}", "The {place} Session"], LISTS)
# Discogs' own number and name of each part that a company has.
_PARTS = (
    ("21", "Published By"), ("13", "Phonographic Copyright (p)"), ("14", "Copyright (c)"),
    ("23", "Recorded At"), ("29", "Mastered At"), ("17", "Pressed By"), ("9", "Distributed By"),
)  # fmt: skip


def demo_catalogue(count: int = 400, seed: int = 1) -> Iterator[ReleaseDocument]:
    """Yield invented releases, sealed and with their playing time.

    Args:
        count: How many; the first of a longer catalogue are the same as a shorter one.
        seed: Another number is another catalogue.
    """
    press = _Press(Dice(seed))
    waiting: list[tuple[Work, str, int]] = []
    for number in range(count):
        # Pressings of one master stand apart, as they do in Discogs' order of entry.
        if waiting and (len(waiting) > 14 or press.dice.chance(0.45)):
            work, carrier, year = waiting.pop(press.dice.below(len(waiting)))
        else:
            work = press.writer.work()
            carrier, year = work.plans[0]
            waiting += [(work, *plan) for plan in work.plans[1:]]
        yield press.release(FIRST_DISCOGS_ID + number, work, carrier, year)


class _Press:
    def __init__(self, dice: Dice) -> None:
        self.dice = dice
        self.writer = Writer(dice)

    def release(self, discogs_id: int, work: Work, carrier: str, year: int) -> ReleaseDocument:
        dice = self.dice
        country = work.country
        if not country.since <= year <= country.until or (
            (carrier, year) != work.plans[0] and dice.chance(0.55)
        ):
            country = self.writer.country(year)
        if year - work.year < 10 and dice.chance(0.7):
            label = work.label
        else:
            label = self.writer.cast.label(work.family, country, year)
        songs = work.songs
        if len(songs) > 8 and carrier != "CD" and dice.chance(0.25):
            # The CD has the bonus tracks.
            songs = songs[: -dice.between(1, 2)]
        discs = 1
        if work.kind == "album" and carrier in _CAPACITY:
            discs += sum(song.seconds for song in songs) // _CAPACITY[carrier]
        tracks = self._tracks(songs, carrier, discs)
        labels = self._labels(work, label, carrier, year)
        artists = work.artists
        if len(artists) > 3 and dice.chance(0.3):
            artists = [*artists[:-1], self._partial(artists[-1], tracks)]
        kind = dice.pick(FILE_DATES if carrier == "File" else DATES)
        released = {
            "year": f"{year}",
            "month": f"{year}-{dice.between(1, 12):02d}-00",
            "day": f"{year}-{dice.between(1, 12):02d}-{dice.between(1, 28):02d}",
        }.get(kind)
        document = ReleaseDocument(
            discogs_id=discogs_id,
            title=work.title,
            year=year if released else None,
            released=released,
            country=country.name,
            notes=self._notes(carrier),
            master_discogs_id=work.master_id,
            data_quality=dice.pick(DATA_QUALITY),
            artists=artists,
            labels=labels,
            formats=self._formats(work, carrier, year, discs),
            genres=work.genres,
            styles=work.styles,
            tracks=tracks,
            metadata=self._metadata(label, labels[0], country, carrier, year),
        )
        document.set_play_duration()
        return seal(document)

    def _labels(self, work: Work, label: Label, carrier: str, year: int) -> list[LabelCredit]:
        dice = self.dice
        if dice.chance(_NO_LABEL.get(carrier, 0.04)):
            name = "Not On Label"
            if work.artist is not self.writer.cast.various and dice.chance(0.5):
                name = f"Not On Label ({work.artist.name} Self-released)"
            # The plain entry is one label, those in brackets are one an artist.
            known = self.writer.cast.not_on_label if name == "Not On Label" else None
            return [LabelCredit(name=name, discogs_id=known, catno="none")]
        catno = label.catno(dice, carrier, year)
        labels = [LabelCredit(name=label.name, discogs_id=label.discogs_id, catno=catno)]
        if dice.chance(0.11):
            other = self.writer.cast.label(work.family, work.country, year)
            number = catno if dice.chance(0.5) else other.catno(dice, carrier, year)
            # A label that is there twice with two numbers exists, but is rare.
            if other is not label or (number != catno and dice.chance(0.1)):
                labels.append(
                    LabelCredit(name=other.name, discogs_id=other.discogs_id, catno=number)
                )
        return labels

    def _formats(self, work: Work, carrier: str, year: int, discs: int) -> list[FormatDocument]:
        dice = self.dice
        kind = {"album": "Album", "single": "Single", "ep": "EP"}[work.kind]
        if work.best_of or work.artist is self.writer.cast.various:
            kind = "Compilation"
        found = [kind]
        if carrier == "Vinyl":
            found = self._vinyl(work, kind, year)
        elif carrier == "Shellac":
            found = ['10"', "78 RPM"]
        elif carrier == "Flexi-disc":
            found = ['7"', "33 ⅓ RPM", "Single Sided", "Single"]
        elif carrier == "CD" and kind == "Single" and dice.chance(0.5):
            found = ["Maxi-Single"]
        elif carrier == "DVD":
            found = ["DVD-Video", dice.pick(("PAL", "NTSC"))]
        elif carrier == "File":
            found = [dice.pick(_CODECS), kind]
        if kind in ("Album", "Compilation") and year - work.year > 1 and dice.chance(0.8):
            found.append("Reissue")
            if year > 1985 and dice.chance(0.35):
                found.append("Remastered")
        extra = dice.pick(_EXTRAS.get(carrier, ("",)))
        if extra:
            found.append(extra)
        text = None
        if carrier == "File":
            text = dice.pick(("320 kbps", "320 kbps", "VBR")) if found[0] == "MP3" else None
        elif year > 1965 and carrier in _TEXTS and dice.chance(0.12):
            text = dice.pick(_TEXTS[carrier])
        if carrier == "Box Set":
            inner = "Vinyl" if dice.chance(0.4) else "CD"
            content = ["LP", kind] if inner == "Vinyl" else [kind]
            return [
                FormatDocument(name="Box Set", qty="1", descriptions=[kind, "Limited Edition"]),
                FormatDocument(name=inner, qty=str(max(discs, 2)), descriptions=content),
            ]
        quantity = len(work.songs) if carrier == "File" else discs
        return [FormatDocument(name=carrier, qty=str(quantity), text=text, descriptions=found)]

    def _vinyl(self, work: Work, kind: str, year: int) -> list[str]:
        dice = self.dice
        if work.kind == "album":
            found = ["LP", kind]
            if year < 1972 and dice.chance(0.6):
                found.append("Mono" if dice.chance(0.45) else "Stereo")
            elif year < 1990 and dice.chance(0.3):
                found.append("Stereo")
            return found
        if work.family.clubby and year > 1976:
            found = ['12"']
            if dice.chance(0.7):
                found.append("33 ⅓ RPM" if dice.chance(0.7) else "45 RPM")
            return [*found, kind] if kind == "EP" or dice.chance(0.4) else found
        found = ['7"'] if dice.chance(0.94) else ['10"']
        if dice.chance(0.8):
            found.append("45 RPM" if kind == "Single" or dice.chance(0.6) else "33 ⅓ RPM")
        return [*found, kind] if dice.chance(0.8) else found

    def _tracks(self, songs: list[Song], carrier: str, discs: int) -> list[TrackDocument]:
        dice = self.dice
        timed = dice.pick(_TIMED)
        padded = dice.chance(0.1)
        positions = _positions(len(songs), carrier, discs, dice)
        headings: dict[int, str] = {}
        if len(songs) > 7 and dice.chance(0.13):
            if discs > 1:
                headings = {
                    at: f"{'Side' if carrier in _SIDED else 'Disc'} {number}"
                    for number, at in enumerate(_starts(positions, carrier), 1)
                }
            else:
                extra = carrier not in _SIDED and dice.chance(0.6)
                bonus = "Bonus Tracks" if extra else dice.fill(_VENUES)
                headings = {len(songs) - dice.between(2, 4): bonus}
        tracks: list[TrackDocument] = []
        for number, song in enumerate(songs):
            if number in headings:
                tracks.append(
                    TrackDocument(seq=len(tracks) + 1, title=headings[number], type="heading")
                )
            known = timed == "all" or (timed == "some" and dice.chance(0.6))
            if song.parts:
                parent = len(tracks) + 1
                tracks.append(
                    TrackDocument(seq=parent, title=song.title, type="index", credits=song.credits)
                )
                for part, (title, seconds) in enumerate(song.parts):
                    tracks.append(
                        TrackDocument(
                            seq=parent + part + 1,
                            title=title,
                            parent_seq=parent,
                            position=f"{positions[number]}{'abcd'[part]}",
                            duration_text=_clock(seconds, padded) if known else None,
                            duration_seconds=seconds if known else None,
                        )
                    )
                continue
            tracks.append(
                TrackDocument(
                    seq=len(tracks) + 1,
                    title=song.title,
                    position=positions[number],
                    duration_text=_clock(song.seconds, padded) if known else None,
                    duration_seconds=song.seconds if known else None,
                    credits=song.credits,
                )
            )
        return tracks

    def _partial(self, credit: ArtistCredit, tracks: list[TrackDocument]) -> ArtistCredit:
        positions = [track.position for track in tracks if track.position]
        chosen = sorted({self.dice.below(len(positions)) for _ in range(2)})
        return ArtistCredit(
            name=credit.name,
            discogs_id=credit.discogs_id,
            anv=credit.anv,
            role=credit.role,
            tracks=", ".join(positions[index] for index in chosen),
        )

    def _notes(self, carrier: str) -> str | None:
        dice = self.dice
        if dice.chance(0.36):
            return None
        lines = [dice.fill(_NOTES) for _ in range(dice.pick((1, 1, 1, 2, 2, 3)))]
        if carrier == "File":
            # A download has neither sleeve nor spine.
            lines = ["Released digitally only."]
        return "\n".join(dict.fromkeys(lines))

    def _metadata(
        self, label: Label, credit: LabelCredit, country: Country, carrier: str, year: int
    ) -> dict[str, Any]:
        dice = self.dice
        metadata: dict[str, Any] = {}
        identifiers: list[dict[str, str]] = []
        own = credit.discogs_id == label.discogs_id
        if own and carrier != "CDr" and year > 1981 and dice.chance(0.48):
            code = _barcode(label, dice)
            spaced = f"{code[0]} {code[1:7]} {code[7:]}"
            identifiers.append({"type": "Barcode", "value": spaced, "description": "Text"})
            if dice.chance(0.3):
                identifiers.append({"type": "Barcode", "value": code, "description": "Scanned"})
        if own and carrier != "File" and dice.chance(0.45):
            mark = (credit.catno or label.prefix).replace(" ", "-")
            for side in "AB" if carrier in _SIDED and carrier != "Cassette" else ("",):
                text = (
                    f"{mark}-{side}{dice.between(1, 3)}" if side else f"{mark} {dice.below(99):02d}"
                )
                found = {"type": "Matrix / Runout", "value": text}
                if side:
                    found["description"] = f"Side {side} runout, etched"
                identifiers.append(found)
        if country.rights and dice.chance(0.25):
            identifiers.append({"type": "Rights Society", "value": country.rights})
        if own and country.language != "ja" and year > 1977 and dice.chance(0.12):
            identifiers.append({"type": "Label Code", "value": label.code})
        if identifiers:
            metadata["identifiers"] = identifiers
        if dice.chance(0.4):
            metadata["companies"] = [
                self._company(part, label) for part in dice.some(_PARTS, dice.between(1, 3))
            ]
        return metadata

    def _company(self, part: tuple[str, str], label: Label) -> dict[str, Any]:
        number, name = label.discogs_id, label.name
        if part[1].endswith(" At"):
            number, name = self.writer.cast.studio()
        return {"id": number, "name": name, "entity_type": part[0], "entity_type_name": part[1]}


def _positions(number: int, carrier: str, discs: int, dice: Dice) -> list[str]:
    """Return as many positions as there are songs, in the carrier's way of counting."""
    if carrier in _SIDED:
        sides = min(discs * 2, 26, number)
        if number <= 2 and carrier != "Cassette":
            return ["A", "AA" if number == 2 and dice.chance(0.06) else "B"][:number]
        # Earlier sides take what does not divide evenly.
        sizes = [number // sides + (side < number % sides) for side in range(sides)]
        return [
            f"{chr(65 + side)}{track}" if size > 1 or carrier == "Cassette" else chr(65 + side)
            for side, size in enumerate(sizes)
            for track in range(1, size + 1)
        ]
    if discs == 1:
        return [str(track) for track in range(1, number + 1)]
    each = -(-number // discs)
    prefix = "CD" if carrier == "CD" and dice.chance(0.1) else ""
    return [f"{prefix}{at // each + 1}-{at % each + 1}" for at in range(number)]


def _starts(positions: list[str], carrier: str) -> list[int]:
    """Return where each side or disc begins."""
    if carrier in _SIDED:
        groups = [position[0] for position in positions]
    else:
        groups = [position.partition("-")[0] for position in positions]
    return [at for at, group in enumerate(groups) if at == 0 or group != groups[at - 1]]


def _clock(seconds: int, padded: bool) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{minutes:02d}:{rest:02d}" if padded else f"{minutes}:{rest:02d}"


def _barcode(label: Label, dice: Dice) -> str:
    """Return a number of 13 digits with the check digit of EAN-13."""
    digits = f"{label.barcode}{dice.below(100_000):05d}"
    total = sum(int(digit) * (3 if at % 2 else 1) for at, digit in enumerate(digits))
    return f"{digits}{-total % 10}"
