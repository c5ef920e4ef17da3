"""OpenTelemetry: what arrives at a collector, which here is a small HTTP server of the test's."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from kleio.db import queries
from kleio.environment import SettingsError
from kleio.sight import tracing
from threads import Thread

pytestmark = pytest.mark.anyio

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


class Collector(HTTPServer):
    """Takes what is exported to it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.spans: list[Any] = []
        self.services: set[str] = set()


class _Handler(BaseHTTPRequestHandler):
    server: Collector
    timeout = 10  # seconds for who connects and says nothing, which would keep it from its end

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        for group in ExportTraceServiceRequest.FromString(body).resource_spans:
            for attribute in group.resource.attributes:
                if attribute.key == "service.name":
                    self.server.services.add(attribute.value.string_value)
            for scope in group.scope_spans:
                self.server.spans += scope.spans
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with Collector() as server:
        thread = Thread(server.serve_forever)
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
        yield server
        server.shutdown()
        thread.end()
    queries.observe(None)


async def test_a_request_and_its_queries_are_spans_below_the_client_s(
    start: Any, collector: Collector
) -> None:
    async with start(KLEIO_TRACES="otlp") as site:
        await site.alice.get(
            "/api/v1/plays?limit=2", headers={"traceparent": f"00-{TRACE}-{PARENT}-01"}
        )
        await site.rows("ALTER TABLE styluses RENAME COLUMN owned TO had")
        await site.alice.get("/api/v1/styluses")
    assert collector.services == {"kleio"}
    spans = {span.name: span for span in collector.spans}
    request = spans["GET /api/v1/plays"]
    assert request.trace_id.hex() == TRACE
    assert request.parent_span_id.hex() == PARENT
    query = spans["plays.list_plays"]
    assert query.trace_id == request.trace_id
    assert query.parent_span_id == request.span_id
    assert request.start_time_unix_nano <= query.start_time_unix_nano
    assert query.end_time_unix_nano <= request.end_time_unix_nano
    assert {a.key: a.value.string_value for a in query.attributes} == {
        "db.system.name": "postgresql",
        "db.query.summary": "plays.list_plays",
    }
    failed = 2
    assert spans["styluses.list_styluses"].status.code == failed
    assert spans["GET /api/v1/styluses"].status.code == failed
    assert request.status.code != failed
    assert not any(b"SELECT" in span.SerializeToString() for span in collector.spans)


async def test_without_the_packages_the_remedy_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(SettingsError, match=r"pip install 'kleio\[otel\]'"):
        tracing.Tracing()
