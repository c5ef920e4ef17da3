"""The documents in which catalogue entries travel, whatever their source.

A dump, the Discogs API, a form of a client and the demo all produce these Structs; the
statements of `queries/releases.sql`, `artists.sql`, `labels.sql` and `masters.sql` take them as
one JSONB array and write every table from it. This module owns their shape and their hash; it
neither reads a format nor touches a database.

An empty text is None. Defaults are left out of the JSON, so a missing key means None or empty; its
keys are the API's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, Literal, TypeVar

import msgspec

from kleio.durations import estimate_play_duration, sum_track_durations

TrackType = Literal["track", "heading", "index"]

# Raise it when the same input yields another document, so that the next import writes it again.
DOCUMENT_VERSION = b"1:"


class Document(msgspec.Struct, kw_only=True, omit_defaults=True, rename="camel"):
    """A catalogue entry of one source; `source_hash` is 32 hex digits, set by `seal`."""

    discogs_id: int | None = None
    source_hash: str | None = None


class ArtistCredit(
    msgspec.Struct,
    kw_only=True,
    omit_defaults=True,
    rename={"discogs_id": "discogsId", "join_relation": "join"},
):
    """One artist's part in a release or track; a main artist has no role."""

    name: str
    discogs_id: int | None = None
    anv: str | None = None
    join_relation: str | None = None
    role: str | None = None
    tracks: str | None = None


class LabelCredit(msgspec.Struct, kw_only=True, omit_defaults=True, rename="camel"):
    """One label with the release's catalogue number on it."""

    name: str
    discogs_id: int | None = None
    catno: str | None = None


class FormatDocument(msgspec.Struct, kw_only=True, omit_defaults=True, rename="camel"):
    """One carrier; `qty` stays text because the dumps hold numbers of 64 digits."""

    name: str
    qty: str | None = None
    text: str | None = None
    descriptions: list[str] = []


class TrackDocument(msgspec.Struct, kw_only=True, omit_defaults=True, rename="camel"):
    """One line of a track list, numbered from 1 through headings, index tracks and sub-tracks."""

    seq: int
    title: str
    type: TrackType = "track"
    parent_seq: int | None = None
    position: str | None = None
    duration_text: str | None = None
    duration_seconds: int | None = None
    credits: list[ArtistCredit] = []


class ReleaseDocument(Document, kw_only=True, omit_defaults=True, rename="camel"):
    """A release with everything that belongs to it; durations are seconds.

    `from_api` marks content of Discogs' API, which is under its terms. A stub, which is only what a
    shelf or a file says of a release, is not sealed: whatever comes next completes it.
    """

    title: str
    year: int | None = None
    released: str | None = None
    country: str | None = None
    resource_url: str | None = None
    thumb: str | None = None
    cover_image: str | None = None
    notes: str | None = None
    master_discogs_id: int | None = None
    data_quality: str | None = None
    play_duration: int | None = None
    play_duration_estimated: bool = False
    artists: list[ArtistCredit] = []
    labels: list[LabelCredit] = []
    formats: list[FormatDocument] = []
    genres: list[str] = []
    styles: list[str] = []
    tracks: list[TrackDocument] = []
    metadata: dict[str, Any] = {}
    from_api: bool = False

    def set_play_duration(self) -> None:
        """Set `play_duration` from the tracks, or estimate it from the formats."""
        total = sum_track_durations(self.tracks)
        self.play_duration_estimated = total is None
        self.play_duration = estimate_play_duration(self.formats) if total is None else total


class ArtistDocument(Document, kw_only=True, omit_defaults=True, rename="camel"):
    """An artist; `metadata` keeps names, links and members as the source gives them."""

    name: str
    resource_url: str | None = None
    profile: str | None = None
    metadata: dict[str, Any] = {}


class LabelDocument(Document, kw_only=True, omit_defaults=True, rename="camel"):
    """A label; `metadata` keeps contact, links, parent and sub-labels."""

    name: str
    resource_url: str | None = None
    profile: str | None = None
    metadata: dict[str, Any] = {}


class MasterDocument(Document, kw_only=True, omit_defaults=True, rename="camel"):
    """A master: what several releases have in common."""

    title: str
    year: int | None = None
    main_release_discogs_id: int | None = None
    data_quality: str | None = None
    notes: str | None = None
    metadata: dict[str, Any] = {}


MAX_CARD_BYTES = 64 * 1024
"""What lists show of a release that a user brings: everybody's pages hold it, 200 at once."""

D = TypeVar("D", bound=Document)

_encoder = msgspec.json.Encoder()


def card_bytes(document: ReleaseDocument) -> int:
    """Return about how many bytes of a release lists show: all but notes, tracks and the like."""
    shown = msgspec.structs.replace(document, notes=None, tracks=[], metadata={})
    return len(_encoder.encode(shown))


def seal(document: D) -> D:
    """Set the document's `source_hash` from everything else in it and return it."""
    document.source_hash = None
    digest = hashlib.blake2b(DOCUMENT_VERSION, digest_size=16)
    digest.update(_encoder.encode(document))
    document.source_hash = digest.hexdigest()
    return document


def encode_documents(documents: Iterable[Document] | Sequence[Document]) -> str:
    """Return the documents as the text of one JSON array, the statements' `:documents`."""
    return _encoder.encode(list(documents)).decode()
