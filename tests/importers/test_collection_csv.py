"""The CSV of a collection with its traps: each by name."""

from __future__ import annotations

import csv
import gc
import io
import random
import zipfile
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from exporting import export
from factories import NOW, make_copy, make_play, make_release, make_user, release_document
from importing import (
    HEADER,
    counts,
    csv_of,
    import_csv,
    line,
    rows_of,
    shelf_of,
    table_rows,
    utc,
)
from kleio.catalogue import ArtistCredit, FormatDocument, LabelCredit
from kleio.db.queries import Connection
from kleio.importers import catalogue_store
from kleio.importers.collection_csv import BYTE_ORDER_MARK, MAX_LINE_BYTES, CollectionCsv
from kleio.importers.files import open_file
from kleio.importers.sources import SourceError
from kleio.repositories import collection, folders, releases

pytestmark = pytest.mark.anyio


async def copies(conn: Connection, user_id: Any) -> list[Any]:
    """Return what the shelf holds: number, folder, grades, notes ..., in the order of the times."""
    cursor = await conn.execute(
        "SELECT r.discogs_id, f.name, c.rating, c.media_condition::text, c.sleeve_condition::text,"
        "       c.notes, c.custom_fields::text, c.added_at"
        "  FROM user_releases AS c JOIN releases AS r ON r.id = c.release_id"
        "  JOIN folders AS f ON f.user_id = c.user_id AND f.id = c.folder_id"
        " WHERE c.user_id = %s ORDER BY c.added_at, r.discogs_id, c.id",
        (user_id,),
    )
    return await cursor.fetchall()


async def one_copy(conn: Connection, user_id: Any) -> Any:
    (found,) = await copies(conn, user_id)
    return found


async def reasons(conn: Connection, user_id: Any, run: Any) -> dict[str, str]:
    """Return why lines were refused, by place."""
    rows = await rows_of(conn, user_id, run)
    return {row.place: row.reason or "" for row in rows if row.verdict == "invalid"}


# --- what a line becomes --------------------------------------------------------------------------


async def test_a_line_becomes_a_copy_and_a_stub(tx: Connection) -> None:
    account = await make_user(tx)
    given = line(
        77, Rating="4", CollectionFolder="Jazz", Collection_Media_Condition="Near Mint (NM or M-)",
        Collection_Sleeve_Condition="Generic", Collection_Notes='said "so",\nnot 日本',
    )  # fmt: skip
    run = await import_csv(tx, account.id, given)
    assert counts(run) == {"folder": {"new": 1}, "release": {"new": 1}, "copy": {"new": 1}}
    assert await one_copy(tx, account.id) == (
        77, "Jazz", 4, "NM", "Generic", 'said "so",\nnot 日本', "{}", utc(2015, 1, 1, 10),
    )  # fmt: skip
    cursor = await tx.execute(
        "SELECT title, year, released, source_hash, synced_at, play_duration,"
        "       play_duration_estimated FROM releases"
    )
    assert await cursor.fetchone() == ("Stockholm", 1999, "1999", None, None, 4800 // 2 * 2, True)


async def test_a_stub_is_completed_by_the_next_dump(tx: Connection) -> None:
    account = await make_user(tx)
    await import_csv(tx, account.id, line(77, Title="From the line"))
    counted = await catalogue_store.store(tx, "releases", [release_document(77, title="Whole")])
    assert (counted.inserted, counted.updated) == (0, 1)
    cursor = await tx.execute("SELECT title, source_hash IS NULL, synced_at IS NULL FROM releases")
    assert await cursor.fetchone() == ("Whole", False, False)
    assert counts(await import_csv(tx, account.id, line(77, Title="From the line"))) == {
        "folder": {"known": 1}, "release": {"known": 1}, "copy": {"known": 1},
    }  # fmt: skip
    cursor = await tx.execute("SELECT title FROM releases")
    assert await cursor.fetchone() == ("Whole",)


async def test_a_release_of_the_catalogue_is_never_changed(tx: Connection) -> None:
    account = await make_user(tx)
    await make_release(tx, 1, title="As Discogs has it")
    await import_csv(tx, account.id, line(1, Title="Otherwise"), with_updates=True)
    cursor = await tx.execute("SELECT title FROM releases")
    assert await cursor.fetchall() == [("As Discogs has it",)]


TRAPS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "Released 0 is unknown": ({"Released": "0"}, {"year": None, "released": None}),
    "a whole date": ({"Released": "1999-07-13"}, {"year": 1999, "released": "1999-07-13"}),
    "a leading space": ({"Title": "  Lead"}, {"title": "Lead"}),
    "quoted quotes": ({"Title": 'The "Best"'}, {"title": 'The "Best"'}),
    "a line feed in a title": ({"Title": "One\nTwo"}, {"title": "One\nTwo"}),
    "CJK": ({"Title": "椎名林檎"}, {"title": "椎名林檎"}),
    "Cyrillic": ({"Title": "Группа крови"}, {"title": "Группа крови"}),
    "what looks like a formula": ({"Title": "=SUM(A1)"}, {"title": "=SUM(A1)"}),
    "an apostrophe of its own": ({"Title": "'-tis"}, {"title": "'-tis"}),
}


