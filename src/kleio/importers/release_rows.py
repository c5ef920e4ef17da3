"""The rows of new releases, for COPY: what `releases.upsert_releases` makes of documents in SQL.

This module owns the columns that are derived from a release's parts (card, facets, search text) for
releases that are loaded by the thousand; a test holds them against `releases.refresh_releases`. It
asks no database: keys come as `References`, normalised texts as `Texts`, and both say what they
lack, so that the caller asks once for a whole batch.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

import msgspec
from uuid6 import uuid7

from kleio.catalogue import ReleaseDocument
from kleio.db.copy_binary import jsonb, text_array
from kleio.repositories.release_loads import Normalized, Reference

_KEPT_TEXTS = 100_000
"""How many normalised texts are kept for the next batch: some 20 MB."""

_DIGIT = re.compile(rb"[0-9]")

PRINTABLE = "".join(map(chr, range(33, 127)))
"""All characters that `Texts` takes for plain, but for the space."""

_CODE_LETTERS = bytes(range(256)).lower()
_NOT_IN_CODES = bytes(byte for byte in range(128) if not chr(byte).isalnum())


K = TypeVar("K")


class References:
    """The keys of what releases refer to, and the first name that a document gives each number."""

    def __init__(self, documents: Iterable[ReleaseDocument]) -> None:
        self.artist_names: dict[int, str] = {}
        self.label_names: dict[int, str] = {}
        self.genre_names: dict[str, None] = {}
        self.style_names: dict[str, None] = {}
        for document in documents:
            for artist in document.artists:
                if artist.discogs_id is not None:
                    self.artist_names.setdefault(artist.discogs_id, artist.name)
            for label in document.labels:
                if label.discogs_id is not None:
                    self.label_names.setdefault(label.discogs_id, label.name)
            self.genre_names.update(dict.fromkeys(document.genres))
            self.style_names.update(dict.fromkeys(document.styles))
        # A credit without a number has no key.
        self.artists: dict[int | None, UUID | None] = {None: None}
        self.labels: dict[int | None, UUID | None] = {None: None}
        self.genres: dict[str, UUID] = {}
        self.styles: dict[str, UUID] = {}

    def add(self, found: Iterable[Reference]) -> None:
        """Take the keys that the catalogue has."""
        for entry in found:
            if entry.kind == "artist":
                self.artists[entry.discogs_id] = entry.id
            elif entry.kind == "label":
                self.labels[entry.discogs_id] = entry.id
            elif entry.name is not None:
                (self.genres if entry.kind == "genre" else self.styles)[entry.name] = entry.id

    def ids(self) -> dict[str, list[UUID]]:
        """Return all keys, as `lock_references` takes them."""
        return {
            "artist_ids": [key for key in self.artists.values() if key is not None],
            "label_ids": [key for key in self.labels.values() if key is not None],
            "genre_ids": list(self.genres.values()),
            "style_ids": list(self.styles.values()),
        }

    def lacking_names(self) -> list[str]:
        """Return the names of artists and labels without a key."""
        artists, labels, _, _ = self.lacking()
        return [
            *(self.artist_names[number] for number in artists),
            *(self.label_names[number] for number in labels),
        ]

    def lacking(self) -> tuple[list[int], list[int], list[str], list[str]]:
        """Return the numbers of artists and labels, the genres and styles without a key."""
        return (
            [number for number in self.artist_names if number not in self.artists],
            [number for number in self.label_names if number not in self.labels],
            [name for name in self.genre_names if name not in self.genres],
            [name for name in self.style_names if name not in self.styles],
        )


class Texts:
    """Normalised texts by what they were, as UTF-8; kept from batch to batch.

    Printable ASCII is done here, where PostgreSQL's functions do the same as `lower`: unaccent has
    rules for other letters only, which is checked once. The database is asked for everything else.
    """

    def __init__(self) -> None:
        """Begin without any."""
        self.is_checked = False
        self._ascii_is_plain = False
        self._names: dict[str, bytes] = {}
        self._credits: dict[str, bytes] = {}
        self._codes: dict[str, bytes] = {}
        self._wanted: tuple[dict[str, None], ...] = ({}, {}, {})
        self._words: set[bytes] = set()

    def check(self, found: Sequence[Normalized]) -> None:
        """Take what the database makes of PRINTABLE."""
        self._ascii_is_plain = found[0].name == PRINTABLE.lower()
        self.is_checked = True

    def begin(self) -> None:
        """Begin another batch: want nothing, and make room where too many texts are kept."""
        for kept in (self._names, self._credits, self._codes):
            if len(kept) > _KEPT_TEXTS:
                kept.clear()
        if len(self._words) > _KEPT_TEXTS:
            self._words.clear()
        self._wanted = ({}, {}, {})

    def want(self, document: ReleaseDocument) -> None:
        """See to it that all texts of a release are here, or wanted."""
        names, credits, codes = self._names, self._credits, self._codes
        for text in (*main_texts(document), document.country, *document.genres, *document.styles):
            if text is not None and text not in names:
                self._want_name(text)
        for carrier in document.formats:
            if carrier.name not in names:
                self._want_name(carrier.name)
        for artist in document.artists:
            if artist.name not in credits:
                self._want_credit(artist.name)
            if artist.anv is not None and artist.anv not in credits:
                self._want_credit(artist.anv)
        for label in document.labels:
            if label.name not in credits:
                self._want_credit(label.name)
            if label.catno is not None and label.catno not in codes:
                self._want_code(label.catno)
        for code in barcodes(document):
            if code not in codes:
                self._want_code(code)

    def _want_name(self, text: str) -> None:
        if self._is_plain(text):
            self._names[text] = text.encode().lower()
        else:
            self._wanted[0][text] = None

    def _want_credit(self, text: str) -> None:
        if text[-1:] != ")" and self._is_plain(text):
            self._credits[text] = text.encode().lower()
        else:
            self._wanted[1][text] = None

    def _want_code(self, text: str) -> None:
        if text.isascii() and self._ascii_is_plain:
            self._codes[text] = text.encode().translate(_CODE_LETTERS, _NOT_IN_CODES)
        else:
            self._wanted[2][text] = None

    def wanted(self) -> tuple[list[str], list[str], list[str]]:
        """Return names, credits and codes to ask the database for."""
        names, credits, codes = self._wanted
        return list(names), list(credits), list(codes)

    def take(self, found: Sequence[Normalized]) -> None:
        """Take the database's answer to `wanted`."""
        names, credits, codes = self.wanted()
        for row, text in zip(found, names, strict=False):
            self._names[text] = (row.name or "").encode()
        for row, text in zip(found, credits, strict=False):
            self._credits[text] = (row.credit or "").encode()
        for row, text in zip(found, codes, strict=False):
            self._codes[text] = (row.code or "").encode()

    def want_names(self, names: Iterable[str]) -> None:
        """See to it that names of artists or labels are here, or wanted."""
        for name in names:
            if name not in self._credits:
                self._want_credit(name)

    def new_words(
        self, names: Iterable[str], documents: Iterable[ReleaseDocument] = ()
    ) -> list[str]:
        """Return words that names and releases are searched by and no batch before had.

        Those of releases that have a digit are left out, as `words.insert_words` does. Once they
        are written, `know` is told.

        Args:
            names: of artists or labels.
            documents: the releases.
        """
        words = self._words
        found = {
            word
            for document in documents
            for word in self._names[main_texts(document)[1]].split(b" ")
            if word not in words and _DIGIT.search(word) is None
        }
        for name in names:
            found.update(word for word in self._credits[name].split(b" ") if word not in words)
        return [word.decode() for word in found]

    def know(self, words: Iterable[str]) -> None:
        """Take words that the database has, for good."""
        self._words.update(word.encode() for word in words)

    def name(self, text: str) -> bytes:
        """Return normalize_name(text)."""
        return self._names[text]

    def credit(self, text: str) -> bytes:
        """Return normalize_credit(text)."""
        return self._credits[text]

    def code(self, text: str) -> bytes:
        """Return normalize_code(text)."""
        return self._codes[text]

    def _is_plain(self, text: str) -> bool:
        return (
            text.isascii()
            and text.isprintable()
            and "  " not in text
            and text[:1] != " "
            and text[-1:] != " "
            and self._ascii_is_plain
        )


def main_texts(document: ReleaseDocument) -> tuple[str, str]:
    """Return the main artists' names, and what a release is searched by; not normalised."""
    names = " ".join(
        [
            artist.name if artist.anv is None else artist.anv
            for artist in document.artists
            if artist.role is None
        ]
    )
    numbers = " ".join([label.catno for label in document.labels if label.catno is not None])
    has_main = any(artist.role is None for artist in document.artists)
    has_numbers = any(label.catno is not None for label in document.labels)
    parts = [document.title]
    if has_main:
        parts.append(names)
    if has_numbers:
        parts.append(numbers)
    return names, " ".join(parts)


def barcodes(document: ReleaseDocument) -> list[str]:
    """Return the barcodes among a release's identifiers."""
    return [
        item["value"]
        for item in document.metadata.get("identifiers", ())
        if item.get("type") == "Barcode" and item.get("value") is not None
    ]


# --- rows ----------------------------------------------------------------------------------------


class _CardArtist(msgspec.Struct, rename={"discogs_id": "discogsId", "join_relation": "join"}):
    id: UUID | None
    discogs_id: int | None
    name: str
    anv: str | None
    join_relation: str | None


class _CardLabel(msgspec.Struct, rename="camel"):
    id: UUID | None
    discogs_id: int | None
    name: str
    catno: str | None


class _CardFormat(msgspec.Struct, rename="camel"):
    name: str
    qty: str | None
    text: str | None
    descriptions: list[str]


