"""Discogs' grades of records and sleeves, as its exports and its API spell them."""

from __future__ import annotations

_MEDIA = {
    "mint (m)": "M", "m": "M", "near mint (nm or m-)": "NM", "near mint (nm)": "NM", "nm": "NM",
    "m-": "NM", "nm or m-": "NM", "very good plus (vg+)": "VG+", "vg+": "VG+",
    "very good (vg)": "VG", "vg": "VG", "good plus (g+)": "G+", "g+": "G+", "good (g)": "G",
    "g": "G", "fair (f)": "F", "f": "F", "poor (p)": "P", "p": "P", "not graded": "Not Graded",
}  # fmt: skip
_SLEEVE = {**_MEDIA, "generic": "Generic", "no cover": "No Cover"}


def media_grade(text: str) -> str | None:
    """Return Kleio's code of a record's grade, None where the text is none.

    >>> media_grade("Near Mint (NM or M-)"), media_grade("No Cover")
    ('NM', None)
    """
    return _MEDIA.get(text.strip().casefold())


def sleeve_grade(text: str) -> str | None:
    """Return Kleio's code of a sleeve's grade, None where the text is none."""
    return _SLEEVE.get(text.strip().casefold())