@pytest.mark.parametrize(("given", "stored"), TRAPS.values(), ids=TRAPS)
async def test_texts_arrive_as_they_are(
    tx: Connection, given: dict[str, Any], stored: dict[str, Any]
) -> None:
    account = await make_user(tx)
    await import_csv(tx, account.id, line(5, **given))
    for column, value in stored.items():
        cursor = await tx.execute(f"SELECT {column} FROM releases")  # type: ignore[arg-type]
        assert await cursor.fetchone() == (value,)


async def test_artist_label_and_catno_stay_one_text_each(tx: Connection) -> None:
    account = await make_user(tx)
    given = line(5, Artist="Prince (3), A & B", Label="Warner Bros., Inc., Epic", Catalog_="1, 2")
    await import_csv(tx, account.id, given)
    cursor = await tx.execute(
        "SELECT a.name, a.artist_id, l.name, l.catno FROM release_artists AS a, release_labels AS l"
    )
    assert await cursor.fetchall() == [
        ("Prince (3), A & B", None, "Warner Bros., Inc., Epic", "1, 2")
    ]


async def test_without_notes_and_conditions_columns(tx: Connection) -> None:
    account = await make_user(tx)
    header = ["Artist", "Title", "release_id"]
    run = await import_csv(tx, account.id, csv_of(line(8), header=header))
    assert counts(run) == {"release": {"new": 1}, "copy": {"new": 1}}
    number, folder, *_, added_at = await one_copy(tx, account.id)
    assert (number, folder, added_at) == (8, "Uncategorized", run.created_at)
    # Without a time the copy is found again by its release.
    again = await import_csv(tx, account.id, csv_of(line(8), header=header))
    assert counts(again)["copy"] == {"known": 1}


async def test_other_columns_become_custom_fields(tx: Connection) -> None:
    account = await make_user(tx)
    given = {**line(8), "Collection Price Paid": "12,50 €", "Shop": 'Rough "Trade"', "Empty": " "}
    await import_csv(tx, account.id, given)
    cursor = await tx.execute("SELECT custom_fields FROM user_releases")
    (found,) = await cursor.fetchone()
    assert bytes(found) == b'{"Shop": "Rough \\"Trade\\"", "Price Paid": "12,50 \xe2\x82\xac"}'


@pytest.mark.parametrize(
    ("written", "grade"),
    [("Mint (M)", "M"), ("M-", "NM"), ("near mint (nm or m-)", "NM"), ("VG+", "VG+"),
     ("Very Good Plus (VG+)", "VG+"), ("Poor (P)", "P"), ("not graded", "Not Graded")],
)  # fmt: skip
async def test_grades_in_long_words_and_codes(tx: Connection, written: str, grade: str) -> None:
    account = await make_user(tx)
    await import_csv(
        tx, account.id,
        line(8, Collection_Media_Condition=written, Collection_Sleeve_Condition=written),
    )  # fmt: skip
    assert (await one_copy(tx, account.id))[3:5] == (grade, grade)


