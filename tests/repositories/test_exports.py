"""CSV as Discogs writes it, awkward texts, and formulas, on releases made up for each."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from exporting import export
from factories import (
    NOW,
    make_cleaning,
    make_copy,
    make_play,
    make_release,
    make_stylus,
    make_user,
    release_document,
    store_releases,
)
from kleio.catalogue import ArtistCredit, FormatDocument, LabelCredit
from kleio.db.queries import Connection

pytestmark = pytest.mark.anyio

HEADER = (
    "Catalog#,Artist,Title,Label,Format,Rating,Released,release_id,CollectionFolder,Date Added,"
    "Collection Media Condition,Collection Sleeve Condition,Collection Notes"
)
AWKWARD = ["\"a\", 'b'", "x\ny\r\nz", "日本語 кириллица ½", "\\.", "\\N", " padded ", "\x01\x02\t."]


def rows_of(text: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.decode(), newline="")))


async def collection(conn: Connection, account: Any, **choices: Any) -> list[dict[str, str]]:
    return rows_of(await export(conn, account.user, "collection", format="csv", **choices))


@pytest.mark.parametrize(
    ("formats", "expected"),
    [
        ([("Vinyl", "1", ["LP", "Album"], None)], "LP, Album"),
        ([("Vinyl", "2", ["LP", "Album", "Reissue"], "Gatefold")], "2xLP, Album, RE, Gat"),
        ([("Vinyl", "1", ["LP", "Album", "Reissue"], "Gatefold, 180 Gram")], "LP, Album, RE, Gat"),
        ([("Vinyl", "1", ["LP", "Reissue", "Remastered"], "180g")], "LP, RE, RM, 180"),
        ([("Vinyl", "1", ['7"', "45 RPM", "Single", "Stereo"], None)], '7", Single'),
        ([("Vinyl", "2", ['12"', "33 ⅓ RPM", "Limited Edition", "Numbered"], None)],
         '2x12", Ltd, Num'),
        ([("Vinyl", "1", [], None)], "Vinyl"),
        ([("Vinyl", "1", ["Album", "LP", "Mono"], "")], "LP, Album, Mono"),
        ([("Shellac", "1", ['10"', "78 RPM"], None)], 'Shellac, 10"'),
        ([("Flexi-disc", "1", ['7"', "Single Sided"], "Blue")], 'Flexi, 7", S/Sided, Blu'),
        ([("CD", "2", ["Compilation"], None)], "2xCD, Comp"),
        ([("Cassette", "6", ["Compilation"], None), ("Box Set", "1", [], None)],
         "6xCass, Comp + Box"),
        ([("Vinyl", "1", ["LP", "Album"], None), ("CD", "1", ["Album"], None)],
         "LP, Album + CD, Album"),
        ([("Vinyl", "1", ["LP"], None), ("All Media", "1", ["Album", "Mono"], None)],
         "LP + Album, Mono"),
        ([("Vinyl", "1", ["LP"], None), ("All Media", "1", [], None)], "LP"),
        ([("Vinyl", None, ["LP"], None)], "LP"),
        ([("Vinyl", "0", ["LP"], None)], "LP"),
        ([], ""),
    ],
)  # fmt: skip
async def test_a_format_is_written_as_discogs_does(
    formats: list[Any], expected: str, tx: Connection
) -> None:
    account = await make_user(tx)
    documents = [
        FormatDocument(name=name, qty=qty, descriptions=descriptions, text=text)
        for name, qty, descriptions, text in formats
    ]
    await make_copy(tx, account, await make_release(tx, formats=documents))
    (row,) = await collection(tx, account)
    assert row["Format"] == expected


@pytest.mark.parametrize(
    ("credits", "expected"),
    [
        ([("A (2)", None)], "A (2)"),
        ([("A", ","), ("B", None)], "A, B"),
        ([("A", " & "), ("B (3)", "Feat."), ("C", None)], "A & B (3) Feat. C"),
        ([("A", None), ("B", "")], "A, B"),
        ([("A", "Vs"), ("B", ",")], "A Vs B"),
        ([("A", ", With"), ("B", None)], "A, With B"),
        ([], ""),
    ],
)
async def test_artists_are_joined_as_on_the_cover(
    credits: list[Any], expected: str, tx: Connection
) -> None:
    account = await make_user(tx)
    artists = [
        *(ArtistCredit(name=name, anv="Other", join_relation=join) for name, join in credits),
        ArtistCredit(name="Engineer", role="Mastered By"),
    ]
    release_id = await make_release(tx, artists=artists)
    await make_copy(tx, account, release_id)
    await make_play(tx, account.id, release_id)
    await make_cleaning(tx, account.id, release_id)
    assert [row["Artist"] for row in await collection(tx, account)] == [expected]
    for noun in ("plays", "cleanings"):
        (row,) = rows_of(await export(tx, account.user, noun, format="csv"))
        assert row["artist"] == expected


async def test_a_whole_row_and_the_header(tx: Connection) -> None:
    account = await make_user(tx)
    labels = [LabelCredit(name="L, One", catno="A 1"), LabelCredit(name="Two", catno="A 1")]
    document = release_document(249504, title='So "7"', labels=labels, year=None)
    (release_id,) = await store_releases(tx, [document])
    await make_copy(
        tx,
        account,
        release_id,
        rating=4,
        media_condition="NM",
        sleeve_condition="VG+",
        notes="line\nfeed",
        added_at=datetime(2020, 1, 10, 3, 26, 47, 999999, timezone(timedelta(hours=-8))),
    )
    assert (
        await export(tx, account.user, "collection", format="csv")
        == (
            f"{HEADER}\n"
            '"A 1, A 1",The Persuader,"So ""7""","L, One, Two","2x12""",4,0,249504,Uncategorized,'
            '2020-01-10 11:26:47,Near Mint (NM or M-),Very Good Plus (VG+),"line\nfeed"\n'
        ).encode()
    )


