"""Shelves at Discogs as the stand-in has them: generated ones, and those of the samples.

The distributions are those of 500 real items: year 0, no master, several artists, no styles,
format texts, releases that are owned twice, items without notes.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from typing import Any

MEDIA = ("Mint (M)", "Near Mint (NM or M-)", "Very Good Plus (VG+)", "Very Good (VG)", "Good (G)")
SLEEVES = (*MEDIA, "Generic", "No Cover")
GENRES = ("Electronic", "Rock", "Jazz", "Hip Hop", "Classical")
STYLES = ("Deep House", "Techno", "Pop Rock", "Hard Bop", "Modal", "Ambient")
FIRST_FOLDER = 1_387_001
FIRST_INSTANCE = 428_000_001


@dataclass
class Shelf:
    """A user of Discogs; items are as the API gives them, without `basic_information`."""

    username: str
    token: str
    folders: dict[int, str] = field(default_factory=lambda: {1: "Uncategorized"})
    fields: dict[int, str] = field(default_factory=dict)
    items: list[dict[str, Any]] = field(default_factory=list)
    next_instance: int = FIRST_INSTANCE
    shuffled: random.Random | None = None
    """Mixes items that were added in the same second, anew for each page."""

    @classmethod
    def generated(
        cls,
        size: int,
        rng: random.Random,
        *,
        username: str = "collector",
        token: str = "t0ken-of-c",
    ) -> Shelf:
        """Return a shelf of so many copies, always the same for the same numbers."""
        shelf = cls(username, f"{token}ollector")
        for number, name in enumerate(("Jazz", "Attic", "Живая музыка")):
            shelf.folders[FIRST_FOLDER + number] = name
        shelf.fields = {4: "Purchase place", 7: "Barcode"}
        added = datetime(2014, 3, 1, 12, tzinfo=UTC)
        for number in range(size):
            added += timedelta(seconds=rng.randint(0, 60_000))
            repeated = shelf.items and rng.random() < 0.004
            release = rng.choice(shelf.items)["id"] if repeated else 10_000 + number * 7
            notes = []
            if rng.random() < 0.79:
                notes.append({"field_id": 1, "value": rng.choice(MEDIA)})
                notes.append({"field_id": 2, "value": rng.choice(SLEEVES)})
                if rng.random() < 0.3:
                    notes.append({"field_id": 3, "value": f"note {number}\r\nsecond line — “ß”"})
                if rng.random() < 0.1:
                    notes.append({"field_id": 4, "value": "Amoeba, San Francisco"})
            shelf.add(
                release,
                folder_id=rng.choice(list(shelf.folders)),
                rating=rng.choice((0, 0, 0, 3, 4, 5)),
                added=added,
                notes=notes,
            )
        return shelf

    def add(
        self,
        release: int,
        *,
        folder_id: int = 1,
        rating: int = 0,
        added: datetime | None = None,
        notes: list[dict[str, Any]] | None = None,
        **more: Any,
    ) -> dict[str, Any]:
        """Add a copy, by default yesterday, and return its item."""
        at = (added or datetime.now(UTC) - timedelta(days=1)).astimezone(
            timezone(timedelta(hours=-8))
        )
        item = {
            "id": release,
            "instance_id": self.next_instance,
            "folder_id": folder_id,
            "rating": rating,
            "date_added": at.isoformat(timespec="seconds"),
            **({"notes": notes} if notes else {}),
            **more,
        }
        self.next_instance += 1
        self.items.append(item)
        return item

    def remove(self, instance_id: int) -> dict[str, Any]:
        item = self.item(instance_id)
        self.items.remove(item)
        return item

    def item(self, instance_id: int) -> dict[str, Any]:
        return next(item for item in self.items if item["instance_id"] == instance_id)

    def set_note(self, instance_id: int, field_id: int, value: str) -> None:
        """Set a field of a copy; an empty one is not told by the API."""
        item = self.item(instance_id)
        notes = [note for note in item.get("notes", ()) if note["field_id"] != field_id]
        if value:
            notes.append({"field_id": field_id, "value": value})
        item.pop("notes", None)
        if notes:
            item["notes"] = notes

    def folder_list(self) -> list[dict[str, Any]]:
        home = f"https://api.discogs.com/users/{self.username}/collection/folders"
        counted = [{"id": 0, "name": "All", "count": len(self.items)}]
        for number, name in self.folders.items():
            count = sum(item.get("folder_id") == number for item in self.items)
            counted.append({"id": number, "name": name, "count": count})
        return [{**folder, "resource_url": f"{home}/{folder['id']}"} for folder in counted]

    def field_list(self) -> list[dict[str, Any]]:
        grades = {"type": "dropdown", "public": True, "options": list(MEDIA)}
        given = [
            {"id": 1, "name": "Media Condition", "position": 1, **grades},
            {"id": 2, "name": "Sleeve Condition", "position": 2, **grades},
            {"id": 3, "name": "Notes", "position": 3, "type": "textarea", "public": True},
        ]
        own = [
            {"id": number, "name": name, "position": number, "type": "textarea", "public": True}
            for number, name in self.fields.items()
        ]
        return [*given, *own]

    def sorted_items(self, query: dict[str, str]) -> list[dict[str, Any]]:
        """Return the items in the order that is asked for; the default, label, is in none."""
        if query.get("sort") != "added":
            return random.sample(self.items, len(self.items))
        is_falling = query.get("sort_order") == "desc"
        mixed = self.shuffled.sample(self.items, len(self.items)) if self.shuffled else self.items
        return sorted(
            mixed, key=lambda item: datetime.fromisoformat(item["date_added"]), reverse=is_falling
        )


@cache
def _release(number: int) -> str:
    rng = random.Random(number)
    year = 0 if rng.random() < 0.07 else rng.randint(1955, 2024)
    artists = [
        _credit(rng.randint(1, 4000), join="&" if rng.random() < 0.1 else "")
        for _ in range(2 if rng.random() < 0.09 else 1)
    ]
    tracks: list[dict[str, Any]] = []
    for side in "AB":
        for line in range(1, rng.randint(2, 5)):
            duration = f"{rng.randint(2, 9)}:{rng.randint(0, 59):02}" if rng.random() < 0.7 else ""
            title = f"Track {side}{line} of {number}"
            tracks.append(
                {
                    "position": f"{side}{line}",
                    "type_": "track",
                    "title": title,
                    "duration": duration,
                }
            )
    if rng.random() < 0.1:
        tracks.insert(0, {"position": "", "type_": "heading", "title": "Suite", "duration": ""})
    qty = str(rng.choice((1, 1, 1, 2)))
    formats = [{"name": "Vinyl", "qty": qty, "descriptions": ["LP", "Album"]}]
    if rng.random() < 0.35:
        formats[0]["text"] = "180 Gram"
    home = "https://api.discogs.com"
    release = {
        "id": number,
        "status": "Accepted",
        "title": f"Title {number}",
        "year": year,
        "resource_url": f"{home}/releases/{number}",
        "uri": f"https://www.discogs.com/release/{number}",
        "artists": artists,
        "artists_sort": "whoever",
        "extraartists": [{**_credit(rng.randint(1, 4000)), "role": "Mastered By"}],
        "labels": [
            {
                "id": (label := rng.randint(1, 900)),
                "name": f"Label {label}",
                "catno": f"CAT {number}",
                "entity_type": "1",
                "entity_type_name": "Label",
                "resource_url": f"{home}/labels/{label}",
            }
        ],
        "companies": [],
        "series": [],
        "formats": formats,
        "format_quantity": int(qty),
        "genres": [rng.choice(GENRES)],
        "styles": [] if rng.random() < 0.09 else rng.sample(STYLES, 2),
        "country": rng.choice(("US", "UK", "Germany", "Japan")),
        "released": "" if not year else rng.choice((f"{year}", f"{year}-03-00", f"{year}-07-13")),
        "notes": f"Notes of {number}.",
        "data_quality": "Correct",
        "identifiers": [{"type": "Barcode", "value": f"07777{number:06}1"}],
        "images": [
            {
                "type": "primary",
                "uri": f"https://i.discogs.com/{number}.jpeg",
                "uri150": "",
                "width": 600,
                "height": 600,
            }
        ],
        "videos": [],
        "tracklist": tracks,
        "master_id": 0 if rng.random() < 0.07 else number + 1,
        "date_added": "2004-04-30T08:10:05-07:00",
        "date_changed": "2012-12-03T02:50:12-07:00",
        "num_for_sale": rng.randint(0, 30),
        "lowest_price": rng.random() * 30,
        "community": {"have": rng.randint(1, 999), "want": 3},
        "thumb": f"https://i.discogs.com/{number}-150.jpeg",
    }
    return json.dumps(release)


def _credit(number: int, *, join: str = "") -> dict[str, Any]:
    return {
        "id": number,
        "name": f"Artist {number}",
        "anv": "",
        "join": join,
        "role": "",
        "tracks": "",
        "resource_url": f"https://api.discogs.com/artists/{number}",
    }


def release_json(number: int) -> dict[str, Any]:
    """Return a release of a number, always the same."""
    release: dict[str, Any] = json.loads(_release(number))
    return release


def sample(samples: Path, name: str) -> dict[str, Any]:
    """Return an answer of the real API, `joalla/release_1` for example."""
    answer: dict[str, Any] = json.loads((samples / "discogs-api" / f"{name}.json").read_text())
    return answer
