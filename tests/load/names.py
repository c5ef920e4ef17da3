"""What a search of millions of names costs, by their words and by trigrams of the whole names.

    .venv/bin/python tests/load/names.py --artists 3000000 --home /tmp/kleio-names

It invents artists below `--home` (they stay for the next run): names of one to four words, of
which some are in one name of a hundred and most are in few, put together from pieces of the words
that `kleio seed` has. Beside the index that Kleio has it builds the one of trigrams that it had,
and runs the statement of now (with `words.get_alternatives`) and that of then in turns, so that
what else the machine does falls on both alike. Printed are milliseconds below which half, 95 and
99 % of the runs stayed, the buffers of the main statement (median) and how many of the misspelt
names were found.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))

from figures import percentile
from library_data import Site

from kleio.cli.runtime import print_table
from kleio.db.embedded import embedded_server
from kleio.seed import cast, languages
from kleio.seed import words as titles
from query_files import BY_NAME

PLACE = {"before_score": None, "before_id": None, "page_size": 51, "page_offset": 0}

# The search and the count before names were found by their words.
BY_TRIGRAMS = {
    "search": """
WITH found AS (
    SELECT (word_similarity(normalize_name(%(search)s::text), a.name_normalized)
            + similarity(normalize_name(%(search)s::text), a.name_normalized) / 10)::float8
               AS score,
           a.id, a.discogs_id, a.name, a.resource_url
      FROM artists AS a
     WHERE matches_search(a.name_normalized, %(search)s::text)
)
SELECT found.score, found.id, found.id, found.discogs_id, found.name, found.resource_url
  FROM found
 ORDER BY found.score DESC, found.id DESC
 LIMIT 51
""",
    "count": """
SELECT count(*)
  FROM artists AS a
 WHERE matches_search(a.name_normalized, %(search)s::text)
""",
}
BY_WORDS = {
    "search": BY_NAME["artists.search_artists"].sql,
    "count": BY_NAME["artists.count_artists"].sql,
}

INVENT = """
WITH drawn AS (
    SELECT n, random() AS kind, random() AS namesake,
           1 + (20 * (power(%(pieces)s / 20.0, random()) - 1))::int AS first,
           1 + (100 * (power(%(pieces)s / 100.0, random()) - 1))::int AS last,
           1 + (30 * (power(%(pieces)s / 30.0, random()) - 1))::int AS band,
           1 + (30 * (power(%(pieces)s / 30.0, random()) - 1))::int AS band_too
      FROM generate_series(1, %(artists)s) AS n
)
INSERT INTO artists (discogs_id, name, created_at, updated_at)
SELECT d.n,
       initcap(CASE WHEN d.kind < 0.62 THEN f.word || ' ' || l.word
                    WHEN d.kind < 0.65 THEN 'dj ' || b.word
                    WHEN d.kind < 0.75 THEN 'the ' || b.word || ' ' || t.word
                    WHEN d.kind < 0.83 THEN b.word
                    WHEN d.kind < 0.97 THEN b.word || ' ' || t.word
                    ELSE f.word || ' ' || l.word || ' orchestra'
               END)
       || CASE WHEN d.namesake < 0.1 THEN format(' (%%s)', 2 + (d.namesake * 200)::int) ELSE '' END,
       now(), now()
  FROM drawn AS d
  JOIN piece AS f ON f.id = d.first
  JOIN piece AS l ON l.id = d.last
  JOIN piece AS b ON b.id = d.band
  JOIN piece AS t ON t.id = d.band_too
 ORDER BY d.n
