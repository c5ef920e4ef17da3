"""Bad queries, paths, methods and tokens, and bugs: problems that tell what is wrong, no more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from http_site import API, NOWHERE, Site, assert_no_leak, field_problem, problem

import factories

pytestmark = pytest.mark.anyio

JSON = {"Content-Type": "application/json"}

LISTS: dict[str, tuple[str, ...]] = {
    "/releases": (
        *("q", "artist", "label", "genre", "style", "format", "country", "catno", "barcode"),
        "cursor",
    ),
    "/collection": (
        *("q", "artist", "label", "genre", "style", "format", "country", "folderId", "sort"),
        "cursor",
    ),
    "/artists": ("q", "cursor"),
    "/labels": ("q", "cursor"),
    "/genres": ("cursor",),
    "/styles": ("cursor",),
    "/users": ("cursor",),
    f"/artists/{NOWHERE}/releases": ("cursor",),
}
LIST_TEXTS = [(path, name) for path, names in LISTS.items() for name in names]


# --- queries ------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [*LISTS, "/me", "/auth/tokens", f"/releases/{NOWHERE}"])
async def test_an_unknown_parameter_is_named(reading: Site, path: str) -> None:
    answer = await reading.root.get(API + path, params={"yearform": "1970"})
    assert field_problem(answer, "yearform", "query")["message"] == "no such parameter"


@pytest.mark.parametrize("path", LISTS)
async def test_a_parameter_given_twice_is_named(reading: Site, path: str) -> None:
    answer = await reading.root.get(f"{API}{path}?limit=1&limit=2")
    field_problem(answer, "limit", "query")


@pytest.mark.parametrize(("path", "name"), LIST_TEXTS)
async def test_nul_in_a_parameter_is_refused(reading: Site, path: str, name: str) -> None:
    field_problem(await reading.root.get(f"{API}{path}?{name}=a%00b"), name, "query")


@pytest.mark.parametrize(("path", "name"), LIST_TEXTS)
@pytest.mark.parametrize("value", ["%ff", "%ed%a0%80", "%c3", "%f5%80%80%80"])
async def test_a_parameter_that_is_no_utf8_is_refused(
    reading: Site, path: str, name: str, value: str
) -> None:
    field_problem(await reading.root.get(f"{API}{path}?{name}={value}"), name, "query")


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("limit", value) for value in ("0", "-1", "201", "x", "", "1.5", "9" * 5000)),
        *(("offset", value) for value in ("-1", "10001", "x", str(2**63), "")),
        ("cursor", "x" * 2001),
    ],
)
async def test_a_parameter_of_paging_is_checked(
    reading: Site, path: str, name: str, value: str
) -> None:
    answer = await reading.root.get(API + path, params={name: value})
    field_problem(answer, name, "query")


@pytest.mark.parametrize(
    ("path", "name", "value"),
    [
        *(
            (path, name, value)
            for path in ("/releases", "/collection")
            for name in ("yearFrom", "yearTo")
            for value in ("x", "-1", "10000", "1999.5", "", str(10**30))
        ),
        *(("/releases", "discogsId", value) for value in ("0", "x", str(2**31), "")),
        *(("/releases", "total", value) for value in ("maybe", "2")),
        *(("/releases", name, "") for name in ("q", "artist", "catno")),
        *(("/releases", name, "x" * 301) for name in ("q", "artist", "catno")),
        *(("/collection", "sort", value) for value in ("", "id", "--added", "added;drop", "ADDED")),
        *(("/collection", "folderId", value) for value in ("x", "1", "")),
        *(("/collection", "minRating", value) for value in ("-1", "6", "x")),
    ],
)
async def test_a_filter_is_checked(reading: Site, path: str, name: str, value: str) -> None:
    answer = await reading.root.get(API + path, params={name: value})
    field_problem(answer, name, "query")


@pytest.mark.parametrize("path", ["/releases", "/collection"])
async def test_a_year_range_the_wrong_way_round(reading: Site, path: str) -> None:
    answer = await reading.root.get(API + path, params={"yearFrom": "1990", "yearTo": "1980"})
    field_problem(answer, "yearTo", "query")


# --- paths and methods --------------------------------------------------------------------------

BAD_IDS = [
    "x",
    "1",
    "%20",
    "%00",
    "%ff",
    "..%2f..",
    "0" * 36,
    f"{NOWHERE}x",
    "'%3B--",
    "%F0%9F%92%A9",
]


@pytest.mark.parametrize("bad", BAD_IDS)
@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("GET", "/releases/{}", "releaseId"),
        ("GET", "/artists/{}", "id"),
        ("GET", "/labels/{}/releases", "id"),
        ("GET", "/collection/{}", "copyId"),
        ("DELETE", "/collection/{}", "copyId"),
        ("DELETE", "/auth/tokens/{}", "tokenId"),
        ("DELETE", "/users/{}", "userId"),
    ],
)
async def test_an_id_that_is_none(
    reading: Site, method: str, path: str, name: str, bad: str
) -> None:
    answer = await reading.root.request(method, API + path.format(bad))
    if "%2f" in bad:
        problem(answer, 404, "not-found")
    else:
        field_problem(answer, name, "path")


@pytest.mark.parametrize(
    "path",
    [
        *("/nope", "/api", "/api/v1", "/api/v2/me", "/api/v1/nope", "/api/v1/me/nope"),
        *("/health/nope", "/docs/nope", "/docs/assets/nope", "/docs/assets/..%2fsecret"),
        *("/api/v1/releases/a/b", "/%00", "/%ff", "/openapi.json/x", "/schema"),
    ],
)
async def test_an_unknown_address(reading: Site, path: str) -> None:
    problem(await reading.alice.get(path), 404, "not-found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/health", {"GET"}),
        ("POST", "/api/v1/me", {"GET", "PATCH", "DELETE"}),
        ("PUT", "/api/v1/collection", {"GET", "POST"}),
        ("POST", f"/api/v1/collection/{NOWHERE}", {"GET", "PATCH", "DELETE"}),
        ("POST", "/api/v1/artists", {"GET"}),
        ("GET", "/api/v1/auth/login", {"POST"}),
        ("DELETE", "/openapi.json", {"GET"}),
        ("HEAD", "/api/v1/auth/login", {"POST"}),
        ("BREW", "/api/v1/me", {"GET", "PATCH", "DELETE"}),
    ],
)
async def test_a_method_that_is_not_allowed(
    reading: Site, method: str, path: str, allowed: set[str]
) -> None:
    answer = await reading.alice.request(method, path)
    assert answer.status_code == 405
    allowed |= {"OPTIONS"} | ({"HEAD"} if "GET" in allowed else set())
    assert set(answer.headers["allow"].split(", ")) == allowed
    if method != "HEAD":
        problem(answer, 405, "method-not-allowed")


# --- who asks -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    [
        *(None, "", "x", "Bearer", "Bearer ", "Bearer  ", "Basic YTpi", "Bearer kleio_unknown"),
        *("Bearer " + "x" * 5000, "Bearer a b", "kleio_alice-token-for-tests-alice"),
        *("Bearer kleio_alice-token-for-tests-Alice", "Bearer \u00e9", "Token x"),
    ],
    ids=lambda header: str(header)[:24],
)
async def test_a_token_that_is_none(reading: Site, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header.encode("latin-1")}
    for path in ("/api/v1/me", "/api/v1/releases"):
        answer = await reading.anonymous.get(path, headers=headers)
        problem(answer, 401, "unauthorized")
        assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_a_token_that_expired_or_was_revoked(site: Site) -> None:
    user_id = await site.user_id("alice")
    now = datetime.now(UTC)
    async with site.database.connection() as conn:
        expired = await factories.make_token(conn, user_id, expires_at=now - timedelta(seconds=1))
        valid = await factories.make_token(conn, user_id, expires_at=now + timedelta(days=1))
    problem(await site.client(expired).get("/api/v1/me"), 401, "unauthorized")
    client = site.client(valid)
    assert (await client.get("/api/v1/me")).status_code == 200
    await site.rows("DELETE FROM auth_tokens WHERE token_hash = %s", factories.token_hash(valid))
    problem(await client.get("/api/v1/me"), 401, "unauthorized")


async def test_the_token_comes_before_the_body(reading: Site) -> None:
    answer = await reading.anonymous.post("/api/v1/collection", content=b"{", headers=JSON)
    problem(answer, 401, "unauthorized")


# --- the server's own faults --------------------------------------------------------------------


async def test_a_bug_tells_nothing(
    reading: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def explode(*args: Any, **parameters: Any) -> None:
        raise RuntimeError("secret-detail of relation releases")

    monkeypatch.setattr("kleio.repositories.releases.get_release", explode)
    address = f"/api/v1/releases/{NOWHERE}"
    answer = await reading.alice.get(address, headers={"X-Request-Id": "trace-1"})
    found = problem(answer, 500, "internal-error")
    assert "secret" not in answer.text
    assert found["requestId"] == "trace-1"
    assert found["instance"] == address
    assert "secret-detail" in caplog.text
    assert "trace-1" in caplog.text


async def test_a_broken_statement_tells_nothing(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    await site.rows("DROP TABLE user_preferences")
    answer = await site.alice.get("/api/v1/me/preferences")
    problem(answer, 503, "unavailable")
    await site.rows("ALTER TABLE users DROP COLUMN discogs_username CASCADE")
    assert_no_leak((await site.alice.get("/api/v1/me")).text)
    assert "get_preferences" in caplog.text


@pytest.mark.parametrize(("given", "kept"), [("abc-1", True), ("a b", False), ("x" * 65, False)])
async def test_the_request_id_is_kept_where_it_is_a_word(
    reading: Site, given: str, kept: bool
) -> None:
    answer = await reading.alice.get("/nope", headers={"X-Request-Id": given})
    found = problem(answer, 404)["requestId"]
    assert (found == given) is kept
    assert found
