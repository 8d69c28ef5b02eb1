"""One request through a plan: fill facts, collect results, bind rules, and keep account of what failed.

The point decides what a fault means: CLOSED raises ``Fault``, OPEN goes on and says so in ``degraded``.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from time import perf_counter
from types import MappingProxyType
from typing import Any, TypeVar

from orderpage.engine.bound import Bound, check_type
from orderpage.engine.faults import BreakerOpen, Degradation, Fault, describe
from orderpage.engine.plan import CompiledSlot, Plan, Slot, Stage
from orderpage.engine.point import UNSET, Fact, Point
from orderpage.engine.trace import StageTime, Step, Trace

View = TypeVar("View")
Result = TypeVar("Result")
Value = TypeVar("Value")

STAGE_SECONDS = 0.005
"""A pure stage that takes longer is counted as an overrun: it holds up every other request of the process."""

DEADLINE_SHARE = 0.5
"""A wave of facts may use this part of the time that is left, so that the rest of the answer has some too."""

DEFAULT_BUDGET = 1.0
"""Seconds for an ASYNC slot that names no budget."""


_PATIENCE = 100


class Run:
    """A request's pass through its plan. Not shared between requests, nor between threads."""

    __slots__ = ("_again", "_deadline", "_facts", "_patient", "_trace", "degraded", "plan")

    def __init__(
        self,
        plan: Plan,
        *,
        facts: Mapping[Fact[Any], Any],
        deadline: float | None = None,
        explain: bool = False,
        slots: Mapping[str, Sequence[Slot]] | None = None,
        again: Collection[tuple[str, str]] = (),
        patient: bool = False,
    ) -> None:
        """``facts`` are given by the host and not asked for again, except by the slots in ``again`` (point and name);
        ``deadline`` is on ``time.monotonic``.

        ``slots``, by point, are those of the scenario as its own layers put them there, for the explanation. A
        ``patient`` run, for which nobody waits and which runs only when nobody else does, gets a hundred times the
        budgets.
        """
        self.plan = plan
        self.degraded: list[Degradation] = []
        self._facts = {**plan.unfilled, **facts}
        self._deadline = deadline
        self._again = again
        self._patient = patient
        self._trace = Trace(slots or {}) if explain else None

    @property
    def explanation(self) -> list[Step]:
        """What each slot did so far, in the order of first calls; empty unless ``explain``."""
        return self._trace.steps() if self._trace is not None else []

    @property
    def stage_times(self) -> list[StageTime]:
        """The points passed so far, in that order; empty unless ``explain``."""
        return self._trace.stages() if self._trace is not None else []

    def fact(self, fact: Fact[Value]) -> Value:
        """A fact that was given or filled, else its default. Raises ``LookupError`` where there is neither."""
        value = self._facts.get(fact, fact.default)
        if value is UNSET:
            raise LookupError(f"fact {fact.name!r} is neither given nor filled; fill the point that brings it first")
        return value  # type: ignore[no-any-return]

    # ---- facts ---------------------------------------------------------------------------------------------------

    @property
    def facts(self) -> Mapping[Fact[Any], Any]:
        """What was given and filled so far, to look at."""
        return MappingProxyType(self._facts)

    def missing(self, point: Point[View, Any], wanted: Collection[Fact[Any]] = ()) -> list[CompiledSlot]:
        """The slots of an ASYNC point whose facts the plan needs, or the host ``wanted``, and that are not there."""
        stage = self.plan.stages.get(point.name)
        if stage is None:
            return []
        needs, facts, again = self.plan.needs, self._facts, self._again
        return [
            slot
            for slot in stage.compiled
            if (slot.fills not in facts or (point.name, slot.name) in again)
            and (slot.fills in needs or slot.fills in wanted)
        ]

    async def fill(self, point: Point[View, Any], view: View, wanted: Collection[Fact[Any]] = ()) -> None:
        """Run, in parallel, the slots whose facts the plan needs or the host ``wanted``, and that are not yet there.

        Raises ``Fault`` for a fact that a CLOSED point can't do without; the slots still running are cancelled first.
        """
        slots = self.missing(point, wanted)
        if not slots:
            return
        stage = self.plan.stages[point.name]
        for slot in slots:
            if slot.fact.by_slot:
                self._facts.setdefault(slot.fact, {})
        started = perf_counter()
        if len(slots) == 1:
            await self._ask(stage, slots[0], view)
        else:
            await self._ask_all(stage, slots, view)
        seconds = perf_counter() - started
        stage.stats.calls += 1
        stage.stats.took(seconds)
        if self._trace is not None:
            self._trace.passed(stage, started, seconds)

    async def _ask_all(self, stage: Stage, slots: list[CompiledSlot], view: Any) -> None:
        tasks = [asyncio.create_task(self._ask(stage, slot, view)) for slot in slots]
        try:
            await asyncio.gather(*tasks)
        finally:
            # On a fault or an outer cancellation no task may outlive the request.
            running = [task for task in tasks if not task.done()]
            for task in running:
                task.cancel()
            if running:
                await asyncio.gather(*running, return_exceptions=True)

    async def _ask(self, stage: Stage, slot: CompiledSlot, view: Any) -> None:
        args = self._args(slot)
        seconds, breaker = self._seconds(slot), slot.breaker
        if seconds <= 0:
            return self._miss(stage, slot, "timeout", TimeoutError("no time left before the deadline"))
        if not breaker.allow():
            return self._miss(stage, slot, "unavailable", BreakerOpen("asked too often in vain; the breaker is open"))
        slot.stats.calls += 1
        started = perf_counter()
        try:
            async with asyncio.timeout(seconds) as limit:
                value = await slot.call(view, *args)
            check_type(value, slot.allowed)
        except asyncio.CancelledError as cause:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                breaker.abandoned()
                raise
            # Raised by the extension itself: to the caller that is a fault like any other.
            breaker.failed()
            self._fail(stage, slot, "fault", cause)
        except Exception as cause:
            if isinstance(cause, TimeoutError) and limit.expired():
                self._timed_out(stage, slot, seconds)
            else:
                breaker.failed()
                self._fail(stage, slot, "fault", cause)
        else:
            breaker.succeeded()
            self._keep(slot, value)
            seconds = perf_counter() - started
            slot.stats.took(seconds)
            self._note(stage, slot, f"filled {slot.fact.name}", seconds)

    def _keep(self, slot: CompiledSlot, value: Any) -> None:
        if slot.fact.by_slot:
            self._facts[slot.fact][slot.name] = value
        else:
            self._facts[slot.fact] = value

    def _seconds(self, slot: CompiledSlot) -> float:
        budget = DEFAULT_BUDGET if slot.budget is None else slot.budget
        if self._deadline is None:
            return budget
        left = (self._deadline - time.monotonic()) * DEADLINE_SHARE
        return min(budget * _PATIENCE if self._patient else budget, left)

    def _timed_out(self, stage: Stage, slot: CompiledSlot, seconds: float) -> None:
        slot.stats.overruns += 1
        slot.stats.took(seconds)
        # A caller in a hurry proves nothing about the other side, and may not close it for everyone.
        if seconds * 2 >= (DEFAULT_BUDGET if slot.budget is None else slot.budget):
            slot.breaker.failed()
        else:
            slot.breaker.abandoned()
        self._fail(stage, slot, "timeout", TimeoutError(f"no answer within {seconds * 1000:.0f} ms"))

    def _fail(self, stage: Stage, slot: CompiledSlot, reason: str, cause: BaseException) -> None:
        slot.stats.faults += 1
        self._miss(stage, slot, reason, cause)

    def _miss(self, stage: Stage, slot: CompiledSlot, reason: str, cause: BaseException) -> None:
        fact = slot.fact
        if fact.by_slot:
            pass  # what the others bring stands
        elif fact.default is not UNSET:
            self._facts[fact] = fact.default
        elif stage.closed:
            self._note(stage, slot, f"{reason}: {describe(cause)}", 0.0)
            raise Fault(stage.point, slot.name, slot.extension, cause, fact) from cause
        else:
            self._facts[fact] = None
        slot.stats.skips += 1
        self.degraded.append(
            Degradation(stage.point.name, slot.name, slot.extension, reason, fact.name, describe(cause))
        )
        self._note(stage, slot, f"{reason}: {fact.name} is {self._facts[fact]!r}", 0.0)

    def _note(self, stage: Stage, slot: CompiledSlot, decided: str, seconds: float) -> None:
        if self._trace is not None:
            tally = self._trace.tally(stage, slot)
            tally.add(seconds)
            tally.decide(decided)

    # ---- pure points ---------------------------------------------------------------------------------------------

    def collect(self, point: Point[View, Result], view: View) -> list[Result]:
        """All results of a BATCH point, in slot order. A slot's results count only when all of them are right."""
        stage = self.plan.stages.get(point.name)
        if stage is None:
            return []
        trace, results = self._trace, []
        started = perf_counter()
        for slot in stage.compiled:
            args = self._args(slot) if slot.needs else ()
            call = slot.call if trace is None else trace.batch(stage, slot)
            slot.stats.calls += 1
            try:
                answer = call(view, *args) if args else call(view)
                items = answer if type(answer) is list else list(answer)
                allowed = slot.allowed
                for item in items:
                    if type(item) not in allowed:
                        check_type(item, allowed)
            except Exception as cause:
                self.fault(stage, slot, cause)
            else:
                results += items
        self._ran(stage, started)
        return results

    def bind(self, point: Point[View, Result], view: View) -> Bound[Result]:
        """What a BIND point's slots have to say on this view, to be asked subject by subject.

        At a CLOSED point a slot that fails here fails for each subject: the host decides in one place what is lost.
        """
        stage = self.plan.stages.get(point.name)
        if stage is None:
            return Bound(None, (), self.fault)
        trace, calls = self._trace, []
        started = perf_counter()
        for slot in stage.compiled:
            args = self._args(slot) if slot.needs else ()
            call = slot.call if trace is None else trace.bind(stage, slot)
            slot.stats.calls += 1
            try:
                rule = call(view, *args) if args else call(view)
                if rule is not None and not callable(rule):
                    raise TypeError(f"a function of the subject, or None, is expected, not {type(rule).__name__}")
            except Exception as cause:
                if stage.closed:
                    calls.append((slot, _raising(cause)))
                else:
                    self.fault(stage, slot, cause)
            else:
                if rule is not None:
                    calls.append((slot, rule))
        self._ran(stage, started)
        return Bound(stage, tuple(calls), self.fault)

    def fault(self, stage: Stage, slot: CompiledSlot, cause: Exception) -> None:
        """Count a fault of a pure slot; raise ``Fault`` at a CLOSED point, note it once a slot at an OPEN one."""
        slot.stats.faults += 1
        if self._trace is not None:
            self._trace.tally(stage, slot).decide(f"fault: {describe(cause)}")
        if stage.closed:
            raise Fault(stage.point, slot.name, slot.extension, cause) from cause
        slot.stats.skips += 1
        name = stage.point.name
        if not any(said.point == name and said.slot == slot.name for said in self.degraded):
            self.degraded.append(Degradation(name, slot.name, slot.extension, "fault", cause=describe(cause)))

    def _ran(self, stage: Stage, started: float) -> None:
        stats, seconds = stage.stats, perf_counter() - started
        stats.calls += 1
        stats.took(seconds)
        if self._trace is not None:
            self._trace.passed(stage, started, seconds)
        if seconds > STAGE_SECONDS:
            stats.overruns += 1
            if self._trace is not None:
                self._trace.overruns(stage, STAGE_SECONDS)

    def _args(self, slot: CompiledSlot) -> tuple[Any, ...]:
        try:
            return tuple([self._facts[fact] for fact in slot.needs])
        except KeyError as missing:
            fact = missing.args[0]
            # The plan proved that somebody fills it, so the host ran its points out of order.
            raise LookupError(
                f"{slot.name} ({slot.extension}) needs fact {fact.name!r}, which is neither given nor filled yet; "
                "fill the point that brings it first"
            ) from None


def _raising(cause: Exception) -> Callable[[Any], Any]:
    def fail(_subject: Any) -> Any:
        raise cause

    return fail
