"""A record: its tracks, one's copies of it, and its plays and cleanings over time."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any, get_args
from uuid import UUID

import msgspec
from litestar import Response, get
from litestar.params import FromPath, FromQuery, QueryParameter

from kleio.http.auth import database_of
from kleio.http.collection import ArchiveReason, MediaCondition, SleeveCondition
from kleio.http.problems import not_found
from kleio.repositories import records, releases, shelf_matches
from kleio.web.cards import (
    Choice,
    CleaningOfRecord,
    MonthOfRecord,
    OwnCopy,
    PlayOfRecord,
    choices,
    decoded,
    detail,
)
from kleio.web.charts import Bar
from kleio.web.removals import RemovedKey, told
from kleio.web.rendering import render, wants_fragment, zone_of
from kleio.web.sessions import PageRequest
from kleio.web.words import count

LATEST = 50
MONTHS = 24

MEDIA = get_args(MediaCondition)
SLEEVE = get_args(SleeveCondition)
REASONS = get_args(ArchiveReason)


class Tried(msgspec.Struct, frozen=True):
    """A form of a copy that could not be saved: what was typed, and what is wrong with it."""

    copy_id: UUID
    form: dict[str, str]
    problem: str
    status: HTTPStatus

    def over(self, copy: OwnCopy) -> OwnCopy:
        """Return a copy as the form shows it: as it is here, under what was typed."""
        if copy.id != self.copy_id or "rating" not in self.form:
            return copy
        typed = self.form.get
        return msgspec.structs.replace(
            copy,
            rating=next((n for n in range(6) if typed("rating") == str(n)), copy.rating),
            media_condition=typed("mediaCondition"),
            sleeve_condition=typed("sleeveCondition"),
            folder_id=typed("folderId") or copy.folder_id,
            notes=typed("notes"),
        )

    def here(self, copies: list[OwnCopy], folders: list[Choice]) -> dict[str, str]:
        """Return what is here now of a copy that was changed meanwhile, where it is not as typed.

        Args:
            copies: of the record, as they are here.
            folders: of the user.

        Returns:
            What is here, in words, by the name of the form's field.
        """
        (copy,) = (copy for copy in copies if copy.id == self.copy_id)
        typed = self.over(copy)
        if self.status is not HTTPStatus.PRECONDITION_FAILED or typed is copy:
            return {}
        names = {str(folder.id): folder.name for folder in folders}
        fields = {
            "rating": (copy.rating, typed.rating, str(copy.rating or "not rated")),
            "mediaCondition": (copy.media_condition, typed.media_condition, copy.media_condition),
            "sleeveCondition": (
                copy.sleeve_condition,
                typed.sleeve_condition,
                copy.sleeve_condition,
            ),
            "folderId": (
                str(copy.folder_id),
                str(typed.folder_id),
                names.get(str(copy.folder_id)),
            ),
            "notes": (copy.notes or "", typed.notes or "", copy.notes),
        }
        return {
            name: says or "not said"
            for name, (known, wanted, says) in fields.items()
            if (known or None) != (wanted or None)
        }


@get("/records/{release_id:str}", include_in_schema=False)
async def show_record(
    request: PageRequest,
    release_id: FromPath[UUID],
    removed: RemovedKey = None,
    restored: FromQuery[bool] = False,
) -> Response[str]:
    """Show a record, owned or not; to scripts, when something was logged, only the listening."""
    if not wants_fragment(request):
        return await record_page(request, release_id, removed=removed, restored=restored)
    _, shown = await _own(request, release_id)
    return render(request, "parts/listening.html", **shown)


async def record_page(
    request: PageRequest,
    release_id: UUID,
    *,
    removed: str | None = None,
    restored: bool = False,
    tried: Tried | None = None,
) -> Response[str]:
    """Return the page of a record.

    Args:
        request: of the page.
        release_id: which record.
        removed: the key of what it says that was removed.
        restored: whether it says that something was put back.
        tried: what of a copy could not be saved, to go on with.

    Raises:
        ProblemError: 404.
    """
    found = await database_of(request).read(releases.get_release, release_id=release_id)
    if found is None:
        raise not_found("record")
    own, shown = await _own(request, release_id)
    return render(
        request,
        "record.html",
        status=HTTPStatus.OK if tried is None else tried.status,
        release=detail(found),
        sides=decoded(own.sides, list[str]),
        styluses=choices(own.styluses),
        subject=f"release:{release_id}",
        restored=restored,
        **await told(request, removed),
        **_copies(own, tried),
        **shown,
    )


async def copy_part(
    request: PageRequest, release_id: UUID, copy_id: UUID, tried: Tried | None = None
) -> Response[str]:
    """Return the part of a record's page that shows a copy, for scripts to put in its place.

    Args:
        request: of the page.
        release_id: whose page it is.
        copy_id: which copy.
        tried: what of it could not be saved, to go on with; None where it was.

    Raises:
        ProblemError: 404.
    """
    own, _ = await _own(request, release_id)
    shown = _copies(own, tried)
    copy = next((copy for copy in shown["copies"] if copy.id == copy_id), None)
    if copy is None:
        raise not_found("copy")
    headers = {"HX-Retarget": f"#copy-{copy.id}", "HX-Reswap": "outerHTML"}
    return render(
        request,
        "parts/copy.html" if tried else "parts/copy_saved.html",
        status=tried.status if tried else HTTPStatus.OK,
        headers=headers,
        copy=copy,
        **shown,
    )


def _copies(own: records.Record, tried: Tried | None) -> dict[str, Any]:
    """Return what the forms of one's copies show, where one was tried as it was typed."""
    copies, folders = decoded(own.copies, list[OwnCopy]), choices(own.folders)
    is_here = tried is not None and any(copy.id == tried.copy_id for copy in copies)
    return {
        "archive_reasons": REASONS,
        "copies": copies if tried is None else list(map(tried.over, copies)),
        "folders": folders,
        "here": tried.here(copies, folders) if tried is not None and is_here else {},
        "media_conditions": MEDIA,
        "sleeve_conditions": SLEEVE,
        "tried": tried,
    }


