"""The whole account out and in again: the same bytes, whatever the layout of the JSON."""

from __future__ import annotations

import io
import json
import random
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from exporting import export
from factories import make_copy, make_play, make_release, make_user, settings_for
from importing import account_file, content_of, counts, import_account, rows_of, table_rows
from kleio.db.connections import connect
from kleio.db.queries import Connection
from kleio.demo import load_demo
from kleio.importers.account_json import AccountJson
from kleio.importers.json_files import MAX_ITEM_BYTES
from kleio.importers.sources import SourceError
from kleio.repositories import users
from servers import Server

pytestmark = pytest.mark.anyio

PLAY = {"releaseId": "r", "playedAt": "2024-01-01T20:00:00Z"}
RELEASE = {"id": "r", "document": {"title": "A release", "discogsId": 9}}


async def test_a_demo_user_arrives_whole_in_an_empty_account_of_another_database(
    conn: Connection, server: Server, template_database: str, tmp_path: Any
) -> None:
    """Byte for byte apart from ids and the times of export; a second time it changes nothing."""
    await load_demo(conn, now=datetime(2026, 1, 5, 20, tzinfo=UTC))
    ada = await users.get_user_by_username(conn, username="ada")
    assert ada is not None
    file = await export(conn, ada, "all")
    with server.database(template_database) as conninfo:
        other = await connect(settings_for(conninfo, tmp_path), conninfo)
        async with other:
            account = await make_user(other, "ada")
            run = await import_account(other, account.id, file)
            assert run.state == "done"
            assert not {"changed", "unmatched", "invalid"} & {
                verdict for of_kind in counts(run).values() for verdict in of_kind
            }
            assert len(counts(run)["play"]) == 1
            assert counts(run)["play"]["new"] > 200
            assert await content_of(other, account.user) == await content_of(conn, ada)

            before = await table_rows(other, account.id)
            again = await import_account(other, account.id, file)
            assert {v for of_kind in counts(again).values() for v in of_kind} == {"known"}
            assert await table_rows(other, account.id) == before
            # Its own export, back into itself.
            own = await import_account(other, account.id, await export(other, account.user, "all"))
            assert {v for of_kind in counts(own).values() for v in of_kind} == {"known"}
            assert await table_rows(other, account.id) == before


async def test_beside_what_is_there_comes_only_what_is_new(conn: Connection) -> None:
    """Into an account that has a part of it: some copies, plays and a preference of its own."""
    await load_demo(conn, now=datetime(2026, 1, 5, 20, tzinfo=UTC))
    ada = await users.get_user_by_username(conn, username="ada")
    assert ada is not None
    file = json.loads(await export(conn, ada, "all"))
    part = {**file, "copies": file["copies"][:50], "plays": file["plays"][:30], "cleanings": []}
    account = await make_user(conn)
    first = counts(await import_account(conn, account.id, part))
    assert first["copy"] == {"new": 50}
    await conn.execute(
        "UPDATE user_preferences SET preferences = preferences || '{\"timeZone\": \"Asia/Tokyo\"}'"
        " WHERE user_id = %s", (account.id,),
    )  # fmt: skip
    second = await import_account(conn, account.id, file)
    assert counts(second)["copy"] == {"known": 50, "new": len(file["copies"]) - 50}
    assert counts(second)["play"] == {"known": 30, "new": len(file["plays"]) - 30}
    assert counts(second)["preferences"] == {"changed": 1}
    stored = await conn.execute(
        "SELECT preferences ->> 'timeZone' FROM user_preferences WHERE user_id = %s", (account.id,)
    )
    assert await stored.fetchone() == ("Asia/Tokyo",)


@pytest.mark.parametrize(
    ("zone", "kept"), [("WET", "Europe/Lisbon"), ("Europe/Zagreb", "Europe/Zagreb")]
)
async def test_a_zone_comes_by_the_name_that_the_database_knows(
    tx: Connection, zone: str, kept: str
) -> None:
    account = await make_user(tx)
    await import_account(tx, account.id, account_file(preferences={"timeZone": zone}))
    stored = await tx.execute(
        "SELECT preferences ->> 'timeZone' FROM user_preferences WHERE user_id = %s", (account.id,)
    )
    assert await stored.fetchone() == (kept,)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "localtime", "", ["CET"], None, 1])
