"""What the container may do: nothing as root, nothing to its own files, nothing to other hosts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
    return found


@pytest.mark.parametrize("service", ["kleio", "migrate", "cache"])
def test_a_service_is_confined(compose: dict[str, Any], service: str) -> None:
    found = compose["services"][service]
    assert found["read_only"] is True
    assert found["cap_drop"] == ["ALL"]
    assert found["security_opt"] == ["no-new-privileges:true"]
    assert "cap_add" not in found
    assert "privileged" not in found
    assert all(
        ":" in volume and not volume.startswith(("/", ".")) for volume in found.get("volumes", ())
    )


def test_only_this_machine_reaches_it(compose: dict[str, Any]) -> None:
    published = {
        name: service["ports"]
        for name, service in compose["services"].items()
        if "ports" in service
    }
    assert published == {"kleio": ["127.0.0.1:8000:8000"]}
    assert compose["networks"]["back"] == {"internal": True}


def test_no_secret_stands_in_it(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        for name, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD|SECRET|TOKEN", name):
                assert name.endswith("_FILE"), name
                assert str(value).startswith("/run/secrets/")


def test_the_image_runs_as_nobody_special() -> None:
    text = (ROOT / "Dockerfile").read_text("utf-8")
    users = re.findall(r"^USER (.+)$", text, re.MULTILINE)
    assert users == ["10001:10001"]
    after = text.partition("USER 10001")[2]
    assert not re.search(r"^(RUN|COPY|ADD) ", after, re.MULTILINE)
    assert "--require-hashes" in text
