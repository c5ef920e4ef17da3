"""Prometheus' text of the meters and of what the database tells.

The package prometheus_client writes it: its format has rules for each character. It is imported at
the first scrape, because it costs a worker that nobody scrapes some megabytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate
from typing import Any

import msgspec

from kleio.sight.meters import Family, Meters, Sample


class Reading(msgspec.Struct, frozen=True):
    """A gauge read at the scrape: its name, its help, and a value for each set of labels."""

    name: str
    help: str
    values: dict[tuple[tuple[str, str], ...], float]


def reading(name: str, help: str, value: float | None = None, **labels: str) -> Reading:
    """Return a gauge of one series, of none where the value is not known."""
    values = {} if value is None else {tuple(labels.items()): float(value)}
    return Reading(name, help, values)


def exposition(
    meters: Meters, readings: Iterable[Reading], accept: str | None
) -> tuple[bytes, str]:
    """Return the text and its content type, in the version of the format that was asked for."""
    from prometheus_client.exposition import choose_encoder

    collected = [_family(family, samples) for family, samples in meters.samples()]
    collected += [_gauge(one) for one in readings]
    encode, content_type = choose_encoder(accept or "")
    return encode(_Collected(collected)), content_type


class _Collected:
    """What the package takes for a registry."""

    def __init__(self, families: list[Any]) -> None:
        self._families = families

    def collect(self) -> list[Any]:
        return self._families


def _family(family: Family, samples: list[Sample]) -> Any:
    from prometheus_client.core import (
        CounterMetricFamily,
        GaugeMetricFamily,
        HistogramMetricFamily,
    )

    if family.kind == "histogram":
        histogram = HistogramMetricFamily(family.name, family.help, labels=family.labels)
        bounds = [*map(str, family.buckets), "+Inf"]
        for sample in samples:
            *counts, total = sample.cells
            buckets = list(zip(bounds, accumulate(counts), strict=True))
            histogram.add_metric(sample.labels, buckets, sum_value=total)
        return histogram
    kind = CounterMetricFamily if family.kind == "counter" else GaugeMetricFamily
    plain = kind(family.name, family.help, labels=family.labels)
    for sample in samples:
        plain.add_metric(sample.labels, sample.cells[0])
    return plain


def _gauge(one: Reading) -> Any:
    from prometheus_client.core import GaugeMetricFamily

    names = [name for name, _ in next(iter(one.values), ())]
    gauge = GaugeMetricFamily(one.name, one.help, labels=names)
    for labels, value in one.values.items():
        gauge.add_metric([label for _, label in labels], value)
    return gauge
