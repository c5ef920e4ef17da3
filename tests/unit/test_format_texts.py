"""Format cells of a CSV as carriers, and back as the export writes them."""

from __future__ import annotations

import pytest

from kleio.catalogue import FormatDocument
from kleio.importers.format_texts import parse_formats


def carrier(name: str, *descriptions: str, qty: str = "1", text: str | None = None) -> object:
    return FormatDocument(name=name, qty=qty, text=text, descriptions=list(descriptions))


CELLS = {
    "LP, Album": [carrier("Vinyl", "LP", "Album")],
    "2xLP, Album, RE, Gat": [carrier("Vinyl", "LP", "Album", "Reissue", qty="2", text="Gat")],
    "LP, Album + CD, Album": [carrier("Vinyl", "LP", "Album"), carrier("CD", "Album")],
    '12", Single, Ltd, Yel': [carrier("Vinyl", '12"', "Single", "Limited Edition", text="Yel")],
    '7"': [carrier("Vinyl", '7"')],
    "CD, Single + Box, Ltd": [carrier("CD", "Single"), carrier("Box Set", "Limited Edition")],
    "File, FLAC, Single": [carrier("File", "FLAC", "Single")],
    "15xFile, MP3, Mixed, 160": [carrier("File", "MP3", "Mixed", qty="15", text="160")],
    "Cass, Album, Promo": [carrier("Cassette", "Album", "Promo")],
    "CD + Comp, Ltd": [carrier("CD"), carrier("All Media", "Compilation", "Limited Edition")],
    "Minidisc": [carrier("Minidisc")],
    "Hologram, Album": [carrier("Hologram", "Album")],
    "": [],
    " , ": [],
}


@pytest.mark.parametrize("cell", CELLS, ids=repr)
def test_a_cell_is_read(cell: str) -> None:
    assert parse_formats(cell) == CELLS[cell]