async def _own(request: PageRequest, release_id: UUID) -> tuple[records.Record, dict[str, Any]]:
    """Return what the user has of a release, and what the listening's part shows of it."""
    now = datetime.now(UTC)
    own = await database_of(request).read(
        records.get_record,
        user_id=request.user.user_id,
        release_id=release_id,
        now=now,
        max_rows=LATEST,
    )
    assert own is not None  # one row, whatever there is
    return own, {
        "bars": month_bars(
            decoded(own.months, list[MonthOfRecord]), now.astimezone(zone_of(request.user))
        ),
        "history": history_of(
            decoded(own.plays, list[PlayOfRecord]), decoded(own.cleanings, list[CleaningOfRecord])
        ),
        "back": f"/records/{release_id}#listening",
        "own": own,
        "release_id": release_id,
    }


def history_of(
    plays: list[PlayOfRecord], cleanings: list[CleaningOfRecord]
) -> list[PlayOfRecord | CleaningOfRecord]:
    """Return the latest plays and cleanings together, the latest first."""
    both: list[PlayOfRecord | CleaningOfRecord] = [*plays, *cleanings]
    return sorted(both, key=lambda entry: entry.at, reverse=True)[:LATEST]


def month_bars(months: list[MonthOfRecord], today: datetime) -> list[Bar]:
    """Return a column for each of the last two years' months, with or without plays."""
    by_month = {month.month: month for month in months}
    bars = []
    for back in range(MONTHS - 1, -1, -1):
        year, month = divmod(today.year * 12 + today.month - 1 - back, 12)
        first = datetime(year, month + 1, 1)
        found = by_month.get(f"{first:%Y-%m}")
        plays, cleanings = (found.plays, found.cleanings) if found else (0, 0)
        says = f"{first:%B %Y}: {count(plays, 'play')}"
        if cleanings:
            says += f", {count(cleanings, 'cleaning')}"
        bars.append(
            Bar(
                label=f"{first:%B %Y}",
                value=plays,
                says=says,
                tick=f"{first:%Y}" if month == 0 else "",
                mark=cleanings > 0,
            )
        )
    return bars


CopyId = Annotated[UUID, QueryParameter(name="copyId")]


@get("/records/{release_id:str}/library", include_in_schema=False)
async def show_library(
    request: PageRequest, release_id: FromPath[UUID], copy_id: CopyId
) -> Response[str]:
    """Show the albums of the digital library that are the same record as a copy."""
    albums: list[Any] = await database_of(request).read(
        shelf_matches.list_copy_albums, user_id=request.user.user_id, copy_ids=[copy_id]
    )
    template = "parts/library.html" if wants_fragment(request) else "library_of_record.html"
    return render(request, template, albums=albums, release_id=release_id)


HANDLERS = [show_record, show_library]
