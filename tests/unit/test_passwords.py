"""The hashes of passwords: their parameters, their checks, and how many at once."""

from __future__ import annotations

import asyncio

import argon2
import pytest

from kleio import passwords
from kleio.account_rules import InvalidField
from kleio.db.errors import Overloaded

pytestmark = pytest.mark.anyio

CHEAP = argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "HASHER", CHEAP)


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


async def test_password_parameters_are_those_promised() -> None:
    hashed = await passwords.hash_password("correct horse")
    parameters = argon2.extract_parameters(hashed)
    assert (parameters.memory_cost, parameters.time_cost, parameters.parallelism) == (65536, 3, 4)
    assert parameters.type is argon2.Type.ID
    assert await passwords.verify_password("correct horse", hashed) == (True, None)
    assert await passwords.verify_password("wrong horse", hashed) == (False, None)


@pytest.mark.usefixtures("cheap")
async def test_password_is_the_same_however_a_system_writes_its_letters() -> None:
    hashed = await passwords.hash_password("cafe\u0301 noir")
    assert await passwords.verify_password("café noir", hashed) == (True, None)


@pytest.mark.usefixtures("cheap")
async def test_right_password_under_old_parameters_gives_a_new_hash() -> None:
    old = argon2.PasswordHasher(time_cost=2, memory_cost=64, parallelism=1).hash("correct horse")
    is_right, new = await passwords.verify_password("correct horse", old)
    assert is_right
    assert new is not None
    assert await passwords.verify_password("correct horse", new) == (True, None)
    assert await passwords.verify_password("wrong horse", old) == (False, None)


async def test_nobodys_password_costs_what_a_real_one_costs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counting = CountingHasher()
    monkeypatch.setattr(passwords, "HASHER", counting)
    hashed = CHEAP.hash("correct horse")
    assert await passwords.verify_password("wrong horse", hashed) == (False, None)
    assert await passwords.verify_password("wrong horse", None) == (False, None)
    with_hash, without = counting.checked
    assert with_hash == without


@pytest.mark.usefixtures("cheap")
@pytest.mark.parametrize("stored", ["", "plain", "$argon2id$broken", "$2b$12$bcrypt"])
async def test_damaged_hash_lets_nobody_in(stored: str) -> None:
    assert await passwords.verify_password("correct horse", stored) == (False, None)


@pytest.mark.usefixtures("cheap")
@pytest.mark.parametrize("password", ["x" * 1025, "with\0nul in it", "lone \ud800 surrogate"])
async def test_impossible_passwords_are_wrong_and_never_an_error(password: str) -> None:
    assert await passwords.verify_password(password, CHEAP.hash("correct horse")) == (False, None)
    with pytest.raises(InvalidField) as raised:
        await passwords.hash_password(password)
    assert raised.value.field == "password"


@pytest.mark.usefixtures("cheap")
async def test_a_crowd_of_logins_is_refused_and_not_queued_for_ever() -> None:
    room = passwords.HASHING_THREADS + passwords.HASHING_QUEUE
    results = await asyncio.gather(
        *(passwords.verify_password("correct horse", None) for _ in range(room + 10)),
        return_exceptions=True,
    )
    assert sum(isinstance(result, Overloaded) for result in results) == 10
    assert sum(result == (False, None) for result in results) == room
    assert await passwords.verify_password("correct horse", None) == (False, None)
