"""What each slot did in one request, and how long it took. Only for the requests that ask for it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from time import perf_counter
from typing import Any

import msgspec

from orderpage.engine.plan import CompiledSlot, Origin, Slot, Stage
from orderpage.engine.point import Shape
from orderpage.engine.text import told

_SHOWN = 3


class Step(msgspec.Struct, frozen=True):
    """One slot in the explanation of an answer; a slot that did not run has none.

    ``calls`` counts the subjects that a BIND slot was asked about: 0 where it had nothing to do on this page, or there
    was no subject. ``micros`` is the total time, with that of binding; ``began`` is on ``time.perf_counter``.
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


class _Words:
    """Texts, and how often each came. Only the first few different ones are kept; the others are counted."""

    __slots__ = ("_kept", "_others")

    def __init__(self) -> None:
        self._kept: dict[str, int] = {}
        self._others = 0

    def add(self, text: str) -> None:
        """One text more."""
        if text in self._kept:
            self._kept[text] += 1
        elif len(self._kept) < _SHOWN:
            self._kept[text] = 1
        else:
            self._others += 1

    def __iter__(self) -> Iterator[str]:
        for text, times in self._kept.items():
            yield f"{text} ×{times}" if times > 1 else text
        if self._others:
            yield f"and {self._others} more"


class Tally:
    """The running account of one slot in one request."""

    __slots__ = (
        "_answers", "_asleep", "_bound", "_last", "_last_told", "_remarks", "began", "calls", "compiled", "origin",
        "point", "seconds",
    )  # fmt: skip

    def __init__(self, point: str, compiled: CompiledSlot, origin: Origin) -> None:
        self.point = point
        self.compiled = compiled
        self.origin = origin
        self.calls = 0
        self.seconds = 0.0
        self.began = 0.0
        self._answers = _Words()
        self._remarks = _Words()
        self._last: Any = None
        self._last_told = ""
        self._bound = self._asleep = False

    def timed(self, call: Callable[..., Any], note: Callable[[Any], None], *, calls: int = 1) -> Callable[..., Any]:
        """``call``, with its time put to the account as so many ``calls``, and its answer given to ``note``."""

        def run(*args: Any) -> Any:
            started = perf_counter()
            try:
                answer = call(*args)
            finally:
                self.add(perf_counter() - started, calls)
            note(answer)
            return answer

        return run

    def add(self, seconds: float, calls: int = 1) -> None:
        """Time that ended just now, and the calls that it was spent on."""
        if not self.began:
            self.began = perf_counter() - seconds
        self.calls += calls
        self.seconds += seconds

    def answered(self, answer: Any) -> None:
        """One answer more. None is none."""
        if answer is None:
            return
        if answer is not self._last:  # a rule often answers the same value for every subject: it is shown once
            self._last, self._last_told = answer, told(answer)
        self._answers.add(self._last_told)

    def answered_all(self, answers: Iterable[Any]) -> None:
        """So many answers more."""
        for answer in answers:
            self.answered(answer)

    def bound(self, rule: Any) -> None:
        """A BIND slot answered a rule, or None: nothing to do on this page."""
        self._bound, self._asleep = rule is not None, rule is None

    def decide(self, text: str) -> None:
        """A word of the host: a fact filled, a fault. It stands before the answers."""
        self._remarks.add(text)

    def step(self) -> Step:
        """The account so far."""
        shown = "; ".join((*self._remarks, *self._answers)) or self._silence()
        name, extension = self.compiled.name, self.compiled.extension
        return Step(self.point, name, extension, self.origin, self.calls, _micros(self.seconds), shown, self.began)

    def _silence(self) -> str:
        if self._asleep:
            return "nothing to do on this page"
        return "was asked about nothing" if self._bound and not self.calls else "nothing"


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
        call, tally = compiled.call, self.tally(stage, compiled)
        return tally.timed(lambda *args: list(call(*args)), tally.answered_all)

    def bind(self, stage: Stage, compiled: CompiledSlot) -> Callable[..., Any]:
        """The slot's method, timed, and what it binds timed too. Only the latter's calls count: one a subject."""
        tally = self.tally(stage, compiled)
        outer = tally.timed(compiled.call, tally.bound, calls=0)

        def run(*args: Any) -> Any:
            bound = outer(*args)
            return tally.timed(bound, tally.answered) if callable(bound) else bound

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