@pytest.mark.parametrize("count", [1, 2, 5])
async def test_lines_of_one_release_are_several_copies(tx: Connection, count: int) -> None:
    account = await make_user(tx)
    lines = [line(8)] * count
    assert counts(await import_csv(tx, account.id, lines))["copy"] == {"new": count}
    assert counts(await import_csv(tx, account.id, lines))["copy"] == {"known": count}
    more = await import_csv(tx, account.id, [*lines, line(8, Date_Added="2020-02-02 02:02:02")])
    assert counts(more)["copy"] == {"known": count, "new": 1}
    assert len(await copies(tx, account.id)) == count + 1


# --- files from spreadsheets ----------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\r\n", "\n"])
async def test_delimiters_and_line_ends(tx: Connection, delimiter: str, end: str) -> None:
    account = await make_user(tx)
    given = line(8, Title="a;b\tc, d", Collection_Notes="x;y")
    content = csv_of(given, delimiter=delimiter, lineterminator=end)
    await import_csv(tx, account.id, b"\xef\xbb\xbf" + content)
    assert (await one_copy(tx, account.id))[5] == "x;y"
    cursor = await tx.execute("SELECT title FROM releases")
    assert await cursor.fetchone() == ("a;b\tc, d",)


@pytest.mark.parametrize(
    ("dates", "written", "added"),
    [
        ("dmy", "03/04/2021", utc(2021, 4, 3)),
        ("mdy", "03/04/2021", utc(2021, 3, 4)),
        ("dmy", "31.12.2020 23:59", utc(2020, 12, 31, 23, 59)),
        ("dmy", "1-2-2021 3:04:05", utc(2021, 2, 1, 3, 4, 5)),
        ("mdy", "3/4/2021 12:05:00 AM", utc(2021, 3, 4, 0, 5)),
        ("mdy", "3/4/21 1:05 pm", utc(2021, 3, 4, 13, 5)),
        ("iso", "2021-03-04", utc(2021, 3, 4)),
        ("iso", "2021-03-04T05:06:07-08:00", utc(2021, 3, 4, 13, 6, 7)),
        ("dmy", "2021-03-04 05:06:07", utc(2021, 3, 4, 5, 6, 7)),
        ("iso", "2015/11/30 9:54", utc(2015, 11, 30, 9, 54)),
        ("iso", "2015-11-30 9:54", utc(2015, 11, 30, 9, 54)),
        ("mdy", "2015/2/3", utc(2015, 2, 3)),
        ("dmy", "2015.2.3 9:54:01 PM", utc(2015, 2, 3, 21, 54, 1)),
    ],
)
async def test_days_as_spreadsheets_write_them(
    tx: Connection, dates: Any, written: str, added: Any
) -> None:
    account = await make_user(tx)
    await import_csv(tx, account.id, line(8, Date_Added=written), dates=dates)
    assert (await one_copy(tx, account.id))[7] == added


@pytest.mark.parametrize("written", ["03/04/2021", "25/12/2020", "12.25.2020 10:00"])
async def test_a_day_is_never_guessed(tx: Connection, written: str) -> None:
    account = await make_user(tx)
    before = await table_rows(tx, account.id)
    with pytest.raises(SourceError, match=r"line 3, Date Added: '.*' may begin with the day or"):
        await import_csv(tx, account.id, [line(8), line(9, Date_Added=written)])
    assert await table_rows(tx, account.id) == before


async def test_times_without_a_zone_are_of_the_one_that_is_told(tx: Connection) -> None:
    account = await make_user(tx)
    zone = ZoneInfo("America/Los_Angeles")
    lines = [line(8, Date_Added="2021-01-01 00:00:00"), line(9, Date_Added="2021-07-01 00:00:00")]
    await import_csv(tx, account.id, lines, zone=zone)
    assert [copy[7] for copy in await copies(tx, account.id)] == [
        utc(2021, 1, 1, 8), utc(2021, 7, 1, 7),
    ]  # fmt: skip


async def test_the_same_file_in_another_zone_doubles_nothing(tx: Connection) -> None:
    account = await make_user(tx)
    lines = [line(8), line(8), line(9)]
    await import_csv(tx, account.id, lines, zone=ZoneInfo("America/Los_Angeles"))
    run = await import_csv(tx, account.id, lines)
    assert counts(run)["copy"] == {"changed": 3}
    assert len(await copies(tx, account.id)) == 3


