"""What becomes of each query that ended: it is counted, and where it was slow it is logged."""

from __future__ import annotations

from typing import Any

from kleio.sight.context import add_query
from kleio.sight.logs import log_slow_query
from kleio.sight.meters import Meters


class QueryWatch:
    """The observer of a worker's queries (`kleio.db.queries.observe`).

    Args:
        meters: where they are counted.
        slow_seconds: from how long on a query is logged, 0 for never.
        names: whether the names are kept for the log of requests.
        trace: tells a tracer of the query, where there is one: its name, seconds, and whether it
            failed.
    """

    def __init__(
        self,
        meters: Meters,
        *,
        slow_seconds: float,
        names: bool = False,
        trace: Any = None,
    ) -> None:
        self._count = meters.query_ended
        self._slow_seconds = slow_seconds or float("inf")
        self._names = names
        self._trace = trace

    def __call__(self, name: str, seconds: float, parameters: Any, failed: bool) -> None:
        """Take note of a query that ended."""
        self._count(name, seconds, failed=failed)
        if seconds >= self._slow_seconds:
            log_slow_query(name, seconds, parameters)
        if self._names:
            add_query(name)
        if self._trace is not None:
            self._trace(name, seconds, failed)
