"""Releases, artists, labels, genres and styles."""

from __future__ import annotations

from typing import Any

from plan_cases.case import FIRST, PAGE, Case, searched

NO_RELEASE_FILTERS = dict.fromkeys(
    (
        *("artist", "label", "genre", "style", "format", "country", "catno", "barcode"),
        *("year_from", "year_to"),
    )
)


def releases(name: str, indexes: set[str], buffers: int, **given: Any) -> Case:
    parameters = {**NO_RELEASE_FILTERS, "discogs_id": None, **FIRST, **PAGE, **given}
    return Case("releases.list_releases", parameters, indexes, buffers, name=name)


CASES = [
    releases("first page", {"releases_pkey"}, 120),
    releases("later page", {"releases_pkey"}, 120, before_id="@middle_release_id"),
    releases("of an artist", {"releases_facets_idx"}, 250, artist="@artist"),
    releases("of a catalogue number", {"releases_facets_idx"}, 60, catno="@catno"),
    releases("of artist and label", {"releases_facets_idx"}, 250, artist="@artist", label="@label"),
    releases("of a Discogs number", {"releases_discogs_id_key"}, 20, discogs_id="@discogs_id"),
    releases("of a common genre", {"releases_pkey"}, 400, genre="Electronic"),
    Case(
        "releases.search_releases",
        {**NO_RELEASE_FILTERS, **FIRST, **PAGE, **searched("title")},
        {"releases_words_idx"},
        3000,
    ),
    Case("releases.get_release", {"release_id": "@release_id"}, {"releases_pkey"}, 120, rows=1),
    Case(
        "releases.get_release_id",
        {"discogs_id": "@discogs_id"},
        {"releases_discogs_id_key"},
        5,
        rows=1,
    ),
    *(
        Case(
            f"releases.list_{noun}_releases",
            {f"{noun}_id": f"@{noun}_id", **FIRST, **PAGE},
            {f"release_{noun}s_{noun}_idx", "releases_pkey"},
            350,
        )
        for noun in ("artist", "label", "style")
    ),
    Case(
        "releases.list_genre_releases",
        {"genre_id": "@genre_id", **FIRST, **PAGE},
        {"releases_pkey"},
        350,
    ),
    Case("artists.list_artists", {**FIRST, **PAGE}, {"artists_name_idx"}, 120, rows=50),
    Case("labels.list_labels", {**FIRST, **PAGE}, {"labels_name_idx"}, 120, rows=50),
    *(
        Case(
            f"{noun}s.search_{noun}s",
            {**FIRST, **PAGE, **searched(noun)},
            {f"{noun}s_words_idx", f"{noun}s_name_idx"},
            1500,
        )
        for noun in ("artist", "label")
    ),
    Case("artists.get_artist", {"artist_id": "@artist_id"}, {"artists_pkey"}, 5, rows=1),
]
