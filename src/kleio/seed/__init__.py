"""The demo: an invented catalogue, three users, their shelves and a year of their listening.

Artists, labels, titles and people exist nowhere; genres, styles, formats, countries and roles are
Discogs' own words, in about the shares of its dumps. The same seed gives the same documents on
every machine and in every version of Python. Nothing here touches a database.
"""

from kleio.seed.cast import FIRST_DISCOGS_ID
from kleio.seed.listening import Listening, demo_listening
from kleio.seed.pressings import demo_catalogue
from kleio.seed.shelves import DemoUser, ShelfEntry, demo_shelf, demo_users

__all__ = [
    "FIRST_DISCOGS_ID",
    "DemoUser",
    "Listening",
    "ShelfEntry",
    "demo_catalogue",
    "demo_listening",
    "demo_shelf",
    "demo_users",
]
