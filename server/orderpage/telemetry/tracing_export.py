"""Records as OpenTelemetry spans, sent to a collector. Imported only where traces are wanted.

A span is made when its request has ended, from what the request noted. Sending happens in a thread of its own, from a
queue that drops the oldest: a collector that is slow or gone costs spans, never requests.
"""

import asyncio
import logging
import threading
from collections.abc import Iterator
from importlib.metadata import version
from time import perf_counter

import structlog
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, SpanKind, TraceFlags, TraceState
from opentelemetry.trace import set_span_in_context as within
from opentelemetry.trace.status import Status, StatusCode
from opentelemetry.util.types import AttributeValue

from orderpage.budget import Budget
from orderpage.engine.trace import StageTime, Step
from orderpage.telemetry import tracing as names
from orderpage.telemetry.tracing import Outcome, Record, Work, current
from orderpage.telemetry.tracing_context import Caller
from orderpage.telemetry.tracing_sampling import Sampler

Attributes = dict[str, AttributeValue]

QUEUE = 1024
"""Spans that wait to be sent; beyond them the oldest are dropped. Traced in full, one may weigh 50 KB."""

BATCH = 64
"""Spans sent at once: packing them holds the interpreter, so a large batch would delay requests."""

SEND_SECONDS = 5.0

_DELAY_MS = 1000
_GIVE_UP_SECONDS = 0.5
_LIMITS = SpanLimits(
    max_attributes=32, max_events=512, max_links=0, max_span_attributes=32, max_event_attributes=16,
    max_attribute_length=512, max_span_attribute_length=512,
)  # fmt: skip
_OUR_FAULT = frozenset({2, 4, 12, 13, 14, 15})
"""gRPC statuses that are the server's failure by the semantic conventions; the others are the caller's."""


class SpanTracer:
    """``tracing.Tracer`` by OpenTelemetry. Made inside the process that serves; used from its event loop only."""

    def __init__(self, endpoint: str, sampler: Sampler, errors: Budget) -> None:
        """``endpoint`` is http://host:port, or https. Nothing is asked of the collector yet.

        ``errors`` are the failed calls that may be written in brief: a storm of them must not flood the collector.
        """
        self._sampler = sampler
        self._errors = errors
        self._ids = _GivenIds()
        self._exporter = OTLPSpanExporter(endpoint, insecure=endpoint.startswith("http:"), timeout=SEND_SECONDS)
        self._provider = TracerProvider(
            sampler=ALWAYS_ON,
            resource=Resource.create({"service.name": "orderpage", "service.version": version("orderpage")}),
            shutdown_on_exit=False,
            id_generator=self._ids,
            span_limits=_LIMITS,
        )
        self._provider.add_span_processor(BatchSpanProcessor(self._exporter, QUEUE, _DELAY_MS, BATCH))
        self._tracer = self._provider.get_tracer("orderpage", version("orderpage"))
        self._complaints = _Complaints()
        logging.getLogger("opentelemetry").addHandler(self._complaints)

    def begin(self, method: str, caller: Caller, *, debug: bool) -> Record:
        """As ``Tracer.begin``."""
        record = Record(method, caller, asked=debug or caller.sampled)
        current.set(record)
        return record

    def admit(self, record: Record) -> None:
        """As ``Tracer.admit``."""
        record.sampled = self._sampler.sample(asked=record.asked)

    def end(self, record: Record, outcome: Outcome) -> None:
        """As ``Tracer.end``: an unsampled call leaves nothing, unless it failed and there is room for it."""
        ended = perf_counter()
        if record.sampled or (outcome.status and self._errors.grant()):
            self._write_server(record, outcome, ended)
            for work in record.work:
                self._write_work(record, work)
        record.finish(self._write_work)

    @property
    def dropped(self) -> int:
        """Failed calls for which there was no room."""
        return self._errors.refused

    async def flush(self) -> None:
        """Send what waits now, and wait for it."""
        await asyncio.to_thread(self._provider.force_flush)

    async def close(self, seconds: float) -> None:
        """Send what waits, for so long at most."""
        closing = threading.Thread(target=self._provider.shutdown, name="orderpage-traces-closing", daemon=True)
        closing.start()
        await asyncio.to_thread(closing.join, seconds)
        if closing.is_alive():
            self._complaints.give_up()
            self._exporter.shutdown()  # ends the waiting between attempts, which nothing else interrupts
            await asyncio.to_thread(closing.join, _GIVE_UP_SECONDS)
        logging.getLogger("opentelemetry").removeHandler(self._complaints)

    def _write_server(self, record: Record, outcome: Outcome, ended: float) -> None:
        self._ids.give(record.caller.trace_id, record.span_id)
        name = record.method.removeprefix("/")
        attributes = dict(_server_attributes(record, outcome))
        span = self._tracer.start_span(name, _parent(record.caller), SpanKind.SERVER, attributes, start_time=record.at)
        for at, event, about in sorted(_events(record), key=_moment):
            span.add_event(event, about, at)
        _finish(span, failed=outcome.status in _OUR_FAULT, at=record.nanos(ended))

    def _write_work(self, record: Record, work: Work) -> None:
        self._ids.give(record.caller.trace_id, work.span_id)
        attributes: Attributes = dict(work.attributes)
        if work.error:
            attributes[names.ERROR_TYPE] = work.error
        inside = _inside(record.caller, work.parent, remote=False)
        span = self._tracer.start_span(work.name, inside, attributes=attributes, start_time=record.nanos(work.began))
        _finish(span, failed=bool(work.error), at=record.nanos(work.ended))


