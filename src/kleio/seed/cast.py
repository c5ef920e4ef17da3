"""The invented artists, labels and companies of a catalogue, and who is at work when."""

from __future__ import annotations

from collections.abc import Callable

from kleio.seed.dice import Dice, templates, words
from kleio.seed.languages import ENGLISH, LANGUAGES
from kleio.seed.vocabulary import Country, Family
from kleio.seed.words import LISTS

# Discogs counts up from 1 and stands below 40 million everywhere, the column is an int4: nothing
# real can ever meet these numbers.
FIRST_DISCOGS_ID = 2_000_000_000

ODD = words("""
Reluctant, Second-Hand, Unfinished, Sleepless, Crooked, Borrowed, Careful, Ordinary, Weightless,
Rusted, Barefoot, Paper, Tin, Hollow, Copper, Amber, Restless, Honest, Foolish, Painted, Drunken,
Polite, Unpaid, Temporary, Provincial, Nearly, Velveteen, Municipal, Accidental, Modern""")

_LISTS = LISTS | {
    "odd": ODD,
    "first": ENGLISH.first,
    "last": ENGLISH.last,
    "emblem": ENGLISH.emblems,
    "head": words(
        "Vel, Kor, Num, Ax, Tre, Ost, Mir, Sol, Ky, Dra, Fen, Ul, Zar, Pel, Ari, Quo, Hal"
    ),
    "tail": words("ith, oma, ex, aro, und, ika, ost, enne, ulon, ades, iv, orra, atik, esh, ume"),
}
_SOLO = templates(["{first} {last}"], _LISTS)
_BANDS = templates(
    """3* The {odd} {plural}
2* {odd} {noun}
2* {odd} {plural}
3* The {emblem}
2* {emblem}
{noun} {plural}
{last} & The {plural}
{name} & The {odd} {plural}
{number} {odd} {plural}
2* {noun} & {last}
{place}
{ing} {plural}
{last} Brothers""".splitlines(),
    _LISTS,
)
_ACTS = {
    "Electronic": templates(
        """6* {head}{tail}
2* {tech} {n}
2* {odd} {tech}
DJ {last}
{head}{tail} & {last}
{last} Sound System
3* {first} {last}
{tech} {tech}""".splitlines(),
        _LISTS,
    ),
    "Hip Hop": templates(
        """2* MC {last}
2* {odd} {street}
{name} The {noun}
{street} {plural}
2* {last} & {head}{tail}
{place} Collective""".splitlines(),
        _LISTS,
    ),
    "Reggae": templates(
        """3* {first} {last}
Prince {last}
The {riddim} All Stars
The {odd} {plural}
{last} & {last}""".splitlines(),
        _LISTS,
    ),
    "Jazz": templates(
        """3* {first} {last}
2* {first} {last} Trio
3* {first} {last} Quartet
{first} {last} Quintet
{last} Septet
{place} Big Band""".splitlines(),
        _LISTS,
    ),
    "Classical": templates(
        """2* {place} Chamber Orchestra
{place} Philharmonic
{place} Symphony Orchestra
2* {last} Quartet
{first} {last}
Choir Of {place}""".splitlines(),
        _LISTS,
    ),
    "Brass & Military": templates(
        """The Band Of The {place} Regiment
{place} Colliery Band
Massed Bands Of {place}""".splitlines(),
        _LISTS,
    ),
}
# How often an act of the family is one person under their own name.
_ALONE = {"Rock": 0.2, "Pop": 0.75, "Folk, World, & Country": 0.6, "Funk / Soul": 0.5, "Blues": 0.7,
          "Latin": 0.4, "Stage & Screen": 0.8, "Non-Music": 0.8, "Children's": 0.5}  # fmt: skip

