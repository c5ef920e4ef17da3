"""What attackers send: injections in every parameter, slow and packed bodies, odd addresses."""

from __future__ import annotations

import asyncio
import csv
import gzip
import io
import json
import re
import zlib
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import httpx
import psycopg
import pytest
from http_site import API, NOWHERE, PASSWORD, Site, assert_no_leak, field_problem, problem

from kleio import accounts, holdings
from kleio.http.bodies import ANONYMOUS_BYTES
from servers import as_owner
from waiting import until

pytestmark = pytest.mark.anyio

INJECTIONS = (
    "' OR '1'='1",
    "'; DROP TABLE users CASCADE; --",
    "1) UNION SELECT password_hash FROM users --",
    "%s %(x)s :x $1 {0} ${7*7} {{7*7}}",
    "\\'; SELECT pg_sleep(9); --",
    "../../../../etc/passwd",
    "x\r\nSet-Cookie: a=b\r\n\r\n<script>alert(1)</script>",
    "\u202e\ufeff\U0001f600\u0301" * 40,
)


def documented(site: Site) -> list[tuple[str, str, dict[str, Any]]]:
    paths = site.app.openapi_schema.to_schema()["paths"]
    return [
        (method, path, operation)
        for path, item in paths.items()
        for method, operation in item.items()
    ]


def filled(path: str) -> str:
    return re.sub(r"\{\w*[iI]d\}", str(NOWHERE), path).replace("{year}", "2025")


def unharmed(answer: httpx.Response, operation: dict[str, Any]) -> None:
    """Check that an answer is one that the document knows, and tells nothing of the inside."""
    assert str(answer.status_code) in operation["responses"], (answer.request.url, answer.text)
    assert answer.status_code < 500, (answer.request.url, answer.text)
    assert "set-cookie" not in answer.headers
    if answer.status_code >= 400:
        assert_no_leak(re.sub(r"(SELECT|DROP|INSERT)[^\"]*", "", answer.text))
        assert answer.headers["content-type"].startswith("application/problem+json")


async def test_an_injection_in_any_parameter_is_a_text_like_any_other(reading: Site) -> None:
    count = 0
    for method, path, operation in documented(reading):
        if method != "get":
            continue
        for parameter in operation.get("parameters", ()):
            for text in INJECTIONS:
                if parameter["in"] == "query":
                    answer = await reading.alice.get(filled(path), params={parameter["name"]: text})
                elif parameter["in"] == "path":
                    quoted = httpx.QueryParams({"x": text})
                    url = path.replace(f"{{{parameter['name']}}}", str(quoted)[2:])
                    answer = await reading.alice.get(filled(url))
                    if answer.status_code == 404:  # what holds a slash is no such address
                        continue
                else:
                    value = text.encode().replace(b"\r\n", b" ")
                    answer = await reading.alice.get(
                        filled(path), headers={parameter["name"].encode(): value}
                    )
                unharmed(answer, operation)
                count += 1
    assert count > 1000
    assert await reading.value("SELECT count(*) FROM users") == 3


def bodies(schema: dict[str, Any], components: dict[str, Any], text: str) -> Any:
    """Return a body of a schema whose texts are all `text`, with every field."""
    if "$ref" in schema:
        return bodies(components[schema["$ref"].rpartition("/")[2]], components, text)
    if choices := schema.get("oneOf") or schema.get("anyOf"):
        return bodies(choices[0], components, text)
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        fields = schema.get("properties", {})
        return {name: bodies(part, components, text) for name, part in fields.items()}
    if kind == "array":
        return [bodies(schema.get("items", {}), components, text)]
    if kind in ("integer", "number"):
        return 1
    if kind == "boolean":
        return True
    return text


async def test_an_injection_in_any_field_of_a_body_is_a_text_like_any_other(site: Site) -> None:
    count = 0
    components = site.app.openapi_schema.to_schema()["components"]["schemas"]
    for method, path, operation in documented(site):
        content = operation.get("requestBody", {}).get("content", {})
        if method == "get" or "application/json" not in content or "imports" in path:
            continue
        schema = content["application/json"]["schema"]
        for text in INJECTIONS[:3]:
            whole = bodies(schema, components, text)
            if not isinstance(whole, dict):
                continue
            for name, value in whole.items():  # one at a time: the first fault is told alone
                answer = await site.alice.request(method, filled(path), json={name: value})
                unharmed(answer, operation)
                count += 1
    assert count > 300
    assert await site.value("SELECT count(*) FROM users WHERE role = 'admin'") == 1


