"""A batch of a dump's entries on its way into the catalogue, and how each of them ended.

This module owns what happens to an entry that fails. It neither parses nor knows a statement
(`catalogue_store`), and reports nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from kleio.catalogue import Document
from kleio.db.errors import DatabaseError
from kleio.db.queries import Connection
from kleio.importers.catalogue_store import Kind, store
from kleio.importers.discogs_elements import Refused
from kleio.importers.release_rows import Texts


class Outcome(msgspec.Struct, kw_only=True):
    """How a batch's entries ended."""

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: list[Refused] = []


async def store_batch(
    conn: Connection,
    kind: Kind,
    entries: Iterable[Document | Refused],
    outcome: Outcome,
    texts: Texts | None = None,
) -> None:
    """Store a batch, in one transaction where no entry is refused by the database.

    The same entry twice is stored once, as it stands last; those before it count as unchanged,
    because nothing is written for them. An entry that the database refuses is found by halving
    the batch; it alone is refused.

    Args:
        conn: an autocommit connection.
        kind: what the entries are.
        entries: sealed documents, and what could not be made one.
        outcome: is added to while the work goes on, so that the caller has it where it fails.
        texts: as for `catalogue_store.store`.

    Raises:
        DatabaseError: the database failed otherwise than over an entry's data.
    """
    by_id: dict[int | None, Document] = {}
    for entry in entries:
        if isinstance(entry, Refused):
            outcome.refused.append(entry)
            continue
        if entry.discogs_id in by_id:
            outcome.unchanged += 1
        by_id[entry.discogs_id] = entry
    # A stack and no recursion, so that the order of the entries stays that of the file.
    pending = [list(by_id.values())] if by_id else []
    while pending:
        documents = pending.pop()
        try:
            counts = await store(conn, kind, documents, texts)
        except DatabaseError as error:
            if not _is_data_error(error):
                raise
            if len(documents) > 1:
                middle = len(documents) // 2
                pending += [documents[middle:], documents[:middle]]
                continue
            outcome.refused.append(Refused(None, str(error), documents[0].discogs_id))
            continue
        outcome.inserted += counts.inserted
        outcome.updated += counts.updated
        outcome.unchanged += counts.unchanged


def _is_data_error(error: DatabaseError) -> bool:
    """Whether other documents may still succeed; class 54 is a limit that one value exceeds."""
    return error.is_data_error or (error.sqlstate or "").startswith("54")