_IMPRINTS = templates(
    """4* {last} & {noun} Records
3* {odd} {noun}
2* {odd} {noun} Records
2* {place} Music
2* {tech} Recordings
2* {last} Records
{last} & {last}
{odd} {plural} Inc.
{place} Sound
{emblem} Tapes""".splitlines(),
    _LISTS,
)
_NATIVE_IMPRINTS = {
    "de": "{} Schallplatten", "fr": "Disques {}", "it": "Dischi {}", "es": "Discos {}",
    "pt": "Discos {}", "ja": "{}レコード", "ru": "Студия {}", "sv": "{} Grammofon",
    "pl": "Nagrania {}", "nl": "{} Platen", "sl": "{}disk", "no": "{} Plater",
}  # fmt: skip
_STUDIOS = templates(
    ["3* {place} Studios", "2* {noun} Sound", "The {noun} Room", "{last} Studio", "Studio {n}"],
    _LISTS,
)
_CATNOS = ("{p} {n:03d}", "{p}{n:03d}", "{p}-{n:03d}", "{p} {f} {n:02d}", "{p}{f}-{n:03d}",
           "{d} {n:05d}", "{p} {d}.{n:04d}", "{p}.{n:03d}")  # fmt: skip
_LETTERS = {"Vinyl": "LP", "CD": "CD", "Cassette": "MC", "File": "D", "CDr": "CDR", "DVD": "DVD"}


class Artist:
    """An act or a person, with the short form in which sleeves print the name."""

    __slots__ = ("country", "discogs_id", "language", "name", "variation")

    def __init__(
        self, discogs_id: int, name: str, variation: str, language: str, country: Country
    ) -> None:
        self.discogs_id = discogs_id
        self.name = name
        self.variation = variation
        self.language = language
        self.country = country


class Label:
    """A label with its own way of numbering and its block of barcodes."""

    __slots__ = ("barcode", "code", "discogs_id", "name", "pattern", "prefix", "rate", "since")

    def __init__(self, discogs_id: int, name: str, since: int, dice: Dice) -> None:
        self.discogs_id = discogs_id
        self.name = name
        self.since = since
        letters = [word[0] for word in name.split() if word[0].isalpha() and word[0].isupper()]
        if len(letters) < 3:
            letters = [letter for letter in name.upper() if letter.isalpha()][:3]
        if not "".join(letters).isascii():
            letters = [dice.pick("BCDFGKLMPRSTV") for _ in range(4)]
        self.prefix = "".join(letters[:4])
        self.pattern = dice.pick(_CATNOS)
        self.rate = dice.pick((6, 9, 14, 30, 120))
        self.code = f"LC {dice.between(10000, 99999)}"
        # GS1 keeps 200..299 for use inside shops: no product anywhere has such a barcode.
        self.barcode = f"2{dice.between(0, 999_999):06d}"

    def catno(self, dice: Dice, carrier: str, year: int) -> str:
        """Return a catalogue number in the label's style; later years have higher numbers."""
        number = max(year - self.since, 0) * self.rate + 1 + dice.below(self.rate)
        return self.pattern.format(
            p=self.prefix, n=number, f=_LETTERS.get(carrier, "X"), d=self.rate * 10 + len(self.name)
        )


