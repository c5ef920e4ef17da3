"""What people do with Kleio, as Locust's users; runs in the load environment.

    locust -f scenarios.py --headless --users 20 --run-time 30s --host http://127.0.0.1:8000

`KLEIO_LOAD_DATA` names a JSON file of tokens, ids and titles (the load run writes it),
`KLEIO_LOAD_SEED` the seed, `KLEIO_LOAD_MIX` the shares, such as `evening=6,searcher=3,stranger=1`.
Each answer has the status that it should have, or counts as a failure: wrong addresses and refused
tokens too. `KLEIO_LOAD_DBA` is a JSON list of commands that a DBA runs meanwhile, each a list.
"""

from __future__ import annotations

import json
import os
import random
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode
from uuid import UUID

import gevent
from gevent import subprocess
from locust import FastHttpUser, User, between, task

DATA: dict[str, list[str]] = json.loads(Path(os.environ["KLEIO_LOAD_DATA"]).read_text())
RNG = random.Random(int(os.environ.get("KLEIO_LOAD_SEED", "1")))
MIX = {
    name: int(weight)
    for name, _, weight in (
        part.partition("=") for part in os.environ.get("KLEIO_LOAD_MIX", "").split(",") if part
    )
}
API = "/api/v1"
NOBODY = str(UUID(int=0))
MOST_PAGES = 20
WELL = (0, 3)
"""Exit codes of a command that has done its work; 3 is `kleio doctor` naming what will hurt."""


class Person(FastHttpUser):
    """Someone with a token, whose answers are looked at."""

    abstract = True
    wait_time = between(0.05, 0.5)
    insecure = False

    def on_start(self) -> None:
        self.headers = {"Authorization": f"Bearer {RNG.choice(DATA['tokens'])}"}

    def ask(
        self, name: str, path: str, *, status: int = 200, method: str = "GET", **more: Any
    ) -> Any:
        """Return the answer's JSON, None where there is none."""
        headers = {**self.headers, "Accept-Encoding": "gzip", **more.pop("headers", {})}
        with self.client.request(
            method, path, name=name, headers=headers, catch_response=True, **more
        ) as answer:
            if answer.status_code == status:
                answer.success()
            else:
                answer.failure(f"{answer.status_code} instead of {status}")
            if answer.status_code < 400 and answer.content:
                return json.loads(answer.text)
        return None

    def leaf(self, name: str, path: str, pages: int) -> list[Any]:
        """Go through a list, page by page."""
        items: list[Any] = []
        cursor = None
        for _ in range(pages):
            query = "" if cursor is None else f"{'&' if '?' in path else '?'}cursor={quote(cursor)}"
            page = self.ask(name, path + query)
            if page is None:
                break
            items += page["items"]
            cursor = page["next"]
            if cursor is None:
                break
        return items


class Evening(Person):
    """A collector's evening: looks at the shelf, opens a record, plays it, and takes one back."""

    weight = MIX.get("evening", 6)

    @task(6)
    def browse(self) -> None:
        sort = RNG.choice(("-added", "artist", "title", "-played", "cleaning"))
        shelf = self.leaf(f"shelf {sort}", f"{API}/collection?sort={sort}", RNG.randint(1, 3))
        for copy in RNG.sample(shelf, min(2, len(shelf))):
            self.ask("release", f"{API}/releases/{copy['releaseId']}")

    @task(3)
    def play(self) -> None:
        copy = self.ask("random copy", f"{API}/collection/random")
        if copy is None:
            return
        play = self.ask(
            "log a play", f"{API}/plays", status=201, method="POST", json={"copyId": copy["id"]}
        )
        self.ask("plays", f"{API}/plays?limit=50")
        if play is not None:
            self.ask("take it back", f"{API}/plays/{play['id']}", status=204, method="DELETE")

    @task(1)
    def what_next(self) -> None:
        self.ask("recommendations", f"{API}/recommendations?limit=5")


class FirstSync(Person):
    """An app that fetches a whole shelf and all plays, and then the releases it has not seen."""

    weight = MIX.get("first_sync", 1)

    @task
    def fetch(self) -> None:
        shelf = self.leaf("sync: shelf", f"{API}/collection?limit=200&sort=added", MOST_PAGES)
        self.leaf("sync: plays", f"{API}/plays?limit=200", MOST_PAGES)
        for copy in shelf[:20]:
            self.ask("sync: release", f"{API}/releases/{copy['releaseId']}")


