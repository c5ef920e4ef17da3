"""New releases by COPY: the same rows as the statement that also replaces, and nothing half."""

from __future__ import annotations

import asyncio
import string
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalogue_rows import catalogue_rows
from factories import release_document
from kleio.catalogue import ArtistCredit, LabelCredit, ReleaseDocument, seal
from kleio.db.connections import connect
from kleio.db.errors import DatabaseError
from kleio.db.queries import Connection
from kleio.importers import catalogue_store
from kleio.importers.catalogue_store import StoreCounts, store
from kleio.importers.discogs_xml import open_dump
from kleio.importers.release_rows import PRINTABLE, Texts
from kleio.repositories import release_loads, releases
from kleio.seed import demo_catalogue
from kleio.settings import Settings

pytestmark = pytest.mark.anyio

EMPTY = "TRUNCATE releases, artists, labels, genres, styles CASCADE"


def sample(folder: Path) -> list[ReleaseDocument]:
    with open_dump(folder / "discogs_20200806_releases.xml.gz") as dump:
        return [entry for entry in dump if isinstance(entry, ReleaseDocument)]


def odd_documents() -> list[ReleaseDocument]:
    """Releases with what normalising, escaping and NULLs can go wrong on."""
    texts = [
        "", " ", "  two  spaces ", "tab\there", "Sigur  Rós", "Prince (3)", "(3)", "x  (12)",
        "paren)", 'quote " \\ back', "Ünïcödé ﬀ ß", "İstanbul", "ΣΊΣΥΦΟΣ", "\u3000wide",
        "line\nbreak", "\x7f", "日本語", "emoji 🎶", "a" * 9000, "<&>'", "%s :name {}",
    ]  # fmt: skip
    documents = [
        seal(
            ReleaseDocument(
                discogs_id=number,
                title=text,
                country=text or None,
                artists=[
                    ArtistCredit(name=text, discogs_id=number),
                    ArtistCredit(name="Known", anv=text or None, join_relation=text or None),
                    ArtistCredit(name=text, role=text, tracks=text or None),
                ],
                labels=[LabelCredit(name=text, discogs_id=number, catno=text or None)],
                genres=[text[:900], text[:900]],
                styles=[text[:900]],
                notes=text,
                metadata={
                    "identifiers": [
                        {"type": "Barcode", "value": text},
                        {"type": "Barcode"},
                        {"type": "Other", "value": "1"},
                    ],
                    "other": [{"path": text, "value": text}],
                },
            )
        )
        for number, text in enumerate(texts, 900_000)
    ]
    plain = [seal(ReleaseDocument(discogs_id=910_000 + n, title=f"T{n}")) for n in range(60)]
    return documents + plain


async def both_ways(
    conn: Connection, documents: list[ReleaseDocument], monkeypatch: pytest.MonkeyPatch
) -> tuple[Any, Any]:
    """Return the catalogue's rows as COPY and as the statement writes them."""
    monkeypatch.setattr(catalogue_store, "MANY_RELEASES", 1)
    counts = await store(conn, "releases", documents)
    assert counts == StoreCounts(inserted=len(documents))
    copied = await catalogue_rows(conn)
    ids = [row[0] for row in await (await conn.execute("SELECT id FROM releases")).fetchall()]
    assert await releases.refresh_releases(conn, release_ids=ids) == 0
    await conn.execute(EMPTY)
    monkeypatch.setattr(catalogue_store, "MANY_RELEASES", 1_000_000)
    await store(conn, "releases", documents)
    return copied, await catalogue_rows(conn)


