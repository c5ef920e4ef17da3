"""The check after an import: it finds what is missing and what is not as it was in the file."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import UTC
from pathlib import Path

import pytest

import old_kleio
from factories import Account, make_user
from kleio.db.queries import Connection
from kleio.importers.account_import import import_source
from kleio.importers.import_check import SAMPLE, Check, Witness, check
from kleio.importers.kleio_sqlite import KleioSqlite
from kleio.importers.older_report import Report, make_report

pytestmark = pytest.mark.anyio


Build = Callable[..., Path]


@pytest.fixture
def build(tmp_path: Path) -> Build:
    def make(*traps: str, name: str = "sqlite.db", **sizes: int) -> Path:
        return old_kleio.build(tmp_path / name, traps=traps, **sizes)

    return make


@pytest.fixture
async def ada(conn: Connection) -> Account:
    return await make_user(conn, "ada")


async def checked_after(
    conn: Connection, account: Account, path: Path, harm: str
) -> tuple[Check, Report]:
    """Import, harm what was written, and check."""
    with closing(KleioSqlite(path)) as source:
        witness = Witness(source)
        run = await import_source(conn, account.id, witness)
        await conn.execute(harm)  # type: ignore[arg-type]
        checked = await check(conn, account.id, run, witness)
        report = make_report(
            run,
            user="ada",
            findings=source.findings,
            check=checked,
            file_seconds=source.play_seconds(),
        )
    assert not report.passed
    return checked, report


async def test_check_misses_rows_and_minutes(conn: Connection, ada: Account, build: Build) -> None:
    harm = "DELETE FROM play_history WHERE played_at < '2006-01-04'"
    checked, report = await checked_after(conn, ada, build(), harm)
    assert checked.kinds["play"].kleio == 37
    assert "play: 40 records, but 37 rows" in report.failures
    assert "play_history: 40 carried over, 37 in Kleio" in report.failures
    assert any(failure.startswith("minutes: ") for failure in report.failures)
    assert "play_history 1: its row is not there" in report.failures


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        ("UPDATE user_releases SET rating = 4 WHERE rating = 5", "rating: 5 in the file, 4"),
        (
            "UPDATE play_history SET played_at = played_at + interval '1 hour'",
            "play_history 1, played_at:",
        ),
        ("UPDATE play_history SET stylus_id = NULL", "stylus_id: 'mp-110' in the file, None"),
        ("UPDATE cleaning_history SET notes = 'x' WHERE notes = 'Wet'", "notes: 'Wet' in the file"),
        ("UPDATE styluses SET expected_lifespan_hours = 1", "expected_lifespan_hours: 1000"),
        ("UPDATE folders SET name = 'Jizz' WHERE name = 'Jazz'", "folders 201, name: 'Jazz'"),
        ("UPDATE release_formats SET qty = '9'", "formats:"),
        ("UPDATE tracks SET title = 'x' WHERE seq = 2", "tracks:"),
        ("DELETE FROM tracks WHERE seq = 3", "tracks: 48 carried over, 36 in Kleio"),
        ("DELETE FROM release_styles", "release_styles: 12 carried over, 0 in Kleio"),
    ],
)
async def test_check_compares_each_field(
    conn: Connection, ada: Account, build: Build, harm: str, words: str
) -> None:
    _, report = await checked_after(conn, ada, build(), harm)
    assert any(words in failure for failure in report.failures), report.failures


async def test_parts_are_counted_beside_rows_of_no_release(
    conn: Connection, ada: Account, build: Build
) -> None:
    path = build("text_in_numbers", "numbers_impossible")
    _, report = await checked_after(conn, ada, path, "DELETE FROM release_labels")
    assert "release_labels: 12 carried over, 0 in Kleio" in report.failures


async def test_sample_is_bounded_and_the_same_for_the_same_file(build: Build) -> None:
    path = build(releases=300, plays=1000)
    samples = []
    for _ in range(2):
        with closing(KleioSqlite(path, zone=UTC)) as source:
            witness = Witness(source)
            assert sum(1 for _ in witness) == sum(witness.records.values())
            samples.append(witness.sampled())
    assert samples[0] == samples[1]
    plays = [seq for seq, row in samples[0].items() if row.kind == "play"]
    assert len(plays) == SAMPLE
    # From all of the file, not its beginning.
    assert max(plays) > 1200
