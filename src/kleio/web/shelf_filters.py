"""The shelf's filters as the page offers them: those of the API, by the API's names."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from kleio.web.query_strings import changed

SORTS = {
    "-match": "Best match",
    "-added": "Latest added",
    "added": "First added",
    "artist": "Artist",
    "title": "Title",
    "-year": "Newest release",
    "year": "Oldest release",
    "-rating": "Best rated",
    "-played": "Last played",
    "played": "Longest not played",
    "-plays": "Most played",
    "plays": "Least played",
    "-cleaning": "Dirtiest",
    "cleaning": "Cleanest",
}
"""By the API's names, in the order that they are offered; the others work too."""


def sorts(preset: str, chosen: str) -> list[tuple[str, str, bool]]:
    """Return the orders that are offered: what to send for each, its name, whether it is chosen.

    Args:
        preset: the order that nobody has to ask for; it comes first and is sent as nothing.
        chosen: the order of the page, also one that is not among those of `SORTS`.
    """
    others = [name for name in SORTS if name not in (preset, "-match")]
    if chosen not in (preset, *others):
        others.append(chosen)
    return [("", SORTS[preset], chosen == preset)] + [
        (name, SORTS.get(name, name), name == chosen) for name in others
    ]


GENRES = (
    "Blues", "Brass & Military", "Children's", "Classical", "Electronic", "Folk, World, & Country",
    "Funk / Soul", "Hip Hop", "Jazz", "Latin", "Non-Music", "Pop", "Reggae", "Rock",
    "Stage & Screen",
)  # fmt: skip
FORMATS = (
    "Vinyl",
    "CD",
    "Cassette",
    "Shellac",
    "Box Set",
    "File",
    "Reel-To-Reel",
    "8-Track Cartridge",
)

_LABELS = {
    "q": "“{}”",
    "artist": "by {}",
    "label": "on {}",
    "genre": "{}",
    "style": "{}",
    "format": "{}",
    "country": "from {}",
    "yearFrom": "since {}",
    "yearTo": "until {}",
    "minRating": "{} stars and up",
    "playedSince": "played since {:.10}",
    "notPlayedSince": "not played since {:.10}",
}


class Filter(msgspec.Struct, frozen=True):
    """A filter that is set: what it says, and the address without it."""

    says: str
    without: str


class Quick(msgspec.Struct, frozen=True):
    """A filter that one tap sets or takes away."""

    name: str
    path: str
    is_set: bool


def active(path: str, parameters: dict[str, str], folder: str | None) -> list[Filter]:
    """Return the filters of an address that are not quick ones.

    Args:
        path: of the shelf.
        parameters: of the address.
        folder: what the chosen folder is called, where that is known.
    """
    found = []
    for name, value in parameters.items():
        if name == "folderId":
            says = f"in {folder}" if folder else "in one folder"
        elif name in _LABELS:
            says = _LABELS[name].format(value)
        else:
            continue
        found.append(Filter(says, changed(path, parameters, **{name: None})))
    return found


def quick(path: str, parameters: dict[str, str], now: datetime) -> list[Quick]:
    """Return the filters that stand above the shelf."""
    year_ago = (now - timedelta(days=365)).strftime("%Y-%m-%dT00:00:00Z")
    offered = (
        ("Needs cleaning", "needsCleaning", "true"),
        ("Never played", "neverPlayed", "true"),
        ("Not played for a year", "notPlayedSince", year_ago),
        ("Archived", "archived", "true"),
    )
    return [
        Quick(
            name,
            changed(path, parameters, **{key: None if parameters.get(key) == value else value}),
            parameters.get(key) == value,
        )
        for name, key, value in offered
    ]


FIELDS = (
    *("artist", "label", "genre", "style", "format", "country"),
    *("yearFrom", "yearTo", "minRating"),
)
"""The filters that the form of all of them has fields for; the others it keeps as they are."""
