"""Every setting of Kleio: one frozen Struct, read from the environment once.

This file and `settings_database` own names, types, ranges, defaults and their sentences. They must
not connect to anything, create files, or read the environment anywhere but in `load_settings`.

An empty variable counts as not given, as Compose files write `DB_HOST=${DB_HOST:-}`.
"""

import ipaddress
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from kleio import settings_checks
from kleio.cache_url import CACHE_ADDRESSES
from kleio.environment import (
    Secret,
    SettingsError,
    allowed_values,
    fields_of,
    format_value,
    parse_value,
    read_variable,
    type_name,
    variable,
)
from kleio.settings_database import DAY, DatabaseSettings

__all__ = ["Secret", "Settings", "SettingsError", "list_settings", "load_settings"]

ROOT_HOME = Path("/var/lib/kleio")
_MIB = 1024 * 1024

Registration = Literal["open", "closed"]
LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["text", "json"]
Metrics = Literal["private", "open", "off"]
Traces = Literal["off", "otlp"]
Covers = Literal["drawn", "discogs"]
Switch = Literal["off", "on"]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Settings(DatabaseSettings, frozen=True, kw_only=True):
    """All settings; durations are seconds, sizes are bytes. Make one with `load_settings`."""

    home: Annotated[
        Path,
        variable(
            "KLEIO_HOME",
            "Directory of the embedded server and of Kleio's own files.",
            shown=f"the user's data directory; as root {ROOT_HOME}",
        ),
    ]
    host: Annotated[str, variable("KLEIO_HOST", "Address the HTTP server listens on.")] = (
        "127.0.0.1"
    )
    port: Annotated[
        int, variable("KLEIO_PORT", "Port the HTTP server listens on.", ge=1, le=65_535)
    ] = 8000
    workers: Annotated[
        int, variable("KLEIO_WORKERS", "Server processes; one a core is enough.", ge=1, le=256)
    ] = 1
    drain: Annotated[
        float,
        variable(
            "KLEIO_DRAIN",
            "How long a server that is told to stop goes on answering, ends each connection with "
            "its answer and tells 503 in /health, before it takes no more requests.",
            ge=0,
            le=20,
            kind="duration",
        ),
    ] = 0.5
    max_body_bytes: Annotated[
        int,
        variable(
            "KLEIO_MAX_BODY_BYTES",
            "Largest request body; a larger one is answered 413.",
            ge=1024,
            le=10 * _MIB,
            kind="size",
        ),
    ] = _MIB
    max_import_bytes: Annotated[
        int,
        variable(
            "KLEIO_MAX_IMPORT_BYTES",
            "Largest file of POST /imports; a larger one is answered 413. It lies below TMPDIR "
            "while it is read.",
            ge=1024,
            le=16 * 1024 * _MIB,
            kind="size",
        ),
    ] = 256 * _MIB
    registration: Annotated[
        Registration,
        variable("KLEIO_REGISTRATION", "Whether anyone may make an account, or admins alone."),
    ] = "closed"
    token_lifetime: Annotated[
        float,
        variable(
            "KLEIO_TOKEN_LIFETIME",
            "How long a token made by login is valid.",
            ge=60,
            le=3650 * DAY,
            kind="duration",
        ),
    ] = 30 * DAY
    account_attempts: Annotated[
        int,
        variable(
            "KLEIO_ACCOUNT_ATTEMPTS",
            "Wrong passwords for one account in ten minutes, wherever they come from; the next "
            "one is answered 429. 0 means no limit.",
            ge=0,
            le=100_000,
        ),
    ] = 20
    address_attempts: Annotated[
        int,
        variable(
            "KLEIO_ADDRESS_ATTEMPTS",
            "Wrong passwords, different unknown tokens and registrations from one address in ten "
            "minutes, each kind for itself. 0 means no limit.",
            ge=0,
            le=100_000,
        ),
    ] = 100
    trusted_proxies: Annotated[
        str,
        variable(
            "KLEIO_TRUSTED_PROXIES",
            "Addresses and networks, separated by commas, whose X-Forwarded-For and "
            "X-Forwarded-Proto are believed; nobody else's are.",
            shown="none",
            allowed="addresses and networks separated by commas, such as 10.0.0.0/8, 127.0.0.1",
        ),
    ] = ""
    maintain_interval: Annotated[
        float,
        variable(
            "KLEIO_MAINTAIN_INTERVAL",
            "How often the server does the work of `kleio maintain`, one worker of all servers at "
            "a time; 0 leaves it to cron.",
            ge=0,
            le=30 * DAY,
            kind="duration",
        ),
    ] = 3600.0
    keep_runs: Annotated[
        float,
        variable(
            "KLEIO_KEEP_RUNS",
            "How long imports, with their reports, and syncs are remembered after their end; the "
            "last ones of each user stay. 0 keeps all.",
            ge=0,
            le=36_500 * DAY,
            kind="duration",
        ),
    ] = 90 * DAY
    cache_url: Annotated[
        Secret | None,
        variable(
            "CACHE_URL",
            "Redis or Valkey server that keeps what is read often; without it nothing is kept.",
            shown="none",
            allowed=CACHE_ADDRESSES,
        ),
    ] = None
    secret_key: Annotated[
        Secret | None,
        variable(
            "KLEIO_SECRET_KEY",
            "Encrypts the users' Discogs tokens: base64 of 32 random bytes; several separated "
            "by commas for rotation, the first is used for writing.",
            shown="none",
            allowed="base64 of 32 bytes, several separated by commas",
        ),
    ] = None
    discogs_url: Annotated[
        str,
        variable(
            "KLEIO_DISCOGS_URL",
            "Address of Discogs' API, or of a stand-in for it.",
            allowed="http:// or https://, a host, perhaps a path",
        ),
    ] = "https://api.discogs.com"
    discogs_contact: Annotated[
        str | None,
        variable(
            "KLEIO_DISCOGS_CONTACT",
            "Address of a page or of a person, for Discogs to find who calls (in User-Agent).",
            shown="none",
        ),
    ] = None
    discogs_rate: Annotated[
        int,
        variable(
            "KLEIO_DISCOGS_RATE",
            "Calls a minute to Discogs, by all processes of one database; Discogs allows 60 "
            "for all programs behind one address.",
            ge=1,
            le=100_000,
        ),
    ] = 50
    discogs_max_age: Annotated[
        float,
        variable(
            "KLEIO_DISCOGS_MAX_AGE",
            "Age at which a sync asks again for releases that came from Discogs' API; "
            "its terms say 6 hours. Those of a dump have no such age.",
            ge=60,
            le=3650 * DAY,
            kind="duration",
        ),
    ] = 6 * 3600.0
    covers: Annotated[
        Covers,
        variable(
            "KLEIO_COVERS",
            "Whether the page draws every sleeve itself, or lets browsers load those that a "
            "release has from Discogs.",
        ),
    ] = "drawn"
    slow_query: Annotated[
        float,
        variable(
            "KLEIO_SLOW_QUERY",
            "Time from which on a query is logged, by name and with its parameters' types; "
            "0 logs none.",
            ge=0,
            le=DAY,
            kind="duration",
        ),
    ] = 1.0
    metrics: Annotated[
        Metrics,
        variable(
            "KLEIO_METRICS",
            "Who may read /metrics: this machine, KLEIO_METRICS_TOKEN and administrators "
            "(private), everybody (open), nobody (off).",
        ),
    ] = "private"
    metrics_token: Annotated[
        Secret | None,
        variable(
            "KLEIO_METRICS_TOKEN", "Bearer token with which /metrics may be read.", shown="none"
        ),
    ] = None
    traces: Annotated[
        Traces,
        variable(
            "KLEIO_TRACES",
            "Whether requests and queries are told to an OpenTelemetry collector; OTEL_... "
            "variables say where it is. Needs kleio[otel].",
        ),
    ] = "off"
    log_format: Annotated[
        LogFormat, variable("KLEIO_LOG_FORMAT", "Lines for people, or one JSON object a line.")
    ] = "text"
    log_requests: Annotated[
        Switch,
        variable(
            "KLEIO_LOG_REQUESTS",
            "Whether each request is logged, with its id, user, duration and queries.",
        ),
    ] = "off"
    log_level: Annotated[
        LogLevel, variable("KLEIO_LOG_LEVEL", "Least important messages that are logged.")
    ] = "info"

    def per_worker(self) -> "WorkerShare":
        """Return one worker's share of the totals: `max(1, total // workers)` of each."""

        def share(total: int) -> int:
            return max(1, total // self.workers)

        max_open = share(self.db_max_open_conns)
        return WorkerShare(
            max_open=max_open,
            max_idle=min(max_open, share(self.db_max_idle_conns)),
            max_waiting=share(self.db_max_waiting),
        )

    def proxy_networks(self) -> tuple[Network, ...]:
        """Return the networks of the proxies that are believed."""
        parts = (part.strip() for part in self.trusted_proxies.split(","))
        return tuple(ipaddress.ip_network(part) for part in parts if part)

    @property
    def cover_hosts(self) -> tuple[str, ...]:
        """Hosts that a browser may load covers from."""
        return ("i.discogs.com", "img.discogs.com") if self.covers == "discogs" else ()

    def secret_keys(self) -> tuple[bytes, ...]:
        """Return the 32-byte keys, the one for writing first; empty when none is given."""
        if self.secret_key is None:
            return ()
        return tuple(
            settings_checks.decode_key(part) for part in self.secret_key.reveal().split(",")
        )


class WorkerShare(msgspec.Struct, frozen=True, kw_only=True):
    """What one server worker may take of the database connections and of the queue."""

    max_open: int
    max_idle: int
    max_waiting: int


class SettingInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One setting as documentation shows it; all fields are text for people."""

    variable: str
    type: str
    allowed: str
    default: str
    sentence: str
    secret: bool


def load_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read all settings from environment variables.

    Args:
        environ: variables by name; secrets may also stand in a file named by `<NAME>_FILE`.

    Raises:
        SettingsError: a value is malformed, out of range, or contradicts another one.
    """
    values: dict[str, Any] = {}
    given: set[str] = set()
    for field in fields_of(Settings):
        text = read_variable(environ, field)
        if text is None:
            continue
        given.add(field.variable)
        values[field.name] = parse_value(field, text)
    settings_checks.check_database(given)
    for name in ("database_url", "database_direct_url", "database_replica_url"):
        if name in values:
            settings_checks.check_url(values[name], name.upper())
    if "discogs_url" in values:
        settings_checks.check_discogs_url(values["discogs_url"])
    if "discogs_contact" in values:
        settings_checks.check_contact(values["discogs_contact"])
    if "CACHE_URL" in given:
        settings_checks.check_cache_url(values["cache_url"])
    if "trusted_proxies" in values:
        settings_checks.check_proxies(values["trusted_proxies"])
    if "home" not in values:
        values["home"] = default_home()
    settings = Settings(**values)
    settings.secret_keys()  # a malformed key is reported now, not at the first Discogs token
    return settings


def default_home() -> Path:
    """Return the home used when `KLEIO_HOME` is not given."""
    if os.geteuid() == 0:
        # root's own home is closed to the user that PostgreSQL runs as, and no place for a service.
        return ROOT_HOME
    from platformdirs import user_data_path

    return user_data_path("kleio", appauthor=False)


def list_settings() -> tuple[SettingInfo, ...]:
    """Return every setting in the order of the Struct, for documentation and `kleio doctor`."""
    return tuple(
        SettingInfo(
            variable=field.variable,
            type=type_name(field),
            allowed=allowed_values(field),
            default=field.shown or format_value(field, field.default),
            sentence=field.sentence,
            secret=field.kind is Secret,
        )
        for field in fields_of(Settings)
    )
