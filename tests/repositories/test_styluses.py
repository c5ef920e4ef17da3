"""Styluses: copied from a model, one primary, and how worn they are."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from factories import NOW, make_play, make_release, make_stylus, make_user
from kleio.db.errors import Conflict, InvalidData
from kleio.db.queries import Connection
from kleio.repositories import plays, styluses

pytestmark = pytest.mark.anyio

NOWHERE = UUID(int=1)
LATER = NOW + timedelta(days=1)
HOUR = 3600


async def get(conn: Connection, user_id: UUID, stylus_id: UUID) -> styluses.Stylus:
    """Return a stylus, which the list must tell alike."""
    found = await styluses.get_stylus(conn, user_id=user_id, stylus_id=stylus_id)
    assert found in await styluses.list_styluses(conn, user_id=user_id)
    return found


async def test_the_models_are_there_and_have_a_life(tx: Connection) -> None:
    models = await styluses.list_stylus_models(tx)
    assert len(models) > 10
    assert all(model.expected_lifespan_hours >= 300 for model in models)
    assert models == sorted(models, key=lambda m: (m.manufacturer.lower(), m.name.lower()))


async def test_what_is_not_given_is_copied_from_the_model(tx: Connection) -> None:
    account = await make_user(tx)
    model = next(m for m in await styluses.list_stylus_models(tx) if m.name == "2M Black")
    plain = await get(
        tx, account.id, await make_stylus(tx, account.id, model_id=model.id, name=None)
    )
    assert (plain.model_id, plain.name, plain.manufacturer) == (model.id, "2M Black", "Ortofon")
    assert plain.cartridge_type == model.cartridge_type
    assert plain.expected_lifespan_hours == model.expected_lifespan_hours
    own = await get(
        tx,
        account.id,
        await make_stylus(
            tx,
            account.id,
            model_id=model.id,
            name="Mine",
            expected_lifespan_hours=7,
            purchase_date=date(2020, 2, 29),
        ),
    )
    assert (own.name, own.expected_lifespan_hours, own.manufacturer) == ("Mine", 7, "Ortofon")
    assert (own.purchase_date, own.install_date) == (date(2020, 2, 29), None)
    with pytest.raises(AssertionError):
        await make_stylus(tx, account.id, model_id=NOWHERE)


# Expected life in hours, the seconds of the plays; hours used, left, percent, warning.
WEAR: list[tuple[int | None, list[int], tuple[Any, ...]]] = [
    (1000, [], (0.0, 1000.0, 0.0, "ok")),
    (1000, [HOUR, 1800], (1.5, 998.5, 0.15, "ok")),
    (10, [8 * HOUR - 1], (8 - 1 / 3600, 2 + 1 / 3600, 80 - 1 / 360, "ok")),
    (10, [5 * HOUR, 3 * HOUR], (8.0, 2.0, 80.0, "soon")),
    (10, [10 * HOUR - 1], (10 - 1 / 3600, 1 / 3600, 100 - 1 / 360, "soon")),
    (10, [10 * HOUR], (10.0, 0.0, 100.0, "due")),
    (10, [15 * HOUR], (15.0, 0.0, 150.0, "due")),
    (None, [2 * HOUR], (2.0, None, None, None)),
]


@pytest.mark.parametrize(("life", "seconds", "wear"), WEAR)
async def test_wear(
    life: int | None, seconds: list[int], wear: tuple[Any, ...], tx: Connection
) -> None:
    account, release_id = await make_user(tx), await make_release(tx)
    stylus_id = await make_stylus(tx, account.id, expected_lifespan_hours=life)
    for duration in seconds:
        await make_play(tx, account.id, release_id, stylus_id=stylus_id, duration_seconds=duration)
    await make_play(tx, account.id, release_id, duration_seconds=HOUR)
    found = await get(tx, account.id, stylus_id)
    assert found.plays == len(seconds)
    *numbers, warning = wear
    assert found.warning == warning
    told = [found.hours_used, found.hours_left, found.percent_used]
    assert told == [None if number is None else pytest.approx(number) for number in numbers]


async def test_a_play_that_is_changed_or_deleted_is_right_at_once(tx: Connection) -> None:
    account, release_id = await make_user(tx), await make_release(tx)
    stylus_id = await make_stylus(tx, account.id)
    play_id = await make_play(
        tx, account.id, release_id, stylus_id=stylus_id, duration_seconds=HOUR
    )
    await plays.update_play(
        tx,
        user_id=account.id,
        play_id=play_id,
        changes=json.dumps({"durationSeconds": 2 * HOUR}),
        expected_updated_at=None,
        now=LATER,
    )
    assert (await get(tx, account.id, stylus_id)).hours_used == 2
    await plays.delete_play(tx, user_id=account.id, play_id=play_id)
    assert (await get(tx, account.id, stylus_id)).hours_used == 0


async def update(
    conn: Connection,
    user_id: UUID,
    stylus_id: UUID,
    expected_updated_at: Any = None,
    **changes: Any,
) -> int:
    return await styluses.update_stylus(
        conn,
        user_id=user_id,
        stylus_id=stylus_id,
        changes=json.dumps(changes),
        expected_updated_at=expected_updated_at,
        now=LATER,
    )


async def test_an_update_changes_what_it_names_and_null_clears(tx: Connection) -> None:
    account = await make_user(tx)
    stylus_id = await make_stylus(tx, account.id, manufacturer="M", expected_lifespan_hours=5)
    changes = {"name": "New", "manufacturer": None, "installDate": "2024-02-29", "owned": False}
    assert await update(tx, account.id, stylus_id, NOW, **changes) == 1
    found = await get(tx, account.id, stylus_id)
    assert (found.name, found.manufacturer, found.owned) == ("New", None, False)
    assert (found.install_date, found.expected_lifespan_hours) == (date(2024, 2, 29), 5)
    assert await update(tx, account.id, stylus_id, NOW, name="Old") == 0
    with pytest.raises(InvalidData) as caught:
        async with tx.transaction():
            await update(tx, account.id, stylus_id, expectedLifespanHours=0)
    assert caught.value.constraint == "styluses_lifespan_check"


async def test_one_primary_a_user(tx: Connection) -> None:
    mine, other = await make_user(tx), await make_user(tx)
    first = await make_stylus(tx, mine.id, is_primary=True)
    second = await make_stylus(tx, mine.id)
    theirs = await make_stylus(tx, other.id, is_primary=True)
    for attempt in (
        lambda: make_stylus(tx, mine.id, is_primary=True),
        lambda: update(tx, mine.id, second, primary=True),
    ):
        with pytest.raises(Conflict) as caught:
            async with tx.transaction():
                await attempt()
        assert caught.value.constraint == "styluses_user_primary_key"
    with pytest.raises(psycopg.errors.UniqueViolation):
        async with tx.transaction():
            await tx.execute("UPDATE styluses SET is_primary = true")
    assert (
        await styluses.update_primary_styluses(tx, user_id=mine.id, stylus_id=first, now=LATER) == 0
    )
    assert (
        await styluses.update_primary_styluses(tx, user_id=mine.id, stylus_id=second, now=LATER)
        == 1
    )
    assert await update(tx, mine.id, second, primary=True) == 1
    assert not (await get(tx, mine.id, first)).primary
    assert (await get(tx, mine.id, second)).primary
    assert (await get(tx, other.id, theirs)).primary
    listed = await styluses.list_styluses(tx, user_id=mine.id)
    assert [row.id for row in listed] == [second, first]


async def test_only_an_active_one_is_primary(tx: Connection) -> None:
    account = await make_user(tx)
    stylus_id = await make_stylus(tx, account.id, is_primary=True)
    assert await update(tx, account.id, stylus_id, active=False) == 1
    found = await get(tx, account.id, stylus_id)
    assert (found.active, found.primary) == (False, False)
    with pytest.raises(InvalidData) as caught:
        async with tx.transaction():
            await update(tx, account.id, stylus_id, primary=True)
    assert caught.value.constraint == "styluses_primary_check"
    assert await update(tx, account.id, stylus_id, primary=True, active=True) == 1


async def test_a_stylus_that_goes_leaves_its_plays(tx: Connection) -> None:
    mine, other = await make_user(tx), await make_user(tx)
    release_id, stylus_id = await make_release(tx), await make_stylus(tx, mine.id)
    play_id = await make_play(tx, mine.id, release_id, stylus_id=stylus_id)
    assert await styluses.get_stylus(tx, user_id=other.id, stylus_id=stylus_id) is None
    assert await update(tx, other.id, stylus_id, name="x") == 0
    assert await styluses.delete_stylus(tx, user_id=other.id, stylus_id=stylus_id) == 0
    assert (await plays.get_play(tx, user_id=mine.id, play_id=play_id)).stylus_id == stylus_id
    assert await styluses.delete_stylus(tx, user_id=mine.id, stylus_id=stylus_id) == 1
    assert (await plays.get_play(tx, user_id=mine.id, play_id=play_id)).stylus_id is None
    assert await styluses.list_styluses(tx, user_id=mine.id) == []
