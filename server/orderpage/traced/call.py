"""One of our calls in a trace: what its server span, events and children say, under the names of ``tracing``."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from orderpage.domain.scenario import Cell
from orderpage.telemetry import tracing as names
from orderpage.traced.otlp import Span
from orderpage.traced.source import Cause, TraceError


class TracedStep(msgspec.Struct, frozen=True):
    """A slot that ran. ``origin`` is the package, file and line that put it there; ``micros`` are of all its calls.

    ``calls`` are the subjects it was asked about, at a point that asks; there 0 says that it had nothing to do.
    """

    point: str
    slot: str
    extension: str
    origin: str
    calls: int
    micros: int
    decided: str


class TracedStage(msgspec.Struct, frozen=True):
    """One passage of a point, with so many slots."""

    point: str
    slots: int
    micros: int


class Child(msgspec.Struct, frozen=True):
    """A span below the call's, ``depth`` 1 directly. Times in nanoseconds, ``after`` the call's begin."""

    name: str
    service: str
    depth: int
    after: int
    nanos: int
    error: str
    state: str


class TracedCall(msgspec.Struct, frozen=True, kw_only=True):
    """A call. ``status`` is gRPC's number; ``cell`` None where it ended before a scenario was known.

    ``stages``, ``steps`` and ``children`` are in order of time, and empty unless ``sampled``. ``dropped`` counts events
    that were lost.
    """

    method: str
    at: datetime
    nanos: int
    status: int
    error: str
    codes: tuple[str, ...]
    degraded: tuple[str, ...]
    cell: Cell | None
    plan: str
    stack: str
    sampled: bool
    stages: tuple[TracedStage, ...]
    steps: tuple[TracedStep, ...]
    children: tuple[Child, ...]
    dropped: int


def calls_of(spans: Iterable[Span]) -> list[TracedCall]:
    """The calls of this service in a trace, by their start. Raises ``TraceError`` where there is none."""
    spans = list(spans)
    below: dict[str, list[Span]] = defaultdict(list)
    for span in spans:
        below[span.parent].append(span)
    found = [_call(span, below) for span in spans if _ours(span)]
    if not found:
        services = ", ".join(sorted({span.service or "a service without name" for span in spans}))
        message = (
            f"trace {spans[0].trace_id} has spans of {services}, and no call of orderpage; "
            "take the id of a page, an error or a log line"
        )
        raise TraceError(Cause.TRACE_OF_ANOTHER_SERVICE, message)
    return found


def _ours(span: Span) -> bool:
    return names.SAMPLED in span.attributes  # on every server span of ours, and a name of ours only


def _call(span: Span, below: dict[str, list[Span]]) -> TracedCall:
    about = span.attributes
    cell = [about.get(name) for name in names.CELL]
    return TracedCall(
        method=_text(about.get(names.RPC_METHOD)),
        at=datetime.fromtimestamp(span.start / 1e9, UTC),
        nanos=span.end - span.start,
        status=_number(about.get(names.RPC_STATUS)),
        error=_text(about.get(names.ERROR_TYPE)),
        codes=_texts(about.get(names.CODES)),
        degraded=_texts(about.get(names.DEGRADED)),
        cell=None if None in cell else Cell(*map(_text, cell)),
        plan=_text(about.get(names.PLAN)),
        stack=_text(about.get(names.STACK)),
        sampled=about[names.SAMPLED] is True,
        stages=tuple(_stage(event.attributes) for event in span.events if event.name == names.STAGE_EVENT),
        steps=tuple(_step(event.attributes) for event in span.events if event.name == names.EXTENSION_EVENT),
        children=tuple(_children(span, below)),
        dropped=span.dropped,
    )


def _stage(about: dict[str, Any]) -> TracedStage:
    return TracedStage(_text(about.get(names.POINT)), _number(about.get(names.SLOTS)), _number(about.get(names.MICROS)))


def _step(about: dict[str, Any]) -> TracedStep:
    return TracedStep(
        point=_text(about.get(names.POINT)),
        slot=_text(about.get(names.SLOT)),
        extension=_text(about.get(names.EXTENSION)),
        origin=_text(about.get(names.ORIGIN)),
        calls=_number(about.get(names.CALLS)),
        micros=_number(about.get(names.MICROS)),
        decided=_text(about.get(names.DECIDED)),
    )


def _children(call: Span, below: dict[str, list[Span]]) -> Iterator[Child]:
    """Everything below the call, parents before children. Another call of ours is shown by itself."""
    seen, waiting = {call.span_id}, [(call, 0)]
    while waiting:
        span, depth = waiting.pop()
        if depth:
            yield Child(
                name=span.name,
                service=span.service if span.service != call.service else "",
                depth=depth,
                after=span.start - call.start,
                nanos=span.end - span.start,
                error=_text(span.attributes.get(names.ERROR_TYPE)) or ("failed" if span.failed else ""),
                state=_text(span.attributes.get(names.PAYMENT_STATE)),
            )
        inner = [one for one in below.get(span.span_id, ()) if one.span_id not in seen and not _ours(one)]
        seen.update(one.span_id for one in inner)  # what a store answers may go round in a circle
        waiting += [(one, depth + 1) for one in sorted(inner, key=lambda one: -one.start)]


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(map(_text, value)) if isinstance(value, list) else ()


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0
