"""Imports begun, applied and forgotten: what the API and the page do alike."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from http import HTTPStatus
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO, cast
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from kleio.db.queries import Connection
from kleio.http.auth import UserRequest, database_of
from kleio.http.idempotency import create_once
from kleio.http.import_schemas import SourceName, is_alive
from kleio.http.import_tasks import ImportTasks, going_on
from kleio.http.problems import ProblemError, not_found
from kleio.http.session import settings_of
from kleio.http.zones import check_zone
from kleio.importers import account_import
from kleio.importers.account_json import AccountJson
from kleio.importers.collection_csv import CollectionCsv, Dates, Encoding
from kleio.importers.kleio_json import KleioJson
from kleio.importers.sources import Source, SourceError
from kleio.repositories import imports
from kleio.repositories.imports import Run, RunReport

MEMORY_BYTES = 1024 * 1024
"""How much of a file is kept in memory before it goes to the disk."""


class ImportWish(msgspec.Struct, frozen=True, kw_only=True):
    """What is to become of a file; from `dates` to `spreadsheet` the fields are of a CSV alone.

    Under a `key` it is begun once.
    """

    source: SourceName
    file_name: str | None = None
    dry_run: bool = False
    update: bool = False
    dates: Dates = "iso"
    zone: str = "UTC"
    encoding: Encoding = "utf-8"
    spreadsheet: bool = False
    key: str | None = None

    def check(self) -> None:
        """Refuse a zone that there is not.

        Raises:
            ProblemError: 400, naming `zone`.
        """
        check_zone(self.zone, field="zone")

    def options(self) -> dict[str, Any]:
        """Return what the format takes, for people to see in the run."""
        if self.source != "collection-csv":
            return {}
        return {
            "dates": self.dates,
            "zone": self.zone,
            "encoding": self.encoding,
            "spreadsheet": self.spreadsheet,
        }

    def open(self, file: BinaryIO) -> Source:
        """Return the file as a source.

        Raises:
            ProblemError: 400 where it can't be read as what it should be.
        """
        opener: Callable[[BinaryIO, str], Source]
        if self.source == "collection-csv":
            opener = partial(
                CollectionCsv,
                dates=self.dates,
                zone=ZoneInfo(self.zone),
                encoding=self.encoding,
                spreadsheet=self.spreadsheet,
            )
        else:
            opener = KleioJson if self.source == "kleio-json" else AccountJson
        try:
            return opener(file, self.file_name or self.source)
        except SourceError as error:
            raise ProblemError(
                HTTPStatus.BAD_REQUEST, "unreadable-file", f"The file: {error}."
            ) from error


Receive = Callable[[BinaryIO], Awaitable[ImportWish]]
"""Writes what a request sends into a file and returns what is to become of it."""


def check_length(request: UserRequest, received: int) -> None:
    """Refuse a file that is longer than it may be.

    Raises:
        ProblemError: 413.
    """
    most = settings_of(request).max_import_bytes
    if received > most:
        raise ProblemError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", f"A file may have {most:,} bytes."
        )


def _is_going_on(run: Run) -> bool:
    return run.state in ("reading", "applying") and is_alive(run)


async def begin_import(request: UserRequest, receive: Receive) -> Run:
    """Take a file and import it after the answer; return its run.

    Args:
        request: whose import it is.
        receive: called when it is known that there is room for one more import.

    Raises:
        ProblemError: 400, 409 where another one is going on, 413; with a key 404 where what was
            begun under it is forgotten.
    """
    user_id = request.user.user_id
    tasks: ImportTasks = request.app.state.import_tasks
    async with tasks.slot(user_id) as slot:
        latest = await database_of(request).read(
            imports.list_runs, user_id=user_id, before_id=None, page_size=1, page_offset=0
        )
        if latest and _is_going_on(latest[0].row):
            raise going_on()
        # Closed when the import has ended, or here where there is none.
        spooled: SpooledTemporaryFile[bytes] = SpooledTemporaryFile(MEMORY_BYTES)  # noqa: SIM115
        file = cast(BinaryIO, spooled)
        try:
            wish = await receive(file)
            opened = wish.open(file)
            run: Run | None = None

            async def begin(conn: Connection) -> UUID:
                nonlocal run
                run_id = await account_import.begin(
                    conn,
                    user_id,
                    opened,
                    dry_run=wish.dry_run,
                    with_updates=wish.update,
                    options=wish.options(),
                )
                run = await imports.get_run(conn, user_id=user_id, run_id=run_id)
                return run_id

            body = await create_once(request, begin, wish.key, wish.source.encode())
            run_id = msgspec.json.decode(body, type=UUID)
            if run is None or run.id != run_id:  # the same form has begun it before
                opened.close()
                return await known_run(request, run_id)
            slot.start(
                run_id,
                lambda conn: account_import.carry_out(conn, user_id, run_id, opened),
                opened.close,
            )
        except BaseException:
            file.close()
            raise
    return run


async def known_run(request: UserRequest, run_id: UUID) -> RunReport:
    """Return a run of the user.

    Raises:
        ProblemError: 404.
    """
    run = await database_of(request).read(
        imports.get_run_report, user_id=request.user.user_id, run_id=run_id
    )
    if run is None:
        raise not_found("import")
    return run


async def apply_run(request: UserRequest, run_id: UUID) -> RunReport:
    """Do after the answer what a dry run found, or go on with what was cut short.

    Raises:
        ProblemError: 404, 409 where there is nothing to apply or an import goes on already.
    """
    user_id = request.user.user_id
    tasks: ImportTasks = request.app.state.import_tasks
    async with tasks.slot(user_id) as slot:
        run = await known_run(request, run_id)
        if run.state not in ("judged", "applying"):
            raise ProblemError(
                HTTPStatus.CONFLICT,
                "not-applicable",
                f"The import is {run.state}; only one that is judged or applying can be applied.",
            )
        if _is_going_on(run):
            raise going_on()
        slot.start(run_id, lambda conn: account_import.apply(conn, user_id, run_id))
    return run


async def forget_run(request: UserRequest, run_id: UUID) -> None:
    """Delete a run with its report; what it brought stays.

    Raises:
        ProblemError: 404, 409 while it is going on.
    """
    if _is_going_on(await known_run(request, run_id)):
        raise going_on()
    async with database_of(request).connection() as conn:
        await imports.delete_run(conn, user_id=request.user.user_id, run_id=run_id)
