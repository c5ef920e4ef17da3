"""The whole account: every record, nothing of others, and a release's document round trip."""

from __future__ import annotations

import json
import random
from datetime import date, timedelta
from typing import Any

import pytest

from exporting import EXPORTED, account_of, export
from factories import (
    NOW,
    make_cleaning,
    make_copy,
    make_play,
    make_release,
    make_stylus,
    make_user,
    release_document,
    store_releases,
)
from kleio.account_records import FORMAT, VERSION
from kleio.catalogue import ArtistCredit, FormatDocument, LabelCredit, TrackDocument, seal
from kleio.db.queries import Connection
from kleio.http.exports import AccountFile
from kleio.repositories import collection, folders, preferences, releases
from kleio.seed import demo_catalogue

pytestmark = pytest.mark.anyio

TEXTS = [
    "\"quoted\", 'single'",
    "line\nfeed\r\ttab",
    "中文 日本語 кириллица ½",
    "\\x \\. {}[]\x01\x02",
]


def rich(discogs_id: int | None, title: str) -> Any:
    """Return a release that has everything, awkward texts included."""
    document = release_document(
        discogs_id,
        title=title,
        notes=TEXTS[1],
        master_discogs_id=7,
        data_quality="Correct",
        resource_url="https://example.org/r",
        thumb="https://example.org/t",
        artists=[
            ArtistCredit(name="A (2)", discogs_id=11, anv="Aa", join_relation="Feat."),
            ArtistCredit(name="No Number"),
            ArtistCredit(name="B", discogs_id=12, role='Producer ["x"]', tracks="A1 to A3"),
        ],
        labels=[LabelCredit(name=TEXTS[2], discogs_id=5), LabelCredit(name="L", catno=TEXTS[3])],
        formats=[FormatDocument(name="Vinyl", qty="2", text="Gatefold", descriptions=["LP"]),
                 FormatDocument(name="CD")],
        genres=["Rock", "Electronic"],
        styles=[],
        tracks=[
            TrackDocument(seq=1, title="Side", type="heading"),
            TrackDocument(seq=2, title=TEXTS[0], type="index", duration_seconds=0),
            TrackDocument(
                seq=3, title="", parent_seq=2, position="A1", duration_text="1:00",
                duration_seconds=60, credits=[ArtistCredit(name="C", role="Mixed By")],
            ),
        ],
        metadata={"identifiers": [{"type": "Barcode", "value": "1 2"}], "x": {"y": None, "z": []}},
    )  # fmt: skip
    document.discogs_id = discogs_id
    return document


async def test_an_empty_account_is_a_whole_document(tx: Connection) -> None:
    account = await make_user(tx, "ada")
    text = await export(tx, account.user, "all")
    assert json.loads(text) == {
        "format": FORMAT,
        "version": VERSION,
        "exportedAt": "2026-11-21T09:30:00Z",
        "username": "ada",
        "preferences": {},
        "releases": [],
        "folders": [{"id": str(account.folder.id), "name": "Uncategorized", "number": 1}],
        "styluses": [],
        "copies": [],
        "plays": [],
        "cleanings": [],
    }
    # An item a line: each list begins a line, each item has one.
    assert text.count(b"\n") == 14


async def test_a_document_is_exported_as_it_was_stored(tx: Connection) -> None:
    account = await make_user(tx)
    documents = [rich(None, "Zz"), rich(9, "b"), *demo_catalogue(60), rich(None, "A")]
    stored = await store_releases(tx, documents)
    for release_id in stored:
        await make_play(tx, account.id, release_id, duration_seconds=60)
    found = await account_of(tx, account.user)
    exported = [record.document for record in found.releases]
    for document in documents:
        document.source_hash = None
    # By Discogs number, the others after them by title.
    expected = sorted(documents, key=lambda d: (d.discogs_id or 2**31, d.title))
    assert exported == expected
    assert {record.id for record in found.releases} == {str(id_) for id_ in stored}


