"""Syncs with Discogs."""

from __future__ import annotations

from plan_cases.case import ENDED, PAGE, UUID_MAX, Case

CASES = [
    Case(
        "sync_runs.list_runs",
        {"user_id": "@user_id", "calls_a_minute": 50, "before_id": before, **PAGE},
        {"sync_runs_pkey"},
        20,
        name=name,
    )
    for name, before in (("", None), ("later page", UUID_MAX))
]
CASES.append(
    Case(
        "sync_runs.delete_ended_runs",
        {**ENDED, "max_runs": 100},
        {"sync_runs_latest_idx", "sync_runs_pkey"},
        800,
        1,
    )
)
