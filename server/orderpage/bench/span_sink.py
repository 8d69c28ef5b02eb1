"""Somebody to send traces to: takes whatever an OpenTelemetry exporter sends over gRPC, and counts it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc

_SERVICE = "opentelemetry.proto.collector.trace.v1.TraceService"


class SpanSink:
    """A running receiver. ``taken`` counts the exports it has been sent."""

    def __init__(self) -> None:
        self.taken = 0
        self.endpoint = ""

    async def take(self, _export: bytes, _context: object) -> bytes:
        """The answer without a field: everything was accepted."""
        self.taken += 1
        return b""


@asynccontextmanager
async def span_sink() -> AsyncIterator[SpanSink]:
    """A receiver on a free port of loopback, until the block ends."""
    sink, server = SpanSink(), grpc.aio.server()
    methods: dict[str, Any] = {"Export": grpc.unary_unary_rpc_method_handler(sink.take)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(_SERVICE, methods),))
    sink.endpoint = f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    try:
        yield sink
    finally:
        await server.stop(0)
