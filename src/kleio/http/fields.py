"""The types of fields that several nouns take: texts without NUL, Discogs numbers, filters.

PostgreSQL can't store NUL in a text, so every text of a request is checked for it here.
"""

from __future__ import annotations

from typing import Annotated

from litestar.params import QueryParameter
from msgspec import Meta

from kleio import account_rules

NO_NUL = r"^[^\x00]*$"
NOT_BLANK = r"^[^\x00]*[^\x00\s][^\x00]*$"
SEARCHABLE = r"^[^\x00]*[^\W_][^\x00]*$"
URL = r"^https?://[^\x00\s]+" + account_rules.END
DURATION = r"^(\d{1,3}:)?\d{1,3}:[0-5]\d" + account_rules.END
PRINTABLE = r"^[!-~]+" + account_rules.END
SIDE = r"^[A-Z]{1,2}" + account_rules.END

PATTERN_WORDS = {
    NO_NUL: "holds a NUL character",
    NOT_BLANK: "holds a NUL character, or nothing but spaces",
    SEARCHABLE: "needs a letter or a digit, and no NUL character",
    URL: "not an http or https address",
    DURATION: "not of the form m:ss or h:mm:ss",
    PRINTABLE: "holds a space or a character that is not ASCII",
    SIDE: "not one or two letters, A to Z",
    account_rules.USERNAME_PATTERN: (
        "not 1 to 64 letters, digits, dots, dashes and underscores, the first a letter or digit"
    ),
    account_rules.EMAIL_PATTERN: "not an e-mail address",
}
"""What is wrong with a text that does not match, for people."""

MAX_INTEGER = 2**31 - 1
"""The largest `integer` of PostgreSQL."""

Line = Annotated[str, Meta(min_length=1, max_length=500, pattern=NOT_BLANK)]
Text = Annotated[str, Meta(max_length=20_000, pattern=NO_NUL)]
Url = Annotated[str, Meta(max_length=2000, pattern=URL)]
Year = Annotated[int, Meta(ge=1, le=9999)]
DiscogsId = Annotated[int, Meta(ge=1, le=MAX_INTEGER)]
Username = Annotated[str, Meta(pattern=account_rules.USERNAME_PATTERN)]
Email = Annotated[
    str, Meta(max_length=account_rules.EMAIL_LENGTH, pattern=account_rules.EMAIL_PATTERN)
]
DiscogsUsername = Annotated[
    str, Meta(min_length=1, max_length=account_rules.DISCOGS_USERNAME_LENGTH, pattern=NO_NUL)
]
Password = Annotated[
    str,
    Meta(
        min_length=account_rules.PASSWORD_LENGTHS[0],
        max_length=account_rules.PASSWORD_LENGTHS[1],
        pattern=NO_NUL,
    ),
]


def _filter(description: str, pattern: str = NO_NUL) -> QueryParameter:
    return QueryParameter(min_length=1, max_length=300, pattern=pattern, description=description)


def _camel(name: str, description: str) -> QueryParameter:
    return QueryParameter(name=name, ge=0, le=9999, description=description)


SearchFilter = Annotated[
    str | None, _filter("Words to look for; typing errors are tolerated. Best first.", SEARCHABLE)
]
ArtistFilter = Annotated[str | None, _filter("Name of a credited artist.")]
LabelFilter = Annotated[str | None, _filter("Name of a label.")]
GenreFilter = Annotated[str | None, _filter("Name of a genre.")]
StyleFilter = Annotated[str | None, _filter("Name of a style.")]
FormatFilter = Annotated[str | None, _filter("Name of a format, such as Vinyl.")]
CountryFilter = Annotated[str | None, _filter("Country of the release.")]
CatnoFilter = Annotated[str | None, _filter("Catalogue number; spaces and dashes don't count.")]
BarcodeFilter = Annotated[str | None, _filter("Barcode; spaces and dashes don't count.")]
YearFromFilter = Annotated[int | None, _camel("yearFrom", "Earliest year.")]
YearToFilter = Annotated[int | None, _camel("yearTo", "Latest year.")]
DiscogsIdFilter = Annotated[
    int | None,
    QueryParameter(name="discogsId", ge=1, le=MAX_INTEGER, description="Discogs' number."),
]


def in_words(message: str) -> str:
    """Return a validator's message without the pattern that people can't read."""
    for pattern, words in PATTERN_WORDS.items():
        if message.endswith(f"matching regex {pattern!r}"):
            return words
    return message