async def test_what_is_not_known_is_empty(tx: Connection) -> None:
    account = await make_user(tx)
    document = release_document(1, artists=[], labels=[], formats=[])
    document.discogs_id = None
    await make_copy(tx, account, (await store_releases(tx, [document]))[0])
    (row,) = await collection(tx, account)
    filled = {"Title", "Released", "CollectionFolder", "Date Added"}
    assert {name for name, value in row.items() if value} == filled


@pytest.mark.parametrize(
    ("code", "written"),
    [
        ("M", "Mint (M)"),
        ("NM", "Near Mint (NM or M-)"),
        ("VG+", "Very Good Plus (VG+)"),
        ("VG", "Very Good (VG)"),
        ("G+", "Good Plus (G+)"),
        ("G", "Good (G)"),
        ("F", "Fair (F)"),
        ("P", "Poor (P)"),
        ("Not Graded", "Not Graded"),
        ("Generic", "Generic"),
        ("No Cover", "No Cover"),
    ],
)
async def test_conditions_are_written_in_full(code: str, written: str, tx: Connection) -> None:
    account = await make_user(tx)
    media = None if code in ("Generic", "No Cover") else code
    await make_copy(
        tx, account, await make_release(tx), media_condition=media, sleeve_condition=code
    )
    (row,) = await collection(tx, account)
    assert row["Collection Sleeve Condition"] == written
    assert row["Collection Media Condition"] == (written if media else "")


async def test_every_condition_of_the_schema_is_written(tx: Connection) -> None:
    cursor = await tx.execute(
        "SELECT unnest(enum_range(NULL::media_condition))::text"
        " UNION SELECT unnest(enum_range(NULL::sleeve_condition))::text"
    )
    account = await make_user(tx)
    codes = [code for (code,) in await cursor.fetchall()]
    for code in codes:
        await make_copy(tx, account, await make_release(tx), sleeve_condition=code)
    written = {row["Collection Sleeve Condition"] for row in await collection(tx, account)}
    assert len(written - {""}) == len(codes)


