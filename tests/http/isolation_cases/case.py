"""A case: the operations that it is about, and the calls that it makes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import UUID

import httpx
from http_site import Site

from kleio.http.docs import documented_path


class Hers:
    """Ids of what is Alice's."""

    user: UUID
    copy: UUID
    folder: UUID
    token: UUID
    release: UUID
    play: UUID
    cleaning: UUID
    stylus: UUID
    run: UUID
    sync: UUID


Case = Callable[[Site, Hers], Awaitable[list[httpx.Response]]]
CASES: dict[tuple[str, str], Case] = {}


def case(method: str, path: str) -> Callable[[Case], Case]:
    """Mark a function as the case of an operation, with the path as the route has it."""

    def keep(function: Case) -> Case:
        CASES[method, documented_path(path)] = function
        return function

    return keep
