"""Runs of imports: killed at any point, applied later, two at once, failing."""

from __future__ import annotations

import asyncio
import json
import random
from pathlib import Path
from typing import Any

import pytest

from exporting import export
from factories import Account, make_user
from importing import (
    account_file,
    content_of,
    counts,
    csv_of,
    import_account,
    import_csv,
    line,
    rows_of,
    shelf_of,
    table_rows,
)
from killing import all_of, opened, run_process
from kleio import holdings
from kleio.db.connections import connect
from kleio.db.errors import DatabaseError, Unavailable
from kleio.db.queries import Connection
from kleio.importers import account_import
from kleio.importers.account_import import NotApplicable, apply, interrupt
from kleio.importers.collection_csv import CollectionCsv
from kleio.importers.import_progress import Progress
from kleio.importers.sources import SourceError
from kleio.repositories import import_releases, imports, releases
from servers import Server

pytestmark = pytest.mark.anyio

POINTS = 10


def account_of(rng: random.Random) -> bytes:
    """Return an account with everything: releases by hand too, plays, cleanings, styluses."""
    own = [{"id": f"own{n}", "document": {"title": f"By hand {n}"}} for n in range(60)]
    known = [{"id": f"r{n}", "document": {"title": f"T {n}", "discogsId": n}} for n in range(1, 61)]
    names = [record["id"] for record in own + known]
    return json.dumps(
        account_file(
            preferences={"timeZone": "Europe/Lisbon"},
            releases=own + known,
            folders=[{"id": "f", "name": "Jazz", "number": 4}, {"id": "g", "name": "Rock"}],
            styluses=[{"id": "s", "name": "S", "isPrimary": True}],
            copies=[
                {"id": f"c{n}", "releaseId": name, "folderId": rng.choice("fg"),
                 "addedAt": f"2024-01-01T00:{n // 60:02}:{n % 60:02}Z"}
                for n, name in enumerate(names)
            ],
            plays=[
                {"id": f"p{n}", "releaseId": names[n % 120], "copyId": f"c{n % 120}",
                 "stylusId": "s", "playedAt": f"2024-02-01T{n // 60:02}:{n % 60:02}:00Z"}
                for n in range(200)
            ],
            cleanings=[
                {"id": f"w{n}", "releaseId": names[n], "cleanedAt": "2024-03-01T00:00:00Z"}
                for n in range(40)
            ],
        )
    ).encode()  # fmt: skip


@pytest.mark.parametrize("form", ["collection-csv", "account"])
async def test_killed_at_ten_points_and_run_again(
    server: Server, template_database: str, tmp_path: Path, rng: random.Random, form: str
) -> None:
    file = tmp_path / "file"
    file.write_bytes(csv_of(*shelf_of(150, rng)) if form == "collection-csv" else account_of(rng))
    arguments = (form, str(file), "--user", "nora", "--json")
    with server.database(template_database) as conninfo:
        async with opened(conninfo, tmp_path) as conn:
            account = await make_user(conn, "nora")
            statements = await asyncio.to_thread(
                run_process, conninfo, tmp_path, 0, False, *arguments
            )
            assert statements is not None
            assert statements > 40
            undisturbed = await all_of(conn, account)
    for point in rng.sample(range(1, statements + 1), POINTS):
        with server.database(template_database) as conninfo:
            async with opened(conninfo, tmp_path) as conn:
                account = await make_user(conn, "nora")
                died = await asyncio.to_thread(
                    run_process, conninfo, tmp_path, point, rng.random() < 0.5, *arguments
                )
                assert died is None, point
                await run_again(conn, account, file, form)
                assert await all_of(conn, account) == undisturbed, point
                cursor = await conn.execute(
                    "SELECT count(*) FROM import_chunks AS c JOIN import_runs AS r ON r.id = run_id"
                    " WHERE r.state = 'done'"
                )
                assert await cursor.fetchone() == (0,)


async def run_again(conn: Connection, account: Account, file: Path, form: str) -> None:
    """Apply the run that was cut short where that can be done, else import the file again."""
    latest = await imports.list_runs(
        conn, user_id=account.id, before_id=None, page_size=1, page_offset=0
    )
    if latest and latest[0].row.state == "applying":
        run = await apply(conn, account.id, latest[0].row.id)
    else:
        function = import_csv if form == "collection-csv" else import_account
        content = await asyncio.to_thread(file.read_bytes)
        run = await function(conn, account.id, content)  # type: ignore[operator]
    assert run.state == "done"


