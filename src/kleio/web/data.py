"""What the pages of one's own data have in common."""

from __future__ import annotations

from kleio.web.tabs import Tab

PATH = "/data"
TABS = (
    Tab(PATH, "Import", below=f"{PATH}/imports"),
    Tab("/data/exports", "Export"),
    Tab("/data/discogs", "Discogs"),
    Tab("/data/preferences", "Preferences"),
    Tab("/data/tokens", "Tokens"),
    Tab("/data/erase", "Erase"),
)
