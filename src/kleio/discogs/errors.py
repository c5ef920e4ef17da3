"""What can go wrong with Discogs, as one small tree; each error is one sentence for its user.

No message holds a token, and none holds more of an answer than a few words.
"""

from __future__ import annotations

from typing import ClassVar


class DiscogsError(Exception):
    """A call to Discogs that did not give what it should; `code` is stable and for programs."""

    code: ClassVar[str] = "discogs-error"


class NoToken(DiscogsError):
    """The user has no token here, or none that this server's keys open."""

    code = "discogs-token-missing"


class TokenRefused(DiscogsError):
    """Discogs does not know the token (401)."""

    code = "discogs-token-refused"


class WrongAccount(DiscogsError):
    """The token belongs to another Discogs user than the account says."""

    code = "discogs-wrong-account"


class Refused(DiscogsError):
    """The token may not see this (403)."""

    code = "discogs-refused"


class NotFound(DiscogsError):
    """Discogs has no such thing (404)."""

    code = "discogs-not-found"


class UnexpectedAnswer(DiscogsError):
    """An answer that is cut short, too large, or not what the API's documentation says."""

    code = "discogs-unexpected-answer"


class DiscogsUnavailable(DiscogsError):
    """Discogs can't be reached, fails, or asks to wait for long; later it may work."""

    code = "discogs-unavailable"


class DiscogsBusy(DiscogsUnavailable):
    """Discogs wants no calls now, whatever they are for."""
