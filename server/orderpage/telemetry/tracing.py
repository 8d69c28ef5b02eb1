"""Traces: every name in them, and what a request notes down while it runs. Without OpenTelemetry.

``Record`` gathers; ``tracing_export`` writes it as spans once the request has ended. So an unsampled request costs a
few assignments, and one that ends in an error can still be written. Off, ``current`` holds nothing and all is a no-op.
"""

from contextvars import ContextVar, Token
from time import perf_counter, time_ns
from types import TracebackType
from typing import Protocol, Self

import msgspec

from orderpage.domain.page import Page
from orderpage.domain.scenario import Cell
from orderpage.engine.run import Run
from orderpage.telemetry.tracing_context import TRACEPARENT, TRACESTATE, Caller, new_span_id, traceparent

# ---- spans: the server's is named after its method -----------------------------------------------------------------

LOAD = "load"
ASK = "ask"
PIVOT = "database pivot"
HOLD = "payment hold"
SPANS = (LOAD, ASK, PIVOT, HOLD)

# ---- events of the server span -------------------------------------------------------------------------------------

STAGE_EVENT = "stage"
EXTENSION_EVENT = "extension"
EVENTS = (STAGE_EVENT, EXTENSION_EVENT)

# ---- attributes ----------------------------------------------------------------------------------------------------

RPC_SYSTEM = "rpc.system"
RPC_SERVICE = "rpc.service"
RPC_METHOD = "rpc.method"
RPC_STATUS = "rpc.grpc.status_code"
ERROR_TYPE = "error.type"

SITE = "orderpage.site"
BUSINESS = "orderpage.business"
CLIENT = "orderpage.client"
CROWD = "orderpage.crowd"
BUCKET = "orderpage.bucket"
CELL = (SITE, BUSINESS, CLIENT, CROWD, BUCKET)
PLAN = "orderpage.plan"
STACK = "orderpage.stack"
CODES = "orderpage.codes"
DEGRADED = "orderpage.degraded"
SAMPLED = "orderpage.sampled"
SERVER_ATTRIBUTES = (
    RPC_SYSTEM, RPC_SERVICE, RPC_METHOD, RPC_STATUS, ERROR_TYPE, *CELL, PLAN, STACK, CODES, DEGRADED, SAMPLED,
)  # fmt: skip

POINT = "orderpage.point"
SLOT = "orderpage.slot"
SLOTS = "orderpage.slots"
EXTENSION = "orderpage.extension"
ORIGIN = "orderpage.origin"
CALLS = "orderpage.calls"
MICROS = "orderpage.micros"
DECIDED = "orderpage.decided"
STAGE_ATTRIBUTES = (POINT, SLOTS, MICROS)
EXTENSION_ATTRIBUTES = (POINT, SLOT, EXTENSION, ORIGIN, CALLS, MICROS, DECIDED)

PAYMENT_STATE = "orderpage.payment_state"
CHILD_ATTRIBUTES = (ERROR_TYPE, PAYMENT_STATE)

DEBUG_KEY = "orderpage-debug"
"""Request metadata: "1" asks that this request be traced in full."""


class Outcome(msgspec.Struct, frozen=True):
    """How a call ended. ``status`` is gRPC's number; ``codes`` our problems'; ``error`` the type of what was raised."""

    status: int = 0
    codes: tuple[str, ...] = ()
    error: str = ""


class Record:
    """What one request noted. ``began`` is on ``time.perf_counter``, ``at`` the same moment in Unix nanoseconds."""

    __slots__ = (
        "_span_id", "asked", "at", "began", "caller", "cell", "late", "method", "page", "plan", "runs", "sampled",
        "stack", "work",
    )  # fmt: skip

    def __init__(self, method: str, caller: Caller, *, asked: bool = False) -> None:
        """``method`` is gRPC's full name; ``asked`` whether the caller wishes to be traced in full."""
        self.method = method
        self.caller = caller
        self.asked = asked
        self.at = time_ns()
        self.began = perf_counter()
        self.sampled = False
        self.cell: Cell | None = None
        self.plan = ""
        self.stack = ""
        self.page: Page | None = None
        self.runs: list[Run] = []
        self.work: list[Work] = []
        self.late: LateWork | None = None
        self._span_id = ""

    @property
    def span_id(self) -> str:
        """Of the server span; made when first needed."""
        if not self._span_id:
            self._span_id = new_span_id()
        return self._span_id

    def nanos(self, moment: float) -> int:
        """Unix nanoseconds of a moment on ``time.perf_counter``."""
        return self.at + int((moment - self.began) * 1e9)

    def finish(self, late: "LateWork") -> None:
        """The request was answered. What goes on in its name is told to ``late``; nothing else is kept alive."""
        self.page = None
        self.runs.clear()
        self.work.clear()
        self.late = late


