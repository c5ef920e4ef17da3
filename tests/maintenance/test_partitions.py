"""The months' partitions: their bounds, that they are ready, healed, and put away."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
import uuid6

from factories import NOW, make_user, settings_for
from kleio import partitions
from kleio.db.connections import connect
from kleio.db.errors import (
    DatabaseError,
    InvalidData,
    MissingPartition,
    MissingReference,
    translate,
)
from kleio.db.partitions import detach
from kleio.db.queries import Connection
from kleio.repositories import albums, songs, user_songs
from kleio.repositories import partitions as queries

pytestmark = pytest.mark.anyio

ZONES = ("UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago", "America/St_Johns")
MOMENTS = {
    # A moment: its month, and the five after it.
    "2026-01-31T23:59:59.999999Z": "2026-01 2026-02 2026-03 2026-04 2026-05 2026-06",
    "2026-01-29T00:00:00Z": "2026-01 2026-02 2026-03 2026-04 2026-05 2026-06",
    "2028-02-29T12:00:00Z": "2028-02 2028-03 2028-04 2028-05 2028-06 2028-07",
    "2027-08-31T12:00:00Z": "2027-08 2027-09 2027-10 2027-11 2027-12 2028-01",
    "2026-12-30T00:00:00Z": "2026-12 2027-01 2027-02 2027-03 2027-04 2027-05",
    "2026-12-31T23:30:00-02:00": "2027-01 2027-02 2027-03 2027-04 2027-05 2027-06",
    "2027-01-01T00:30:00+02:00": "2026-12 2027-01 2027-02 2027-03 2027-04 2027-05",
    "2000-02-29T00:00:00Z": "2000-02 2000-03 2000-04 2000-05 2000-06 2000-07",
}


async def value(conn: Connection, statement: str, *parameters: Any) -> Any:
    (found,) = await (await conn.execute(statement, parameters)).fetchone()
    return found


async def add_song(conn: Connection, moment: datetime | None = None, **columns: Any) -> UUID:
    """Insert a song that was added at a moment, in a library that is made when missing."""
    library_id = await value(
        conn,
        "INSERT INTO libraries (name, root, created_at, updated_at) VALUES ('L', '/', %s, %s)"
        " ON CONFLICT (lower(name COLLATE \"pg_c_utf8\")) DO UPDATE SET root = '/' RETURNING id",
        *(NOW, NOW),
    )
    given = {"library_id": library_id, "name": "N", "codec": "flac", "updated_at": NOW, **columns}
    if moment is not None:
        given["id"] = at(moment)
    names, marks = ", ".join(given), ", ".join(["%s"] * len(given))
    statement = f"INSERT INTO songs ({names}) VALUES ({marks}) RETURNING id"
    try:
        return await value(conn, statement, *given.values())
    except psycopg.Error as error:
        raise translate(error) from error


def at(moment: datetime) -> UUID:
    """Return a UUIDv7 of a moment, to the millisecond."""
    milliseconds = round(moment.timestamp() * 1000)
    return UUID(int=milliseconds << 80 | uuid6.uuid7().int & (1 << 80) - 1)


async def months(conn: Connection, parent: str = "songs") -> list[str]:
    found = await queries.list_partitions(conn)
    return [f"{p.month.astimezone(UTC):%Y-%m}" for p in found if p.parent == parent]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("moment", MOMENTS)
async def test_the_months_of_a_moment_are_utc_s_and_none_is_skipped(
    moment: str, zone: str, tx: Connection
) -> None:
    before = await months(tx)
    await tx.execute("SELECT set_config('TimeZone', %s, true)", [zone])
    now = datetime.fromisoformat(moment)
    await queries.create_partitions(tx, since=now, months=6)
    expected = MOMENTS[moment].split()
    assert sorted({*before, *expected}) == await months(tx) == await months(tx, "albums")
    # The first and the last moment of each month are in it, and of no other.
    for month in expected:
        first = datetime.fromisoformat(f"{month}-01T00:00:00+00:00")
        last = (first + timedelta(days=31)).replace(day=1) - timedelta(milliseconds=1)
        for edge in (first, last):
            song_id = await add_song(tx, edge)
            table = await value(
                tx, "SELECT tableoid::regclass::text FROM songs WHERE id = %s", song_id
            )
            assert table == f"songs_{month.replace('-', '_')}"
    assert await queries.create_partitions(tx, since=now, months=6) == []


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("1970-01-01T00:00:00Z", "00000000-0000-0000-0000-000000000000"),
        ("1969-12-31T23:59:59Z", "00000000-0000-0000-0000-000000000000"),
        ("2026-11-01T00:00:00.000999Z", "019a3c7f-9c00-0000-0000-000000000000"),
        ("infinity", "ffffffff-ffff-ffff-ffff-ffffffffffff"),
        ("-infinity", "00000000-0000-0000-0000-000000000000"),
    ],
)
async def test_the_lowest_id_of_a_moment(
    moment: str, expected: str, zone: str, tx: Connection
) -> None:
    await tx.execute("SELECT set_config('TimeZone', %s, true)", [zone])
    found = await value(tx, "SELECT uuid7_floor(%s)", moment)
    if moment.startswith("2026"):
        milliseconds = int(datetime.fromisoformat(moment).timestamp() * 1000)
        assert found == UUID(int=milliseconds << 80)
    else:
        assert str(found) == expected


async def test_ids_lie_between_the_floors_of_their_moment(tx: Connection) -> None:
    row = await tx.execute(
        "SELECT bool_and(uuid7_floor(uuid_extract_timestamp(id)) <= id"
        "            AND id < uuid7_floor(uuid_extract_timestamp(id) + interval '1 ms'))"
        "  FROM (SELECT uuidv7(n * interval '7 hours 1.234 s') AS id"
        "          FROM generate_series(-10000, 10000) AS n) AS ids"
    )
    assert await row.fetchone() == (True,)


async def test_migrations_leave_the_current_month_and_the_next_five(tx: Connection) -> None:
    now = datetime.now(UTC)
    found = await months(tx)
    assert found == await months(tx, "albums")
    assert found[0] == f"{now:%Y-%m}"
    assert len(found) == 6
    assert await queries.count_months_ahead(tx, now=now) == 5


async def test_maintenance_keeps_six_months_ahead(tx: Connection) -> None:
    now = datetime.now(UTC)
    later = now + timedelta(days=150)
    assert await queries.count_months_ahead(tx, now=later) < partitions.MIN_MONTHS_AHEAD
    made = await partitions.ensure_partitions(tx, now=later)
    assert len(made) >= 2 * 5
    assert await queries.count_months_ahead(tx, now=later) == partitions.MONTHS_AHEAD
    assert await partitions.ensure_partitions(tx, now=later) == []
    assert await queries.count_months_ahead(tx, now=later + timedelta(days=4000)) == -1


async def test_a_gap_is_no_month_ahead(tx: Connection) -> None:
    now = datetime.now(UTC)
    await queries.create_partitions(tx, since=now + timedelta(days=400), months=3)
    assert await queries.count_months_ahead(tx, now=now) == 5


async def test_a_new_month_has_all_that_its_table_has(tx: Connection) -> None:
    await queries.create_partitions(tx, since=datetime(2031, 5, 1, tzinfo=UTC), months=1)
    for parent in ("songs", "albums"):
        month = f"{parent}_2031_05"
        for statement in (
            "SELECT count(*) FROM pg_index WHERE indrelid = %s::regclass AND indisvalid",
            "SELECT array_agg((attname, atttypid, attstattarget, attnotnull, attgenerated)::text"
            "                 ORDER BY attname)"
            "  FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0",
            "SELECT array_agg(pg_get_constraintdef(oid) ORDER BY pg_get_constraintdef(oid))"
            "  FROM pg_constraint WHERE conrelid = %s::regclass AND contype IN ('f', 'c', 'p')",
        ):
            assert await value(tx, statement, month) == await value(tx, statement, parent)


async def test_a_write_into_a_missing_month_makes_it_once(conn: Connection) -> None:
    moment = datetime(2019, 2, 28, 23, 59, 59, 999000, tzinfo=UTC)
    runs = []

    async def write() -> UUID:
        runs.append(await add_song(conn, moment))
        return runs[-1]

    with pytest.raises(MissingPartition) as caught:
        await write()
    assert caught.value.is_data_error
    song_id = await partitions.healing(conn, write)
    assert runs == [song_id]
    assert (await songs.get_song(conn, song_id=song_id)).created_at == moment
    # The month is there for both tables, and for everybody.
    assert "2019-02" in await months(conn, "albums")
    assert await partitions.healing(conn, write) == runs[1]


async def test_healing_inside_a_transaction_keeps_what_was_written_before(conn: Connection) -> None:
    async with conn.transaction():
        first = await add_song(conn)
        second = await partitions.healing(
            conn, lambda: add_song(conn, datetime(2018, 1, 1, tzinfo=UTC))
        )
    found = await songs.list_songs_by_id(conn, song_ids=[second, first])
    assert [song.id for song in found] == [second, first]


async def test_healing_makes_one_month_and_leaves_nothing_half_written(conn: Connection) -> None:
    async def write() -> None:
        await add_song(conn, datetime(2017, 1, 1, tzinfo=UTC))
        await add_song(conn, datetime(2016, 1, 1, tzinfo=UTC))

    with pytest.raises(MissingPartition):
        await partitions.healing(conn, write)
    assert await value(conn, "SELECT count(*) FROM songs") == 0
    assert "2017-01" in await months(conn)


async def test_an_id_that_is_no_moment_makes_no_month(conn: Connection) -> None:
    before = await months(conn)
    for wrong in (UUID(int=1), UUID("ffffffff-ffff-7fff-8fff-ffffffffffff")):
        with pytest.raises(MissingPartition):
            await partitions.healing(conn, lambda wrong=wrong: add_song(conn, id=wrong))
    assert await months(conn) == before


async def test_what_a_check_refuses_is_no_missing_month(conn: Connection) -> None:
    with pytest.raises(InvalidData) as caught:
        await partitions.healing(conn, lambda: add_song(conn, duration_ms=-1))
    assert not isinstance(caught.value, MissingPartition)
    assert caught.value.constraint == "songs_duration_ms_check"


async def test_a_clock_set_back_gives_new_ids_in_a_month_that_is_there(conn: Connection) -> None:
    # What uuidv7() gives on a server whose clock stands 14 months back.
    async def write(ids: list[UUID]) -> list[UUID]:
        return [await add_song(conn, id=song_id) for song_id in ids]

    cursor = await conn.execute("SELECT uuidv7('-14 months') FROM generate_series(1, 500)")
    back = [song_id for (song_id,) in await cursor.fetchall()]
    now = [await add_song(conn) for _ in range(5)]
    assert len(await partitions.healing(conn, lambda: write(back))) == len({*back}) == 500
    page = await songs.list_songs_newest(conn, before_id=None, page_size=600, page_offset=0)
    assert [row.id for row in page] == sorted([*back, *now], reverse=True)
    # A session's ids go up even so.
    assert back == sorted(back)


async def test_readers_go_on_while_a_month_is_made(
    conn: Connection, conninfo: str, tmp_path: Path
) -> None:
    song_id = await add_song(conn)
    settings = settings_for(conninfo, tmp_path)
    later = datetime(2033, 1, 1, tzinfo=UTC)
    async with await connect(settings, conninfo) as reader, await connect(settings, conninfo) as b:
        for session in (conn, reader, b):
            await session.execute("SET lock_timeout = '2s'")
        # A reader that stays in its transaction is in nobody's way, and the month in nobody's.
        async with reader.transaction():
            assert await songs.get_song(reader, song_id=song_id) is not None
            async with conn.transaction():
                assert len(await queries.create_partitions(conn, since=later, months=2)) == 4
                assert await songs.get_song(reader, song_id=song_id) is not None
                assert await songs.get_song(b, song_id=song_id) is not None
                # Writers of songs go on as well.
                await b.execute(
                    "INSERT INTO songs (library_id, name, codec, updated_at)"
                    " SELECT library_id, name, codec, updated_at FROM songs"
                )


async def test_readers_and_twenty_makers_at_once(
    conn: Connection, conninfo: str, tmp_path: Path
) -> None:
    song_id = await add_song(conn)
    settings = settings_for(conninfo, tmp_path)
    later = datetime(2040, 1, 1, tzinfo=UTC)
    is_done = asyncio.Event()
    reads = 0

    async def read() -> None:
        nonlocal reads
        async with await connect(settings, conninfo) as reader:
            await reader.execute("SET lock_timeout = '5s'")
            while not is_done.is_set():
                assert await songs.get_song(reader, song_id=song_id) is not None
                page = await songs.list_songs_newest(
                    reader, before_id=None, page_size=5, page_offset=0
                )
                assert [row.id for row in page] == [song_id]
                reads += 1

    async def make() -> list[str]:
        async with await connect(settings, conninfo) as maker:
            return await queries.create_partitions(maker, since=later, months=12)

    readers = [asyncio.create_task(read()) for _ in range(4)]
    made = await asyncio.gather(*(make() for _ in range(20)))
    is_done.set()
    await asyncio.gather(*readers)
    assert sorted(len(names) for names in made) == [0] * 19 + [24]
    assert reads > 0


async def archive_some(conn: Connection) -> dict[str, Any]:
    """Make songs of two past months and this one, with a user's state of each, and an album."""
    account = await make_user(conn)
    made: dict[str, Any] = {"user_id": account.id}
    for name, moment in (
        ("old", datetime(2020, 1, 31, tzinfo=UTC)),
        ("older", datetime(2019, 12, 31, 23, 59, tzinfo=UTC)),
        ("new", datetime.now(UTC)),
    ):
        await queries.create_partitions(conn, since=moment, months=1)
        made[name] = await add_song(conn, moment)
        await user_songs.upsert_song_rating(
            conn, user_id=account.id, song_id=made[name], rating=4, now=NOW
        )
    library_id = await value(conn, "SELECT id FROM libraries")
    made["album"] = await value(
        conn,
        "INSERT INTO albums (library_id, key, name, updated_at, song_count, duration_ms)"
        " VALUES (%s, uuidv7(), 'A', %s, 2, 3000) RETURNING id",
        *(library_id, NOW),
    )
    await conn.execute(
        "UPDATE songs SET album_id = %s, duration_ms = CASE WHEN id = %s THEN 1000 ELSE 2000 END"
        " WHERE id <> %s",
        [made["album"], made["old"], made["older"]],
    )
    return made


