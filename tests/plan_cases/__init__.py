"""The hot queries with what their plans may cost, one module a group of nouns.

Every module here has a list `CASES`, and all of them are found; a new noun may bring its own.
"""

from __future__ import annotations

import importlib
import pkgutil

from plan_cases.case import Case

CASES: list[Case] = [
    case
    for module in pkgutil.iter_modules(__path__)
    if module.name not in ("case", "samples")
    for case in importlib.import_module(f"{__name__}.{module.name}").CASES
]
