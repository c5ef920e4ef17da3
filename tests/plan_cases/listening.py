"""Plays, cleanings and styluses."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from plan_cases.case import FIRST, PAGE, UUID_MAX, Case

MIDDLE = datetime(2023, 1, 1, tzinfo=UTC)
LATER = datetime(2023, 3, 1, tzinfo=UTC)


def listening(query: str, indexes: set[str], buffers: int, name: str = "", **given: Any) -> Case:
    nothing = dict.fromkeys(
        (
            *("release_id", "copy_id", "stylus_id", "artist", "genre", "since", "until"),
            *("duration_seconds", "side", "notes", "expected_updated_at"),
        )
    )
    parameters = {**nothing, **FIRST, **PAGE, "user_id": "@user_id", "now": MIDDLE, **given}
    return Case(query, parameters, indexes, buffers, name=name)


CASES = [
    listening("plays.list_plays", {"play_history_user_played_idx", "releases_pkey"}, 400),
    listening(
        "plays.list_plays",
        {"play_history_user_played_idx", "releases_pkey"},
        400,
        "later page",
        before_played_at=MIDDLE,
        before_id=UUID_MAX,
    ),
    *(
        listening(f"plays.{query}", indexes, 900, name, **given)
        for query in ("list_filtered_plays", "count_plays")
        for name, indexes, given in (
            ("of a genre", {"releases_pkey"}, {"genre": "Electronic"}),
            ("of an artist", {"releases_facets_idx"}, {"artist": "@artist"}),
            ("of a stylus", set(), {"stylus_id": "@stylus_id"}),
            ("of a range", {"play_history_user_played_idx"}, {"since": MIDDLE, "until": LATER}),
        )
    ),
    listening(
        "plays.list_filtered_plays",
        {"play_history_user_release_idx", "releases_pkey"},
        40,
        "of a release",
        release_id="@release_id",
    ),
    listening("plays.get_play", {"play_history_pkey", "releases_pkey"}, 10, play_id="@play_id"),
    listening(
        "plays.insert_play",
        {"releases_pkey", "tracks_pkey"},
        120,
        "of a side",
        release_id="@release_id",
        with_primary=False,
        played_at=MIDDLE,
        side="A",
    ),
    listening(
        "plays.insert_play",
        {"releases_pkey", "user_releases_pkey"},
        120,
        "of a copy, on the primary stylus",
        copy_id="@copy_id",
        with_primary=True,
        played_at=MIDDLE,
    ),
    listening(
        "plays.update_play",
        {"play_history_pkey", "releases_pkey", "tracks_pkey"},
        120,
        play_id="@play_id",
        changes='{"side": "A"}',
    ),
    listening("plays.delete_play", {"play_history_pkey", "releases_pkey"}, 24, play_id="@play_id"),
    listening(
        "cleanings.list_cleanings", {"cleaning_history_user_cleaned_idx", "releases_pkey"}, 200
    ),
    listening("cleanings.count_cleanings", set(), 30, since=MIDDLE),
    listening(
        "cleanings.get_cleaning",
        {"cleaning_history_pkey", "releases_pkey"},
        10,
        cleaning_id="@cleaning_id",
    ),
    listening(
        "cleanings.update_cleaning",
        {"cleaning_history_pkey"},
        60,
        cleaning_id="@cleaning_id",
        changes='{"deep": true}',
    ),
    listening("styluses.list_styluses", {"play_history_user_stylus_idx"}, 60),
    listening(
        "styluses.get_stylus",
        {"styluses_pkey", "play_history_user_stylus_idx"},
        60,
        stylus_id="@stylus_id",
    ),
    listening(
        "styluses.delete_stylus",
        {"styluses_pkey", "play_history_user_stylus_idx"},
        2000,
        stylus_id="@stylus_id",
    ),
    listening(
        "collection.delete_copy",
        {
            "user_releases_pkey",
            "play_history_user_copy_idx",
            "cleaning_history_user_copy_idx",
        },
        200,
        copy_id="@copy_id",
    ),
]