@pytest.mark.parametrize("text", AWKWARD)
async def test_awkward_texts_come_out_as_they_went_in(text: str, tx: Connection) -> None:
    account = await make_user(tx)
    release_id = await make_release(tx, title=text)
    stylus_id = await make_stylus(tx, account.id, name=text)
    await make_copy(tx, account, release_id, notes=text)
    await make_play(tx, account.id, release_id, notes=text, stylus_id=stylus_id)
    await make_cleaning(tx, account.id, release_id, notes=text)
    (row,) = await collection(tx, account)
    assert (row["Title"], row["Collection Notes"]) == (text, text)
    (row,) = rows_of(await export(tx, account.user, "plays", format="csv"))
    assert (row["title"], row["notes"], row["stylus"]) == (text, text, text)
    for noun in ("collection", "plays", "cleanings"):
        (line,) = (await export(tx, account.user, noun, format="ndjson")).splitlines()
        assert json.loads(line)["notes"] == json.loads(line)["release"]["title"] == text


FORMULAS = [
    *("=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠x"),
    # What looks as if it had an apostrophe of ours already gets one more, to come back as it is.
    *("'=1", "''@"),
]


@pytest.mark.parametrize("text", [*FORMULAS, "a=1", "'a", "'", " x"])
async def test_only_for_spreadsheets_formulas_are_guarded(text: str, tx: Connection) -> None:
    account = await make_user(tx)
    release_id = await make_release(
        tx,
        title=text,
        artists=[ArtistCredit(name=text)],
        labels=[LabelCredit(name=text, catno=text)],
    )
    stylus_id = await make_stylus(tx, account.id, name=text)
    await make_copy(tx, account, release_id, notes=text)
    await make_play(tx, account.id, release_id, notes=text, stylus_id=stylus_id)
    await make_cleaning(tx, account.id, release_id, notes=text)
    columns = {
        "collection": ("Catalog#", "Artist", "Title", "Label", "Collection Notes"),
        "plays": ("artist", "title", "stylus", "notes"),
        "cleanings": ("artist", "title", "notes"),
    }
    for noun, names in columns.items():
        plain = await export(tx, account.user, noun, format="csv")
        (row,) = rows_of(plain)
        assert {row[name] for name in names} == {text}
        guarded = await export(tx, account.user, noun, format="csv", spreadsheet=True)
        assert guarded.startswith(b"\xef\xbb\xbf")
        (row,) = rows_of(guarded.removeprefix(b"\xef\xbb\xbf"))
        assert {row[name] for name in names} == {"'" + text if text in FORMULAS else text}


async def test_plays_and_cleanings_are_flat(tx: Connection) -> None:
    account = await make_user(tx)
    release_id = await make_release(tx, 5, title="T")
    copy = await make_copy(tx, account, release_id)
    stylus_id = await make_stylus(tx, account.id, name="S")
    at = datetime(2026, 1, 1, 12, 0, 0, 500_000, UTC)
    await make_play(
        tx, account.id, None, copy_id=copy.id, stylus_id=stylus_id, side="AA",
        duration_seconds=61, played_at=at,
    )  # fmt: skip
    await make_play(tx, account.id, release_id, played_at=NOW, notes="n")
    await make_cleaning(tx, account.id, None, copy_id=copy.id, cleaned_at=at, deep=True)
    assert (await export(tx, account.user, "plays", format="csv")).decode().splitlines() == [
        "played_at,release_id,artist,title,duration_seconds,duration_estimated,side,stylus,copy,"
        "notes",
        "2026-01-02T03:04:05Z,5,The Persuader,T,285,true,,,,n",
        f"2026-01-01T12:00:00.5Z,5,The Persuader,T,61,false,AA,S,{copy.id},",
    ]
    assert (await export(tx, account.user, "cleanings", format="csv")).decode().splitlines() == [
        "cleaned_at,release_id,artist,title,deep,copy,notes",
        f"2026-01-01T12:00:00.5Z,5,The Persuader,T,true,{copy.id},",
    ]
