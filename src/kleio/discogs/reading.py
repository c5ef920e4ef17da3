"""The reading part of a sync: identity, the pages of the shelf, and what no page shows.

What it reads lies in the run's items until `kleio.discogs.sync` makes it the shelf. This module
owns when a shelf counts as read in whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from kleio.catalogue import ReleaseDocument
from kleio.discogs import answers
from kleio.discogs.answers import Item, ShelfPage
from kleio.discogs.context import SyncContext
from kleio.discogs.documents import stub_document
from kleio.discogs.errors import NotFound, WrongAccount
from kleio.discogs.runs import utc_now
from kleio.repositories import sync_items, users

PER_PAGE = 100
"""The most that Discogs gives."""

MOST_READINGS = 3
"""How often a shelf is read that changes meanwhile; then nothing is archived."""


class ShelfReader:
    """Reads one user's shelf at Discogs."""

    def __init__(self, context: SyncContext) -> None:
        self._context = context

    async def read_identity(self) -> None:
        """Find out whose token it is, and read the folders and fields.

        Raises:
            WrongAccount: the account was synced with, or names, another Discogs user.
        """
        context = self._context
        found = (await context.client.get("/oauth/identity", answers.identity)).username
        async with context.keeper.reading() as conn:
            user = await users.get_user(conn, user_id=context.user_id)
        known = user.discogs_username if user else None
        if known is not None and known.casefold() != found.casefold():
            raise WrongAccount(
                f"The token is of {found!r} at Discogs, and this account is {known!r} there"
            )
        context.state.username = found
        context.state.folders = await context.read_folders()
        context.state.fields = await context.client.get(
            f"{context.home}/collection/fields", answers.fields
        )
        async with context.keeper.writing() as conn:
            if known is None and not context.run.dry_run:
                # From now on no token of another user's can empty this shelf.
                changes = msgspec.json.encode({"discogsUsername": found}).decode()
                await users.update_user(
                    conn,
                    user_id=context.user_id,
                    changes=changes,
                    expected_updated_at=None,
                    now=utc_now(),
                )
            await context.note(conn)
        await context.tell()

    async def read_pages(self) -> None:
        """Read the shelf until a reading is whole, or as often as is sensible."""
        state = self._context.state
        while True:
            while state.pages == 0 or state.next_page <= state.pages:
                try:
                    page, at = await self._context.client.get(
                        f"{self._context.home}/collection/folders/0/releases",
                        answers.shelf_page,
                        {
                            "page": state.next_page,
                            "per_page": PER_PAGE,
                            # The default, label, changes and is not unique.
                            "sort": "added",
                            "sort_order": "asc",
                        },
                    )
                except NotFound:
                    if state.next_page == 1:
                        raise
                    # The shelf has become shorter by this page.
                    state.pages = state.next_page - 1
                    state.is_steady = False
                    break
                await self._store_page(page, at)
                await self._context.tell()
            if await self._is_whole():
                state.is_complete = True
                return
            if state.reading >= MOST_READINGS:
                self._context.report.incomplete = True
                return
            state.read_again()

    async def _store_page(self, page: ShelfPage, at: datetime) -> None:
        """Keep a page's items, and stubs of the releases that the catalogue lacks."""
        state = self._context.state
        total = page.pagination.items
        state.is_steady = state.is_steady and state.total in (None, total)
        state.total = total
        state.pages = max(1, page.pagination.pages)
        state.first_page_at = state.first_page_at or at
        state.items_read += len(page.releases)
        state.next_page += 1
        await self._store_items(page.releases)

    async def _store_items(self, items: Sequence[Item]) -> None:
        context = self._context
        stubs = [] if context.run.dry_run else _stubs(items)
        found = [answers.shelf_item(item, context.state.fields) for item in items]
        async with context.keeper.writing() as conn:
            # The catalogue first, and what is the user's after it.
            await context.save(conn, stubs, stubs=True)
            await sync_items.upsert_items(
                conn,
                **context.key,
                reading=context.state.reading,
                items=answers.encode_items(found),
            )
            await context.note(conn)

    async def _is_whole(self) -> bool:
        """Tell whether what was read is all that there is.

        One reading is, where Discogs gave the same total on all pages, each of so many items was
        seen once, and none was added after it began (a copy that is added while another one is
        removed leaves the total as it was, and hides the first item of a page). Several readings
        together are, where all of them had the same total and so many items were seen.
        """
        context, state = self._context, self._context.state
        assert state.first_page_at is not None  # a first page was stored
        async with context.keeper.reading() as conn:
            seen = await sync_items.get_reading(
                conn, **context.key, reading=state.reading, first_page_at=state.first_page_at
            )
        assert seen is not None  # an aggregate gives its row
        # A single page is of one moment.
        is_still = state.is_steady and (state.pages == 1 or not seen.items_added)
        state.totals.append(state.total if is_still and state.total is not None else -1)
        if is_still and state.items_read == seen.items_now == state.total:
            if state.reading > 1 and not state.is_checked:
                async with context.keeper.writing() as conn:
                    await sync_items.delete_items_before(conn, **context.key, reading=state.reading)
            return True
        return set(state.totals) == {seen.items}

    async def check_vanished(self) -> str:
        """Make sure that copies which no page showed are gone, and return the next phase.

        It is asked for each of their releases, or where those are more than the pages, the shelf is
        read once more.
        """
        context, state = self._context, self._context.state
        if not state.is_complete or state.is_checked:
            return "shelf"
        async with context.keeper.reading() as conn:
            missing = await sync_items.list_vanished_releases(conn, **context.key)
        if len(missing) > state.pages:
            state.is_checked = True
            state.is_complete = False
            state.totals.clear()
            state.read_again()
            async with context.keeper.writing() as conn:
                await context.note(conn)
            return "pages"
        for discogs_id in missing:
            await self._read_instances(discogs_id)
            await context.tell()
        state.is_checked = True
        return "shelf"

    async def _read_instances(self, discogs_id: int) -> None:
        """Keep the copies of one release that Discogs has after all."""
        page = 1
        while True:
            try:
                found, _ = await self._context.client.get(
                    f"{self._context.home}/collection/releases/{discogs_id}",
                    answers.shelf_page,
                    {"page": page, "per_page": PER_PAGE},
                )
            except NotFound:
                return
            await self._store_items([item for item in found.releases if item.id == discogs_id])
            page += 1
            if page > found.pagination.pages:
                return


def _stubs(items: Sequence[Item]) -> list[ReleaseDocument]:
    """Return a stub of each release of some items, each once."""
    stubs: dict[int, ReleaseDocument] = {}
    for item in items:
        if item.id not in stubs:
            # The item's number counts: it is what the copy refers to.
            stubs[item.id] = stub_document({**item.basic_information, "id": item.id})
    return list(stubs.values())
