"""Encrypts what users entrust to the server: their Discogs tokens.

AES-256-GCM with the user's id as associated data, so that a ciphertext copied into another user's
row does not decrypt. The first key writes, all keys read: put a new one in front to rotate.
Layout: one byte version, 12 bytes nonce, ciphertext with its 16-byte tag.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from uuid import UUID

_VERSION = b"\x01"
_NONCE_BYTES = 12


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