async def test_two_users_at_once_with_the_same_new_releases(
    conn: Connection, settings: Any, conninfo: str, rng: random.Random
) -> None:
    accounts = [await make_user(conn) for _ in range(2)]
    lines = shelf_of(1500, rng)
    other = await connect(settings, conninfo)
    async with other:
        runs = await asyncio.gather(
            import_csv(conn, accounts[0].id, lines), import_csv(other, accounts[1].id, lines[::-1])
        )
    assert [run.state for run in runs] == ["done", "done"]
    assert [counts(run)["copy"] for run in runs] == [{"new": 1500}] * 2
    cursor = await conn.execute("SELECT count(*), count(DISTINCT discogs_id) FROM releases")
    distinct = len({one["release_id"] for one in lines})
    assert await cursor.fetchone() == (distinct, distinct)
    ids = [row[0] for row in await (await conn.execute("SELECT id FROM releases")).fetchall()]
    assert await releases.refresh_releases(conn, release_ids=ids) == 0


async def test_two_imports_of_one_user_at_once_are_one_after_the_other(
    conn: Connection, settings: Any, conninfo: str, rng: random.Random
) -> None:
    account = await make_user(conn)
    file = json.loads(account_of(rng))
    other = await connect(settings, conninfo)
    async with other:
        runs = await asyncio.gather(
            import_account(conn, account.id, file), import_account(other, account.id, file)
        )
    assert [run.state for run in runs] == ["done", "done"]
    copies = [counts(run)["copy"] for run in runs]
    assert sorted(copies, key=str) == [{"known": 120}, {"new": 120}]
    cursor = await conn.execute("SELECT count(*) FROM releases")
    assert await cursor.fetchone() == (120,)


async def test_a_dry_run_is_applied_later_to_what_is_there_then(conn: Connection) -> None:
    account = await make_user(conn)
    lines = [line(number, Date_Added=f"2020-01-0{number} 00:00:00") for number in range(1, 6)]
    before = await table_rows(conn, account.id)
    dry = await import_csv(conn, account.id, lines, dry_run=True)
    assert await table_rows(conn, account.id) == before
    assert counts(dry)["copy"] == {"new": 5}
    await import_csv(conn, account.id, lines[:2])
    run = await apply(conn, account.id, dry.id)
    assert run.state == "done"
    assert counts(run)["copy"] == {"known": 2, "new": 3}
    assert counts(run)["release"] == {"known": 2, "new": 3}
    with pytest.raises(NotApplicable):
        await apply(conn, account.id, dry.id)
    other = await make_user(conn)
    with pytest.raises(NotApplicable):
        await apply(conn, other.id, dry.id)


