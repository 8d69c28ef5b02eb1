"""A joined trace as text for somebody on call: the outcome first, then what is slow, then point by point."""

from collections.abc import Iterator, Sequence

import grpc

from orderpage.engine.plan import Slot
from orderpage.traced.call import Child, TracedCall, TracedStep
from orderpage.traced.joined import Joined, PointRows, Row
from orderpage.traced.source import Cause

_STATUS = {code.value[0]: code.name for code in grpc.StatusCode}
_SLOWEST = 3
_INDENT = " " * 19
_ASK_AGAIN = (
    "repeat it with metadata orderpage-debug: 1 (ORDERPAGE_TRACE_DEBUG grants so many a second), "
    "or raise ORDERPAGE_TRACE_RATIO"
)


def show(trace_id: str, joined: Sequence[Joined]) -> str:
    """Every call of the trace, in order of time. What differs from the packages is marked with ``!``."""
    title = f"trace {trace_id}: {len(joined)} call{'s' if len(joined) > 1 else ''}"
    return "\n".join([title, *(line for one in joined for line in ("", *_call(one)))])


def _call(joined: Joined) -> Iterator[str]:
    call = joined.call
    status = _STATUS.get(call.status, str(call.status))
    moment = call.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    yield f"{call.method or 'call'}  {status}  {_span_time(call.nanos)}  {moment}"
    yield from _about(joined)
    yield from (f"  {line}" for line in _remarks(joined))
    if call.children:
        yield "  spans"
        yield from map(_child, call.children)
    for point in joined.points:
        yield from ("", *_point(point))


def _about(joined: Joined) -> Iterator[str]:
    call, cell = joined.call, joined.cell
    if call.codes or call.error:
        yield f"  codes {', '.join(call.codes) or 'none'}{f' ({call.error})' if call.error else ''}"
    if call.degraded:
        yield f"  degraded {', '.join(call.degraded)}"
    if call.cell is None:
        yield "  no scenario: no page was made"
        return
    yield f"  scenario {' '.join(f'{name}={value}' for name, value in call.cell._asdict().items())}"
    yield f"  plan {call.plan}, stack {call.stack}: {_verdict(joined)}"
    if cell is not None:
        yield f"  layers {', '.join(cell.resolution.packages)}"
    if slow := _slowest(call):
        yield f"  slowest {', '.join(f'{step.point}.{step.slot} {_step_time(step.micros)}' for step in slow)}"


def _verdict(joined: Joined) -> str:
    if joined.cell is None:
        return "as it was then"
    if joined.same_plan:
        return "the packages compile to the same"
    now = f"the packages compile to {joined.cell.plan.digest} now"
    if joined.changed:
        return f"{now}; lines with ! differ"
    if joined.call.sampled:
        return f"{now}; the slots that ran stand as they stood, so settings, profile or an extension's version differ"
    return now


def _remarks(joined: Joined) -> Iterator[str]:
    call = joined.call
    if joined.gone:
        yield f"{Cause.SCENARIO_GONE}: {joined.gone}; name its packages with --packages. Shown as it was traced"
    if not call.sampled:
        yield f"{Cause.TRACE_NOT_IN_FULL}: a failed call leaves no stages and extensions; {_ASK_AGAIN}"
    if call.dropped:
        yield f"{call.dropped} events were dropped on the way: slots may be missing below"


def _slowest(call: TracedCall) -> list[TracedStep]:
    return sorted((step for step in call.steps if step.micros), key=lambda step: -step.micros)[:_SLOWEST]


def _child(child: Child) -> str:
    told = [child.state, child.error, f"of {child.service}" if child.service else ""]
    more = "".join(f"  {each}" for each in told if each)
    name = "  " * (child.depth - 1) + child.name
    return f"  {_span_time(child.nanos):>10}  {name}  from {_span_time(child.after)}{more}"


def _point(point: PointRows) -> Iterator[str]:
    took = ", ".join(_step_time(stage.micros) for stage in point.stages)
    yield f"{point.point}{f'  {took}' if took else ''}"
    for row in point.rows:
        yield from _row(row)


def _row(row: Row) -> Iterator[str]:
    """The slot as it was traced; where it did not run, as it stands."""
    mark = "!" if row.changed else " "
    for number, step in enumerate(row.steps):
        label = _label(row.name, step.extension)
        again = f"  (pass {number + 1})" if number else ""
        origin = row.slot.origin if row.slot is not None and not row.changed else step.origin
        yield f"{mark}{_step_time(step.micros):>10} ×{step.calls:<5} {label}{again}  by {origin}"
        yield f"{_INDENT}{step.decided}"
    if not row.steps and row.slot is not None:
        yield f"{mark}{'–':>10}  {'':5} {_label(row.name, row.slot.extension)}  by {row.slot.origin}"
    if row.changed:
        yield f"!{_INDENT[1:]}{row.changed}"
    elif not row.steps:
        yield f"{_INDENT}did not run: {row.idle}"
    if row.slot is not None and not row.changed:
        yield from (f"{_INDENT}{line}" for line in _later_edits(row.slot))


def _label(name: str, extension: str) -> str:
    return name if name == extension else f"{name} = {extension}"


def _later_edits(slot: Slot) -> list[str]:
    """What other lines made of a slot: its origin tells only who put it there."""
    return [f"{edited.action} by {edited.origin}" for edited in slot.history if edited.origin != slot.origin]


def _span_time(nanos: int) -> str:
    return f"{nanos / 1e6:.2f} ms"


def _step_time(micros: int) -> str:
    return f"{micros} µs" if micros < 10_000 else f"{micros / 1000:.1f} ms"
