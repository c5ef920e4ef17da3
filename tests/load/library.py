"""What ten million songs cost: the table of the music library's speed, by one command.

    .venv/bin/python tests/load/library.py --songs 10000000 --home /tmp/kleio-load

It seeds (`kleio seed`) databases of `--songs` songs in 12 and in 84 months and one of `--small`
songs below `--home`, where they stay for the next run; compares the first with psql's \\copy of the
same rows; and measures queries of `queries/` in turns, so that what else the machine does falls on
all alike. Each figure is the median of the rounds' medians (or p95, p99) with the lowest and the
highest; all of it was read once before. `--rounds 1 --songs 100000` tries it out in some minutes.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))

from endpoints import misspelt
from figures import Figure, Figures, Spread, percentile, ratios
from library_data import Site

from kleio.cli.runtime import print_table
from kleio.db.embedded import embedded_server
from kleio.sql.plans import Plan, explain, explain_text
from query_files import BY_NAME, INVENTORY

FILTERS = dict.fromkeys(
    ("library_id", "artist", "album", "genre", "codec", "year_from", "year_to", "min_duration_ms",
     "max_duration_ms", "since", "until", "before_score", "before_id")
)  # fmt: skip
COLUMNS = "s.id, s.name, s.artist_id, s.artist_name, s.album_id, s.album_name, s.duration_ms"
LOOKUPS = {
    "= ANY": f"SELECT {COLUMNS} FROM songs AS s WHERE s.id = ANY (%(song_ids)s::uuid[])",
    "LATERAL": (
        f"SELECT {COLUMNS.replace('s.', 'f.')}"
        "  FROM unnest(%(song_ids)s::uuid[]) WITH ORDINALITY AS given (id, place)"
        f" CROSS JOIN LATERAL (SELECT {COLUMNS} FROM songs AS s WHERE s.id = given.id LIMIT 1) AS f"
        " ORDER BY given.place"
    ),
    "unnest join": (
        f"SELECT {COLUMNS} FROM unnest(%(song_ids)s::uuid[]) WITH ORDINALITY AS given (id, place)"
        "  JOIN songs AS s ON s.id = given.id ORDER BY given.place"
    ),
}

Run = Callable[[], object]


def measure(
    variants: dict[str, Sequence[Run]], rounds: int, share: float = 0.5
) -> dict[str, list[float]]:
    """Time each variant's runs one after the other in turn, after one pass that warms them.

    Returns:
        Milliseconds of each round: what a share of its runs stayed below.
    """
    for runs in variants.values():
        for run in runs:
            run()
    found: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(rounds):
        took: dict[str, list[float]] = {name: [] for name in variants}
        for place in range(max(map(len, variants.values()))):
            for name, runs in variants.items():
                began = time.perf_counter()
                runs[place % len(runs)]()
                took[name].append((time.perf_counter() - began) * 1000)
        for name, values in took.items():
            found[name].append(percentile(values, share))
    return found


class Bench:
    """The measurements; each adds lines to the table, and figures for `tests/load` as a whole."""

    def __init__(self, site: Site, *, songs: int, rounds: int, runs: int, seed: int = 1) -> None:
        self.site = site
        self.rounds = rounds
        self.runs = runs
        self.songs = songs
        self.rng = random.Random(seed)
        self.lines: list[tuple[str, str, str]] = []
        self.figures = Figures()

    def add(self, what: str, found: object, goal: str = "") -> None:
        if isinstance(found, list):
            found = Spread.of(found).text("ms")
        self.lines.append((what, str(found), goal))
        print(f"{what}: {found} {goal}", file=sys.stderr, flush=True)

    def keep(self, work: str, measure: str, values: list[float]) -> None:
        self.figures.add(Figure(work=work, server="sql", measure=measure, unit="ms", values=values))

    def ids(self, conn: psycopg.Connection[Any], number: int, table: str = "songs") -> list[Any]:
        """Return ids drawn from all months, roughly evenly."""
        share = min(100.0, 100.0 * number * 3 / self.count(conn, table) + 0.01)
        statement = f"SELECT id FROM {table} TABLESAMPLE BERNOULLI ({share}) REPEATABLE (1)"
        found = [row[0] for row in conn.execute(statement)]
        return self.rng.sample(found, min(number, len(found)))

    def count(self, conn: psycopg.Connection[Any], table: str) -> int:
        statement = f"SELECT {table} FROM mv_library_stats WHERE library_id = %s"
        (found,) = conn.execute(statement, ["00000000-0000-0000-0000-000000000000"]).fetchone()
        return max(int(found), 1)

    def run(self, conn: psycopg.Connection[Any], name: str, **parameters: Any) -> Run:
        statement = BY_NAME[name].sql
        prepare = not BY_NAME[name].header.get("Plan", "").startswith("custom")
        cursor = conn.cursor(binary=True)
        return lambda: cursor.execute(statement, parameters, prepare=prepare).fetchall()

    def load(self, report: dict[str, Any] | None, folder: Path, rate_only: bool) -> None:
        """Compare the seed with \\copy of the same rows."""
        if report is None:
            self.add("seed", "not measured: the database was there", "at least 80 % of \\copy")
            return
        rate = report["songs"] / report["songSeconds"]
        self.add("kleio seed, songs/s with albums", f"{rate:,.0f}")
        if rate_only:
            return
        seconds = self.site.copy("load12", "copy12", folder, 12)
        self.site.drop("copy12")
        copied = report["songs"] / seconds
        self.add("psql \\copy of the same rows, songs/s", f"{copied:,.0f}")
        self.add("seed against \\copy", f"{rate / copied:.0%}", "at least 80 %")

    def song_by_id(self, big: psycopg.Connection[Any], small: psycopg.Connection[Any]) -> None:
        variants = {
            name: [self.run(conn, "songs.get_song", song_id=i) for i in self.ids(conn, self.runs)]
            for name, conn in (("big", big), ("small", small))
        }
        found = measure(variants, self.rounds)
        self.add(f"one song of {self.songs:,}, p50", found["big"])
        self.add(f"one song of {self.count(small, 'songs'):,}, p50", found["small"])
        self.keep("song of many", "p50", found["big"])
        self.keep("song of few", "p50", found["small"])
        ratio = Spread.of(ratios(found["big"], found["small"]))
        self.add("one song, big against small", ratio.text("x"), "at most 1.3 x")

    def pages(self, conn: psycopg.Connection[Any]) -> None:
        name, page = "songs.list_songs_newest", {"page_size": 50, "page_offset": 0}
        depth = self.songs // 2
        (place,) = conn.execute(
            "SELECT id FROM songs ORDER BY id DESC OFFSET %s LIMIT 1", [depth]
        ).fetchone()
        deep = []
        for _ in range(self.runs):
            deep.append(self.run(conn, name, before_id=place, **page))
            place = conn.execute(BY_NAME[name].sql, {"before_id": place, **page}).fetchall()[-1][1]
        first = [self.run(conn, name, before_id=None, **page)] * self.runs
        found = measure({"first": first, "deep": deep}, self.rounds, 0.99)
        self.add("first page of 50, p99", found["first"])
        self.add(f"pages from depth {depth:,} on, p99", found["deep"])
        self.keep("first page", "p99", found["first"])
        self.keep("deep page", "p99", found["deep"])
        ratio = Spread.of(ratios(found["deep"], found["first"]))
        self.add("deep against first page", ratio.text("x"), "at most 1.2 x")

    def lookups(self, name: str, conn: psycopg.Connection[Any]) -> None:
        """A hundred ids by three statements, under custom and generic plans."""
        sets = [self.ids(conn, 100) for _ in range(max(self.runs // 20, 5))]
        for mode in ("custom", "generic"):
            conn.execute(f"SET plan_cache_mode = force_{mode}_plan")
            variants: dict[str, Sequence[Run]] = {}
            for way, statement in LOOKUPS.items():
                cursor = conn.cursor(binary=True)
                variants[way] = [
                    lambda s=statement, c=cursor, i=ids: c.execute(s, {"song_ids": i}).fetchall()
                    for ids in sets
                ]
            found = measure(variants, self.rounds)
            for way, timed in found.items():
                text = LOOKUPS[way].replace("%(song_ids)s", "$1")
                plan = Plan(explain_text(conn, text, [sets[0]], mode=mode))
                self.add(f"100 ids, {name}, {way}, {mode} plan", timed, f"{plan.buffers} buffers")
        conn.execute("RESET plan_cache_mode")

    def lists(self, sites: dict[str, psycopg.Connection[Any]]) -> None:
        """Songs of albums and of artists: every month's index is looked into."""
        page = {"before_id": None, "page_size": 50, "page_offset": 0}
        for what, query, key, extra in (
            ("songs of an album", "songs.list_album_songs", "album_id", {"max_rows": 1000}),
            ("songs of an artist", "songs.list_artist_songs", "artist_id", page),
        ):
            variants, buffers = {}, {}
            for name, conn in sites.items():
                statement = f"SELECT {key} FROM songs WHERE id = ANY (%s) AND {key} IS NOT NULL"
                keys = [row[0] for row in conn.execute(statement, [self.ids(conn, self.runs)])]
                variants[name] = [self.run(conn, query, **{key: k}, **extra) for k in keys]
                plan = explain(
                    conn, INVENTORY.entries[query], {key: keys[0], **extra}, mode="generic"
                )
                buffers[name] = plan.buffers
            for name, timed in measure(variants, self.rounds).items():
                self.add(f"{what}, {name}, p50", timed, f"{buffers[name]} buffers")

    def search(self, conn: psycopg.Connection[Any]) -> None:
        """Names with two letters swapped, against ILIKE without an index."""
        statement = "SELECT name FROM songs WHERE id = ANY (%s) AND length(name) > 9"
        names = [row[0] for row in conn.execute(statement, [self.ids(conn, self.runs)])]
        texts = [misspelt(name) for name in names[: max(self.runs // 4, 20)]]
        searches = {"songs.search_songs": {**FILTERS, "page_size": 20, "page_offset": 0}}
        if "search.search_everything" in BY_NAME:
            searches["search.search_everything"] = {"kinds": ["song"], "per_kind": 20}
        for name, parameters in searches.items():
            runs = [self.run_search(conn, name, text, **parameters) for text in texts]
            p95 = measure({name: runs}, self.rounds, 0.95)[name]
            p50 = measure({name: runs}, self.rounds)[name]
            self.add(f"{name} with a typo, p95", p95, "under 150 ms")
            ilike = self.without_index(conn, names)
            self.add("ILIKE without the index", ilike)
            self.add(f"ILIKE against {name}, p50", Spread.of(ratios(ilike, p50)).text("x"),
                     "at least 100 x")  # fmt: skip
            if name == "songs.search_songs":
                self.keep("search", "p50", p50)
                self.keep("search", "p95", p95)
                self.keep("ILIKE", "p50", ilike)

    def run_search(
        self, conn: psycopg.Connection[Any], name: str, text: str, **parameters: Any
    ) -> Run:
        """Both statements of a search: what is like the words, and what holds them."""
        cursor = conn.cursor(binary=True)
        words = BY_NAME["words.get_alternatives"].sql

        def run() -> object:
            first, second, third = cursor.execute(words, {"search": text}, prepare=True).fetchone()
            found = {"first_words": first, "second_words": second, "third_words": third}
            given = {"search": text, **found, **parameters}
            return cursor.execute(BY_NAME[name].sql, given, prepare=False).fetchall()

        return run

    def without_index(self, conn: psycopg.Connection[Any], names: list[str]) -> list[float]:
        """Return milliseconds of a look through all names, one for each round."""
        took = []
        with conn.transaction():
            conn.execute("SET LOCAL enable_bitmapscan = off")
            for name in names[: self.rounds]:
                word = max(name.split(), key=len)
                began = time.perf_counter()
                conn.execute(
                    "SELECT id, name FROM songs WHERE name ILIKE '%%' || %s || '%%'"
                    " ORDER BY length(name) LIMIT 20", [word]
                ).fetchall()  # fmt: skip
                took.append((time.perf_counter() - began) * 1000)
        return took

    def index(self, conn: psycopg.Connection[Any]) -> None:
        (size,) = conn.execute(
            "SELECT sum(pg_relation_size(relid)) FROM pg_partition_tree('songs_words_idx')"
        ).fetchone()
        began = time.perf_counter()
        conn.execute("REINDEX INDEX songs_words_idx")
        self.add("index of the words of song names", f"{size / 2**20:,.0f} MiB, "
                 f"built in {time.perf_counter() - began:,.0f} s")  # fmt: skip
        for table in ("songs", "albums"):
            heap, indexes = conn.execute(
                "SELECT sum(pg_table_size(relid)), sum(pg_indexes_size(relid))"
                "  FROM pg_partition_tree(%s::regclass)", [table]
            ).fetchone()  # fmt: skip
            self.add(f"{table}", f"{heap / 2**20:,.0f} MiB, indexes {indexes / 2**20:,.0f} MiB")

    def totals(self, conn: psycopg.Connection[Any]) -> None:
        view = [self.run(conn, "library_stats.get_library_totals")] * self.runs
        self.add("total from the view, p99", measure({"view": view}, self.rounds, 0.99)["view"],
                 "under 2 ms")  # fmt: skip
        exact = dict.fromkeys(BY_NAME["songs.count_songs"].parameters)
        counted = measure({"count": [self.run(conn, "songs.count_songs", **exact)]}, 1)["count"]
        self.add("the same counted exactly", counted)


@contextmanager
def open_site(options: argparse.Namespace) -> Iterator[Site]:
    with embedded_server(options.home) as server:
        yield Site(server.admin_conninfo, server.conninfo)


def main() -> None:
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--songs", type=int, default=10_000_000)
    parser.add_argument("--small", type=int, default=100_000, help="songs of the small database")
    parser.add_argument("--wide", type=int, help="songs in 84 months [as --songs]")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--runs", type=int, default=400, help="of each query in a round")
    parser.add_argument("--home", type=Path, default=Path(tempfile.gettempdir()) / "kleio-load")
    parser.add_argument("--no-copy", action="store_true", help="don't compare with \\copy")
    options = parser.parse_args()
    with open_site(options) as site, tempfile.TemporaryDirectory(dir=options.home) as folder:
        bench = Bench(site, songs=options.songs, rounds=options.rounds, runs=options.runs)
        report = site.seed("load12", options.songs, 12)
        bench.load(report, Path(folder), options.no_copy)
        site.seed("small", options.small, 12)
        site.seed("load84", options.wide or options.songs, 84)
        with ExitStack() as stack:
            big, wide, small = (
                stack.enter_context(site.connect(name)) for name in ("load12", "load84", "small")
            )
            bench.song_by_id(big, small)
            bench.pages(big)
            bench.lookups("12 months", big)
            bench.lookups("84 months", wide)
            bench.lists({"12 months": big, "84 months": wide})
            bench.search(big)
            bench.totals(big)
            bench.index(big)
    print_table(("what", "found", "goal"), bench.lines)


if __name__ == "__main__":
    main()
