"""Looks after an import whether all of its file is in Kleio: counts, minutes, and rows read back.

`Witness` watches a source while it is imported, and `check` compares what it saw with what is in
the database afterwards. It is told nothing by the import itself but which row each record became.
Any source can be checked; the tables of its file are accounted for where it has `findings`.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from kleio.account_records import (
    AccountRecord,
    CleaningRecord,
    CopyRecord,
    FolderRecord,
    PlayRecord,
    ReleaseRecord,
    StylusRecord,
)
from kleio.accounts import UNCATEGORIZED
from kleio.catalogue import ReleaseDocument
from kleio.db.connections import bulk_transaction
from kleio.db.queries import Connection
from kleio.importers.record_checks import problem_of
from kleio.importers.sources import Source, SourceRow
from kleio.repositories import import_checks
from kleio.repositories.import_checks import FoundRow
from kleio.repositories.imports import Run

SAMPLE = 50
"""Records of each kind that are read back."""

_RECORDS: dict[str, type[Any]] = {
    "release": ReleaseDocument,
    "folder": FolderRecord,
    "stylus": StylusRecord,
    "copy": CopyRecord,
    "play": PlayRecord,
    "cleaning": CleaningRecord,
}

# What is compared of each: a record's other fields are the import's own, or not read back.
_FIELDS: dict[str, tuple[str, ...]] = {
    "release": (
        *("title", "year", "resource_url", "thumb", "cover_image", "play_duration"),
        *("play_duration_estimated", "artists", "labels", "formats", "genres", "styles", "tracks"),
    ),
    "folder": ("name",),
    "stylus": (
        *("name", "manufacturer", "expected_lifespan_hours", "purchase_date", "active"),
        *("is_primary", "owned"),
    ),
    "copy": (
        *("release_id", "folder_id", "discogs_instance_id", "rating", "media_condition"),
        *("sleeve_condition", "notes", "custom_fields", "added_at", "archived_at"),
        "archive_reason",
    ),
    "play": (
        *("release_id", "stylus_id", "played_at", "duration_seconds", "duration_estimated"),
        *("side", "notes"),
    ),
    "cleaning": ("release_id", "cleaned_at", "deep", "notes"),
}


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A field that is not in Kleio what it was in the file."""

    place: str
    kind: str
    verdict: str
    field: str
    file: Any
    kleio: Any


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """What was compared field by field; `missing` are places whose row is not there."""

    rows: int
    fields: int
    missing: list[str]
    differences: list[Difference]


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """Records of one kind: what the file gave, and which rows of Kleio they are."""

    records: int
    refused: int
    unmatched: int
    kleio: int
    mapped: int

    @property
    def agrees(self) -> bool:
        """Whether there is a row for each record that was not refused."""
        return self.kleio == self.records - self.refused - self.unmatched


class Minutes(msgspec.Struct, frozen=True, kw_only=True):
    """How long all plays play, in seconds; None where they can't be the same in Kleio."""

    records: int | None
    refused: int
    kleio: int


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """The result; `parts` are what belongs to the releases, by the words of `FoundParts`."""

    kinds: dict[str, Counted]
    seconds: Minutes
    parts: dict[str, int]
    sample: Sample

    @property
    def failures(self) -> list[str]:
        """What is not as it should be, in words; a row that the user had before may differ."""
        found = [
            f"{kind}: {counted.records - counted.refused - counted.unmatched:,} records, "
            f"but {counted.kleio:,} rows"
            for kind, counted in self.kinds.items()
            if not counted.agrees
        ]
        if self.seconds.records is not None and self._lost_seconds:
            found.append(f"plays: {self._lost_seconds:,} seconds are missing")
        found += [f"{place}: its row is not there" for place in self.sample.missing]
        found += [
            f"{odd.place}, {odd.field}: {odd.file!r} in the file, {odd.kleio!r} in Kleio"
            for odd in self.sample.differences
            # A user who has a primary stylus keeps it.
            if odd.verdict == "new" and odd.field != "is_primary"
        ]
        return found

    @property
    def _lost_seconds(self) -> int:
        return (self.seconds.records or 0) - self.seconds.refused - self.seconds.kleio


