"""Scans of libraries, and what of them is on a shelf."""

from __future__ import annotations

from plan_cases.case import Case

CASES = [
    Case(
        "library_scans.list_scans",
        {"library_id": "@library_id", "before_id": None, "page_size": 50},
        {"library_scans_library_idx"},
        60,
        rows=50,
    ),
    Case(
        "shelf_matches.list_album_copies",
        {"user_id": "@user_id", "album_id": "@owned_album_id"},
        set(),
        700,
    ),
    Case(
        "shelf_matches.list_copy_albums",
        {"user_id": "@user_id", "copy_ids": "@copy_ids"},
        {"library_artists_artist_idx"},
        3000,
    ),
]
