"""Bad bodies: each is answered by a problem that names the field, and by nothing more."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from http_site import API, NOWHERE, Site, field_problem, problem

pytestmark = pytest.mark.anyio

JSON = {"Content-Type": "application/json"}

USER = {"username": "new-user", "email": "new@example.org", "password": "long enough"}
LOGIN = {"username": "alice", "password": "x"}
TOKEN = {"name": "script"}
RELEASE = {"title": "Mine", "artists": [{"name": "Me"}]}
COPY = {"discogsId": 1}
PLAY = {"releaseId": str(NOWHERE)}

# Each body that the API takes: method, path, and one that is valid (None: everything optional).
BODIES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "login": ("POST", "/auth/login", LOGIN),
    "token": ("POST", "/auth/tokens", TOKEN),
    "me": ("PATCH", "/me", {}),
    "preferences": ("PATCH", "/me/preferences", {}),
    "discogs-token": ("PUT", "/me/discogs-token", {"token": "abcdefgh"}),
    "user": ("POST", "/users", USER),
    "user-changes": ("PATCH", f"/users/{NOWHERE}", {}),
    "release": ("POST", "/releases", RELEASE),
    "copy": ("POST", "/collection", COPY),
    "copy-changes": ("PATCH", f"/collection/{NOWHERE}", {}),
    "play": ("POST", "/plays", PLAY),
    "play-changes": ("PATCH", f"/plays/{NOWHERE}", {}),
    "cleaning": ("POST", "/cleanings", PLAY),
    "cleaning-changes": ("PATCH", f"/cleanings/{NOWHERE}", {}),
    "log": ("POST", "/log", PLAY),
    "stylus": ("POST", "/styluses", {"name": "S"}),
    "stylus-changes": ("PATCH", f"/styluses/{NOWHERE}", {}),
}

# The fields of each that are text.
TEXTS: dict[str, tuple[str, ...]] = {
    "login": ("username", "password"),
    "token": ("name",),
    "me": ("email", "discogsUsername", "password", "currentPassword"),
    "preferences": ("timeZone",),
    "discogs-token": ("token",),
    "user": ("username", "email", "password", "discogsUsername"),
    "user-changes": ("email", "discogsUsername", "password"),
    "release": ("title", "country", "thumb", "coverImage", "notes", "barcode"),
    "copy": ("notes",),
    "copy-changes": ("notes",),
    "play": ("side", "notes"),
    "play-changes": ("side", "notes"),
    "cleaning": ("notes",),
    "cleaning-changes": ("notes",),
    "log": ("side", "notes"),
    "stylus": ("name", "manufacturer", "cartridgeType"),
    "stylus-changes": ("name", "manufacturer", "cartridgeType"),
}
TEXT_FIELDS = [(body, field) for body, fields in TEXTS.items() for field in fields]

# Texts deeper in a body, with the name by which an answer calls them.
NESTED: list[tuple[str, dict[str, Any], str]] = [
    *(
        ("release", {**RELEASE, "artists": [{"name": "Me", field: "a\0b"}]}, f"artists[0].{field}")
        for field in ("name", "anv", "join", "role")
    ),
    *(
        ("release", {**RELEASE, "labels": [{"name": "L", field: "a\0b"}]}, f"labels[0].{field}")
        for field in ("name", "catno")
    ),
    *(
        ("release", {**RELEASE, "formats": [{"name": "CD", field: "a\0b"}]}, f"formats[0].{field}")
        for field in ("name", "text")
    ),
    *(
        ("release", {**RELEASE, "tracks": [{"title": "T", field: "a\0b"}]}, f"tracks[0].{field}")
        for field in ("title", "position", "duration")
    ),
    (
        "release",
        {**RELEASE, "formats": [{"name": "CD", "descriptions": ["a\0b"]}]},
        "formats[0].descriptions[0]",
    ),
    ("release", {**RELEASE, "genres": ["a\0b"]}, "genres[0]"),
    ("release", {**RELEASE, "styles": ["ok", "a\0b"]}, "styles[1]"),
    ("copy", {**COPY, "customFields": {"Shelf": "a\0b"}}, "customFields"),
    ("copy", {**COPY, "customFields": {"She\0lf": "a"}}, "customFields"),
    ("copy-changes", {"customFields": {"Shelf": "a\0b"}}, "customFields"),
]


async def send(site: Site, body: str, content: Any, **headers: str) -> httpx.Response:
    """Send a body as its method and path want it; bytes go as they are."""
    method, path, _ = BODIES[body]
    if not isinstance(content, bytes):
        content = json.dumps(content).encode()
    return await site.root.request(method, API + path, content=content, headers=JSON | headers)


@pytest.mark.parametrize("body", BODIES)
async def test_an_unknown_field_is_named(reading: Site, body: str) -> None:
    answer = await send(reading, body, {**BODIES[body][2], "noSuchField": 1})
    assert field_problem(answer, "noSuchField", "body")["message"] == "no such field"


@pytest.mark.parametrize("part", ["artists", "labels", "formats", "tracks"])
async def test_an_unknown_field_deeper_in_is_named(reading: Site, part: str) -> None:
    name = "title" if part == "tracks" else "name"
    answer = await send(reading, "release", {**RELEASE, part: [{name: "x", "oops": 1}]})
    field_problem(answer, f"{part}[0].oops", "body")


@pytest.mark.parametrize("body", [name for name, (_, _, valid) in BODIES.items() if valid])
async def test_a_missing_field_is_named(reading: Site, body: str) -> None:
    answer = await send(reading, body, {})
    (first, *_) = BODIES[body][2]
    field = "releaseId" if body == "copy" else first
    field_problem(answer, field, "body")


@pytest.mark.parametrize(("body", "field"), TEXT_FIELDS)
async def test_nul_in_a_text_is_refused(reading: Site, body: str, field: str) -> None:
    answer = await send(reading, body, {**BODIES[body][2], field: "long\0enough@example.org"})
    assert field_problem(answer, field, "body")["message"]


@pytest.mark.parametrize(("body", "content", "field"), NESTED)
async def test_nul_in_a_text_deeper_in_is_refused(
    reading: Site, body: str, content: dict[str, Any], field: str
) -> None:
    field_problem(await send(reading, body, content), field, "body")


@pytest.mark.parametrize(("body", "field"), TEXT_FIELDS)
@pytest.mark.parametrize("value", [5, True, ["x"], {"a": "b"}])
async def test_a_text_of_another_type_is_refused(
    reading: Site, body: str, field: str, value: Any
) -> None:
    field_problem(await send(reading, body, {**BODIES[body][2], field: value}), field, "body")


@pytest.mark.parametrize(("body", "field"), TEXT_FIELDS)
async def test_a_text_that_is_too_long_is_refused(reading: Site, body: str, field: str) -> None:
    field_problem(
        await send(reading, body, {**BODIES[body][2], field: "x" * 20_001}), field, "body"
    )


@pytest.mark.parametrize(("body", "field"), TEXT_FIELDS)
@pytest.mark.parametrize(
    "value",
    [rb'"\ud800"', rb'"\udfff x"', b'"\xed\xa0\x80"', b'"\xff\xfe"', b'"\xc3"'],
    ids=["lone high", "lone low", "encoded surrogate", "no UTF-8", "cut UTF-8"],
)
async def test_a_text_that_is_no_unicode_is_refused(
    reading: Site, body: str, field: str, value: bytes
) -> None:
    rest = json.dumps(BODIES[body][2] | {field: "HERE"}).encode()
    problem(await send(reading, body, rest.replace(b'"HERE"', value)), 400, "invalid-request")


@pytest.mark.parametrize(
    ("body", "field", "value"),
    [
        *(("copy", "rating", value) for value in (-1, 6, 10**30, 2.5, "5", True, None)),
        *(("copy", "discogsId", value) for value in (0, -1, 2**31, 10**30, "1", 1.5)),
        *(("copy", "releaseId", value) for value in ("x", "", 5, "0" * 36, [])),
        *(("copy", "folderId", value) for value in ("x", 1)),
        *(("copy", "mediaCondition", value) for value in ("Mint", "", "m", "Generic", 1)),
        *(("copy", "sleeveCondition", value) for value in ("Mint", "No cover")),
        *(
            ("copy", "addedAt", value)
            for value in (
                *("yesterday", "2026-02-30T00:00:00Z", "2020-01-01T00:00:00", "2020-01-01", 5),
                *("1899-12-31T23:59:59Z", "9999-12-31T23:59:59Z", "10000-01-01T00:00:00Z"),
                *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"),
            )
        ),
        *(("copy", "customFields", value) for value in ([], "x", {"": "x"}, {"a": 1})),
        ("copy", "customFields", {str(number): "x" for number in range(101)}),
        *(("copy-changes", "rating", value) for value in (-1, 6, "5", None)),
        *(("copy-changes", "folderId", value) for value in ("x", None)),
        *(("copy-changes", "addedAt", value) for value in ("1850-01-01T00:00:00Z", None)),
        *(("token", "expiresInDays", value) for value in (0, -1, 36_501, 10**18, 1.5, "7")),
        *(("token", "name", value) for value in ("", " ", "x" * 101, "two\nlines")),
        *(("release", "year", value) for value in (0, -1, 10_000, "1999", 1999.5)),
        *(("release", "title", value) for value in ("", "x" * 501)),
        *(("release", "artists", value) for value in ([], {}, None, [{"name": "x"}] * 201)),
        *(
            ("release", "thumb", value)
            for value in ("ftp://x", "javascript:alert(1)", "http://a b", "https://a.b/c\n")
        ),
        ("release", "tracks", [{"title": "T", "duration": "3:05\n"}]),
        *(("play", "side", value) for value in ("", "a", "ABC", "A\n")),
        ("login", "username", "alice\n"),
        *(("preferences", "recentlyPlayedDays", value) for value in (0, -1, 36_501, "1", 1.5)),
        *(("preferences", "neglectedDays", value) for value in (0, 36_501)),
        *(("preferences", "cleaningFrequencyPlays", value) for value in (0, 1001)),
        *(("preferences", "timeZone", value) for value in ("Mars/Olympus", "", "../etc/passwd")),
        *(
            ("discogs-token", "token", value)
            for value in ("short", "with spaces in it", "é" * 9, "a" * 40 + "\n")
        ),
        *(("user", "username", value) for value in ("", "-x", "a b", "é", "x" * 65, "a\n")),
        *(
            ("user", "email", value)
            for value in ("", "x", "a b@c", "@", "a@b@c", "x" * 250 + "@b.cd", "a@b.cd\n")
        ),
        *(("user", "password", value) for value in ("", "short", "x" * 1025)),
        *(("user", "role", value) for value in ("root", "Admin", None, 1)),
    ],
)
async def test_a_value_out_of_range_is_named(
    reading: Site, body: str, field: str, value: Any
) -> None:
    valid = {} if field == "releaseId" else BODIES[body][2]
    answer = await send(reading, body, {**valid, field: value})
    found = problem(answer, 400, "invalid-request")
    assert found["errors"][0]["field"].startswith(field)
    assert found["errors"][0]["source"] == "body"


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"{", b"nope", b"[]", b'"text"', b"5", b"null", b"{}x", b"{'a': 1}", b"\xff"),
        # As long as anybody's may be (ANONYMOUS_BYTES).
        *(b"[" * 30_000, b'{"a":' * 6_000, b'{"a":' + b"[" * 16_000 + b"]" * 16_000 + b"}"),
        *(b"1" * 32_000, b'{"a":1e999}', b'{"a":NaN}'),
    ],
    ids=lambda content: f"{content[:8]!r} of {len(content)}",
)
async def test_a_body_that_is_not_what_is_asked_for(
    reading: Site, body: str, content: bytes
) -> None:
    problem(await send(reading, body, content), 400, "invalid-request")


@pytest.mark.parametrize("body", BODIES)
async def test_a_missing_body_is_told(reading: Site, body: str) -> None:
    method, path, _ = BODIES[body]
    field_problem(await reading.root.request(method, API + path), "body", "body")


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize(
    "media_type", ["text/plain", "application/x-www-form-urlencoded", "application/xml", "a/b/c"]
)
async def test_another_content_type_is_refused(reading: Site, body: str, media_type: str) -> None:
    content = json.dumps(BODIES[body][2]).encode()
    method, path, _ = BODIES[body]
    answer = await reading.root.request(
        method, API + path, content=content, headers={"Content-Type": media_type}
    )
    problem(answer, 415, "unsupported-media-type")


async def _chunks(size: int) -> AsyncIterator[bytes]:
    for _ in range(size // 1000):
        yield b" " * 1000


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("chunked", [False, True], ids=["with length", "chunked"])
async def test_a_body_over_the_limit_is_refused(reading: Site, body: str, chunked: bool) -> None:
    method, path, _ = BODIES[body]
    content = _chunks(100_000) if chunked else b" " * 100_000
    answer = await reading.root.request(method, API + path, content=content, headers=JSON)
    problem(answer, 413, "too-large")
