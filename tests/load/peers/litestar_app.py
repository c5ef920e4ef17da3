"""Litestar with advanced-alchemy's plugin and services, as its documentation teaches."""

from __future__ import annotations

import os
from typing import Any
from uuid import UUID

import reading
from advanced_alchemy.extensions.litestar import (
    AsyncSessionConfig,
    EngineConfig,
    SQLAlchemyAsyncConfig,
    SQLAlchemyPlugin,
    providers,
    repository,
    service,
)
from litestar import Litestar, Request, Router, get, post
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency
from litestar.exceptions import NotAuthorizedException, NotFoundException
from litestar.middleware import (
    AbstractAuthenticationMiddleware,
    AuthenticationResult,
    DefineMiddleware,
)
from litestar.params import FromPath, FromQuery, JSONBody
from litestar.plugins.pydantic import PydanticPlugin
from models import Copy, Play, Release, Song
from schemas import (
    CollectionStats,
    CopyOut,
    CopyPage,
    FoundSongs,
    PlayOut,
    PlayPage,
    ReleaseCard,
    ReleaseDetail,
    ReleasePage,
    SongLookup,
    SongOut,
)
from sqlalchemy.ext.asyncio import AsyncSession

config = SQLAlchemyAsyncConfig(
    connection_string=os.environ["DATABASE_URL"],
    engine_config=EngineConfig(
        pool_size=reading.POOL_SIZE, max_overflow=0, connect_args=reading.CONNECT_ARGS
    ),
    session_config=AsyncSessionConfig(expire_on_commit=False),
)


class CopyService(service.SQLAlchemyAsyncRepositoryService[Copy]):
    class Repo(repository.SQLAlchemyAsyncRepository[Copy]):
        model_type = Copy

    repository_type = Repo


class PlayService(service.SQLAlchemyAsyncRepositoryService[Play]):
    class Repo(repository.SQLAlchemyAsyncRepository[Play]):
        model_type = Play

    repository_type = Repo


class ReleaseService(service.SQLAlchemyAsyncRepositoryService[Release]):
    class Repo(repository.SQLAlchemyAsyncRepository[Release]):
        model_type = Release

    repository_type = Repo


class SongService(service.SQLAlchemyAsyncRepositoryService[Song]):
    class Repo(repository.SQLAlchemyAsyncRepository[Song]):
        model_type = Song

    repository_type = Repo


class Authentication(AbstractAuthenticationMiddleware):
    async def authenticate_request(
        self, connection: ASGIConnection[Any, Any, Any, Any]
    ) -> AuthenticationResult:
        scheme, _, token = connection.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise NotAuthorizedException
        session = config.provide_session(connection.app.state, connection.scope)
        found = await session.scalar(reading.session_of(token))
        if found is None:
            raise NotAuthorizedException
        return AuthenticationResult(user=found.user, auth=token)


Asking = Request[Any, Any, Any]


@get("/health/live", exclude_from_auth=True)
async def live() -> dict[str, str]:
    return {"status": "ok"}


@get("/collection")
async def list_collection(
    request: Asking,
    copies: NamedDependency[CopyService],
    limit: FromQuery[int] = 50,
    sort: FromQuery[str] = "-added",
) -> CopyPage:
    statement = reading.shelf(request.user.id, sort).limit(limit + 1)
    rows = list(await copies.list(statement=statement, load=reading.COPY_OPTIONS))
    items = [copies.to_schema(row, schema_type=CopyOut) for row in rows[:limit]]
    return CopyPage(items=items, next=reading.next_cursor(items, rows, limit))


@get("/collection/stats")
async def collection_stats(
    request: Asking, db_session: NamedDependency[AsyncSession]
) -> CollectionStats:
    return CollectionStats(**await reading.collection_stats(db_session, request.user.id))


@get("/plays")
async def list_plays(
    request: Asking, plays: NamedDependency[PlayService], limit: FromQuery[int] = 50
) -> PlayPage:
    statement = reading.plays(request.user.id).limit(limit + 1)
    rows = list(await plays.list(statement=statement, load=reading.PLAY_OPTIONS))
    items = [plays.to_schema(row, schema_type=PlayOut) for row in rows[:limit]]
    return PlayPage(items=items, next=reading.next_cursor(items, rows, limit))


@get("/releases")
async def search_releases(
    releases: NamedDependency[ReleaseService], q: FromQuery[str], limit: FromQuery[int] = 50
) -> ReleasePage:
    words = await reading.alternatives(releases.repository.session, q)
    statement = reading.search(q, words).limit(limit + 1)
    rows = list(await releases.list(statement=statement, load=reading.own_card()))
    items = [releases.to_schema(row, schema_type=ReleaseCard) for row in rows[:limit]]
    return ReleasePage(items=items, next=reading.next_cursor(items, rows, limit))


@get("/releases/{release_id:uuid}")
async def get_release(
    releases: NamedDependency[ReleaseService], release_id: FromPath[UUID]
) -> ReleaseDetail:
    release = await releases.get_one_or_none(Release.id == release_id, load=reading.detail())
    if release is None:
        raise NotFoundException
    return releases.to_schema(release, schema_type=ReleaseDetail)


@get("/songs/{song_id:uuid}")
async def get_song(songs: NamedDependency[SongService], song_id: FromPath[UUID]) -> SongOut:
    song = await songs.get_one_or_none(Song.id == song_id)
    if song is None:
        raise NotFoundException
    return songs.to_schema(song, schema_type=SongOut)


@post("/songs/lookup", status_code=200)
async def look_up_songs(
    songs: NamedDependency[SongService], data: JSONBody[SongLookup]
) -> FoundSongs:
    rows = await songs.list(Song.id.in_(data.ids))
    found = {row.id: songs.to_schema(row, schema_type=SongOut) for row in rows}
    return FoundSongs(items=[found.get(id_) for id_ in data.ids])


api = Router(
    "/api/v1",
    route_handlers=[
        list_collection,
        collection_stats,
        list_plays,
        search_releases,
        get_release,
        get_song,
        look_up_songs,
    ],
    dependencies={
        **providers.create_service_dependencies(CopyService, "copies"),
        **providers.create_service_dependencies(PlayService, "plays"),
        **providers.create_service_dependencies(ReleaseService, "releases"),
        **providers.create_service_dependencies(SongService, "songs"),
    },
    middleware=[DefineMiddleware(Authentication)],
)
app = Litestar(
    [api, live],
    plugins=[SQLAlchemyPlugin(config), PydanticPlugin(prefer_alias=True)],
    openapi_config=None,
)
