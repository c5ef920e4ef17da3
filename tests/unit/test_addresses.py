"""Whom a request counts for: X-Forwarded-For is believed of trusted proxies and nobody else."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest

from kleio.http.addresses import UNKNOWN, Proxies

TRUSTED = Proxies(
    tuple(ipaddress.ip_network(text) for text in ("10.0.0.0/8", "127.0.0.1", "fd00::/8"))
)
NOBODY = Proxies(())


def scope(peer: str | None, *forwarded: str, proto: str | None = None) -> dict[str, Any]:
    headers = [(b"x-forwarded-for", line.encode("latin-1")) for line in forwarded]
    if proto is not None:
        headers.append((b"x-forwarded-proto", proto.encode()))
    client = None if peer is None else (peer, 4711)
    return {"scheme": "http", "client": client, "headers": headers}


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("127.0.0.1", [], "127.0.0.1"),
        ("127.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        # What the client wrote stands before what the proxies wrote.
        ("127.0.0.1", ["1.2.3.4, 203.0.113.9"], "203.0.113.9"),
        ("127.0.0.1", ["1.2.3.4, 203.0.113.9, 10.1.2.3"], "203.0.113.9"),
        ("127.0.0.1", ["1.2.3.4", "203.0.113.9", "10.1.2.3"], "203.0.113.9"),
        # All of them are proxies: the one furthest away.
        ("127.0.0.1", ["10.9.9.9, 10.1.2.3"], "10.9.9.9"),
        # Nobody's address: the one who passed it on counts.
        ("127.0.0.1", ["unknown"], "127.0.0.1"),
        ("127.0.0.1", ["203.0.113.9, _hidden, 10.1.2.3"], "10.1.2.3"),
        ("127.0.0.1", [""], "127.0.0.1"),
        ("127.0.0.1", ["203.0.113.9\xff"], "127.0.0.1"),
        # Ports, zones, brackets, and IPv4 in IPv6's clothes.
        ("127.0.0.1", ["203.0.113.9:5050"], "203.0.113.9"),
        ("127.0.0.1", ["[2001:db8:1:2:3::4]:443"], "2001:db8:1:2::/64"),
        ("::ffff:127.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("127.0.0.1", ["::ffff:203.0.113.9"], "203.0.113.9"),
        ("fd00::1", ["fe80::1%eth0"], "fe80::/64"),
        # Not a proxy of ours.
        ("203.0.113.5", ["1.2.3.4"], "203.0.113.5"),
        ("2001:db8:1:2:3::4", ["1.2.3.4"], "2001:db8:1:2::/64"),
        (None, ["1.2.3.4"], UNKNOWN),
    ],
)
def test_the_client_is_the_first_that_no_trusted_proxy_is(
    peer: str | None, forwarded: list[str], client: str
) -> None:
    assert TRUSTED.client(scope(peer, *forwarded)) == client


@pytest.mark.parametrize("peer", ["127.0.0.1", "10.0.0.1", "::1"])
def test_without_trusted_proxies_the_header_means_nothing(peer: str) -> None:
    believed = NOBODY.client(scope(peer))
    assert NOBODY.client(scope(peer, "203.0.113.9")) == believed != "203.0.113.9"


@pytest.mark.parametrize(
    ("proxies", "peer", "proto", "is_https"),
    [
        (TRUSTED, "127.0.0.1", "https", True),
        (TRUSTED, "127.0.0.1", "http, HTTPS", True),
        (TRUSTED, "127.0.0.1", "https, http", False),
        (TRUSTED, "127.0.0.1", None, False),
        (TRUSTED, "203.0.113.5", "https", False),
        (NOBODY, "127.0.0.1", "https", False),
    ],
)
def test_https_is_believed_of_trusted_proxies(
    proxies: Proxies, peer: str, proto: str | None, is_https: bool
) -> None:
    assert proxies.is_https(scope(peer, proto=proto)) == is_https


def test_https_of_this_server_itself() -> None:
    assert NOBODY.is_https({**scope("203.0.113.5"), "scheme": "https"})
