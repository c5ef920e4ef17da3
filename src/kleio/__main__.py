"""`kleio` and `python -m kleio`: the process's entry. It owns signals, and nothing else."""

from __future__ import annotations

import signal
import sys
from types import FrameType


def main() -> None:
    """Run the command line and exit with its code."""
    # The embedded server stops when its block is left, so SIGTERM has to unwind as Ctrl-C does.
    signal.signal(signal.SIGTERM, _terminate)
    from kleio.cli import kleio

    kleio.main(prog_name="kleio")


def _terminate(number: int, _frame: FrameType | None) -> None:
    # Once: a second one must not cut the cleaning up short.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(128 + number)


if __name__ == "__main__":
    main()