async def test_a_zone_that_there_is_not_is_named(tx: Connection, zone: object) -> None:
    account = await make_user(tx)
    run = await import_account(tx, account.id, account_file(preferences={"timeZone": zone}))
    assert counts(run)["preferences"] == {"invalid": 1}


@pytest.mark.parametrize("layout", ["indented", "sorted", "one line", "bom"])
async def test_the_layout_of_the_json_does_not_matter(
    tx: Connection, rng: random.Random, layout: str
) -> None:
    account, other = await make_user(tx), await make_user(tx)
    for number in range(5):
        release_id = await make_release(tx, title=f"日本 {number}")
        await make_copy(tx, account, release_id, notes='"\\ \u2028')
        await make_play(tx, account.id, release_id)
    file = await export(tx, account.user, "all")
    parsed = json.loads(file)
    text = {
        "indented": lambda: json.dumps(parsed, indent=4).encode(),
        "sorted": lambda: json.dumps(parsed, sort_keys=True, ensure_ascii=False).encode(),
        "one line": lambda: json.dumps(parsed, separators=(",", ":")).encode(),
        "bom": lambda: b"\xef\xbb\xbf\n" + file,
    }[layout]()
    run = await import_account(tx, other.id, text)
    assert counts(run)["play"] == {"new": 5}
    assert await content_of(tx, other.user) == await content_of(tx, account.user)


BROKEN = {
    "a list": (b"[1]", "begins with {"),
    "csv": (b"Artist,Title\n", "begins with {"),
    "gzip": (b"\x1f\x8b\x08", "packed with gzip"),
    "html": (b"<!DOCTYPE html><html>", "web page"),
    "sqlite": (b"SQLite format 3\0", "SQLite"),
    "empty": (b"", "empty"),
    "cut short": (b'{"format":"kleio-account","version":1,"plays":[{"a":1},{"b', "not JSON"),
    "trailing": (b'{"format":"kleio-account","version":1} x', "not JSON"),
    "no UTF-8": (b'{"format":"kleio-account\xff"}', "not JSON"),
    "a number of 70 bits": (b'{"plays":[%d]}' % (2**70), "overflow"),
    "another format": (b'{"format":"other","version":1}', "format is not kleio-account"),
    "no format": (b'{"plays":[]}', "no format"),
    "no version": (b'{"format":"kleio-account"}', "no version"),
    "a later version": (b'{"format":"kleio-account","version":2}', "version 2"),
    "a list that is none": (b'{"plays":{}}', "$.plays: not a list"),
    "an unknown list": (b'{"wants":[1]}', "$.wants"),
    "a list twice": (b'{"plays":[],"plays":[]}', "twice"),
    "too deep": (b'{"plays":[' + b"[" * 100, "more than 50"),
    "too long": (b'{"plays":["' + b"x" * (MAX_ITEM_BYTES + 200_000), "an item of more than"),
}


@pytest.mark.parametrize(("content", "said"), BROKEN.values(), ids=BROKEN)
async def test_a_file_that_is_none_is_told_and_nothing_written(
    tx: Connection, content: bytes, said: str
) -> None:
    account = await make_user(tx)
    before = await table_rows(tx, account.id)
    with pytest.raises(SourceError, match=said.replace("{", r"\{").replace("$", r"\$")):
        await import_account(tx, account.id, content)
    assert await table_rows(tx, account.id) == before


async def test_a_release_that_lists_could_not_show_is_refused(tx: Connection) -> None:
    """It would stand in everybody's pages of the catalogue, 200 of its kind at once."""
    account = await make_user(tx)
    long = {"artists": [{"name": "A" * 500}] * 200}
    whole = {"tracks": [{"seq": n, "title": "T" * 500} for n in range(1, 300)], "notes": "n" * 9**5}
    documents = ({"title": "T" * 70_000}, {"title": "x", **long}, {"title": "x", **whole})
    releases = [{"id": f"r{n}", "document": document} for n, document in enumerate(documents)]
    run = await import_account(tx, account.id, account_file(releases=releases))
    assert counts(run)["release"] == {"invalid": 2, "new": 1}
    assert [row.reason for row in await rows_of(tx, account.id, run, kind="release")] == [
        *["more than 65,536 bytes for lists to show"] * 2,
        None,
    ]


