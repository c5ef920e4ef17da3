"""How long work shows itself: a bar on a terminal, a line every few seconds elsewhere.

All of it goes to stderr, so that stdout keeps what a command gives. This module knows rich and no
command; rich is imported when a display is made, because most options need none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Self

from kleio.words import show_text

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn

LINE_SECONDS = 5.0
"""How often a line is written where no terminal shows a bar."""


class Display:
    """A bar on a terminal, plain lines elsewhere; used as a context manager around the work.

    Args:
        first: what the bar says until it is told more.
        columns: of the bar, behind its description and percentage: "bytes" and "count" (done of
            all), "elapsed" and "left" (time), and any other word for a text given to `show`.
    """

    def __init__(self, first: str, columns: Sequence[str]) -> None:
        from rich.console import Console

        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._printed = 0.0
        self._bar: Progress | None = None
        if self._console.is_terminal:
            from rich import progress

            self._bar = progress.Progress(*_columns(columns), console=self._console)
            texts = dict.fromkeys(set(columns) - {"bytes", "count", "elapsed", "left"}, "")
            self._task = self._bar.add_task(first, total=None, **texts)  # type: ignore[arg-type]

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *_error: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(
        self, seconds: float, line: Callable[[], str], *, at_once: bool = False, **bar: Any
    ) -> None:
        """Move the bar, or write a line if it is time for one.

        Args:
            seconds: of the clock by which lines are apart.
            line: makes it; only called for one that is written.
            at_once: whether to write it now.
            bar: description, completed, total, and the bar's texts by their columns.
        """
        if self._bar is not None:
            self._bar.update(self._task, **bar)
        elif at_once or seconds - self._printed >= LINE_SECONDS:
            self._printed = seconds
            self.line(line())

    def begin(self, description: str, **texts: Any) -> None:
        """Start the bar and the clock anew, for another part of the work."""
        self._printed = 0.0
        if self._bar is not None:
            self._bar.reset(self._task, total=None, description=description, **texts)

    def line(self, text: str) -> None:
        """Write a line as it is, but for what would command the terminal."""
        self._console.print(show_text(text), markup=False)


def _columns(names: Sequence[str]) -> list[ProgressColumn]:
    from rich import progress

    columns: list[ProgressColumn] = [
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.TaskProgressColumn(),
    ]
    for name in names:
        match name:
            case "bytes":
                columns.append(progress.DownloadColumn())
            case "count":
                columns.append(progress.MofNCompleteColumn())
            case "elapsed":
                columns.append(progress.TimeElapsedColumn())
            case "left":
                columns += [progress.TimeRemainingColumn(), progress.TextColumn("left")]
            case text:
                columns.append(progress.TextColumn(f"{{task.fields[{text}]}}"))
    return columns
