"""`deploy/invariants.sql`: silent on what is well, and each of its rules breaks when it should."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

import factories
from invariants import RULES, broken_rules
from kleio.catalogue import ArtistCredit, LabelCredit, TrackDocument
from kleio.db.connections import configure
from library_rows import fill_library
from servers import Server, choice

pytestmark = pytest.mark.skipif(
    choice() != "embedded", reason="breaks what constraints keep, which only a superuser may"
)

_NAME = r"SELECT '((?:''|[^'])+)'(?: AS rule)?, count\(\*\)"
NAMES = [name.replace("''", "'") for name in re.findall(_NAME, RULES)]

RUN = (
    "INSERT INTO import_runs (user_id, id, source, source_key, file_name, options, dry_run,"
    " with_updates, state, records, bytes_read, bytes_total, counts, created_at, updated_at)"
    " SELECT id, uuidv7(), 'account', 'x', 'x', '{}', false, false, 'done', %d, 1, 1,"
    "        '{\"copy\": {\"new\": 1}}', now(), now() FROM users WHERE username = 'ada'"
)

BREAKAGES: dict[str, tuple[str, ...]] = {
    "constraints are valid": ("ALTER TABLE folders ADD CONSTRAINT new CHECK (true) NOT VALID",),
    "indexes are valid": (
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'folders_pkey'::regclass",
    ),
    "a user has the folder that everything goes to first": ("DELETE FROM folders",),
    "a play of a copy is of the release of the copy": (
        "UPDATE play_history SET release_id = (SELECT id FROM releases WHERE discogs_id = 2)",
    ),
    "a cleaning of a copy is of the release of the copy": (
        "UPDATE cleaning_history SET release_id = (SELECT id FROM releases WHERE discogs_id = 2)",
    ),
    "an answer that is kept is whole": (
        "INSERT INTO idempotency_keys SELECT id, 'k', '', 0, 'x', now() FROM users",
    ),
    "a release's card shows its artists": ("UPDATE release_artists SET join_relation = '&'",),
    "a release's card shows its labels": ("DELETE FROM release_labels",),
    "a release's card shows its formats": ("UPDATE release_formats SET qty = '3'",),
    "a release's card shows its genres": ("UPDATE genres SET name = 'Jazz'",),
    "a release's card shows its styles": ("DELETE FROM release_styles",),
    "a release's card has its own fields": ("UPDATE releases SET year = 1900",),
    "a credit has its release and its artist": ("DELETE FROM artists",),
    "a release's label has its release and its label": ("DELETE FROM labels",),
    "a release's genre has its release and its genre": ("DELETE FROM genres",),
    "a release's style has its release and its style": ("DELETE FROM styles",),
    "a format has its release": ("DELETE FROM releases",),
    "a track has its release": ("DELETE FROM releases",),
    "a release is found by its title, artists and catalogue numbers": (
        "UPDATE releases SET search_text = search_text || ' x'",
    ),
    "a release is filtered by what its parts say": (
        "UPDATE releases SET facets = array_remove(facets, 'catno:sk032')",
    ),
    "an album counts its songs and their length": (
        "UPDATE albums SET duration_ms = duration_ms + 1",
    ),
    "a song has its album, and the name of it": ("DELETE FROM albums",),
    "a file has its song": (
        "INSERT INTO library_files (library_id, song_id, size, mtime_ns, path)"
        " SELECT id, uuidv7(), 1, 1, 'x' FROM libraries",
    ),
    "a sub-track has its index track": ("DELETE FROM tracks WHERE seq = 1",),
    "what an import brought is the user's own": (
        "INSERT INTO id_map SELECT u.id, 'x', 'copy', 'x', c.id FROM users AS u, user_releases AS c"
        " WHERE u.username = 'bob'",
    ),
    "an import that is done has a verdict on each record": (RUN % 2,),
    "an import that is done has nothing left to apply": (
        RUN % 1,
        "INSERT INTO import_chunks SELECT user_id, id, 'copy', 1, '[]' FROM import_runs",
    ),
    "a sync that has ended is nobody's work any more": (
        "INSERT INTO sync_runs (user_id, id, status, dry_run, with_details, created_at, updated_at)"
        " SELECT id, uuidv7(), 'failed', false, false, now(), now() FROM users"
        " WHERE username = 'ada'",
        "INSERT INTO sync_jobs (run_id, user_id, created_at, alive_at)"
        " SELECT id, user_id, now(), now() FROM sync_runs",
    ),
}


async def _fill(conninfo: str) -> None:
    conn = await psycopg.AsyncConnection.connect(conninfo, autocommit=True)
    async with conn:
        await configure(conn)
        account, _ = [await factories.make_user(conn, name) for name in ("ada", "bob")]
        documents = [
            factories.release_document(
                number,
                artists=[
                    ArtistCredit(name="The Persuader (2)", discogs_id=1, anv="Persuader"),
                    ArtistCredit(name="Jesper", discogs_id=239, role="Written-By"),
                    ArtistCredit(name="Nobody"),
                ],
                labels=[LabelCredit(name="Svek", discogs_id=5, catno="SK 032"),
                        LabelCredit(name="None of them")],
                tracks=[TrackDocument(seq=1, title="Medley", position="A", type="index"),
                        TrackDocument(seq=2, title="Part", position="A1", parent_seq=1)],
                metadata={"identifiers": [{"type": "Barcode", "value": "5 012394 144777"}]},
            )
            for number in (1, 2)
        ]  # fmt: skip
        first, _ = await factories.store_releases(conn, documents)
        copy = await factories.make_copy(conn, account, first)
        await factories.make_play(conn, account.id, first, copy_id=copy.id)
        await factories.make_cleaning(conn, account.id, first, copy_id=copy.id)
        await fill_library(conn)


@pytest.fixture(scope="module")
def whole(server: Server, template_database: str) -> Iterator[str]:
    """A database with rows of every kind, as its superuser."""
    with server.database(template_database) as conninfo:
        asyncio.run(_fill(conninfo))
        yield server.conninfo(conninfo_to_dict(conninfo)["dbname"], admin=True)


def test_what_is_well_breaks_no_rule(whole: str) -> None:
    assert broken_rules(whole) == []


def test_there_is_a_breakage_of_each_rule() -> None:
    assert len(NAMES) == RULES.count("count(*)\n") + RULES.count("count(*) AS broken")
    assert set(NAMES) == BREAKAGES.keys()


@pytest.mark.parametrize("rule", BREAKAGES)
def test_a_rule_is_broken(whole: str, rule: str) -> None:
    with psycopg.connect(whole) as conn:
        conn.execute("SET LOCAL session_replication_role = replica")  # no checks of references
        for statement in BREAKAGES[rule]:
            assert conn.execute(statement).rowcount != 0, statement
        broken = dict(conn.execute(RULES).fetchall())
        conn.rollback()
    assert broken.get(rule, 0) > 0, broken


def test_months_that_were_put_away_break_no_rule(whole: str) -> None:
    """Albums stay that a month's songs are gone from, and songs whose album is gone with its."""
    with psycopg.connect(whole) as conn:
        conn.execute(
            "SELECT create_month_partition(parent, '2020-02-29Z')"
            "  FROM (VALUES ('songs'::regclass), ('albums'::regclass)) AS tables (parent)"
        )
        conn.execute("SET LOCAL session_replication_role = replica")
        conn.execute(
            "UPDATE albums SET id = uuidv7('2020-02-15Z'::timestamptz - clock_timestamp())"
            " WHERE name = 'Abbey Road'"
        )
        conn.execute(
            "UPDATE songs SET album_id = (SELECT id FROM albums WHERE name = 'Abbey Road')"
            " WHERE album_name = 'Abbey Road'"
        )
        assert conn.execute(RULES).fetchall() == []
        conn.execute("ALTER TABLE albums DETACH PARTITION albums_2020_02")
        assert conn.execute(RULES).fetchall() == []
        conn.rollback()
