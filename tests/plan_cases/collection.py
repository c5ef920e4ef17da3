"""The shelf and its folders."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from factories import NO_FILTERS
from plan_cases.case import FIRST, LATER, MIDDLE, PAGE, UUID_MAX, Case

PLAYED = {"releases_pkey", "play_history_user_release_idx"}
CLEANED = {*PLAYED, "cleaning_history_user_release_idx"}
ADDED = {"user_releases_user_added_idx", "releases_pkey"}


def shelf(verb: str, indexes: set[str], buffers: int, name: str = "", **given: Any) -> Case:
    parameters = {
        **NO_FILTERS,
        **FIRST,
        **PAGE,
        "user_id": "@user_id",
        "sort": "added",
        "marks_at": None,
    }
    parameters |= given
    file = "collection" if verb in ("newest", "oldest") else "collection_pages"
    return Case(f"{file}.list_collection_{verb}", parameters, indexes, buffers, name=name)


def chance(indexes: set[str], buffers: int, name: str, **given: Any) -> Case:
    parameters = {**NO_FILTERS, "user_id": "@user_id", "seed": "x", **given}
    return Case("collection.get_random_copy", parameters, indexes, buffers, name=name)


CASES = [
    shelf("newest", ADDED, 400),
    shelf("newest", ADDED, 400, "later page", before_added_at=MIDDLE, before_id=UUID_MAX),
    *(shelf(verb, CLEANED, 1500, "with marks", marks_at=LATER) for verb in ("newest", "oldest")),
    *(
        shelf(verb, CLEANED, 1800, "with marks", sort="artist", marks_at=LATER)
        for verb in ("ascending", "descending")
    ),
    shelf("descending", {"releases_pkey"}, 900, "of a genre", sort="added", genre="Electronic"),
    shelf("descending", {"releases_facets_idx"}, 30, "of an artist", sort="added", artist="Nobody"),
    shelf("oldest", ADDED, 400),
    shelf("oldest", ADDED, 400, "later page", after_added_at=MIDDLE, after_id=UUID_MAX),
    *(
        shelf(verb, {"releases_pkey"}, 900, f"by {sort}", sort=sort)
        for verb in ("ascending", "descending")
        for sort in ("added", "artist", "title", "year", "rating")
    ),
    *(
        shelf(verb, indexes, 1500, f"by {sort}", sort=sort)
        for verb in ("ascending", "descending")
        for sort, indexes in (("played", PLAYED), ("plays", PLAYED), ("cleaning", CLEANED))
    ),
    shelf("descending", PLAYED, 1500, "played since", sort="added", played_since=MIDDLE),
    shelf("ascending", PLAYED, 1500, "never played", sort="added", never_played=True),
    shelf("ascending", CLEANED, 1500, "needs cleaning", sort="added", needs_cleaning=True),
    chance({"releases_pkey"}, 400, "any"),
    chance({"releases_facets_idx"}, 30, "of an artist", artist="Nobody"),
    chance(CLEANED, 1000, "of two filters", needs_cleaning=True, never_played=False),
    Case(
        "collection.get_copy",
        {"user_id": "@user_id", "copy_id": "@copy_id"},
        {"user_releases_pkey", "releases_pkey"},
        10,
        rows=1,
    ),
    Case(
        "collection_pages.count_collection",
        {**NO_FILTERS, "user_id": "@user_id"},
        {"releases_pkey"},
        400,
        rows=1,
    ),
    Case("folders.list_folders", {"user_id": "@user_id"}, {"user_releases_user_folder_idx"}, 250),
    *(
        Case(
            f"folders.{query}",
            {"user_id": "@user_id", "folder_id": "@folder_id", **given},
            {"folders_pkey", *indexes},
            100,
        )
        for query, given, indexes in (
            ("get_folder", {}, {"user_releases_user_folder_idx"}),
            (
                "update_folder",
                {"name": "x", "expected_updated_at": None, "now": datetime(2026, 1, 2, tzinfo=UTC)},
                {"user_releases_user_folder_idx"},
            ),
        )
    ),
]
