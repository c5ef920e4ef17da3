"""Plans of the hot queries on seeded data: custom, and generic where a statement is prepared.

psycopg prepares a statement after some runs and PostgreSQL may then plan it once for all
parameters; a query that is only fast while its parameters are known says `Plan: custom`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import psycopg
import pytest

from factories import NO_FILTERS
from kleio.db.pool import connect
from kleio.db.queries import Query
from kleio.importers.catalogue_store import store
from kleio.seed import demo_catalogue
from kleio.settings import load_settings
from plans import Plan, explain
from query_files import INDEX_NAME, QUERIES
from servers import RUN, Server

RELEASES = 3000
USERS = 300
COPIES = 60
BY_NAME: dict[str, Query] = {query.name: query for query in QUERIES}

_SHELVES = """
INSERT INTO users (username, email, created_at, updated_at)
SELECT 'user' || n, 'user' || n || '@example.org', '2026-01-01Z', '2026-01-01Z'
  FROM generate_series(1, %(users)s) AS n;

INSERT INTO folders (user_id, number, name, created_at, updated_at)
SELECT u.id, n, 'Folder ' || n, u.created_at, u.created_at
  FROM users AS u, generate_series(1, 3) AS n;

INSERT INTO auth_tokens (token_hash, user_id, name, prefix, created_at)
SELECT sha256((u.username || n)::bytea), u.id, 'token', 'kleio_', u.created_at
  FROM users AS u, generate_series(1, 4) AS n;

INSERT INTO user_releases (
    user_id, release_id, folder_id, rating, added_at, created_at, updated_at
)
SELECT u.id, r.id, f.id, n %% 6, '2020-01-01Z'::timestamptz + n * interval '1 day',
       u.created_at, u.created_at
  FROM (SELECT id, created_at, row_number() OVER (ORDER BY id) AS k FROM users) AS u
 CROSS JOIN generate_series(1, %(copies)s) AS n
  JOIN (SELECT id, row_number() OVER (ORDER BY id) AS k FROM releases) AS r
    ON r.k = 1 + (u.k * 37 + n * 101) %% %(releases)s
  JOIN folders AS f
    ON f.user_id = u.id AND f.number = 1 + n %% 3;

INSERT INTO styluses (
    user_id, name, expected_lifespan_hours, active, is_primary, owned, created_at, updated_at
)
SELECT u.id, 'Stylus ' || n, 500, true, n = 1, true, u.created_at, u.created_at
  FROM users AS u, generate_series(1, 4) AS n;

INSERT INTO play_history (
    user_id, release_id, user_release_id, stylus_id, played_at, duration_seconds,
    duration_estimated, created_at, updated_at
)
SELECT c.user_id, c.release_id, c.id, s.id, c.added_at + n * interval '3 days', 2400, true,
       c.created_at, c.created_at
  FROM user_releases AS c
 CROSS JOIN generate_series(1, 4) AS n
  LEFT JOIN styluses AS s
    ON s.user_id = c.user_id AND s.is_primary AND n %% 2 = 0
 WHERE c.rating < 4;

INSERT INTO cleaning_history (user_id, release_id, cleaned_at, deep, created_at, updated_at)
SELECT c.user_id, c.release_id, c.added_at + interval '5 days', false, c.created_at, c.created_at
  FROM user_releases AS c
 WHERE c.rating < 2;
"""


def fill(conninfo: str) -> None:
    async def store_catalogue() -> None:
        async with await connect(load_settings({}), conninfo) as conn:
            documents = list(demo_catalogue(RELEASES))
            for start in range(0, RELEASES, 1000):
                await store(conn, "releases", documents[start : start + 1000])

    asyncio.run(store_catalogue())
    with psycopg.ClientCursor(psycopg.connect(conninfo)) as cursor, cursor.connection:
        cursor.execute(_SHELVES, {"users": USERS, "copies": COPIES, "releases": RELEASES})


@pytest.fixture(scope="module")
def seeded(server: Server, template_database: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection to the seeded database, which is made once a run and only read."""
    name = server.ensure_database(f"kleio_test_{RUN}_seeded", fill, template=template_database)
    with psycopg.connect(server.conninfo(name), autocommit=True) as conn:
        # As the embedded server and any server with an SSD is set; PostgreSQL's default is 4.
        conn.execute("SET random_page_cost = 1.1")
        yield conn