# --- bodies ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "gzip, gzip", "x" * 500])
async def test_a_packed_body_is_refused_unread(reading: Site, encoding: str) -> None:
    bomb = gzip.compress(b"0" * 10_000_000)
    assert len(bomb) < 64 * 1024
    for url in (f"{API}/collection", f"{API}/imports"):
        answer = await reading.alice.post(
            url,
            content=bomb,
            headers={"Content-Encoding": encoding, "Content-Type": "application/json"},
        )
        problem(answer, 415, "unsupported-media-type")
        assert answer.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    "packed",
    [
        gzip.compress(b"[" * 1000),
        zlib.compress(b"{}"),
        b"PK\x03\x04" + b"\0" * 100,
        b"\x28\xb5\x2f\xfd",
    ],
    ids=["gzip", "zlib", "zip", "zstd"],
)
async def test_a_packed_file_is_no_import(reading: Site, packed: bytes) -> None:
    for media_type in ("text/csv", "application/json"):
        answer = await reading.alice.post(
            f"{API}/imports", content=packed, headers={"Content-Type": media_type}
        )
        problem(answer, 400)


@pytest.mark.parametrize("depth", [200, 10_000, 30_000])
@pytest.mark.parametrize("pair", ["[]", '{"a":}'])
async def test_a_deep_body_is_refused(reading: Site, pair: str, depth: int) -> None:
    opening, closing = (pair[:-1], pair[-1]) if pair != "[]" else ("[", "]")
    body = (opening * depth + "1" + closing * depth)[: ANONYMOUS_BYTES - 1]
    for url in ("/collection", "/plays", "/releases", "/auth/login"):
        answer = await reading.alice.post(
            API + url, content=body, headers={"Content-Type": "application/json"}
        )
        problem(answer, 400, "invalid-request")


@pytest.mark.parametrize(
    "number", ["1e999", "-1e999", "9" * 5000, "0." + "9" * 5000, "NaN", "Infinity", "1E+2", "0x10"]
)
async def test_a_number_that_is_none_is_refused(reading: Site, number: str) -> None:
    answer = await reading.alice.post(
        f"{API}/collection",
        content=f'{{"discogsId": {number}}}',
        headers={"Content-Type": "application/json"},
    )
    problem(answer, 400)


async def test_a_field_given_twice_is_the_last_one_or_refused(site: Site) -> None:
    content = '{"role": "user", "username": "eve", "email": "e@x.org", "role": "admin"}'
    answer = await site.alice.post(
        f"{API}/users", content=content, headers={"Content-Type": "application/json"}
    )
    problem(answer, 403)


async def test_a_user_sends_one_file_at_a_time(site: Site) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield b'{"format": '
        begun.set()
        await go_on.wait()
        yield b'"nothing"}'

    headers = {"Content-Type": "application/json"}
    first = asyncio.create_task(
        site.alice.post(f"{API}/imports", content=slowly(), headers=headers)
    )
    async with asyncio.timeout(30):
        await begun.wait()
        second = await site.alice.post(f"{API}/imports", content=b"{}", headers=headers)
        problem(second, 409)
        # Another user is not kept waiting.
        taken = await site.bob.post(f"{API}/imports", content=b"{}", headers=headers)
        assert taken.status_code == 202
        go_on.set()
        assert (await first).status_code == 202
    await site.app.state.import_tasks.wait()


@pytest.mark.parametrize("path", [f"{API}/auth/login", f"{API}/users", "/sign-in"])
@pytest.mark.parametrize("is_told", [True, False])
async def test_a_stranger_has_no_long_body(reading: Site, path: str, is_told: bool) -> None:
    """Its end held back on each connection there is, a megabyte would be gigabytes."""
    longest = {"username": "x" * 64, "password": "\U0001f3b5" * 1024}
    is_form = path == "/sign-in"
    fits = urlencode(longest) if is_form else json.dumps(longest)
    kind = "application/x-www-form-urlencoded" if is_form else "application/json"

    async def send(text: str) -> httpx.Response:
        async def pieces() -> AsyncIterator[bytes]:
            yield text.encode()

        content: Any = text.encode() if is_told else pieces()
        headers = {"Content-Type": kind, "Sec-Fetch-Site": "same-origin"}
        return await reading.anonymous.post(path, content=content, headers=headers)

    assert (await send(fits)).status_code in (400, 401)
    assert (await send(fits + " " * ANONYMOUS_BYTES)).status_code == 413