async def test_a_dry_run_that_is_applied_twice_at_once_keeps_its_verdicts(
    conn: Connection, settings: Any, conninfo: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = await make_user(conn)
    dry = await import_csv(conn, account.id, [line(1), line(2)], dry_run=True)
    judge = account_import._judge

    async def after_the_other(*args: Any) -> None:
        monkeypatch.setattr(account_import, "_judge", judge)
        async with await connect(settings, conninfo) as other:
            await apply(other, account.id, dry.id)
        await judge(*args)

    monkeypatch.setattr(account_import, "_judge", after_the_other)
    run = await apply(conn, account.id, dry.id)
    assert (run.state, counts(run)["copy"]) == ("done", {"new": 2})
    assert len(await rows_of(conn, account.id, run)) == 5


async def test_a_release_that_comes_in_between_is_taken_as_it_is(
    conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Judged as new, it is in the catalogue when it is to be added."""
    account, other = await make_user(conn), await make_user(conn)
    real = import_releases.get_new_releases
    file = account_file(
        releases=[{"id": "1", "document": {"discogsId": 5, "title": "Mine"}}],
        copies=[{"id": "1", "releaseId": "1"}],
    )

    async def late(conn: Connection, **parameters: Any) -> Any:
        monkeypatch.undo()
        await conn.execute(
            "INSERT INTO releases (discogs_id, title, artist_normalized, card, facets, search_text,"
            " created_at, updated_at) VALUES (5, 'Theirs', '', '{}', '{}', '', now(), now())"
        )
        return await real(conn, **parameters)

    monkeypatch.setattr(import_releases, "get_new_releases", late)
    run = await import_account(conn, account.id, file)
    assert run.state == "done"
    cursor = await conn.execute(
        "SELECT r.title FROM user_releases AS c JOIN releases AS r ON r.id = c.release_id"
    )
    assert await cursor.fetchall() == [("Theirs",)]
    del other


async def test_a_file_that_breaks_off_leaves_a_run_that_says_so(conn: Connection) -> None:
    account = await make_user(conn)
    content = csv_of(*(line(number) for number in range(1, 3000))) + b'"'
    with pytest.raises(SourceError):
        await import_csv(conn, account.id, content)
    (keyed,) = await imports.list_runs(
        conn, user_id=account.id, before_id=None, page_size=9, page_offset=0
    )
    run = keyed.row
    assert run.state == "failed"
    assert run.error == "line 3001: a quote is opened here and not closed"
    assert run.finished_at is not None
    cursor = await conn.execute("SELECT count(*) FROM import_chunks")
    assert await cursor.fetchone() == (0,)


@pytest.mark.parametrize("step", ["insert_copy_verdicts", "insert_copies"])
async def test_a_database_that_fails_leaves_a_run_that_can_be_applied(
    conn: Connection, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    account = await make_user(conn)
    functions = "_JUDGES" if step.endswith("verdicts") else "_INSERTS"

    async def failing(*_args: Any, **_parameters: Any) -> int:
        raise Unavailable("gone")

    real = getattr(account_import, functions)
    monkeypatch.setattr(
        account_import, functions, tuple(failing if f.__name__ == step else f for f in real)
    )
    with pytest.raises(DatabaseError):
        await import_csv(conn, account.id, line(5, CollectionFolder="Jazz"))
    (keyed,) = await imports.list_runs(
        conn, user_id=account.id, before_id=None, page_size=9, page_offset=0
    )
    assert (keyed.row.state, keyed.row.error) == (
        "applying", "the database failed; apply it again",
    )  # fmt: skip
    cursor = await conn.execute("SELECT count(*) FROM folders")
    assert await cursor.fetchone() == (1,)
    monkeypatch.undo()
    run = await apply(conn, account.id, keyed.row.id)
    assert (run.state, run.error) == ("done", None)
    assert counts(run)["copy"] == {"new": 1}


async def test_a_run_that_was_cut_short_says_so(conn: Connection) -> None:
    account = await make_user(conn)
    import io

    source = CollectionCsv(io.BytesIO(csv_of(line())), "x")
    run_id = await account_import.begin(conn, account.id, source, dry_run=False, with_updates=False)
    await interrupt(conn, account.id, run_id, "the server stopped")
    run = await imports.get_run(conn, user_id=account.id, run_id=run_id)
    assert run is not None
    assert (run.state, run.error) == ("failed", "the server stopped; import the file again")
    done = await import_csv(conn, account.id, line())
    await interrupt(conn, account.id, done.id, "the server stopped")
    assert await imports.get_run(conn, user_id=account.id, run_id=done.id) == done


async def test_progress_is_told_at_each_step(conn: Connection, rng: random.Random) -> None:
    account = await make_user(conn)
    import io

    seen: list[Progress] = []
    content = csv_of(*shelf_of(1200, rng))
    source = CollectionCsv(io.BytesIO(content), "x")
    run = await account_import.import_source(conn, account.id, source, progress=seen.append)
    assert [now.step for now in seen] == sorted(
        (now.step for now in seen), key=["reading", "judging", "adding releases", "writing"].index
    )
    assert seen[-1].bytes_read == seen[-1].bytes_total == len(content) == run.bytes_read
    assert seen[-1].records == run.records


async def test_with_updates_everything_becomes_what_the_file_says(tx: Connection) -> None:
    account = await make_user(tx)
    file = account_file(
        preferences={"neglectedDays": 5},
        releases=[{"id": "r", "document": {"title": "R", "discogsId": 3}}],
        folders=[{"id": "f", "name": "Jazz"}, {"id": "g", "name": "Rock"}],
        styluses=[{"id": "s", "name": "S"}, {"id": "t", "name": "T"}],
        copies=[{"id": "c", "releaseId": "r", "folderId": "f",
                 "addedAt": "2024-01-01T00:00:00Z"}],
        plays=[{"id": "p", "releaseId": "r", "playedAt": "2024-01-01T00:00:00Z"}],
        cleanings=[{"id": "w", "releaseId": "r", "cleanedAt": "2024-01-01T00:00:00Z"}],
    )  # fmt: skip
    await import_account(tx, account.id, file)
    later = "2024-05-01T00:00:00Z"
    file["preferences"] = {"neglectedDays": 6, "timeZone": "Asia/Tokyo"}
    file["folders"][0]["name"] = "Free Jazz"
    file["folders"][1]["name"] = "free jazz"
    file["styluses"][0] |= {
        "manufacturer": "M", "cartridgeType": "MC", "purchaseDate": "2020-01-01",
        "installDate": "2020-02-02", "expectedLifespanHours": 9,
    }  # fmt: skip
    file["copies"][0] |= {
        "folderId": "g", "discogsInstanceId": 2**40, "rating": 5, "mediaCondition": "VG",
        "sleeveCondition": "Generic", "notes": "n", "customFields": {"a": "b"}, "addedAt": later,
        "archivedAt": later, "archiveReason": "sold",
    }  # fmt: skip
    file["plays"][0] |= {"stylusId": "t", "durationSeconds": 60, "side": "B", "notes": "n",
                         "playedAt": later}  # fmt: skip
    file["cleanings"][0] |= {"deep": True, "notes": "n", "cleanedAt": later}
    kept = await content_of(tx, account.user)
    run = await import_account(tx, account.id, file)
    changed = {kind: of_kind.get("changed", 0) for kind, of_kind in counts(run).items()}
    assert changed == {"preferences": 0, "release": 0, "folder": 2, "stylus": 1, "copy": 1,
                       "play": 1, "cleaning": 1}  # fmt: skip
    # The preference that was missing came, all else stayed.
    assert (await content_of(tx, account.user)).replace(b', "timeZone": "Asia/Tokyo"', b"") == kept
    run = await import_account(tx, account.id, file, with_updates=True)
    found = json.loads(await export(tx, account.user, "all"))
    assert found["preferences"] == file["preferences"]
    # Of two folders that are to have one name the first gets it.
    assert [folder["name"] for folder in found["folders"]] == ["Uncategorized", "Free Jazz", "Rock"]
    for name in ("styluses", "copies", "plays", "cleanings"):
        references = ("id", "releaseId", "folderId", "stylusId", "copyId")
        expected = {k: v for k, v in file[name][0].items() if k not in references}
        got = {k: v for k, v in found[name][0].items() if k not in references}
        assert got == expected, name
    (row,) = await rows_of(tx, account.id, run, kind="play")
    assert json.loads(bytes(row.changes or b""))["durationSeconds"] == [2400, 60]
    again = await import_account(tx, account.id, file, with_updates=True)
    assert counts(again)["copy"] == counts(again)["play"] == {"known": 1}


async def test_an_instance_that_another_copy_has_is_left_out(tx: Connection) -> None:
    """Two copies that have exchanged theirs, as after a sync; the rest of the file counts."""
    account = await make_user(tx)

    def file(*instances: int, rating: int) -> dict[str, Any]:
        return account_file(
            releases=[{"id": "r", "document": {"title": "T", "discogsId": 1}}],
            copies=[
                {"id": f"c{n}", "releaseId": "r", "discogsInstanceId": instance, "rating": rating}
                for n, instance in enumerate(instances)
            ],
        )

    await import_account(tx, account.id, file(5, 6, 7, rating=1))
    known = "SELECT discogs_instance_id, rating FROM user_releases ORDER BY discogs_instance_id"
    taken = "discogsInstanceId: left out; another copy has it"
    for rating, changed in ((2, "changed"), (2, "known")):
        run = await import_account(tx, account.id, file(6, 5, 8, rating=rating), with_updates=True)
        assert run.state == "done"
        assert await (await tx.execute(known)).fetchall() == [(5, 2), (6, 2), (8, 2)]
        found = await rows_of(tx, account.id, run, kind="copy")
        assert [(row.verdict, row.reason) for row in found] == [
            (changed, taken),
            (changed, taken),
            (changed, None),
        ]


async def test_plays_that_are_not_timed_are_estimated_as_plays_are(tx: Connection) -> None:
    """Of each side, as `plays.insert_play` does it."""
    from factories import make_play, release_document, store_releases
    from kleio.catalogue import TrackDocument

    account = await make_user(tx)
    tracks = [
        TrackDocument(seq=1, title="A1", position="A1", duration_seconds=100),
        TrackDocument(seq=2, title="A2", position="A2", duration_seconds=50),
        TrackDocument(seq=3, title="Suite", type="index", position="B"),
        TrackDocument(seq=4, title="B1", position="B1", duration_seconds=7, parent_seq=3),
        TrackDocument(seq=5, title="B2", position="B2", parent_seq=3),
        TrackDocument(seq=6, title="C", position="C"),
        TrackDocument(seq=7, title="head", type="heading", position="D"),
    ]
    documents = [release_document(1, tracks=tracks), release_document(2, tracks=[]),
                 release_document(3, tracks=[], formats=[])]  # fmt: skip
    ids = await store_releases(tx, documents)
    sides = [None, "A", "B", "C", "D", "Z"]
    for number, release_id in enumerate(ids):
        for side in sides:
            await make_play(tx, account.id, release_id, side=side, notes=f"{number} {side}")
    file = account_file(
        releases=[
            {"id": str(d.discogs_id), "document": {"title": "", "discogsId": d.discogs_id},
             "lookupOnly": True}
            for d in documents
        ],
        plays=[
            {"releaseId": str(n + 1), "side": side, "notes": f"{n} {side}",
             "playedAt": "2024-01-01T00:00:00Z"}
            for n in range(3) for side in sides
        ],
    )  # fmt: skip
    other = await make_user(tx)
    assert counts(await import_account(tx, other.id, file))["play"] == {"new": 18}
    found = []
    for user in (account, other):
        cursor = await tx.execute(
            "SELECT notes, duration_seconds, duration_estimated FROM play_history"
            " WHERE user_id = %s ORDER BY notes", (user.id,),
        )  # fmt: skip
        found.append(await cursor.fetchall())
    assert found[0] == found[1]
    assert all(estimated for _, _, estimated in found[0])


async def test_a_release_that_is_only_looked_up_is_never_added(tx: Connection) -> None:
    account = await make_user(tx)
    lookup = {"document": {"title": "", "discogsId": 404}, "lookupOnly": True}
    file = account_file(
        releases=[{"id": "1", **lookup}],
        plays=[{"releaseId": "1", "playedAt": "2024-01-01T00:00:00Z"}],
    )
    run = await import_account(tx, account.id, file)
    assert counts(run) == {"preferences": {"known": 1}, "release": {"unmatched": 1},
                           "play": {"unmatched": 1}}  # fmt: skip
    reasons = [row.reason for row in await rows_of(tx, account.id, run)]
    assert "the catalogue has no release 404" in reasons
    # Where another record of the file has all of it, it is found.
    file["releases"].append({"id": "2", "document": {"title": "Whole", "discogsId": 404}})
    assert counts(await import_account(tx, account.id, file))["play"] == {"new": 1}


@pytest.mark.parametrize("dry_run", [False, True])
async def test_more_than_a_user_may_have_is_not_written(
    conn: Connection, monkeypatch: pytest.MonkeyPatch, dry_run: bool
) -> None:
    account = await make_user(conn)
    monkeypatch.setattr(holdings, "MOST", 4)
    folders = [{"id": f"f{n}", "name": f"F{n}"} for n in range(4)]
    await import_account(conn, account.id, account_file(folders=folders[:3]))
    before = await table_rows(conn, account.id)
    file = account_file(folders=folders, styluses=[{"id": "s", "name": "S"}])

    async def import_it() -> None:
        run = await import_account(conn, account.id, file, dry_run=dry_run)
        await apply(conn, account.id, run.id)

    with pytest.raises(SourceError, match="too many: folders: a user has at most 4 of them"):
        await import_it()
    assert await table_rows(conn, account.id) == before
    latest = (await imports.list_runs(
        conn, user_id=account.id, before_id=None, page_size=1, page_offset=0
    ))[0].row  # fmt: skip
    assert (latest.state, latest.error) == (
        "failed", "with it there would be too many: folders: a user has at most 4 of them"
    )  # fmt: skip


async def test_one_stylus_stays_primary(tx: Connection) -> None:
    account = await make_user(tx)
    styluses = [{"id": str(n), "name": f"S{n}", "isPrimary": True} for n in range(3)]
    await import_account(tx, account.id, account_file(styluses=styluses[:2]))
    await import_account(tx, account.id, account_file(styluses=styluses))
    cursor = await tx.execute("SELECT name, is_primary FROM styluses ORDER BY name")
    assert await cursor.fetchall() == [("S0", True), ("S1", False), ("S2", False)]