async def test_an_older_spreadsheet_s_encoding_is_asked_for(tx: Connection) -> None:
    account = await make_user(tx)
    content = csv_of(line(8, Title="Ágætis – “byrjun”")).decode().encode("cp1252")
    where = content.index("Á".encode("cp1252")) + 1
    with pytest.raises(SourceError, match=f"line 2, byte {where} of the file: not UTF-8"):
        await import_csv(tx, account.id, content)
    await import_csv(tx, account.id, content, encoding="cp1252")
    cursor = await tx.execute("SELECT title FROM releases")
    assert await cursor.fetchone() == ("Ágætis – “byrjun”",)


@pytest.mark.parametrize("is_marked", [True, False])
@pytest.mark.parametrize("text", ["+49 30", "'=1", "''@x", "'a", "＝1", "a'=1", "\n=1", "-"])
async def test_our_own_apostrophes_are_taken_away_again(
    text: str, is_marked: bool, tx: Connection
) -> None:
    """`--spreadsheet` put them there, with a mark; where that was lost, somebody has to say so."""
    account, other = await make_user(tx), await make_user(tx)
    release_id = await make_release(tx, 8, title="=1+1", artists=[ArtistCredit(name="@home")])
    await make_copy(tx, account, release_id, notes=text, added_at=NOW)
    content = await export(tx, account.user, "collection", format="csv", spreadsheet=True)
    assert b"'=1+1" in content
    await tx.execute("UPDATE releases SET discogs_id = 9")
    if is_marked:
        await import_csv(tx, other.id, content)
    else:
        content = content.removeprefix(BYTE_ORDER_MARK)
        run = await import_csv(tx, other.id, content, dry_run=True)
        (row,) = await rows_of(tx, other.id, run, kind="copy")
        assert (row.reason or "").startswith("an apostrophe before a formula is kept")
        await import_csv(tx, other.id, content, spreadsheet=True)
    assert (await one_copy(tx, other.id))[5] == text
    cursor = await tx.execute("SELECT title FROM releases WHERE discogs_id = 8")
    assert await cursor.fetchone() == ("=1+1",)


# --- lines and files that are wrong ---------------------------------------------------------------


async def test_wrong_lines_are_told_and_the_rest_goes_on(tx: Connection) -> None:
    account = await make_user(tx)
    content = (
        csv_of(
            line(1, Collection_Notes="two\nlines"),
            line("x"),
            line(2**31),
            line(2, Rating="6"),
            line(3, Rating="good"),
            line(4, Released="Tuesday"),
            line(5, Title=""),
            line(6, Collection_Media_Condition="Sticky"),
            line(7, Collection_Media_Condition="Generic"),
            line(8, Date_Added="yesterday"),
            line(9, Date_Added="2021-02-30 10:00:00"),
            line(10, Date_Added="2121-01-01 10:00:00"),
            line(11, Collection_Notes="x" * 20_001),
            line(12, Rating="5.0"),
        )
        + b"a,b\r\n\r\n,\r\n"
    )
    run = await import_csv(tx, account.id, content)
    # The first copy has two lines.
    assert await reasons(tx, account.id, run) == {
        "line 4": "release_id: 'x' is no number of Discogs'",
        "line 5": "release_id: '2147483648' is no number of Discogs'",
        "line 6": "Rating: '6' is not 0 to 5",
        "line 7": "Rating: 'good' is not 0 to 5",
        "line 8": "Released: 'Tuesday' is no year",
        "line 9": "Title: needed",
        "line 10": "Collection Media Condition: 'Sticky' is no grade of Discogs'",
        "line 11": "Collection Media Condition: 'Generic' is no grade of Discogs'",
        "line 12": "Date Added: 'yesterday' is no date",
        "line 13": "Date Added: '2021-02-30 10:00:00' is no date",
        "line 14": "addedAt: more than a day in the future",
        "line 15": "notes: longer than 20000 characters",
        "line 17": "2 fields where the header has 13",
        "line 19": "2 fields where the header has 13",
    }
    assert [(copy[0], copy[2]) for copy in await copies(tx, account.id)] == [(1, 0), (12, 5)]
    # A line that is refused makes no release either.
    assert counts(run)["release"] == {"new": 2}


