"""The route of the search over everything."""

from __future__ import annotations

from collections import defaultdict
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from litestar import Router, get
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import QueryParameter
from msgspec import Raw

from kleio.http import fields
from kleio.http.auth import ApiRequest, database_of
from kleio.http.problems import documented
from kleio.http.responses import NOT_MODIFIED, CatalogueResponse
from kleio.http.schemas import ReleaseCard
from kleio.http.words import read_alternatives
from kleio.repositories import search

MAX_PER_KIND = 50

Kind = Literal["artist", "album", "song", "release"]
KINDS: tuple[Kind, ...] = ("artist", "album", "song", "release")

SearchText = Annotated[
    str,
    QueryParameter(
        min_length=1,
        max_length=300,
        pattern=fields.SEARCHABLE,
        description="Words to look for; typing errors are tolerated.",
    ),
]
KindFilter = Annotated[Kind | None, QueryParameter(description="Only this kind.")]
PerKind = Annotated[
    int,
    QueryParameter(name="limit", ge=1, le=MAX_PER_KIND, description="Hits of each kind at most."),
]


class NamePart(msgspec.Struct, frozen=True):
    """A word of a name, or what is between two; put together they are the name."""

    text: str
    match: bool


class ArtistHit(msgspec.Struct, frozen=True, rename="camel"):
    """An artist; `id` is the catalogue's, `libraryArtistId` the library's, one may be null."""

    id: UUID | None
    library_artist_id: UUID | None
    name: str
    albums: int
    songs: int
    score: float
    highlights: list[NamePart]


class AlbumHit(msgspec.Struct, frozen=True, rename="camel"):
    """An album of the library."""

    id: UUID
    name: str
    artist_id: UUID | None
    artist_name: str | None
    year: int | None
    songs: int
    score: float
    highlights: list[NamePart]


class SongHit(msgspec.Struct, frozen=True, rename="camel"):
    """A song of the library."""

    id: UUID
    name: str
    artist_id: UUID | None
    artist_name: str | None
    album_id: UUID | None
    album_name: str | None
    duration_ms: int | None
    score: float
    highlights: list[NamePart]


class ReleaseHit(msgspec.Struct, frozen=True, rename="camel"):
    """A release of the catalogue; `highlights` are its title's."""

    release: ReleaseCard
    score: float
    highlights: list[NamePart]
    artist_highlights: list[NamePart]


class Found(msgspec.Struct, frozen=True, rename="camel"):
    """What was found, by kind, best first in each; `best` is the kind of the best of all."""

    best: Kind | None
    artists: list[ArtistHit]
    albums: list[AlbumHit]
    songs: list[SongHit]
    releases: list[ReleaseHit]


@get(
    "/search",
    response_class=CatalogueResponse,
    responses={200: ResponseSpec(Found, generate_examples=False)}
    | NOT_MODIFIED
    | documented(400, 401),
    summary="Search artists, albums, songs and releases",
)
async def search_everything(
    request: ApiRequest, q: SearchText, kind: KindFilter = None, per_kind: PerKind = 5
) -> dict[str, str | list[Raw] | None]:
    """Return what is most like a text: names with every word of it, typing errors forgiven.

    Of a word that thousands of names hold, some thousand are ranked.
    """
    database = database_of(request)
    hits = await database.read(
        search.search_everything,
        search=q,
        **await read_alternatives(database, q),
        kinds=list(KINDS) if kind is None else [kind],
        per_kind=per_kind,
    )
    groups: dict[str, list[Raw]] = defaultdict(list)
    for hit in hits:
        groups[hit.kind].append(hit.item)
    best = max(hits, key=lambda hit: hit.score).kind if hits else None
    return {"best": best, **{f"{name}s": groups[name] for name in KINDS}}


router = Router("/", route_handlers=[search_everything], tags=["Library"])