async def test_records_are_refused_alone_with_their_place(tx: Connection) -> None:
    account = await make_user(tx)
    file = account_file(
        releases=[RELEASE, {"id": "bad", "document": {"title": "x", "year": 10**6}}],
        styluses=[{"id": "s", "name": " "}],
        copies=[
            {"id": "c", "releaseId": "r", "rating": 6},
            {"id": "d", "releaseId": "bad"},
            {"id": "e", "releaseId": "r", "mediaCondition": "Mint"},
            {"id": "f", "releaseId": "r", "customFields": {"a": 1}},
            {"id": "g", "releaseId": "r", "archivedAt": "2024-01-01T00:00:00Z",
             "archiveReason": "boredom"},
            {"id": "h", "releaseId": "r", "folderId": "nowhere"},
            {"id": "h", "releaseId": "r"},
            {"id": "i", "releaseId": "r", "customFields": {f"{n}": "x" * 10**4 for n in range(7)}},
        ],
        plays=[
            {**PLAY, "playedAt": "2024-01-01T20:00:00"},
            {**PLAY, "playedAt": "2099-01-01T20:00:00Z"},
            {**PLAY, "playedAt": "1492-01-01T20:00:00Z"},
            {**PLAY, "durationSeconds": -1},
            {**PLAY, "side": "a1"},
            {**PLAY, "copyId": "c", "stylusId": "s"},
            {"releaseId": "r"},
            "play",
        ],
    )  # fmt: skip
    run = await import_account(tx, account.id, file)
    found = {
        row.place: f"{row.verdict} {row.reason or ''}".strip()
        for row in await rows_of(tx, account.id, run)
    }
    assert found == {
        "$.preferences": "known",
        "$.releases[0]": "new",
        "$.releases[1]": "invalid year: '1000000' is not 1 to 9999",
        "$.styluses[0]": "invalid name: needed",
        "$.copies[0]": "invalid rating: '6' is not 0 to 5",
        "$.copies[1]": "unmatched release bad is not in the file, or was refused",
        "$.copies[2]": "invalid mediaCondition: 'Mint' is none of M, NM, VG+, VG, G+, G, F, P, Not"
        " Graded",
        "$.copies[3]": "invalid customFields.a: not a text",
        "$.copies[4]": "invalid archiveReason: 'boredom' is none of sold, given away, lost,"
        " duplicate, mistake, removed at Discogs, other",
        "$.copies[5]": "new folder nowhere is not in the file, or was refused",
        "$.copies[6]": "invalid id: an earlier copy has it",
        "$.copies[7]": "invalid customFields: more than 65,536 bytes",
        "$.plays[0]": "invalid playedAt: needs a zone",
        "$.plays[1]": "invalid playedAt: more than a day in the future",
        "$.plays[2]": "invalid playedAt: before 1877",
        "$.plays[3]": "invalid durationSeconds: '-1' is not 0 to 172800",
        "$.plays[4]": "invalid side: 'a1' is not one or two letters, A to Z",
        "$.plays[5]": "new without its copy c; without its stylus s",
        "$.plays[6]": "invalid Object missing required field playedAt",
        "$.plays[7]": "invalid Expected object, got str",
    }


HOSTILE = {
    "identifiers that are none": {"metadata": {"identifiers": {"a": 1}}},
    "companies that are none": {"metadata": {"companies": {"a": 1}}},
    "videos that are none": {"metadata": {"videos": ["a"]}},
    "an identifier that is none": {"metadata": {"identifiers": [1]}},
    "a track numbered twice": {"tracks": [{"seq": 1, "title": "a"}, {"seq": 1, "title": "b"}]},
    "a number of no release": {"discogsId": 2**31},
    "a label without end": {"labels": [{"name": "x" * 3000}]},
    "a genre without end": {"genres": ["x" * 3000]},
    "a barcode without end": {"metadata": {"identifiers": [{"value": "1" * 3000}]}},
    "a duration that is none": {"tracks": [{"seq": 1, "title": "a", "durationSeconds": -5}]},
}  # fmt: skip


