"""Where a request comes from: the client's address, and whether it came by https.

Behind a proxy both are in headers that anybody can send, so they are believed of the proxies that
KLEIO_TRUSTED_PROXIES names and of nobody else.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any

from kleio.settings import Network

Scope = Any
"""An ASGI scope."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

UNKNOWN = "unknown"
"""The address of a client that has none, as over a unix socket."""

IPV6_PREFIX = 64
"""What one subscriber is given at least: any address of it is the same client's."""


class Proxies:
    """The proxies whose headers are believed."""

    def __init__(self, networks: tuple[Network, ...]) -> None:
        self._networks = networks

    def client(self, scope: Scope) -> str:
        """Return whom a request counts for: an IPv4 address, an IPv6 network, or UNKNOWN.

        X-Forwarded-For is read from its end, where the nearest proxy wrote: the first address that
        is not a trusted proxy's is the client's. What stands before it the client made up. An
        entry that is no address is where belief ends, and the proxy that passed it on counts.
        """
        address = _peer(scope)
        if address is None:
            return UNKNOWN
        for entry in _forwarded(scope):
            if not self._trusts(address):
                break
            further = _address(entry)
            if further is None:
                break
            address = further
        return _whose(address)

    def is_https(self, scope: Scope) -> bool:
        """Return whether the client speaks https, with this server or with a trusted proxy."""
        if scope.get("scheme") == "https":
            return True
        if not self._networks:
            return False
        given = [value for name, value in scope["headers"] if name == b"x-forwarded-proto"]
        if not given or given[-1].rpartition(b",")[2].strip().lower() != b"https":
            return False
        address = _peer(scope)
        return address is not None and self._trusts(address)

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


def _peer(scope: Scope) -> Address | None:
    client = scope.get("client")
    return None if client is None else _address(str(client[0]))


def _forwarded(scope: Scope) -> Iterator[str]:
    lines = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
    for line in reversed(lines):
        for entry in reversed(line.decode("latin-1").split(",")):
            yield entry.strip()


def _address(text: str) -> Address | None:
    """Return the address that is written here, perhaps with a port or a zone."""
    host = text
    if text.startswith("["):
        host = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        host = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _whose(address: Address) -> str:
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return str(ipaddress.ip_network((address, IPV6_PREFIX), strict=False))
