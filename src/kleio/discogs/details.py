"""The last part of a sync: stubs and what is too old are fetched from Discogs, a few at once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from kleio.catalogue import ReleaseDocument
from kleio.discogs import answers
from kleio.discogs.client import Answer
from kleio.discogs.context import SyncContext
from kleio.discogs.documents import release_document
from kleio.discogs.errors import (
    DiscogsBusy,
    DiscogsUnavailable,
    NotFound,
    Refused,
    UnexpectedAnswer,
)
from kleio.discogs.runs import utc_now
from kleio.repositories import releases, sync_releases
from kleio.tasks import end_tasks

FETCHED_AT_ONCE = 3
"""Calls under way at the same time: with answers of 2 s they still use up the limit."""

BATCH_SIZE = 12
"""How many are looked up at once: about a quarter of a minute's calls."""

RETRY_AFTER = timedelta(days=7)
"""When a stub that Discogs did not complete is tried again."""

MOST_FAILED = 3
"""So many releases in a row that Discogs fails at are no fault of theirs, and end the run."""

_OF_ONE_RELEASE = (NotFound, Refused, UnexpectedAnswer)
"""What is wrong with one release alone; the others may still be had."""

_Task = asyncio.Task[ReleaseDocument]


class ReleaseFetcher:
    """Fetches what a user's shelf lacks.

    Args:
        context: the run.
        max_age: how old a release of the API may become.
    """

    def __init__(self, context: SyncContext, max_age: timedelta) -> None:
        self._context = context
        # Counted from the run's beginning, so that a run of many hours ends.
        self.stale_before: datetime = context.run.created_at - max_age
        self.retry_before: datetime = context.run.created_at - RETRY_AFTER
        self._in_a_row = 0

    async def fetch(self) -> None:
        """Fetch stubs and what is too old, until there are none.

        A release that Discogs fails at is refused as one that it does not have, and tried again
        another time.

        Raises:
            DiscogsError: Discogs can't be reached, fails at several in a row, wants no calls now,
                or refuses the token.
        """
        context = self._context
        user_id = context.user_id
        stale_before, retry_before = self.stale_before, self.retry_before
        done = context.run.releases_done
        async with context.keeper.writing() as conn:
            left = await sync_releases.count_releases_to_fetch(
                conn, user_id=user_id, stale_before=stale_before, retry_before=retry_before
            )
            context.counts.to_fetch = done + left
            await context.note(conn, releases_done=done, releases_total=done + left)
        await context.tell()
        while True:
            async with context.keeper.reading() as conn:
                numbers = await sync_releases.list_releases_to_fetch(
                    conn,
                    user_id=user_id,
                    stale_before=stale_before,
                    retry_before=retry_before,
                    batch_size=BATCH_SIZE,
                )
            if not numbers:
                return
            done = await self._fetch_batch(numbers, done)

    async def _fetch_batch(self, numbers: Sequence[int], done: int) -> int:
        """Fetch some releases, and store each when it comes."""
        turn = asyncio.Semaphore(FETCHED_AT_ONCE)

        async def fetch(number: int) -> ReleaseDocument:
            async with turn:
                return await self._context.client.get(f"/releases/{number}", _release)

        tasks = {asyncio.ensure_future(fetch(number)): number for number in numbers}
        pending = set(tasks)
        # What may be a fault of the release or of Discogs, until something else is answered.
        unanswered: dict[_Task, int] = {}
        try:
            while pending:
                came, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                answered = {task: tasks[task] for task in came if _is_answered(task)}
                failed = {task: tasks[task] for task in came if _is_failed(task)}
                self._in_a_row = 0 if answered else self._in_a_row + len(failed)
                fatal = self._fatal(came)
                unanswered |= failed
                if answered or not (pending or fatal):
                    answered |= unanswered
                    unanswered = {}
                # At once, so that a run that is killed loses no more than what is under way.
                done = await self._store(answered, done)
                if fatal:
                    raise fatal
        finally:
            await end_tasks(pending)
        return done

    def _fatal(self, tasks: set[_Task]) -> BaseException | None:
        """Return the first error that ends the run."""
        for task in tasks:
            error = task.exception()
            if _is_answered(task) or (_is_failed(task) and self._in_a_row < MOST_FAILED):
                continue
            return error
        return None

    async def _store(self, tasks: Mapping[_Task, int], done: int) -> int:
        """Write what became of some releases, each a document or an error of its own."""
        context = self._context
        documents: list[ReleaseDocument] = []
        for task, number in tasks.items():
            error = task.exception()
            if error is not None:
                context.refuse(number, str(error))
            elif task.result().discogs_id != number:
                context.refuse(number, f"Discogs gives {task.result().discogs_id} instead")
            else:
                documents.append(task.result())
        if tasks:
            context.counts.fetched += len(documents)
            async with context.keeper.writing() as conn:
                await context.save(conn, documents)
                await releases.update_releases_fetched(
                    conn, discogs_ids=list(tasks.values()), now=utc_now()
                )
                await context.note(conn, releases_done=done + len(tasks))
            await context.tell()
        return done + len(tasks)


def _is_answered(task: _Task) -> bool:
    """Tell whether Discogs has said something of the release, if only that it has none."""
    error = task.exception()
    return error is None or isinstance(error, _OF_ONE_RELEASE)


def _is_failed(task: _Task) -> bool:
    """Tell whether Discogs has failed at the release, and not said that it wants no calls."""
    error = task.exception()
    return isinstance(error, DiscogsUnavailable) and not isinstance(error, DiscogsBusy)


def _release(answer: Answer) -> ReleaseDocument:
    return release_document(answers.decode(answer, dict))