async def test_copied_rows_are_those_of_the_statement(
    conn: Connection, dump_samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied, written = await both_ways(conn, sample(dump_samples), monkeypatch)
    for table, rows in written.items():
        assert copied[table] == rows, table
    assert len(copied["releases"]) == 1000


async def test_so_are_those_of_odd_texts(conn: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    copied, written = await both_ways(conn, odd_documents(), monkeypatch)
    for table, rows in written.items():
        assert copied[table] == rows, table


async def test_so_are_those_of_the_api_and_of_the_demo(
    conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = list(demo_catalogue(100))
    for document in documents[::2]:
        document.from_api = True
        document.thumb = "https://example.org/t.jpg"
        seal(document)
    copied, written = await both_ways(conn, documents, monkeypatch)
    assert copied == written


async def test_releases_that_are_known_are_replaced_beside_new_ones(
    conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store(conn, "releases", [release_document(n) for n in range(1, 4)])
    changed = release_document(2, title="Another")
    documents = [release_document(1), changed, *(release_document(n) for n in range(3, 103))]
    counts = await store(conn, "releases", documents)
    assert counts == StoreCounts(inserted=99, updated=1, unchanged=2)
    assert await store(conn, "releases", documents) == StoreCounts(unchanged=102)
    row = await (
        await conn.execute("SELECT count(*), min(title) FROM releases WHERE discogs_id = 2")
    ).fetchone()
    assert row == (1, "Another")


async def test_a_release_that_another_adds_meanwhile_is_replaced(
    conn: Connection,
    settings: Settings,
    conninfo: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After the look and before the COPY, as a sync does it: nothing fails, nothing is double."""
    real = release_loads.lock_new_entries

    async def late(conn: Connection, *, kind: str) -> bool | None:
        async with await connect(settings, conninfo) as other:
            await store(other, "releases", [release_document(7, title="Of the sync")])
        return await real(conn, kind=kind)

    monkeypatch.setattr(release_loads, "lock_new_entries", late)
    counts = await store(conn, "releases", [release_document(n) for n in range(1, 101)])
    assert counts == StoreCounts(inserted=99, updated=1)
    row = await (await conn.execute("SELECT count(*) FROM releases")).fetchone()
    assert row == (100,)


async def test_two_loaders_of_the_same_releases_agree(
    conn: Connection, settings: Settings, conninfo: str
) -> None:
    documents = [release_document(n) for n in range(1, 301)]
    async with await connect(settings, conninfo) as other:
        counts = await asyncio.gather(
            store(conn, "releases", documents), store(other, "releases", documents[::-1])
        )
    assert sum(count.inserted for count in counts) == 300
    assert sum(count.unchanged for count in counts) == 300
    row = await (await conn.execute("SELECT count(*) FROM tracks")).fetchone()
    assert row == (300 * len(documents[0].tracks),)


async def test_an_artist_that_is_deleted_meanwhile_comes_back(
    conn: Connection, settings: Settings, conninfo: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = release_loads.lock_references

    async def late(conn: Connection, **ids: Any) -> int | None:
        monkeypatch.undo()
        async with await connect(settings, conninfo) as other:
            await other.execute("DELETE FROM artists WHERE discogs_id = 1")
        return await real(conn, **ids)

    monkeypatch.setattr(release_loads, "lock_references", late)
    counts = await store(conn, "releases", [release_document(n) for n in range(1, 101)])
    assert counts == StoreCounts(inserted=100)
    row = await (
        await conn.execute(
            "SELECT count(*) FROM release_artists AS c JOIN artists AS a ON a.id = c.artist_id"
            " WHERE a.discogs_id = 1"
        )
    ).fetchone()
    assert row == (100,)


@pytest.mark.parametrize("table", ["artists", "labels"])
async def test_what_is_referred_to_can_not_be_deleted_before_the_end(
    conn: Connection, settings: Settings, conninfo: str, table: str
) -> None:
    documents = [release_document(n) for n in range(1, 102)]
    await store(conn, "releases", documents[:1])
    async with (
        await connect(settings, conninfo, options="-c lock_timeout=100") as other,
        conn.transaction(),
    ):
        await store(conn, "releases", documents)
        with pytest.raises(psycopg.errors.LockNotAvailable):
            await other.execute(f"DELETE FROM {table}")


async def test_checks_are_on_again_behind_a_batch(conn: Connection) -> None:
    async with conn.transaction():
        await store(conn, "releases", [release_document(n) for n in range(1, 101)])
        row = await (await conn.execute("SHOW session_replication_role")).fetchone()
        assert row == ("origin",)
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            await conn.execute(
                "INSERT INTO tracks (release_id, seq, type, title)"
                " VALUES (uuidv7(), 1, 'track', 'Of nothing')"
            )


async def test_a_role_that_may_not_switch_checks_off_stores_the_same(
    conn: Connection, dump_samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = sample(dump_samples)[:200]
    monkeypatch.setattr(catalogue_store, "unchecked_references", _checked)
    copied, written = await both_ways(conn, documents, monkeypatch)
    assert copied == written


@asynccontextmanager
async def _checked(conn: Connection) -> AsyncIterator[None]:
    cursor = await conn.execute("SHOW session_replication_role")
    assert await cursor.fetchone() == ("origin",)
    yield


async def test_a_value_that_is_refused_leaves_nothing_of_its_batch(conn: Connection) -> None:
    documents = [release_document(n) for n in range(1, 101)]
    documents[50].tracks[0].title = "NUL \0"
    with pytest.raises(DatabaseError) as refused:
        await store(conn, "releases", documents)
    assert refused.value.is_data_error
    for table in ("releases", "tracks", "release_artists"):
        row = await (await conn.execute(f"SELECT count(*) FROM {table}")).fetchone()  # type: ignore[arg-type]
        assert row == (0,)


# --- texts ---------------------------------------------------------------------------------------

LETTERS = st.text(st.sampled_from(string.printable + "éßİΣ（）\u3000ﬁ"), max_size=12)


async def normalise(conn: Connection, values: list[str]) -> Texts:
    texts = Texts()
    texts.check(await release_loads.list_normalized(conn, names=[PRINTABLE], credits=[], codes=[]))
    texts.begin()
    for number, value in enumerate(values, 1):
        texts.want(
            ReleaseDocument(
                discogs_id=number,
                title="",
                artists=[ArtistCredit(name=value, role="")],
                labels=[LabelCredit(name=value, catno=value)],
                genres=[value],
            )
        )
    names, credits, codes = texts.wanted()
    texts.take(await release_loads.list_normalized(conn, names=names, credits=credits, codes=codes))
    return texts


async def test_texts_are_normalised_as_the_database_does(tx: Connection) -> None:
    values: list[str] = []

    @settings_of_hypothesis
    @given(st.lists(LETTERS, max_size=30))
    def collect(found: list[str]) -> None:
        values.extend(found)

    collect()
    values += [f"{value}  (2)" for value in values[:200]]
    values += [chr(code) for code in range(1, 128)] + [f"a{chr(code)}b" for code in range(1, 128)]
    values = list(dict.fromkeys(values))
    texts = await normalise(tx, values)
    for value, row in zip(
        values,
        await release_loads.list_normalized(tx, names=values, credits=values, codes=values),
        strict=True,
    ):
        assert texts.name(value).decode() == row.name, value
        assert texts.credit(value).decode() == row.credit, value
        assert texts.code(value).decode() == row.code, value


settings_of_hypothesis = settings(
    max_examples=60, database=None, suppress_health_check=list(HealthCheck), deadline=None
)


async def test_the_database_is_asked_for_everything_where_it_changes_ascii(tx: Connection) -> None:
    texts = Texts()
    texts.check([release_loads.Normalized("changed", None, None)])
    texts.begin()
    texts.want(ReleaseDocument(discogs_id=1, title="Plain", country="Peru"))
    assert texts.wanted()[0] == ["", "Plain", "Peru"]