class Deep(Person):
    """A browser that goes on and on through the library, from anywhere in it."""

    weight = MIX.get("deep", 1)

    @task
    def page(self) -> None:
        until = urlencode({"until": RNG.choice(DATA["moments"])})
        self.leaf("songs, deep", f"{API}/songs?limit=100&{until}", MOST_PAGES)


class Searcher(Person):
    """Someone who types: a search for each further letter."""

    weight = MIX.get("searcher", 3)

    @task
    def type(self) -> None:
        title = RNG.choice(DATA["titles"])
        for end in range(3, min(len(title), 12), 2):
            self.ask("search as one types", f"{API}/search?{urlencode({'q': title[:end]})}")
        found = self.ask(
            "releases by title", f"{API}/releases?{urlencode({'q': title, 'limit': 20})}"
        )
        if found and found["items"]:
            self.ask("release", f"{API}/releases/{found['items'][0]['id']}")


class Listener(Person):
    """A player: many songs by id, one by one and together."""

    weight = MIX.get("listener", 4)

    @task(8)
    def song(self) -> None:
        self.ask("song", f"{API}/songs/{RNG.choice(DATA['songs'])}")

    @task(1)
    def many(self) -> None:
        ids = RNG.sample(DATA["songs"], min(100, len(DATA["songs"])))
        self.ask("100 songs", f"{API}/songs/lookup", method="POST", json={"ids": ids})


class Statistician(Person):
    """Someone who looks at numbers only."""

    weight = MIX.get("statistician", 1)

    @task
    def look(self) -> None:
        for name in ("collection/stats", "stats/streaks", "stats/heatmap", "library/stats"):
            self.ask(name, f"{API}/{name}")
        self.ask("top artists", f"{API}/stats/top?by=artist")
        self.ask("plays by month", f"{API}/stats/plays?bucket=month")


class Importer(Person):
    """Someone who brings a shelf in beside all readers, as a dry run, and throws it away."""

    weight = MIX.get("importer", 1)
    wait_time = between(2, 5)

    @task
    def bring(self) -> None:
        lines = [
            "Catalog#,Artist,Title,Label,Format,Rating,Released,release_id,"
            "CollectionFolder,Date Added",
            *(
                f"X {n},Nobody,Title {n},Label,LP,3,1999,{1_500_000_000 + n},"
                "Load,2020-01-01 10:00:00"
                for n in range(300)
            ),
        ]
        run = self.ask(
            "import, dry run", f"{API}/imports?dryRun=true", status=202, method="POST",
            data="\n".join(lines).encode(), headers={"Content-Type": "text/csv"},
        )  # fmt: skip
        for _ in range(100):
            if run is None or run["state"] != "reading":
                break
            gevent.sleep(0.2)
            run = self.ask("import, how far", f"{API}/imports/{run['id']}")
        if run is not None:
            self.ask("import, away", f"{API}/imports/{run['id']}", status=204, method="DELETE")


class Stranger(Person):
    """Wrong addresses, wrong values and refused tokens: these have to be cheap too."""

    weight = MIX.get("stranger", 1)

    @task(3)
    def refused(self) -> None:
        wrong = {"Authorization": f"Bearer kleio_{RNG.getrandbits(128):x}"}
        self.ask("refused token", f"{API}/collection", status=401, headers=wrong)
        self.ask("no token", f"{API}/me", status=401, headers={"Authorization": ""})

    @task(3)
    def wrong(self) -> None:
        self.ask("no such address", f"{API}/nothing/{RNG.randint(1, 99)}", status=404)
        self.ask("no such song", f"{API}/songs/{NOBODY}", status=404)
        self.ask("no such page", f"{API}/collection?cursor=wrong", status=400)
        self.ask("no such method", f"{API}/songs/{NOBODY}", status=405, method="DELETE")


class Dba(User):
    """A DBA who looks at the server meanwhile, by `kleio`'s own commands."""

    fixed_count = 1
    wait_time = between(2, 4)

    @task
    def look(self) -> None:
        for command in json.loads(os.environ.get("KLEIO_LOAD_DBA", "[]")):
            began = time.perf_counter()
            done = subprocess.run(command, capture_output=True, timeout=60)
            self.environment.events.request.fire(
                request_type="command",
                name=" ".join(command[command.index("kleio") :]),
                response_time=(time.perf_counter() - began) * 1000,
                response_length=len(done.stdout),
                exception=None if done.returncode in WELL else RuntimeError(done.stderr[-500:]),
            )


class Scraper(FastHttpUser):
    """Prometheus, and a balancer that asks for health."""

    fixed_count = 1
    wait_time = between(1, 2)

    @task
    def scrape(self) -> None:
        self.client.get("/metrics", name="metrics")
        self.client.get("/health", name="health")
