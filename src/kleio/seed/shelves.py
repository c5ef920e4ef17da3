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
    """One invented user; `copies` is how many records stand on the shelf."""

    username: str
    email: str
    admin: bool = False
    display_name: str
    location: str
    about: str
    copies: int
    collecting_since: datetime
    folders: tuple[str, ...]


class ShelfEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One copy of a release on a user's shelf; `release_discogs_id` names the release."""

    release_discogs_id: int
    folder: str
    rating: int | None
    notes: str | None
    media_condition: str
    sleeve_condition: str
    added_at: datetime


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
    ),
    DemoUser(
        username="cleo",
        email="cleo@example.org",
        display_name="Cleo Sénéchal",
        location="Lyon",
        about="Inherited half of it and is listening through.",
        copies=75,
        collecting_since=datetime(2021, 1, 9, 10, 0, tzinfo=UTC),
        folders=words("Uncategorized, Inherited"),
    ),
)


def demo_users() -> tuple[DemoUser, ...]:
    """Return the demo's users; the first is the administrator."""
    return _USERS


def demo_shelf(user: DemoUser, catalogue_ids: Sequence[int], seed: int = 1) -> list[ShelfEntry]:
    """Return the copies on the user's shelf, the first bought first.

    About one in 25 is a second copy of a release that is there already. Releases near the start
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
    return [
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


def _moment(dice: Dice, user: DemoUser, day: int) -> datetime:
    return user.collecting_since + timedelta(days=day, seconds=dice.below(10 * 3600))
