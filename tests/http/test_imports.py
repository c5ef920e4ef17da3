"""POST /imports and what is told of a run: over HTTP, carried out after the answer."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import httpx
import pytest
from http_site import API, NOWHERE, Site, field_problem, follow, problem

from importing import account_file, csv_of, line
from kleio.http import import_tasks
from kleio.importers import account_import

pytestmark = pytest.mark.anyio

CSV = {"Content-Type": "text/csv"}
URL = f"{API}/imports"


async def post(
    site: Site, content: bytes, client: httpx.AsyncClient | None = None, **choices: Any
) -> httpx.Response:
    headers = choices.pop("headers", CSV)
    return await (client or site.alice).post(URL, content=content, params=choices, headers=headers)


async def ended(site: Site, answer: httpx.Response) -> dict[str, Any]:
    """Wait until the worker has carried the run out and return what is told of it."""
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == f"{URL}/{answer.json()['id']}"
    await site.app.state.import_tasks.wait()
    told = await site.alice.get(answer.headers["location"])
    assert told.status_code == 200
    found: dict[str, Any] = told.json()
    return found


async def test_a_csv_is_imported_after_the_answer(site: Site) -> None:
    content = csv_of(line(1), line(900_001, CollectionFolder="New"), line(900_002, Rating="9"))
    answer = await post(site, content, fileName="shelf.csv")
    begun = answer.json()
    assert (begun["state"], begun["records"], begun["counts"]) == ("reading", 0, {})
    run = await ended(site, answer)
    assert (run["state"], run["stalled"], run["error"]) == ("done", False, None)
    assert (run["source"], run["fileName"]) == ("collection-csv", "shelf.csv")
    assert run["options"] == {
        "dates": "iso",
        "zone": "UTC",
        "encoding": "utf-8",
        "spreadsheet": False,
    }
    assert run["bytesRead"] == run["bytesTotal"] == len(content)
    assert run["counts"]["copy"] == {"changed": 1, "new": 1, "invalid": 1}
    assert run["problems"] == [
        {"place": "line 4", "kind": "copy", "verdict": "invalid",
         "reason": "Rating: '9' is not 0 to 5"}
    ]  # fmt: skip
    shelf = await site.alice.get(f"{API}/collection", params={"limit": 1, "sort": "added"})
    assert shelf.json()["items"][0]["release"]["discogsId"] == 900_001


async def test_a_dry_run_is_applied_without_the_file(site: Site) -> None:
    before = await site.value("SELECT count(*) FROM user_releases")
    dry = await ended(site, await post(site, csv_of(line(900_001)), dryRun="true"))
    assert (dry["state"], dry["dryRun"], dry["counts"]["copy"]) == ("judged", True, {"new": 1})
    assert await site.value("SELECT count(*) FROM user_releases") == before
    answer = await site.alice.post(f"{URL}/{dry['id']}/apply")
    run = await ended(site, answer)
    assert (run["state"], run["counts"]["copy"]) == ("done", {"new": 1})
    assert await site.value("SELECT count(*) FROM user_releases") == before + 1
    again = await site.alice.post(f"{URL}/{dry['id']}/apply")
    assert "is done" in problem(again, 409, "not-applicable")["detail"]


async def test_an_export_for_spreadsheets_that_has_lost_its_mark(site: Site) -> None:
    content = csv_of(line(900_001, Title="'=1+1"))
    run = await ended(site, await post(site, content, spreadsheet="true"))
    assert (run["state"], run["options"]["spreadsheet"]) == ("done", True)
    assert await site.value("SELECT title FROM releases WHERE discogs_id = 900001") == "=1+1"


async def test_what_is_exported_can_be_imported(site: Site) -> None:
    for path, media_type in (("collection", "text/csv"), ("all", "application/json")):
        file = await site.alice.get(f"{API}/export/{path}")
        run = await ended(
            site, await post(site, file.content, headers={"Content-Type": media_type})
        )
        verdicts = {v for of_kind in run["counts"].values() for v in of_kind}
        assert verdicts == {"known"}, path


async def test_a_history_of_the_older_kleio(site: Site) -> None:
    history = {
        "playHistory": [{"releaseId": 1, "playedAt": "2020-01-01T20:00:00Z"},
                        {"releaseId": 900_001, "playedAt": "2020-01-02T20:00:00Z"}]
    }  # fmt: skip
    plays = await site.value("SELECT count(*) FROM play_history")
    choices: dict[str, Any] = {
        "headers": {"Content-Type": "application/json"},
        "source": "kleio-json",
    }
    run = await ended(site, await post(site, json.dumps(history).encode(), **choices))
    assert (run["source"], run["state"]) == ("kleio-json", "done")
    assert run["counts"]["play"] == {"new": 1, "unmatched": 1}
    assert await site.value("SELECT count(*) FROM play_history") == plays + 1
    answer = await post(site, b'{"users": []}', **choices)
    run = await ended(site, answer)
    assert (run["state"], run["error"]) == (
        "failed",
        "this is not a history export of the older Kleio: "
        "none of playHistory, cleaningHistory, styluses in it",
    )
    refused = await post(site, b"[]", **choices)
    assert "begins with {" in problem(refused, 400, "unreadable-file")["detail"]


async def test_updates_are_asked_for(site: Site) -> None:
    lines = csv_of(line(1, Rating="5", Date_Added="2026-01-02 03:04:05"))
    copies = "SELECT max(rating) FROM user_releases AS c JOIN releases AS r ON r.id = c.release_id"
    mine = f"{copies} JOIN users AS u ON u.id = c.user_id WHERE username = 'bob' AND discogs_id = 1"
    for choices, rating in (({}, 0), ({"update": "true"}, 5)):
        answer = await post(site, lines, site.bob, **choices)
        await site.app.state.import_tasks.wait()
        run = await site.bob.get(answer.headers["location"])
        assert run.json()["counts"]["copy"] == {"changed": 1}
        assert await site.value(mine) == rating


async def test_a_list_of_runs_and_of_rows_by_pages(site: Site) -> None:
    for number in range(3):
        await ended(site, await post(site, csv_of(line(1)), fileName=f"{number}.csv"))
    pages = await follow(site.alice, f"{URL}?limit=2")
    assert [[run["fileName"] for run in page] for page in pages] == [["2.csv", "1.csv"], ["0.csv"]]
    many = csv_of(*(line(n, Rating="9" if n % 2 else "", Title=f"T{n}") for n in range(1, 21)))
    run = await ended(site, await post(site, many, dryRun="true"))
    url = f"{URL}/{run['id']}/rows"
    pages = await follow(site.alice, f"{url}?limit=7")
    rows = [row for page in pages for row in page]
    assert len(rows) == run["records"] == 10 + 10 + 11
    assert [row["place"] for row in rows if row["kind"] == "copy"] == [
        f"line {n + 1}" for n in range(1, 21)
    ]
    invalid = [row for page in await follow(site.alice, f"{url}?verdict=invalid&limit=3")
               for row in page]  # fmt: skip
    assert [row["place"] for row in invalid] == [f"line {n + 1}" for n in range(1, 21, 2)]
    releases = (await site.alice.get(f"{url}?kind=release&limit=200")).json()["items"]
    assert {row["discogsId"] for row in releases} == set(range(2, 21, 2))
    field_problem(await site.alice.get(f"{url}?verdict=good"), "verdict", "query")
    field_problem(await site.alice.get(f"{url}?cursor=nonsense"), "cursor", "query")


async def test_the_report_as_a_file(site: Site) -> None:
    run = await ended(site, await post(site, csv_of(line(900_001), line(2, Rating="9"))))
    url = f"{URL}/{run['id']}/report"
    answer = await site.alice.get(url)
    assert answer.headers["content-type"].startswith("text/csv")
    assert 'filename="kleio-alice-import-' in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert [(row["place"], row["kind"], row["verdict"]) for row in rows] == [
        ("line 2", "folder", "known"),
        ("line 2", "release", "new"),
        ("line 2", "copy", "new"),
        ("line 3", "copy", "invalid"),
    ]
    lines = await site.alice.get(url, params={"format": "ndjson", "verdict": "invalid"})
    assert json.loads(lines.text) == {
        "place": "line 3", "kind": "copy", "verdict": "invalid",
        "reason": "Rating: '9' is not 0 to 5",
    }  # fmt: skip


async def test_a_run_is_forgotten_and_what_it_brought_stays(site: Site) -> None:
    run = await ended(site, await post(site, csv_of(line(900_001))))
    copies = await site.value("SELECT count(*) FROM user_releases")
    assert (await site.alice.delete(f"{URL}/{run['id']}")).status_code == 204
    problem(await site.alice.get(f"{URL}/{run['id']}"), 404, "not-found")
    assert await site.value("SELECT count(*) FROM user_releases") == copies
    assert await site.value("SELECT count(*) FROM import_rows") == 0


REFUSED = {
    "nothing": (b"", "the file is empty"),
    "a workbook": (b"PK\x03\x04", "Excel workbook"),
    "a page": (b"<html>", "web page"),
    "another CSV": (b"a,b\n1,2\n", "no column release_id"),
}


@pytest.mark.parametrize(("content", "said"), REFUSED.values(), ids=REFUSED)
async def test_what_is_no_such_file_is_refused_at_once(
    reading: Site, content: bytes, said: str
) -> None:
    found = problem(await post(reading, content), 400, "unreadable-file")
    assert said in found["detail"]
    assert await reading.value("SELECT count(*) FROM import_runs") == 0


async def test_what_shows_later_is_told_by_the_run(site: Site) -> None:
    answer = await post(site, csv_of(line(1), line(2, Date_Added="03/04/2021")))
    run = await ended(site, answer)
    assert (run["state"], run["counts"]) == ("failed", {})
    assert run["error"].startswith("line 3, Date Added: '03/04/2021' may begin with the day")
    told = await ended(
        site, await post(site, csv_of(line(2, Date_Added="03/04/2021")), dates="dmy")
    )
    assert told["state"] == "done"


async def test_wrong_requests(reading: Site) -> None:
    content = csv_of(line(1))
    problem(await post(reading, content, headers={"Content-Type": "text/plain"}), 415)
    problem(await post(reading, content, headers={}), 415)
    for name, value in {
        "zone": "Mars/Olympus", "dates": "ymd", "encoding": "ebcdic", "source": "tape",
        "fileName": "a\0b", "dryRun": "perhaps", "wrong": "x",
    }.items():  # fmt: skip
        field_problem(await post(reading, content, **{name: value}), name, "query")
    for method, path in (("GET", ""), ("GET", "/rows"), ("GET", "/report"), ("POST", "/apply"),
                         ("DELETE", "")):  # fmt: skip
        answer = await reading.alice.request(method, f"{URL}/{NOWHERE}{path}")
        problem(answer, 404, "not-found")


async def test_a_file_may_be_larger_than_other_bodies_and_has_a_limit(start: Any) -> None:
    async with start(KLEIO_MAX_BODY_BYTES="1024", KLEIO_MAX_IMPORT_BYTES="1MiB") as site:
        # More than is kept in memory, and more than other bodies may have.
        small = csv_of(*(line(1, Collection_Notes="x" * 90) for _ in range(4000)))
        assert 100_000 < len(small) < 2**20
        run = await ended(site, await post(site, small, dryRun="true"))
        assert run["counts"]["copy"]["new"] > 3000
        large = small + small[len(csv_of()) :] * 3
        found = problem(await post(site, large), 413, "too-large")
        assert "1,048,576" in found["detail"]

        async def chunks() -> Any:
            for _ in range(100):
                yield b"x" * 65536

        problem(await site.alice.post(URL, content=chunks(), headers=CSV), 413, "too-large")
        assert len((await site.alice.get(URL)).json()["items"]) == 1


async def test_one_at_a_time_and_few_of_all(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio

    go = asyncio.Event()
    real = account_import.carry_out

    async def waiting(*args: Any, **options: Any) -> Any:
        await go.wait()
        return await real(*args, **options)

    monkeypatch.setattr(account_import, "carry_out", waiting)
    first = await post(site, csv_of(line(900_001)))
    refused = problem(await post(site, csv_of(line(900_002))), 409, "import-running")
    assert refused["title"] == "Conflict"
    problem(await site.alice.delete(first.headers["location"]), 409, "import-running")
    assert (await post(site, csv_of(line(1)), site.bob)).status_code == 202
    assert import_tasks.IMPORTS == 2
    busy = await post(site, csv_of(line(1)), site.root)
    problem(busy, 503, "overloaded")
    assert busy.headers["retry-after"]
    # The others go on as before.
    assert (await site.alice.get(f"{API}/collection")).status_code == 200
    go.set()
    assert (await ended(site, first))["state"] == "done"
    assert (await post(site, csv_of(line(900_002)))).status_code == 202
    await site.app.state.import_tasks.wait()


async def test_many_dry_runs_that_are_applied_at_once_take_one_place(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    import asyncio

    dry = [
        await ended(site, await post(site, csv_of(line(number)), dryRun="true"))
        for number in (900_001, 900_002)
    ]
    go = asyncio.Event()
    real = account_import.apply

    async def waiting(*args: Any, **options: Any) -> Any:
        await go.wait()
        return await real(*args, **options)

    monkeypatch.setattr(account_import, "apply", waiting)
    monkeypatch.setattr(import_tasks, "END_SECONDS", 0.01)
    first = await site.alice.post(f"{URL}/{dry[0]['id']}/apply")
    for run in dry:  # the same one again, too
        problem(await site.alice.post(f"{URL}/{run['id']}/apply"), 409, "import-running")
    problem(await post(site, csv_of(line(1))), 409, "import-running")
    assert (await post(site, csv_of(line(1)), site.bob)).status_code == 202
    go.set()
    assert (await ended(site, first))["state"] == "done"
    assert (await site.alice.post(f"{URL}/{dry[1]['id']}/apply")).status_code == 202
    await site.app.state.import_tasks.wait()


async def test_a_server_that_stops_says_so_and_the_run_is_taken_up_again(
    start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import asyncio

    from kleio.repositories import import_writes

    reached = asyncio.Event()

    async def for_ever(*_args: Any, **_options: Any) -> int:
        reached.set()
        await asyncio.Event().wait()
        return 0

    inserts = account_import._INSERTS
    monkeypatch.setattr(
        account_import, "_INSERTS",
        tuple(for_ever if f is import_writes.insert_copies else f for f in inserts),
    )  # fmt: skip
    async with start() as site:
        answer = await post(site, csv_of(line(900_001, CollectionFolder="New")))
        async with asyncio.timeout(30):
            await reached.wait()
    monkeypatch.undo()
    async with start() as site:
        run = (await site.alice.get(answer.headers["location"])).json()
        assert (run["state"], run["error"]) == ("applying", "the server stopped; apply it again")
        assert run["stalled"] is True
        assert await site.value("SELECT count(*) FROM folders WHERE name = 'New'") == 0
        again = await site.alice.post(f"{answer.headers['location']}/apply")
        assert (await ended(site, again))["counts"]["copy"] == {"new": 1}


async def test_a_failing_database_and_a_bug_are_told(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kleio.db.errors import DatabaseError

    for error, words in (
        (DatabaseError("SELECT secret"), "the database failed; apply it again"),
        (RuntimeError("a bug"), "the server failed; apply it again"),
    ):

        async def failing(*_args: Any, _error: Exception = error, **_options: Any) -> int:
            raise _error

        failing.__name__ = "failing"
        monkeypatch.setattr(account_import, "_INSERTS", (failing,))
        run = await ended(site, await post(site, csv_of(line(1))))
        assert (run["state"], run["error"]) == ("applying", words)
        monkeypatch.undo()
        await ended(site, await site.alice.post(f"{URL}/{run['id']}/apply"))


async def test_preferences_and_everything_else_of_an_account(site: Site) -> None:
    file = account_file(
        preferences={"neglectedDays": 7},
        releases=[{"id": "r", "document": {"title": "R"}}],
        plays=[{"releaseId": "r", "playedAt": "2024-01-01T00:00:00Z", "notes": "imported"}],
    )
    content = json.dumps(file).encode()
    run = await ended(
        site, await post(site, content, headers={"Content-Type": "application/octet-stream"},
                         source="account"),
    )  # fmt: skip
    assert run["counts"]["play"] == {"new": 1}
    assert (await site.alice.get(f"{API}/me/preferences")).json()["neglectedDays"] == 7
