"""`kleio import`: data from files into Kleio; a module for each kind of file."""

from __future__ import annotations

import rich_click as click

from kleio.cli.import_account import account, collection_csv
from kleio.cli.import_dump import discogs_dump
from kleio.cli.import_kleio import kleio_json, kleio_sqlite
from kleio.cli.import_music import music


@click.group("import")
def import_group() -> None:
    """Bring data from files into Kleio."""


for _command in (discogs_dump, collection_csv, account, kleio_sqlite, kleio_json, music):
    import_group.add_command(_command)
