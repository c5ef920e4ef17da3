"""The demo's three users and what stands on their shelves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from kleio.seed.dice import Dice, table, templates, words
from kleio.seed.words import LISTS

# Fixed, so that the same seed is the same shelf on every day.
LAST_ADDED = datetime(2025, 12, 31, 21, 0, tzinfo=UTC)

MEDIA = table({"M": 6, "NM": 30, "VG+": 36, "VG": 14, "G+": 4, "G": 2, "F": 1, "P": 1,
               "Not Graded": 6})  # fmt: skip
SLEEVES = table({"M": 5, "NM": 24, "VG+": 34, "VG": 17, "G+": 5, "G": 3, "F": 1, "P": 1,
                 "Not Graded": 4, "Generic": 4, "No Cover": 2})  # fmt: skip
REASONS = table({"sold": 5, "given away": 3, "duplicate": 2, "lost": 1, "mistake": 1})
RATINGS: tuple[int | None, ...] = table({None: 66, 5: 10, 4: 14, 3: 7, 2: 2, 1: 1})
NOTES = templates(
    """3* Bought in {place}.
2* From {name}'s collection.
Small split on the spine.
2* Light surface noise on the first track.
Sleeve signed by the drummer.
2* Gift from {name}.
Insert missing.
Seam repaired with tape.
Plays better than it looks.
2* Found at a flea market in {place}.
Cleaned before the first play.
Name written on the label: "{name}".
Lent to {name}.
Hype sticker kept.
{when} find, 3 for 10.""".splitlines(),
    LISTS,
)


class DemoUser(msgspec.Struct, frozen=True, kw_only=True):
    """One invented user; `copies` is how many records stand on the shelf.

    `styluses` are the primary one, the retired one and what lies in a drawer, each with the
    manufacturer and name of its model and, where they are not the model's, its hours. `evenings`
    and `weekends` are the shares of weekdays and of other days with a play, `streak` the last days
    in a row with one.
    """

    username: str
    email: str
    admin: bool = False
    display_name: str
    location: str
    about: str
    copies: int
    collecting_since: datetime
    folders: tuple[str, ...]
    time_zone: str
    thresholds: dict[str, int] = {}
    styluses: tuple[tuple[str, tuple[str, str], int | None], ...]
    evenings: float
    weekends: float
    streak: int


class ShelfEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One copy of a release on a user's shelf; `release_discogs_id` names the release."""

    release_discogs_id: int
    folder: str
    rating: int | None
    notes: str | None
    media_condition: str
    sleeve_condition: str
    added_at: datetime
    archived_at: datetime | None = None
    archive_reason: str | None = None


_USERS = (
    DemoUser(
        username="ada",
        email="ada@example.org",
        admin=True,
        display_name="Ada Merriweather",
        location="Utrecht",
        about="Sleeves first, then the music. Keeps the shelf and the server.",
        copies=220,
        collecting_since=datetime(2013, 3, 2, 10, 0, tzinfo=UTC),
        folders=words("Uncategorized, Living Room, Singles Box, To Clean, Attic"),
        time_zone="Europe/Amsterdam",
        styluses=(
            ("Ortofon 2M Bronze", ("Ortofon", "2M Bronze"), None),
            ("Nagaoka, came with the deck", ("Nagaoka", "JN-P110"), 50),
            ("Denon for mono", ("Denon", "DL-103"), None),
        ),
        evenings=0.42,
        weekends=0.8,
        streak=5,
    ),
    DemoUser(
        username="ben",
        email="ben@example.org",
        display_name="Ben Okafor",
        location="Leeds",
        about="Twelve-inches, mostly. Buys doubles to mix.",
        copies=140,
        collecting_since=datetime(2017, 9, 16, 10, 0, tzinfo=UTC),
        folders=words("Uncategorized, Bag, Crate 1, Crate 2"),
        time_zone="Europe/London",
        thresholds={"neglectedDays": 270, "cleaningFrequencyPlays": 8},
        styluses=(
            ("Left deck", ("Audio-Technica", "AT-VMN95SH"), None),
            ("Left deck, before", ("Audio-Technica", "AT-VMN95C"), 40),
        ),
        evenings=0.25,
        weekends=0.7,
        streak=3,
    ),
    DemoUser(
        username="cleo",
        email="cleo@example.org",
        display_name="Cleo Sénéchal",
        location="Montréal",
        about="Inherited half of it and is listening through.",
        copies=75,
        collecting_since=datetime(2021, 1, 9, 10, 0, tzinfo=UTC),
        folders=words("Uncategorized, Inherited"),
        time_zone="America/Toronto",
        thresholds={"recentlyPlayedDays": 90},
        styluses=(
            ("Rega Carbon", ("Rega", "Carbon"), None),
            ("Grandfather's", ("Grado", "Prestige Black"), 12),
        ),
        evenings=0.12,
        weekends=0.35,
        streak=2,
    ),
)


def demo_users() -> tuple[DemoUser, ...]:
    """Return the demo's users; the first is the administrator."""
    return _USERS


def demo_shelf(user: DemoUser, catalogue_ids: Sequence[int], seed: int = 1) -> list[ShelfEntry]:
    """Return the copies on the user's shelf, the first bought first.

    About one in 25 is a second copy of a release that is there already, and about as many are
    archived, for a reason. Releases near the start
    of `catalogue_ids` are on more shelves than others, so the shelves overlap.

    Args:
        user: Whose shelf, with its size and folders.
        catalogue_ids: Discogs ids to choose from; with few of them the shelf is smaller.
        seed: Another number is another shelf.
    """
    if not catalogue_ids:
        return []
    dice = Dice(f"{seed}:{user.username}")
    doubles = max(2, user.copies // 25)
    chosen: dict[int, None] = {}
    wanted = min(user.copies - doubles, len(catalogue_ids))
    while len(chosen) < wanted:
        chosen[int(len(catalogue_ids) * dice.random() ** 1.4)] = None
    days = (LAST_ADDED - user.collecting_since).days
    copies = [(_moment(dice, user, dice.below(days)), catalogue_ids[index]) for index in chosen]
    for added_at, release in dice.some(copies, min(doubles, wanted)):
        later = dice.below((LAST_ADDED - added_at).days + 1)
        copies.append((added_at + timedelta(days=later, minutes=dice.between(1, 50)), release))
    copies.sort()
    shelf = [
        ShelfEntry(
            release_discogs_id=release,
            folder=user.folders[0] if dice.chance(0.5) else dice.pick(user.folders),
            rating=dice.pick(RATINGS),
            notes=dice.fill(NOTES) if dice.chance(0.22) else None,
            media_condition=dice.pick(MEDIA),
            sleeve_condition=dice.pick(SLEEVES),
            added_at=added_at,
        )
        for added_at, release in copies
    ]
    for place in dice.some(range(len(shelf)), len(shelf) // 25):
        entry = shelf[place]
        days = dice.below((LAST_ADDED - entry.added_at).days + 1)
        shelf[place] = msgspec.structs.replace(
            entry,
            archived_at=entry.added_at + timedelta(days=days, hours=1),
            archive_reason=dice.pick(REASONS),
        )
    return shelf


def _moment(dice: Dice, user: DemoUser, day: int) -> datetime:
    return user.collecting_since + timedelta(days=day, seconds=dice.below(10 * 3600))
