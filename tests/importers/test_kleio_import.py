"""An older Kleio in Kleio: what arrives, twice, after a kill, beside what is there already."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import old_kleio
import old_kleio_traps
from factories import Account, artist_document, make_user, release_document, store_releases
from importing import content_of, counts, rows_of, table_rows
from killing import all_of, opened, run_process
from kleio.catalogue import ArtistCredit
from kleio.db.queries import Connection
from kleio.importers import catalogue_store
from kleio.importers.account_import import import_source
from kleio.importers.kleio_sqlite import KleioSqlite
from kleio.importers.sources import SourceError
from older_importing import import_database, import_history, rows
from servers import Server

pytestmark = pytest.mark.anyio

POINTS = 10


Build = Callable[..., Path]


@pytest.fixture
def build(tmp_path: Path) -> Build:
    def make(*traps: str, name: str = "sqlite.db", **sizes: int) -> Path:
        return old_kleio.build(tmp_path / name, traps=traps, **sizes)

    return make


@pytest.fixture
async def ada(conn: Connection) -> Account:
    return await make_user(conn, "ada")


async def test_every_trap_arrives_and_the_check_passes(
    conn: Connection, ada: Account, build: Build
) -> None:
    found = await import_database(conn, ada, build(*old_kleio_traps.every_trap()))
    assert found.report.failures == []
    assert found.report.passed
    assert found.counts == {
        "release": {"new": 48, "invalid": 3},
        "folder": {"new": 6, "known": 1},
        "stylus": {"new": 14},
        "copy": {"new": 47},
        "play": {"new": 59, "invalid": 8},
        "cleaning": {"new": 23, "invalid": 5},
    }
    tables = {one.table: one for one in found.report.tables}
    assert set(tables) == set(old_kleio.TABLES)
    play = tables["play_history"]
    assert (play.file, play.left, play.refused, play.carried, play.kleio) == (67, 0, 8, 59, 59)
    copy = tables["releases"]
    assert (copy.file, copy.refused, copy.carried, copy.stand_ins, copy.kleio) == (48, 2, 46, 1, 47)
    assert found.report.minutes is not None
    (total,) = await rows(
        conn, "SELECT sum(duration_seconds) FROM play_history WHERE user_id = %s", ada.id
    )
    assert found.report.minutes.kleio == round(total[0] / 60, 2)
    assert found.report.old_ids == {
        "release": 0, "folder": 7, "stylus": 14, "copy": 47, "play": 59, "cleaning": 23,
    }  # fmt: skip
    odd = [row for row in await rows_of(conn, ada.id, found.run) if row.reason]
    assert len(odd) == 50
    assert ("play_history 900110", "played_at: no time") in {(r.place, r.reason) for r in odd}


async def test_what_is_where(conn: Connection, ada: Account, build: Build) -> None:
    """Rows of the tables themselves, by the older Kleio's numbers."""
    traps = ("stylus_zero", "base_model_played", "note_fields", "deleted_release", "hand_altered")
    await import_database(conn, ada, build(*traps, "folders_odd"))
    played = dict(
        await rows(
            conn,
            "SELECT m.old_id, s.name FROM id_map AS m JOIN play_history AS p ON p.id = m.new_id"
            " AND p.user_id = m.user_id LEFT JOIN styluses AS s ON s.user_id = p.user_id"
            " AND s.id = p.stylus_id WHERE m.kind = 'play' AND m.user_id = %s",
            ada.id,
        )
    )
    assert (played["900001"], played["900021"], played["2"]) == (None, "2M Red", "MP-110")
    styluses = await rows(
        conn,
        "SELECT s.name, s.owned, s.is_primary, s.expected_lifespan_hours, s.purchase_date::text,"
        " m.name FROM styluses AS s LEFT JOIN stylus_models AS m ON m.id = s.model_id"
        " WHERE s.user_id = %s ORDER BY s.name",
        ada.id,
    )
    assert styluses == [
        ("2M Red", False, False, 1000, None, "2M Red"),
        # Kleio knows no model of that name: its words are kept.
        ("MP-110", True, True, 1000, "2024-03-01", None),
    ]
    copies = {
        number: tuple(rest)
        for number, *rest in await rows(
            conn,
            "SELECT r.discogs_id, f.name, c.media_condition::text, c.sleeve_condition::text,"
            " c.notes, c.custom_fields::text, c.archive_reason FROM user_releases AS c"
            " JOIN releases AS r ON r.id = c.release_id JOIN folders AS f"
            " ON f.user_id = c.user_id AND f.id = c.folder_id WHERE c.user_id = %s",
            ada.id,
        )
    }
    assert copies[900_141] == (
        "Uncategorized", "VG+", "No Cover", "First pressing",
        '{"Field 4": "Shelf 3", "Field 9": "19.90"}', None,
    )  # fmt: skip
    assert copies[900_052][1:] == ("G", None, "Signed by the drummer", "{}", "other")
    assert copies[900_061][-1] == "removed at Discogs"
    assert copies[900_082][0] == "Folder 900089"
    assert copies[900_083][0] == "JAZZ (900081)"
    assert 900_051 not in copies
    (stub,) = await rows(
        conn,
        "SELECT title, source_hash, card ->> 'title' FROM releases WHERE discogs_id = 900051",
    )
    assert stub == ("Release 900051", None, "Release 900051")
    deep = await rows(
        conn,
        "SELECT m.old_id FROM id_map AS m JOIN cleaning_history AS h ON h.user_id = m.user_id"
        " AND h.id = m.new_id WHERE h.deep AND h.user_id = %s",
        ada.id,
    )
    assert deep == [("900061",)]


