"""An OpenTelemetry collector in this process: a real OTLP receiver that keeps what it is sent."""

import base64
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self

import grpc
import msgspec
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.proto.trace.v1.trace_pb2 import Span as WireSpan


class Event(msgspec.Struct, frozen=True):
    name: str
    at: int
    attributes: dict[str, Any]


class Span(msgspec.Struct, frozen=True):
    """A span as it arrived; ids in hexadecimal, ``parent`` empty at a root."""

    name: str
    trace_id: str
    span_id: str
    parent: str
    kind: str
    state: str
    start: int
    end: int
    failed: bool
    attributes: dict[str, Any]
    events: tuple[Event, ...]
    resource: dict[str, Any]


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """Listens on loopback from ``with`` to its end."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.requests: list[trace_service_pb2.ExportTraceServiceRequest] = []
        self._came = threading.Condition()
        self._server = grpc.server(ThreadPoolExecutor(2))
        trace_service_pb2_grpc.add_TraceServiceServicer_to_server(self, self._server)  # type: ignore[no-untyped-call]
        self.endpoint = f"http://127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.stop(0).wait()

    def Export(  # noqa: N802  # the protocol's name
        self, request: trace_service_pb2.ExportTraceServiceRequest, context: grpc.ServicerContext
    ) -> trace_service_pb2.ExportTraceServiceResponse:
        with self._came:
            self.requests.append(request)
            for group in request.resource_spans:
                resource = _attributes(group.resource.attributes)
                self.spans += [_span(span, resource) for scope in group.scope_spans for span in scope.spans]
            self._came.notify_all()
        return trace_service_pb2.ExportTraceServiceResponse()

    def of(self, trace_id: str, names: int = 1, seconds: float = 60) -> list[Span]:
        """The spans of a trace, by start, once there are so many. Blocks."""
        with self._came:
            self._came.wait_for(lambda: len(self._of(trace_id)) >= names, seconds)
            return self._of(trace_id)

    def as_lines(self) -> str:
        """What it was sent as the OpenTelemetry Collector's file exporter writes it: a request a line, ids in hex."""
        return "".join(json.dumps(_in_hex(_as_json(request))) + "\n" for request in self.requests)

    def as_protobuf_json(self) -> str:
        """One document of all that it was sent as protobuf prints it: ids in base64, enumerations by name."""
        groups = [group for request in self.requests for group in MessageToDict(request)["resourceSpans"]]
        return json.dumps({"trace": {"resourceSpans": groups}}, indent=1)

    def _of(self, trace_id: str) -> list[Span]:
        return sorted((span for span in self.spans if span.trace_id == trace_id), key=lambda span: span.start)


def _as_json(request: trace_service_pb2.ExportTraceServiceRequest) -> Any:
    return MessageToDict(request, use_integers_for_enums=True)


def _in_hex(value: Any) -> Any:
    if isinstance(value, list):
        return [_in_hex(item) for item in value]
    if not isinstance(value, dict):
        return value
    ids = {name: base64.b64decode(value[name]).hex() for name in ("traceId", "spanId", "parentSpanId") if name in value}
    return {name: _in_hex(item) for name, item in value.items()} | ids


def _span(span: WireSpan, resource: dict[str, Any]) -> Span:
    return Span(
        name=span.name,
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        kind=WireSpan.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
        state=span.trace_state,
        start=span.start_time_unix_nano,
        end=span.end_time_unix_nano,
        failed=span.status.code == 2,
        attributes=_attributes(span.attributes),
        events=tuple(Event(event.name, event.time_unix_nano, _attributes(event.attributes)) for event in span.events),
        resource=resource,
    )


def _attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    return getattr(value, kind)
