"""A real Redis or Valkey of a test's own, which can be killed, stopped and started again."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

PROGRAM = shutil.which("valkey-server") or shutil.which("redis-server")
SECONDS = 30.0

needs_server = pytest.mark.skipif(
    PROGRAM is None, reason="no valkey-server or redis-server on PATH"
)


class CacheServer:
    """A server on a port of its own, and on a socket; it keeps nothing on disk."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.options = options
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.socket_url = f"unix://{folder}/cache.sock?db=0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        assert PROGRAM is not None
        place = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)]
        nothing_kept = ["--save", "", "--appendonly", "no", "--unixsocket", "cache.sock"]
        self._process = subprocess.Popen(
            [PROGRAM, *place, *nothing_kept, *self.options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self.folder,
        )
        end = time.monotonic() + SECONDS
        while True:
            try:
                self.command("PING")
                return
            except OSError:
                assert self._process.poll() is None, "the cache server did not start"
                assert time.monotonic() < end, "the cache server does not answer"

    def kill(self) -> None:
        """End it at once, as a crash does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """Let it accept connections and answer nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def command(self, *words: str | bytes) -> bytes:
        """Send a command on a connection of its own and return the answer's bytes."""
        parts = [word.encode() if isinstance(word, str) else word for word in words]
        text = b"*%d\r\n" % len(parts)
        text += b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
        with socket.create_connection(("127.0.0.1", self.port), timeout=SECONDS) as conn:
            conn.sendall(text)
            conn.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: conn.recv(65536), b""))

    def names(self) -> list[bytes]:
        """Return the names of all that it holds."""
        return sorted(line for line in self.command("KEYS", "*").split(b"\r\n")[2::2] if line)

    def value(self, name: str) -> bytes:
        return self.command("GET", name).partition(b"\r\n")[2][:-2]
