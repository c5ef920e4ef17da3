"""Exports, each of all rows of a user, and erasure of old plays."""

from __future__ import annotations

from plan_cases.case import Case
from plan_cases.listening import MIDDLE

PLAYED = {"play_history_user_played_idx", "releases_pkey"}
CLEANED = {"cleaning_history_user_cleaned_idx", "releases_pkey"}

# Which index finds the copies depends on how many they are; the others are always the same.
EXPORTS = {
    "exports.export_collection_csv": ({"releases_pkey", "release_formats_pkey"}, 900),
    "exports.export_copies": ({"releases_pkey"}, 400),
    "exports.export_plays_csv": (PLAYED, 900),
    "exports.export_plays": (PLAYED, 900),
    "exports.export_cleanings_csv": (CLEANED, 200),
    "exports.export_cleanings": (CLEANED, 200),
    "account_exports.export_account_releases": ({"releases_pkey", "tracks_pkey"}, 3000),
    "account_exports.export_account_folders": (set(), 10),
    "account_exports.export_account_styluses": ({"styluses_pkey"}, 20),
    "account_exports.export_account_copies": ({"releases_pkey"}, 400),
    "account_exports.export_account_plays": ({"releases_pkey"}, 900),
    "account_exports.export_account_cleanings": ({"releases_pkey"}, 200),
}

CASES = [
    *(
        Case(query, {"user_id": "@user_id", "archived": None, "guard": "'"}, indexes, buffers)
        for query, (indexes, buffers) in EXPORTS.items()
    ),
    Case(
        "plays.delete_plays_before",
        {"user_id": "@user_id", "before": MIDDLE},
        {"play_history_user_played_idx"},
        300,
    ),
]
