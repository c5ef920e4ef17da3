"""Routes of the catalogue's labels."""

from __future__ import annotations

from kleio.http.catalogue_entries import EntryQueries, entry_router
from kleio.http.paging import CountedPage
from kleio.repositories import labels, releases
from kleio.repositories.labels import Label, LabelDetail


class LabelPage(CountedPage[Label], frozen=True, kw_only=True):
    """A page of labels."""


router = entry_router(
    "label",
    "labels",
    EntryQueries(
        list_entries=labels.list_labels,
        search_entries=labels.search_labels,
        counted_noun="labels",
        count_entries=labels.count_labels,
        get_entry=labels.get_label,
        list_releases=releases.list_label_releases,
    ),
    detail=LabelDetail,
    page=LabelPage,
)