@pytest.mark.parametrize("changes", HOSTILE.values(), ids=HOSTILE)
async def test_a_document_that_the_catalogue_can_t_hold_is_refused_alone(
    tx: Connection, changes: dict[str, Any]
) -> None:
    account = await make_user(tx)
    bad = {"id": "bad", "document": {"title": "x", **changes}}
    file = account_file(releases=[bad, RELEASE], copies=[{"id": "1", "releaseId": "r"}])
    counted = counts(await import_account(tx, account.id, file))
    assert counted["release"] == {"invalid": 1, "new": 1}
    assert counted["copy"] == {"new": 1}


async def test_nul_characters_are_left_out_and_texts_kept(tx: Connection) -> None:
    account = await make_user(tx)
    text = "a\0b\\u0000 \\\0 \x01 ½ 日本\0\0"
    file = account_file(releases=[RELEASE], copies=[{"id": "1", "releaseId": "r", "notes": text}])
    assert counts(await import_account(tx, account.id, file))["copy"] == {"new": 1}
    cursor = await tx.execute("SELECT notes FROM user_releases WHERE user_id = %s", (account.id,))
    assert await cursor.fetchone() == (text.replace("\0", ""),)


async def test_a_field_that_is_not_known_is_told(tx: Connection) -> None:
    account = await make_user(tx)
    file = account_file(releases=[RELEASE], plays=[{**PLAY, "mood": "good", "weather": "bad"}])
    run = await import_account(tx, account.id, file)
    assert [row.reason for row in await rows_of(tx, account.id, run, kind="play")] == [
        "left out: mood, weather"
    ]


async def test_what_the_catalogue_has_stays_as_it_is(tx: Connection) -> None:
    account = await make_user(tx)
    await make_release(tx, 9, title="The real title")
    file = account_file(releases=[RELEASE], copies=[{"id": "1", "releaseId": "r"}])
    run = await import_account(tx, account.id, file)
    assert counts(run)["release"] == {"known": 1}
    cursor = await tx.execute("SELECT title FROM releases WHERE discogs_id = 9")
    assert await cursor.fetchone() == ("The real title",)


async def test_the_file_is_read_as_it_comes(tx: Connection) -> None:
    """100,000 plays: as many are read as are asked for, and no more than a block ahead."""
    plays = ",".join(json.dumps({**PLAY, "id": str(number)}) for number in range(100_000))
    content = b'{"format":"kleio-account","version":1,"plays":[' + plays.encode() + b"]}"
    source = AccountJson(io.BytesIO(content), "x")
    rows = iter(source)
    for _ in range(10):
        assert next(rows).kind == "play"
    assert source.position < 200_000 < source.size
    assert sum(1 for _ in rows) == 100_000 - 10
    assert source.position == source.size


async def test_two_users_of_one_file_get_each_their_own(tx: Connection) -> None:
    first, second = await make_user(tx), await make_user(tx)
    file = account_file(
        releases=[{"id": "own", "document": {"title": "By hand"}}],
        copies=[{"id": "1", "releaseId": "own"}],
        plays=[{**PLAY, "id": "1", "releaseId": "own", "copyId": "1"}],
    )
    for account in (first, second):
        assert counts(await import_account(tx, account.id, file))["copy"] == {"new": 1}
        assert counts(await import_account(tx, account.id, file))["copy"] == {"known": 1}
    cursor = await tx.execute("SELECT count(*), count(DISTINCT release_id) FROM user_releases")
    assert await cursor.fetchone() == (2, 2)
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        async with tx.transaction():
            await tx.execute(
                "UPDATE play_history SET user_release_id = (SELECT id FROM user_releases WHERE"
                " user_id = %s) WHERE user_id = %s", (first.id, second.id),
            )  # fmt: skip