class Facts(msgspec.Struct):
    """Keys of the seeded rows that the cases are about."""

    user_id: UUID
    copy_id: UUID
    folder_id: UUID
    release_id: UUID
    middle_release_id: UUID
    artist_id: UUID
    label_id: UUID
    style_id: UUID
    genre_id: UUID
    token_id: UUID
    play_id: UUID
    cleaning_id: UUID
    stylus_id: UUID
    artist: str
    label: str
    catno: str
    discogs_id: int
    title: str
    big_tables: frozenset[str]


@pytest.fixture(scope="module")
def facts(seeded: psycopg.Connection[Any]) -> Facts:
    def one(statement: str) -> Any:
        (value,) = seeded.execute(statement).fetchone()
        return value

    user_id = one("SELECT id FROM users WHERE username = 'user7'")
    artist_id, artist = seeded.execute(
        "SELECT a.id, a.name FROM artists AS a JOIN release_artists AS c ON c.artist_id = a.id"
        " GROUP BY a.id ORDER BY count(*) DESC, a.id OFFSET 20 LIMIT 1"
    ).fetchone()
    label_id, label, catno = seeded.execute(
        "SELECT l.id, l.name, min(c.catno) FROM labels AS l"
        "  JOIN release_labels AS c ON c.label_id = l.id"
        " GROUP BY l.id ORDER BY count(*) DESC, l.id OFFSET 20 LIMIT 1"
    ).fetchone()
    release = "SELECT {} FROM releases ORDER BY id OFFSET 1500 LIMIT 1"
    return Facts(
        user_id=user_id,
        copy_id=one(f"SELECT id FROM user_releases WHERE user_id = '{user_id}' LIMIT 1"),
        folder_id=one(f"SELECT id FROM folders WHERE user_id = '{user_id}' AND number = 2"),
        release_id=one(release.format("id")),
        middle_release_id=one(release.format("id")),
        artist_id=artist_id,
        label_id=label_id,
        style_id=one("SELECT style_id FROM release_styles GROUP BY 1 ORDER BY count(*) LIMIT 1"),
        genre_id=one("SELECT genre_id FROM release_genres GROUP BY 1 ORDER BY count(*) LIMIT 1"),
        token_id=one(f"SELECT id FROM auth_tokens WHERE user_id = '{user_id}' LIMIT 1"),
        play_id=one(f"SELECT id FROM play_history WHERE user_id = '{user_id}' LIMIT 1"),
        cleaning_id=one(f"SELECT id FROM cleaning_history WHERE user_id = '{user_id}' LIMIT 1"),
        stylus_id=one(f"SELECT id FROM styluses WHERE user_id = '{user_id}' AND is_primary"),
        artist=artist,
        label=label,
        catno=catno,
        discogs_id=one(release.format("discogs_id")),
        title=one(release.format("title")),
        big_tables=frozenset(
            name
            for (name,) in seeded.execute(
                "SELECT relname FROM pg_class WHERE relkind = 'r' AND reltuples > 1000"
            )
        ),
    )


PAGE = {"page_size": 50, "page_offset": 0}
NO_RELEASE_FILTERS = dict.fromkeys(
    (
        *("artist", "label", "genre", "style", "format", "country", "catno", "barcode"),
        *("year_from", "year_to"),
    )
)
FIRST = {"before_id": None, "before_added_at": None, "before_key": None, "before_score": None}
FIRST |= {"before_played_at": None, "before_cleaned_at": None}
FIRST |= {"after_id": None, "after_added_at": None, "after_key": None, "after_name": None}


class Case(msgspec.Struct):
    """A query with parameters (a text `@x` is a fact), the indexes it must use, its bound."""

    query: str
    parameters: dict[str, Any]
    indexes: set[str]
    buffers: int
    rows: int | None = None
    name: str = ""

    def __str__(self) -> str:
        return self.query + (f" {self.name}" if self.name else "")


