"""Settings of PostgreSQL that hurt a Kleio, each with what it costs and what to set."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from kleio.repositories.doctor import ServerSetting

_UNITS = {"B": 1, "kB": 1024, "8kB": 8192, "MB": 1024**2, "GB": 1024**3}
_MIB = 1024**2


class Rule(msgspec.Struct, frozen=True):
    """A setting, when it hurts, how badly, why, and what to set.

    `hurts` is given the value (bytes for sizes, a number for numbers, else text) and the
    database's size in bytes.
    """

    name: str
    hurts: Callable[[float | str, int], bool]
    level: str
    why: str
    remedy: str


def _off(value: float | str, _: int) -> bool:
    return value == "off"


RULES = (
    Rule("fsync", _off, "wrong", "a crash of the machine destroys the database", "on"),
    Rule("full_page_writes", _off, "wrong", "a crash can leave torn pages", "on"),
    Rule("autovacuum", _off, "wrong", "dead rows and old statistics pile up", "on"),
    Rule("track_counts", _off, "wrong", "autovacuum can't know what to do", "on"),
    Rule(
        "synchronous_commit",
        _off,
        "note",
        "a crash loses the last moments' writes, and no more",
        "on, where that is not meant",
    ),
    Rule(
        "random_page_cost",
        lambda value, _: float(value) >= 2.5,
        "warn",
        "the planner takes an SSD for a disk that turns, and scans where it should look up",
        "1.1",
    ),
    Rule(
        "jit",
        lambda value, size: value == "on" and size > 0,
        "warn",
        "compiling costs more than it saves on statements of milliseconds",
        "off",
    ),
    Rule(
        "shared_buffers",
        lambda value, size: float(value) < min(size / 4, 1024 * _MIB),
        "warn",
        "little of the database stays in memory",
        "a quarter of the machine's memory",
    ),
    Rule(
        "max_wal_size",
        lambda value, size: float(value) <= 1024 * _MIB and size > 4096 * _MIB,
        "warn",
        "imports make a checkpoint every few seconds",
        "4GB",
    ),
    Rule(
        "max_locks_per_transaction",
        lambda value, _: float(value) < 128,
        "note",
        "a generic plan over years of partitions takes hundreds of locks",
        "128",
    ),
    Rule(
        "shared_preload_libraries",
        lambda value, _: "pg_stat_statements" not in str(value),
        "note",
        "nobody can tell which query costs what",
        "pg_stat_statements, and CREATE EXTENSION pg_stat_statements",
    ),
    Rule(
        "track_io_timing",
        _off,
        "note",
        "plans don't tell the time spent on reading",
        "on",
    ),
    Rule(
        "idle_in_transaction_session_timeout",
        lambda value, _: float(value) == 0,
        "note",
        "a forgotten transaction keeps dead rows and locks for ever",
        "10min",
    ),
    Rule(
        "data_checksums",
        _off,
        "note",
        "a broken disk is not noticed",
        "pg_checksums --enable, with the server stopped",
    ),
    Rule(
        "password_encryption",
        lambda value, _: value == "md5",
        "warn",
        "MD5 of a password is nearly the password",
        "scram-sha-256, and set the passwords anew",
    ),
)


def value_of(setting: ServerSetting) -> float | str:
    """Return a setting's value: bytes for a size, a number for a number, else text."""
    text = setting.setting or ""
    try:
        return float(text) * _UNITS.get(setting.unit or "", 1)
    except ValueError:
        return text


def hurting(settings: list[ServerSetting], size: int) -> list[tuple[Rule, str]]:
    """Return the rules that settings break, with the value as a person would write it.

    Args:
        settings: from `list_server_settings`, for the names in RULES.
        size: of the database, in bytes.
    """
    known: Mapping[str, ServerSetting] = {one.name or "": one for one in settings}
    found = []
    for rule in RULES:
        setting = known.get(rule.name)
        if setting is not None and rule.hurts(value_of(setting), size):
            found.append((rule, _shown(setting)))
    return found


def _shown(setting: ServerSetting) -> str:
    value = value_of(setting)
    if isinstance(value, str):
        return value or "empty"
    if setting.unit in _UNITS:
        return f"{value / _MIB:g} MB"
    return f"{value:g}{f' {setting.unit}' if setting.unit else ''}"
