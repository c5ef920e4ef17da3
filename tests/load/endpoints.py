"""What is asked of Kleio and its peers: the requests, drawn from a database, and the same answers.

The requests of a seed are the same for every server, and each carries one of many users' tokens.
"""

from __future__ import annotations

import json
import math
import random
import re
import secrets
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, NamedTuple

import httpx
import psycopg
from saturation import Wanted
from serving import Serving

from kleio.accounts import hash_token

USERS = 50
REQUESTS = 2000
LOOKUP_IDS = 100

TEXTS = {
    "song": "one song",
    "page": "page of 50 copies, each with its release",
    "lookup": "100 songs by their ids",
    "release": "one release with its tracks",
    "plays": "page of 50 plays",
    "by artist": "page of 50 copies, sorted by artist",
    "search": "releases by a text with a typing error",
    "stats": "statistics of a shelf",
}
"""What is compared, in the order of the report."""

MISSING = {"gorm": ("by artist", "search", "stats")}
"""What a peer does not answer."""


class Data(NamedTuple):
    """What requests are made of."""

    tokens: list[str]
    songs: list[str]
    releases: list[str]
    titles: list[str]
    moments: list[str]


def sign_in(conn: psycopg.Connection[Any], users: int = USERS) -> list[str]:
    """Give seeded users a token each, in place of those of an earlier run; return the tokens."""
    conn.execute("DELETE FROM auth_tokens WHERE name = 'load'")
    found = conn.execute(
        "SELECT user_id FROM user_releases GROUP BY user_id HAVING count(*) > 50"
        " ORDER BY user_id LIMIT %s", [users]
    ).fetchall()  # fmt: skip
    tokens = [f"kleio_{secrets.token_urlsafe(32)}" for _ in found]
    now = datetime.now(UTC)
    conn.cursor().executemany(
        "INSERT INTO auth_tokens (token_hash, user_id, name, prefix, created_at)"
        " VALUES (%s, %s, 'load', %s, %s)",
        [
            (hash_token(token), user_id, token[:12], now)
            for token, (user_id,) in zip(tokens, found, strict=True)
        ],
    )
    return tokens


def sample(
    conn: psycopg.Connection[Any], table: str, column: str, wanted: int, where: str = "true"
) -> list[Any]:
    """Return values of a column from all over a table, the same for the same rows."""
    (rows,) = conn.execute(
        "SELECT sum(greatest(c.reltuples, 1)) FROM pg_partition_tree(%s::regclass) AS t"
        "  JOIN pg_class AS c ON c.oid = t.relid WHERE t.isleaf", [table]
    ).fetchone() or (1,)  # fmt: skip
    share = min(100.0, 300.0 * wanted / max(float(rows or 1), 1) + 0.01)
    return [
        value
        for (value,) in conn.execute(
            f"SELECT {column} FROM {table} TABLESAMPLE BERNOULLI ({share}) REPEATABLE (1)"
            f" WHERE {where} ORDER BY id LIMIT {wanted * 4}"
        )
    ]


def draw(conn: psycopg.Connection[Any], rng: random.Random) -> Data:
    """Draw what requests are made of from a seeded database."""
    tokens = sign_in(conn)
    if not tokens:
        raise SystemExit("no users with more than 50 copies: seed with --users and --copies")

    def some(table: str, column: str, wanted: int, where: str = "true") -> list[str]:
        found = [str(value) for value in sample(conn, table, column, wanted, where)]
        return rng.sample(found, min(wanted, len(found)))

    return Data(
        tokens=tokens,
        songs=some("songs", "id", 20_000, "missing_since IS NULL"),
        releases=some("releases", "id", REQUESTS),
        titles=some("releases", "title", 400, "length(title) > 11"),
        moments=some("songs", "to_json(created_at) #>> '{}'", 400),
    )


def misspelt(name: str) -> str:
    """Return the longest word of a name with two letters swapped, and the word before it."""
    words = name.split()
    longest = max(range(len(words)), key=lambda place: len(words[place]))
    word = words[longest]
    middle = len(word) // 2
    words[longest] = word[: middle - 1] + word[middle] + word[middle - 1] + word[middle + 1 :]
    return " ".join(words[max(0, longest - 1) : longest + 2])