async def test_old_months_are_put_away_with_their_states(conn: Connection) -> None:
    made = await archive_some(conn)
    first = datetime.now(UTC) - timedelta(days=40)
    archived = await partitions.archive_partitions(conn, before=first)
    assert [(one.name, one.references) for one in archived] == [
        ("albums_2019_12", 0),
        ("albums_2020_01", 0),
        ("songs_2019_12", 1),
        ("songs_2020_01", 1),
    ]
    assert await songs.get_song(conn, song_id=made["old"]) is None
    assert await songs.get_song(conn, song_id=made["new"]) is not None
    states = await user_songs.list_song_states(
        conn, user_id=made["user_id"], song_ids=[made["old"], made["older"], made["new"]]
    )
    assert [state.song_id for state in states] == [made["new"]]
    assert await value(conn, "SELECT count(*) FROM archive.user_songs") == 2
    assert await value(conn, "SELECT count(*) FROM archive.songs_2020_01") == 1
    album = await albums.get_album(conn, album_id=made["album"])
    assert (album.song_count, album.duration_ms) == (1, 2000)
    assert await partitions.archive_partitions(conn, before=first) == []


async def test_the_month_of_the_moment_and_later_ones_stay(conn: Connection) -> None:
    await archive_some(conn)
    east = timezone(timedelta(hours=14))
    # Still January in UTC.
    moment = datetime(2020, 2, 1, 13, 59, tzinfo=east)
    archived = await partitions.archive_partitions(conn, before=moment)
    assert [one.name for one in archived] == ["albums_2019_12", "songs_2019_12"]
    assert "2020-01" in await months(conn)


