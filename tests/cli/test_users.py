"""`kleio user` and `kleio token`, and what of them the API's queries see."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from kleio import accounts, passwords
from kleio.db.pool import Database
from kleio.db.queries import Connection
from kleio.repositories import folders, tokens, users

from .conftest import Run, one_line

pytestmark = pytest.mark.anyio

ADD = ("user", "add", "ada", "--email", "ada@example.org")


async def test_added_user_has_a_folder_and_a_token_that_opens_a_session(
    run: Run, conn: Connection
) -> None:
    result = run(*ADD, "--admin", "--discogs-username", "ada-l")
    assert result.exit_code == 0
    (text,) = result.stdout.splitlines()
    assert text.startswith("kleio_")
    session = await tokens.get_session(
        conn, token_hash=accounts.hash_token(text), now=datetime.now(UTC)
    )
    assert session is not None
    assert (session.username, session.role) == ("ada", "admin")
    (folder,) = await folders.list_folders(conn, user_id=session.user_id)
    assert (folder.number, folder.name) == (1, "Uncategorized")
    user = await users.get_user(conn, user_id=session.user_id)
    assert user is not None
    assert (user.email, user.discogs_username) == ("ada@example.org", "ada-l")
    assert not user.has_password


def test_json_for_scripts(run: Run) -> None:
    added = json.loads(run(*ADD, "--json").stdout)
    assert set(added) == {"id", "username", "token"}
    assert added["username"] == "ada"
    (listed,) = json.loads(run("user", "list", "--json").stdout)
    assert listed["id"] == added["id"]


def test_the_same_user_twice(run: Run) -> None:
    assert run(*ADD).exit_code == 0
    again = run(*ADD)
    assert (again.exit_code, again.stdout) == (1, "")
    assert one_line(again) == "kleio: user 'ada' exists already"
    other_case = run("user", "add", "ADA", "--email", "other@example.org")
    assert one_line(other_case) == "kleio: user 'ADA' exists already"
    same_address = run("user", "add", "ben", "--email", "ADA@example.org")
    assert (same_address.exit_code, same_address.stdout) == (1, "")
    assert "ADA@example.org" in one_line(same_address)
    assert len(json.loads(run("user", "list", "--json").stdout)) == 1


@pytest.mark.parametrize(
    ("args", "field"),
    [
        (("a b", "--email", "a@example.org"), "username"),
        (("ada", "--email", "example.org"), "email"),
        (("ada", "--email", "a@example.org", "--discogs-username", " "), "discogsUsername"),
    ],
)
def test_wrong_field_is_named(run: Run, args: tuple[str, ...], field: str) -> None:
    result = run("user", "add", *args)
    assert result.exit_code == 2
    assert one_line(result).startswith(f"kleio: {field}: ")
    assert json.loads(run("user", "list", "--json").stdout) == []


@pytest.mark.parametrize(
    "line", ["short\n", "", "nul in \0 the middle\n", b"\xff\xfe\xff\xfe\xff\xfe\xff\xfe"]
)
def test_wrong_password_on_stdin(run: Run, line: str | bytes) -> None:
    result = run(*ADD, "--password-stdin", input=line)
    assert result.exit_code == 2
    assert one_line(result).startswith("kleio: password: ")


async def test_password_signs_in(run: Run, database: Database) -> None:
    assert run(*ADD, "--password-stdin", input=" spaces count \nnext line\n").exit_code == 0
    now = datetime.now(UTC)

    async def sign_in(username: str, password: str) -> accounts.SignIn | None:
        return await accounts.sign_in(database.connection, username, password, lifetime=60, now=now)

    signed_in = await sign_in("Ada", " spaces count ")
    assert signed_in is not None
    async with database.connection() as conn:
        found = await tokens.get_session(
            conn, token_hash=accounts.hash_token(signed_in.text), now=now
        )
        expired = await tokens.get_session(
            conn,
            token_hash=accounts.hash_token(signed_in.text),
            now=now + timedelta(seconds=60),
        )
    assert found is not None
    assert found.username == "ada"
    assert expired is None
    assert await sign_in("ada", "spaces count") is None
    assert await sign_in("nobody", " spaces count ") is None
    assert await sign_in("ada\0", " spaces count ") is None
    assert run("user", "password", "ada", input="another one\n").exit_code == 0
    assert await sign_in("ada", " spaces count ") is None
    assert await sign_in("ada", "another one") is not None


async def test_sign_in_renews_a_hash_with_old_parameters(
    run: Run, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    import argon2

    weak = argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    with monkeypatch.context() as patch:
        patch.setattr(passwords, "HASHER", weak)
        assert run(*ADD, "--password-stdin", input="correct horse").exit_code == 0
    for _ in range(2):
        assert await accounts.sign_in(
            database.connection, "ada", "correct horse", lifetime=60, now=datetime.now(UTC)
        )
    async with database.connection() as conn:
        secret = await users.get_user_secret(conn, username="ada")
    assert secret is not None
    assert "$m=65536,t=3,p=4$" in (secret.password_hash or "")


async def test_sign_in_undoes_no_password_that_is_set_meanwhile(
    run: Run, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    import argon2

    now = datetime.now(UTC)
    weak = argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    with monkeypatch.context() as patch:
        patch.setattr(passwords, "HASHER", weak)
        assert run(*ADD, "--password-stdin", input="correct horse").exit_code == 0
    verify = passwords.verify_password

    async def overtaken(password: str, password_hash: str | None) -> tuple[bool, str | None]:
        found = await verify(password, password_hash)
        async with database.connection() as conn:
            user = await users.get_user_by_username(conn, username="ada")
            assert user is not None
            assert await accounts.set_password(
                conn, user_id=user.id, password="battery staple", now=datetime.now(UTC)
            )
        return found

    with monkeypatch.context() as patch:
        patch.setattr(passwords, "verify_password", overtaken)
        await accounts.sign_in(database.connection, "ada", "correct horse", lifetime=60, now=now)
    for password, is_right in (("correct horse", False), ("battery staple", True)):
        signed_in = await accounts.sign_in(
            database.connection, "ada", password, lifetime=60, now=now
        )
        assert (signed_in is not None) is is_right


async def test_user_without_password_can_not_sign_in(run: Run, database: Database) -> None:
    run(*ADD)
    assert not await accounts.sign_in(
        database.connection, "ada", "A" * 43, lifetime=60, now=datetime.now(UTC)
    )


def test_remove_asks(run: Run) -> None:
    run(*ADD)
    for answer in ("n\n", ""):
        refused = run("user", "remove", "ada", input=answer)
        assert refused.exit_code == 1
        assert "nothing was removed" in refused.stderr
    assert run("user", "remove", "ada", input="y\n").exit_code == 0
    gone = run("user", "remove", "ada", "--yes")
    assert gone.exit_code == 1
    assert one_line(gone) == "kleio: user 'ada' does not exist"


def test_removing_the_last_administrator_says_so(run: Run) -> None:
    for name in ("ada", "ben"):
        run("user", "add", name, "--email", f"{name}@example.org", "--admin")
    run("user", "add", "eve", "--email", "eve@example.org")
    for name, left in (("ada", True), ("ben", False), ("eve", True)):
        removed = run("user", "remove", name, "--yes")
        assert removed.exit_code == 0
        assert ("no administrator is left" not in removed.stderr) is left


async def test_removed_users_token_opens_nothing(run: Run, conn: Connection) -> None:
    text = run(*ADD).stdout.strip()
    assert run("user", "remove", "ADA", "--yes").exit_code == 0
    assert not await tokens.get_session(
        conn, token_hash=accounts.hash_token(text), now=datetime.now(UTC)
    )


async def test_tokens_are_made_listed_and_revoked(run: Run, conn: Connection) -> None:
    run(*ADD)
    made = json.loads(
        run("token", "create", "ada", "--name", "phone", "--expires", "90d", "--json").stdout
    )
    expires_at = datetime.fromisoformat(made["expiresAt"])
    assert timedelta(days=89) < expires_at - datetime.now(UTC) <= timedelta(days=90)
    token_hash = accounts.hash_token(made["token"])
    assert await tokens.get_session(conn, token_hash=token_hash, now=datetime.now(UTC))
    assert not await tokens.get_session(conn, token_hash=token_hash, now=expires_at)
    listed = run("token", "list", "ada").stdout
    assert "phone" in listed
    assert made["token"] not in listed
    assert run("token", "revoke", "ada", made["id"]).exit_code == 0
    assert not await tokens.get_session(conn, token_hash=token_hash, now=datetime.now(UTC))
    again = run("token", "revoke", "ada", made["id"])
    assert again.exit_code == 1
    assert made["id"] in one_line(again)


def test_nobody_revokes_anothers_token(run: Run) -> None:
    run(*ADD)
    run("user", "add", "ben", "--email", "ben@example.org")
    (token,) = json.loads(run("token", "list", "ada", "--json").stdout)
    assert run("token", "revoke", "ben", token["id"]).exit_code == 1
    assert len(json.loads(run("token", "list", "ada", "--json").stdout)) == 1


@pytest.mark.parametrize("expires", ["9q", "-1d", "", "0", "100000d", "1\0d"])
def test_wrong_duration_is_named(run: Run, expires: str) -> None:
    run(*ADD)
    result = run("token", "create", "ada", "--expires", expires)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "--expires" in one_line(result)


@pytest.mark.parametrize("name", ["", "x" * 101, "a\nb"])
def test_wrong_token_name_is_named(run: Run, name: str) -> None:
    run(*ADD)
    result = run("token", "create", "ada", "--name", name)
    assert result.exit_code == 2
    assert one_line(result).startswith("kleio: name: ")


@pytest.mark.parametrize(
    "command",
    [
        ("user", "remove", "--yes"),
        ("user", "password"),
        ("token", "create"),
        ("token", "list"),
    ],
)
@pytest.mark.parametrize("name", ["nobody", "no body", "nul\0"])
def test_unknown_user(run: Run, command: tuple[str, ...], name: str) -> None:
    result = run(*command, name, input="long enough\n")
    assert (result.exit_code, result.stdout) == (1, "")
    assert one_line(result) == f"kleio: user {name!r} does not exist"


def test_unknown_user_has_no_token_to_revoke(run: Run) -> None:
    assert run("token", "revoke", "nobody", str(uuid4())).exit_code == 1


def test_list_pages_through_all_users(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from kleio.cli import users as module

    monkeypatch.setattr(module, "PAGE_SIZE", 2)
    names = ["ada", "Ben", "cleo", "dan", "Eve"]
    for name in names:
        assert run("user", "add", name, "--email", f"{name}@example.org").exit_code == 0
    listed = json.loads(run("user", "list", "--json").stdout)
    assert [user["username"] for user in listed] == names
    assert len(run("user", "list").stdout.splitlines()) == 1 + len(names)
