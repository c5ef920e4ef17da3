"""Discogs: the client of its API, what its answers mean, and the sync of a user's shelf.

The words that the terms of Discogs want beside its data stand here, once.
"""

from __future__ import annotations

SITE_URL = "https://www.discogs.com"

ATTRIBUTION = "Data provided by Discogs."
"""What stands beside content that came from Discogs' API, with a link to its page there."""

NOTICE = (
    "This application uses Discogs' API but is not affiliated with, sponsored or endorsed by "
    "Discogs. 'Discogs' is a trademark of Zink Media, LLC."
)
