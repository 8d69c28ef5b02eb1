"""What each slot did in one request, and how long it took. Only for the requests that ask for it."""

from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import Any

import msgspec

from orderpage.engine.plan import CompiledSlot, Origin, Slot, Stage
from orderpage.engine.point import Shape
from orderpage.engine.text import short

_SHOWN = 3


class Step(msgspec.Struct, frozen=True):
    """One slot in the explanation of an answer. ``calls`` counts subjects too; ``micros`` is their total time.

    ``began`` is on ``time.perf_counter``, zero where the slot was never called.
    """

    point: str
    slot: str
    extension: str
    origin: Origin
    calls: int
    micros: int
    decided: str
    began: float = 0.0


class StageTime(msgspec.Struct, frozen=True):
    """One passage of a point. ``micros`` of a BIND point are those of its slots, whenever they were called."""

    point: str
    slots: int
    micros: int
    began: float


class Tally:
    """The running account of one slot in one request."""

    __slots__ = ("_answers", "_decided", "_last", "began", "calls", "compiled", "origin", "point", "seconds")

    def __init__(self, point: str, compiled: CompiledSlot, origin: Origin) -> None:
        self.point = point
        self.compiled = compiled
        self.origin = origin
        self.calls = 0
        self.seconds = 0.0
        self.began = 0.0
        self._decided: list[str] = []
        self._last: Any = None
        self._answers = 0

    def timed(self, call: Callable[..., Any], *, note: bool = True) -> Callable[..., Any]:
        """``call``, with its time and (where ``note``) its answer put to the account."""

        def run(*args: Any) -> Any:
            started = perf_counter()
            try:
                answer = call(*args)
            finally:
                self.add(perf_counter() - started)
            if note and answer is not None:
                self.decide(self._shown(answer) if self._answers < _SHOWN else "")
            return answer

        return run

    def _shown(self, answer: Any) -> str:
        """A rule often answers the same value for every subject, and showing one is dearer than making it."""
        if answer is self._last:
            return self._decided[-1]
        self._last = answer
        return short(answer)

    def add(self, seconds: float) -> None:
        """One call more, ended just now."""
        if not self.calls:
            self.began = perf_counter() - seconds
        self.calls += 1
        self.seconds += seconds

    def decide(self, text: str) -> None:
        """One answer more; only the first few are kept."""
        if self._answers < _SHOWN:
            self._decided.append(text)
        self._answers += 1

    def step(self) -> Step:
        """The account so far."""
        shown = "; ".join(self._decided) or "nothing"
        if self._answers > _SHOWN:
            shown += f"; and {self._answers - _SHOWN} more"
        name, extension = self.compiled.name, self.compiled.extension
        return Step(self.point, name, extension, self.origin, self.calls, _micros(self.seconds), shown, self.began)


class Trace:
    """The accounts of one request, in the order in which slots first ran.

    ``slots``, by point, are the scenario's own: a plan that scenarios share names the lines of the first of them.
    """

    __slots__ = ("_passed", "_slots", "_tallies")

    def __init__(self, slots: Mapping[str, Sequence[Slot]]) -> None:
        self._slots = slots
        self._passed: list[tuple[Stage, float, float]] = []
        self._tallies: dict[tuple[str, str], Tally] = {}

    def tally(self, stage: Stage, compiled: CompiledSlot) -> Tally:
        """The account of that slot."""
        key = stage.point.name, compiled.name
        found = self._tallies.get(key)
        if found is None:
            slots = self._slots.get(stage.point.name, stage.slots)
            origin = slots[stage.compiled.index(compiled)].origin
            found = self._tallies[key] = Tally(stage.point.name, compiled, origin)
        return found

    def batch(self, stage: Stage, compiled: CompiledSlot) -> Callable[..., Any]:
        """The slot's method, timed; a generator is run within the time."""
        call = compiled.call
        return self.tally(stage, compiled).timed(lambda *args: list(call(*args)))

    def bind(self, stage: Stage, compiled: CompiledSlot) -> Callable[..., Any]:
        """The slot's method, timed, and what it binds timed too."""
        tally = self.tally(stage, compiled)
        outer = tally.timed(compiled.call, note=False)

        def run(*args: Any) -> Any:
            bound = outer(*args)
            return tally.timed(bound) if callable(bound) else bound

        return run

    def steps(self) -> list[Step]:
        """The explanation so far."""
        return [tally.step() for tally in self._tallies.values()]

    def passed(self, stage: Stage, began: float, seconds: float) -> None:
        """The host went through a stage."""
        self._passed.append((stage, began, seconds))

    def stages(self) -> list[StageTime]:
        """The passages so far."""
        return [
            StageTime(stage.point.name, len(stage.compiled), _micros(self._spent(stage, seconds)), began)
            for stage, began, seconds in self._passed
        ]

    def _spent(self, stage: Stage, seconds: float) -> float:
        if stage.point.shape is not Shape.BIND:
            return seconds
        return sum(self.tally(stage, compiled).seconds for compiled in stage.compiled)

    def overruns(self, stage: Stage, threshold: float) -> None:
        """Count the slots of a stage that alone took longer than ``threshold`` seconds."""
        for compiled in stage.compiled:
            if self.tally(stage, compiled).seconds > threshold:
                compiled.stats.overruns += 1


def _micros(seconds: float) -> int:
    return round(seconds * 1_000_000)