class Cast:
    """Everybody who makes records, growing with the catalogue."""

    def __init__(self, dice: Dice) -> None:
        self._dice = dice
        self._names: dict[str, int] = {}
        self._last_artist = FIRST_DISCOGS_ID
        self._last_label = FIRST_DISCOGS_ID
        self._artists: dict[tuple[str, int, str], list[Artist]] = {}
        self._labels: dict[tuple[str, int, str], list[Label]] = {}
        self._people: dict[tuple[str, int], list[Artist]] = {}
        self._studios: list[tuple[int, str]] = []
        self.various = Artist(FIRST_DISCOGS_ID, "Various", "V.A.", "en", Country(None, "en"))
        self.not_on_label = FIRST_DISCOGS_ID

    def artist(self, family: Family, country: Country, year: int) -> Artist:
        """Return an act of this kind, country and time, known or new."""
        dice = self._dice
        decade = year // 10
        known = self._artists.setdefault((family.genre, decade, country.language), [])
        if known and dice.chance(0.55):
            return dice.pick(known)
        language = country.language
        if language not in _TITLED and dice.chance(0.2):
            language = "en"
        name, variation = self._act(family, language)
        artist = self._enter(name, variation, language, country)
        known.append(artist)
        if dice.chance(0.5):
            later = (family.genre, decade + 1, country.language)
            self._artists.setdefault(later, []).append(artist)
        return artist

    def person(self, language: str, year: int) -> Artist:
        """Return somebody for the credits: a player, a writer, an engineer."""
        dice = self._dice
        known = self._people.setdefault((language, year // 10), [])
        if len(known) > 6 and dice.chance(0.6):
            return known[-1 - dice.below(min(len(known), 40))]
        name, variation = self._full_name(language)
        person = self._enter(name, variation, language, Country(None, language))
        known.append(person)
        return person

    def label(self, family: Family, country: Country, year: int) -> Label:
        """Return a label for this kind of music, country and time, known or new."""
        dice = self._dice
        decade = year // 10
        known = self._labels.setdefault((family.genre, decade, country.language), [])
        if known and dice.chance(0.72):
            return dice.pick(known)
        label = self._new_label(country.language, year - dice.below(12))
        for when in range(label.since // 10, label.since // 10 + dice.between(2, 4)):
            self._labels.setdefault((family.genre, when, country.language), []).append(label)
        return label

    def studio(self) -> tuple[int, str]:
        """Return the Discogs number and name of a studio."""
        dice = self._dice
        if len(self._studios) > 30 and dice.chance(0.9):
            return dice.pick(self._studios)
        self._last_label += 1
        studio = (self._last_label, self._unique(lambda: dice.fill(_STUDIOS)))
        self._studios.append(studio)
        return studio

    def _new_label(self, language: str, since: int) -> Label:
        dice = self._dice
        native = _NATIVE_IMPRINTS.get(language)

        def name() -> str:
            if native and dice.chance(0.6):
                words = LANGUAGES[language]
                return native.format(dice.pick(words.last if language != "ru" else words.emblems))
            return dice.fill(_IMPRINTS)

        self._last_label += 1
        return Label(self._last_label, self._unique(name), since, dice)

    def _enter(self, name: str, variation: str, language: str, country: Country) -> Artist:
        self._last_artist += 1
        number = self._names.get(name, 0) + 1
        self._names[name] = number
        if number > 1:
            # As Discogs tells namesakes apart.
            name = f"{name} ({number})"
        return Artist(self._last_artist, name, variation, language, country)

    def _unique(self, draw: Callable[[], str]) -> str:
        name = draw()
        for _ in range(8):
            if name not in self._names:
                break
            name = draw()
        number = self._names.get(name, 0) + 1
        self._names[name] = number
        return name if number == 1 else f"{name} ({number})"

    def _act(self, family: Family, language: str) -> tuple[str, str]:
        for _ in range(8):
            name, variation = self._any_act(family, language)
            if name not in self._names:
                break
        return name, variation

    def _any_act(self, family: Family, language: str) -> tuple[str, str]:
        dice = self._dice
        own = _ACTS.get(family.genre)
        if own and (language == "en" or dice.chance(0.4)):
            return _shortened(dice.fill(own))
        if dice.chance(_ALONE.get(family.genre, 0.3)):
            return self._full_name(language)
        if language == "en":
            return _shortened(dice.fill(_BANDS))
        words = LANGUAGES[language]
        name = f"{dice.pick(words.groups)}{words.space}{dice.pick(words.emblems)}"
        if words.space and language != "ru" and dice.chance(0.6):
            name = f"{dice.pick(words.groups)} {dice.pick(words.last)}"
        return _shortened(name)

    def _full_name(self, language: str) -> tuple[str, str]:
        dice = self._dice
        words = LANGUAGES[language]
        for attempt in range(8):
            first, last = dice.pick(words.first), dice.pick(words.last)
            if attempt > 3 and words.space:
                # A large catalogue runs out of pairs, but not of middle names.
                first = f"{first} {dice.pick(words.first)[0]}."
            name = f"{last} {first}" if language == "ja" else f"{first} {last}"
            if name not in self._names:
                break
        return name, name.replace(" ", "") if language == "ja" else f"{first[0]}. {last}"


def _shortened(name: str) -> tuple[str, str]:
    if name.startswith("The "):
        return name, name[4:]
    if " & " in name:
        return name, name.replace(" & ", " And ")
    return name, name.upper()


_TITLED = frozenset(key for key, language in LANGUAGES.items() if language.heads) | {"en"}
