"""What a user's name, address, password and other texts must look like.

The rules alone: nothing here reads or writes, and what a request's body may hold is derived from
the same patterns (`kleio.http.fields`).
"""

from __future__ import annotations

import re

END = r"(?![\s\S])$"
"""The end of a text in a pattern: `$` alone is also true before a line feed that ends the text. The
OpenAPI document shows patterns, so it is one of those that JSON Schema knows."""

USERNAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}" + END
EMAIL_PATTERN = r"^[^@\s]+@[^@\s]+" + END
EMAIL_LENGTH = 254
DISCOGS_USERNAME_LENGTH = 100
TOKEN_NAME_LENGTH = 100
PASSWORD_LENGTHS = (8, 1024)


class InvalidField(ValueError):
    """A field that an account can't have; `field` is its name, `problem` what is wrong with it."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem


def check_username(username: str) -> None:
    """Refuse what can't be a user's name.

    Raises:
        InvalidField: it does not match USERNAME_PATTERN.
    """
    if re.search(USERNAME_PATTERN, username) is None:
        raise InvalidField(
            "username", "must be 1 to 64 letters, digits, '.', '_' or '-', a letter or digit first"
        )


def check_email(email: str) -> None:
    """Refuse what can't be an e-mail address; only sending to it would tell more.

    Raises:
        InvalidField: it does not match EMAIL_PATTERN, or is too long.
    """
    if (
        re.search(EMAIL_PATTERN, email) is None
        or len(email) > EMAIL_LENGTH
        or not email.isprintable()
    ):
        raise InvalidField(
            "email",
            f"must be an address such as ada@example.org, at most {EMAIL_LENGTH} characters",
        )


def check_password_rules(password: str) -> None:
    """Refuse a password that can't be one.

    Raises:
        InvalidField: it is shorter than 8 or longer than 1,024 characters, or holds a NUL.
    """
    shortest, longest = PASSWORD_LENGTHS
    if not shortest <= len(password) <= longest:
        raise InvalidField("password", f"must have {shortest} to {longest:,} characters")
    if not is_text(password):
        raise InvalidField("password", "must be text without NUL")


def check_text(field: str, value: str, longest: int) -> None:
    """Refuse a text that people would not see, or that is too long.

    Raises:
        InvalidField: it does not have 1 to `longest` printable characters, and more than spaces.
    """
    if not value.strip() or len(value) > longest or not value.isprintable():
        raise InvalidField(field, f"must be 1 to {longest} printable characters")


def is_text(value: str) -> bool:
    """Return whether PostgreSQL and UTF-8 can hold it: no NUL, no lone surrogates."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in value