class _GivenIds(IdGenerator):
    """Ids that a record has already: they were told to callers, logs and other services."""

    def __init__(self) -> None:
        self._trace_id = self._span_id = 0

    def give(self, trace_id: str, span_id: str) -> None:
        self._trace_id, self._span_id = int(trace_id, 16), int(span_id, 16)

    def generate_trace_id(self) -> int:
        return self._trace_id

    def generate_span_id(self) -> int:
        return self._span_id


class _Complaints(logging.Handler):
    """What the exporter complains of, as a line like the others."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._log = structlog.get_logger("orderpage.traces")

    def emit(self, record: logging.LogRecord) -> None:
        self._log.warning("traces.not_sent", cause=record.getMessage())

    def give_up(self) -> None:
        """Say once that what waits is lost, instead of each attempt that is broken off."""
        self.setLevel(logging.CRITICAL)
        self._log.warning("traces.lost", cause="the collector did not take them before the server's end")


def _parent(caller: Caller) -> Context:
    return _inside(caller, caller.span_id, remote=True) if caller.span_id else Context()


def _inside(caller: Caller, span_id: str, *, remote: bool) -> Context:
    flags = TraceFlags(TraceFlags.SAMPLED)
    state = TraceState.from_header([caller.state]) if caller.state else None
    context = SpanContext(int(caller.trace_id, 16), int(span_id, 16), remote, flags, state)
    return within(NonRecordingSpan(context), Context())


def _finish(span: Span, *, failed: bool, at: int) -> None:
    if failed:
        span.set_status(Status(StatusCode.ERROR))
    span.end(at)


def _server_attributes(record: Record, outcome: Outcome) -> Iterator[tuple[str, AttributeValue]]:
    service, _, method = record.method.removeprefix("/").partition("/")
    yield from ((names.RPC_SYSTEM, "grpc"), (names.RPC_SERVICE, service), (names.RPC_METHOD, method))
    yield names.RPC_STATUS, outcome.status
    if outcome.error:
        yield names.ERROR_TYPE, outcome.error
    yield names.SAMPLED, record.sampled
    if record.cell is not None:
        yield from zip(names.CELL, record.cell, strict=True)
        yield from ((names.PLAN, record.plan), (names.STACK, record.stack))
    if codes := outcome.codes or _page_codes(record):
        yield names.CODES, codes
    if degraded := _degraded(record):
        yield names.DEGRADED, degraded


def _events(record: Record) -> Iterator[tuple[int, str, Attributes]]:
    for run in record.runs:
        for stage in run.stage_times:
            yield record.nanos(stage.began), names.STAGE_EVENT, _stage_attributes(stage)
        for step in run.explanation:
            at = record.nanos(step.began) if step.began else record.at
            yield at, names.EXTENSION_EVENT, _step_attributes(step)


def _moment(event: tuple[int, str, Attributes]) -> int:
    return event[0]


def _page_codes(record: Record) -> tuple[str, ...]:
    """What a page that was made complains of."""
    page = record.page
    if page is None:
        return ()
    blocked = (problem for line in page.blocked for problem in line.problems)
    return tuple(dict.fromkeys(problem.code for problem in (*page.problems, *blocked, *page.notices)))


def _degraded(record: Record) -> tuple[str, ...]:
    lost = (lost for run in record.runs for lost in run.degraded)
    return tuple(dict.fromkeys(f"{one.point}.{one.slot}: {one.reason}" for one in lost))


def _stage_attributes(stage: StageTime) -> Attributes:
    return {names.POINT: stage.point, names.SLOTS: stage.slots, names.MICROS: stage.micros}


def _step_attributes(step: Step) -> Attributes:
    return {
        names.POINT: step.point,
        names.SLOT: step.slot,
        names.EXTENSION: step.extension,
        names.ORIGIN: str(step.origin),
        names.CALLS: step.calls,
        names.MICROS: step.micros,
        names.DECIDED: step.decided,
    }
