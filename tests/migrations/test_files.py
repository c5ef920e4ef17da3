"""What the files in `migrations/` look like: header, rollback, and squawk's rules."""

from __future__ import annotations

import re
import subprocess
import sysconfig
import tomllib
from itertools import pairwise
from pathlib import Path

import pglast
import pytest
from pglast import ast
from pglast.enums import AlterTableType, ConstrType, ObjectType

from kleio.db.migration_files import migration_files
from kleio.db.queries import sql_folder

ROOT = Path(__file__).parents[2]
FILES = migration_files()
# What a rollback is for.
DROPS = (
    *("ban-drop-table", "ban-drop-type", "ban-drop-function", "ban-drop-extension"),
    *("ban-drop-constraint", "ban-drop-column", "ban-drop-view"),
)
each_file = pytest.mark.parametrize("path", FILES.values(), ids=FILES)


def rollback_of(path: Path) -> Path:
    return path.with_name(f"{path.stem}.rollback.sql")


@each_file
def test_a_migration_says_why_order_locks_and_undo(path: Path) -> None:
    lines = path.read_text("utf-8").splitlines()
    assert re.match(r"-- [A-Z].*\.$", lines[0])
    assert lines[1] == "--"
    keys = [match[1] for line in lines if (match := re.match(r"-- (\w+): {2,}\S", line))]
    assert keys == ["Why", "Order", "Locks", "Undo"]
    assert rollback_of(path).name in "\n".join(lines)


@each_file
def test_a_migration_has_its_rollback(path: Path) -> None:
    assert rollback_of(path).is_file()


@each_file
def test_what_a_rollback_loses_is_said_in_both_files(path: Path) -> None:
    loses = re.search(r"^-- loses: (.+)$", rollback_of(path).read_text("utf-8"), re.MULTILINE)
    (undo,) = re.findall(r"^-- Undo: .*$", path.read_text("utf-8"), re.MULTILINE)
    assert ("loses" in undo) == (loses is not None)


def test_every_rollback_has_its_migration() -> None:
    rollbacks = {path.name for path in sql_folder("migrations").glob("*.rollback.sql")}
    assert rollbacks == {rollback_of(path).name for path in FILES.values()}


def test_migrations_are_numbered_and_depend_each_on_the_one_before() -> None:
    names = list(FILES)
    assert [name[:5] for name in names] == [f"{n:04}_" for n in range(1, len(names) + 1)]
    for before, name in pairwise(names):
        assert f"-- depends: {before}\n" in FILES[name].read_text("utf-8")


@each_file
def test_a_concurrent_index_is_alone_in_its_file_and_not_in_a_transaction(path: Path) -> None:
    text = path.read_text("utf-8")
    statements = pglast.parse_sql(text)
    transactional = "-- transactional: false" not in text
    # A block that commits can't be in a transaction either.
    alone = re.search(r"\b(CONCURRENTLY|COMMIT)\b", re.sub(r"--.*", "", text)) is not None
    assert transactional == (not alone)
    assert transactional or len(statements) == 1


def indexes_on_older_tables(text: str) -> list[str]:
    """Return the indexes that a file builds on tables it did not make, while writes wait."""
    made: set[str] = set()
    found = []
    for raw in pglast.parse_sql(text):
        node = raw.stmt
        if isinstance(node, ast.CreateStmt):
            made.add(node.relation.relname)
        elif isinstance(node, ast.CreateTableAsStmt):
            made.add(node.into.rel.relname)
        elif isinstance(node, ast.IndexStmt):
            # ON ONLY a partitioned table builds nothing.
            if not (node.concurrent or node.relation.relname in made or not node.relation.inh):
                found.append(f"{node.idxname} on {node.relation.relname}")
        elif isinstance(node, ast.AlterTableStmt) and node.objtype == ObjectType.OBJECT_TABLE:
            for command in node.cmds:
                constraint = command.def_
                if (
                    command.subtype == AlterTableType.AT_AddConstraint
                    and constraint.contype in (ConstrType.CONSTR_UNIQUE, ConstrType.CONSTR_PRIMARY)
                    and constraint.indexname is None
                    and node.relation.relname not in made
                ):
                    found.append(f"{constraint.conname} on {node.relation.relname}")
    return found


@each_file
def test_an_index_on_an_older_table_is_built_concurrently(path: Path) -> None:
    assert indexes_on_older_tables(path.read_text("utf-8")) == [], (
        "in a file of its own: -- transactional: false and CREATE INDEX CONCURRENTLY"
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("CREATE INDEX i ON old (n)", ["i on old"]),
        ("CREATE TABLE new (n int); CREATE INDEX i ON new (n)", []),
        ("CREATE TABLE new (n int); CREATE UNIQUE INDEX i ON old (n)", ["i on old"]),
        ("CREATE MATERIALIZED VIEW v AS SELECT 1 AS n; CREATE INDEX i ON v (n)", []),
        ("CREATE INDEX CONCURRENTLY i ON old (n)", []),
        ("CREATE INDEX i ON ONLY old (n)", []),
        ("ALTER TABLE old ADD CONSTRAINT u UNIQUE (n)", ["u on old"]),
        ("ALTER TABLE old ADD CONSTRAINT p PRIMARY KEY (n)", ["p on old"]),
        ("ALTER TABLE old ADD CONSTRAINT u UNIQUE USING INDEX i", []),
        ("ALTER TABLE old ADD CONSTRAINT c CHECK (n > 0) NOT VALID", []),
    ],
)
def test_an_index_that_makes_writers_wait_is_found(text: str, found: list[str]) -> None:
    assert indexes_on_older_tables(text) == found


@pytest.mark.parametrize(
    "path", sorted(sql_folder("migrations").glob("*.sql")), ids=lambda path: path.stem
)
def test_squawk_has_nothing_to_say(path: Path) -> None:
    # Rules given on the command line take the place of the configured ones.
    configured = tomllib.loads((ROOT / ".squawk.toml").read_text())["excluded_rules"]
    excluded = (
        [f"--exclude={','.join([*configured, *DROPS])}"] if ".rollback" in path.suffixes else []
    )
    outside = ["--no-assume-in-transaction"] if "CONCURRENTLY" in path.read_text() else []
    result = subprocess.run(
        [
            Path(sysconfig.get_path("scripts")) / "squawk",
            "--reporter=gcc",
            *excluded,
            *outside,
            path,
        ],
        cwd=ROOT,  # of .squawk.toml
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout
