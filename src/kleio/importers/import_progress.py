"""How far the import of a user's own data is, and who is told of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal

import msgspec

PROGRESS_SECONDS = 1.0
"""How long nothing is told while a step goes on."""

Step = Literal["reading", "judging", "adding releases", "writing"]


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """Where a run is after `seconds`."""

    step: Step
    records: int
    bytes_read: int
    bytes_total: int
    seconds: float


ProgressCallback = Callable[[Progress], None]


class Watch:
    """Tells about the progress, and when it is time to.

    Args:
        total: bytes of the file.
        callback: who is told, if anybody.
        records: how many are known already.
    """

    def __init__(self, total: int, callback: ProgressCallback | None, records: int = 0) -> None:
        self.total = total
        self.records = records
        self.bytes_read = 0
        self._callback = callback
        self._started = self._told = time.monotonic()

    def is_time(self) -> bool:
        """Return whether nothing was told for a while."""
        return time.monotonic() - self._told >= PROGRESS_SECONDS

    def step(self, step: Step) -> None:
        """Tell which step it is and how far."""
        self._told = time.monotonic()
        if self._callback is not None:
            self._callback(
                Progress(
                    step=step,
                    records=self.records,
                    bytes_read=self.bytes_read,
                    bytes_total=self.total,
                    seconds=self._told - self._started,
                )
            )
