"""Each user's styluses and the models to copy from: `queries/styluses.sql`."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from kleio.db.queries import Connection, Row, query


class StylusModel(Row, frozen=True):
    """A model that a stylus can be copied from."""

    id: UUID
    manufacturer: str
    name: str
    cartridge_type: str
    shape: str
    expected_lifespan_hours: int


class Stylus(Row, frozen=True):
    """A stylus with its wear; left, percent and warning are None without an expected life."""

    id: UUID
    model_id: UUID | None
    name: str
    manufacturer: str | None
    cartridge_type: str | None
    expected_lifespan_hours: int | None
    purchase_date: date | None
    install_date: date | None
    active: bool
    primary: bool
    owned: bool
    plays: int
    hours_used: float
    hours_left: float | None
    percent_used: float | None
    warning: str | None
    created_at: datetime
    updated_at: datetime


@query
async def list_stylus_models(conn: Connection) -> list[StylusModel]:
    """Return the models that a stylus can be copied from."""


@query
async def list_styluses(conn: Connection, *, user_id: UUID) -> list[Stylus]:
    """Return a user's styluses with their hours."""


@query
async def get_stylus(conn: Connection, *, user_id: UUID, stylus_id: UUID) -> Stylus | None:
    """Return one stylus of a user with its hours."""


@query
async def insert_stylus(
    conn: Connection,
    *,
    user_id: UUID,
    model_id: UUID | None,
    name: str | None,
    manufacturer: str | None,
    cartridge_type: str | None,
    expected_lifespan_hours: int | None,
    purchase_date: date | None,
    install_date: date | None,
    active: bool,
    is_primary: bool,
    owned: bool,
    now: datetime,
) -> UUID | None:
    """Write a stylus and return its id, None where there is no such model."""


@query
async def update_primary_styluses(
    conn: Connection, *, user_id: UUID, stylus_id: UUID | None, now: datetime
) -> int:
    """Take the primary mark off a user's stylus; return how many had it."""


@query
async def update_stylus(
    conn: Connection,
    *,
    user_id: UUID,
    stylus_id: UUID,
    changes: str,
    expected_updated_at: datetime | None,
    now: datetime,
) -> int:
    """Change a stylus; return 0 where there is none or it is not the expected version."""


@query
async def delete_stylus(conn: Connection, *, user_id: UUID, stylus_id: UUID) -> int:
    """Delete a stylus; return how many were deleted."""