def shelf(verb: str, indexes: set[str], buffers: int, name: str = "", **given: Any) -> Case:
    parameters = {**NO_FILTERS, **FIRST, **PAGE, "user_id": "@user_id", "sort": "added", **given}
    return Case(f"collection.list_collection_{verb}", parameters, indexes, buffers, name=name)


def chance(indexes: set[str], buffers: int, name: str, **given: Any) -> Case:
    parameters = {**NO_FILTERS, "user_id": "@user_id", "seed": "x", **given}
    return Case("collection.get_random_copy", parameters, indexes, buffers, name=name)


def releases(name: str, indexes: set[str], buffers: int, **given: Any) -> Case:
    parameters = {**NO_RELEASE_FILTERS, "discogs_id": None, **FIRST, **PAGE, **given}
    return Case("releases.list_releases", parameters, indexes, buffers, name=name)


def listening(query: str, indexes: set[str], buffers: int, name: str = "", **given: Any) -> Case:
    nothing = dict.fromkeys(
        (
            *("release_id", "copy_id", "stylus_id", "artist", "genre", "since", "until"),
            *("duration_seconds", "side", "notes", "expected_updated_at"),
        )
    )
    parameters = {**nothing, **FIRST, **PAGE, "user_id": "@user_id", "now": MIDDLE, **given}
    return Case(query, parameters, indexes, buffers, name=name)