class Witness:
    """A source as it is, watched while it is read; a `Source` itself.

    Args:
        source: what is imported.
        now: the time of the import.
    """

    def __init__(self, source: Source, *, now: datetime | None = None) -> None:
        self.source = source
        self.name = source.name
        self.key = source.key
        self.file_name = source.file_name
        self.size = source.size
        self._now = now or datetime.now(UTC)
        # Not for secrets, and the same for the same file.
        self._dice = random.Random(source.size)  # noqa: S311
        self.records: Counter[str] = Counter()
        self.seconds: int | None = 0
        self.refused_seconds = 0
        self.names: dict[tuple[str, str], str] = {}
        self._samples: dict[str, list[tuple[int, SourceRow]]] = {}

    @property
    def position(self) -> int:
        """How many of the bytes are read."""
        return self.source.position

    def __iter__(self) -> Iterator[SourceRow]:
        """Yield the source's records."""
        for seq, row in enumerate(self.source, start=1):
            self._see(seq, row)
            yield row

    def close(self) -> None:
        """Close the source."""
        self.source.close()

    def sampled(self) -> dict[int, SourceRow]:
        """Return the records that are to be read back, by their number in the source."""
        return {seq: row for sample in self._samples.values() for seq, row in sample}

    def _see(self, seq: int, row: SourceRow) -> None:
        kind, record = row.kind, row.record
        self.records[kind] += 1
        is_refused = row.problem is not None or record is None
        if isinstance(record, PlayRecord):
            if record.duration_seconds is None:
                self.seconds = None
            elif self.seconds is not None:
                self.seconds += record.duration_seconds
        if record is not None and not is_refused:
            is_refused = problem_of(record, self._now) is not None
            if is_refused and isinstance(record, PlayRecord):
                self.refused_seconds += record.duration_seconds or 0
        if is_refused or record is None:
            return
        if isinstance(record, FolderRecord) and record.number == 1:
            self.names[kind, record.id or ""] = UNCATEGORIZED
        elif isinstance(record, FolderRecord | StylusRecord):
            self.names[kind, record.id or ""] = record.name
        if kind not in _FIELDS or (isinstance(record, ReleaseRecord) and record.lookup_only):
            return
        # Each record has the same chance, however many there are.
        sample = self._samples.setdefault(kind, [])
        if len(sample) < SAMPLE:
            sample.append((seq, row))
        elif (place := self._dice.randrange(self.records[kind])) < SAMPLE:
            sample[place] = (seq, row)


async def check(conn: Connection, user_id: UUID, run: Run, witness: Witness) -> Check:
    """Compare what is in Kleio with what a source gave.

    Args:
        conn: outside a transaction.
        user_id: whose data it became.
        run: the import, done.
        witness: of the source, which was read to its end.
    """
    whose = {"user_id": user_id, "run_id": run.id}
    sampled = witness.sampled()
    async with bulk_transaction(conn):
        found = {row.kind: row for row in await import_checks.list_found_counts(conn, **whose)}
        parts = await import_checks.get_found_parts(conn, **whose)
        back = await import_checks.list_found_rows(conn, **whose, seqs=sorted(sampled))
    assert parts is not None
    counts: dict[str, dict[str, int]] = msgspec.json.decode(run.counts)
    kinds = {}
    for kind in _FIELDS:
        if kind not in witness.records:
            continue
        row = found.get(kind)
        kinds[kind] = Counted(
            records=witness.records[kind],
            refused=counts.get(kind, {}).get("invalid", 0),
            unmatched=counts.get(kind, {}).get("unmatched", 0),
            kleio=row.rows if row else 0,
            mapped=row.mapped if row else 0,
        )
    plays = found.get("play")
    of_plays = counts.get("play", {})
    others = sum(of_plays.get(verdict, 0) for verdict in ("known", "changed", "unmatched"))
    return Check(
        kinds=kinds,
        seconds=Minutes(
            # A play that was there before stays as it is, and may have another duration.
            records=None if others else witness.seconds,
            refused=witness.refused_seconds,
            kleio=(plays.seconds or 0) if plays else 0,
        ),
        parts=msgspec.structs.asdict(parts),
        sample=_compare(sampled, {row.seq: row for row in back}, witness),
    )


def _compare(sampled: dict[int, SourceRow], rows: dict[int, FoundRow], witness: Witness) -> Sample:
    """Compare each field of the records that were sampled with the rows that they became."""
    compared = fields = 0
    missing: list[str] = []
    differences: list[Difference] = []
    for seq, given in sorted(sampled.items()):
        row = rows.get(seq)
        if row is not None and row.verdict in ("invalid", "unmatched"):
            continue
        if row is None or row.record is None:
            missing.append(given.place)
            continue
        assert given.record is not None
        if row.kind == "release" and row.verdict != "new":
            continue  # the catalogue's own, which no file changes
        compared += 1
        found = msgspec.json.decode(row.record, type=_RECORDS[row.kind])
        for field, mine, theirs in _pairs(row.kind, given.record, found, witness):
            fields += 1
            if mine != theirs:
                differences.append(
                    Difference(
                        place=given.place,
                        kind=row.kind,
                        verdict=row.verdict,
                        field=field,
                        file=mine,
                        kleio=theirs,
                    )
                )
    return Sample(rows=compared, fields=fields, missing=missing, differences=differences)


def _pairs(
    kind: str, record: AccountRecord, found: Any, witness: Witness
) -> Iterator[tuple[str, Any, Any]]:
    """Yield each field's name with its value in the file and in Kleio, where they should be one."""
    if kind == "folder" and found.number == 1:
        return  # every user's, whatever it is called
    given: Any = record.document if isinstance(record, ReleaseRecord) else record
    for field in _FIELDS[kind]:
        mine, theirs = getattr(given, field), getattr(found, field)
        if field == "folder_id":
            mine = witness.names.get(("folder", mine or ""), UNCATEGORIZED)
            # Folders are the same whatever the case of their names, and so are styluses.
            mine, theirs = mine.lower(), theirs.lower()
        elif field == "stylus_id" and mine is not None:
            mine = witness.names.get(("stylus", mine), "").lower() or None
            theirs = theirs and theirs.lower()
        elif mine is None and field in ("added_at", "duration_seconds"):
            continue  # the import's time, Kleio's estimate
        yield field, mine, theirs