def workbook() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"<row/>" * 100_000)
    return file.getvalue()


BROKEN = {
    "XLSX": (workbook(), "zip archive or an Excel workbook"),
    "XLS": (b"\xd0\xcf\x11\xe0\xa1\xb1", "old Excel workbook"),
    "a web page": (b"\r\n<!DOCTYPE html>\n<title>Log in</title>", "web page"),
    "a page without doctype": (b"<html><body>,</body></html>", "web page"),
    "gzip": (b"\x1f\x8b\x08\0\0", "packed with gzip"),
    "JSON": (b'{"a": 1}', "JSON, not CSV"),
    "SQLite": (b"SQLite format 3\0", "SQLite database"),
    "UTF-16": (csv_of(line()).decode().encode("utf-16"), "UTF-16"),
    "nothing": (b"", "the file is empty"),
    "nothing but a mark": (b"\xef\xbb\xbf\r\n", "the file is empty"),
    "another header": (b"a,b,c\n1,2,3\n", "no column release_id, Artist, Title"),
    "no header": (csv_of(line()).partition(b"\n")[2], "no column release_id"),
    "a column twice": (b"release_id,Artist,Title,artist\n", "'artist' stands twice"),
    "columns without end": (b"release_id,Artist,Title," + b"x," * 300, "more than 200 columns"),
    "a quote never closed": (csv_of(line()) + b'1,"x\n' + b"y\n" * 9, "line 3: a quote is opened"),
    "a quote in the middle": (csv_of(line()) + b'"x"y,2\n', "line 3: not CSV"),
    "a field without end": (csv_of(line()) + b'"' + b"y\n" * 90_000, "line 3: a quote is opened"),
    "a line without end": (b"x" * (MAX_LINE_BYTES + 1), "line 1: longer than"),
    "a NUL": (csv_of(line(), line(Title="a\0b")), "line 3: holds a NUL"),
    "carriage returns alone": (csv_of(line(), line()).replace(b"\r\n", b"\r"), "line"),
}


@pytest.mark.parametrize(("content", "said"), BROKEN.values(), ids=BROKEN)
async def test_a_file_that_is_none_is_told_and_nothing_written(
    tx: Connection, content: bytes, said: str
) -> None:
    account = await make_user(tx)
    before = await table_rows(tx, account.id)
    with pytest.raises(SourceError, match=said):
        await import_csv(tx, account.id, content)
    assert await table_rows(tx, account.id) == before
    cursor = await tx.execute("SELECT count(*) FROM releases")
    assert await cursor.fetchone() == (0,)


@pytest.mark.parametrize("name", ["absent.csv", "."])
def test_a_path_that_can_t_be_opened(tmp_path: Path, name: str) -> None:
    with pytest.raises(SourceError, match=r"No such file|Is a directory"):
        open_file(tmp_path / name)


def test_memory_does_not_grow_with_the_file() -> None:
    """A gigabyte, made as it is read: later there is no more alive than at first."""

    class Endless(io.RawIOBase):
        head = csv_of()
        text = csv_of(*([line(8, Title="x" * 200)] * 1000)).partition(b"\n")[2]

        def __init__(self) -> None:
            self.at = 0

        def seek(self, offset: int, whence: int = 0) -> int:
            self.at = offset if whence == 0 else 2**30
            return self.at

        def tell(self) -> int:
            return self.at

        def readable(self) -> bool:
            return True

        def seekable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            if self.at < len(self.head):
                data = self.head[self.at : self.at + len(buffer)]
            else:
                start = (self.at - len(self.head)) % len(self.text)
                data = self.text[start : start + len(buffer)]
            buffer[: len(data)] = data
            self.at += len(data)
            return len(data)

    rows = iter(CollectionCsv(io.BufferedReader(Endless()), "x"))
    alive = []
    for _ in range(2):
        for _ in range(200_000):
            next(rows)
        gc.collect()
        alive.append(len(gc.get_objects()))
    assert alive[1] <= alive[0] + 1000


