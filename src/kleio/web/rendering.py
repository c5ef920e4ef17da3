"""What becomes of a template: the page around it, what every template knows, and its headers.

Templates escape whatever they are given (`Markup` from this package alone passes), and an unknown
name in one is an error. The policy lets a browser load nothing but what this server has, so nothing
in a template may be an inline script, an inline style or an address elsewhere.
"""

from __future__ import annotations

import functools
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import jinja2
import msgspec
from litestar import MediaType, Request, Response
from litestar.datastructures import Cookie

from kleio import __version__
from kleio.discogs import ATTRIBUTION, NOTICE, SITE_URL
from kleio.repositories.tokens import PageSession
from kleio.web import charts, words
from kleio.web.assets import asset_url
from kleio.web.cards import cover
from kleio.web.forms import new_key
from kleio.web.searches import finds_nothing
from kleio.web.sessions import signed_in
from kleio.web.sleeves import sleeve
from kleio.words import show_bytes

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "font-src 'self'",
        "img-src 'self' data:{covers}",
        "connect-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)

_HEADERS = {
    # With no-referrer a browser would say of the page's own forms that they come from nowhere.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    # Who goes back after somebody has signed out sees nothing of theirs.
    "Cache-Control": "no-store",
}

HTMX_CONFIG = {
    "includeIndicatorStyles": False,
    "allowEval": False,
    "selfRequestsOnly": True,
    # Nothing of a user's stays in the browser's storage.
    "historyCacheSize": 0,
    # Errors are shown too: they say themselves where.
    "responseHandling": [{"code": "204", "swap": False}, {"code": "...", "swap": True}],
}


class Place(msgspec.Struct, frozen=True):
    """An entry of the navigation; `icon` is a symbol of `parts/icons.svg`."""

    path: str
    name: str
    icon: str
    admin: bool = False


PLACES = [
    Place("/log", "Log", "needle"),
    Place("/shelf", "Shelf", "shelf"),
    Place("/insight", "Insight", "chart"),
    Place("/library", "Library", "note"),
    Place("/data", "Data", "box"),
    Place("/admin", "Admin", "key", admin=True),
]
"""Where one can go, in order."""


@functools.cache
def environment() -> jinja2.Environment:
    """Return the templates of this package, with what all of them know."""
    env = jinja2.Environment(
        loader=jinja2.PackageLoader("kleio.web"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    env.globals.update(
        asset=asset_url,
        attribution=ATTRIBUTION,
        charts=charts,
        discogs_notice=NOTICE,
        discogs_url=SITE_URL,
        finds_nothing=finds_nothing,
        htmx_config=msgspec.json.encode(HTMX_CONFIG).decode(),
        new_key=new_key,
        show_bytes=show_bytes,
        sleeve=sleeve,
        version=__version__,
        words=words,
    )
    return env


def wants_fragment(request: Request[Any, Any, Any]) -> bool:
    """Return whether a part of the page is asked for, to be put into the one that is open."""
    headers = request.headers
    return "hx-request" in headers and "hx-history-restore-request" not in headers


def zone_of(session: PageSession | None) -> ZoneInfo:
    """Return the zone that a user's days are counted in."""
    try:
        return ZoneInfo("UTC" if session is None else session.time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def render(
    request: Request[Any, Any, Any],
    template: str,
    *,
    status: HTTPStatus = HTTPStatus.OK,
    headers: dict[str, str] | None = None,
    cookies: list[Cookie] | None = None,
    **context: Any,
) -> Response[str]:
    """Return the response of a template.

    Args:
        request: of the page; its session, zone and path are the template's too.
        template: below `templates/`; a whole page extends `page.html`, a fragment does not.
        status: of the response.
        headers: beside those that every response of the page has.
        cookies: to set.
        context: what the template knows beside the globals of `environment`.
    """
    session = signed_in(request)
    text = (
        environment()
        .get_template(template)
        .render(
            cover=functools.partial(cover, hosts=request.app.state.settings.cover_hosts),
            csrf=request.scope.get("auth") or "",
            is_fragment=wants_fragment(request),
            me=session,
            now=datetime.now(UTC).astimezone(zone_of(session)),
            path=request.url.path,
            places=[
                place
                for place in PLACES
                if session is not None and (not place.admin or session.role == "admin")
            ],
            **context,
        )
    )
    return Response(
        text,
        status_code=status.value,
        media_type=MediaType.HTML,
        headers={**_HEADERS, "Content-Security-Policy": _policy(request), **(headers or {})},
        cookies=cookies or [],
    )


def _policy(request: Request[Any, Any, Any]) -> str:
    hosts = request.app.state.settings.cover_hosts
    return POLICY.format(covers="".join(f" https://{host}" for host in hosts))


def see_other(
    request: Request[Any, Any, Any],
    path: str,
    *,
    headers: dict[str, str] | None = None,
    cookies: list[Cookie] | None = None,
    same_part: bool = False,
) -> Response[str]:
    """Return the response that leads on to another address, with or without scripts.

    Args:
        request: of the page.
        path: where to.
        headers: beside those that every response of the page has.
        cookies: to set.
        same_part: what a script asked for a part of the page, is that part at the other address.
    """
    if wants_fragment(request) and not same_part:
        status, to = HTTPStatus.OK, {"HX-Redirect": path}
    else:
        status, to = HTTPStatus.SEE_OTHER, {"Location": path}
    return Response(
        "",
        status_code=status.value,
        media_type=MediaType.HTML,
        headers={**_HEADERS, **to, **(headers or {})},
        cookies=cookies or [],
    )
