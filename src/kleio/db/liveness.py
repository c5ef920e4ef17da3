"""Whether a connection still leads to a server that answers: told by the kernel, never by asking.

A round trip before each use would cost every request as much as its own query. What is here costs
microseconds: a look at the socket before a connection is used, an end to it when the server has
not answered for too long, and what the kernel is asked to watch in between.
"""

from __future__ import annotations

import asyncio
import os
import select
import socket
from contextlib import suppress
from math import inf
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from kleio.db.queries import Connection

CONNECT_SECONDS = 5
"""How long a server may take to answer a new connection."""

_NETWORK: dict[str, Any] = {
    "connect_timeout": CONNECT_SECONDS,
    # A machine that is gone sends no word of it: without these, a query waits for two hours.
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}


def with_network_limits(conninfo: str) -> str:
    """Return a conninfo under which a lost network is noticed within half a minute.

    What the conninfo says itself stays.
    """
    return make_conninfo(**{**_NETWORK, **conninfo_to_dict(conninfo)})


def has_ended(conn: Connection) -> bool:
    """Whether the server has ended an idle connection, as a restart of it does.

    Nothing was asked, so where there is something to read it is the server's last word, the end
    of the connection, or a setting that was changed; only the first two end it.
    """
    poll = select.poll()
    try:
        poll.register(conn.pgconn.socket, select.POLLIN)
        while poll.poll(0):
            conn.pgconn.consume_input()
    except psycopg.OperationalError:
        return True
    return False


class Watch:
    """Cuts a connection that is not given back in time, so that who waits on it gets an error.

    A server that hangs ends no statement by itself, and can't be asked to. The socket is shut down
    and not closed, because a task still waits for it. Every request enters this, so it is no
    generator.

    Args:
        conn: which connection.
        seconds: how long it may be kept; infinity for ever.

    Attributes:
        has_cut: whether it took too long.
    """

    __slots__ = ("_conn", "_seconds", "_timer", "has_cut")

    def __init__(self, conn: Connection, seconds: float) -> None:
        self._conn = conn
        self._seconds = seconds
        self._timer: asyncio.TimerHandle | None = None
        self.has_cut = False

    def __enter__(self) -> Watch:
        if self._seconds != inf:
            self._timer = asyncio.get_running_loop().call_later(self._seconds, self._cut)
        return self

    def __exit__(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _cut(self) -> None:
        self.has_cut = True
        with (
            suppress(OSError, psycopg.OperationalError),
            # A second descriptor of the same socket: libpq keeps its own.
            socket.socket(fileno=os.dup(self._conn.pgconn.socket)) as own,
        ):
            own.shutdown(socket.SHUT_RDWR)
