"""What a name, an address and a password may be."""

from __future__ import annotations

import pytest

from kleio import account_rules
from kleio.account_rules import InvalidField


@pytest.mark.parametrize("length", [8, 1024])
def test_shortest_and_longest_password(length: int) -> None:
    account_rules.check_password_rules("x" * length)


def test_password_one_character_too_short() -> None:
    with pytest.raises(InvalidField, match="8 to 1,024"):
        account_rules.check_password_rules("x" * 7)


@pytest.mark.parametrize("name", ["a", "Ada", "0x", "a.b-c_d", "x" * 64])
def test_good_usernames(name: str) -> None:
    account_rules.check_username(name)


@pytest.mark.parametrize("name", ["", ".a", "a b", "a\n", "é", "x" * 65, "a\0", "a/b", "-a"])
def test_bad_usernames(name: str) -> None:
    with pytest.raises(InvalidField) as raised:
        account_rules.check_username(name)
    assert raised.value.field == "username"


@pytest.mark.parametrize("email", ["a@b", "ada.l+x@example.org", "é@例え.jp", "a@" + "b" * 252])
def test_good_addresses(email: str) -> None:
    account_rules.check_email(email)


@pytest.mark.parametrize(
    "email", ["", "a", "a@", "@b", "a b@c", "a@b@c", "a@b\n", "a@b\0", "a@" + "b" * 253, "a@\u200b"]
)
def test_bad_addresses(email: str) -> None:
    with pytest.raises(InvalidField) as raised:
        account_rules.check_email(email)
    assert raised.value.field == "email"