PLAYED = {"releases_pkey", "play_history_user_release_idx"}
CLEANED = {*PLAYED, "cleaning_history_user_release_idx"}
ADDED = {"user_releases_user_added_idx", "releases_pkey"}
MIDDLE = datetime(2020, 2, 1, tzinfo=UTC)
LATER = datetime(2020, 2, 10, tzinfo=UTC)
UUID_MAX = UUID(int=2**128 - 1)
LISTENING = [
    listening("plays.list_plays", {"play_history_user_played_idx", "releases_pkey"}, 400),
    listening(
        "plays.list_plays",
        {"play_history_user_played_idx", "releases_pkey"},
        400,
        "later page",
        before_played_at=MIDDLE,
        before_id=UUID_MAX,
    ),
    *(
        listening(f"plays.{query}", indexes, 900, name, **given)
        for query in ("list_filtered_plays", "count_plays")
        for name, indexes, given in (
            ("of a genre", {"releases_pkey"}, {"genre": "Electronic"}),
            ("of an artist", {"releases_facets_idx"}, {"artist": "@artist"}),
            ("of a stylus", set(), {"stylus_id": "@stylus_id"}),
            ("of a range", {"play_history_user_played_idx"}, {"since": MIDDLE, "until": LATER}),
        )
    ),
    listening(
        "plays.list_filtered_plays",
        {"play_history_user_release_idx", "releases_pkey"},
        40,
        "of a release",
        release_id="@release_id",
    ),
    listening("plays.get_play", {"play_history_pkey", "releases_pkey"}, 10, play_id="@play_id"),
    listening(
        "plays.insert_play",
        {"releases_pkey", "tracks_pkey"},
        120,
        "of a side",
        release_id="@release_id",
        with_primary=False,
        played_at=MIDDLE,
        side="A",
    ),
    listening(
        "plays.insert_play",
        {"releases_pkey", "user_releases_pkey"},
        120,
        "of a copy, on the primary stylus",
        copy_id="@copy_id",
        with_primary=True,
        played_at=MIDDLE,
    ),
    listening(
        "plays.update_play",
        {"play_history_pkey", "releases_pkey", "tracks_pkey"},
        120,
        play_id="@play_id",
        changes='{"side": "A"}',
    ),
    listening("plays.delete_play", {"play_history_pkey"}, 20, play_id="@play_id"),
    listening(
        "cleanings.list_cleanings", {"cleaning_history_user_cleaned_idx", "releases_pkey"}, 200
    ),
    listening("cleanings.count_cleanings", set(), 30, since=MIDDLE),
    listening(
        "cleanings.get_cleaning",
        {"cleaning_history_pkey", "releases_pkey"},
        10,
        cleaning_id="@cleaning_id",
    ),
    listening(
        "cleanings.update_cleaning",
        {"cleaning_history_pkey"},
        60,
        cleaning_id="@cleaning_id",
        changes='{"deep": true}',
    ),
    listening("styluses.list_styluses", {"play_history_user_stylus_idx"}, 60),
    listening(
        "styluses.get_stylus",
        {"styluses_pkey", "play_history_user_stylus_idx"},
        60,
        stylus_id="@stylus_id",
    ),
    listening(
        "styluses.delete_stylus",
        {"styluses_pkey", "play_history_user_stylus_idx"},
        2000,
        stylus_id="@stylus_id",
    ),
    listening(
        "collection.delete_copy",
        {
            "user_releases_pkey",
            "play_history_user_copy_idx",
            "cleaning_history_user_copy_idx",
        },
        200,
        copy_id="@copy_id",
    ),
]
CASES = [
    *LISTENING,
    shelf("newest", ADDED, 400),
    shelf("newest", ADDED, 400, "later page", before_added_at=MIDDLE, before_id=UUID_MAX),
    shelf("descending", {"releases_pkey"}, 900, "of a genre", sort="added", genre="Electronic"),
    shelf("descending", {"releases_facets_idx"}, 30, "of an artist", sort="added", artist="Nobody"),
    shelf("oldest", ADDED, 400),
    shelf("oldest", ADDED, 400, "later page", after_added_at=MIDDLE, after_id=UUID_MAX),
    *(
        shelf(verb, {"releases_pkey"}, 900, f"by {sort}", sort=sort)
        for verb in ("ascending", "descending")
        for sort in ("added", "artist", "title", "year", "rating")
    ),
    *(
        shelf(verb, indexes, 1500, f"by {sort}", sort=sort)
        for verb in ("ascending", "descending")
        for sort, indexes in (("played", PLAYED), ("plays", PLAYED), ("cleaning", CLEANED))
    ),
    shelf("descending", PLAYED, 1500, "played since", sort="added", played_since=MIDDLE),
    shelf("ascending", PLAYED, 1500, "never played", sort="added", never_played=True),
    shelf("ascending", CLEANED, 1500, "needs cleaning", sort="added", needs_cleaning=True),
    chance({"releases_pkey"}, 400, "any"),
    chance({"releases_facets_idx"}, 30, "of an artist", artist="Nobody"),
    chance(CLEANED, 1000, "of two filters", needs_cleaning=True, never_played=False),
    Case(
        "collection.get_copy",
        {"user_id": "@user_id", "copy_id": "@copy_id"},
        {"user_releases_pkey", "releases_pkey"},
        10,
        rows=1,
    ),
    Case(
        "collection.count_collection",
        {**NO_FILTERS, "user_id": "@user_id"},
        {"releases_pkey"},
        400,
        rows=1,
    ),
    Case("folders.list_folders", {"user_id": "@user_id"}, {"user_releases_user_folder_idx"}, 250),
    *(
        Case(
            f"folders.{query}",
            {"user_id": "@user_id", "folder_id": "@folder_id", **given},
            {"folders_pkey", *indexes},
            100,
        )
        for query, given, indexes in (
            ("get_folder", {}, {"user_releases_user_folder_idx"}),
            (
                "update_folder",
                {"name": "x", "now": datetime(2026, 1, 2, tzinfo=UTC)},
                {"user_releases_user_folder_idx"},
            ),
        )
    ),
    releases("first page", {"releases_pkey"}, 120),
    releases("later page", {"releases_pkey"}, 120, before_id="@middle_release_id"),
    releases("of an artist", {"releases_facets_idx"}, 250, artist="@artist"),
    releases("of a catalogue number", {"releases_facets_idx"}, 60, catno="@catno"),
    releases("of artist and label", {"releases_facets_idx"}, 250, artist="@artist", label="@label"),
    releases("of a Discogs number", {"releases_discogs_id_key"}, 20, discogs_id="@discogs_id"),
    releases("of a common genre", {"releases_pkey"}, 400, genre="Electronic"),
    Case(
        "releases.search_releases",
        {**NO_RELEASE_FILTERS, **FIRST, **PAGE, "search": "@title"},
        {"releases_search_trgm_idx"},
        3000,
    ),
    Case("releases.get_release", {"release_id": "@release_id"}, {"releases_pkey"}, 120, rows=1),
    Case(
        "releases.get_release_id",
        {"discogs_id": "@discogs_id"},
        {"releases_discogs_id_key"},
        5,
        rows=1,
    ),
    *(
        Case(
            f"releases.list_{noun}_releases",
            {f"{noun}_id": f"@{noun}_id", **FIRST, **PAGE},
            {f"release_{noun}s_{noun}_idx", "releases_pkey"},
            350,
        )
        for noun in ("artist", "label", "style")
    ),
    Case(
        "releases.list_genre_releases",
        {"genre_id": "@genre_id", **FIRST, **PAGE},
        {"releases_pkey"},
        350,
    ),
    Case("artists.list_artists", {**FIRST, **PAGE}, {"artists_name_idx"}, 120, rows=50),
    Case("labels.list_labels", {**FIRST, **PAGE}, {"labels_name_idx"}, 120, rows=50),
    Case(
        "artists.search_artists",
        {**FIRST, **PAGE, "search": "@artist"},
        {"artists_name_trgm_idx"},
        1500,
    ),
    Case("artists.get_artist", {"artist_id": "@artist_id"}, {"artists_pkey"}, 5, rows=1),
    Case(
        "tokens.get_session",
        {"token_hash": b"\0" * 32, "now": datetime(2026, 1, 2, tzinfo=UTC)},
        {"auth_tokens_pkey"},
        10,
        rows=0,
    ),
    Case("tokens.list_tokens", {"user_id": "@user_id"}, {"auth_tokens_user_idx"}, 12, rows=4),
    Case(
        "tokens.delete_token",
        {"user_id": "@user_id", "token_id": "@token_id"},
        {"auth_tokens_user_idx"},
        12,
    ),
    Case("users.get_user", {"user_id": "@user_id"}, {"users_pkey"}, 5, rows=1),
    Case("users.get_user_by_username", {"username": "USER7"}, {"users_username_key"}, 5, rows=1),
    Case("users.list_users", {**FIRST, **PAGE}, {"users_username_key"}, 60, rows=50),
]


