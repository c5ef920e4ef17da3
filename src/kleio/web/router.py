"""The routes of the page, and what all of them share."""

from __future__ import annotations

from litestar import Router
from litestar.middleware import DefineMiddleware

from kleio.http.query_names import known_query_names
from kleio.web import (
    account,
    admin,
    assets,
    copies,
    discogs,
    errors,
    exports,
    imports,
    insight,
    library,
    log,
    record,
    removals,
    shelf,
    sign_in,
)
from kleio.web.query_strings import no_empty_parameters
from kleio.web.sessions import CookieSession

router = Router(
    "/",
    route_handlers=[
        assets.get_asset,
        *sign_in.HANDLERS,
        *log.HANDLERS,
        *removals.HANDLERS,
        *shelf.HANDLERS,
        *copies.HANDLERS,
        *record.HANDLERS,
        *insight.HANDLERS,
        *library.HANDLERS,
        *imports.HANDLERS,
        *exports.HANDLERS,
        *discogs.HANDLERS,
        *account.HANDLERS,
        *admin.HANDLERS,
    ],
    middleware=[DefineMiddleware(CookieSession)],
    guards=[no_empty_parameters, known_query_names],
    exception_handlers=errors.HANDLERS,
    include_in_schema=False,
)