async def filled(conn: Connection, rng: random.Random, **user: Any) -> Any:
    """Make a user who has everything, with ids in no helpful order."""
    account = await make_user(conn, **user)
    await preferences.upsert_preferences(
        conn, user_id=account.id, changes='{"timeZone": "Asia/Tokyo", "neglectedDays": 9}', now=NOW
    )
    folder = await folders.insert_folder(
        conn, user_id=account.id, number=None, name=TEXTS[0], now=NOW
    )
    await store_releases(conn, [release_document(100 + number) for number in range(4)])
    shared = [await releases.get_release_id(conn, discogs_id=100 + n) for n in range(4)]
    shelf = [*shared, *await store_releases(conn, [rich(None, f"Own {account.id}")])]
    model = (await (await conn.execute("SELECT id FROM stylus_models LIMIT 1")).fetchone())[0]
    styluses = [
        await make_stylus(conn, account.id, name=TEXTS[2], model_id=model, is_primary=True,
                          purchase_date=date(2024, 2, 29), expected_lifespan_hours=500),
        await make_stylus(conn, account.id, name="Old", active=False, owned=False,
                          manufacturer="M", cartridge_type="MM", install_date=date(2020, 1, 1)),
    ]  # fmt: skip
    copies = [
        await make_copy(conn, account, shelf[number % 5], rating=number % 6,
                        notes=TEXTS[number % 4], folder_id=folder.id if number % 2 else None,
                        media_condition="NM" if number % 2 else None, sleeve_condition="Generic",
                        custom_fields='{"4": "x\\n"}' if number % 3 else "{}",
                        added_at=NOW + timedelta(microseconds=number % 3))
        for number in range(8)
    ]  # fmt: skip
    await collection.update_copy_archived(
        conn,
        user_id=account.id,
        copy_id=copies[1].id,
        archive_reason="sold",
        expected_updated_at=None,
        now=NOW,
    )
    for number in rng.sample(range(30), 30):
        copy = copies[number % 8] if number % 3 else None
        await make_play(
            conn, account.id, None if copy else shelf[number % 5], copy_id=copy and copy.id,
            stylus_id=rng.choice([None, *styluses]), played_at=NOW - timedelta(hours=number // 4),
            duration_seconds=rng.choice([None, 5]), side=rng.choice([None, "A"]),
            notes=rng.choice([None, *TEXTS]),
        )  # fmt: skip
    for number in rng.sample(range(9), 9):
        await make_cleaning(conn, account.id, shelf[number % 5], deep=number % 2 == 0,
                            cleaned_at=NOW - timedelta(days=number // 3))  # fmt: skip
    return account


async def test_every_record_is_in_it_and_nothing_of_another_user(
    tx: Connection, rng: random.Random
) -> None:
    mine, other = await filled(tx, rng), await filled(tx, rng)
    found = await account_of(tx, mine.user)
    theirs = await account_of(tx, other.user)
    assert (found.format, found.version, found.exported_at) == (FORMAT, VERSION, EXPORTED)
    assert found.username == mine.user.username
    assert found.preferences == {"timeZone": "Asia/Tokyo", "neglectedDays": 9}
    for kind, count in (
        *(("releases", 5), ("folders", 2), ("styluses", 2), ("copies", 8), ("plays", 30)),
        ("cleanings", 9),
    ):
        ids = [record.id for record in getattr(found, kind)]
        assert len(ids) == len(set(ids)) == count
        if kind != "releases":
            assert set(ids).isdisjoint(record.id for record in getattr(theirs, kind))
    assert_references_hold(found)
    archived = [copy for copy in found.copies if copy.archived_at]
    assert [copy.archive_reason for copy in archived] == ["sold"]
    assert {copy.custom_fields.get("4") for copy in found.copies} == {None, "x\n"}
    (primary,) = [stylus for stylus in found.styluses if stylus.is_primary]
    assert primary.purchase_date == date(2024, 2, 29)
    assert primary.model is not None
    assert [play.played_at for play in found.plays] == sorted(p.played_at for p in found.plays)


def assert_references_hold(account: AccountFile) -> None:
    ids = {
        kind: {record.id for record in getattr(account, kind)}
        for kind in ("releases", "folders", "styluses", "copies")
    }
    for record in (*account.copies, *account.plays, *account.cleanings):
        assert record.release_id in ids["releases"]
        assert getattr(record, "copy_id", None) in {None, *ids["copies"]}
        assert getattr(record, "stylus_id", None) in {None, *ids["styluses"]}
    assert {copy.folder_id for copy in account.copies} <= ids["folders"]


async def test_no_secret_and_no_default_is_in_it(tx: Connection, rng: random.Random) -> None:
    account = await filled(tx, rng, password_hash="$argon2id$secret")
    text = (await export(tx, account.user, "all")).decode()
    for secret in ("$argon2id", account.token, account.token[:12], "email", "@example.org"):
        assert secret not in text
    assert "null" not in text.replace('"y": null', "")
    for default in ('"archiveReason" : ""', '"deep" : false', '"owned" : true', '"rating" : 0,'):
        assert default not in text


async def test_the_order_is_the_content_s_whatever_the_ids(
    tx: Connection, rng: random.Random
) -> None:
    """The same plays logged in another order give the same lines apart from their ids."""
    release = await make_release(tx, 77)
    plays = [
        {"played_at": NOW - timedelta(hours=n % 3), "notes": rng.choice([None, "b", "B", "ä"]),
         "side": rng.choice([None, "A", "B"]), "duration_seconds": rng.choice([None, 60, 70])}
        for n in range(40)
    ]  # fmt: skip
    exports = []
    for _ in range(2):
        account = await make_user(tx)
        for play in rng.sample(plays, len(plays)):
            await make_play(tx, account.id, release, **play)
        records = json.loads(await export(tx, account.user, "all"))["plays"]
        exports.append([{**record, "id": None} for record in records])
    assert exports[0] == exports[1]


async def test_sealing_an_exported_document_gives_the_hash_it_was_stored_with(
    tx: Connection,
) -> None:
    account = await make_user(tx)
    document = release_document(5, metadata={"series": []})
    (release_id,) = await store_releases(tx, [document])
    await make_copy(tx, account, release_id)
    (record,) = (await account_of(tx, account.user)).releases
    assert record.document.source_hash is None
    assert seal(record.document).source_hash == document.source_hash
