"""One element of a Discogs dump, made a Document.

This module owns what each element and attribute of artists, labels, masters and releases means
(counted in the dumps: domain.md 3.2). It neither reads files nor decides what happens to an entry
that it refuses.

Nothing of the source is lost. What has a field goes there, and what Discogs is known to send
besides goes to `metadata` in the shape that the Discogs API uses for it, so that a dump and a sync
of the same release look alike. What nobody knows, or what its field cannot hold, goes to
`metadata["other"]` as ``{"path": ..., "element": ...}`` or ``{"path": ..., "value": ...}``.

It is the hot path of the import: children are walked once and dispatched on their tag, because
each `find` walks them again and each XPath compiles and allocates.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kleio.catalogue import (
    ArtistCredit,
    ArtistDocument,
    Document,
    FormatDocument,
    LabelCredit,
    LabelDocument,
    MasterDocument,
    ReleaseDocument,
    TrackDocument,
    seal,
)
from kleio.durations import parse_duration
from kleio.importers.discogs_elements import (
    THINGS,
    Element,
    EntryError,
    Leftovers,
    filled,
    parse_credits,
    parse_entry_id,
    parse_link,
    parse_named,
    parse_named_one,
    parse_texts,
    parse_things,
    parse_year,
)

API_URL = "https://api.discogs.com"


def parse_entry(kind: str, element: Element) -> Document:
    """Return the sealed Document of an entry's element.

    Args:
        kind: artists, labels, masters or releases.
        element: the whole entry; it is read, not changed.

    Raises:
        EntryError: the entry has no usable id, or is nested without end.
    """
    try:
        return seal(_PARSERS[kind](element))
    except RecursionError:
        number = parse_entry_id(element.get("id"), kind[:-1])
        raise EntryError("its elements are nested too deeply", number) from None


# --- releases ------------------------------------------------------------------------------------


def _track_lines(
    release: ReleaseDocument, parent: Element, parent_seq: int | None, other: Leftovers
) -> None:
    """Append a track list, flattened, each index track before its sub-tracks.

    A line without position, duration and sub-tracks is a heading; a sub-track never is one.
    """
    tracks = release.tracks
    for line in parent:
        if line.tag != "track":
            other.element("tracklist", line)
            continue
        position = title = duration = None
        main: list[ArtistCredit] = []
        extra: list[ArtistCredit] = []
        below: list[Element] = []
        for child in line:
            tag = child.tag
            if tag == "position":
                position = child.text
            elif tag == "title":
                title = child.text
            elif tag == "duration":
                duration = child.text
            elif tag == "artists":
                main += parse_credits(child, "tracklist/track/artists", False, other)
            elif tag == "extraartists":
                extra += parse_credits(child, "tracklist/track/extraartists", True, other)
            elif tag == "sub_tracks":
                if len(child):
                    below.append(child)
            else:
                other.element("tracklist/track", child)
        track = TrackDocument(seq=len(tracks) + 1, title=title or "", credits=main + extra)
        if parent_seq is not None:
            track.parent_seq = parent_seq
        if position and not position.isspace():
            track.position = position
        if duration and not duration.isspace():
            track.duration_text = duration
            track.duration_seconds = parse_duration(duration)
        if below:
            track.type = "index"
        elif parent_seq is None and track.position is None and track.duration_text is None:
            track.type = "heading"
        tracks.append(track)
        for sub_tracks in below:
            _track_lines(release, sub_tracks, track.seq, other)


def _r_tracklist(release: ReleaseDocument, element: Element, other: Leftovers) -> None:
    _track_lines(release, element, None, other)


def _r_labels(release: ReleaseDocument, element: Element, other: Leftovers) -> None:
    for item in element:
        values = dict(item.attrib)
        number = values.pop("id", None)
        credit = LabelCredit(
            name=values.pop("name", ""),
            discogs_id=parse_link(number, "labels/label@id", other) if number else None,
            catno=filled(values.pop("catno", None)),
        )
        if values or len(item) or item.tag != "label":
            other.element("labels", item)
        release.labels.append(credit)


def _r_formats(release: ReleaseDocument, element: Element, other: Leftovers) -> None:
    for item in element:
        values = dict(item.attrib)
        carrier = FormatDocument(
            name=values.pop("name", ""),
            qty=filled(values.pop("qty", None)),
            text=filled(values.pop("text", None)),
        )
        if values or item.tag != "format":
            other.element("formats", item)
        for child in item:
            if child.tag == "descriptions":
                path = "formats/format/descriptions"
                carrier.descriptions += parse_texts(child, "description", path, other)
            else:
                other.element("formats/format", child)
        release.formats.append(carrier)


def _r_artists(release: ReleaseDocument, element: Element, other: Leftovers) -> None:
    # Main artists come first, wherever the element stands.
    release.artists[:0] = parse_credits(element, "artists", False, other)


def _r_extraartists(release: ReleaseDocument, element: Element, other: Leftovers) -> None:
    release.artists += parse_credits(element, "extraartists", True, other)


def _r_genres(release: ReleaseDocument, element: Element, other: Leftovers) -> None:
    release.genres += parse_texts(element, "genre", "genres", other)


def _r_styles(release: ReleaseDocument, element: Element, other: Leftovers) -> None:
    release.styles += parse_texts(element, "style", "styles", other)


def _r_released(release: ReleaseDocument, element: Element, _other: Leftovers) -> None:
    release.released = filled(element.text)
    release.year = parse_year(release.released)


def _r_master_id(release: ReleaseDocument, element: Element, other: Leftovers) -> None:
    release.master_discogs_id = parse_link(element.text, "master_id", other)
    main = element.get("is_main_release")
    if main:
        release.metadata["is_main_release"] = {"true": True, "false": False}.get(main, main)


_RELEASE: dict[str, Callable[[ReleaseDocument, Element, Leftovers], None]] = {
    "artists": _r_artists,
    "extraartists": _r_extraartists,
    "labels": _r_labels,
    "formats": _r_formats,
    "genres": _r_genres,
    "styles": _r_styles,
    "released": _r_released,
    "master_id": _r_master_id,
    "tracklist": _r_tracklist,
}
_RELEASE_TEXTS = frozenset(("title", "country", "notes", "data_quality"))


def _release(element: Element) -> ReleaseDocument:
    number = parse_entry_id(element.get("id"), "release")
    release = ReleaseDocument(
        discogs_id=number, title="", resource_url=f"{API_URL}/releases/{number}"
    )
    metadata = release.metadata
    other = Leftovers(metadata)
    _entry_attributes(element, metadata, other)
    for child in element:
        tag = child.tag
        handler = _RELEASE.get(tag)
        if handler is not None:
            handler(release, child, other)
        elif tag in _RELEASE_TEXTS:
            text = child.text
            if text and not text.isspace():
                setattr(release, tag, text)
        elif tag in THINGS:
            things = parse_things(child)
            if things:
                metadata[tag] = things
        else:
            other.element("", child)
    release.set_play_duration()
    return release


def _entry_attributes(element: Element, metadata: dict[str, Any], other: Leftovers) -> None:
    for name, value in element.items():
        if name == "status":
            metadata["status"] = value
        elif name != "id":
            other.value(f"@{name}", value)


# --- artists, labels, masters --------------------------------------------------------------------

_LISTS_OF_TEXT = {"urls": "url", "namevariations": "name", "genres": "genre", "styles": "style"}
_LISTS_OF_NAMED = frozenset(("aliases", "members", "groups", "sublabels"))
_METADATA_TEXTS = frozenset(("realname", "contactinfo", "data_quality"))


def _common(tag: str, child: Element, metadata: dict[str, Any], other: Leftovers) -> None:
    """Keep a child that artists, labels and masters treat alike in the metadata."""
    value: Any
    if tag in _METADATA_TEXTS:
        value = filled(child.text)
    elif tag in _LISTS_OF_TEXT:
        value = parse_texts(child, _LISTS_OF_TEXT[tag], tag, other)
    elif tag in _LISTS_OF_NAMED:
        value = parse_named(child, tag, other)
    elif tag in THINGS:
        value = parse_things(child)
    else:
        value = None
        other.element("", child)
    if value:
        metadata[tag] = value


def _own_id(element: Element) -> str | None:
    """Return an artist's or label's id, an element so far and an attribute elsewhere."""
    number: str | None = element.get("id")
    for child in element:
        if child.tag == "id":
            number = child.text
    return number


def _artist(element: Element) -> ArtistDocument:
    number = parse_entry_id(_own_id(element), "artist")
    artist = ArtistDocument(discogs_id=number, name="", resource_url=f"{API_URL}/artists/{number}")
    other = Leftovers(artist.metadata)
    _entry_attributes(element, artist.metadata, other)
    for child in element:
        tag = child.tag
        if tag == "name":
            artist.name = child.text or ""
        elif tag == "profile":
            artist.profile = filled(child.text)
        elif tag != "id":
            _common(tag, child, artist.metadata, other)
    return artist


def _label(element: Element) -> LabelDocument:
    number = parse_entry_id(_own_id(element), "label")
    label = LabelDocument(discogs_id=number, name="", resource_url=f"{API_URL}/labels/{number}")
    other = Leftovers(label.metadata)
    _entry_attributes(element, label.metadata, other)
    for child in element:
        tag = child.tag
        if tag == "name":
            label.name = child.text or ""
        elif tag == "profile":
            label.profile = filled(child.text)
        elif tag == "parentLabel":
            parent = parse_named_one(child, "", other)
            if parent:
                label.metadata["parent_label"] = parent
        elif tag != "id":
            _common(tag, child, label.metadata, other)
    return label


def _credit_dicts(parent: Element, other: Leftovers) -> list[dict[str, Any]]:
    """Return a master's artists with the names of the API."""
    dicts = []
    for credit in parse_credits(parent, "artists", False, other):
        item = {
            "id": credit.discogs_id,
            "name": credit.name,
            "anv": credit.anv,
            "join": credit.join_relation,
            "tracks": credit.tracks,
        }
        dicts.append({key: value for key, value in item.items() if value is not None})
    return dicts


def _master(element: Element) -> MasterDocument:
    number = parse_entry_id(element.get("id"), "master")
    master = MasterDocument(discogs_id=number, title="")
    metadata = master.metadata
    other = Leftovers(metadata)
    _entry_attributes(element, metadata, other)
    for child in element:
        tag = child.tag
        if tag == "title":
            master.title = child.text or ""
        elif tag == "main_release":
            master.main_release_discogs_id = parse_link(child.text, tag, other)
        elif tag == "year":
            master.year = parse_year(child.text)
            if master.year is None and child.text not in (None, "0"):
                other.value(tag, child.text)
        elif tag == "data_quality":
            master.data_quality = filled(child.text)
        elif tag == "notes":
            master.notes = filled(child.text)
        elif tag == "artists":
            artists = _credit_dicts(child, other)
            if artists:
                metadata[tag] = artists
        else:
            _common(tag, child, metadata, other)
    return master


_PARSERS: dict[str, Callable[[Element], Document]] = {
    "artists": _artist,
    "labels": _label,
    "masters": _master,
    "releases": _release,
}
