"""The command itself: version, overview, wrong options, wrong settings, absent servers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import kleio as package
from kleio.cli import COMMANDS, kleio
from kleio_process import free_port

from .conftest import Run, one_line

SLOW = ("litestar", "granian", "lxml", "psycopg", "argon2", "yoyo")


def test_version() -> None:
    result = CliRunner().invoke(kleio, ["--version"])
    assert (result.exit_code, result.stdout) == (0, f"kleio {package.__version__}\n")


def test_overview_names_every_command() -> None:
    result = CliRunner().invoke(kleio, ["--help"])
    assert result.exit_code == 0
    for name in COMMANDS:
        assert f" {name} " in result.stdout


def test_overview_imports_nothing_slow() -> None:
    script = (
        "import sys; from kleio.cli import kleio\n"
        "try: kleio.main(['--help'], prog_name='kleio')\n"
        f"except SystemExit: print([name for name in {SLOW!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    "command",
    [
        *([name] for name in COMMANDS if name not in ("user", "token", "import")),
        *(["user", name] for name in ("add", "list", "remove", "password")),
        *(["token", name] for name in ("create", "list", "revoke")),
        ["import", "discogs-dump"],
    ],
    ids=" ".join,
)
def test_every_command_has_help_with_an_example(command: list[str]) -> None:
    result = CliRunner().invoke(kleio, [*command, "--help"])
    assert result.exit_code == 0
    assert f"Example: kleio {' '.join(command)}" in result.stdout


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["nonsense"], "'nonsense'"),
        (["migrate", "--nonsense"], "'--nonsense'"),
        (["serve", "--port", "70000"], "'--port'"),
        (["user", "add", "ada"], "'--email'"),
        (["token", "revoke", "ada", "not-an-id"], "'TOKEN_ID'"),
        (["migrate", "--force"], "--force"),
        (["rollback", "--to"], "--to"),
    ],
)
def test_wrong_use_is_one_line_and_exit_2(args: list[str], words: str) -> None:
    result = CliRunner().invoke(kleio, args)
    assert result.exit_code == 2
    assert words in one_line(result)
    assert result.stdout == ""


@pytest.mark.parametrize(
    "command", [["serve"], ["demo"], ["migrate"], ["user", "list"], ["doctor"]]
)
def test_wrong_setting_exits_2_and_names_the_variable(command: list[str], tmp_path: Path) -> None:
    result = CliRunner().invoke(
        kleio, command, env={"KLEIO_HOME": str(tmp_path), "DB_MAX_OPEN_CONNS": "many"}
    )
    assert result.exit_code == 2
    line = one_line(result)
    assert "DB_MAX_OPEN_CONNS" in line
    assert "'many'" in line


@pytest.mark.parametrize("command", [["serve"], ["migrate"], ["migrations"], ["user", "list"]])
def test_absent_server_is_one_line_and_exit_1(command: list[str], tmp_path: Path) -> None:
    url = f"postgresql://ada:secret-word@127.0.0.1:{free_port()}/kleio"
    env = {"DATABASE_URL": url, "KLEIO_HOME": str(tmp_path), "KLEIO_PORT": str(free_port())}
    result = CliRunner().invoke(kleio, command, env=env)
    assert result.exit_code == 1
    line = one_line(result)
    assert "Connection refused" in line
    assert "secret-word" not in line


@pytest.mark.parametrize("command", [["serve"], ["user", "list"], ["token", "list", "ada"]])
def test_own_server_that_is_not_migrated_is_told_so(run_empty: Run, command: list[str]) -> None:
    result = run_empty(*command, KLEIO_PORT=str(free_port()))
    assert result.exit_code == 1
    assert "run `kleio migrate`" in one_line(result)


def test_traceback_only_under_debug(tmp_path: Path) -> None:
    env = {"DATABASE_URL": f"host=127.0.0.1 port={free_port()}", "KLEIO_HOME": str(tmp_path)}
    assert "Traceback" not in CliRunner().invoke(kleio, ["user", "list"], env=env).stderr
    debug = CliRunner().invoke(kleio, ["user", "list"], env={**env, "KLEIO_LOG_LEVEL": "debug"})
    assert "Traceback" in debug.stderr
    assert debug.exit_code == 1
