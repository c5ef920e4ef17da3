"""The listening socket at the end of a server: closed without a request being lost behind it.

Connections that the kernel has taken and the server has not are reset when the socket closes, with
the requests that their clients have sent already. So the kernel is first told to take no more: it
drops what would begin a connection, and a client's kernel tries again a second later, by when it
is refused, or served by the next server. Linux alone can do that; elsewhere nothing is done.
"""

from __future__ import annotations

import ctypes
import os
import socket
import struct
import sys
from contextlib import suppress

SETTLE_SECONDS = 0.1
"""How long after `take_no_more` connections that were taken before may wait for the server."""

_SO_ATTACH_FILTER = 26
# One instruction of classic BPF, `ret #0`: of each packet keep nothing.
_DROP_ALL = struct.pack("HBBI", 0x06, 0, 0, 0)


def take_no_more() -> bool:
    """Have the kernel drop new connections to this process's listening sockets.

    Returns:
        Whether it does, for at least one of them.
    """
    if not sys.platform.startswith("linux"):
        return False
    program = ctypes.create_string_buffer(_DROP_ALL, len(_DROP_ALL))
    filter_program = struct.pack("HL", 1, ctypes.addressof(program))
    found = False
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError):
            if not os.readlink(f"/proc/self/fd/{name}").startswith("socket:"):
                continue
            # A second descriptor of the same socket: the server closes its own.
            with socket.socket(fileno=os.dup(int(name))) as listener:
                if not listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                    continue
                listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, filter_program)
                found = True
    return found