async def test_what_is_listed_in_whole_has_an_end(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else one account makes a million, and each look at them costs the server a gigabyte."""
    monkeypatch.setattr(holdings, "MOST", 4)
    for url, noun in (
        ("/collection/folders", "folders"),
        ("/styluses", "styluses"),
        ("/auth/tokens", "tokens"),
    ):
        made = [await site.bob.post(API + url, json={"name": f"x{n}"}) for n in range(5)]
        statuses = [answer.status_code for answer in made]
        assert statuses == sorted(statuses), url
        field_problem(made[-1], noun, "body")
        assert len((await site.bob.get(API + url)).json()["items"]) == 4
    # Nobody is kept from signing in: the oldest login ends.
    monkeypatch.setattr(accounts, "KEPT_LOGINS", 2)
    login = {"username": "alice", "password": PASSWORD}
    for _ in range(5):
        assert (await site.anonymous.post(f"{API}/auth/login", json=login)).status_code == 201
    assert len((await site.alice.get(f"{API}/auth/tokens")).json()["items"]) == 4


async def test_one_user_leaves_connections_for_others(site: Site) -> None:
    """Whatever a user does that takes long: here it waits for a table that somebody has locked."""
    waiting = "SELECT count(*) FROM pg_locks WHERE relation = 'styluses'::regclass AND NOT granted"
    most = site.settings.db_max_open_conns
    conninfo = as_owner(site.settings.conninfo() or "")
    async with await psycopg.AsyncConnection.connect(conninfo) as conn:
        await conn.execute("LOCK TABLE styluses IN ACCESS EXCLUSIVE MODE")
        asked = [asyncio.create_task(site.alice.get(f"{API}/styluses")) for _ in range(most + 1)]

        async def is_waiting() -> bool:
            row = await (await conn.execute(waiting)).fetchone()
            return row == (most // 2,)

        await until(is_waiting)
        for _ in range(3):
            assert (await site.bob.get(f"{API}/collection")).status_code == 200
        assert await is_waiting()
        await conn.rollback()
    assert {answer.status_code for answer in await asyncio.gather(*asked)} == {200}


# --- addresses and headers ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/docs/assets/../../app.py",
        "/docs/assets/..%2f..%2fapp.py",
        "/docs/assets/%2e%2e%5c%2e%2e%5capp.py",
        "/docs/assets/%00",
        "//etc/passwd",
        "/api/v1/../../metrics/../etc",
        "/api/v1/releases/%0d%0aSet-Cookie:%20a=b",
        "/api/v1/songs/" + "a" * 5000,
        "/api/v1/plays;jsessionid=1",
        "/%ff%fe",
        "/api/v1/collection/%F0%9F%98%80",
    ],
)
async def test_an_odd_address_leads_nowhere(reading: Site, path: str) -> None:
    request = reading.alice.build_request("GET", "/")
    request.url = httpx.URL("http://kleio.test").copy_with(raw_path=path.encode())
    answer = await reading.alice.send(request)
    assert answer.status_code in (400, 404), answer.text
    problem(answer, answer.status_code)
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "word", ["a\r\nSet-Cookie: x=1", "a\nb", "../x", "<script>", "x" * 65, "\u00e9", ""]
)
async def test_a_request_id_that_is_no_word_is_not_repeated(reading: Site, word: str) -> None:
    answer = await reading.anonymous.get(f"{API}/me", headers={b"X-Request-Id": word.encode()})
    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["x-request-id"])


async def test_a_file_name_stays_a_name(site: Site) -> None:
    """Of an export: the user's name is in a header, and can be nothing but letters and the like."""
    answer = await site.alice.get(f"{API}/export/collection")
    assert re.fullmatch(
        r'attachment; filename="[A-Za-z0-9._-]+"', answer.headers["content-disposition"]
    )
    for name in ("../../x.csv", 'x"\r\nSet-Cookie: a=b', "x" * 300):
        sent = await site.alice.post(
            f"{API}/imports",
            content=b"Catalog#,release_id\n1,1\n",
            params={"fileName": name, "dryRun": "true"},
            headers={"Content-Type": "text/csv"},
        )
        await site.app.state.import_tasks.wait()
        if sent.status_code == 400:
            continue
        report = await site.alice.get(sent.headers["location"] + "/report")
        assert "set-cookie" not in report.headers
        assert re.fullmatch(
            r'attachment; filename="[A-Za-z0-9._-]+"', report.headers["content-disposition"]
        )


async def test_a_formula_in_a_file_is_none_in_its_report(site: Site) -> None:
    account = {
        "format": "kleio-account",
        "version": 1,
        "styluses": [{"id": "=HYPERLINK(1)", "name": "x"}, {"id": "+2", "name": ""}],
    }
    sent = await site.alice.post(f"{API}/imports", json=account, params={"dryRun": "true"})
    await site.app.state.import_tasks.wait()
    report = (await site.alice.get(sent.headers["location"] + "/report")).text
    cells = [cell for line in csv.reader(io.StringIO(report)) for cell in line]
    assert "'=HYPERLINK(1)" in cells
    assert [cell for cell in cells if cell[:1] in ("=", "+", "-", "@")] == []


async def test_a_large_header_is_refused_or_ignored(reading: Site) -> None:
    for name in ("If-None-Match", "If-Match", "Cookie", "X-Forwarded-For", "Accept-Encoding"):
        answer = await reading.alice.get(f"{API}/genres", headers={name: "a, " * 20_000})
        assert answer.status_code in (200, 412), name


def test_the_bomb_is_one() -> None:
    """What the packed tests send would be large."""
    with gzip.open(io.BytesIO(gzip.compress(b"0" * 10_000_000))) as file:
        assert len(file.read()) == 10_000_000
    assert json.loads("1e999") == float("inf")
