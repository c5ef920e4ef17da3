"""The OpenAPI document: valid, complete, and true of what PostgreSQL builds."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from http_site import API, Site

from kleio.http import library_stats, schemas, search
from kleio.http.problems import PROBLEM_JSON, Problem
from kleio.repositories.artists import ArtistDetail
from kleio.repositories.labels import LabelDetail
from kleio.repositories.styluses import Stylus, StylusModel

pytestmark = pytest.mark.anyio

PUBLIC = {("get", "/health"), ("get", "/health/live"), ("post", f"{API}/auth/login")}

FILES = {f"{API}/export/{noun}" for noun in ("collection", "plays", "cleanings")}
FILES |= {f"{API}/imports/{{runId}}/report"}
"""Operations that answer with CSV, and with JSON where a client asks for it."""


@pytest.fixture(scope="session")
async def document(reading: Site, anyio_backend: str) -> dict[str, Any]:
    answer = await reading.anonymous.get("/openapi.json")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    found: dict[str, Any] = msgspec.json.decode(answer.content)
    return found


def operations(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (method, path): operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
    }


async def test_the_document_is_valid(document: dict[str, Any]) -> None:
    validator = pytest.importorskip("openapi_spec_validator")
    validator.validate(document)
    assert document["openapi"].startswith("3.1")


async def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    found: set[str] = set()

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            if isinstance(value.get("$ref"), str):
                found.add(value["$ref"])
            for inner in value.values():
                walk(inner)
        elif isinstance(value, list):
            for inner in value:
                walk(inner)

    walk(document)
    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert found
    assert found <= known


async def test_operations_have_names_tags_and_summaries(document: dict[str, Any]) -> None:
    found = operations(document)
    assert len(found) >= 30
    ids = [operation["operationId"] for operation in found.values()]
    assert len(ids) == len(set(ids))
    for key, operation in found.items():
        assert operation["summary"], key
        assert operation["description"], key
        assert len(operation["tags"]) == 1, key


async def test_every_problem_is_documented_as_one(document: dict[str, Any]) -> None:
    for (method, path), operation in operations(document).items():
        responses = operation["responses"]
        problems = {status for status in responses if int(status) >= 400}
        if path.startswith("/health"):
            continue
        # Whatever needs the database may find it busy.
        expected = {"401", "500", "503"}
        if operation.get("parameters") or "requestBody" in operation:
            expected.add("400")
        if "requestBody" in operation:
            expected |= {"413", "415"}
        if "{" in path:
            expected.add("404")
        assert expected <= problems, (method, path, expected - problems)
        for status in problems:
            assert set(responses[status]["content"]) == {PROBLEM_JSON}, (method, path, status)
            schema = responses[status]["content"][PROBLEM_JSON]["schema"]
            assert schema["$ref"].endswith("/Problem")


async def test_every_success_has_a_schema(document: dict[str, Any]) -> None:
    for (method, path), operation in operations(document).items():
        successes = {int(code): r for code, r in operation["responses"].items() if int(code) < 300}
        assert len(successes) == 1, (method, path)
        ((status, response),) = successes.items()
        if status == 204:
            assert "content" not in response, (method, path)
            continue
        if path in FILES:
            assert response["content"]["text/csv"]["schema"] == {"type": "string"}
            continue
        schema = response["content"]["application/json"]["schema"]
        assert "$ref" in schema, (method, path)
        resolved = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        assert resolved["properties"], (method, path)


async def test_security_is_told(document: dict[str, Any]) -> None:
    schemes = document["components"]["securitySchemes"]
    assert schemes == {"token": {"type": "http", "scheme": "bearer"}}
    for key, operation in operations(document).items():
        if key in PUBLIC:
            assert operation["security"] == [{}], key
        else:
            security = operation.get("security", document["security"])
            may_be_none = [{}] if key == ("post", f"{API}/users") else []
            assert security == [*may_be_none, {"token": []}], key


SHARED = (
    *("releases", "artists", "labels", "genres", "styles"),
    *("songs", "albums", "library", "search"),
)
"""What is the same for all users, by the first word of its address."""

OWN = {
    *(f"{API}/songs/{path}" for path in ("starred", "played", "{songId}/state")),
    f"{API}/albums/{{albumId}}/copies",
}

HEADERS = {"304": "If-None-Match", "412": "If-Match", "422": "Idempotency-Key"}


async def test_conditional_reads_and_keys_are_told(document: dict[str, Any]) -> None:
    taken: dict[str, set[tuple[str, str]]] = {header: set() for header in HEADERS.values()}
    for key, operation in operations(document).items():
        told = {p["name"] for p in operation.get("parameters", []) if p["in"] == "header"}
        answers = {HEADERS[status] for status in operation["responses"] if status in HEADERS}
        assert told == answers, key
        for header in told - {"If-None-Match"}:
            assert f"`{header}`" in operation["description"], key
        for header in told:
            taken[header].add(key)
    assert taken["Idempotency-Key"] >= {
        ("post", f"{API}/{noun}")
        for noun in ("collection", "releases", "plays", "cleanings", "log", "styluses")
    }
    assert taken["If-Match"] >= {
        *(("patch", f"{API}/{path}") for path in ("me", "users/{userId}", "plays/{playId}")),
        *(("patch", f"{API}/{path}") for path in ("cleanings/{cleaningId}", "styluses/{stylusId}")),
        *(("patch", f"{API}/collection/{path}") for path in ("{copyId}", "folders/{folderId}")),
        *(("post", f"{API}/collection/{{copyId}}/{verb}") for verb in ("archive", "restore")),
    }
    assert taken["If-None-Match"] == {
        key
        for key in operations(document)
        if key[0] == "get"
        and key[1].removeprefix(f"{API}/").partition("/")[0] in SHARED
        and key[1] not in OWN
    }


async def test_bodies_say_that_they_take_no_other_fields(document: dict[str, Any]) -> None:
    bodies = [one["requestBody"] for one in operations(document).values() if "requestBody" in one]
    assert len(bodies) >= 17
    for body in bodies:
        if "application/octet-stream" in body["content"]:
            continue  # a file
        name = body["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        assert document["components"]["schemas"][name]["additionalProperties"] is False
        assert body["required"] is True


async def test_names_are_camel_case(document: dict[str, Any]) -> None:
    for name, schema in document["components"]["schemas"].items():
        assert not any("_" in field for field in schema.get("properties", {})), name
    for key, operation in operations(document).items():
        for parameter in operation.get("parameters", []):
            assert "_" not in parameter["name"], key
        assert "_" not in key[1]


# --- what PostgreSQL builds ---------------------------------------------------------------------


def strict(struct: Any) -> Any:
    """Return a Struct like this one, all the way down, that takes no field it does not know."""
    fields = []
    for field in msgspec.structs.fields(struct):
        kind = _strict_type(field.type)
        default = {"default": field.default, "default_factory": field.default_factory}
        fields.append((field.name, kind, msgspec.field(**default)))
    return msgspec.defstruct(
        struct.__name__, fields, rename="camel", kw_only=True, forbid_unknown_fields=True
    )


def _strict_type(kind: Any) -> Any:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return strict(kind)
    if getattr(kind, "__origin__", None) is list:
        return list[_strict_type(kind.__args__[0])]
    return kind


def page(struct: Any, *, is_counted: bool = False) -> Any:
    counted = [("totalIsEstimate", bool), ("refreshedAt", str | None)] if is_counted else []
    return msgspec.defstruct(
        "StrictPage",
        [
            ("items", list[strict(struct)]),
            ("next", str | None),
            *counted,
            ("total", int | None, None),
        ],
        forbid_unknown_fields=True,
    )


async def test_pages_are_as_the_document_says(reading: Site) -> None:
    for path in ("/releases?limit=200", "/releases?q=title&limit=200"):
        answer = await reading.alice.get(API + path)
        found = msgspec.json.decode(answer.content, type=page(schemas.ReleaseCard, is_counted=True))
        assert len(found.items) > 40
    answer = await reading.alice.get(f"{API}/collection?limit=200")
    assert msgspec.json.decode(answer.content, type=page(schemas.CopyWithRelease)).items
    for path, struct in (
        ("/plays", schemas.PlayWithRelease),
        ("/cleanings", schemas.CleaningWithRelease),
        ("/styluses", Stylus),
        ("/styluses/models", StylusModel),
    ):
        answer = await reading.alice.get(API + path)
        assert msgspec.json.decode(answer.content, type=page(struct)).items


async def test_hits_are_as_the_document_says(reading: Site) -> None:
    found = msgspec.defstruct(
        "StrictFound",
        [
            ("best", str),
            *(
                (noun, list[strict(hit)])
                for noun, hit in (
                    ("artists", search.ArtistHit),
                    ("albums", search.AlbumHit),
                    ("songs", search.SongHit),
                    ("releases", search.ReleaseHit),
                )
            ),
        ],
        forbid_unknown_fields=True,
    )
    for text in ("the", "sigur ros", "sketch", "abbey", "группа"):
        answer = await reading.alice.get(f"{API}/search", params={"q": text, "limit": 50})
        msgspec.json.decode(answer.content, type=found)
    popular = await reading.alice.get(f"{API}/releases/popular")
    item = page(library_stats.PopularReleaseItem)
    assert msgspec.json.decode(popular.content, type=item).items


async def test_every_release_is_as_the_document_says(reading: Site) -> None:
    decoder = msgspec.json.Decoder(strict(schemas.ReleaseDetail))
    some = "SELECT id FROM releases WHERE discogs_id < 5003 OR discogs_id > 9999"
    for (release_id,) in await reading.rows(some):
        answer = await reading.alice.get(f"{API}/releases/{release_id}")
        decoder.decode(answer.content)


async def test_what_is_made_is_as_the_document_says(site: Site) -> None:
    body = {
        "title": "x",
        "artists": [{"name": "y"}],
        "tracks": [{"title": "z", "duration": "1:02:03"}],
        "barcode": "1",
    }
    made = await site.alice.post(f"{API}/releases", json=body)
    msgspec.json.decode(made.content, type=strict(schemas.ReleaseDetail))
    copy = await site.alice.post(f"{API}/collection", json={"releaseId": made.json()["id"]})
    msgspec.json.decode(copy.content, type=strict(schemas.CopyWithRelease))
    logged = await site.alice.post(f"{API}/log", json={"copyId": copy.json()["id"]})
    msgspec.json.decode(logged.content, type=strict(schemas.LogEntry))
    changed = await site.alice.patch(f"{API}/collection/{copy.json()['id']}", json={"rating": 1})
    msgspec.json.decode(changed.content, type=strict(schemas.CopyWithRelease))


@pytest.mark.parametrize(("noun", "struct"), [("artist", ArtistDetail), ("label", LabelDetail)])
async def test_entries_are_as_the_document_says(reading: Site, noun: str, struct: Any) -> None:
    for (entry,) in await reading.rows(f"SELECT id FROM {noun}s LIMIT 5"):
        answer = await reading.alice.get(f"{API}/{noun}s/{entry}")
        body = answer.json()
        assert {*body} == {*struct.__struct_encode_fields__}
        assert isinstance(body["metadata"], dict)


async def test_problems_are_as_the_document_says(reading: Site) -> None:
    for path in ("/nope", f"{API}/me?x=1", f"{API}/releases/x"):
        answer = await reading.alice.get(path)
        msgspec.json.decode(answer.content, type=strict(Problem))


async def test_a_file_s_other_forms_are_documented(reading: Site, document: dict[str, Any]) -> None:
    found = 0
    for path, item in document["paths"].items():
        for parameter in item.get("get", {}).get("parameters", ()):
            if parameter["name"] != "format" or "/export/" not in path:
                continue
            content = item["get"]["responses"]["200"]["content"]
            for form in parameter["schema"]["enum"]:
                answer = await reading.alice.get(path, params={"format": form})
                assert answer.headers["content-type"].partition(";")[0] in content
                found += 1
    assert found == 9
