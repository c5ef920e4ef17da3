"""What the demo's users did with their shelves in the year before the demo's first day.

Evenings and weekends, favourites and obsessions, long nights, weeks away, a wet brush before some
plays and an afternoon with the cleaning machine now and then. Everything is told in the records of
`kleio.account_records`; a copy's name is its place on the shelf, a stylus' its own name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec

from kleio.account_records import CleaningRecord, PlayRecord, StylusRecord
from kleio.catalogue import ReleaseDocument
from kleio.seed.dice import Dice, table, templates
from kleio.seed.shelves import DemoUser, ShelfEntry
from kleio.seed.words import LISTS

HISTORY = timedelta(days=385)
"""A little over a year, so that the days after the first have an anniversary as well."""

RECORDS = table({1: 6, 2: 9, 3: 5, 4: 2})
HOURS = {
    "evening": table({18: 2, 19: 4, 20: 6, 21: 5, 22: 2}),
    "weekend": table({9: 1, 10: 3, 11: 3, 14: 2, 15: 3, 16: 3, 17: 2, 19: 3, 20: 4, 21: 3, 22: 1}),
}
NOTES = templates(
    """2* With {name}.
Skips in the second half; look for a better copy.
2* Side two again, and again.
Better than I remembered.
{when}, windows open.
Warped, but it tracks.
Fell asleep.""".splitlines(),
    LISTS,
)
CLEANING_NOTES = ("Two passes.", "New inner sleeve.", "Still a click on the last track.")


class Listening(msgspec.Struct, frozen=True, kw_only=True):
    """What a user played, cleaned and played on; plays and cleanings in the order of time."""

    styluses: list[StylusRecord]
    plays: list[PlayRecord]
    cleanings: list[CleaningRecord]


def demo_listening(
    user: DemoUser,
    shelf: Sequence[ShelfEntry],
    catalogue: Mapping[int, ReleaseDocument],
    day: date,
    seed: int = 1,
) -> Listening:
    """Return a year of listening that ends on the evening before a day.

    Args:
        user: Whose, with the habits.
        shelf: What `demo_shelf` gave for the user.
        catalogue: The shelf's releases by their Discogs number.
        day: The demo's first day, in the user's time zone.
        seed: Another number is another year, and so is another day.
    """
    return _Year(Dice(f"{seed}:{user.username}:{day}"), user, shelf, catalogue, day).listening()


class _Year:
    def __init__(
        self,
        dice: Dice,
        user: DemoUser,
        shelf: Sequence[ShelfEntry],
        catalogue: Mapping[int, ReleaseDocument],
        day: date,
    ) -> None:
        self.dice = dice
        self.user = user
        self.shelf = shelf
        self.catalogue = catalogue
        self.day = day
        self.zone = ZoneInfo(user.time_zone)
        self.end = self._at(day, 0)
        self.changed = day - timedelta(days=dice.between(120, 200))
        """The day on which the retired stylus made way for the primary one."""
        # Well rated records stand in front, and the front is played most.
        self.favourites = sorted(
            range(len(shelf)), key=lambda copy: dice.random() - 0.12 * (shelf[copy].rating or 2)
        )
        self.plays: list[PlayRecord] = []
        self.cleanings: list[CleaningRecord] = []
        self.since_cleaning: dict[int, int] = {}

    def listening(self) -> Listening:
        for evening in self._days():
            self._session(evening)
        return Listening(
            styluses=self._styluses(),
            plays=self.plays,
            cleanings=sorted(self.cleanings, key=lambda cleaning: cleaning.cleaned_at),
        )

    def _at(self, day: date, seconds: int) -> datetime:
        local = datetime.combine(day, time(), self.zone) + timedelta(seconds=seconds)
        return local.astimezone(UTC)

    def _days(self) -> list[date]:
        """Return the days on which something was played, in order."""
        dice, user = self.dice, self.user
        away: set[date] = set()
        for _ in range(3):
            leaving = self.day - timedelta(days=dice.between(40, 340))
            away |= {leaving + timedelta(days=at) for at in range(dice.between(6, 15))}
        # A run that still lasts, and something to remember on the first day.
        days = {self.day - timedelta(days=at + 1) for at in range(user.streak)}
        days.add(_anniversary(self.day))
        for at in range(1, HISTORY.days + 1):
            day = self.day - timedelta(days=at)
            listens = user.weekends if day.weekday() >= 5 else user.evenings
            if dice.chance(listens) and day not in away:
                days.add(day)
        return sorted(days)

    def _session(self, day: date) -> None:
        dice = self.dice
        weekend = day.weekday() >= 5
        hour = dice.pick(HOURS["weekend" if weekend else "evening"])
        moment = self._at(day, hour * 3600 + dice.below(3600))
        if weekend and hour < 17 and dice.chance(0.12):
            moment = self._clean_some(moment)
        bedtime = min(self._at(day, 25 * 3600), self.end)
        for _ in range(dice.between(5, 8) if dice.chance(0.06) else dice.pick(RECORDS)):
            copy = self._choose(moment)
            if copy is None or moment >= bedtime:
                return
            moment += timedelta(seconds=self._play(copy, moment) + 60 * dice.between(2, 12))

    def _choose(self, moment: datetime) -> int | None:
        """Return what is played, None where nothing that was drawn stood on the shelf then."""
        dice = self.dice
        fortnight = Dice(f"{self.user.username}:{moment.toordinal() // 14}")
        for _ in range(20):
            # The last fifth is never played.
            place = (fortnight if dice.chance(0.12) else dice).random() ** 1.7
            copy = self.favourites[int(len(self.favourites) * 0.8 * place)]
            entry = self.shelf[copy]
            if entry.added_at < moment and (
                entry.archived_at is None or moment < entry.archived_at
            ):
                return copy
        return None

    def _play(self, copy: int, moment: datetime) -> int:
        """Play a record, cleaned before where it needs it, and return the seconds it took."""
        dice = self.dice
        release = self.catalogue[self.shelf[copy].release_discogs_id]
        on_vinyl = release.formats[0].name == "Vinyl"
        since = self.since_cleaning.get(copy, 3)
        if on_vinyl and dice.chance(0.03 + 0.05 * since):
            self._clean(copy, moment - timedelta(minutes=dice.between(2, 6)), deep=dice.chance(0.1))
        self.since_cleaning[copy] = self.since_cleaning.get(copy, 3) + 1
        seconds, side = release.play_duration, None
        if on_vinyl and dice.chance(0.1) and (sides := _sides(release)):
            side = dice.pick(tuple(sides))
            seconds = sides[side]
        if not on_vinyl or dice.chance(0.03):
            stylus = None
        else:
            stylus = self.user.styluses[moment.date() < self.changed][0]
        self.plays.append(
            PlayRecord(
                release_id=str(release.discogs_id),
                copy_id=str(copy),
                stylus_id=stylus,
                played_at=moment,
                duration_seconds=seconds,
                duration_estimated=True,
                side=side,
                notes=dice.fill(NOTES) if dice.chance(0.03) else None,
            )
        )
        return seconds or 2400

    def _clean(self, copy: int, moment: datetime, *, deep: bool) -> None:
        self.since_cleaning[copy] = 0
        self.cleanings.append(
            CleaningRecord(
                release_id=str(self.shelf[copy].release_discogs_id),
                copy_id=str(copy),
                cleaned_at=moment,
                deep=deep,
                notes=self.dice.pick(CLEANING_NOTES) if self.dice.chance(0.05) else None,
            )
        )

    def _clean_some(self, moment: datetime) -> datetime:
        """Get the machine out for a few records, and return when it is put away."""
        for _ in range(self.dice.between(3, 6)):
            copy = self._choose(moment)
            if copy is not None:
                self._clean(copy, moment, deep=True)
                moment += timedelta(minutes=self.dice.between(6, 10))
        return moment

    def _styluses(self) -> list[StylusRecord]:
        """Return the primary stylus, the retired one before it, and what lies in a drawer."""
        found = []
        for number, (name, model, hours) in enumerate(self.user.styluses):
            installed = (self.changed, self.changed - timedelta(days=500), None)[number]
            bought = (installed or self.changed) - timedelta(days=self.dice.between(1, 30))
            found.append(
                StylusRecord(
                    id=name,
                    name=name,
                    model=model,
                    expected_lifespan_hours=hours,
                    purchase_date=bought,
                    install_date=installed,
                    active=number != 1,
                    is_primary=number == 0,
                )
            )
        return found


def _anniversary(day: date) -> date:
    """Return the day's date in the latest earlier year that has it."""
    years = 1
    while True:
        try:
            return day.replace(year=day.year - years)
        except ValueError:
            years += 1


def _sides(release: ReleaseDocument) -> dict[str, int]:
    """Return the seconds of each side, none where the tracks don't say what is on which."""
    seconds: dict[str, int] = {}
    for track in release.tracks:
        if track.type == "heading":
            continue
        # Letters and a number: the other side of "A" may be called "AA".
        side = (track.position or "").rstrip("0123456789")
        if track.parent_seq is not None or not side.isalpha():
            return {}
        seconds[side] = seconds.get(side, 0) + (track.duration_seconds or 0)
    share = (release.play_duration or 2400) // max(len(seconds), 1)
    return {side: known or share for side, known in seconds.items()}
