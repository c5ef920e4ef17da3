"""Clients that read and write while something is broken, and that remember all they were told.

Each client keeps a connection open as apps do, waits a moment after an error and goes on. A write
bears a name of its own in its notes, so afterwards the database tells what became of it: what was
acknowledged must be there, once; what was taken away must be gone. Writes with an Idempotency-Key
are sent again until they are acknowledged, as a client should; those without never.

Beside them somebody looks straight into the database, again and again, in one snapshot each time,
for what is only half there.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import msgspec
import psycopg

from threads import Thread

PATIENCE = 60.0
AFTER_AN_ERROR = 0.05
BETWEEN_LOOKS = 0.02
EXPECTED = {200, 201, 204}

# Who looks waits for no lock for long, and never without end.
_LOOKING = "-c statement_timeout=10s -c lock_timeout=1s"
_HALF = """
SELECT count(*)
  FROM (SELECT notes FROM play_history WHERE starts_with(notes, %(both)s)) AS p
  FULL JOIN (SELECT notes FROM cleaning_history WHERE starts_with(notes, %(both)s)) AS h
    ON h.notes = p.notes
 WHERE p.notes IS NULL OR h.notes IS NULL
"""


class Sample(msgspec.Struct, frozen=True):
    """One request: its kind, when it was sent and ended, its status (0: none came), and why."""

    kind: str
    began: float
    ended: float
    status: int
    why: str = ""
    retry_after: str | None = None

    @property
    def is_well(self) -> bool:
        return self.status in EXPECTED


class Write(msgspec.Struct):
    """A write: what it would leave behind, and whether a client was told that it is done."""

    table: str
    has_key: bool
    path: str
    body: dict[str, Any]
    is_acknowledged: bool = False


class Shelved(msgspec.Struct):
    """A copy of a client's own: whether it may be archived, of all that was asked for so far."""

    id: str
    archived: set[bool]


class Passing(msgspec.Struct):
    """A copy that is added to be taken away again, and how far that is known to have come."""

    is_added: bool = False
    is_taken: bool = False
    is_gone: bool = False

    def allows(self, found: int) -> bool:
        """Whether so many rows of it may be there."""
        if self.is_gone:
            return found == 0
        return found == 1 or (found == 0 and (self.is_taken or not self.is_added))


class Damage(msgspec.Struct, frozen=True):
    """Writes that went wrong; all must be 0."""

    lost: int
    doubled: int
    half: int


