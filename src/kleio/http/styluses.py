"""Routes of a user's styluses with their wear, and of the models to copy from."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, Router, delete, get, patch, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, Meta, UnsetType

from kleio.db.queries import Connection
from kleio.holdings import check_holdings
from kleio.http import fields, idempotency
from kleio.http.auth import ApiRequest, database_of
from kleio.http.own_rows import delete_row, get_row, update_row
from kleio.http.paging import Page
from kleio.http.problems import documented, invalid_field, not_found
from kleio.repositories import styluses
from kleio.repositories.styluses import Stylus, StylusModel

Hours = Annotated[int, Meta(ge=1, le=100_000)]


class NewStylus(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """A stylus; what is left out is copied from the model, where one is given."""

    model_id: UUID | None = None
    name: fields.Line | None = None
    manufacturer: fields.Line | None = None
    cartridge_type: fields.Line | None = None
    expected_lifespan_hours: Hours | None = None
    purchase_date: date | None = None
    install_date: date | None = None
    active: bool = True
    primary: bool = False
    owned: bool = True


class StylusChanges(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """What to change of a stylus; a field that is left out stays, null clears it."""

    name: fields.Line | UnsetType = UNSET
    manufacturer: fields.Line | UnsetType | None = UNSET
    cartridge_type: fields.Line | UnsetType | None = UNSET
    expected_lifespan_hours: Hours | UnsetType | None = UNSET
    purchase_date: date | UnsetType | None = UNSET
    install_date: date | UnsetType | None = UNSET
    active: bool | UnsetType = UNSET
    primary: bool | UnsetType = UNSET
    owned: bool | UnsetType = UNSET


class StylusPage(Page[Stylus], frozen=True, kw_only=True):
    """All styluses of a user, in one page."""


class StylusModelPage(Page[StylusModel], frozen=True, kw_only=True):
    """All models, in one page."""


@get("/styluses", responses=documented(401), summary="The styluses")
async def list_styluses(request: ApiRequest) -> StylusPage:
    """Return the user's styluses, the primary one first, with the hours they have played.

    `warning` is `ok`, `soon` from 80 % of the expected life on, `due` from 100 %, and null where
    no expected life is known.
    """
    rows = await database_of(request).read(styluses.list_styluses, user_id=request.user.user_id)
    return StylusPage(items=rows, next=None, total=len(rows))


@get("/styluses/models", responses=documented(401), summary="Models to copy from")
async def list_stylus_models(request: ApiRequest) -> StylusModelPage:
    """Return the models that a stylus can be copied from."""
    rows = await database_of(request).read(styluses.list_stylus_models)
    return StylusModelPage(items=rows, next=None, total=len(rows))


@post(
    "/styluses",
    responses={201: ResponseSpec(Stylus, generate_examples=False)}
    | documented(400, 401, 404, 409, 413, 422),
    summary="Add a stylus",
)
async def add_stylus(request: ApiRequest, data: JSONBody[NewStylus]) -> Response[bytes]:
    """Add a stylus; a primary one takes the mark off the other. Takes an `Idempotency-Key`."""
    if data.model_id is None and data.name is None:
        raise invalid_field("name", "give a name or a modelId")
    user_id = request.user.user_id
    now = datetime.now(UTC)

    async def work(conn: Connection) -> Stylus | None:
        await check_holdings(conn, user_id, "styluses", more=1)
        if data.primary:
            await styluses.update_primary_styluses(conn, user_id=user_id, stylus_id=None, now=now)
        stylus_id = await styluses.insert_stylus(
            conn,
            user_id=user_id,
            model_id=data.model_id,
            name=data.name,
            manufacturer=data.manufacturer,
            cartridge_type=data.cartridge_type,
            expected_lifespan_hours=data.expected_lifespan_hours,
            purchase_date=data.purchase_date,
            install_date=data.install_date,
            active=data.active,
            is_primary=data.primary,
            owned=data.owned,
            now=now,
        )
        if stylus_id is None:
            raise not_found("model", field="modelId")
        return await styluses.get_stylus(conn, user_id=user_id, stylus_id=stylus_id)

    return await idempotency.create(request, work)


@get(
    "/styluses/{stylus_id:str}",
    responses=documented(400, 401, 404),
    summary="One stylus",
)
async def get_stylus(request: ApiRequest, stylus_id: FromPath[UUID]) -> Response[Stylus]:
    """Return a stylus with its hours; its `ETag` is its version."""
    return await get_row(request, "stylus", styluses.get_stylus, stylus_id=stylus_id)


@patch(
    "/styluses/{stylus_id:str}",
    responses=documented(400, 401, 404, 409, 412, 413),
    summary="Change a stylus",
)
async def update_stylus(
    request: ApiRequest, stylus_id: FromPath[UUID], data: JSONBody[StylusChanges]
) -> Response[Stylus]:
    """Change what is given; one that becomes primary takes the mark off the other.

    One that is no longer active is no longer primary. Takes `If-Match`.
    """
    changes = msgspec.json.encode(data).decode()
    async with database_of(request).transaction() as conn:
        if data.primary is True:
            await styluses.update_primary_styluses(
                conn, user_id=request.user.user_id, stylus_id=stylus_id, now=datetime.now(UTC)
            )
        # Where this fails, the other one keeps its mark.
        return await update_row(
            conn,
            request,
            "stylus",
            styluses.update_stylus,
            styluses.get_stylus,
            changes=changes,
            stylus_id=stylus_id,
        )


@delete(
    "/styluses/{stylus_id:str}",
    responses=documented(400, 401, 404),
    summary="Remove a stylus",
)
async def delete_stylus(request: ApiRequest, stylus_id: FromPath[UUID]) -> None:
    """Remove a stylus for good; its plays stay, without it."""
    await delete_row(request, "stylus", styluses.delete_stylus, stylus_id=stylus_id)


router = Router(
    "/",
    route_handlers=[
        list_styluses,
        list_stylus_models,
        add_stylus,
        get_stylus,
        update_stylus,
        delete_stylus,
    ],
    tags=["Styluses"],
)