def requests_for(data: Data, rng: random.Random) -> dict[str, list[Wanted]]:
    """Return the requests of each kind of work."""
    api = "/api/v1"

    def get(path: str) -> Wanted:
        return Wanted("GET", f"{api}{path}", rng.choice(data.tokens))

    def lookup() -> Wanted:
        ids = rng.sample(data.songs, min(LOOKUP_IDS, len(data.songs)))
        token = rng.choice(data.tokens)
        return Wanted("POST", f"{api}/songs/lookup", token, json.dumps({"ids": ids}))

    return {
        "song": [get(f"/songs/{id_}") for id_ in data.songs],
        "page": [Wanted("GET", f"{api}/collection?limit=50", token) for token in data.tokens],
        "lookup": [lookup() for _ in range(200)],
        "release": [get(f"/releases/{id_}") for id_ in data.releases],
        "plays": [Wanted("GET", f"{api}/plays?limit=50", token) for token in data.tokens],
        "by artist": [
            Wanted("GET", f"{api}/collection?sort=artist&limit=50", token) for token in data.tokens
        ],
        "search": [
            get(f"/releases?{httpx.QueryParams(q=misspelt(title), limit=20)}")
            for title in data.titles
        ],
        "stats": [Wanted("GET", f"{api}/collection/stats", token) for token in data.tokens],
    }


_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")


def same_answers(
    own: Serving, peer: Serving, wanted: Sequence[Wanted], rng: random.Random, count: int = 8
) -> list[str]:
    """Return how a peer's answers differ from Kleio's, up to five differences.

    Times may be written in another way, and the cursor of a next page may be another one.
    """
    differences: list[str] = []
    with httpx.Client(timeout=60) as client:
        for request in rng.sample(list(wanted), min(count, len(wanted))):
            answers = []
            for serving in (own, peer):
                answer = client.request(
                    request.method,
                    f"{serving.url}{request.path}",
                    headers={"Authorization": f"Bearer {request.token}"}
                    | ({"Content-Type": "application/json"} if request.body else {}),
                    content=request.body or None,
                )
                if answer.status_code != 200:
                    differences.append(
                        f"{serving.name}: {answer.status_code}: {answer.text[:200]}"
                        f" {serving.output()[-500:]}"
                    )
                    return differences
                answers.append(answer.json())
            _compare(answers[0], answers[1], request.path, differences)
            if len(differences) >= 5:
                break
        refused = client.get(
            f"{peer.url}{wanted[0].path}", headers={"Authorization": "Bearer kleio_wrong"}
        )
        if refused.status_code != 401 and wanted[0].method == "GET":
            differences.append(f"a wrong token gets {refused.status_code}")
    return differences


def _compare(own: Any, other: Any, where: str, differences: list[str]) -> None:
    if len(differences) >= 5:
        return
    if isinstance(own, dict) and isinstance(other, dict):
        if own.keys() != other.keys():
            differences.append(f"{where}: fields {sorted(own.keys() ^ other.keys())}")
        for name in own.keys() & other.keys():
            if name == "next":
                if (own[name] is None) != (other[name] is None):
                    differences.append(f"{where}: next page {own[name]!r}, {other[name]!r}")
            else:
                _compare(own[name], other[name], f"{where} {name}", differences)
    elif isinstance(own, list) and isinstance(other, list):
        if len(own) != len(other):
            differences.append(f"{where}: {len(own)} and {len(other)} entries")
        for place, (one, two) in enumerate(zip(own, other, strict=False)):
            _compare(one, two, f"{where}[{place}]", differences)
    elif not _equal(own, other):
        differences.append(f"{where}: {own!r} and {other!r}")


def _equal(own: Any, other: Any) -> bool:
    if own == other:
        return True
    if isinstance(own, float | int) and isinstance(other, float | int):
        return math.isclose(own, other, rel_tol=1e-9)
    if isinstance(own, str) and isinstance(other, str) and _MOMENT.match(own):
        with suppress(ValueError):
            return datetime.fromisoformat(own) == datetime.fromisoformat(other)
    return False
