"""Encryption: bound to the user, open to rotation, and a key file that is made once."""

from __future__ import annotations

import stat
from pathlib import Path
from uuid import UUID

import pytest

from kleio.encryption import EncryptionError, decrypt, encrypt, key_file
from kleio.settings import load_settings

ADA, BEN = UUID(int=1), UUID(int=2)
OLD, NEW = b"o" * 32, b"n" * 32


def test_what_was_encrypted_for_a_user_opens_for_that_user_alone() -> None:
    sealed = encrypt("token æ", user_id=ADA, keys=[OLD])
    assert decrypt(sealed, user_id=ADA, keys=[OLD]) == "token æ"
    assert b"token" not in sealed
    with pytest.raises(EncryptionError):
        decrypt(sealed, user_id=BEN, keys=[OLD])


def test_keys_rotate() -> None:
    sealed = encrypt("token", user_id=ADA, keys=[OLD])
    assert decrypt(sealed, user_id=ADA, keys=[NEW, OLD]) == "token"
    with pytest.raises(EncryptionError):
        decrypt(encrypt("token", user_id=ADA, keys=[NEW, OLD]), user_id=ADA, keys=[OLD])


@pytest.mark.parametrize("damaged", [b"", b"\x01", b"\x02" + b"x" * 40, b"\x01" + b"x" * 40])
def test_damaged_ciphertext_does_not_open(damaged: bytes) -> None:
    with pytest.raises(EncryptionError):
        decrypt(damaged, user_id=ADA, keys=[OLD])


def test_without_a_key_nothing_is_encrypted() -> None:
    with pytest.raises(EncryptionError, match="KLEIO_SECRET_KEY"):
        encrypt("token", user_id=ADA, keys=[])


def test_the_key_file_is_made_once_private_and_a_setting_can_name_it(tmp_path: Path) -> None:
    path = key_file(tmp_path)
    text = path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert key_file(tmp_path).read_text() == text
    assert [entry.name for entry in tmp_path.iterdir()] == ["secret.key"]
    settings = load_settings({"KLEIO_SECRET_KEY_FILE": str(path), "KLEIO_HOME": str(tmp_path)})
    assert len(settings.secret_keys()[0]) == 32
