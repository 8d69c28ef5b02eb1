"""What each slot did in one request, and how long it took. Only for the requests that ask for it."""

from collections.abc import Callable
from time import perf_counter
from typing import Any

import msgspec

from orderpage.engine.plan import CompiledSlot, Origin, Stage
from orderpage.engine.text import short

_SHOWN = 3


class Step(msgspec.Struct, frozen=True):
    """One slot in the explanation of an answer. ``calls`` counts subjects too; ``micros`` is their total time."""

    point: str
    slot: str
    extension: str
    origin: Origin
    calls: int
    micros: int
    decided: str


class Tally:
    """The running account of one slot in one request."""

    __slots__ = ("calls", "compiled", "decided", "origin", "point", "seconds")

    def __init__(self, point: str, compiled: CompiledSlot, origin: Origin) -> None:
        self.point = point
        self.compiled = compiled
        self.origin = origin
        self.calls = 0
        self.seconds = 0.0
        self.decided: list[str] = []

    def timed(self, call: Callable[..., Any], *, note: bool = True) -> Callable[..., Any]:
        """``call``, with its time and (where ``note``) its answer put to the account."""

        def run(*args: Any) -> Any:
            started = perf_counter()
            try:
                answer = call(*args)
            finally:
                self.add(perf_counter() - started)
            if note and answer is not None:
                self.decided.append(short(answer))
            return answer

        return run

    def add(self, seconds: float) -> None:
        """One call more."""
        self.calls += 1
        self.seconds += seconds

    def step(self) -> Step:
        """The account so far."""
        shown = "; ".join(self.decided[:_SHOWN]) or "nothing"
        if len(self.decided) > _SHOWN:
            shown += f"; and {len(self.decided) - _SHOWN} more"
        micros = round(self.seconds * 1_000_000)
        return Step(self.point, self.compiled.name, self.compiled.extension, self.origin, self.calls, micros, shown)


class Trace:
    """The accounts of one request, in the order in which slots first ran."""

    __slots__ = ("_tallies",)

    def __init__(self) -> None:
        self._tallies: dict[tuple[str, str], Tally] = {}

    def tally(self, stage: Stage, compiled: CompiledSlot) -> Tally:
        """The account of that slot."""
        key = stage.point.name, compiled.name
        found = self._tallies.get(key)
        if found is None:
            origin = stage.slots[stage.compiled.index(compiled)].origin
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

    def overruns(self, stage: Stage, threshold: float) -> None:
        """Count the slots of a stage that alone took longer than ``threshold`` seconds."""
        for compiled in stage.compiled:
            if self.tally(stage, compiled).seconds > threshold:
                compiled.stats.overruns += 1
