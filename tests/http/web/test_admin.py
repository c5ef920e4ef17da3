"""Admin: for administrators alone, and what they see of everybody is numbers and names of runs."""

from __future__ import annotations

import asyncio

import pytest
from http_site import ALICES_NOTE, PASSWORD, HeldPasswords, Site
from page_client import Browser, as_browser, inline, links

from factories import NOW
from kleio.repositories import maintenance
from waiting import until

pytestmark = pytest.mark.anyio

SESSION = "tokens.get_page_session"
PAGES = {
    "/admin": ["maintenance.list_maintenance_steps"],
    "/admin/users": ["users.list_users", "users.count_users"],
    "/admin/runs": ["maintenance.list_run_counts", "maintenance.list_latest_runs"],
    "/admin/queries": ["doctor.list_slowest_queries"],
}
"""What each page asks the database beside who is looking, and how the database is."""

_OF_HEALTH = {"health.get_database_facts", "partitions.count_months_ahead"}


@pytest.fixture
async def root(reading: Site) -> Browser:
    """An administrator, who changes nothing."""
    return await as_browser(reading, "root")


@pytest.mark.parametrize("path", PAGES)
async def test_statements(root: Browser, statements: list[str], path: str) -> None:
    statements.clear()
    page = await root.get(path)
    named = [name for name in statements if "." in name and name not in _OF_HEALTH]
    assert [name for name in named if "ping" not in name] == [SESSION, *PAGES[path]]
    assert inline(page) == []
    assert all("//" not in link or "discogs.com" in link for link in links(page))
    assert ALICES_NOTE not in page.text


@pytest.mark.parametrize("path", PAGES)
async def test_it_is_not_for_others(reading: Site, reader: Browser, path: str) -> None:
    page = await reader.get(path, 403)
    assert page.find("//h1")[0].text == "Not from here"
    assert "root" not in page.text
    nobody = await reading.anonymous.get(path)
    assert (nobody.status_code, nobody.headers["location"][:9]) == (303, "/sign-in?")
    assert page.find("//nav[@aria-label='Main']/a[@href='/admin']") == []


async def test_health_and_care(site: Site) -> None:
    root = await as_browser(site, "root")
    page = await root.get("/admin")
    health = (await site.anonymous.get("/health")).json()
    titles = {"ok": "All is well", "degraded": "Somebody should look"}
    assert page.find("//h1")[0].text == titles[health["status"]]
    assert "never run" in page.words()
    assert f"{health['partitions']['monthsAhead']} months ahead" in page.words()
    async with site.database.connection() as conn:
        for step in ("run", "partitions"):
            await maintenance.upsert_maintenance_step(
                conn,
                step=step,
                started_at=NOW,
                finished_at=NOW,
                changed=2,
                warnings=["<b>look</b>"],
                problem="lock timeout" if step == "partitions" else None,
                host="turntable",
            )
    page = await root.get("/admin")
    care = page.words("//section[@aria-labelledby='care']")
    assert "on turntable late" in care
    assert "failed lock timeout" in care
    assert "<b>look</b>" in care


async def test_users_are_listed_and_added(site: Site) -> None:
    root = await as_browser(site, "root")
    form = {"username": "dora", "email": "dora@example.org", "password": PASSWORD}
    await root.post("/admin/users", **form)
    page = await root.get("/admin/users")
    names = [" ".join(row.text_content().split()) for row in page.find("//tbody/tr/th")]
    assert names == ["alice", "bob token only", "dora", "root admin token only"]
    assert page.words("//header[@class='head']/p") == "4"
    again = await root.post("/admin/users", 409, **form | {"role": "admin"})
    assert again.words("//details[@open]//*[@role='alert']")
    typed = {field.get("name"): field.get("value") for field in again.find("//details//input")}
    assert (typed["username"], typed["email"]) == ("dora", "dora@example.org")
    assert typed["password"] is None
    assert again.find("//option[@selected]/@value") == ["admin"]
    assert again.words("//header[@class='head']/p") == "4"
    bad = await root.post("/admin/users", 400, username="e", email="nonsense")
    assert "Email: not an e-mail address" in bad.words()
    alice = await as_browser(site, "alice")
    await alice.post("/admin/users", 403, username="eve", email="eve@example.org")
    assert await site.value("SELECT count(*) FROM users") == 4
    signed_in = await site.client().post(
        "/sign-in", data={"username": "dora", "password": PASSWORD}
    )
    assert signed_in.status_code == 303


async def test_new_users_hold_no_connection_while_their_passwords_wait(
    site: Site, held_passwords: HeldPasswords
) -> None:
    root = await as_browser(site, "root")
    crowd = 2 * site.settings.db_max_open_conns
    adding = [
        asyncio.create_task(
            root.post("/admin/users", username=name, email=f"{name}@b.org", password=PASSWORD)
        )
        for name in (f"dora{number}" for number in range(crowd))
    ]
    try:
        await until(lambda: held_passwords.waiting == crowd)
        await root.get("/log")
    finally:
        held_passwords.go_on.set()
        await asyncio.gather(*adding)


async def test_runs_of_everybody(site: Site) -> None:
    root = await as_browser(site, "root")
    assert "Nothing was imported" in (await root.get("/admin/runs")).words()
    for username, minutes in (("alice", 5), ("bob", 2)):
        await site.rows(
            "INSERT INTO sync_runs (user_id, status, dry_run, with_details, error, created_at,"
            " updated_at) VALUES (%s, 'failed', true, true, 'gone', now() - %s * interval"
            " '1 minute', now())",
            await site.user_id(username),
            minutes,
        )
    await site.rows(
        "INSERT INTO import_runs (user_id, source, source_key, file_name, options, dry_run,"
        " with_updates, state, records, bytes_read, bytes_total, counts, created_at, updated_at)"
        " VALUES (%s, 'collection-csv', 'x', 'secret.csv', '{}', false, false, 'done', 7, 1, 1,"
        " '{}', now() - interval '3 minutes', now())",
        await site.user_id("alice"),
    )
    page = await root.get("/admin/runs")
    rows = [[cell.text_content().strip() for cell in row] for row in page.find("//tbody/tr")]
    assert [row[0].split()[0] for row in rows] == ["Sync", "Import", "Sync"]
    assert [row[1] for row in rows] == ["bob", "alice", "alice"]
    assert rows[0][2] == "failedgone"
    assert rows[1][-1] == "7"
    assert "secret.csv" not in page.text
    counts = dict(zip(page.find("//dl//dt/text()"), page.find("//dl//dd/text()"), strict=True))
    assert counts == {"Imports done": "1", "Syncs failed": "2"}


async def test_queries_by_name_or_how_to_have_them(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kleio.db.errors import DatabaseError
    from kleio.repositories import doctor

    root = await as_browser(site, "root")
    page = await root.get("/admin/queries")
    counted = await site.value("SELECT count(*) FROM pg_extension WHERE extname LIKE 'pg_stat%%'")
    if counted:
        assert "tokens.get_page_session" in page.words()

    async def missing(*_args: object, **_more: object) -> None:
        raise DatabaseError("no such relation", operation="read")

    monkeypatch.setattr(doctor, "list_slowest_queries", missing)
    page = await root.get("/admin/queries")
    assert "CREATE EXTENSION pg_stat_statements" in page.words()
