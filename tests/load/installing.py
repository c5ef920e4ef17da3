"""What a load run needs installed: what is measured against, and Kleio as people install it.

Kleio is served from a wheel of this checkout and its locked packages, without those that tests and
tools need: the framework loads some of them where it finds them, at nine megabytes a worker.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import venv
from contextlib import suppress
from importlib.metadata import requires
from itertools import pairwise
from pathlib import Path

from measuring import say
from packaging.requirements import Requirement

_NAME = re.compile(r"^([A-Za-z0-9][\w.-]*)==", re.M)


def installed(folder: Path, lock: str, what: str) -> Path:
    """Return the programs of a venv with the packages of a lock, made where it is another's."""
    wanted = hashlib.sha256(lock.encode()).hexdigest()
    stamp = folder / "locked"
    with suppress(OSError):
        if stamp.read_text() == wanted:
            return folder / "bin"
    say(f"installing {what}, into {folder}")
    venv.create(folder, clear=True, with_pip=True)
    requirements = folder / "requirements.lock"
    requirements.write_text(lock)
    _pip(folder, "--no-deps", "--require-hashes", "-r", str(requirements))
    stamp.write_text(wanted)
    return folder / "bin"


def served(checkout: Path, folder: Path) -> Path:
    """Return the `kleio` of a venv with a wheel of the checkout and only what it needs."""
    lock = runtime_lock((checkout / "requirements.lock").read_text(), needed("kleio"))
    programs = installed(folder, lock, "Kleio as people install it")
    dist = folder / "dist"
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", dist, checkout],
        check=True, capture_output=True,
    )  # fmt: skip
    (wheel,) = dist.glob("kleio-*.whl")
    _pip(folder, "--no-deps", "--no-index", "--force-reinstall", str(wheel))
    wheel.unlink()
    return programs / "kleio"


def runtime_lock(lock: str, names: set[str]) -> str:
    """Return the entries of a lock that are of these packages, hashes and all."""
    starts = [*(match.start() for match in _NAME.finditer(lock)), len(lock)]
    entries = [lock[begin:end] for begin, end in pairwise(starts)]
    return "".join(entry for entry in entries if _plain(entry.partition("==")[0]) in names)


def needed(package: str) -> set[str]:
    """Return what an installed package needs on this machine, without its own extras."""
    seen: set[tuple[str, frozenset[str]]] = set()
    todo: list[tuple[str, frozenset[str]]] = [(package, frozenset())]
    while todo:
        name, extras = todo.pop()
        for requirement in map(Requirement, requires(name) or ()):
            marker = requirement.marker
            if marker is None or any(marker.evaluate({"extra": e}) for e in {"", *extras}):
                found = _plain(requirement.name), frozenset(requirement.extras)
                if found not in seen:
                    seen.add(found)
                    todo.append(found)
    return {name for name, _ in seen}


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _pip(folder: Path, *arguments: str) -> None:
    subprocess.run(
        [folder / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "--no-input",
         "install", "--quiet", *arguments],
        check=True, stdout=sys.stderr,
    )  # fmt: skip