class Traffic:
    """Clients that go on until the block ends.

    Args:
        url: of the server, or of a load balancer before several.
        token: whose shelf it is.
        releases: ids of releases that are played.
        clients: how many at once.
        pause: seconds that a client waits between two requests.
        timeout: seconds after which a client gives an answer up.
        reads: further paths that are read.
        conninfo: of the database, for who looks into it meanwhile; None for nobody.
    """

    def __init__(
        self,
        url: str,
        token: str,
        releases: list[str],
        *,
        clients: int = 6,
        pause: float = 0.005,
        timeout: float = PATIENCE,
        reads: tuple[str, ...] = (),
        conninfo: str | None = None,
    ) -> None:
        self.samples: list[Sample] = []
        self.writes: dict[str, Write] = {}
        self.lifted_at = float("nan")
        self.looks, self.half_seen = 0, 0
        self._url, self._token, self._releases = url, token, releases
        self._clients, self._pause, self._timeout = clients, pause, timeout
        self._reads = reads
        self._name = f"traffic-{secrets.token_hex(4)}"
        self._numbers = itertools.count(1)
        self._notes: dict[str, tuple[int, int]] = {}
        self.shelved: dict[str, Shelved] = {}
        self._passing: dict[str, Passing] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="traffic", daemon=True)
        self._looker = None if conninfo is None else Thread(self._look, conninfo)
        self._problem: BaseException | None = None

    # --- what a test does ------------------------------------------------------------------------

    def __enter__(self) -> Traffic:
        self._thread.start()
        self.until(lambda: self._well_since(0.0) >= 3 * self._clients, "no traffic flows")
        if self._looker is not None:
            self._looker.start()
            self.until(lambda: self.looks > 0, "nobody can look into the database")
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(PATIENCE + self._timeout)
        assert not self._thread.is_alive(), "a client still waits"
        if self._looker is not None and self._looker.ident is not None:
            self._looker.end()
        if self._problem is not None:
            raise self._problem

    def until(self, holds: Callable[[], bool], problem: str, seconds: float = PATIENCE) -> None:
        """Wait while the clients go on."""
        deadline = time.monotonic() + seconds
        while not holds():
            if self._problem is not None:
                raise self._problem
            assert time.monotonic() < deadline, f"{problem}: {self.failures()[-3:]}"
            time.sleep(0.01)

    def lifted(self) -> None:
        """Say that the fault is over, and wait until all is well again."""
        self.lifted_at = time.monotonic()
        self.until(lambda: self._is_well_again(), "it does not recover")

    def pass_by(self, requests: int) -> None:
        """Wait for so many more requests, whatever their answers."""
        wanted = len(self.samples) + requests
        self.until(lambda: len(self.samples) >= wanted, "requests don't end")

    def wait_out(self, moment: float) -> None:
        """Go on until a moment of the monotonic clock: a fault lasts as long as it lasts."""
        left = max(moment - time.monotonic(), 0.0)
        self.until(lambda: time.monotonic() >= moment, "time stands still", left + PATIENCE)

    def failures(self) -> list[Sample]:
        return [sample for sample in self.samples if not sample.is_well]

    def failed_requests(self) -> list[Sample]:
        """Return the failures of requests that a server had taken; a refused connection is none."""
        return [sample for sample in self.failures() if sample.why != "ConnectError"]

    # --- what came of it -------------------------------------------------------------------------

    @property
    def gap(self) -> float:
        """The longest time in which no request was answered well, in seconds."""
        ends = sorted(sample.ended for sample in self.samples if sample.is_well)
        return max(later - earlier for earlier, later in itertools.pairwise(ends))

    @property
    def recovery(self) -> float:
        """Seconds from the end of the fault until the last failure, or the first good answer."""
        failed = [s.ended for s in self.failures() if s.ended > self.lifted_at]
        if failed:
            return max(failed) - self.lifted_at
        well = [s.ended for s in self.samples if s.is_well and s.ended > self.lifted_at]
        return min(well) - self.lifted_at

    def damage(self, conninfo: str) -> Damage:
        """Compare what clients were told with what the database holds."""
        counts: dict[str, Counter[str]] = {}
        with psycopg.connect(conninfo) as conn:
            for table in ("play_history", "cleaning_history", "user_releases"):
                rows = conn.execute(
                    f"SELECT notes FROM {table} WHERE starts_with(notes, %s)", [self._name]
                )
                counts[table] = Counter(note for (note,) in rows)
            shelved = dict(
                conn.execute(
                    "SELECT id::text, archived_at IS NOT NULL FROM user_releases"
                    " WHERE id::text = ANY (%s)",
                    [[copy.id for copy in self.shelved.values()]],
                ).fetchall()
            )
        lost = doubled = 0
        half = self.half_seen
        for name, write in self.writes.items():
            found = counts[write.table][name]
            lost += write.is_acknowledged and found == 0
            doubled += found > 1
            if write.path.endswith("/log"):
                half += found != counts["cleaning_history"][name]
        # What a client wrote last on its own copy, or something that it tried after that.
        for owner, (known, tried) in self._notes.items():
            values = {f"{owner} {number}" for number in range(known, tried + 1)}
            lost += not values & counts["user_releases"].keys()
        for copy in self.shelved.values():
            lost += shelved.get(copy.id) not in copy.archived
        for name, passing in self._passing.items():
            found = counts["user_releases"][name]
            doubled += found > 1
            lost += found <= 1 and not passing.allows(found)
        return Damage(lost=lost, doubled=doubled, half=half)

    # --- who looks -------------------------------------------------------------------------------

    @property
    def _both(self) -> str:
        """What the notes of plays begin with that come with a cleaning."""
        return f"{self._name} both "

    def _look(self, conninfo: str) -> None:
        """Count what is half there, in one snapshot and then another, where it can be looked at."""
        try:
            while not self._stop.is_set():
                try:
                    self._look_often(conninfo)
                except psycopg.OperationalError:
                    time.sleep(AFTER_AN_ERROR)
        except BaseException as error:
            self._problem = error

    def _look_often(self, conninfo: str) -> None:
        with psycopg.connect(
            conninfo,
            autocommit=True,
            connect_timeout=10,
            application_name="onlooker",
            options=_LOOKING,
        ) as conn:
            while not self._stop.is_set():
                (half,) = conn.execute(_HALF, {"both": self._both}).fetchone()
                self.half_seen += half
                self.looks += 1
                time.sleep(BETWEEN_LOOKS)

    # --- the clients -----------------------------------------------------------------------------

    def _well_since(self, moment: float) -> int:
        return sum(sample.is_well and sample.began > moment for sample in self.samples)

    def _is_well_again(self) -> bool:
        recent = [s for s in list(self.samples) if s.began > self.lifted_at][-3 * self._clients :]
        return len(recent) == 3 * self._clients and all(sample.is_well for sample in recent)

    def _run(self) -> None:
        try:
            asyncio.run(self._all())
        except BaseException as error:
            self._problem = error

    async def _all(self) -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(self._clients):
                group.create_task(self._client(number))
        await self._settle()

    def _new_client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=f"{self._url}/api/v1",
            headers={"Authorization": f"Bearer {self._token}"},
            timeout=self._timeout,
        )

    async def _client(self, number: int) -> None:
        async with self._new_client() as http:
            owner = f"{self._name} copy {number}"
            copy_id = await self._own_copy(http, owner)
            self.shelved[owner] = Shelved(copy_id, {False})
            for step in self._steps(number):
                if self._stop.is_set():
                    return
                await step(http, owner, copy_id)
                await asyncio.sleep(self._pause)

    def _steps(self, number: int) -> Iterator[Callable[..., Any]]:
        steps = (
            self._read("/collection?limit=5"),
            self._keyed_log,
            self._read(f"/releases/{self._releases[number % len(self._releases)]}"),
            self._change,
            self._read("/me"),
            self._plain_play,
            self._read("/collection/stats"),
            self._keyed_play,
            self._archive,
            self._add_and_take_away,
            *(self._read(path) for path in self._reads),
        )
        return itertools.islice(itertools.cycle(steps), number % len(steps), None)

    async def _send(
        self,
        http: httpx.AsyncClient,
        kind: str,
        *args: Any,
        allowed: frozenset[int] = frozenset(),
        **kwargs: Any,
    ) -> Any:
        """Return the answer, None where there is none that says that it is done.

        Args:
            http: the client's connection.
            kind: what it is counted as.
            args: method and path.
            allowed: answers that are as good: that it was done by an earlier try.
            kwargs: of the request.
        """
        began = time.monotonic()
        try:
            response = await http.request(*args, **kwargs)
        except httpx.HTTPError as error:
            why = type(error).__name__
            self.samples.append(Sample(kind, began, time.monotonic(), 0, why))
            await asyncio.sleep(AFTER_AN_ERROR)
            return None
        sample = Sample(
            kind,
            began,
            time.monotonic(),
            200 if response.status_code in allowed else response.status_code,
            "" if response.is_success else response.text,
            response.headers.get("retry-after"),
        )
        self.samples.append(sample)
        if sample.is_well:
            return response
        # Whatever is broken, it is never the client's request or token.
        assert response.status_code == 503, (kind, response.status_code, response.text)
        assert sample.retry_after, "a 503 without Retry-After"
        await asyncio.sleep(AFTER_AN_ERROR)
        return None

    async def _own_copy(self, http: httpx.AsyncClient, owner: str) -> str:
        body = {"releaseId": self._releases[0], "notes": f"{owner} 0"}
        headers = {"Idempotency-Key": owner}
        while True:
            answer = await self._send(
                http, "add", "POST", "/collection", json=body, headers=headers
            )
            if answer is not None:
                self._notes[owner] = (0, 0)
                return str(answer.json()["id"])
            assert not self._stop.is_set(), "the copy could not be added"

    def _read(self, path: str) -> Callable[..., Any]:
        async def read(http: httpx.AsyncClient, _owner: str, _copy_id: str) -> None:
            await self._send(http, f"GET {path.partition('?')[0]}", "GET", path)

        return read

    async def _change(self, http: httpx.AsyncClient, owner: str, copy_id: str) -> None:
        known, tried = self._notes[owner]
        self._notes[owner] = (known, tried + 1)
        body = {"notes": f"{owner} {tried + 1}"}
        if await self._send(http, "change", "PATCH", f"/collection/{copy_id}", json=body):
            self._notes[owner] = (tried + 1, tried + 1)

    async def _archive(self, http: httpx.AsyncClient, owner: str, copy_id: str) -> None:
        """Archive the copy, or take it back where it is known to be archived."""
        shelved = self.shelved[owner]
        wanted = True not in shelved.archived
        verb = "archive" if wanted else "restore"
        is_sure, shelved.archived = len(shelved.archived) == 1, shelved.archived | {wanted}
        body = {"json": {"reason": "sold"}} if wanted else {}
        # After a try that nobody answered it may be where it should be.
        allowed = frozenset() if is_sure else frozenset({409})
        path = f"/collection/{copy_id}/{verb}"
        if await self._send(http, verb, "POST", path, allowed=allowed, **body):
            shelved.archived = {wanted}

    async def _add_and_take_away(self, http: httpx.AsyncClient, _owner: str, _copy_id: str) -> None:
        name = f"{self._name} passing {next(self._numbers)}"
        passing = self._passing[name] = Passing()
        body = {"releaseId": self._releases[0], "notes": name}
        added = None
        while added is None:
            if self._stop.is_set():
                return
            headers = {"Idempotency-Key": name}
            added = await self._send(http, "add", "POST", "/collection", json=body, headers=headers)
        passing.is_added = True
        path = f"/collection/{added.json()['id']}"
        while not passing.is_gone and not self._stop.is_set():
            allowed = frozenset({404}) if passing.is_taken else frozenset()
            passing.is_taken = True
            answer = await self._send(http, "delete", "DELETE", path, allowed=allowed)
            passing.is_gone = answer is not None

    async def _plain_play(self, http: httpx.AsyncClient, _owner: str, _copy_id: str) -> None:
        name, write = self._new_write("/plays", has_key=False)
        await self._try(http, name, write)

    async def _keyed_play(self, http: httpx.AsyncClient, _owner: str, _copy_id: str) -> None:
        await self._until_acknowledged(http, *self._new_write("/plays", has_key=True))

    async def _keyed_log(self, http: httpx.AsyncClient, _owner: str, _copy_id: str) -> None:
        await self._until_acknowledged(http, *self._new_write("/log", has_key=True))

    def _new_write(self, path: str, *, has_key: bool) -> tuple[str, Write]:
        prefix = self._both if path == "/log" else f"{self._name} "
        name = f"{prefix}{next(self._numbers)}"
        body = {"releaseId": self._releases[0], "notes": name}
        write = Write(table="play_history", has_key=has_key, path=path, body=body)
        self.writes[name] = write
        return name, write

    async def _until_acknowledged(self, http: httpx.AsyncClient, name: str, write: Write) -> None:
        while not await self._try(http, name, write) and not self._stop.is_set():
            pass

    async def _try(self, http: httpx.AsyncClient, name: str, write: Write) -> bool:
        headers = {"Idempotency-Key": name} if write.has_key else {}
        kind = f"POST {write.path}{' with a key' if write.has_key else ''}"
        answer = await self._send(http, kind, "POST", write.path, json=write.body, headers=headers)
        write.is_acknowledged = answer is not None
        return write.is_acknowledged

    async def _settle(self) -> None:
        """Send what has a key again until it is acknowledged; not counted as traffic."""
        counted, self.samples = self.samples, []
        async with self._new_client() as http:
            for name, write in self.writes.items():
                deadline = time.monotonic() + PATIENCE
                while write.has_key and not write.is_acknowledged:
                    assert time.monotonic() < deadline, f"{name} is never acknowledged"
                    await self._try(http, name, write)
        self.samples = counted
