"""OpenTelemetry, for those who want it: a span for each request and one for each query in it.

The packages are an extra (`pip install kleio[otel]`), and where the spans go and how many of them
the standard's own variables say (OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_SAMPLER ...). A query's
span has its name and no SQL, because the name leads to the SQL.
"""

from __future__ import annotations

import importlib
import time
from typing import Any

from kleio import __version__
from kleio.environment import SettingsError


def check_installed() -> None:
    """Check that the packages are there.

    Raises:
        SettingsError: naming the one that is not.
    """
    for name in ("opentelemetry.sdk.trace", "opentelemetry.exporter.otlp.proto.http"):
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise SettingsError(
                f"KLEIO_TRACES is otlp and {error.name} is not installed; pip install 'kleio[otel]'"
            ) from error


class Tracing:
    """The tracer of one worker; spans go out as OTLP over HTTP.

    Raises:
        SettingsError: the packages are not installed.
    """

    def __init__(self) -> None:
        check_installed()
        from opentelemetry import propagate, trace
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        resource = Resource.create({"service.name": "kleio", "service.version": __version__})
        self._provider = TracerProvider(resource=resource)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("kleio", __version__)
        self._api = trace
        self._extract = propagate.extract

    def request(self, scope: Any) -> Any:
        """Return a context manager that is the span of a request, below the client's own."""
        headers = {
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in scope["headers"]
            if name in (b"traceparent", b"tracestate", b"baggage")
        }
        return self._tracer.start_as_current_span(
            scope["method"],
            context=self._extract(headers),
            kind=self._api.SpanKind.SERVER,
            attributes={"http.request.method": scope["method"], "url.path": scope["path"]},
        )

    def answered(self, span: Any, method: str, route: str | None, status: int) -> None:
        """Say of a request's span what became of it."""
        if route is not None:
            span.update_name(f"{method} {route}")
            span.set_attribute("http.route", route)
        span.set_attribute("http.response.status_code", status)
        if status >= 500:
            span.set_status(self._api.StatusCode.ERROR)

    def query(self, name: str, seconds: float, failed: bool) -> None:
        """Tell of a query that has ended, as a span below the request that sent it."""
        end = time.time_ns()
        span = self._tracer.start_span(
            name,
            kind=self._api.SpanKind.CLIENT,
            start_time=end - round(seconds * 1e9),
            attributes={"db.system.name": "postgresql", "db.query.summary": name},
        )
        if failed:
            span.set_status(self._api.StatusCode.ERROR)
        span.end(end)

    def close(self) -> None:
        """Send what was not sent yet."""
        self._provider.shutdown()