class LateWork(Protocol):
    """Where work goes that ends after its request was answered."""

    def __call__(self, record: Record, work: "Work") -> None:
        """Write it."""


class Tracer(Protocol):
    """What the server needs of tracing; ``tracing_export.SpanTracer`` is it."""

    def begin(self, method: str, caller: Caller, *, debug: bool) -> Record:
        """A call came in. It becomes the ``current`` one of its task."""

    def admit(self, record: Record) -> None:
        """The caller is known: decide whether the call is traced in full."""

    def end(self, record: Record, outcome: Outcome) -> None:
        """The call is answered: write what must be written. Called once."""


current: ContextVar[Record | None] = ContextVar("orderpage_record", default=None)
"""The record of the request being answered; None where tracing is off, and in background work."""

_within: ContextVar["Work | None"] = ContextVar("orderpage_work", default=None)


class Work:
    """A step worth a span of its own, from ``with`` to its end. ``parent`` is a span id."""

    __slots__ = ("_outer", "_record", "attributes", "began", "ended", "error", "name", "parent", "span_id")

    def __init__(self, name: str, record: Record) -> None:
        outer = _within.get()
        self.name = name
        self.span_id = new_span_id()
        self.parent = outer.span_id if outer is not None else record.span_id
        self.attributes: dict[str, str] = {}
        self.error = ""
        self.began = self.ended = 0.0
        self._record = record
        self._outer: Token[Work | None] | None = None

    def note(self, attribute: str, value: str) -> None:
        """Say more of it."""
        self.attributes[attribute] = value

    def __enter__(self) -> Self:
        self._outer = _within.set(self)
        self.began = perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.ended = perf_counter()
        self.error = kind.__name__ if kind is not None else ""
        if self._outer is not None:
            _within.reset(self._outer)
        record = self._record
        if record.late is not None:
            record.late(record, self)
        else:
            record.work.append(self)


class _Nothing:
    """Work of a request that is not traced in full."""

    def note(self, attribute: str, value: str) -> None:
        """Forget it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return


_NOTHING = _Nothing()


def timed(name: str) -> Work | _Nothing:
    """A span for what the ``with`` block does, if this request is traced in full."""
    record = current.get()
    return Work(name, record) if record is not None and record.sampled else _NOTHING


def sampled() -> bool:
    """Whether this request is traced in full, so that its ``Run`` should explain itself."""
    record = current.get()
    return record is not None and record.sampled


def note_run(cell: Cell, stack: str, run: Run) -> None:
    """A page is being made of this scenario."""
    record = current.get()
    if record is not None:
        record.cell, record.plan, record.stack = cell, run.plan.digest, stack
        record.runs.append(run)


def note_stack(cell: Cell, stack: str) -> None:
    """Another stack answers this scenario."""
    record = current.get()
    if record is not None:
        record.cell, record.stack = cell, stack


def note_page(page: Page) -> None:
    """The page is made."""
    record = current.get()
    if record is not None:
        record.page = page


def outgoing() -> tuple[tuple[str, str], ...]:
    """Metadata for a call to another service, so that its spans join this request's; none where tracing is off."""
    record = current.get()
    if record is None:
        return ()
    within = _within.get()
    span_id = within.span_id if within is not None else record.span_id
    header = (TRACEPARENT, traceparent(record.caller.trace_id, span_id, sampled=record.sampled))
    state = record.caller.state
    return (header, (TRACESTATE, state)) if state else (header,)
