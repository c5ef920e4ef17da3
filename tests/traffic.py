"""Clients that read and write while something is broken, and that remember all they were told.

Each client keeps a connection open as apps do, waits a moment after an error and goes on. A write
bears a name of its own in its notes, so afterwards the database tells what became of it: what was
acknowledged must be there, once. Writes with an Idempotency-Key are sent again until they are
acknowledged, as a client should; those without never.
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

PATIENCE = 60.0
AFTER_AN_ERROR = 0.05
EXPECTED = {200, 201, 204}


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
    ) -> None:
        self.samples: list[Sample] = []
        self.writes: dict[str, Write] = {}
        self.lifted_at = float("nan")
        self._url, self._token, self._releases = url, token, releases
        self._clients, self._pause, self._timeout = clients, pause, timeout
        self._reads = reads
        self._name = f"traffic-{secrets.token_hex(4)}"
        self._numbers = itertools.count(1)
        self._notes: dict[str, tuple[int, int]] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="traffic", daemon=True)
        self._problem: BaseException | None = None

    # --- what a test does ------------------------------------------------------------------------

    def __enter__(self) -> Traffic:
        self._thread.start()
        self.until(lambda: self._well_since(0.0) >= 3 * self._clients, "no traffic flows")
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(PATIENCE + self._timeout)
        assert not self._thread.is_alive(), "a client still waits"
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
        self.until(lambda: time.monotonic() >= moment, "time stands still")

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
        lost = doubled = half = 0
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
        return Damage(lost=lost, doubled=doubled, half=half)

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
            *(self._read(path) for path in self._reads),
        )
        return itertools.islice(itertools.cycle(steps), number % len(steps), None)

    async def _send(self, http: httpx.AsyncClient, kind: str, *args: Any, **kwargs: Any) -> Any:
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
            response.status_code,
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

    async def _plain_play(self, http: httpx.AsyncClient, _owner: str, _copy_id: str) -> None:
        name, write = self._new_write("/plays", has_key=False)
        await self._try(http, name, write)

    async def _keyed_play(self, http: httpx.AsyncClient, _owner: str, _copy_id: str) -> None:
        await self._until_acknowledged(http, *self._new_write("/plays", has_key=True))

    async def _keyed_log(self, http: httpx.AsyncClient, _owner: str, _copy_id: str) -> None:
        await self._until_acknowledged(http, *self._new_write("/log", has_key=True))

    def _new_write(self, path: str, *, has_key: bool) -> tuple[str, Write]:
        name = f"{self._name} {next(self._numbers)}"
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
