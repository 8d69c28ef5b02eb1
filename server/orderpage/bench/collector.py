"""Somebody to send traces to: a real OTLP receiver, which reads every span and keeps none."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

Export = trace_service_pb2.ExportTraceServiceRequest
Exported = trace_service_pb2.ExportTraceServiceResponse


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """A running receiver. ``spans`` counts what it got so far; ``port`` is on loopback."""

    def __init__(self) -> None:
        self.spans = 0
        self.port = 0

    @property
    def endpoint(self) -> str:
        """What an exporter is told."""
        return f"http://127.0.0.1:{self.port}"

    async def Export(  # noqa: N802  # the protocol's name
        self, request: Export, context: grpc.aio.ServicerContext[Any, Any]
    ) -> Exported:
        """Take them."""
        self.spans += sum(len(scope.spans) for group in request.resource_spans for scope in group.scope_spans)
        return Exported()


@asynccontextmanager
async def collecting() -> AsyncIterator[Collector]:
    """A receiver on a free port, until the block ends."""
    collector, server = Collector(), grpc.aio.server()
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(collector, server)  # type: ignore[no-untyped-call]
    collector.port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield collector
    finally:
        await server.stop(0)
