"""Writes documents into the shared catalogue: the one way in, whatever their source.

It leaves out what is unchanged, and writes the rest in one transaction. It parses nothing and
reports nothing; errors are those of `kleio.db.errors`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Literal

import msgspec

from kleio.catalogue import Document, ReleaseDocument, encode_documents
from kleio.db.queries import Connection
from kleio.repositories import artists, labels, masters, releases
from kleio.repositories.catalogue_entries import SavedEntry, SourceHash, lock_entries

Kind = Literal["artists", "labels", "masters", "releases"]


class StoreCounts(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a batch; the three add up to the number of documents."""

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0


class _Statements(msgspec.Struct, frozen=True):
    hashes: Callable[..., Awaitable[list[SourceHash]]]
    upsert: Callable[..., Awaitable[list[SavedEntry]]]


_STATEMENTS: dict[str, _Statements] = {
    "artists": _Statements(artists.list_artist_hashes, artists.upsert_artists),
    "labels": _Statements(labels.list_label_hashes, labels.upsert_labels),
    "masters": _Statements(masters.list_master_hashes, masters.upsert_masters),
    "releases": _Statements(releases.list_release_hashes, releases.upsert_releases),
}


async def store(conn: Connection, kind: Kind, documents: Sequence[Document]) -> StoreCounts:
    """Write a batch of documents of one kind, all or nothing.

    Args:
        conn: outside a transaction, or inside one that the batch then is a part of.
        kind: the table that the documents go to.
        documents: sealed (`kleio.catalogue.seal`), each Discogs number at most once.
    """
    saved = await save(conn, kind, documents)
    inserted = sum(entry.inserted for entry in saved)
    return StoreCounts(
        inserted=inserted,
        updated=len(saved) - inserted,
        unchanged=len(documents) - len(saved),
    )


async def save_stubs(conn: Connection, documents: Sequence[ReleaseDocument]) -> None:
    """Write stubs of the releases that the catalogue knows less of.

    Args:
        conn: as `store`.
        documents: not sealed, with Discogs numbers, each at most once.
    """
    numbers = [entry.discogs_id for entry in documents if entry.discogs_id is not None]
    async with conn.transaction():
        # Before the look, so that nobody writes one of them in whole between look and write.
        await lock_entries(conn, kind="releases")
        better = set(await releases.list_better_releases(conn, discogs_ids=numbers))
        lacking = [entry for entry in documents if entry.discogs_id not in better]
        if lacking:
            encoded = encode_documents(lacking)
            now = datetime.now(UTC)
            await releases.insert_release_references(conn, documents=encoded, now=now)
            await releases.upsert_releases(conn, documents=encoded, now=now)


async def save(conn: Connection, kind: Kind, documents: Sequence[Document]) -> list[SavedEntry]:
    """Write a batch as `store` does and return the entries that were written."""
    statements = _STATEMENTS[kind]
    numbers = [entry.discogs_id for entry in documents if entry.discogs_id is not None]
    async with conn.transaction():
        known = {}
        if numbers:
            await lock_entries(conn, kind=kind)
            hashes = await statements.hashes(conn, discogs_ids=numbers)
            known = {entry.discogs_id: entry.source_hash for entry in hashes}
        changed = [
            entry
            for entry in documents
            if entry.discogs_id is None or known.get(entry.discogs_id) != entry.source_hash
        ]
        if not changed:
            return []
        encoded = encode_documents(changed)
        now = datetime.now(UTC)
        if kind == "releases":
            await releases.insert_release_references(conn, documents=encoded, now=now)
        return await statements.upsert(conn, documents=encoded, now=now)
