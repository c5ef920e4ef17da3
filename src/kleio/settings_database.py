"""The settings of `kleio.settings` that name the database, and the libpq conninfo made of them.

Which database is used:

1. `DATABASE_URL`, a libpq URL or keyword string.
2. `DB_HOST` with `DB_PORT DB_USER DB_PASSWORD DB_NAME DB_SSL_MODE DB_SSL_ROOT_CERT`.
3. Neither: the embedded server below `KLEIO_HOME`.

Anything in between is refused rather than guessed: `DATABASE_URL` beside a `DB_*` connection
variable, or `DB_PASSWORD` and the like without `DB_HOST`. Guessing would start an empty embedded
database while the operator believes to be on the real one.
"""

from typing import Annotated, Any, Literal

import msgspec

from kleio.environment import Secret, variable

DAY = 86_400.0
"""Seconds."""

SslMode = Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]


class DatabaseSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What `Settings` has of the database; durations are seconds."""

    database_url: Annotated[
        Secret | None,
        variable(
            "DATABASE_URL",
            "Connection string of a PostgreSQL 18 server; without it and without DB_HOST "
            "the embedded server is used.",
            shown="none",
            allowed="postgresql://user:password@host:port/database or host=... dbname=...",
        ),
    ] = None
    database_direct_url: Annotated[
        Secret | None,
        variable(
            "DATABASE_DIRECT_URL",
            "The same database past a pooler that hands out connections by the transaction: for "
            "migrations, maintenance, commands and syncs, which keep a session.",
            shown="DATABASE_URL",
            allowed="as DATABASE_URL",
        ),
    ] = None
    database_replica_url: Annotated[
        Secret | None,
        variable(
            "DATABASE_REPLICA_URL",
            "A streaming replica of the database, which reads may go to.",
            shown="none",
            allowed="as DATABASE_URL",
        ),
    ] = None
    db_host: Annotated[
        str | None,
        variable(
            "DB_HOST",
            "Host name, address or socket directory of a PostgreSQL 18 server.",
            shown="none",
        ),
    ] = None
    db_port: Annotated[int, variable("DB_PORT", "Port of DB_HOST.", ge=1, le=65_535)] = 5432
    db_user: Annotated[str, variable("DB_USER", "Role on DB_HOST.")] = "kleio"
    db_password: Annotated[
        Secret | None, variable("DB_PASSWORD", "Password of DB_USER.", shown="none")
    ] = None
    db_name: Annotated[str, variable("DB_NAME", "Database on DB_HOST.")] = "kleio"
    db_ssl_mode: Annotated[
        SslMode, variable("DB_SSL_MODE", "TLS towards DB_HOST, as libpq's sslmode.")
    ] = "prefer"
    db_ssl_root_cert: Annotated[
        str | None,
        variable(
            "DB_SSL_ROOT_CERT",
            "File with the authorities that DB_SSL_MODE=verify-ca and verify-full believe, or "
            "`system` for those of the machine (verify-full alone).",
            shown="none, libpq's ~/.postgresql/root.crt",
            allowed="a path, or the word system",
        ),
    ] = None
    db_max_open_conns: Annotated[
        int,
        variable(
            "DB_MAX_OPEN_CONNS",
            "Database connections at most, a total over all workers (at least one a worker).",
            ge=1,
            le=10_000,
        ),
    ] = 50
    db_max_idle_conns: Annotated[
        int,
        variable(
            "DB_MAX_IDLE_CONNS",
            "Connections kept open without work, a total over all workers; "
            "more than DB_MAX_OPEN_CONNS means DB_MAX_OPEN_CONNS.",
            ge=1,
            le=10_000,
        ),
    ] = 25
    db_conn_max_lifetime: Annotated[
        float,
        variable(
            "DB_CONN_MAX_LIFETIME",
            "Age at which a connection is replaced.",
            ge=1,
            le=30 * DAY,
            kind="duration",
        ),
    ] = 1800.0
    db_conn_max_idle_time: Annotated[
        float,
        variable(
            "DB_CONN_MAX_IDLE_TIME",
            "Idle time after which a connection above DB_MAX_IDLE_CONNS is closed.",
            ge=1,
            le=30 * DAY,
            kind="duration",
        ),
    ] = 900.0
    db_pool_timeout: Annotated[
        float,
        variable(
            "DB_POOL_TIMEOUT",
            "How long a request waits for a connection before it is answered 503.",
            ge=0.1,
            le=60,
            kind="duration",
        ),
    ] = 3.0
    db_max_waiting: Annotated[
        int,
        variable(
            "DB_MAX_WAITING",
            "Requests that may wait for a connection, a total over all workers; "
            "the next one is answered 503 at once.",
            ge=1,
            le=100_000,
        ),
    ] = 200
    db_statement_timeout: Annotated[
        float,
        variable(
            "DB_STATEMENT_TIMEOUT",
            "Longest run of one statement of a request; 0 means no limit.",
            ge=0,
            le=DAY,
            kind="duration",
        ),
    ] = 30.0
    db_prepare_threshold: Annotated[
        int,
        variable(
            "DB_PREPARE_THRESHOLD",
            "Runs after which a statement is prepared; 0 turns it off, for PgBouncer before 1.22.",
            ge=0,
            le=1000,
        ),
    ] = 5

    @property
    def embedded(self) -> bool:
        """Whether the embedded server is used, because no database is configured."""
        return self.database_url is None and self.db_host is None

    def conninfo(self) -> str | None:
        """Return the libpq conninfo of the configured server, None for the embedded one.

        It holds the password in the clear: pass it on, never log it.
        """
        if self.embedded:
            return None
        # psycopg costs some 50 ms; commands that touch no database don't pay it.
        from psycopg.conninfo import make_conninfo

        if self.database_url is not None:
            return _from_url(self.database_url)
        return make_conninfo(
            host=self.db_host,
            port=self.db_port,
            user=self.db_user,
            password=self.db_password.reveal() if self.db_password else None,
            dbname=self.db_name,
            sslmode=self.db_ssl_mode,
            sslrootcert=self.db_ssl_root_cert,
        )

    def direct_conninfo(self) -> str | None:
        """Return the conninfo for work that keeps a session, which no pooler may stand before."""
        direct = self.database_direct_url
        return self.conninfo() if direct is None else _from_url(direct)

    def replica_conninfo(self) -> str | None:
        """Return the conninfo of the replica, None where there is none."""
        replica = self.database_replica_url
        return None if replica is None else _from_url(replica)


def _from_url(url: Secret) -> str:
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    parts: dict[str, Any] = conninfo_to_dict(url.reveal())
    return make_conninfo(**parts)
