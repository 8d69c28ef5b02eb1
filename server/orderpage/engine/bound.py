"""What a BIND point's slots returned, asked once a subject. The hottest loop of the engine."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from orderpage.engine.plan import CompiledSlot, Stage

Result = TypeVar("Result")
Calls = tuple[tuple[CompiledSlot, Callable[[Any], Any]], ...]
OnFault = Callable[[Any, CompiledSlot, Exception], None]


def check_type(value: object, allowed: tuple[type, ...]) -> None:
    """Raise ``TypeError`` for a result that the point, or the fact, does not allow."""
    if type(value) in allowed or isinstance(value, allowed):
        return
    names = ", ".join(kind.__name__ for kind in allowed)
    raise TypeError(f"{type(value).__name__} is not allowed here; allowed: {names}")


class Bound(Generic[Result]):
    """The rules of one stage for one view. Every method asks all slots that have something to say.

    At a CLOSED point a fault raises ``Fault``, which loses this subject only if the host catches it. At an OPEN one
    the slot's result is left out for this subject, and said once a slot in ``Run.degraded``.
    """

    __slots__ = ("_calls", "_fault", "_stage")

    def __init__(self, stage: Stage | None, calls: Calls, fault: OnFault) -> None:
        self._stage = stage
        self._calls = calls
        self._fault = fault

    def __bool__(self) -> bool:
        """Whether any slot has something to say."""
        return bool(self._calls)

    def collect(self, subject: object) -> list[Result]:
        """All results that are not None, in slot order."""
        results: list[Result] = []
        for slot, call in self._calls:
            try:
                result = call(subject)
                if result is not None:
                    if type(result) not in slot.allowed:
                        check_type(result, slot.allowed)
                    results.append(result)
            except Exception as cause:
                self._fault(self._stage, slot, cause)
        return results

    def first(self, subject: object) -> Result | None:
        """The first result that is not None; later slots are not asked."""
        for slot, call in self._calls:
            try:
                result: Result | None = call(subject)
                if result is not None:
                    if type(result) not in slot.allowed:
                        check_type(result, slot.allowed)
                    return result
            except Exception as cause:
                self._fault(self._stage, slot, cause)
        return None

    def scores(self, subject: object) -> list[tuple[int, Result]]:
        """Each slot's weight with its result; a slot without one is left out."""
        results: list[tuple[int, Result]] = []
        for slot, call in self._calls:
            try:
                result = call(subject)
                if result is not None:
                    if type(result) not in slot.allowed:
                        check_type(result, slot.allowed)
                    results.append((slot.weight, result))
            except Exception as cause:
                self._fault(self._stage, slot, cause)
        return results
