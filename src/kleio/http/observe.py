"""The application as it is looked at: each request is counted, and logged or traced where wanted.

This stands around everything else, so what no route takes is counted too, and every answer gets the
headers of `kleio.http.security`. It costs a request some microseconds, so what is not wanted is not
even asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any

from litestar.routes import HTTPRoute

from kleio.db import queries
from kleio.db.replica import Writes
from kleio.http import slow_bodies
from kleio.http.addresses import Proxies
from kleio.http.methods import Application
from kleio.http.security import add_security_headers
from kleio.settings import Settings
from kleio.sight import logs
from kleio.sight.context import CURRENT, collect_queries, request_id
from kleio.sight.meters import Meters, process_meters
from kleio.sight.query_watch import QueryWatch
from kleio.sight.tracing import Tracing

QUIET_SECONDS = 1.0
"""A worker that was asked nothing for so long has no client that is about to ask."""


class ObservedApplication(Application):
    """An application whose requests and queries are counted.

    Attributes:
        meters: this process's.
        tracing: None where traces are off.
        is_draining: whether the worker was told to stop.
        writes: where it is noted when users write; None where there is no replica.
    """

    meters: Meters
    tracing: Tracing | None = None
    is_draining = False
    writes: Writes | None = None
    _drain_seconds = 0.0
    _last_began = float("-inf")
    _logs_requests = False
    _is_https: Callable[[Any], bool]

    def observe(self, settings: Settings) -> None:
        """Begin to look, once all routes are known."""
        self.meters = process_meters(self._routes(), tuple(sorted(queries.all_queries())))
        self.tracing = Tracing() if settings.traces == "otlp" else None
        self._logs_requests = settings.log_requests == "on"
        self._is_https = Proxies(settings.proxy_networks()).is_https
        self._drain_seconds = settings.drain
        queries.observe(
            QueryWatch(
                self.meters,
                slow_seconds=settings.slow_query,
                names=self._logs_requests,
                trace=self.tracing.query if self.tracing else None,
            )
        )

    def drain(self) -> float:
        """Have each answer from now on end its connection, and health tell of it.

        Returns:
            Seconds after which clients that keep connections open have heard of it; none, where
            nobody has asked anything lately.
        """
        self.is_draining = True
        quiet = perf_counter() - self._last_began
        return self._drain_seconds if quiet < QUIET_SECONDS + self._drain_seconds else 0.0

    def _note_write(self, scope: Any) -> None:
        user = scope.get("user")
        if self.writes is not None and user is not None:
            self.writes.note(user.user_id)

    def _routes(self) -> tuple[tuple[str, str], ...]:
        return tuple(
            sorted(
                (str(method), route.path_format)
                for route in self.routes
                if isinstance(route, HTTPRoute)
                for method in route.methods
                if method != "OPTIONS"
            )
        )

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Take a request from the server."""
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
        elif self.tracing is not None:
            method = scope["method"]
            with self.tracing.request(scope) as span:
                status = await self._counted(scope, receive, send)
                route = scope.get("path_template")
                self.tracing.answered(span, method, route, status)
        else:
            await self._counted(scope, receive, send)

    async def _counted(self, scope: Any, receive: Any, send: Any) -> int:
        meters, method, is_https = self.meters, scope["method"], self._is_https
        status = 500  # where the answer never begins

        def observed(message: Any) -> Any:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                add_security_headers(message, is_https=is_https(scope))
                if self.writes is not None and method not in ("GET", "HEAD"):
                    self._note_write(scope)
                if self.is_draining and scope["http_version"] != "2":
                    message["headers"] = [*message["headers"], (b"connection", b"close")]
                if self._logs_requests:
                    _add_request_id(scope, message)
            return send(message)

        if method in slow_bodies.METHODS:
            receive = slow_bodies.in_time(scope, receive)
        if self._logs_requests:
            collect_queries(scope)
        token = CURRENT.set(scope)
        meters.request_began()
        started = self._last_began = perf_counter()
        try:
            await super().__call__(scope, receive, observed)
        finally:
            seconds = perf_counter() - started
            meters.request_ended(
                "GET" if method == "HEAD" else method, scope.get("path_template"), status, seconds
            )
            if self._logs_requests:
                logs.log_request(scope, method, status, seconds)
            CURRENT.reset(token)
        return status


def _add_request_id(scope: Any, message: Any) -> None:
    """Tell the client the id that the log has, unless the answer tells it already."""
    headers = message["headers"]
    if not any(name == b"x-request-id" for name, _ in headers):
        message["headers"] = [*headers, (b"x-request-id", request_id(scope).encode())]
