"""Parameters for queries whose own would tell nothing: documents, lists of plays.

The others are taken from the seeded rows, as `kleio sql explain` takes them.
"""

from __future__ import annotations

import functools
from uuid import UUID

import msgspec

from kleio.catalogue import (
    ArtistDocument,
    LabelDocument,
    MasterDocument,
    ReleaseDocument,
    encode_documents,
    seal,
)
from kleio.seed import demo_catalogue
from plan_rows import Facts

NOW = "2026-01-02T00:00:00Z"
DOCUMENTS = 10
UNRUN = {"partitions.update_archived_references", "partitions.update_archived_month"}
"""What is planned and never run, because it changes the schema."""


@functools.cache
def samples(facts: Facts) -> dict[str, dict[str, str | None]]:
    """Return parameters by query; the rest of a query's come from the data."""
    numbers = range(900_000_000, 900_000_000 + DOCUMENTS)
    documents = list(demo_catalogue(DOCUMENTS))
    pictures = encode_documents(
        [
            ReleaseDocument(discogs_id=known.discogs_id, title="", thumb="https://example.org/t")
            for known in documents
        ]
    )
    for number, document in zip(numbers, documents, strict=True):
        document.discogs_id = number
    releases = encode_documents([seal(document) for document in documents])
    plays = [{"copyId": facts.copy_id, "playedAt": NOW}] * DOCUMENTS
    cleanings = [{"copyId": facts.copy_id, "cleanedAt": NOW}] * DOCUMENTS
    user = str(facts.user_id)
    integers = "{" + ", ".join(map(str, numbers)) + "}"
    ids = "{" + ", ".join(str(UUID(int=n)) for n in numbers) + "}"
    return {
        "artists.upsert_artists": {
            "documents": encode_documents(
                [seal(ArtistDocument(discogs_id=n, name=f"Artist {n}")) for n in numbers]
            )
        },
        "labels.upsert_labels": {
            "documents": encode_documents(
                [seal(LabelDocument(discogs_id=n, name=f"Label {n}")) for n in numbers]
            )
        },
        "masters.upsert_masters": {
            "documents": encode_documents(
                [seal(MasterDocument(discogs_id=n, title=f"Master {n}")) for n in numbers]
            )
        },
        "attempts.upsert_attempt": {
            "subject": r"\x" + "61" * 32,
            "gap_seconds": "30",
            "window_seconds": "600",
        },
        "attempts.update_attempts_returned": {
            "subjects": "{" + r"\\x" + "61" * 32 + "}",
            "gaps": "{30}",
        },
        "search.search_everything": {
            "search": "blue",
            "first_words": "{blue,blues}",
            "second_words": None,
            "third_words": None,
            "kinds": "{artist,album,song,release}",
        },
        "songs.search_songs": {"search": "blue", "first_words": "{blue,blues}"},
        "releases.search_releases": {"search": "blue", "first_words": "{blue,blues}"},
        **{
            f"{noun}.search_{noun}": {"search": "blue", "first_words": "{blue,blues}"}
            for noun in ("artists", "labels", "library_artists", "albums")
        },
        **{
            f"{noun}.count_{noun}": {
                "search": "blue",
                "first_words": "{blue,blues}",
                "second_words": None,
                "third_words": None,
            }
            for noun in ("artists", "labels")
        },
        "seeds.insert_seed_words": {
            "first_id": str(facts.song_id),
            "last_id": str(facts.song_id),
            "album_ids": ids,
        },
        "seeds.insert_seed_artists": {
            "artist_ids": ids,
            "names": "{" + ", ".join(f"Artist {n}" for n in numbers) + "}",
        },
        "words.insert_normalized_words": {"words": "{Blue, Blues}"},
        "release_loads.insert_references": {
            "artist_numbers": integers,
            "artist_names": "{" + ", ".join(f"Artist {n}" for n in numbers) + "}",
            "label_numbers": integers,
            "label_names": "{" + ", ".join(f"Label {n}" for n in numbers) + "}",
            "genres": "{Folk, Jazz}",
            "styles": "{Polka, Waltz}",
        },
        "release_loads.list_normalized": {
            "names": "{Sigur Rós, OK}",
            "credits": "{Prince (3)}",
            "codes": "{SK 032}",
        },
        "releases.insert_release_references": {"documents": releases},
        "releases.update_release_pictures": {"documents": pictures},
        "releases.upsert_releases": {"documents": releases},
        "plays.insert_removed_play": {"play_id": str(UUID(int=1))},
        "cleanings.insert_removed_cleaning": {"cleaning_id": str(UUID(int=1))},
        "plays.insert_plays": {"user_id": user, "plays": msgspec.json.encode(plays).decode()},
        "cleanings.insert_cleanings": {
            "user_id": user,
            "cleanings": msgspec.json.encode(cleanings).decode(),
        },
    }
