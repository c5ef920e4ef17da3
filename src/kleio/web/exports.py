"""Exports: one's data as files, for whatever comes after."""

from __future__ import annotations

from litestar import Response, get
from litestar.params import FromPath, FromQuery

from kleio.export import Export, Format, Noun
from kleio.http.exports import Archived, ExportResponse, Spreadsheet, choose_export
from kleio.web import data
from kleio.web.rendering import render
from kleio.web.sessions import PageRequest


@get(f"{data.PATH}/exports", include_in_schema=False)
async def show_exports(request: PageRequest) -> Response[str]:
    """Show what can be taken away."""
    return render(request, "exports.html", tabs=data.TABS)


@get(f"{data.PATH}/exports/{{noun:str}}", include_in_schema=False)
async def get_export(
    request: PageRequest,
    noun: FromPath[Noun],
    format: FromQuery[Format] = "json",
    archived: Archived = "false",
    spreadsheet: Spreadsheet = False,
) -> ExportResponse:
    """Return an export as a file."""
    if noun == "all":
        return ExportResponse(request, Export(noun="all", format="json"))
    return ExportResponse(request, choose_export(noun, format, spreadsheet, archived))


HANDLERS = [show_exports, get_export]
