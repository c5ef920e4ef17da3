"""The optional cache of rows in Redis or Valkey, which may fail at any time without any request.

Two parts: `Cache` is a worker's way to the server, with a hard limit on each operation and a
circuit breaker; `CachedRows` reads rows of one kind through it, and from the database what it
lacks. Neither knows a noun, a query or a route. Nothing here raises because of the cache: what it
can't give is read from the database.

Stale rows: an entry holds the generation of its kind that was current when its row was read. A
write to rows of that kind ends with `Cache.forget`, which begins a new generation, so one command
drops every older entry, also one that a slow reader stores afterwards.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
import zlib
from bisect import bisect_left
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Generic, Literal, TypeVar

import msgspec

from kleio.cache_url import connection_options
from kleio.environment import Secret

K = TypeVar("K")
R = TypeVar("R")
T = TypeVar("T")

logger = logging.getLogger("kleio.cache")

State = Literal["ok", "degraded", "disabled"]

SONGS = "song"
"""The kind of entries that hold songs: who writes songs forgets it."""

OPERATION_SECONDS = 0.05
"""What one operation may take, connecting included; the request then goes on without it."""

INVALIDATION_SECONDS = 2.0
"""What telling the cache of a write may take: it is worth more patience than a read."""

PAUSES = (0.1, 5.0)
"""Seconds after which a server that failed is asked again: at first, and at most."""

STEADY_SECONDS = 10.0
"""A server that failed again sooner than this after it came back is left alone for longer."""

CONNECTIONS = 8
"""Connections of one worker; an operation that finds none free waits within its limit."""

STORES = 8
"""Writes of rows that may be under way; more are dropped, as the next reader brings them again."""

WARNING_SECONDS = 60.0
"""How often the same kind of warning is logged."""

LATENCY_BUCKETS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, OPERATION_SECONDS)
"""Upper bounds of `CacheCounters.latencies`, in seconds; one more counts what took longer."""


class CacheCounters(msgspec.Struct):
    """What a worker's cache has done since its start; all numbers only grow.

    `hits` and `misses` count rows, `broken` the misses whose entry could not be read, `bypassed`
    the rows that were not looked for because the server is out of order. `failures` counts
    operations, `outages` how often they made the breaker open. `latencies` counts the reads that
    succeeded, by LATENCY_BUCKETS, and `read_seconds` adds them up.
    """

    hits: int = 0
    misses: int = 0
    broken: int = 0
    bypassed: int = 0
    stored: int = 0
    failures: int = 0
    outages: int = 0
    read_seconds: float = 0.0
    latencies: list[int] = msgspec.field(default_factory=lambda: [0] * (len(LATENCY_BUCKETS) + 1))


class Cache:
    """One worker's way to the cache server.

    Args:
        url: `CACHE_URL`; without one the cache is disabled and holds nothing.
        pauses: as PAUSES.
    """

    def __init__(self, url: Secret | None, *, pauses: tuple[float, float] = PAUSES) -> None:
        self.counters = CacheCounters()
        self._client: Any = None if url is None else _client(url)
        self._pauses = pauses
        self._pause = pauses[0]
        self._recovery: asyncio.Task[None] | None = None
        self._is_closed = False
        self._well_since = 0.0
        self._warned: dict[str, float] = {}

    @property
    def enabled(self) -> bool:
        """Whether a server is configured."""
        return self._client is not None

    @property
    def state(self) -> State:
        """What the last operation found: `degraded` while the server is skipped."""
        if self._client is None:
            return "disabled"
        return "ok" if self._recovery is None else "degraded"

    async def check(self) -> State:
        """Ask the server, unless it is known to be out of order, and return the state."""
        if self._client is not None and self._recovery is None:
            await self.read([_PROBE])
        return self.state

    async def close(self) -> None:
        """Stop asking for a server that is away and close the connections."""
        self._is_closed = True
        if self._recovery is not None:
            # The client library may take the cancellation for an error of the connection, so the
            # task looks at the flag too.
            self._recovery.cancel()
            await asyncio.wait([self._recovery])
        if self._client is not None:
            await self._client.aclose()

    async def read(self, names: Sequence[str]) -> list[bytes | None] | None:
        """Return the values of these names, None in the place of one that is not there.

        Returns:
            None where the server gives no answer, or is skipped because it gave none.
        """
        if self._client is None or self._recovery is not None:
            return None
        started = time.perf_counter()
        try:
            async with asyncio.timeout(OPERATION_SECONDS):
                values = _checked(await self._client.mget(names), len(names))
        except Exception as error:
            # Whatever it is: the client library, and a server that answers nonsense, raise many.
            self._open(error)
            return None
        seconds = time.perf_counter() - started
        self.counters.latencies[bisect_left(LATENCY_BUCKETS, seconds)] += 1
        self.counters.read_seconds += seconds
        return values

    async def store(self, values: Mapping[str, bytes], seconds: int) -> None:
        """Keep values for so many seconds, or not, where the server does not take them."""
        if self._client is None or self._recovery is not None:
            return
        from redis.exceptions import ResponseError

        try:
            async with asyncio.timeout(OPERATION_SECONDS):
                pipeline = self._client.pipeline(transaction=False)
                for name, value in values.items():
                    pipeline.set(name, value, ex=seconds)
                await pipeline.execute()
        except ResponseError as error:
            # Out of memory, or a replica: it refuses writes and is still good for reading.
            self.counters.failures += 1
            self.warn("store", f"the cache takes no entries: {_one_line(error)}")
        except Exception as error:
            self._open(error)
        else:
            self.counters.stored += len(values)

    async def start_with(self, name: str, value: bytes) -> None:
        """Set a value unless there is one."""
        if self._client is None or self._recovery is not None:
            return
        try:
            async with asyncio.timeout(OPERATION_SECONDS):
                await self._client.set(name, value, nx=True)
        except Exception as error:
            self._open(error)

    async def forget(self, kind: str) -> bool:
        """Forget every entry of a kind; call it after a commit that changed such rows.

        It tries whatever the breaker thinks, and with more patience than a read.

        Returns:
            False where the server could not be told: entries then live on for what is left of
            their time.
        """
        if self._client is None:
            return True
        for _ in range(3):
            try:
                async with asyncio.timeout(INVALIDATION_SECONDS):
                    await self._client.set(_generation_name(kind), _new_generation())
            except Exception as error:
                self._open(error)
            else:
                return True
        self.warn("forget", f"the cache could not be told of a change; a {kind} may be old in it")
        return False

    def warn(self, kind: str, message: str) -> None:
        """Log a warning, of each kind one a minute: a broken server breaks every request."""
        now = time.monotonic()
        if now - self._warned.get(kind, -WARNING_SECONDS) >= WARNING_SECONDS:
            self._warned[kind] = now
            logger.warning("%s", message)

    def _open(self, error: BaseException) -> None:
        """Skip the server from now on, and begin to ask whether it is back."""
        self.counters.failures += 1
        if self._recovery is not None or self._is_closed:
            return
        self.counters.outages += 1
        steady = time.monotonic() - self._well_since > STEADY_SECONDS
        self._pause = self._pauses[0] if steady else min(2 * self._pause, self._pauses[1])
        self.warn("open", f"the cache is skipped until it answers again: {_one_line(error)}")
        self._recovery = asyncio.get_running_loop().create_task(self._recover())

    async def _recover(self) -> None:
        while not self._is_closed:
            await asyncio.sleep(self._pause)
            try:
                async with asyncio.timeout(OPERATION_SECONDS):
                    _checked(await self._client.mget([_PROBE]), 1)
            except Exception:
                self._pause = min(2 * self._pause, self._pauses[1])
            else:
                self._well_since = time.monotonic()
                self._recovery = None
                logger.info("the cache answers again")
                return


class CachedRows(Generic[K, T]):
    """Rows of one kind, read through the cache by their keys.

    An entry is one byte that stands for the row's shape, the generation, and the row as JSON: the
    one form that also carries what PostgreSQL gave as JSON. Rows that do not exist are not kept.

    Args:
        cache: the worker's.
        kind: `song`; names are `song:{key}`.
        row: the rows' Struct; entries of another shape are left by another version of Kleio.
        key: returns a row's key.
        load: reads rows by their keys from the database.
        seconds: how long an entry is kept.
    """

    def __init__(
        self,
        cache: Cache,
        kind: str,
        row: type[T],
        key: Callable[[T], K],
        load: Callable[[list[K]], Awaitable[list[T]]],
        seconds: int = 3600,
    ) -> None:
        self._cache = cache
        self._kind = kind
        self._key = key
        self._load = load
        self._seconds = seconds
        self._generation_name = _generation_name(kind)
        self._encoder = msgspec.json.Encoder()
        self._decoder = msgspec.json.Decoder(row)
        self._shape = bytes([zlib.crc32(repr(msgspec.inspect.type_info(row)).encode()) & 0xFF])
        self._stores: set[asyncio.Task[None]] = set()

    async def get_many(self, keys: list[K]) -> dict[K, T]:
        """Return the rows that exist, by their keys.

        Raises:
            DatabaseError: of what `load` raises.
        """
        counters = self._cache.counters
        if not keys:
            return {}
        if not self._cache.enabled:
            return {self._key(row): row for row in await self._load(keys)}
        names = [self._generation_name, *(f"{self._kind}:{key}" for key in keys)]
        answer = await self._cache.read(names)
        if answer is None:
            counters.bypassed += len(keys)
            return {self._key(row): row for row in await self._load(keys)}
        generation, *entries = answer
        found = {}
        if generation is not None:
            for key, entry in zip(keys, entries, strict=True):
                if entry is not None and (row := self._decode(key, generation, entry)) is not None:
                    found[key] = row
        missing = [key for key in keys if key not in found]
        counters.hits += len(found)
        counters.misses += len(missing)
        if missing:
            rows = {self._key(row): row for row in await self._load(missing)}
            found |= rows
            self._keep(generation, rows)
        return found

    async def settle(self) -> None:
        """Wait for the entries that are being written."""
        while self._stores:
            await asyncio.wait(self._stores)

    def _decode(self, key: K, generation: bytes, entry: bytes) -> T | None:
        if not entry.startswith(self._shape):
            return None
        head = 1 + len(generation)
        if entry[1:head] != generation:
            return None
        try:
            row = self._decoder.decode(entry[head:])
            if self._key(row) == key:
                return row
            reason = "it holds another row"
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            reason = _one_line(error)
        self._cache.counters.broken += 1
        self._cache.warn("broken", f"the cache's entry {self._kind}:{key} is broken: {reason}")
        return None

    def _keep(self, generation: bytes | None, rows: Mapping[K, T]) -> None:
        """Write rows to the cache while the request goes on."""
        if len(self._stores) >= STORES or (not rows and generation is not None):
            return
        if generation is None:
            # Whose generation it becomes is not known, so the next reader fills it.
            work = self._cache.start_with(self._generation_name, _new_generation())
        else:
            head = self._shape + generation
            values = {
                f"{self._kind}:{key}": head + self._encoder.encode(row) for key, row in rows.items()
            }
            work = self._cache.store(values, self._seconds)
        task = asyncio.get_running_loop().create_task(work)
        self._stores.add(task)
        task.add_done_callback(self._stores.discard)


_PROBE = "kleio:probe"
_GENERATION_BYTES = 8


async def forget(url: Secret | None, kind: str) -> bool:
    """Do what `Cache.forget` does, in a process that reads nothing from the cache."""
    cache = Cache(url)
    try:
        return await cache.forget(kind)
    finally:
        await cache.close()


def _generation_name(kind: str) -> str:
    return f"{kind}:generation"


def _new_generation() -> bytes:
    return secrets.token_bytes(_GENERATION_BYTES)


def _client(url: Secret) -> Any:
    # The client library costs 80 ms and 20 MB; a worker without a cache doesn't pay them.
    from redis.asyncio import BlockingConnectionPool, Redis
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    # Every limit is the one around the operation; nothing is tried twice behind its back.
    pool = BlockingConnectionPool(
        **connection_options(url.reveal()),
        max_connections=CONNECTIONS,
        timeout=None,
        protocol=2,
        driver_info=None,
        retry=Retry(NoBackoff(), 0),
        socket_timeout=None,
        socket_connect_timeout=None,
    )
    return Redis.from_pool(pool)


def _checked(values: Any, count: int) -> list[bytes | None]:
    """Return what a server answered, once it is what one may answer."""
    if (
        not isinstance(values, list)
        or len(values) != count
        or not all(value is None or isinstance(value, bytes) for value in values)
    ):
        raise ValueError("an answer that is none")
    return values


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else f"{text[:197]}..."
