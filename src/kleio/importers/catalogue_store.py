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

from kleio.catalogue import (
    ArtistDocument,
    Document,
    LabelDocument,
    ReleaseDocument,
    encode_documents,
)
from kleio.db.connections import unchecked_references
from kleio.db.errors import Conflict
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
    if kind in ("artists", "labels") and texts is not None:
        # Before the transaction, in which loaders wait for each other; a word that no name has does
        # no harm.
        changed = await _changed(conn, kind, documents)
        texts.know(await _insert_new_words(conn, changed, texts))
    saved = await save(conn, kind, documents, texts)
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


async def save(
    conn: Connection, kind: Kind, documents: Sequence[Document], texts: Texts | None = None
) -> list[SavedEntry]:
    """Write a batch as `store` does and return the entries that were written."""
    new_words: list[str] = []
    async with conn.transaction():
        if any(entry.discogs_id is not None for entry in documents):
            await lock_entries(conn, kind=kind)
        changed = await _changed(conn, kind, documents)
        if not changed:
            return []
        encoded = encode_documents(changed)
        now = datetime.now(UTC)
        if kind == "releases":
            await releases.insert_release_references(conn, documents=encoded, now=now)
        saved = await _STATEMENTS[kind].upsert(conn, documents=encoded, now=now)
        if kind in ("artists", "labels") and texts is not None:
            new_words = await _insert_new_words(conn, changed, texts)
        elif kind != "masters":
            await _insert_words(conn, changed)
    if texts is not None:
        texts.know(new_words)
    return saved


async def _changed(conn: Connection, kind: Kind, documents: Sequence[Document]) -> list[Document]:
    """Return the documents that the catalogue does not hold as they are."""
    numbers = [entry.discogs_id for entry in documents if entry.discogs_id is not None]
    hashes = await _STATEMENTS[kind].hashes(conn, discogs_ids=numbers) if numbers else []
    known = {entry.discogs_id: entry.source_hash for entry in hashes}
    return [
        entry
        for entry in documents
        if entry.discogs_id is None or known.get(entry.discogs_id) != entry.source_hash
    ]


async def _insert_words(conn: Connection, documents: Iterable[Document]) -> None:
    """Add the words of what is searched for, the last thing of a transaction: others may wait.

    Those of releases and of the artists and labels that they name, or of artists and labels.
    """
    names: set[str] = set()
    texts = []
    for entry in documents:
        if isinstance(entry, ReleaseDocument):
            texts.append(main_texts(entry)[1])
            names.update(artist.name for artist in entry.artists)
            names.update(label.name for label in entry.labels)
        elif isinstance(entry, (ArtistDocument, LabelDocument)):
            names.add(entry.name)
    await words.insert_words(conn, names=list(names), texts=texts)


async def _insert_new_words(
    conn: Connection, documents: Iterable[Document], texts: Texts
) -> list[str]:
    """Do so for artists or labels where most words are known; return those that were not."""
    named = (ArtistDocument, LabelDocument)
    names = [entry.name for entry in documents if isinstance(entry, named)]
    await _normalise(conn, texts, names=names)
    new_words = texts.new_words(names)
    if new_words:
        await words.insert_normalized_words(conn, words=new_words)
    return new_words


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
    references = References(new)
    await _find(conn, references)
    await _normalise(conn, texts, documents=new)
    # Before the transaction, in ones of their own: two loaders that name the same new artist would
    # else wait for the end of each other's batch. The words first, which without names do no harm.
    new_words = texts.new_words(references.lacking_names(), new)
    if new_words:
        await words.insert_normalized_words(conn, words=new_words)
        texts.know(new_words)
    await _add_lacking(conn, references, now)
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


async def _find(conn: Connection, references: References) -> None:
    """Look the keys up of what releases refer to."""
    artist_numbers, label_numbers, genres, styles = references.lacking()
    references.add(
        await release_loads.list_references(
            conn,
            artist_numbers=artist_numbers,
            label_numbers=label_numbers,
            genres=genres,
            styles=styles,
        )
    )


async def _add_lacking(conn: Connection, references: References, now: datetime) -> None:
    """Add what releases refer to and the catalogue lacks."""
    artist_numbers, label_numbers, genres, styles = references.lacking()
    if not (artist_numbers or label_numbers or genres or styles):
        return
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
    await _find(conn, references)


async def _normalise(
    conn: Connection,
    texts: Texts,
    *,
    documents: Iterable[ReleaseDocument] = (),
    names: Iterable[str] = (),
) -> None:
    if not texts.is_checked:
        texts.check(
            await release_loads.list_normalized(conn, names=[PRINTABLE], credits=[], codes=[])
        )
    texts.begin()
    for document in documents:
        texts.want(document)
    texts.want_names(names)
    wanted, credits, codes = texts.wanted()
    if wanted or credits or codes:
        texts.take(
            await release_loads.list_normalized(conn, names=wanted, credits=credits, codes=codes)
        )
