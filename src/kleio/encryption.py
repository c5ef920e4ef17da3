"""Encrypts what users entrust to the server: their Discogs tokens.

AES-256-GCM with the user's id as associated data, so that a ciphertext copied into another user's
row does not decrypt. The first key writes, all keys read: put a new one in front to rotate.
Layout: one byte version, 12 bytes nonce, ciphertext with its 16-byte tag.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from uuid import UUID

_VERSION = b"\x01"
_NONCE_BYTES = 12
_KEY_BYTES = 32


class EncryptionError(Exception):
    """There is no key, or none of the keys opens the ciphertext."""


def encrypt(plain: str, *, user_id: UUID, keys: Sequence[bytes]) -> bytes:
    """Return a text encrypted for one user.

    Args:
        plain: the text to keep.
        user_id: the only user whose row it opens in.
        keys: 32 bytes each, the writing one first.

    Raises:
        EncryptionError: no key is configured.
    """
    # Costs 20 ms to load; only these two functions need it.
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    if not keys:
        raise EncryptionError("no key is configured (KLEIO_SECRET_KEY)")
    nonce = os.urandom(_NONCE_BYTES)
    return _VERSION + nonce + AESGCM(keys[0]).encrypt(nonce, plain.encode(), user_id.bytes)


def decrypt(encrypted: bytes, *, user_id: UUID, keys: Sequence[bytes]) -> str:
    """Return the text that was encrypted for a user.

    Raises:
        EncryptionError: it was encrypted with another key or for another user, or is damaged.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce, sealed = encrypted[1 : 1 + _NONCE_BYTES], encrypted[1 + _NONCE_BYTES :]
    if encrypted[:1] == _VERSION:
        for key in keys:
            try:
                return AESGCM(key).decrypt(nonce, sealed, user_id.bytes).decode()
            except (InvalidTag, ValueError):
                continue
    raise EncryptionError("no configured key opens the token")


def key_file(home: Path) -> Path:
    """Return the file with the server's own key below `KLEIO_HOME`, made at the first call.

    For the embedded server, whose operator gives no key: it lies beside the data that it opens, so
    it keeps tokens out of dumps and logs, and not from whoever has the whole directory.

    Args:
        home: exists already.

    Raises:
        OSError: the file can't be written.
    """
    path = home / "secret.key"
    if not path.exists():
        made = path.with_name(f"{path.name}.{os.getpid()}")
        descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.b64encode(os.urandom(_KEY_BYTES)) + b"\n")
        # A link is made whole or not at all, and of two processes the first one's key counts.
        with suppress(FileExistsError):
            os.link(made, path)
        made.unlink()
    return path
