"""The wheel holds all that Kleio needs: built, installed in a clean venv, migrated and served.

The venv has the packages of the environment that runs the tests, but not its Kleio: that one is
editable, reached through a `.pth` file, and Python reads such files only in the site-packages of
the venv itself. Nothing is fetched.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

CHECKOUT = Path(__file__).parents[2]
START_SECONDS = 60
STOP_SECONDS = 30


def run(*command: str | Path, **options: object) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; a failure shows all that it said."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, f"{command} exited {done.returncode}\n{done.stdout}{done.stderr}"
    return done


def environment(**variables: str) -> dict[str, str]:
    """Return the environment without what could lead Python or Kleio back to the checkout."""
    scrubbed = ("KLEIO_", "DB_", "DATABASE_", "PG", "PYTHON", "COV_", "VIRTUAL_ENV")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(scrubbed)}
    return kept | variables


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the checkout with the tools of this environment."""
    folder = tmp_path_factory.mktemp("dist")
    build = (sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder)
    run(*build, CHECKOUT, env=environment())
    (built,) = folder.glob("kleio-*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` folder of a venv with Kleio from the wheel."""
    venv = tmp_path_factory.mktemp("venv")
    run(sys.executable, "-m", "venv", "--without-pip", venv)
    python = venv / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check")
    run(*pip, "install", "--quiet", "--no-deps", "--no-index", wheel, env=environment())
    where = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))")
    packages = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    Path(where.stdout.strip(), "packages.pth").write_text("\n".join(sorted(packages)) + "\n")
    return venv / "bin"


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """An empty working directory."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return folder


@contextlib.contextmanager
def serving(installed: Path, cwd: Path, *arguments: str, **variables: str) -> Iterator[str]:
    """Run `kleio serve` until it answers, give its address, and have SIGTERM end it with 0."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = cwd.parent / "serve.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            (installed / "kleio", "serve", "--port", str(port), *arguments),
            cwd=cwd,
            env=environment(**variables),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            address = f"http://127.0.0.1:{port}"
            wait_for(f"{address}/health/live", process, log)
            yield address
            process.send_signal(signal.SIGTERM)
            assert process.wait(STOP_SECONDS) == 0, log.read_text()
        except subprocess.TimeoutExpired:
            pytest.fail(f"still running {STOP_SECONDS} s after SIGTERM\n{log.read_text()}")
        finally:
            process.kill()
            process.wait()


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5):
            return
        # Waits a moment, and ends at once when the server does.
        with contextlib.suppress(subprocess.TimeoutExpired):
            pytest.fail(f"kleio serve exited {process.wait(0.05)}\n{log.read_text()}")
    pytest.fail(f"no answer from {url} after {START_SECONDS} s\n{log.read_text()}")


def get_json(url: str) -> tuple[int, object]:
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_wheel_holds_every_query_and_migration(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    for folder in ("queries", "migrations"):
        expected = {f"kleio/{folder}/{path.name}" for path in (CHECKOUT / folder).glob("*.sql")}
        assert expected, f"no SQL in {folder}/"
        found = {name for name in names if name.startswith(f"kleio/{folder}/")}
        assert {name for name in found if name.endswith(".sql")} == expected
    page = CHECKOUT / "src/kleio/web"
    drawn = [*(page / "templates").rglob("*"), *(page / "static").rglob("*")]
    expected = {f"kleio/web/{path.relative_to(page)}" for path in drawn if path.is_file()}
    assert len(expected) > 20
    assert expected <= names
    assert "kleio/py.typed" in names
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    assert all(name.startswith(("kleio/", "kleio-")) for name in names)


def test_installed_kleio_is_the_wheels(installed: Path, elsewhere: Path) -> None:
    show = "import kleio, kleio.db.queries as q; print(kleio.__file__, q.sql_folder('queries'))"
    done = run(installed / "python", "-c", show, cwd=elsewhere, env=environment())
    for path in done.stdout.split():
        assert Path(path).is_relative_to(installed.parent)


def test_dry_run_prints_the_wheels_migrations(
    installed: Path, elsewhere: Path, empty_conninfo: str
) -> None:
    variables = {"DATABASE_URL": empty_conninfo, "KLEIO_HOME": str(elsewhere.parent / "home")}
    command = (installed / "kleio", "migrate", "--dry-run")
    done = run(*command, cwd=elsewhere, env=environment(**variables))
    for path in (CHECKOUT / "migrations").glob("*.sql"):
        if not path.name.endswith(".rollback.sql"):
            assert path.stem in done.stdout
    assert "CREATE TABLE releases" in done.stdout
    with psycopg.connect(empty_conninfo) as conn:
        tables = conn.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        assert tables.fetchone() == (0,)
    assert list(elsewhere.iterdir()) == []


def test_serves_from_the_wheel_with_nothing_configured(installed: Path, elsewhere: Path) -> None:
    home = elsewhere.parent / "home"
    with serving(installed, elsewhere, KLEIO_HOME=str(home)) as address:
        status, health = get_json(f"{address}/health")
        assert status == 200, health
        status, document = get_json(f"{address}/openapi.json")
        assert status == 200, document
        assert str(document["openapi"]).startswith("3.")
        with urllib.request.urlopen(f"{address}/", timeout=10) as page:
            assert "Welcome to your" in page.read().decode()
    assert list(home.rglob("postmaster.pid")) == [], "PostgreSQL was left running"
    assert list(elsewhere.iterdir()) == [], "something was written to the working directory"