# --- again, and beside what is there --------------------------------------------------------------


async def test_a_real_shelf_twice(conn: Connection, rng: random.Random) -> None:
    account = await make_user(conn)
    lines = shelf_of(2500, rng)
    before = await table_rows(conn, account.id)
    dry = await import_csv(conn, account.id, lines, dry_run=True)
    assert dry.state == "judged"
    assert await table_rows(conn, account.id) == before
    cursor = await conn.execute("SELECT count(*) FROM releases")
    assert await cursor.fetchone() == (0,)
    run = await import_csv(conn, account.id, lines)
    assert counts(run) == counts(dry)
    assert counts(run)["copy"] == {"new": 2500}
    distinct = len({one["release_id"] for one in lines})
    assert distinct < 2500
    assert counts(run)["release"] == {"new": distinct, "known": 2500 - distinct}
    after = await table_rows(conn, account.id)
    again = await import_csv(conn, account.id, lines)
    assert {v for of_kind in counts(again).values() for v in of_kind} == {"known"}
    assert await table_rows(conn, account.id) == after
    # Derived columns of stubs are those of the tables they are derived from.
    ids = [row[0] for row in await (await conn.execute("SELECT id FROM releases")).fetchall()]
    assert await releases.refresh_releases(conn, release_ids=ids) == 0


async def test_an_export_of_stubs_is_the_file_they_came_from(
    tx: Connection, rng: random.Random
) -> None:
    account = await make_user(tx)
    lines = shelf_of(200, rng)
    by_release = {one["release_id"]: one for one in reversed(lines)}
    await import_csv(tx, account.id, lines)
    content = await export(tx, account.user, "collection", format="csv")
    found = list(csv.DictReader(io.StringIO(content.decode(), newline="")))
    assert len(found) == len(lines)
    assert list(found[0]) == HEADER
    assert sorted(row["Date Added"] for row in found) == sorted(one["Date Added"] for one in lines)
    for row in found:
        given = by_release[row["release_id"]]
        for column in ("Catalog#", "Artist", "Label", "Format", "Released"):
            assert row[column] == given[column], column
        assert row["Title"] == given["Title"].strip()


async def test_our_own_export_comes_back_unchanged(tx: Connection) -> None:
    """Releases made by hand too, which have no number; folders, grades, several copies."""
    account, other = await make_user(tx), await make_user(tx)
    by_hand = release_document(
        title="By hand",
        artists=[ArtistCredit(name="A", join_relation="&"), ArtistCredit(name="B")],
        labels=[LabelCredit(name="Own", catno="1-2"), LabelCredit(name="Own", catno="3")],
        formats=[FormatDocument(name="Vinyl", qty="1", descriptions=["LP", "33 ⅓ RPM"])],
    )  # fmt: skip
    by_hand.discogs_id = None
    (saved,) = await catalogue_store.save(tx, "releases", [by_hand])
    folder = await folders.insert_folder(tx, user_id=account.id, number=7, name="Jazz", now=NOW)
    assert folder is not None
    for release_id in (saved.id, saved.id, await make_release(tx, 5)):
        await make_copy(tx, account, release_id, folder_id=folder.id, rating=3, notes=" x ",
                        media_condition="VG+", sleeve_condition="No Cover")  # fmt: skip
    content = await export(tx, account.user, "collection", format="csv")
    before = await table_rows(tx, account.id)
    run = await import_csv(tx, account.id, content, with_updates=True)
    assert {v for of_kind in counts(run).values() for v in of_kind} == {"known"}
    after = await table_rows(tx, account.id)
    del before["id_map"], after["id_map"]
    assert after == before
    # Into another account: the release without a number is made anew, and found again.
    for verdicts in ({"new": 3}, {"known": 3}):
        assert counts(await import_csv(tx, other.id, content))["copy"] == verdicts
    again = await export(tx, other.user, "collection", format="csv")
    # Copies that were added at the same time are in the order of their ids.
    assert sorted(again.splitlines()) == sorted(content.splitlines())


