"""The client of Discogs' API: one call at a time, at its pace, tried again where that may help.

This module owns headers, time limits, sizes, what is tried again and how long to wait. It knows
no answer's meaning but the error's message, and no database: when a call may be made, a `Pace`
says.

The token goes into one header and nowhere else: not into an address, an error or a log.
"""

from __future__ import annotations

import asyncio
import email.utils
import logging
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Protocol, TypeVar

import httpx
import msgspec

from kleio import __version__
from kleio.discogs.errors import (
    DiscogsBusy,
    DiscogsError,
    DiscogsUnavailable,
    NotFound,
    Refused,
    TokenRefused,
    UnexpectedAnswer,
)
from kleio.settings import Secret, Settings

T = TypeVar("T")

logger = logging.getLogger("kleio.discogs")

ATTEMPTS = 6
"""How often a call is made until it is given up; the waits between add up to half a minute."""

GARBLED_ATTEMPTS = 3
"""How often an answer that makes no sense is asked for."""

FIRST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 30.0

RATE_WAIT_SECONDS = 20.0
"""How long nobody calls after a 429 without Retry-After: a third of Discogs' window."""

LONGEST_RETRY_AFTER_SECONDS = 600.0
"""A Retry-After beyond this ends the run: it can go on another time."""

CALL_SECONDS = 60.0
"""How long one call may take from its first byte to its last."""

MAX_BODY_BYTES = 16 * 1024 * 1024
"""The largest answers, pages of 100 items, have about half of one MiB, unpacked."""

_TIMEOUT = httpx.Timeout(30.0, connect=10.0)


class Pace(Protocol):
    """Who says when a call may be made."""

    async def take(self) -> None:
        """Wait until one call may be made."""

    def saw(self, limit: int, used: int) -> None:
        """Hear what an answer says of the limit and of the calls of the last minute."""

    async def block(self, seconds: float) -> None:
        """Let nobody call for a while."""


class Answer(msgspec.Struct, frozen=True):
    """The body of an answer and when Discogs gave it, by its own clock where it tells."""

    body: bytes
    at: datetime


class _Message(msgspec.Struct):
    message: str = ""


