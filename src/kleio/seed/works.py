"""What is on the records: titles, track lists and people, the same on every pressing."""

from __future__ import annotations

from kleio.catalogue import ArtistCredit
from kleio.seed.cast import FIRST_DISCOGS_ID, Artist, Cast, Label
from kleio.seed.dice import Dice, table
from kleio.seed.languages import LANGUAGES
from kleio.seed.vocabulary import (
    COUNTRIES,
    DECADES,
    ERAS,
    FORMATS,
    JOINS,
    Country,
    Family,
    families,
    styles,
)
from kleio.seed.words import CLASSICAL, COMPILATIONS, MOVEMENTS, PLACES

PRESSINGS = table({1: 68, 2: 14, 3: 8, 4: 4, 5: 3, 6: 2, 8: 1})
_KINDS = {
    "Vinyl": table({"album": 46, "single": 37, "ep": 17}),
    "CD": table({"album": 80, "single": 14, "ep": 6}),
    "File": table({"album": 30, "single": 38, "ep": 32}),
    "Cassette": table({"album": 92, "single": 3, "ep": 5}),
    "CDr": table({"album": 75, "single": 5, "ep": 20}),
    "Shellac": ("single",),
    "Flexi-disc": ("single",),
}
_CLUB_VINYL = table({"album": 22, "single": 43, "ep": 35})
_ARTISTS = table({1: 87, 2: 9, 3: 3, 4: 1})
_PEOPLE = table({0: 41, 1: 12, 2: 9, 3: 7, 4: 5, 5: 4, 6: 4, 7: 3, 8: 3, 10: 5, 12: 4, 15: 3})
_VERSIONS = table({"Instrumental": 5, "Dub": 4, "Extended Mix": 4, "Radio Edit": 3, "Live": 2,
                   "Acapella": 1, "Demo": 1})  # fmt: skip

# Shortest and longest playing time of a track, seconds.
_LENGTHS = {"Rock": (125, 330), "Electronic": (260, 520), "Jazz": (170, 560), "Reggae": (150, 260),
            "Classical": (90, 480), "Hip Hop": (120, 290), "Non-Music": (60, 900)}  # fmt: skip


class Song:
    """One piece of music; one with parts is an index track."""

    __slots__ = ("credits", "parts", "seconds", "title")

    def __init__(self, title: str, seconds: int) -> None:
        self.title = title
        self.seconds = seconds
        self.credits: list[ArtistCredit] = []
        self.parts: list[tuple[str, int]] = []


class Work:
    """What the releases of one master have in common, with the format and year of each."""

    __slots__ = ("artist", "artists", "best_of", "country", "family", "genres", "kind", "label",
                 "master_id", "plans", "songs", "styles", "title", "year")  # fmt: skip

    artist: Artist
    artists: list[ArtistCredit]
    best_of: bool
    country: Country
    family: Family
    genres: list[str]
    kind: str
    label: Label
    master_id: int | None
    plans: list[tuple[str, int]]
    songs: list[Song]
    styles: list[str]
    title: str
    year: int


