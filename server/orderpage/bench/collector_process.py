"""An OpenTelemetry collector in a process of its own: ``python -m orderpage.bench.collector_process``.

A real OTLP receiver, which reads every span and keeps none. It prints ``{"port": …}`` once it listens, and answers each
line on standard input with ``{"spans": …}``, how many it got so far. End of input ends it.
"""

import asyncio
import json
import sys
from typing import Any

import grpc
import uvloop
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

Export = trace_service_pb2.ExportTraceServiceRequest
Exported = trace_service_pb2.ExportTraceServiceResponse


class Receiver(trace_service_pb2_grpc.TraceServiceServicer):
    """Counts spans."""

    def __init__(self) -> None:
        self.spans = 0

    async def Export(  # noqa: N802  # the protocol's name
        self, request: Export, context: grpc.aio.ServicerContext[Any, Any]
    ) -> Exported:
        """Take them."""
        self.spans += sum(len(scope.spans) for group in request.resource_spans for scope in group.scope_spans)
        return Exported()


async def _serve() -> None:
    receiver, server = Receiver(), grpc.aio.server()
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(receiver, server)  # type: ignore[no-untyped-call]
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    _say({"port": port})
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, sys.stdin.readline):
        _say({"spans": receiver.spans})
    await server.stop(0)


def _say(message: dict[str, int]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    uvloop.run(_serve())