class _Card(msgspec.Struct, rename="camel"):
    """What lists show of a release; the keys are those that `upsert_releases` gives."""

    id: UUID
    discogs_id: int | None
    title: str
    year: int | None
    released: str | None
    country: str | None
    thumb: str | None
    cover_image: str | None
    play_duration: int | None
    play_duration_estimated: bool
    artists: list[_CardArtist]
    labels: list[_CardLabel]
    formats: list[_CardFormat]
    genres: list[str]
    styles: list[str]


class ReleaseRows:
    """The rows of a batch by table, each list in the order of its table's key."""

    def __init__(
        self,
        documents: Sequence[ReleaseDocument],
        references: References,
        texts: Texts,
        now: datetime,
    ) -> None:
        """Make the rows; everything that the documents name is in `references` and `texts`."""
        self._references = references
        self._artist_keys = _bytes(references.artists)
        self._label_keys = _bytes(references.labels)
        self._genre_keys = _bytes(references.genres)
        self._style_keys = _bytes(references.styles)
        self._texts = texts
        self._now = now
        self._encode = msgspec.json.Encoder().encode
        self.releases: list[tuple[object, ...]] = []
        self.artists: list[tuple[object, ...]] = []
        self.labels: list[tuple[object, ...]] = []
        self.formats: list[tuple[object, ...]] = []
        self.genres: list[tuple[object, ...]] = []
        self.styles: list[tuple[object, ...]] = []
        self.tracks: list[tuple[object, ...]] = []
        # Of the random bits the first is cleared, so that counting them up never overflows.
        first = uuid7().int & ~(1 << 61)
        for number, document in enumerate(documents, first):
            self._add(document, UUID(int=number))

    def _add(self, document: ReleaseDocument, release_id: UUID) -> None:
        key = release_id.bytes
        texts = self._texts
        encode = self._encode
        references = self._references
        facets: dict[bytes, None] = {}
        card_artists = []
        for position, artist in enumerate(document.artists, 1):
            number, name, anv = artist.discogs_id, artist.name, artist.anv
            self.artists.append(
                (key, position, self._artist_keys[number], name, anv, artist.join_relation,
                 artist.role, artist.tracks)
            )  # fmt: skip
            facets[b"artist:" + texts.credit(name)] = None
            if anv is not None:
                facets[b"artist:" + texts.credit(anv)] = None
            if artist.role is None:
                card_artists.append(
                    _CardArtist(references.artists[number], number, name, anv, artist.join_relation)
                )
        card_labels = []
        for position, label in enumerate(document.labels, 1):
            number, name, catno = label.discogs_id, label.name, label.catno
            self.labels.append((key, position, self._label_keys[number], name, catno))
            facets[b"label:" + texts.credit(name)] = None
            if catno is not None:
                facets[b"catno:" + texts.code(catno)] = None
            card_labels.append(_CardLabel(references.labels[number], number, name, catno))
        card_formats = []
        for position, carrier in enumerate(document.formats, 1):
            name, descriptions = carrier.name, carrier.descriptions
            self.formats.append(
                (key, position, name, carrier.qty, carrier.text,
                 text_array([text.encode() for text in descriptions]))
            )  # fmt: skip
            facets[b"format:" + texts.name(name)] = None
            card_formats.append(_CardFormat(name, carrier.qty, carrier.text, descriptions))
        for position, name in enumerate(document.genres, 1):
            self.genres.append((key, position, self._genre_keys[name]))
            facets[b"genre:" + texts.name(name)] = None
        for position, name in enumerate(document.styles, 1):
            self.styles.append((key, position, self._style_keys[name]))
            facets[b"style:" + texts.name(name)] = None
        if document.country is not None:
            facets[b"country:" + texts.name(document.country)] = None
        for code in barcodes(document):
            facets[b"barcode:" + texts.code(code)] = None
        for track in document.tracks:
            self.tracks.append(
                (key, track.seq, track.parent_seq, track.duration_seconds, track.type,
                 track.position, track.title, track.duration_text,
                 jsonb(encode(track.credits)) if track.credits else None)
            )  # fmt: skip
        card = _Card(
            release_id, document.discogs_id, document.title, document.year, document.released,
            document.country, document.thumb, document.cover_image, document.play_duration,
            document.play_duration_estimated, card_artists, card_labels, card_formats,
            document.genres, document.styles,
        )  # fmt: skip
        artist_names, search_text = main_texts(document)
        now = self._now
        is_synced = document.discogs_id is not None and document.source_hash is not None
        self.releases.append(
            (key, document.discogs_id, document.master_discogs_id, document.year,
             document.play_duration, document.play_duration_estimated, now, now,
             now if is_synced else None, document.title, texts.name(artist_names), encode(card),
             document.released, document.country, document.resource_url, document.thumb,
             document.cover_image, document.data_quality, document.source_hash,
             text_array(list(facets)), texts.name(search_text), document.notes,
             jsonb(encode(document.metadata)), document.from_api)
        )  # fmt: skip


def _bytes(keys: Mapping[K, UUID | None]) -> dict[K, bytes | None]:
    return {name: None if key is None else key.bytes for name, key in keys.items()}
