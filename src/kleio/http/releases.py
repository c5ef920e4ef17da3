"""Routes of the catalogue's releases: lists, search, one release, and what Discogs lacks."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Response, Router, get, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody
from msgspec import Meta, Raw

from kleio.catalogue import (
    MAX_CARD_BYTES,
    ArtistCredit,
    FormatDocument,
    LabelCredit,
    ReleaseDocument,
    TrackDocument,
    card_bytes,
    seal,
)
from kleio.db.queries import Connection
from kleio.durations import parse_duration
from kleio.http import fields, idempotency
from kleio.http.auth import ApiRequest, database_of
from kleio.http.paging import (
    CountedPage,
    CursorText,
    Limit,
    Offset,
    Page,
    WithTotal,
    page_request,
    page_response,
)
from kleio.http.problems import documented, invalid_field, not_found
from kleio.http.responses import NOT_MODIFIED, CatalogueResponse
from kleio.http.schemas import CountedReleasePage, ReleaseDetail
from kleio.http.totals import Total, read_total
from kleio.http.words import read_alternatives
from kleio.importers import catalogue_store
from kleio.repositories import releases


class NewArtist(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """A credit of a release that is added by hand; a main artist has no role."""

    name: fields.Line
    anv: fields.Line | None = None
    join: fields.Line | None = None
    role: fields.Line | None = None


class NewLabel(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """A label of a release that is added by hand."""

    name: fields.Line
    catno: fields.Line | None = None


class NewFormat(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """A carrier of a release that is added by hand."""

    name: fields.Line
    qty: Annotated[int, Meta(ge=1, le=1000)] = 1
    text: fields.Line | None = None
    descriptions: Annotated[list[fields.Line], Meta(max_length=50)] = []


class NewTrack(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """A line of a new release's track list; `duration` is `m:ss` or `h:mm:ss`."""

    title: fields.Line
    position: fields.Line | None = None
    duration: Annotated[str, Meta(pattern=fields.DURATION)] | None = None
    type: Literal["track", "heading"] = "track"


