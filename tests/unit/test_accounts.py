"""Tokens, and what a conflict names; nothing here needs a database."""

from __future__ import annotations

import hashlib

import pytest

from kleio import accounts
from kleio.db.errors import Conflict

pytestmark = pytest.mark.anyio


async def test_token_has_256_random_bits_and_its_hash_is_sha256() -> None:
    text, token_hash, prefix = accounts.new_token()
    assert text.startswith("kleio_")
    assert len(text) == len("kleio_") + 43
    assert token_hash == hashlib.sha256(text.encode()).digest() == accounts.hash_token(text)
    assert text.startswith(prefix)
    assert len(prefix) == 12
    assert accounts.new_token()[0] != text


async def test_any_text_can_be_looked_up_as_a_token() -> None:
    assert len(accounts.hash_token("\ud800 \0 é")) == 32


async def test_conflict_names_the_field_where_postgresql_names_the_constraint() -> None:
    assert accounts.conflicting_field(Conflict("", constraint="users_email_key")) == "email"
    assert accounts.conflicting_field(Conflict("", constraint="users_username_key")) == "username"
    assert accounts.conflicting_field(Conflict("")) is None