def plan_of(case: Case, conn: psycopg.Connection[Any], facts: Facts, *, generic: bool) -> Plan:
    parameters = {
        name: getattr(facts, value[1:])
        if isinstance(value, str) and value.startswith("@")
        else value
        for name, value in case.parameters.items()
    }
    return explain(conn, BY_NAME[case.query], parameters, generic=generic)


def modes(case: Case) -> list[str]:
    custom = BY_NAME[case.query].header.get("Plan", "").startswith("custom")
    return ["custom"] if custom else ["custom", "generic"]


@pytest.mark.parametrize(
    ("case", "mode"),
    [pytest.param(c, mode, id=f"{c} {mode}") for c in CASES for mode in modes(c)],
)
def test_the_plan_uses_its_index_and_reads_no_more_than_its_bound(
    case: Case, mode: str, seeded: psycopg.Connection[Any], facts: Facts
) -> None:
    plan = plan_of(case, seeded, facts, generic=mode == "generic")
    assert case.indexes <= plan.indexes, plan
    assert not plan.scanned & facts.big_tables, plan
    assert plan.buffers <= case.buffers, plan
    if case.rows is not None:
        assert plan.rows == case.rows, plan


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_indexes_of_a_case_are_those_of_the_header(case: Case) -> None:
    header = BY_NAME[case.query].header["Index"]
    named = set(INDEX_NAME.findall(header))
    assert case.indexes <= named


@pytest.mark.parametrize("generic", [False, True], ids=["custom", "generic"])
@pytest.mark.parametrize("verb", ["newest", "oldest"])
def test_a_page_of_the_shelf_comes_sorted_from_its_index(
    verb: str, generic: bool, seeded: psycopg.Connection[Any], facts: Facts
) -> None:
    plan = plan_of(shelf(verb, ADDED, 400), seeded, facts, generic=generic)
    assert plan.sorts == [], plan


def test_no_page_is_missing_here() -> None:
    paged = {query.name for query in QUERIES if "page_size" in query.parameters}
    whole = {"genres.list_genres", "styles.list_styles"}  # some hundred rows, read whole
    # search_labels is search_artists on another table.
    assert paged - {case.query for case in CASES} == {"labels.search_labels", *whole}