class _Again(Exception):
    """Try again: after `wait` seconds, or after the usual wait."""

    def __init__(self, error: DiscogsError, wait: float | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.wait = wait


class DiscogsClient:
    """Calls Discogs for one user.

    Args:
        settings: the address, and who calls.
        token: the user's personal access token.
        pace: says when.
        sleep: waits seconds between attempts.
        jitter: gives numbers from 0 to 1, so that those who failed together don't return together.
    """

    def __init__(
        self,
        settings: Settings,
        token: Secret,
        pace: Pace,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        contact = f" (+{settings.discogs_contact})" if settings.discogs_contact else ""
        self._http = httpx.AsyncClient(
            headers={
                "User-Agent": f"Kleio/{__version__}{contact}",
                "Accept": "application/vnd.discogs.v2.discogs+json",
                "Authorization": f"Discogs token={token.reveal()}",
            },
            timeout=_TIMEOUT,
            # An answer that leads elsewhere would take the token with it.
            follow_redirects=False,
        )
        self._base = settings.discogs_url.rstrip("/")
        self._pace = pace
        self._sleep = sleep
        self._jitter = jitter
        self.calls = 0
        """How many calls were made, those that failed too."""

    def __repr__(self) -> str:
        return f"DiscogsClient({self._base!r})"

    async def __aenter__(self) -> DiscogsClient:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._http.aclose()

    async def get(
        self,
        path: str,
        decode: Callable[[Answer], T],
        parameters: Mapping[str, str | int] | None = None,
    ) -> T:
        """Return what an answer means, made sense of by `decode`.

        Args:
            path: begins with a slash; its parts are quoted already.
            decode: raises msgspec.MsgspecError or ValueError at an answer that makes no sense,
                which is then asked for again.
            parameters: of the query.

        Raises:
            TokenRefused, Refused, NotFound: 401, 403, 404.
            UnexpectedAnswer: another status, or a body that made no sense each time.
            DiscogsUnavailable: no answer in several attempts.
            DiscogsBusy: too many calls, or a wait that is too long.
        """
        garbled = 0
        for attempt in range(1, ATTEMPTS + 1):
            await self._pace.take()
            try:
                answer = await self._call(path, parameters)
                try:
                    return decode(answer)
                except (msgspec.MsgspecError, ValueError) as error:
                    # msgspec's words name places of the body, never its values.
                    raise UnexpectedAnswer(
                        f"Discogs' answer to {path} makes no sense: {str(error)[:200]}"
                    ) from error
            except UnexpectedAnswer as error:
                garbled += 1
                if garbled == GARBLED_ATTEMPTS:
                    raise
                again = _Again(error)
            except _Again as error:
                again = error
            if attempt == ATTEMPTS:
                raise again.error
            wait = self._wait(attempt) if again.wait is None else again.wait
            logger.info("%s: %s; again in %.1f s", path, again.error, wait)
            if wait:
                await self._sleep(wait)
        raise AssertionError("the last attempt returns or raises")

    def _wait(self, attempt: int) -> float:
        """Return how long to wait after an attempt: half to all of 1, 2, 4, ... 30 seconds."""
        longest = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2.0 ** (attempt - 1))
        return longest * (0.5 + self._jitter() / 2)

    async def _call(self, path: str, parameters: Mapping[str, str | int] | None) -> Answer:
        self.calls += 1
        try:
            async with (
                asyncio.timeout(CALL_SECONDS),
                self._http.stream("GET", self._base + path, params=parameters) as response,
            ):
                self._note_limit(response.headers)
                if response.is_success:
                    return Answer(await _body(response, path), _date(response.headers))
                await self._refuse(response, path)
        except TimeoutError as error:
            raise _Again(
                DiscogsUnavailable(f"Discogs took longer than {CALL_SECONDS:.0f} s for {path}")
            ) from error
        except httpx.LocalProtocolError:
            # Its words hold the header that can't be sent, which may be the token.
            raise UnexpectedAnswer(f"The call of {path} can't be put into words of HTTP") from None
        except httpx.HTTPError as error:
            # The words of httpx may hold the address, which holds no secret.
            words = str(error) or type(error).__name__
            raise _Again(DiscogsUnavailable(f"Discogs can't be reached: {words}")) from error
        raise AssertionError("a response is read or refused")

    def _note_limit(self, headers: httpx.Headers) -> None:
        limit = _count(headers.get("x-discogs-ratelimit"))
        used = _count(headers.get("x-discogs-ratelimit-used"))
        left = _count(headers.get("x-discogs-ratelimit-remaining"))
        if limit and left is not None:
            used = max(used or 0, limit - left)
        if limit and used is not None:
            self._pace.saw(limit, used)

    async def _refuse(self, response: httpx.Response, path: str) -> None:
        """Raise what a status other than success means."""
        status = response.status_code
        said = await _message(response)
        if status == 401:
            raise TokenRefused(f"Discogs refuses the token{said}")
        if status == 403:
            raise Refused(f"Discogs does not let this token see {path}{said}")
        if status == 404:
            raise NotFound(f"Discogs has nothing at {path}{said}")
        if status == 429:
            wait = _retry_after(response.headers)
            if wait is not None and wait > LONGEST_RETRY_AFTER_SECONDS:
                raise DiscogsBusy(f"Discogs asks to wait for {wait:,.0f} s")
            seconds = RATE_WAIT_SECONDS * (0.5 + self._jitter()) if wait is None else wait
            await self._pace.block(seconds)
            # The pace makes all wait, this call too.
            raise _Again(DiscogsBusy("Discogs says that there are too many calls"), 0.0)
        if status >= 500:
            wait = _retry_after(response.headers)
            if wait is not None:
                wait = min(wait, LONGEST_WAIT_SECONDS)
            raise _Again(DiscogsUnavailable(f"Discogs fails with {status} at {path}"), wait)
        raise UnexpectedAnswer(f"Discogs answers {status} at {path}{said}")


async def _body(response: httpx.Response, path: str) -> bytes:
    """Return the whole body, unpacked; a cut one is an error of httpx where its length is known."""
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise UnexpectedAnswer(f"Discogs' answer to {path} exceeds {MAX_BODY_BYTES:,} bytes")
    if not body:
        # What Discogs gives to callers whose User-Agent it does not like.
        raise UnexpectedAnswer(f"Discogs' answer to {path} is empty")
    return bytes(body)


async def _message(response: httpx.Response) -> str:
    """Return what an error's body says, as the end of a sentence."""
    start = b""
    async for chunk in response.aiter_bytes():
        start += chunk
        if len(start) > 4096:
            return ""
    try:
        message = msgspec.json.decode(start, type=_Message).message
    except msgspec.MsgspecError:
        return ""
    words = " ".join("".join(c if c.isprintable() else " " for c in message[:200]).split())
    return f": {words}" if words else ""


def _count(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else None


def _retry_after(headers: httpx.Headers) -> float | None:
    """Return the seconds of Retry-After, a number or a date; None where it is neither."""
    text = headers.get("retry-after", "").strip()
    seconds = _count(text)
    if seconds is not None:
        return float(seconds)
    try:
        at = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, at.replace(tzinfo=at.tzinfo or UTC).timestamp() - time.time())


def _date(headers: httpx.Headers) -> datetime:
    try:
        at = email.utils.parsedate_to_datetime(headers.get("date", ""))
    except ValueError:
        return datetime.now(UTC)
    return at if at.tzinfo else at.replace(tzinfo=UTC)