async def test_what_the_user_changed_stays_unless_it_is_told_otherwise(tx: Connection) -> None:
    account = await make_user(tx)
    given = line(8, Rating="4", Collection_Notes="from Discogs", CollectionFolder="Jazz")
    await import_csv(tx, account.id, given)
    await tx.execute("UPDATE user_releases SET rating = 2, notes = 'my own', media_condition = 'G'")
    run = await import_csv(tx, account.id, given)
    (row,) = await rows_of(tx, account.id, run, kind="copy")
    assert (row.verdict, bytes(row.changes or b"")) == (
        "changed", b'{"notes": ["my own", "from Discogs"], "rating": [2, 4]}',
    )  # fmt: skip
    assert (await one_copy(tx, account.id))[2:6] == (2, "G", None, "my own")
    run = await import_csv(tx, account.id, given, with_updates=True)
    assert counts(run)["copy"] == {"changed": 1}
    # What the file leaves empty stays.
    assert (await one_copy(tx, account.id))[2:6] == (4, "G", None, "from Discogs")
    assert counts(await import_csv(tx, account.id, given))["copy"] == {"known": 1}


async def test_a_folder_that_was_renamed_is_the_same_folder(tx: Connection) -> None:
    account = await make_user(tx)
    await import_csv(tx, account.id, line(8, CollectionFolder="Jazz"))
    await tx.execute("UPDATE folders SET name = 'Jazz & more' WHERE name = 'Jazz'")
    lines = [line(8, CollectionFolder="Jazz"), line(9, CollectionFolder="JAZZ")]
    run = await import_csv(tx, account.id, lines)
    assert counts(run)["folder"] == {"changed": 1, "new": 1}
    assert counts(run)["copy"] == {"known": 1, "new": 1}
    assert {copy[1] for copy in await copies(tx, account.id)} == {"Jazz & more", "JAZZ"}


async def test_folders_are_the_same_whatever_their_case(tx: Connection) -> None:
    account = await make_user(tx)
    names = ["Söul", "söul", "uncategorized", "SÖUL"]
    lines = [line(number, CollectionFolder=name) for number, name in enumerate(names, 1)]
    assert counts(await import_csv(tx, account.id, lines))["folder"] == {"new": 1, "known": 3}
    assert [copy[1] for copy in await copies(tx, account.id)] == [
        "Söul", "Söul", "Uncategorized", "Söul",
    ]  # fmt: skip


async def test_what_was_archived_does_not_come_back(tx: Connection) -> None:
    account = await make_user(tx)
    await import_csv(tx, account.id, line(8))
    cursor = await tx.execute("SELECT id FROM user_releases")
    (copy_id,) = await cursor.fetchone()
    await collection.update_copy_archived(
        tx, user_id=account.id, copy_id=copy_id, archive_reason="sold", expected_updated_at=None,
        now=NOW,
    )  # fmt: skip
    assert counts(await import_csv(tx, account.id, line(8)))["copy"] == {"known": 1}
    # Bought again, it was added at another time.
    bought = line(8, Date_Added="2024-01-01 00:00:00")
    assert counts(await import_csv(tx, account.id, bought))["copy"] == {"new": 1}


async def test_a_copy_of_an_instance_is_found_by_its_release(tx: Connection) -> None:
    """What a sync brought, in another zone, a CSV does not double."""
    account = await make_user(tx)
    release_id = await make_release(tx, 8)
    copy = await make_copy(tx, account, release_id, added_at=utc(2015, 1, 1, 18))
    await tx.execute("UPDATE user_releases SET discogs_instance_id = 5 WHERE id = %s", (copy.id,))
    assert counts(await import_csv(tx, account.id, line(8)))["copy"] == {"changed": 1}


async def test_plays_and_other_users_are_left_alone(tx: Connection) -> None:
    account, other = await make_user(tx), await make_user(tx)
    for user in (account, other):
        await import_csv(tx, user.id, [line(8), line(9)])
    cursor = await tx.execute("SELECT release_id FROM user_releases LIMIT 1")
    (release_id,) = await cursor.fetchone()
    await make_play(tx, other.id, release_id)
    before = await table_rows(tx, other.id)
    await import_csv(tx, account.id, [line(8, Rating="1"), line(10)], with_updates=True)
    assert await table_rows(tx, other.id) == before
