"""A traced call laid over the plan that the packages compile to now: per point what stands, and what each slot did."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from orderpage import facts, points
from orderpage.engine.plan import CellPlan, CompiledSlot, PlanSet, Slot, Stage, UnknownScenario
from orderpage.engine.point import Shape
from orderpage.traced.call import Child, TracedCall, TracedStage, TracedStep

_HOST = frozenset({facts.CATALOGUE, facts.RATE})
_SUBMIT = frozenset(point.name for point in points.SUBMIT)


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A slot of a point. ``steps`` are what it did, one a pass; ``idle`` says why it did nothing.

    ``slot`` is None where it does not stand any more; ``changed`` says how it differs from the traced one.
    """

    name: str
    slot: Slot | None
    steps: tuple[TracedStep, ...]
    idle: str = ""
    changed: str = ""


class PointRows(msgspec.Struct, frozen=True):
    """A point: each passage of it, and its slots, first those that stand, then those that stood."""

    point: str
    stages: tuple[TracedStage, ...]
    rows: tuple[Row, ...]


class Joined(msgspec.Struct, frozen=True, kw_only=True):
    """A call and its plan. ``cell`` is None where there is no such scenario; then ``gone`` says why, if it had one."""

    call: TracedCall
    cell: CellPlan | None
    gone: str
    points: tuple[PointRows, ...]

    @property
    def same_plan(self) -> bool:
        """Whether the packages compile to the plan that answered the call."""
        return self.cell is not None and self.cell.plan.digest == self.call.plan

    @property
    def changed(self) -> int:
        """How many rows differ from the traced ones."""
        return sum(1 for point in self.points for row in point.rows if row.changed)


def join(call: TracedCall, plans: PlanSet, at: datetime | None = None, point: str | None = None) -> Joined:
    """The call over the plan of its scenario ``at`` an instant (left out, when it was made); one point, or all."""
    cell, gone = None, ""
    if call.cell is not None:
        try:
            cell = _cell(call, plans, at)
        except LookupError as unknown:
            gone = str(unknown) if isinstance(unknown, UnknownScenario) else "the dimensions are others now"
    named = [name for name in (each.name for each in points.ALL) if point in {None, name}]
    rows = (_Passage(call, cell, name).rows() for name in named) if call.sampled else ()
    return Joined(call=call, cell=cell, gone=gone, points=tuple(each for each in rows if each.rows))


def _cell(call: TracedCall, plans: PlanSet, at: datetime | None) -> CellPlan:
    """The scenario at the instant; where its plan is another one now, the era whose plan it is: a quote keeps it."""
    values = tuple(call.cell or ())
    now = plans.cell(values, at or call.at)
    if at is not None or now.plan.digest == call.plan:
        return now
    eras = (cell for cell in plans.cells() if cell.values == values and cell.plan.digest == call.plan)
    return next(eras, now)


class _Passage:
    """One point of a call."""

    def __init__(self, call: TracedCall, cell: CellPlan | None, point: str) -> None:
        self._call = call
        self._cell = cell
        self._point = point
        self._steps = [step for step in call.steps if step.point == point]
        self._stages = tuple(stage for stage in call.stages if stage.point == point)
        self._child = next((child for child in call.children if child.name == point), None)

    def rows(self) -> PointRows:
        """Its slots as they stand, and those that ran and stand no more."""
        slots = self._cell.resolution.slots.get(self._point, ()) if self._cell else ()
        standing = [self._standing(slot, self._of(slot.name)) for slot in slots]
        names = dict.fromkeys(step.slot for step in self._steps)
        gone = [name for name in names if name not in {slot.name for slot in slots}]
        changed = "stands here no more" if self._cell else ""
        stood = [Row(name=name, slot=None, steps=self._of(name), changed=changed) for name in gone]
        return PointRows(self._point, self._stages, (*standing, *stood))

    def _of(self, slot: str) -> tuple[TracedStep, ...]:
        return tuple(step for step in self._steps if step.slot == slot)

    def _standing(self, slot: Slot, steps: tuple[TracedStep, ...]) -> Row:
        if steps:
            return Row(name=slot.name, slot=slot, steps=steps, changed=self._difference(slot, steps))
        idle = self._idle(slot.name)
        # A pure point enters all its slots: what it did not enter when it was passed did not stand there then.
        new = not self._same and self._stages and self._shape is not Shape.ASYNC
        return Row(name=slot.name, slot=slot, steps=(), idle=idle, changed="did not stand here then" if new else "")

    @property
    def _same(self) -> bool:
        return self._cell is not None and self._cell.plan.digest == self._call.plan

    @property
    def _stage(self) -> Stage | None:
        return self._cell.plan.stages.get(self._point) if self._cell else None

    @property
    def _shape(self) -> Shape | None:
        return self._stage.point.shape if self._stage else None

    def _idle(self, slot: str) -> str:
        """Why a slot that stands did not run, as far as the trace tells."""
        call, reached = self._call, bool(self._stages or self._steps or self._child)
        if self._point in _SUBMIT and call.method != "Submit":
            return "only Submit comes here"
        compiled = _compiled(self._stage, slot)
        if compiled is not None and compiled.fills is not None and self._cell is not None:
            if compiled.fills not in self._cell.plan.needs | _HOST:
                return f"nothing in this plan needs {compiled.fills.name}"
            if reached and not _failed(self._child):
                return f"{compiled.fills.name} was given already"
        if reached and not self._stages:
            return f"{self._point} broke off before it answered ({_ending(call)})"
        if self._stages:
            return "its event is missing in the trace" if self._same else "it did not stand here then"
        return f"{self._point} was not reached ({_ending(call)})"

    def _difference(self, slot: Slot, steps: Iterable[TracedStep]) -> str:
        """How a slot that ran stands now, if not as it stood."""
        shared = {one.origin for one in self._stage.slots if one.name == slot.name} if self._stage else set()
        origins = {str(slot.origin), *map(str, shared)}  # scenarios may share a plan, which names the first one's lines
        for step in steps:
            if step.extension != slot.extension:
                return f"is {slot.extension} by {slot.origin} now"
            if step.origin not in origins:
                return f"is by {slot.origin} now"
        return ""


def _compiled(stage: Stage | None, slot: str) -> CompiledSlot | None:
    return next((one for one in stage.compiled if one.name == slot), None) if stage else None


def _failed(child: Child | None) -> bool:
    return child is not None and bool(child.error)


def _ending(call: TracedCall) -> str:
    """Why a call went no further, in its own words."""
    told: Sequence[str] = call.codes or ((call.error,) if call.error else ())
    return ", ".join(told) or "the page was complete without it"