"""


def vocabulary() -> list[str]:
    """Return the words that the seed makes names and titles from."""
    found: set[str] = set()

    def take(value: object) -> None:
        if isinstance(value, str):
            found.update(word.strip(",.()").lower() for word in value.split() if "{" not in word)
        elif isinstance(value, (tuple, list)):
            for part in value:
                take(part)
        elif isinstance(value, dict):
            take(list(value.values()))

    for module in (languages, titles, cast):
        for name, value in vars(module).items():
            if not name.startswith("_"):
                take(value)
    return sorted(word for word in found if len(word) > 1)


def invent(conn: psycopg.Connection[Any], artists: int, rng: random.Random) -> None:
    """Write the artists, their words and the index of then."""
    known = vocabulary()
    pieces = dict.fromkeys(rng.sample(known, len(known)))
    while len(pieces) < max(artists // 2, 5000):
        head, tail = rng.choice(known), rng.choice(known)
        pieces[head[: rng.randint(2, 5)] + tail[-rng.randint(2, 5) :]] = None
    conn.execute("CREATE TEMPORARY TABLE piece (id int PRIMARY KEY, word text)")
    with conn.cursor().copy("COPY piece FROM STDIN") as copy:
        for row in enumerate(pieces, 1):
            copy.write_row(row)
    conn.execute("ANALYZE piece")
    conn.execute("SELECT setseed(0.5)")
    conn.execute(INVENT, {"artists": artists, "pieces": len(pieces)})
    conn.execute(
        "INSERT INTO words (word) SELECT DISTINCT w.word FROM artists AS a"
        " CROSS JOIN LATERAL unnest(name_words(a.name_normalized)) AS w (word)"
        " WHERE length(w.word) BETWEEN 1 AND 64 ON CONFLICT DO NOTHING"
    )
    conn.execute(
        "CREATE INDEX artists_name_trgm_idx ON artists USING gin (name_normalized gin_trgm_ops)"
    )
    conn.execute("VACUUM ANALYZE artists, words")


def misspelt(name: str, rng: random.Random) -> str:
    """Leave out a letter of the longest word."""
    word = max(name.split(), key=len)
    place = rng.randrange(1, len(word) - 1)
    return name.replace(word, word[:place] + word[place + 1 :])


class Bench:
    """The two ways, over one connection."""

    def __init__(self, conn: psycopg.Connection[Any]) -> None:
        self.conn = conn
        self.cursor = conn.cursor(binary=True)

    def words(self, text: str) -> dict[str, Any]:
        statement = BY_NAME["words.get_alternatives"].sql
        found = self.cursor.execute(statement, {"search": text}, prepare=True).fetchone()
        return dict(zip(("first_words", "second_words", "third_words"), found, strict=True))

    def by_words(self, what: str, text: str) -> list[Any]:
        given = {"search": text, **self.words(text), **PLACE, "max_rows": 10_001}
        return self.cursor.execute(BY_WORDS[what], given, prepare=False).fetchall()

    def by_trigrams(self, what: str, text: str) -> list[Any]:
        return self.cursor.execute(BY_TRIGRAMS[what], {"search": text}, prepare=False).fetchall()

    def buffers(self, statement: str, text: str) -> int:
        given = {"search": text, **self.words(text), **PLACE, "max_rows": 10_001}
        explained = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}"
        ((plan,),) = self.conn.execute(explained, given, prepare=False).fetchall()
        return int(plan[0]["Plan"]["Shared Hit Blocks"] + plan[0]["Plan"]["Shared Read Blocks"])

    def compare(self, what: str, texts: list[str], rounds: int) -> list[tuple[str, ...]]:
        ways: dict[str, tuple[Callable[[str, str], list[Any]], str]] = {
            "trigrams": (self.by_trigrams, BY_TRIGRAMS[what]),
            "words": (self.by_words, BY_WORDS[what]),
        }
        took: dict[str, list[float]] = {way: [] for way in ways}
        for number in range(rounds + 1):
            for text in texts:
                for way, (run, _) in ways.items():
                    began = time.perf_counter()
                    run(what, text)
                    if number:  # the first round warms
                        took[way].append((time.perf_counter() - began) * 1000)
        return [
            (
                what,
                way,
                *(f"{percentile(took[way], share):,.1f} ms" for share in (0.5, 0.95, 0.99)),
                f"{statistics.median(self.buffers(statement, text) for text in texts[:9]):,.0f}",
            )
            for way, (_, statement) in ways.items()
        ]


def main() -> None:
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--artists", type=int, default=3_000_000)
    parser.add_argument("--texts", type=int, default=30, help="of each kind")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--home", type=Path, default=Path(tempfile.gettempdir()) / "kleio-names")
    options = parser.parse_args()
    rng = random.Random(1)
    name = f"names{options.artists}"
    with embedded_server(options.home) as server:
        site = Site(server.admin_conninfo, server.conninfo)
        is_new = not site.exists(name)
        if is_new:
            site.create(name)
        with site.connect(name) as conn:
            if is_new:
                invent(conn, options.artists, rng)
            names = [
                row[0]
                for row in conn.execute(
                    "SELECT name FROM artists WHERE name ~ '^[^ (]{6,} [^ (]{5,}$'"
                    " ORDER BY md5(id::text) LIMIT %s", [options.texts]
                )
            ]  # fmt: skip
            short = "SELECT word FROM words WHERE length(word) < 4 ORDER BY md5(word) LIMIT %s"
            kinds = {
                "typing error": [misspelt(one, rng) for one in names],
                "exact": names,
                "short word": [row[0] for row in conn.execute(short, [options.texts])],
                "frequent word": ["the", "dj", "orchestra"],
            }
            bench = Bench(conn)
            lines = [
                (kind, *line)
                for kind, texts in kinds.items()
                for what in ("search", "count")
                for line in bench.compare(what, texts, options.rounds)
            ]
            print_table(("text", "what", "by", "50 %", "95 %", "99 %", "buffers"), lines)
            for way, run in (("trigrams", bench.by_trigrams), ("words", bench.by_words)):
                found = sum(
                    any(row[4] == one for row in run("search", text))
                    for one, text in zip(names, kinds["typing error"], strict=True)
                )
                print(f"by {way} {found} of {len(names)} misspelt names are found")
            for index in ("artists_name_trgm_idx", "artists_words_idx", "words_trgm_idx"):
                (size,) = conn.execute("SELECT pg_relation_size(%s::regclass)", [index]).fetchone()
                print(f"{index}: {size / 2**20:,.1f} MiB")


if __name__ == "__main__":
    main()
