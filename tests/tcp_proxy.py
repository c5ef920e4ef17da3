"""A TCP proxy whose faults a test chooses: it cuts, holds back, delays, drips, refuses, babbles.

It stands between Kleio and PostgreSQL, or between clients and several Kleios as a load balancer
does. Bytes go through unchanged; it knows nothing of what they mean.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from kleio.tasks import end_tasks

T = TypeVar("T")

Target = Path | int
"""A unix socket, or a port of this machine."""

_BLOCK = 65_536
_SECONDS = 30.0
_NONSENSE = b"$-7\r\n%x\r\n\x00\xff" * 3


class _Link:
    """A client's connection and the one that it goes on as."""

    def __init__(self, client: asyncio.StreamWriter, target: asyncio.StreamWriter) -> None:
        self.client = client
        self.target = target
        self.answer_is_lost = False

    def abort(self) -> None:
        for writer in (self.client, self.target):
            writer.transport.abort()


class TcpProxy:
    """A proxy that runs in a thread of its own until the block ends.

    Args:
        targets: where connections go, the first that takes one; a load balancer has several.
    """

    def __init__(self, *targets: Target) -> None:
        self.targets: list[Target] = list(targets)
        self.port = 0
        self._turn = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._links: set[_Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._flows: asyncio.Event
        self._server: asyncio.Server
        self._refuses = False
        self._delay = 0.0
        self._piece = 0
        self._babbles = False
        self._trap: tuple[bytes, bool] | None = None
        self.sprung = threading.Event()

    # --- what a test does ------------------------------------------------------------------------

    def __enter__(self) -> TcpProxy:
        self._thread.start()
        self._do(self._start)
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._stop)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_SECONDS)
        self._loop.close()

    def cut(self) -> int:
        """Reset every connection and return how many there were."""
        return self._do(self._cut)

    def refuse(self, refuses: bool = True) -> None:
        """Reset new connections at once, or take them again."""
        self._refuses = refuses

    def hold(self) -> None:
        """Pass nothing on any more, and close nothing: a network that swallows."""
        self._soon(lambda: self._flows.clear())

    def release(self) -> None:
        """Pass on what was held back, and all that follows."""
        self._soon(lambda: self._flows.set())

    def slow(self, *, delay: float = 0.0, piece: int = 0) -> None:
        """Wait before each block, and pass it on in pieces of so many bytes, where not 0."""
        self._delay, self._piece = delay, piece

    def babble(self, babbles: bool = True) -> None:
        """Answer with nonsense in place of what the target answers."""
        self._babbles = babbles

    def cut_at(self, words: bytes, *, arrives: bool) -> None:
        """Cut the next connection whose client sends these words, once.

        Args:
            words: which a client sends in one block.
            arrives: whether the words still reach the target, and only its answer is lost.
        """
        self.sprung.clear()
        self._trap = (words, arrives)

    # --- in the thread ---------------------------------------------------------------------------

    def _soon(self, change: Callable[[], None]) -> None:
        async def run() -> None:
            change()

        self._do(run)

    def _do(self, function: Callable[[], Any]) -> Any:
        done: Future[Any] = asyncio.run_coroutine_threadsafe(function(), self._loop)
        return done.result(_SECONDS)

    async def _start(self) -> None:
        self._flows = asyncio.Event()
        self._flows.set()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        self._server.close()
        await self._cut()
        await end_tasks(list(self._tasks))

    async def _cut(self) -> int:
        links = list(self._links)
        for link in links:
            link.abort()
        return len(links)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            if self._refuses or (target := await self._connect()) is None:
                writer.transport.abort()
                return
            link = _Link(writer, target[1])
            self._links.add(link)
            try:
                # A side that resets ends the other too, as if there were no proxy.
                await asyncio.gather(self._ask(link, reader), self._answer(link, target[0]))
            except OSError:
                pass
            finally:
                self._links.discard(link)
                link.abort()
        except asyncio.CancelledError:
            writer.transport.abort()  # the proxy ends, and the task with it
        finally:
            self._tasks.discard(task)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        self._turn += 1
        targets: Sequence[Target] = list(self.targets)
        for number in range(len(targets)):
            target = targets[(self._turn + number) % len(targets)]
            with suppress(OSError):
                if isinstance(target, Path):
                    return await asyncio.open_unix_connection(str(target))
                return await asyncio.open_connection("127.0.0.1", target)
        return None

    async def _ask(self, link: _Link, reader: asyncio.StreamReader) -> None:
        while data := await reader.read(_BLOCK):
            if self._trap is not None and self._trap[0] in data:
                link.answer_is_lost = self._trap[1]
                self._trap = None
                if not link.answer_is_lost:
                    self.sprung.set()
                    link.abort()
                    return
            await self._pass_on(data, link.target)
        link.target.write_eof()

    async def _answer(self, link: _Link, reader: asyncio.StreamReader) -> None:
        while data := await reader.read(_BLOCK):
            if link.answer_is_lost:
                self.sprung.set()
                link.abort()
                return
            await self._pass_on(_NONSENSE if self._babbles else data, link.client)
        link.client.write_eof()

    async def _pass_on(self, data: bytes, writer: asyncio.StreamWriter) -> None:
        size = self._piece or len(data)
        for start in range(0, len(data), size):
            if self._delay:
                await asyncio.sleep(self._delay)
            await self._flows.wait()
            writer.write(data[start : start + size])
            await writer.drain()
