"""Writes documents into the shared catalogue: the one way in, whatever their source.

It leaves out what is unchanged, and writes the rest in one transaction: many new releases by COPY,
everything else by the statements that also replace. It parses nothing and reports nothing; errors
are those of `kleio.db.errors`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Literal

import msgspec

from kleio.catalogue import Document, ReleaseDocument, encode_documents
from kleio.db.errors import Conflict
from kleio.db.pool import unchecked_references
from kleio.db.queries import Connection
from kleio.importers.release_rows import PRINTABLE, References, ReleaseRows, Texts, main_texts
from kleio.repositories import artists, labels, masters, release_loads, releases, words
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


MANY_RELEASES = 50
"""From how many new releases on COPY is faster; fewer are one statement instead of a dozen."""


async def store(
    conn: Connection, kind: Kind, documents: Sequence[Document], texts: Texts | None = None
) -> StoreCounts:
    """Write a batch of documents of one kind, all or nothing.

    Args:
        conn: outside a transaction, or inside one that the batch then is a part of.
        kind: the table that the documents go to.
        documents: sealed (`kleio.catalogue.seal`), each Discogs number at most once.
        texts: what batches before this one have normalised, to be kept for the next.
    """
    if kind == "releases" and len(documents) >= MANY_RELEASES:
        counts = await _store_releases(conn, documents, Texts() if texts is None else texts)
        if counts is not None:
            return counts
    saved = await save(conn, kind, documents)
    inserted = sum(entry.inserted for entry in saved)
    return StoreCounts(
        inserted=inserted,
        updated=len(saved) - inserted,
        unchanged=len(documents) - len(saved),
    )


async def save_stubs(conn: Connection, documents: Sequence[ReleaseDocument]) -> None:
    """Write stubs of the API of the releases that the catalogue knows less of.

    Of the others, where they are not the API's, the addresses of the pictures are renewed.

    Args:
        conn: as `store`.
        documents: not sealed, with Discogs numbers, each at most once.
    """
    numbers = [entry.discogs_id for entry in documents if entry.discogs_id is not None]
    now = datetime.now(UTC)
    async with conn.transaction():
        # Before the look, so that nobody writes one of them in whole between look and write.
        await lock_entries(conn, kind="releases")
        better = set(await releases.list_better_releases(conn, discogs_ids=numbers))
        lacking = [entry for entry in documents if entry.discogs_id not in better]
        known = [entry for entry in documents if entry.discogs_id in better]
        if known:
            await releases.update_release_pictures(conn, documents=encode_documents(known), now=now)
        if lacking:
            encoded = encode_documents(lacking)
            await releases.insert_release_references(conn, documents=encoded, now=now)
            await releases.upsert_releases(conn, documents=encoded, now=now)
            await _insert_words(conn, lacking)


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
        if kind != "releases":
            return await statements.upsert(conn, documents=encoded, now=now)
        await releases.insert_release_references(conn, documents=encoded, now=now)
        saved = await statements.upsert(conn, documents=encoded, now=now)
        await _insert_words(conn, changed)
        return saved


async def _insert_words(conn: Connection, documents: Iterable[Document]) -> None:
    """Add the words of releases, the last thing of a transaction: others may wait for them."""
    texts = [main_texts(entry)[1] for entry in documents if isinstance(entry, ReleaseDocument)]
    await words.insert_words(conn, texts=texts)


class _Gone(Exception):
    """What releases refer to was deleted while they were being stored."""


async def _store_releases(
    conn: Connection, documents: Sequence[Document], texts: Texts
) -> StoreCounts | None:
    """Write a batch of which many are new; None, and nothing written, where it is none."""
    numbers = [entry.discogs_id for entry in documents if entry.discogs_id is not None]
    known = await _hashes(conn, numbers)
    new = [
        entry
        for entry in documents
        if isinstance(entry, ReleaseDocument)
        and entry.discogs_id is not None
        and entry.discogs_id not in known
    ]
    # By number, so that two loaders of the same releases wait for each other and can't deadlock.
    new.sort(key=lambda entry: entry.discogs_id or 0)
    if len(new) < MANY_RELEASES:
        return None
    changed = [
        entry
        for entry in documents
        if (number := entry.discogs_id) is None
        or (number in known and known[number] != entry.source_hash)
    ]
    now = datetime.now(UTC)
    # Before the transaction, in one of their own: two loaders that name the same new artist would
    # else wait for the end of each other's batch.
    references = await _refer(conn, new, now)
    await _normalise(conn, new, texts)
    new_words = texts.new_words(new)
    if new_words:
        await words.insert_words(conn, texts=new_words)
    rows = ReleaseRows(new, references, texts, now)
    try:
        async with conn.transaction():
            if changed:
                await lock_entries(conn, kind="releases")
            else:
                await release_loads.lock_new_entries(conn, kind="releases")
            if await _hashes(conn, numbers) != known:
                return None
            if changed:
                encoded = encode_documents(changed)
                await releases.insert_release_references(conn, documents=encoded, now=now)
                await releases.upsert_releases(conn, documents=encoded, now=now)
            await release_loads.copy_releases(conn, rows.releases)
            ids = references.ids()
            locked = await release_loads.lock_references(conn, **ids)
            if locked != sum(map(len, ids.values())):
                raise _Gone
            async with unchecked_references(conn):
                await release_loads.copy_release_artists(conn, rows.artists)
                await release_loads.copy_release_labels(conn, rows.labels)
                await release_loads.copy_release_formats(conn, rows.formats)
                await release_loads.copy_release_genres(conn, rows.genres)
                await release_loads.copy_release_styles(conn, rows.styles)
                await release_loads.copy_tracks(conn, rows.tracks)
            if changed:
                await _insert_words(conn, changed)
    except (Conflict, _Gone):
        # Another loader, which keeps nobody away either, added one of them meanwhile; or somebody
        # deleted what they refer to.
        return None
    return StoreCounts(
        inserted=len(new) + sum(entry.discogs_id is None for entry in changed),
        updated=sum(entry.discogs_id is not None for entry in changed),
        unchanged=len(documents) - len(new) - len(changed),
    )


async def _hashes(conn: Connection, numbers: list[int]) -> dict[int, str | None]:
    found = await releases.list_release_hashes(conn, discogs_ids=numbers)
    return {entry.discogs_id: entry.source_hash for entry in found}


async def _refer(
    conn: Connection, documents: Sequence[ReleaseDocument], now: datetime
) -> References:
    """Return the keys of what releases refer to; what the catalogue lacks is added."""
    references = References(documents)
    for is_added in (False, True):
        artist_numbers, label_numbers, genres, styles = references.lacking()
        if not (artist_numbers or label_numbers or genres or styles):
            break
        if is_added:
            await release_loads.insert_references(
                conn,
                artist_numbers=artist_numbers,
                artist_names=[references.artist_names[number] for number in artist_numbers],
                label_numbers=label_numbers,
                label_names=[references.label_names[number] for number in label_numbers],
                genres=genres,
                styles=styles,
                now=now,
            )
        references.add(
            await release_loads.list_references(
                conn,
                artist_numbers=artist_numbers,
                label_numbers=label_numbers,
                genres=genres,
                styles=styles,
            )
        )
    return references


async def _normalise(conn: Connection, documents: Sequence[ReleaseDocument], texts: Texts) -> None:
    if not texts.is_checked:
        texts.check(
            await release_loads.list_normalized(conn, names=[PRINTABLE], credits=[], codes=[])
        )
    texts.begin()
    for document in documents:
        texts.want(document)
    names, credits, codes = texts.wanted()
    if names or credits or codes:
        texts.take(
            await release_loads.list_normalized(conn, names=names, credits=credits, codes=codes)
        )