class Writer:
    """Makes one work after the other."""

    def __init__(self, dice: Dice) -> None:
        self._dice = dice
        self.cast = Cast(dice)
        self._last_master = FIRST_DISCOGS_ID - 1
        self._titles: set[str] = set()

    def work(self) -> Work:
        """Return a new work."""
        dice = self._dice
        work = Work()
        work.plans = self._plans()
        work.year = min(year for _, year in work.plans)
        work.family = dice.pick(families(work.year))
        carrier = work.plans[0][0]
        clubby = carrier == "Vinyl" and work.family.clubby and work.year > 1976
        work.kind = dice.pick(_CLUB_VINYL if clubby else _KINDS.get(carrier, ("album",)))
        if any(name in ("Shellac", "Flexi-disc") for name, _ in work.plans):
            work.kind = "single"
        if work.kind != "album":
            self._bring_together(work)
        work.country = self.country(work.year, work.family)
        work.genres = [work.family.genre]
        if work.family.second and dice.chance(0.22):
            work.genres += dice.some(work.family.second, 2 if dice.chance(0.2) else 1)
        work.styles = self._styles(work)
        self._bill(work)
        work.label = self.cast.label(work.family, work.country, work.year)
        self._record(work)
        work.artists += self._people(work)
        work.master_id = None
        if len(work.plans) > 1:
            self._last_master += 1
            work.master_id = self._last_master
        return work

    def country(self, year: int, family: Family | None = None) -> Country:
        """Return a country that exists in the year, one at home in the family if one is given."""
        while True:
            country = self._dice.pick(COUNTRIES)
            if family and family.languages and country.language not in family.languages:
                continue
            if country.since <= year <= country.until:
                return country

    def _plans(self) -> list[tuple[str, int]]:
        dice = self._dice
        plans: list[tuple[str, int]] = []
        for _ in range(dice.pick(PRESSINGS)):
            carrier = dice.pick(FORMATS)
            first, last = ERAS[carrier]
            if plans and first <= plans[0][1] <= last and dice.chance(0.45):
                year = plans[0][1]
            elif carrier in DECADES:
                year = dice.pick(DECADES[carrier]) + dice.below(10)
            else:
                year = dice.between(first, last)
            plans.append((carrier, min(max(year, first), last)))
        return plans

    def _bring_together(self, work: Work) -> None:
        # A single comes out in all its formats at once, and seldom more than twice in one;
        # reissues decades later are albums'.
        year = max(year for _, year in work.plans)
        carriers = [name for name, _ in work.plans]
        work.plans = [
            (name, year)
            for at, name in enumerate(carriers)
            if ERAS[name][0] <= year <= ERAS[name][1] and carriers[:at].count(name) < 2
        ]
        work.year = year
        if work.family.since > work.year:
            work.family = self._dice.pick(families(work.year))

    def _styles(self, work: Work) -> list[str]:
        dice = self._dice
        number = dice.pick((0, 1, 1, 1, 1, 1, 2, 2, 2, 3))
        known = styles(work.family, work.year, work.country.language)
        # Neighbours in the list go together; a record is seldom Black Metal and Surf.
        start = dice.below(max(len(known) - 3, 1))
        return dice.some(known[start : start + 4], number) if known else []

    def _bill(self, work: Work) -> None:
        dice = self._dice
        if work.kind == "album" and dice.chance(0.1):
            work.artist = self.cast.various
            work.artists = [credit_for(dice, work.artist, 0.0)]
            return
        work.artist = self.cast.artist(work.family, work.country, work.year)
        billed = [work.artist]
        if work.family.genre == "Classical":
            # The composer stands first.
            billed = [self.cast.person(work.country.language, work.year), work.artist]
        for _ in range(dice.pick(_ARTISTS) - 1):
            other = self.cast.artist(work.family, work.country, work.year)
            if other not in billed:
                billed.append(other)
        work.artists = [credit_for(dice, artist, 0.06) for artist in billed]
        for credit in work.artists[:-1]:
            credit.join_relation = dice.pick(JOINS)

    def _record(self, work: Work) -> None:
        dice = self._dice
        club = work.family.clubby
        if work.kind == "single":
            number = dice.pick((2, 2, 3, 4) if club else (2, 2, 2, 2, 3))
            if any(name in ("Shellac", "Flexi-disc") for name, _ in work.plans):
                number = 2
        elif work.kind == "ep":
            number = dice.between(3, 6)
        elif work.artist is self.cast.various:
            number = dice.between(10, 24)
        else:
            number = dice.between(7, 16)
        taken: set[str] = set()
        work.songs = [self._song(work, taken) for _ in range(number)]
        if work.kind != "album":
            self._versions(work)
        work.best_of = False
        work.title = self._title(work)
        for _ in range(6):
            if work.title not in self._titles:
                break
            work.title = self._title(work)
        self._titles.add(work.title)
        if dice.chance(0.3):
            self._credit_songs(work)

    def _song(self, work: Work, taken: set[str]) -> Song:
        dice = self._dice
        performer = work.artist
        various = performer is self.cast.various
        if various:
            performer = self.cast.artist(work.family, work.country, work.year)
        if work.family.genre == "Classical" and work.kind == "album" and dice.chance(0.2):
            song = Song(dice.fill(CLASSICAL), 0)
            for number, name in enumerate(dice.some(MOVEMENTS, dice.between(3, 4)), 1):
                seconds = dice.between(140, 760)
                song.parts.append((f"{('I', 'II', 'III', 'IV')[number - 1]}. {name}", seconds))
                song.seconds += seconds
        else:
            low, high = _LENGTHS.get(work.family.genre, (130, 290))
            # Two draws, because most tracks are near the middle.
            seconds = (dice.between(low, high) + dice.between(low, high)) // 2
            song = Song(self._song_title(work.family, performer, taken), seconds)
        taken.add(song.title)
        if various:
            song.credits.append(credit_for(dice, performer, 0.05))
        elif dice.chance(0.02):
            guest = credit_for(dice, self.cast.person(performer.language, work.year), 0.1)
            guest.role = "Featuring"
            song.credits.append(guest)
        return song

    def _song_title(self, family: Family, performer: Artist, taken: set[str]) -> str:
        dice = self._dice
        language = LANGUAGES[performer.language]
        share = family.native
        if performer.language in ("ja", "ru"):
            share = max(share, 0.75)
        native = bool(language.heads) and dice.chance(share)
        for _ in range(12):
            if native:
                title = f"{dice.pick(language.heads)}{language.space}{dice.pick(language.tails)}"
            else:
                title = dice.fill(family.titles)
            if title not in taken:
                break
        return title

    def _versions(self, work: Work) -> None:
        dice = self._dice
        first = work.songs[0]
        for place, song in enumerate(work.songs[1:], 1):
            if work.family.clubby and work.kind == "single" and dice.chance(0.5):
                remixer = self.cast.artist(work.family, self.country(work.year), work.year)
                title = f"{first.title} ({remixer.name} Remix)"
                if all(other.title != title for other in work.songs):
                    song.title = title
                    credit = credit_for(dice, remixer, 0.0)
                    credit.role = "Remix"
                    song.credits = [credit]
            elif place > 1 or dice.chance(0.15):
                title = f"{work.songs[dice.below(place)].title} ({dice.pick(_VERSIONS)})"
                if title.count("(") == 1 and all(other.title != title for other in work.songs):
                    song.title = title

    def _title(self, work: Work) -> str:
        dice = self._dice
        lead = work.songs[0].title
        if work.kind == "single":
            flip = work.songs[1].title
            both = "(" not in flip and dice.chance(0.55)
            return f"{lead} / {flip}" if both else lead
        if work.kind == "ep":
            return f"{lead} EP" if dice.chance(0.45) else lead
        if work.artist is self.cast.various:
            return dice.fill(COMPILATIONS)
        name = work.artist.name.partition(" (")[0]
        share = dice.random()
        if share < 0.06:
            return name
        if share < 0.1 and work.artist.language == "en":
            return f"Live At {dice.pick(PLACES)}"
        if share < 0.16:
            work.best_of = True
            return (
                f"The Best Of {name}" if dice.chance(0.5) else f"{name} {work.year - 9}-{work.year}"
            )
        if work.family.genre == "Stage & Screen":
            kind = dice.pick(("Motion Picture Soundtrack", "Television Score", "Soundtrack"))
            return f"{lead} (Original {kind})"
        if work.family.genre == "Classical":
            flip = work.songs[1].title
            return f"{lead} / {flip}" if dice.chance(0.7) else lead
        if dice.chance(0.35):
            return dice.pick(work.songs).title
        return self._song_title(work.family, work.artist, {song.title for song in work.songs})

    def _people(self, work: Work) -> list[ArtistCredit]:
        dice = self._dice
        people: list[ArtistCredit] = []
        language = work.country.language
        for _ in range(dice.pick(_PEOPLE)):
            credit = credit_for(dice, self.cast.person(language, work.year), 0.12)
            credit.role = dice.pick(work.family.roles)
            if all(one.name != credit.name or one.role != credit.role for one in people):
                people.append(credit)
        return people

    def _credit_songs(self, work: Work) -> None:
        dice = self._dice
        writers = [self.cast.person(work.country.language, work.year) for _ in range(3)]
        for song in work.songs:
            if dice.chance(0.6):
                credit = credit_for(dice, dice.pick(writers), 0.15)
                credit.role = "Producer" if dice.chance(0.2) else "Written-By"
                song.credits.append(credit)


def credit_for(dice: Dice, artist: Artist, varied: float) -> ArtistCredit:
    """Return a credit of the artist, under another name in `varied` of all cases.

    One in 150 is not linked to an artist, as with names that Discogs keeps as text only.
    """
    variation = artist.variation if varied and dice.chance(varied) else None
    linked = not varied or not dice.chance(1 / 150)
    return ArtistCredit(
        name=artist.name,
        discogs_id=artist.discogs_id if linked else None,
        anv=variation if variation != artist.name else None,
    )
