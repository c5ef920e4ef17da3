"""A case: the operations that it is about, and the calls that it makes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import UUID

import httpx
from http_site import Site


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


Case = Callable[[Site, Hers], Awaitable[list[httpx.Response]]]
CASES: dict[tuple[str, str], Case] = {}


def case(method: str, path: str) -> Callable[[Case], Case]:
    """Mark a function as the case of an operation; it may be that of several."""

    def keep(function: Case) -> Case:
        CASES[method, path] = function
        return function

    return keep