async def test_a_second_time_changes_nothing(conn: Connection, ada: Account, build: Build) -> None:
    path = build(*old_kleio_traps.every_trap())
    await import_database(conn, ada, path)
    before = await table_rows(conn, ada.id)
    catalogue = await rows(conn, "SELECT r::text FROM releases AS r ORDER BY id")
    again = await import_database(conn, ada, path)
    assert again.report.passed
    assert {v for of_kind in again.counts.values() for v in of_kind} == {"known", "invalid"}
    assert await table_rows(conn, ada.id) == before
    assert await rows(conn, "SELECT r::text FROM releases AS r ORDER BY id") == catalogue


async def test_what_the_user_changed_since_stays(
    conn: Connection, ada: Account, build: Build
) -> None:
    path = build()
    await import_database(conn, ada, path)
    await rows(
        conn,
        "UPDATE user_releases SET rating = 1, notes = 'Mine' WHERE user_id = %s RETURNING id",
        ada.id,
    )
    before = await table_rows(conn, ada.id)
    again = await import_database(conn, ada, path)
    assert again.report.passed
    assert again.counts["copy"]["changed"] == 8
    assert {odd.field for odd in again.check.sample.differences} == {"rating", "notes"}
    assert await table_rows(conn, ada.id) == before


async def test_what_the_app_did_since_comes_along(
    conn: Connection, ada: Account, build: Build
) -> None:
    path = build()
    await import_database(conn, ada, path)
    with closing(sqlite3.connect(path, isolation_level=None)) as app:
        app.execute(
            "INSERT INTO play_history (release_id, stylus_id, played_at)"
            " VALUES (1001, 20, '2025-05-05 20:00:00'), (1002, 0, '2025-05-06 20:00:00')"
        )
        app.execute("DELETE FROM releases WHERE id = 1003")
    again = await import_database(conn, ada, path)
    assert again.report.passed
    # Of a release that is gone the app does not know how long it plays; Kleio keeps what it had.
    assert again.counts["play"] == {"known": 40, "new": 2}
    # Its notes would be an archived copy now, but the one on the shelf stays without --update.
    assert again.counts["copy"] == {"known": 11, "changed": 1}


async def test_the_catalogue_is_never_overwritten(
    conn: Connection, ada: Account, build: Build
) -> None:
    await catalogue_store.store(conn, "artists", [artist_document(7005, "Artist 5 (3)")])
    credit = ArtistCredit(name="Artist 5 (3)", discogs_id=7005)
    await store_releases(conn, [release_document(1005, title="The dump's", artists=[credit])])
    before = await rows(conn, "SELECT r::text FROM releases AS r")
    found = await import_database(conn, ada, build())
    assert found.report.passed
    assert found.counts["release"] == {"new": 11, "known": 1}
    assert await rows(conn, "SELECT r::text FROM releases AS r WHERE discogs_id = 1005") == before
    # The number behind an artist's name, which the older Kleio took off, is the catalogue's.
    names = "SELECT name FROM artists WHERE discogs_id IN (7005, 7006) ORDER BY discogs_id"
    assert await rows(conn, names) == [("Artist 5 (3)",), ("Artist 6",)]
    # What was played is as long as the older Kleio had it.
    (play,) = await rows(
        conn,
        "SELECT DISTINCT duration_seconds, duration_estimated FROM play_history AS p"
        " JOIN releases AS r ON r.id = p.release_id WHERE r.discogs_id = 1005",
    )
    assert play == (1154, True)


