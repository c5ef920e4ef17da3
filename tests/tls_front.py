"""TLS before a PostgreSQL that was built without it, with an authority made for the test.

The front answers PostgreSQL's SSLRequest and passes on what it decrypts, so what the client does
about TLS is what it does to any server.
"""

from __future__ import annotations

import datetime
import ipaddress
import select
import socket
import ssl
import struct
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PATIENCE = 30.0
_SSL_REQUEST = struct.pack("!ii", 8, 80877103)


class Authority:
    """A certificate authority of a test's own; `file` is what a client believes."""

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = self._builder(self._name, self._key.public_key()).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        self.file = folder / f"{name}.crt"
        self.file.write_bytes(self._sign(certificate))

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, *, days: int = 2
    ) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=2))
            .not_valid_after(now + datetime.timedelta(days=days))
        )

    def _sign(self, builder: x509.CertificateBuilder) -> bytes:
        signed = builder.sign(self._key, hashes.SHA256())
        return signed.public_bytes(serialization.Encoding.PEM)

    def server(self, *names: str, expired: bool = False) -> tuple[Path, Path]:
        """Return the certificate and the key of a server of these names and addresses."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        builder = self._builder(subject, key.public_key(), days=-1 if expired else 2)
        alternatives: list[x509.GeneralName] = []
        for name in names:
            with suppress(ValueError):
                alternatives.append(x509.IPAddress(ipaddress.ip_address(name)))
                continue
            alternatives.append(x509.DNSName(name))
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        certificate, secret = self._folder / "server.crt", self._folder / "server.key"
        certificate.write_bytes(self._sign(builder))
        secret.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        secret.chmod(0o600)
        return certificate, secret


class Front:
    """Listens on a port of 127.0.0.1 and passes on to a unix socket; `with Front(...) as front`.

    Args:
        socket_path: PostgreSQL's.
        certificate: of the server, with its key; None for one that refuses TLS.
    """

    def __init__(self, socket_path: Path, certificate: tuple[Path, Path] | None) -> None:
        self._socket_path = socket_path
        self._context: ssl.SSLContext | None = None
        if certificate is not None:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(*certificate)
        self.encrypted = 0
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Front:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        for one in (self._listener, *self._open):
            _end(one)
        for thread in self._threads:
            thread.join(PATIENCE)
            assert not thread.is_alive(), "the front before the server did not end"
        for one in (self._listener, *self._open):
            one.close()

    def _start(self, target: Any, *args: Any) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._open.append(client)
                self._start(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError):
            client.settimeout(PATIENCE)
            first = client.recv(8)
            if first == _SSL_REQUEST:
                client.sendall(b"S" if self._context else b"N")
                first = b""
                if self._context:
                    client = self._context.wrap_socket(client, server_side=True)
                    self._open.append(client)
                    self.encrypted += 1
            server = socket.socket(socket.AF_UNIX)
            self._open.append(server)
            server.settimeout(PATIENCE)
            server.connect(str(self._socket_path))
            server.sendall(first)
            _exchange(client, server)


def _exchange(client: socket.socket, server: socket.socket) -> None:
    """Pass on both ways until one side ends, in one thread: a TLS connection takes no two."""
    others = {client: server, server: client}
    with suppress(OSError):
        while True:
            held = isinstance(client, ssl.SSLSocket) and client.pending()
            ready = [client] if held else select.select([client, server], [], [], PATIENCE)[0]
            blocks = [(others[one], one.recv(65536)) for one in ready]
            if not blocks or not all(block for _, block in blocks):
                break
            for target, block in blocks:
                target.sendall(block)
    for one in (client, server):
        _end(one)


def _end(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