class NewRelease(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """A release that Discogs lacks."""

    title: fields.Line
    artists: Annotated[list[NewArtist], Meta(min_length=1, max_length=200)]
    labels: Annotated[list[NewLabel], Meta(max_length=50)] = []
    formats: Annotated[list[NewFormat], Meta(max_length=50)] = []
    genres: Annotated[list[fields.Line], Meta(max_length=20)] = []
    styles: Annotated[list[fields.Line], Meta(max_length=50)] = []
    tracks: Annotated[list[NewTrack], Meta(max_length=1000)] = []
    year: fields.Year | None = None
    country: fields.Line | None = None
    thumb: fields.Url | None = None
    cover_image: fields.Url | None = None
    notes: fields.Text | None = None
    barcode: fields.Line | None = None

    def to_document(self) -> ReleaseDocument:
        """Return the document that is stored.

        Raises:
            ProblemError: 400 where it is too long for lists.
        """
        document = ReleaseDocument(
            title=self.title,
            year=self.year,
            released=None if self.year is None else str(self.year),
            country=self.country,
            thumb=self.thumb,
            cover_image=self.cover_image,
            notes=self.notes,
            artists=[
                ArtistCredit(name=a.name, anv=a.anv, join_relation=a.join, role=a.role)
                for a in self.artists
            ],
            labels=[LabelCredit(name=label.name, catno=label.catno) for label in self.labels],
            formats=[
                FormatDocument(
                    name=f.name, qty=str(f.qty), text=f.text, descriptions=f.descriptions
                )
                for f in self.formats
            ],
            genres=list(dict.fromkeys(self.genres)),
            styles=list(dict.fromkeys(self.styles)),
            tracks=[
                TrackDocument(
                    seq=seq,
                    title=track.title,
                    type=track.type,
                    position=track.position,
                    duration_text=track.duration,
                    duration_seconds=None
                    if track.duration is None
                    else parse_duration(track.duration),
                )
                for seq, track in enumerate(self.tracks, 1)
            ],
            metadata={}
            if self.barcode is None
            else {"identifiers": [{"type": "Barcode", "value": self.barcode}]},
        )
        if card_bytes(document) > MAX_CARD_BYTES:
            raise invalid_field("body", f"more than {MAX_CARD_BYTES:,} bytes for lists to show")
        document.set_play_duration()
        return seal(document)


_PAGE = {200: ResponseSpec(CountedReleasePage, generate_examples=False)} | NOT_MODIFIED
_DETAIL = {200: ResponseSpec(ReleaseDetail, generate_examples=False)} | NOT_MODIFIED


@get(
    "/releases",
    responses=_PAGE | documented(400, 401),
    summary="List or search releases",
)
async def list_releases(
    request: ApiRequest,
    q: fields.SearchFilter = None,
    artist: fields.ArtistFilter = None,
    label: fields.LabelFilter = None,
    genre: fields.GenreFilter = None,
    style: fields.StyleFilter = None,
    format: fields.FormatFilter = None,
    country: fields.CountryFilter = None,
    catno: fields.CatnoFilter = None,
    barcode: fields.BarcodeFilter = None,
    year_from: fields.YearFromFilter = None,
    year_to: fields.YearToFilter = None,
    discogs_id: fields.DiscogsIdFilter = None,
    limit: Limit = 50,
    cursor: CursorText = None,
    offset: Offset = 0,
    with_total: WithTotal = False,
) -> Response[Page[Raw]]:
    """Return releases, newest entry first; with `q` those most like it, best first.

    `total` is exact up to 10,000; of more it is an estimate, counted at `refreshedAt`, or with a
    filter or `q` 10,000. With `q` at most 2,000 are ranked.
    """
    if year_from is not None and year_to is not None and year_from > year_to:
        raise invalid_field("yearTo", "earlier than yearFrom", source="query")
    if q is not None and discogs_id is not None:
        raise invalid_field("discogsId", "does not go with q", source="query")
    database = database_of(request)
    typed = await read_alternatives(database, q)
    filters: dict[str, Any] = {
        "artist": artist,
        "label": label,
        "genre": genre,
        "style": style,
        "format": format,
        "country": country,
        "catno": catno,
        "barcode": barcode,
        "year_from": year_from,
        "year_to": year_to,
    }
    if q is None:
        place = page_request("newest", limit, cursor, offset, key_type=UUID)
        rows = await database.read(
            releases.list_releases,
            **filters,
            discogs_id=discogs_id,
            before_id=place.id,
            page_size=limit + 1,
            page_offset=place.offset,
        )
    else:
        place = page_request("best", limit, cursor, offset, key_type=float)
        rows = await database.read(
            releases.search_releases,
            search=q,
            **typed,
            **filters,
            before_score=place.key,
            before_id=place.id,
            page_size=limit + 1,
            page_offset=place.offset,
        )
    total = Total()
    if with_total:
        wanted = {**filters, "discogs_id": discogs_id, "search": q}
        total = await read_total(
            database,
            "releases",
            releases.count_releases,
            is_whole=all(value is None for value in wanted.values()),
            **wanted,
            **typed,
        )
    return page_response(
        request,
        place,
        rows,
        total=total.number,
        page=total.of_page(CountedPage),
        response=CatalogueResponse,
    )


@get(
    "/releases/{release_id:str}",
    response_class=CatalogueResponse,
    responses=_DETAIL | documented(400, 401, 404),
    summary="One release with its tracks",
)
async def get_release(request: ApiRequest, release_id: FromPath[UUID]) -> Raw:
    """Return one release with credits, tracks, identifiers and companies."""
    release = await database_of(request).read(releases.get_release, release_id=release_id)
    if release is None:
        raise not_found("release")
    return release


@post(
    "/releases",
    responses={201: ResponseSpec(ReleaseDetail, generate_examples=False)}
    | documented(400, 401, 413, 422),
    summary="Add a release that Discogs lacks",
)
async def add_release(request: ApiRequest, data: JSONBody[NewRelease]) -> Response[bytes]:
    """Add a release to the shared catalogue; takes an `Idempotency-Key`."""

    async def work(conn: Connection) -> Raw | None:
        (saved,) = await catalogue_store.save(conn, "releases", [data.to_document()])
        return await releases.get_release(conn, release_id=saved.id)

    return await idempotency.create(request, work)


router = Router("/", route_handlers=[list_releases, get_release, add_release], tags=["Catalogue"])