async def test_the_next_dump_completes_what_was_made(
    conn: Connection, ada: Account, build: Build
) -> None:
    await import_database(conn, ada, build("deleted_release"))
    completed = release_document(900_051, title="Found again")
    saved = await catalogue_store.save(conn, "releases", [completed])
    assert len(saved) == 1
    assert await rows(
        conn,
        "SELECT r.title, count(*) FROM releases AS r JOIN play_history AS p ON p.release_id = r.id"
        " WHERE r.discogs_id = 900051 GROUP BY r.title",
    ) == [("Found again", 1)]


async def test_two_users_share_the_catalogue(conn: Connection, ada: Account, build: Build) -> None:
    path = build()
    await import_database(conn, ada, path)
    ben = await make_user(conn, "ben")
    before = await table_rows(conn, ada.id)
    found = await import_database(conn, ben, path)
    assert found.report.passed
    assert found.counts["release"] == {"known": 12}
    assert found.counts["copy"] == {"new": 12}
    assert await table_rows(conn, ada.id) == before
    assert await content_of(conn, ada.user) == await content_of(conn, ben.user)


async def test_two_apps_of_one_user_have_rows_of_the_same_numbers(
    conn: Connection, ada: Account, build: Build
) -> None:
    """Play 17 of another database is another play, though it is of the same release."""
    first, second = build(), build(name="other.db")
    with closing(sqlite3.connect(second, isolation_level=None)) as app:
        app.execute("UPDATE styluses SET created_at = '2020-01-01 00:00:00'")
        app.execute("UPDATE play_history SET played_at = datetime(played_at, '+1 hour')")
    await import_database(conn, ada, first)
    found = await import_database(conn, ada, second)
    assert found.report.passed
    assert found.counts["play"] == {"new": 40}
    assert found.counts["copy"] == {"known": 12}
    assert found.counts["stylus"] == {"known": 1}


async def test_equal_plays_arrive_as_often_as_they_are_there(
    conn: Connection, ada: Account, build: Build
) -> None:
    path = build("duplicate_plays")
    await import_database(conn, ada, path)
    count = (
        "SELECT count(*) FROM play_history AS p JOIN releases AS r ON r.id = p.release_id"
        " WHERE r.discogs_id = 900171"
    )
    assert await rows(conn, count) == [(2,)]
    assert (await import_database(conn, ada, path)).counts["play"] == {"known": 42}
    assert await rows(conn, count) == [(2,)]


def history_of(path: Path) -> dict[str, Any]:
    """Return the export that the app would write of a database."""
    with closing(sqlite3.connect(path)) as conn:
        conn.row_factory = sqlite3.Row
        plays = conn.execute("SELECT * FROM play_history").fetchall()
        cleanings = conn.execute("SELECT * FROM cleaning_history").fetchall()
        styluses = conn.execute("SELECT * FROM styluses WHERE owned AND NOT base_model").fetchall()
    return {
        "exportDate": "2026-01-01T00:00:00Z",
        "playHistory": [
            {
                "releaseId": play["release_id"],
                "stylusId": play["stylus_id"],
                "playedAt": play["played_at"].replace(" ", "T") + "Z",
                "notes": play["notes"],
            }
            for play in plays
        ],
        "cleaningHistory": [
            {
                "releaseId": cleaning["release_id"],
                "cleanedAt": cleaning["cleaned_at"].replace(" ", "T") + "Z",
                "notes": cleaning["notes"],
            }
            for cleaning in cleanings
        ],
        "styluses": [
            {
                "id": stylus["id"],
                "name": stylus["name"],
                "manufacturer": stylus["manufacturer"],
                "expectedLifespan": stylus["expected_lifespan_hours"],
                "purchaseDate": "2024-03-01T00:00:00-07:00",
                "active": bool(stylus["active"]),
                "primary": bool(stylus["primary_stylus"]),
                "createdAt": "2025-01-01T09:00:00Z",
                "owned": True,
                "baseModel": False,
            }
            for stylus in styluses
        ],
    }


