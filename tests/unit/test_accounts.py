"""The rules of accounts, tokens and password hashing; nothing here needs a database."""

from __future__ import annotations

import asyncio
import hashlib

import argon2
import pytest

from kleio import accounts
from kleio.accounts import InvalidField
from kleio.db.errors import Conflict, Overloaded

pytestmark = pytest.mark.anyio

CHEAP = argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "HASHER", CHEAP)


class CountingHasher:
    """The cheap hasher, with the parameters of each check it was asked for."""

    memory_cost, time_cost, parallelism = 64, 1, 1

    def __init__(self) -> None:
        self.checked: list[argon2.Parameters] = []

    def verify(self, password_hash: str, password: bytes) -> bool:
        self.checked.append(argon2.extract_parameters(password_hash))
        return CHEAP.verify(password_hash, password)

    def check_needs_rehash(self, password_hash: str) -> bool:
        return CHEAP.check_needs_rehash(password_hash)


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


async def test_password_parameters_are_those_promised() -> None:
    hashed = await accounts.hash_password("correct horse")
    parameters = argon2.extract_parameters(hashed)
    assert (parameters.memory_cost, parameters.time_cost, parameters.parallelism) == (65536, 3, 4)
    assert parameters.type is argon2.Type.ID
    assert await accounts.verify_password("correct horse", hashed) == (True, None)
    assert await accounts.verify_password("wrong horse", hashed) == (False, None)


@pytest.mark.usefixtures("cheap")
async def test_password_is_the_same_however_a_system_writes_its_letters() -> None:
    hashed = await accounts.hash_password("cafe\u0301 noir")
    assert await accounts.verify_password("café noir", hashed) == (True, None)


@pytest.mark.usefixtures("cheap")
async def test_right_password_under_old_parameters_gives_a_new_hash() -> None:
    old = argon2.PasswordHasher(time_cost=2, memory_cost=64, parallelism=1).hash("correct horse")
    is_right, new = await accounts.verify_password("correct horse", old)
    assert is_right
    assert new is not None
    assert await accounts.verify_password("correct horse", new) == (True, None)
    assert await accounts.verify_password("wrong horse", old) == (False, None)


async def test_nobodys_password_costs_what_a_real_one_costs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counting = CountingHasher()
    monkeypatch.setattr(accounts, "HASHER", counting)
    hashed = CHEAP.hash("correct horse")
    assert await accounts.verify_password("wrong horse", hashed) == (False, None)
    assert await accounts.verify_password("wrong horse", None) == (False, None)
    with_hash, without = counting.checked
    assert with_hash == without


@pytest.mark.usefixtures("cheap")
@pytest.mark.parametrize("stored", ["", "plain", "$argon2id$broken", "$2b$12$bcrypt"])
async def test_damaged_hash_lets_nobody_in(stored: str) -> None:
    assert await accounts.verify_password("correct horse", stored) == (False, None)


@pytest.mark.usefixtures("cheap")
@pytest.mark.parametrize("password", ["x" * 1025, "with\0nul in it", "lone \ud800 surrogate"])
async def test_impossible_passwords_are_wrong_and_never_an_error(password: str) -> None:
    assert await accounts.verify_password(password, CHEAP.hash("correct horse")) == (False, None)
    with pytest.raises(InvalidField) as raised:
        await accounts.hash_password(password)
    assert raised.value.field == "password"


@pytest.mark.parametrize("length", [8, 1024])
async def test_shortest_and_longest_password(length: int) -> None:
    accounts.check_password_rules("x" * length)


async def test_password_one_character_too_short() -> None:
    with pytest.raises(InvalidField, match="8 to 1,024"):
        accounts.check_password_rules("x" * 7)


@pytest.mark.usefixtures("cheap")
async def test_a_crowd_of_logins_is_refused_and_not_queued_for_ever() -> None:
    room = accounts.HASHING_THREADS + accounts.HASHING_QUEUE
    results = await asyncio.gather(
        *(accounts.verify_password("correct horse", None) for _ in range(room + 10)),
        return_exceptions=True,
    )
    assert sum(isinstance(result, Overloaded) for result in results) == 10
    assert sum(result == (False, None) for result in results) == room
    assert await accounts.verify_password("correct horse", None) == (False, None)


@pytest.mark.parametrize("name", ["a", "Ada", "0x", "a.b-c_d", "x" * 64])
async def test_good_usernames(name: str) -> None:
    accounts.check_username(name)


@pytest.mark.parametrize("name", ["", ".a", "a b", "a\n", "é", "x" * 65, "a\0", "a/b", "-a"])
async def test_bad_usernames(name: str) -> None:
    with pytest.raises(InvalidField) as raised:
        accounts.check_username(name)
    assert raised.value.field == "username"


@pytest.mark.parametrize("email", ["a@b", "ada.l+x@example.org", "é@例え.jp", "a@" + "b" * 252])
async def test_good_addresses(email: str) -> None:
    accounts.check_email(email)


@pytest.mark.parametrize(
    "email", ["", "a", "a@", "@b", "a b@c", "a@b@c", "a@b\n", "a@b\0", "a@" + "b" * 253, "a@\u200b"]
)
async def test_bad_addresses(email: str) -> None:
    with pytest.raises(InvalidField) as raised:
        accounts.check_email(email)
    assert raised.value.field == "email"


async def test_conflict_names_the_field_where_postgresql_names_the_constraint() -> None:
    assert accounts.conflicting_field(Conflict("", constraint="users_email_key")) == "email"
    assert accounts.conflicting_field(Conflict("", constraint="users_username_key")) == "username"
    assert accounts.conflicting_field(Conflict("")) is None
