"""Runs of imports and their rows; what judges and writes them is in test_import_plans."""

from __future__ import annotations

from plan_cases.case import ENDED, FIRST, PAGE, UUID_MAX, Case

ROWS = {"user_id": "@user_id", "run_id": "@run_id", "verdict": None, "kind": None}
START = {"after_seq": None, "after_id": None}

CASES = [
    Case(
        "imports.list_runs", {"user_id": "@user_id", **FIRST, **PAGE}, {"import_runs_pkey"}, 60, 50
    ),
    Case(
        "imports.list_runs",
        {"user_id": "@user_id", "before_id": UUID_MAX, **PAGE},
        {"import_runs_pkey"},
        60,
        name="next",
    ),
    Case("imports.list_rows", {**ROWS, **START, **PAGE}, {"import_rows_pkey"}, 10, 50),
    Case(
        "imports.list_rows",
        {**ROWS, "after_seq": 100, "after_id": "@run_id", **PAGE},
        {"import_rows_pkey"},
        10,
        50,
        name="deep",
    ),
    Case(
        "imports.list_rows",
        {**ROWS, "verdict": "invalid", **START, **PAGE},
        {"import_rows_pkey"},
        15,
        0,
        name="rare",
    ),
    Case("imports.export_rows", ROWS, {"import_rows_pkey"}, 15, 200),
    Case("imports.export_rows_csv", ROWS, {"import_rows_pkey"}, 15, 200),
    Case(
        "imports.delete_ended_runs",
        {**ENDED, "max_records": 100_000, "max_runs": 100},
        {"import_runs_latest_idx", "import_runs_pkey"},
        800,
        1,
    ),
    Case(
        "import_checks.export_reasons",
        {"user_id": "@user_id", "run_id": "@run_id"},
        {"import_rows_pkey"},
        15,
        0,
    ),
    Case(
        "imports.get_run_report",
        {"user_id": "@user_id", "run_id": "@run_id"},
        {"import_runs_pkey"},
        15,
        1,
    ),
]