async def test_history_after_the_database_adds_nothing(
    conn: Connection, ada: Account, build: Build
) -> None:
    path = build("duplicate_plays")
    await import_database(conn, ada, path)
    before = await table_rows(conn, ada.id)
    found = await import_history(conn, ada, history_of(path))
    assert found.report.passed
    assert found.counts == {
        "stylus": {"known": 1},
        "release": {"known": 13},
        "play": {"known": 42},
        "cleaning": {"known": 16},
    }
    after = await table_rows(conn, ada.id)
    assert after.pop("id_map") != before.pop("id_map")
    assert after == before


async def test_history_of_releases_that_nobody_knows_waits_for_them(
    conn: Connection, ada: Account, build: Build
) -> None:
    history = history_of(build())
    found = await import_history(conn, ada, history)
    assert found.report.passed
    assert found.counts == {
        "stylus": {"new": 1},
        "release": {"unmatched": 12},
        "play": {"unmatched": 40},
        "cleaning": {"unmatched": 15},
    }
    reasons = {row.reason for row in await rows_of(conn, ada.id, found.run, kind="release")}
    assert "the catalogue has no release 1001" in reasons
    assert await rows(conn, "SELECT count(*) FROM releases") == [(0,)]

    await store_releases(conn, [release_document(number) for number in range(1001, 1013)])
    found = await import_history(conn, ada, history)
    assert found.report.passed
    assert found.counts["play"] == {"new": 40}
    assert found.counts["cleaning"] == {"new": 15}
    assert found.report.tables[0].kleio is not None
    again = await import_history(conn, ada, history)
    assert again.counts["play"] == {"known": 40}
    assert await rows(
        conn,
        "SELECT count(*) FILTER (WHERE s.name = 'MP-110'), count(*) FROM play_history AS p"
        " LEFT JOIN styluses AS s ON s.user_id = p.user_id AND s.id = p.stylus_id",
    ) == [(30, 40)]


async def test_empty_database(conn: Connection, ada: Account, tmp_path: Path) -> None:
    found = await import_database(conn, ada, old_kleio.empty(tmp_path / "sqlite.db"))
    assert found.report.passed
    assert found.counts == {}
    assert found.report.tables == []


async def test_dry_run_writes_nothing(conn: Connection, ada: Account, build: Build) -> None:
    before = await table_rows(conn, ada.id)
    with closing(KleioSqlite(build(*old_kleio_traps.every_trap()))) as source:
        run = await import_source(conn, ada.id, source, dry_run=True)
    assert counts(run)["play"] == {"new": 59, "invalid": 8}
    assert await table_rows(conn, ada.id) == before
    assert await rows(conn, "SELECT count(*) FROM releases") == [(0,)]


async def test_damage_found_half_way_writes_nothing(
    conn: Connection, ada: Account, build: Build
) -> None:
    path = build(releases=300, plays=3000)
    content = bytearray(path.read_bytes())
    with closing(sqlite3.connect(path)) as app:
        (page,) = app.execute("SELECT rootpage FROM sqlite_master WHERE name = 'tracks'").fetchone()
    content[(page - 1) * 4096 : page * 4096] = b"\x55" * 4096
    path.write_bytes(content)
    before = await table_rows(conn, ada.id)
    with pytest.raises(SourceError, match="damaged"):
        await import_database(conn, ada, path)
    assert await table_rows(conn, ada.id) == before
    assert await rows(conn, "SELECT count(*) FROM releases") == [(0,)]
    (run,) = await rows(conn, "SELECT state, error FROM import_runs")
    assert run[0] == "failed"


async def test_killed_at_ten_points_and_run_again(
    server: Server, template_database: str, tmp_path: Path, rng: random.Random, build: Build
) -> None:
    path = build(*old_kleio_traps.every_trap(), releases=60, plays=150, cleanings=40)
    arguments = ("kleio-sqlite", str(path), "--user", "nora", "--json")

    async def run(conninfo: str, point: int, after: bool = False) -> int | None:
        return await asyncio.to_thread(run_process, conninfo, tmp_path, point, after, *arguments)

    with server.database(template_database) as conninfo:
        async with opened(conninfo, tmp_path) as conn:
            account = await make_user(conn, "nora")
            statements = await run(conninfo, 0)
            assert statements is not None
            assert statements > 40
            undisturbed = await all_of(conn, account)
    for point in rng.sample(range(1, statements + 1), POINTS):
        with server.database(template_database) as conninfo:
            async with opened(conninfo, tmp_path) as conn:
                account = await make_user(conn, "nora")
                assert await run(conninfo, point, rng.random() < 0.5) is None, point
                assert await run(conninfo, 0) is not None, point
                assert await all_of(conn, account) == undisturbed, point
