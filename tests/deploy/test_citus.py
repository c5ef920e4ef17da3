"""`deploy/citus.sql` and its way back, on a stand-in for Citus that refuses what Citus does.

What a real Citus makes of the queries only a real one shows; here it is the layout that is checked:
each table in it once, keys that hold the distribution column, references that Citus can keep, and
after the way back the schema as it was.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from citus import DEPLOY, LAYOUT, OPTIONS, add_extension, run_script, songs
from kleio.db.citus import is_distributed
from kleio.db.errors import DatabaseError
from kleio.partitions import archive_partitions, ensure_partitions
from kleio.sql.plans import Plan, modes
from psql_program import run_psql
from query_files import ENTRIES
from servers import Server, choice

UNDO = DEPLOY / "citus-undo.sql"

LEFT_OUT = {
    "local": {"user_songs_song_id_fkey", "library_artists_artist_id_fkey"},
    "distributed": {"user_songs_song_id_fkey", "song_artists_song_id_fkey"},
}
TABLES = {"local": 31, "distributed": 36}

pytestmark = pytest.mark.skipif(
    choice() != "embedded" or songs() is not None,
    reason="makes an extension, which only a superuser may, in databases that have none",
)


class Base(NamedTuple):
    """A migrated database with the stand-in for Citus, and where its songs are to lie."""

    conninfo: str
    songs: str

    def run(self, file: Path) -> str:
        return run_script(self.conninfo, file, self.songs)

    def rows(self, statement: str, *parameters: Any) -> list[Any]:
        with psycopg.connect(self.conninfo, autocommit=True, options=OPTIONS) as conn:
            cursor = conn.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []


@pytest.fixture(params=["local", "distributed"])
def base(request: pytest.FixtureRequest, server: Server, conninfo: str) -> Base:
    admin = server.conninfo(conninfo_to_dict(conninfo)["dbname"], admin=True)
    add_extension(admin)
    return Base(admin, request.param)


def tables(base: Base) -> set[str]:
    rows = base.rows(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        " AND relkind IN ('r', 'p') AND NOT relispartition AND relname !~ '^_?(yoyo|kleio)'"
    )
    return {name for (name,) in rows}


def references(base: Base) -> dict[str, tuple[Any, ...]]:
    """Return table, columns, target and its columns of each foreign key."""
    rows = base.rows(
        "SELECT c.conname, c.conrelid::regclass::text, c.confrelid::regclass::text,"
        "       ARRAY(SELECT attname::text FROM unnest(c.conkey) WITH ORDINALITY AS k (n, place)"
        "               JOIN pg_attribute ON attrelid = c.conrelid AND attnum = n ORDER BY place),"
        "       ARRAY(SELECT attname::text FROM unnest(c.confkey) WITH ORDINALITY AS k (n, place)"
        "               JOIN pg_attribute ON attrelid = c.confrelid AND attnum = n ORDER BY place),"
        "       pg_get_constraintdef(c.oid)"
        "  FROM pg_constraint AS c"
        " WHERE c.contype = 'f' AND c.conparentid = 0 AND c.connamespace = 'public'::regnamespace"
    )
    return {name: tuple(rest) for name, *rest in rows}


def picture(base: Base) -> list[Any]:
    """Return everything about the tables that distributing touches."""
    return [
        sorted(references(base).items()),
        base.rows(
            "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1"
        ),
        base.rows("SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' ORDER BY 1"),
        base.rows(
            "SELECT setconfig FROM pg_db_role_setting AS s JOIN pg_database AS d"
            " ON d.oid = s.setdatabase WHERE d.datname = current_database()"
        ),
    ]


def local_tables(base: Base) -> set[str]:
    """Return the tables that the file says stay local."""
    text = LAYOUT.read_text("utf-8")
    (listed,) = re.findall(r"^-- Local, on the coordinator: (.+?)\.$", text, re.M | re.S)
    always, _, unless = listed.partition(";")
    _, _, songs = unless.partition(":")
    return set(re.findall(r"\w+", always + (songs if base.songs == "local" else "")))


def test_every_table_has_its_place_once(base: Base) -> None:
    base.run(LAYOUT)
    placed = [name for (name,) in base.rows("SELECT table_name::text FROM citus_tables")]
    assert len(placed) == len(set(placed))
    assert set(placed) & local_tables(base) == set()
    assert set(placed) | local_tables(base) == tables(base)


def test_what_is_a_user_s_own_lies_with_the_user(base: Base) -> None:
    base.run(LAYOUT)
    owned = {
        name
        for (name,) in base.rows(
            "SELECT table_name FROM information_schema.columns"
            " WHERE table_schema = 'public' AND column_name = 'user_id'"
        )
    } & tables(base)
    by_user = base.rows(
        "SELECT table_name::text, colocation_id FROM citus_tables"
        " WHERE distribution_column = 'user_id'"
    )
    assert {name for name, _ in by_user} == owned - {"auth_tokens", "sync_jobs"}
    assert len({group for _, group in by_user}) == 1


def test_the_references_are_those_that_citus_keeps(base: Base) -> None:
    before = references(base)
    base.run(LAYOUT)
    after = references(base)
    assert before.keys() - after.keys() == LEFT_OUT[base.songs]
    assert all(after[name] == before[name] for name in after)
    kinds = {
        name: (kind, column, group)
        for name, kind, column, group in base.rows(
            "SELECT table_name::text, citus_table_type, distribution_column, colocation_id"
            " FROM citus_tables"
        )
    }
    local = ("local", "", -1)
    for name, (table, target, columns, target_columns, definition) in after.items():
        kind, column, group = kinds.get(table, local)
        target_kind, target_column, target_group = kinds.get(target, local)
        if target_kind == "reference":
            # A reference table may not refer to a table that lies elsewhere; to this anything may.
            assert "SET NULL" not in definition or column not in columns, name
        elif target_kind == "distributed":
            assert (kind, group) == ("distributed", target_group), name
            # The two distribution columns stand at the same place of the key.
            assert columns.index(column) == target_columns.index(target_column), name
        else:
            assert kind == "local", name


def test_functions_and_settings_go_to_the_workers(base: Base) -> None:
    base.run(LAYOUT)
    calls = base.rows("SELECT call, argument FROM calls")
    functions = {argument.partition("(")[0] for call, argument in calls if call == "function"}
    assert {"uuid7_floor", "normalize_name", "matches_words", "title_key"} <= functions
    # Those of extensions come with them, and those that make partitions run on the coordinator.
    assert not functions & {"similarity", "unaccent", "create_month_partition"}
    commands = [argument for call, argument in calls if call == "command"]
    for setting in ("timezone", "pg_trgm.word_similarity_threshold"):
        assert sum(f"SET {setting} =" in command for command in commands) == 1


def test_a_setting_that_a_node_refuses_is_no_secret(base: Base) -> None:
    text = LAYOUT.read_text("utf-8").replace("timezone = ''UTC''", "timezone = ''Nowhere''")
    done = run_psql(base.conninfo, text, PGOPTIONS=OPTIONS)
    assert done.returncode != 0
    assert "a node refuses the settings" in done.stderr
    assert base.rows("SELECT table_name FROM citus_tables") == []


def test_again_it_does_nothing(base: Base) -> None:
    base.run(LAYOUT)
    done = base.rows("SELECT call, argument FROM calls WHERE call IN ('reference', 'distributed')")
    shape = picture(base)
    base.run(LAYOUT)
    again = base.rows("SELECT call, argument FROM calls WHERE call IN ('reference', 'distributed')")
    assert (again, picture(base)) == (done, shape)


@pytest.mark.parametrize("broken", ["users", "user_releases", "import_rows"])
def test_what_broke_is_gone_on_with(base: Base, broken: str) -> None:
    whole = LAYOUT.read_text("utf-8")
    first, found, _ = whole.partition("-- The references again")
    assert found
    limited = first.replace(
        "ORDER BY l.place",
        f"AND l.place <= (SELECT place FROM layout WHERE name = '{broken}')\n ORDER BY l.place",
    )
    done = run_psql(base.conninfo, limited, PGOPTIONS=OPTIONS)
    assert (done.returncode, done.stderr) == (0, "")
    base.run(LAYOUT)
    assert set(references(base)) >= {"play_history_stylus_id_fkey", "tracks_release_id_fkey"}
    calls = [name for (name,) in base.rows("SELECT argument FROM calls WHERE call <> 'command'")]
    assert len([name for name in calls if "(" not in name]) == TABLES[base.songs]


def test_the_way_back_leaves_the_schema_as_it_was(base: Base) -> None:
    before = picture(base)
    base.run(LAYOUT)
    assert picture(base) != before
    base.run(UNDO)
    assert base.rows("SELECT table_name FROM citus_tables") == []
    assert picture(base) == before


def test_a_way_back_that_broke_is_gone_on_with(base: Base) -> None:
    before = picture(base)
    base.run(LAYOUT)
    base.rows("ALTER TABLE play_history DROP CONSTRAINT play_history_stylus_id_fkey")
    for name in ("styles", "id_map"):
        for reference, (table, target, *_) in references(base).items():
            if name in (table, target):
                base.rows(f"ALTER TABLE {table} DROP CONSTRAINT {reference}")
        base.rows("SELECT undistribute_table(%s)", name)
    base.run(UNDO)
    assert picture(base) == before


def test_a_way_back_whose_index_was_refused_is_gone_on_with(base: Base) -> None:
    before = picture(base)
    base.run(LAYOUT)
    # Two tokens of one id, which no unique index takes.
    base.rows(
        "WITH made AS (INSERT INTO users (username, email, created_at, updated_at)"
        "              VALUES ('u', 'u@example.org', now(), now()) RETURNING id)"
        "INSERT INTO auth_tokens (id, token_hash, user_id, name, prefix, created_at)"
        "SELECT '00000000-0000-7000-8000-000000000001', sha256(n::text::bytea), made.id, 't', 'p',"
        "       now() FROM made, generate_series(1, 2) AS n"
    )
    done = run_psql(base.conninfo, UNDO.read_text("utf-8"), PGOPTIONS=OPTIONS)
    assert "could not create unique index" in done.stderr
    base.rows("DELETE FROM auth_tokens WHERE token_hash = sha256('2'::bytea)")
    base.run(UNDO)
    assert picture(base) == before


def test_a_way_back_that_failed_near_its_end_is_gone_on_with(base: Base) -> None:
    before = picture(base)
    base.run(LAYOUT)
    whole = UNDO.read_text("utf-8")
    first, found, _ = whole.partition("SELECT format('ALTER DATABASE")
    assert found
    done = run_psql(base.conninfo, first, PGOPTIONS=OPTIONS)
    assert (done.returncode, done.stderr) == (0, "")
    base.run(UNDO)
    assert picture(base) == before


def test_without_the_extension_nothing_is_touched(conninfo: str) -> None:
    done = run_psql(conninfo, LAYOUT.read_text("utf-8"))
    assert done.returncode != 0
    assert "this database has no extension citus" in done.stderr
    with psycopg.connect(conninfo) as conn:
        (count,) = conn.execute(
            "SELECT count(*) FROM pg_constraint WHERE conname = 'tracks_release_id_fkey'"
        ).fetchone()
        assert count == 1
        assert conn.execute("SELECT to_regnamespace('kleio_citus')").fetchone() == (None,)


@pytest.mark.anyio
async def test_months_are_not_put_away_there(base: Base) -> None:
    base.run(LAYOUT)
    connection = await psycopg.AsyncConnection.connect(base.conninfo, autocommit=True)
    async with connection as conn:
        assert await is_distributed(conn)
        with pytest.raises(DatabaseError, match="can't be put away on Citus"):
            await archive_partitions(conn, before=datetime(2100, 1, 1, tzinfo=UTC))
        # Making months goes on.
        assert await ensure_partitions(conn, now=datetime(2031, 5, 1, tzinfo=UTC))


# As EXPLAIN (FORMAT JSON) writes it: of the tasks one is shown, with its server's own plan.
REMOTE = {
    "Plan": {
        "Node Type": "Custom Scan",
        "Custom Plan Provider": "Citus Adaptive",
        "Plan Rows": 100000,
        "Total Cost": 0.0,
        "Actual Loops": 1,
        "Actual Rows": 2,
        "Distributed Query": {
            "Job": {
                "Task Count": 32,
                "Tasks Shown": "One of 32",
                "Tasks": [
                    {
                        "Node": "host=worker-1 port=5432 dbname=kleio",
                        "Remote Plan": [
                            [
                                {
                                    "Plan": {
                                        "Node Type": "Index Scan",
                                        "Index Name": "play_history_pkey_102040",
                                        "Relation Name": "play_history_102040",
                                        "Plan Rows": 2,
                                        "Total Cost": 8.3,
                                        "Actual Loops": 1,
                                        "Actual Rows": 2,
                                        "Shared Hit Blocks": 4,
                                        "Shared Read Blocks": 1,
                                    }
                                }
                            ]
                        ],
                    }
                ],
            }
        },
    }
}


def test_a_plan_shows_what_a_worker_does() -> None:
    plan = Plan(REMOTE)
    assert plan.buffers == 5
    assert plan.indexes == {"play_history_pkey_102040"}
    assert plan.shape() == [
        "Custom Scan",
        "  Index Scan by play_history_pkey_102040 on play_history_102040",
    ]
    assert "└─ Index Scan by play_history_pkey_102040" in plan.lines()[1]


def test_plans_are_custom_there() -> None:
    (query,) = [entry.query for entry in ENTRIES if entry.query.name == "plays.get_play"]
    assert modes(query) == ["custom", "generic"]
    assert modes(query, is_distributed=True) == ["custom"]
