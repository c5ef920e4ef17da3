"""requirements.lock has what pyproject.toml asks for, with hashes, and names no address."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CHECKOUT = Path(__file__).parents[2]
PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
# An extra may ask for Kleio's other extras.
ASKED = [
    *PROJECT["dependencies"],
    *(text for extra in EXTRAS.values() for text in extra if not text.startswith("kleio[")),
]
LOCK = (CHECKOUT / "requirements.lock").read_text()


@pytest.fixture(scope="module")
def locked() -> dict[str, Requirement]:
    """The locked requirements by name; a line that is none fails here."""
    entries = LOCK.replace("\\\n", " ").splitlines()
    found: dict[str, Requirement] = {}
    for entry in entries:
        requirement = Requirement(entry.split(" --hash")[0])
        hashes = re.findall(r"--hash=(\S+)", entry)
        assert hashes, f"{requirement.name} has no hash"
        assert all(re.fullmatch("sha256:[0-9a-f]{64}", each) for each in hashes)
        assert [each.operator for each in requirement.specifier] == ["=="]
        found[canonicalize_name(requirement.name)] = requirement
    return found


@pytest.mark.parametrize("text", ASKED)
def test_lock_has_what_the_project_asks_for(text: str, locked: dict[str, Requirement]) -> None:
    asked = Requirement(text)
    assert canonicalize_name(asked.name) in locked, "run `make lock`"
    (pinned,) = locked[canonicalize_name(asked.name)].specifier
    assert asked.specifier.contains(pinned.version), "run `make lock`"


def test_developers_have_every_extra() -> None:
    (own,) = (Requirement(text) for text in EXTRAS["dev"] if text.startswith("kleio["))
    assert own.extras == EXTRAS.keys() - {"dev"}


def test_lock_names_no_address() -> None:
    assert not re.search(r"//|://|@|--index|--extra|--find|[a-z]\.(?:org|com|net|io)\b", LOCK)
