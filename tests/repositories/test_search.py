"""The search over everything: its indexes, what is ranked of a frequent word, and highlights."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from factories import words_of
from kleio.db.queries import Connection, all_queries
from kleio.http.search import KINDS
from kleio.repositories import search
from library_rows import add_words, fill_library, make_library, make_song

pytestmark = pytest.mark.anyio

INDEXES = {
    *("artists_words_idx", "library_artists_words_idx", "releases_words_idx"),
    *(r"albums_\w*name_words_idx", r"songs_\w*name_words_idx"),
}


async def hits(conn: Connection, text: str, kind: str = "song", per_kind: int = 5) -> list[Any]:
    words = await words_of(conn, text)
    rows = await search.search_everything(
        conn, search=text, **words, kinds=[kind], per_kind=per_kind
    )
    assert {row.kind for row in rows} <= {kind}
    return [json.loads(bytes(row.item)) for row in rows]


async def test_every_kind_is_found_by_the_index_of_its_words_with_three_of_them(
    tx: Connection,
) -> None:
    await fill_library(tx)
    query = all_queries()["search.search_everything"]
    await tx.execute("SET LOCAL enable_seqscan = off")
    text = "one three fourth fifths"
    words = await words_of(tx, text)
    given = {"search": text, **words, "kinds": list(KINDS), "per_kind": 5}
    # Never prepared, as the adapter sends it: the planner has the words.
    cursor = await tx.execute(f"EXPLAIN {query.sql}", given, prepare=False)
    plan = "\n".join(row[0] for row in await cursor.fetchall())
    for index in INDEXES:
        assert re.search(rf"Bitmap Index Scan on {index} ", plan), (index, plan)
    by_words = re.findall(r"Index Cond: \((.*string_to_array.*)\)", plan)
    assert len(by_words) >= len(INDEXES)
    for condition in by_words:
        assert [word in condition for word in ("fourth", "fifths", "three")] == [True] * 3
        assert condition.count("&&") == 3


async def test_of_a_frequent_word_some_thousand_are_ranked(tx: Connection) -> None:
    library_id = await make_library(tx)
    await tx.execute(
        "INSERT INTO songs (library_id, codec, name, updated_at)"
        " SELECT %s, 'flac', 'Song number ' || n, now() FROM generate_series(1, 3000) AS n",
        [library_id],
    )
    await add_words(tx)
    assert len(await hits(tx, "song", per_kind=50)) == 50
    await make_song(tx, library_id, "Song of the rarest kind")
    assert [hit["name"] for hit in await hits(tx, "song raresd")] == ["Song of the rarest kind"]


@pytest.mark.parametrize(
    ("name", "text", "marked"),
    [
        ("Too Many  Neighbours, A (Live)", "neighours a", ["Neighbours,", "A"]),
        ("Ágætis byrjun", "agaetis", ["Ágætis"]),
        ("Закрой за мной дверь", "двер", ["дверь"]),
        ("丸の内サディスティック", "丸の内", ["丸の内サディスティック"]),
        (" leading\tand\ntrailing ", "trailing", ["trailing"]),
        ("R.E.M.", "rem r.e.m.", ["R.E.M."]),
        ("%d <b>bold</b> \\", "bold", ["<b>bold</b>"]),
        ("In The In", "in", ["In", "In"]),
        ("Indigo", "in", []),
        ("", "x", []),
    ],
)
async def test_highlights(tx: Connection, name: str, text: str, marked: list[str]) -> None:
    cursor = await tx.execute("SELECT search_parts(%s, %s)", [name, text])
    (raw,) = await cursor.fetchone()
    parts = json.loads(bytes(raw))
    assert "".join(part["text"] for part in parts) == name
    assert [part["text"] for part in parts if part["match"]] == marked


async def test_a_linked_artist_is_told_once_and_the_missing_not_at_all(tx: Connection) -> None:
    await tx.execute(
        "INSERT INTO artists (discogs_id, name, created_at, updated_at)"
        " VALUES (9767, 'Sigur Rós', now(), now()), (9768, 'Sigur Rós (2)', now(), now())"
    )
    await fill_library(tx)
    # Discogs' number of a namesake is no part of the name, so neither is before the other.
    first, second = sorted(await hits(tx, "sigur ros", "artist"), key=lambda hit: hit["name"])
    assert (first["name"], first["songs"]) == ("Sigur Rós", 4)
    assert None not in (first["id"], first["libraryArtistId"])
    assert (second["name"], second["libraryArtistId"]) == ("Sigur Rós (2)", None)
    assert await hits(tx, "gone with the disk") == []
    await tx.execute("UPDATE albums SET song_count = 0 WHERE name = 'Abbey Road'")
    assert await hits(tx, "abbey road", "album") == []
