"""Releases as Discogs' API gives them, made Documents of the catalogue.

A release of the API and the same one of a dump become the same document but for what only one of
them has. What a field of the document holds is said in `kleio.importers.discogs_entries`; what is
read alike is shared with it. Answers of older shape lack `type_`, `styles`, `identifiers` and more,
and are read all the same.

Prices, community numbers and the like change from minute to minute and are not kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kleio.catalogue import (
    ArtistCredit,
    FormatDocument,
    LabelCredit,
    ReleaseDocument,
    TrackDocument,
    TrackType,
    seal,
)
from kleio.durations import parse_duration
from kleio.importers.discogs_elements import MAX_ID, THINGS, filled, parse_year
from kleio.importers.discogs_entries import API_URL

_READ = frozenset(
    (
        *("id", "title", "year", "released", "country", "notes", "data_quality", "master_id"),
        *("resource_url", "thumb", "cover_image", "artists", "extraartists", "labels", "formats"),
        *("genres", "styles", "tracklist", "status", *THINGS),
    )
)
_KEPT = ("date_added", "date_changed")
_DROPPED = frozenset(
    (
        *("artists_sort", "blocked_from_sale", "community", "estimated_weight", "format_quantity"),
        *("is_offensive", "lowest_price", "master_url", "num_for_sale", "released_formatted"),
        *("uri", "user_data"),
    )
)

_MAX_DEPTH = 8
"""How deep sub-tracks may lie; Discogs has one level."""


class _Other:
    """What has no field, collected where there is any."""

    def __init__(self, metadata: dict[str, Any]) -> None:
        self._metadata = metadata

    def add(self, path: str, value: Any) -> None:
        self._metadata.setdefault("other", []).append({"path": path, "value": value})


def release_document(release: Mapping[str, Any]) -> ReleaseDocument:
    """Return the sealed document of a whole release, the body of GET /releases/{id}.

    Raises:
        ValueError: it has no usable number, or a part of it is not what it must be.
    """
    document = _common(release)
    other = _Other(document.metadata)
    document.released = _text(release, "released") or (
        str(document.year) if document.year else None
    )
    document.year = parse_year(document.released) or document.year
    document.country = _text(release, "country")
    document.notes = _text(release, "notes")
    document.data_quality = _text(release, "data_quality")
    document.artists += _credits(release, "extraartists", other, is_extra=True)
    _track_lines(document, _list(release, "tracklist"), None, other, 0)
    for name in ("status", *_KEPT):
        if (value := _text(release, name)) is not None:
            document.metadata[name] = value
    for name in sorted(THINGS):
        if things := [_thing(item) for item in _list(release, name)]:
            document.metadata[name] = things
    if document.cover_image is None:
        document.cover_image = _cover(_list(release, "images"))
    for name in sorted(release.keys() - _READ - _DROPPED - set(_KEPT)):
        if release[name] not in (None, "", [], {}):
            other.add(name, release[name])
    document.set_play_duration()
    return seal(document)


def stub_document(basic: Mapping[str, Any]) -> ReleaseDocument:
    """Return the stub, not sealed, of what a shelf's item says of its release, `basic_information`.

    Raises:
        ValueError: it has no usable number, or a part of it is not what it must be.
    """
    document = _common(basic)
    document.released = str(document.year) if document.year else None
    document.set_play_duration()
    return document


def _common(release: Mapping[str, Any]) -> ReleaseDocument:
    number = _id(release.get("id"))
    if number is None:
        raise ValueError("the release has no usable number")
    metadata: dict[str, Any] = {}
    other = _Other(metadata)
    year = release.get("year")
    return ReleaseDocument(
        discogs_id=number,
        title=_text(release, "title") or "",
        # 0 is unknown.
        year=year if isinstance(year, int) and 1000 <= year <= 9999 else None,
        resource_url=f"{API_URL}/releases/{number}",
        thumb=_text(release, "thumb"),
        cover_image=_text(release, "cover_image"),
        master_discogs_id=_link(release.get("master_id"), "master_id", other),
        artists=_credits(release, "artists", other, is_extra=False),
        labels=[
            LabelCredit(
                name=_text(item, "name") or "",
                discogs_id=_link(item.get("id"), "labels", other),
                catno=_text(item, "catno"),
            )
            for item in _list(release, "labels")
        ],
        formats=[
            FormatDocument(
                name=_text(item, "name") or "",
                qty=_text(item, "qty"),
                text=_text(item, "text"),
                descriptions=_texts(item, "descriptions"),
            )
            for item in _list(release, "formats")
        ],
        genres=_texts(release, "genres"),
        styles=_texts(release, "styles"),
        metadata=metadata,
        from_api=True,
    )


def _track_lines(
    release: ReleaseDocument,
    lines: list[Mapping[str, Any]],
    parent_seq: int | None,
    other: _Other,
    depth: int,
) -> None:
    """Append a track list, flattened, each index track before its sub-tracks."""
    if depth > _MAX_DEPTH:
        raise ValueError("the tracks of the release are nested too deeply")
    for line in lines:
        track = TrackDocument(
            seq=len(release.tracks) + 1,
            title=_text(line, "title") or "",
            parent_seq=parent_seq,
            position=_text(line, "position"),
            duration_text=_text(line, "duration"),
            credits=_credits(line, "artists", other, is_extra=False)
            + _credits(line, "extraartists", other, is_extra=True),
        )
        track.duration_seconds = parse_duration(track.duration_text)
        below = _list(line, "sub_tracks")
        track.type = _track_type(line, track, has_below=bool(below))
        release.tracks.append(track)
        _track_lines(release, below, track.seq, other, depth + 1)


def _track_type(line: Mapping[str, Any], track: TrackDocument, *, has_below: bool) -> TrackType:
    """Return what a line is; older answers don't say, and it is told as in a dump."""
    given = line.get("type_")
    if given in ("track", "heading", "index"):
        kind: TrackType = given
        return kind
    if has_below:
        return "index"
    if track.parent_seq is None and track.position is None and track.duration_text is None:
        return "heading"
    return "track"


