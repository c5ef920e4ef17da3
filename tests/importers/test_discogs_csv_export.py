"""The collection as Discogs' own CSV, of items as Discogs' API gives them."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from exporting import export
from factories import make_copy, make_user, release_document, store_releases
from kleio.catalogue import ArtistCredit, FormatDocument, LabelCredit
from kleio.db.queries import Connection

pytestmark = pytest.mark.anyio


async def test_golden_rows_of_real_items(samples: Path, tx: Connection) -> None:
    """A page of the Discogs API's collection, and the rows that Discogs' own export has of it."""
    account = await make_user(tx)
    for name in ("joalla/folder_0_releases", "scrobbler/fake_collection_test_data_0"):
        path = samples / "discogs-api" / f"{name}.json"
        for item in json.loads(path.read_text("utf-8"))["releases"]:
            basic = item["basic_information"]
            document = release_document(
                item["id"],
                title=basic["title"],
                year=basic["year"] or None,
                artists=[
                    ArtistCredit(
                        name=artist["name"],
                        discogs_id=artist["id"],
                        anv=artist["anv"] or None,
                        join_relation=artist["join"] or None,
                    )
                    for artist in basic["artists"]
                ],
                labels=[
                    LabelCredit(name=label["name"], discogs_id=label["id"], catno=label["catno"])
                    for label in basic["labels"]
                ],
                formats=[
                    FormatDocument(
                        name=carrier["name"],
                        qty=carrier["qty"],
                        text=carrier.get("text"),
                        descriptions=carrier.get("descriptions", []),
                    )
                    for carrier in basic["formats"]
                ],
            )
            for release_id in await store_releases(tx, [document]):
                await make_copy(tx, account, release_id)
    text = await export(tx, account.user, "collection", format="csv")
    rows = list(csv.DictReader(io.StringIO(text.decode(), newline="")))
    assert len(rows) == 29
    found = {
        row["release_id"]: (row["Catalog#"], row["Artist"], row["Label"], row["Format"])
        for row in rows
    }
    for number, row in GOLDEN.items():
        assert found[number] == row


GOLDEN = {
    "6794957": ("!K7073LP", "Kruder & Dorfmeister", "!K7 Records", "5xLP, Comp, RE, RM, Tri"),
    "457553": ("10_Traktion 02", "Suburbass / MRMNK", "10_Traktion", '12"'),
    "656052": (
        "13M001",
        "Orion (2) Featuring Royal (4) / Theory (3) & Dr. Know (4)",
        "13 Music",
        '12"',
    ),
    "1092382": (
        "4945901000, 494590 1, EPC 494590 1, 4945901003",
        "Pearl Jam",
        "Epic, Epic, Epic, Epic",
        "2xLP, Album",
    ),
    "9577379": (
        "88843045342, 88843045342",
        "Beyoncé",
        "Parkwood Entertainment, Columbia",
        "CD, Album + Blu-ray, Album, Reg",
    ),
    "8646876": (
        "none",
        "Kanye West, Gucci Mane, Big Sean, 2 Chainz, Travis Scott (2), Yo Gotti, Quavo, Desiigner",
        "Def Jam Recordings",
        "File, FLAC, Single",
    ),
    "95204": (
        "NUCDP 6, NUCDP6, 857941.2",
        "New Order",
        "London Records, London Records, London Records",
        "CD, Single + Box, Ltd",
    ),
    "2567040": (
        "0-526352, 0-526352",
        "Cee-Lo",
        "Elektra, Radiculture Records",
        '12", Single, Ltd, Yel',
    ),
    "456663": ("PMC 7067/8", "The Beatles", "Apple Records", "2xLP, Album, M/Print, Num, Mono"),
    "2020891": ("none", "TRV$ DJ-AM", "Shoot To Kill Music", "15xFile, MP3, Mixed, 160"),
}
"""By release number: Catalog#, Artist, Label, Format."""
