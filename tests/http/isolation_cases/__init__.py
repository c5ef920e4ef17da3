"""What Bob tries on each operation of the API, one module a group of nouns.

Every module here is found; a new noun may bring its own.
"""

from __future__ import annotations

import importlib
import pkgutil

from isolation_cases.case import CASES

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")

__all__ = ["CASES"]
