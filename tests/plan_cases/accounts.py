"""Users and their tokens."""

from __future__ import annotations

from datetime import UTC, datetime

from plan_cases.case import FIRST, PAGE, Case

CASES = [
    Case(
        "tokens.get_session",
        {"token_hash": b"\0" * 32, "now": datetime(2026, 1, 2, tzinfo=UTC)},
        {"auth_tokens_pkey"},
        10,
        rows=0,
    ),
    Case(
        "tokens.list_sessions",
        {"token_hashes": [b"\0" * 32, b"\1" * 32], "now": datetime(2026, 1, 2, tzinfo=UTC)},
        {"auth_tokens_pkey"},
        12,
        rows=0,
    ),
    Case("tokens.list_tokens", {"user_id": "@user_id"}, {"auth_tokens_user_idx"}, 12, rows=4),
    Case(
        "tokens.delete_token",
        {"user_id": "@user_id", "token_id": "@token_id"},
        {"auth_tokens_user_idx"},
        12,
    ),
    Case("users.get_user", {"user_id": "@user_id"}, {"users_pkey"}, 5, rows=1),
    Case("users.get_user_by_username", {"username": "USER7"}, {"users_username_key"}, 5, rows=1),
    Case("users.list_users", {**FIRST, **PAGE}, {"users_username_key"}, 60, rows=50),
]
