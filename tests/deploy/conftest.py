"""What the tests of `deploy/` share with others: rows of every kind, from tests/http."""

from __future__ import annotations

import sys
from pathlib import Path

# `import http_site`: at the end of the path, so that nothing there hides another module.
sys.path.append(str(Path(__file__).parents[1] / "http"))
