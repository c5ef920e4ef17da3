"""FastAPI with SQLAlchemy 2, asyncpg and pydantic, as their documentations teach."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID

import reading
from fastapi import Depends, FastAPI, HTTPException, Query
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from models import Copy, Play, Release, Song, User
from schemas import (
    CollectionStats,
    CopyPage,
    FoundSongs,
    PlayPage,
    ReleaseDetail,
    ReleasePage,
    SongLookup,
    SongOut,
)
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

engine = create_async_engine(
    os.environ["DATABASE_URL"],
    pool_size=reading.POOL_SIZE,
    max_overflow=0,
    connect_args=reading.CONNECT_ARGS,
)
make_session = async_sessionmaker(engine, expire_on_commit=False)
app = FastAPI()


async def get_session() -> AsyncIterator[AsyncSession]:
    async with make_session() as session:
        yield session


SessionDep = Annotated[AsyncSession, Depends(get_session)]


async def get_user(
    session: SessionDep,
    credentials: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())],
) -> User:
    token = await session.scalar(reading.session_of(credentials.credentials))
    if token is None:
        raise HTTPException(401, "unknown token")
    return token.user


UserDep = Annotated[User, Depends(get_user)]
Limit = Annotated[int, Query(ge=1, le=200)]


@app.get("/health/live")
async def live() -> dict[str, str]:
    return {"status": "ok"}


@app.get("/api/v1/collection", response_model=CopyPage)
async def list_collection(
    session: SessionDep, user: UserDep, limit: Limit = 50, sort: str = "-added"
) -> dict[str, Any]:
    statement = reading.shelf(user.id, sort).options(*reading.COPY_OPTIONS).limit(limit + 1)
    rows: list[Copy] = list((await session.scalars(statement)).all())
    items = rows[:limit]
    return {"items": items, "next": reading.next_cursor(items, rows, limit)}


@app.get("/api/v1/collection/stats", response_model=CollectionStats)
async def collection_stats(session: SessionDep, user: UserDep) -> dict[str, Any]:
    return await reading.collection_stats(session, user.id)


@app.get("/api/v1/plays", response_model=PlayPage)
async def list_plays(session: SessionDep, user: UserDep, limit: Limit = 50) -> dict[str, Any]:
    statement = reading.plays(user.id).options(*reading.PLAY_OPTIONS).limit(limit + 1)
    rows: list[Play] = list((await session.scalars(statement)).all())
    items = rows[:limit]
    return {"items": items, "next": reading.next_cursor(items, rows, limit)}


@app.get("/api/v1/releases", response_model=ReleasePage)
async def search_releases(
    session: SessionDep, user: UserDep, q: str, limit: Limit = 50
) -> dict[str, Any]:
    words = await reading.alternatives(session, q)
    statement = reading.search(q, words).options(*reading.own_card()).limit(limit + 1)
    rows: list[Release] = list((await session.scalars(statement)).all())
    items = rows[:limit]
    return {"items": items, "next": reading.next_cursor(items, rows, limit)}


@app.get("/api/v1/releases/{release_id}", response_model=ReleaseDetail)
async def get_release(session: SessionDep, user: UserDep, release_id: UUID) -> Release:
    release = await session.scalar(
        select(Release).options(*reading.detail()).where(Release.id == release_id)
    )
    if release is None:
        raise HTTPException(404, "no such release")
    return release


@app.get("/api/v1/songs/{song_id}", response_model=SongOut)
async def get_song(session: SessionDep, user: UserDep, song_id: UUID) -> Song:
    song = await session.get(Song, song_id)
    if song is None:
        raise HTTPException(404, "no such song")
    return song


@app.post("/api/v1/songs/lookup", response_model=FoundSongs)
async def look_up_songs(session: SessionDep, user: UserDep, data: SongLookup) -> dict[str, Any]:
    songs = await session.scalars(select(Song).where(Song.id.in_(data.ids)))
    found = {song.id: song for song in songs}
    return {"items": [found.get(id_) for id_ in data.ids]}