def _credits(
    owner: Mapping[str, Any], name: str, other: _Other, *, is_extra: bool
) -> list[ArtistCredit]:
    """Return credits; a main artist has no role, an extra artist always has one."""
    return [
        ArtistCredit(
            name=_text(item, "name") or "",
            discogs_id=_link(item.get("id"), f"{name}/id", other),
            anv=_text(item, "anv"),
            join_relation=_text(item, "join"),
            role=(_text(item, "role") or "") if is_extra else None,
            tracks=_text(item, "tracks"),
        )
        for item in _list(owner, name)
    ]


def _thing(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return an image, identifier, video, company or series with what it has filled."""
    return {key: value for key, value in item.items() if value not in (None, "")}


def _cover(images: list[Mapping[str, Any]]) -> str | None:
    """Return the address of the primary image, else of the first."""
    first = next((image for image in images if image.get("type") == "primary"), None)
    first = first or (images[0] if images else None)
    return None if first is None else _text(first, "uri") or _text(first, "resource_url")


def _list(owner: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """Return a list of objects; one that is left out is empty."""
    value = owner.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise ValueError(f"{name} is not a list of objects")
    return value


def _texts(owner: Mapping[str, Any], name: str) -> list[str]:
    value = owner.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError(f"{name} is not a list of texts")
    return [text for text in value if filled(text)]


def _text(owner: Mapping[str, Any], name: str) -> str | None:
    value = owner.get(name)
    if value is None or isinstance(value, str):
        return filled(value)
    if isinstance(value, int | float):
        return str(value)
    raise ValueError(f"{name} is not a text")


def _id(value: Any) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 10:
        value = int(value)
    return value if type(value) is int and 0 < value <= MAX_ID else None


def _link(value: Any, path: str, other: _Other) -> int | None:
    """Return the number of what is linked; None, and nothing lost, where it is linked to none."""
    number = _id(value)
    if number is None and value not in (None, 0, "", "0"):
        other.add(path, value)
    return number