async def test_an_archiving_that_was_cut_short_is_finished(conn: Connection) -> None:
    await archive_some(conn)
    await queries.update_archived_references(conn, child="songs_2020_01")
    await conn.execute("ALTER TABLE songs DETACH PARTITION songs_2020_01 CONCURRENTLY")
    assert [half.name for half in await queries.list_half_archived(conn)] == ["songs_2020_01"]
    archived = await partitions.archive_partitions(conn, before=datetime(1990, 1, 1, tzinfo=UTC))
    assert [one.name for one in archived] == ["songs_2020_01"]
    assert await value(conn, "SELECT count(*) FROM archive.songs_2020_01") == 1


async def test_a_detach_that_was_cut_short_is_finished(
    conn: Connection, conninfo: str, tmp_path: Path
) -> None:
    await archive_some(conn)
    await queries.update_archived_references(conn, child="songs_2019_12")
    reader = await connect(settings_for(conninfo, tmp_path), conninfo)
    async with reader, reader.transaction():
        await songs.list_songs_newest(reader, before_id=None, page_size=5, page_offset=0)
        # Its second half waits for the reader.
        await conn.execute("SET lock_timeout = '200ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            await conn.execute("ALTER TABLE songs DETACH PARTITION songs_2019_12 CONCURRENTLY")
    await conn.execute("RESET lock_timeout")
    (half,) = await queries.list_half_archived(conn)
    assert half.is_pending
    archived = await partitions.archive_partitions(conn, before=datetime(1990, 1, 1, tzinfo=UTC))
    assert [one.name for one in archived] == ["songs_2019_12"]


async def test_a_month_whose_songs_are_referred_to_is_not_detached(conn: Connection) -> None:
    await archive_some(conn)
    with pytest.raises(DatabaseError) as caught:
        await detach(conn, "songs", "songs_2020_01", how="CONCURRENTLY")
    assert isinstance(caught.value, MissingReference)
    assert "2020-01" in await months(conn)


async def test_an_archived_month_can_come_back(conn: Connection) -> None:
    made = await archive_some(conn)
    await partitions.archive_partitions(conn, before=datetime(2020, 2, 1, tzinfo=UTC))
    await conn.execute(
        "ALTER TABLE archive.songs_2020_01 SET SCHEMA public;"
        "ALTER TABLE songs ATTACH PARTITION songs_2020_01 FOR VALUES"
        " FROM (uuid7_floor('2020-01-01Z')) TO (uuid7_floor('2020-02-01Z'))"
    )
    assert await songs.get_song(conn, song_id=made["old"]) is not None
