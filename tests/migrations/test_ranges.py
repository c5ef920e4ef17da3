"""Up to a migration, back to one, and databases that another version of Kleio has migrated."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from kleio.db.errors import NotMigrated
from kleio.db.migrate import migrate, rollback
from kleio.db.migration_states import (
    MigrationError,
    check_server,
    pending_migrations,
    rollbacks,
)

from .conftest import states, tables

THREE = {
    "0001_a": "CREATE TABLE t_a (n int);",
    "0001_a_rollback": "DROP TABLE t_a;",
    "0002_b": "CREATE TABLE t_b (n int);",
    "0002_b_rollback": "DROP TABLE t_b;",
    "0003_c": "CREATE TABLE t_c (n int);",
    "0003_c_rollback": "DROP TABLE t_c;",
}
Folder = Callable[..., Path]


@pytest.mark.parametrize("to", ["0002_b", "0002"])
def test_up_to_one_and_then_the_rest(empty_conninfo: str, folder: Folder, to: str) -> None:
    folder(**THREE)
    assert [one.id for one in pending_migrations(empty_conninfo, to=to)] == ["0001_a", "0002_b"]
    assert migrate(empty_conninfo, to=to) == ["0001_a", "0002_b"]
    assert tables(empty_conninfo) == {"t_a", "t_b"}
    assert migrate(empty_conninfo, to="0001") == []  # it never goes back
    assert migrate(empty_conninfo) == ["0003_c"]


@pytest.mark.parametrize("to", ["0004", "000", "", "0002_bee", "%"])
def test_a_name_that_no_or_several_migrations_have_is_refused(
    empty_conninfo: str, folder: Folder, to: str
) -> None:
    folder(**THREE)
    for run in (migrate, rollback, rollbacks, pending_migrations):
        with pytest.raises(MigrationError, match="migrations are called"):
            run(empty_conninfo, to=to)
    assert tables(empty_conninfo) == set()


def test_back_to_one_newest_first(empty_conninfo: str, folder: Folder) -> None:
    folder(**THREE)
    migrate(empty_conninfo)
    assert rollbacks(empty_conninfo) == [("0003_c", "DROP TABLE t_c;")]
    shown = [name for name, _ in rollbacks(empty_conninfo, to="0001")]
    assert rollback(empty_conninfo, to="0001") == shown == ["0003_c", "0002_b"]
    assert tables(empty_conninfo) == {"t_a"}
    assert rollback(empty_conninfo, to="0001") == []


def test_where_one_of_several_can_not_be_undone_none_is(
    empty_conninfo: str, folder: Folder
) -> None:
    folder(**{**THREE, "0002_b_rollback": "-- loses: all of b\nDROP TABLE t_b;"})
    migrate(empty_conninfo)
    with pytest.raises(MigrationError, match="0002_b: undoing it loses all of b"):
        rollback(empty_conninfo, to="0001")
    assert tables(empty_conninfo) == {"t_a", "t_b", "t_c"}
    assert rollback(empty_conninfo, to="0001", force=True) == ["0003_c", "0002_b"]


def test_an_old_kleio_refuses_a_newer_database(empty_conninfo: str, folder: Folder) -> None:
    path = folder(**THREE)
    migrate(empty_conninfo)
    check_server(empty_conninfo)
    for file in path.glob("0003_c*"):
        file.unlink()
    assert states(empty_conninfo)["0003_c"] == "missing"
    for run in (check_server, migrate, rollback, pending_migrations):
        with pytest.raises(NotMigrated, match="a newer version of Kleio") as caught:
            run(empty_conninfo)
        assert "has 0003_c," in str(caught.value)
        assert "`kleio rollback --to 0002_b`" in str(caught.value)
    assert tables(empty_conninfo) == {"t_a", "t_b", "t_c"}


def test_a_database_with_a_migration_in_between_is_refused(
    empty_conninfo: str, folder: Folder
) -> None:
    path = folder(**THREE)
    migrate(empty_conninfo)
    for file in path.glob("0002_b*"):
        file.unlink()
    (path / "0003_c.sql").write_text("CREATE TABLE t_c (n int);")
    with pytest.raises(NotMigrated, match="another version of Kleio"):
        check_server(empty_conninfo)


def test_a_new_kleio_refuses_an_older_database(empty_conninfo: str, folder: Folder) -> None:
    folder(**THREE)
    migrate(empty_conninfo, to="0001")
    with pytest.raises(NotMigrated, match=r"2 pending .* first 0002_b; run `kleio migrate`"):
        check_server(empty_conninfo)


def test_a_dry_run_tells_what_is_locked_here_and_for_whom_it_would_wait(
    empty_conninfo: str, folder: Folder
) -> None:
    header = (
        "-- Add m.\n--\n-- Why:    a reason\n--         of two lines.\n-- Order:  expand.\n"
        "-- Locks:  t_a ACCESS EXCLUSIVE, milliseconds; SHARE ROW EXCLUSIVE on t_gone.\n"
        "-- Undo:   nothing.\n"
    )
    folder(**{"0001_a": "CREATE TABLE t_a (n int);", "0002_b": header + "SELECT 1;"})
    migrate(empty_conninfo, to="0001")
    with psycopg.connect(empty_conninfo) as other:
        other.execute("LOCK TABLE t_a IN ACCESS SHARE MODE")
        (pending,) = pending_migrations(empty_conninfo)
        assert pending.why == "a reason of two lines."
        locked, gone = pending.tables
        assert (locked.table, locked.mode, locked.waits) == (
            "t_a",
            "ACCESS EXCLUSIVE",
            "reads and writes wait",
        )
        assert (gone.table, gone.bytes, gone.rows) == ("t_gone", 0, -1)
        (holder,) = locked.holders
        assert holder.startswith(f"process {other.info.backend_pid}")
    (pending,) = pending_migrations(empty_conninfo)
    assert pending.tables[0].holders == []
