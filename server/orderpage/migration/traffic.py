"""Everything that a routed call tells: who answered it, how it went, and what is to be compared."""

import random
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from time import perf_counter
from types import TracebackType
from typing import Protocol

import msgspec
import structlog

from orderpage.domain.problem import Code, Problem
from orderpage.migration.router import Router
from orderpage.migration.scope import TrafficCell
from orderpage.migration.shadowing import ShadowQueue, Task
from orderpage.quote import NEW

log = structlog.get_logger(__name__)


class Ratios(msgspec.Struct, frozen=True, kw_only=True):
    """Shares of calls, 0 to 1: of pages compared, those for which legacy is asked twice; of our pages, those that
    legacy is asked for too; of our pages, those that are recorded.
    """

    noise: float
    verify: float
    record: float


class Counting(Protocol):
    """Counts what calls come to."""

    def answered(
        self,
        cell: TrafficCell,
        stack: str,
        seconds: float,
        codes: Collection[str] = (),
        *,
        method: str = "Render",
        buyer_id: str = "",
    ) -> None:
        """A call ended, with the problems that it was refused with."""


class Tripping(Protocol):
    """Sends a cell back to the legacy stack."""

    def trip(self, cell: TrafficCell, reason: str, evidence: str) -> None:
        """From now on here, and everywhere as soon as it is written."""


class Traffic:
    """What the routed servicers need of a migration. ``problems_of`` says what a client is told of a failure.

    ``routed`` counts calls by the stack that answers them.
    """

    def __init__(
        self,
        router: Router,
        shadow: ShadowQueue,
        counts: Counting,
        trips: Tripping,
        ratios: Ratios,
        problems_of: Callable[[Exception], Sequence[Problem]],
    ) -> None:
        self.router = router
        self.ratios = ratios
        self._shadow = shadow
        self._counts = counts
        self._trips = trips
        self._problems_of = problems_of
        self.routed: dict[str, int] = {}

    def offer(self, make: Callable[[], Task]) -> None:
        """Have something compared. Whatever goes wrong with that, the answer goes out."""
        try:
            self._shadow.offer(make())
        except Exception:
            log.exception("shadow.not_offered")

    def answering(
        self, cell: TrafficCell, buyer_id: str, stack: str, method: str, version: str
    ) -> AbstractContextManager[None]:
        """Count the call made in the block. What nobody foresaw in the new stack sends its cell back at once."""
        self.routed[stack] = self.routed.get(stack, 0) + 1
        return _Answering(self._counts, self._failed, (cell, stack, method, buyer_id, version))

    def _failed(self, call: "_Counted", seconds: float, error: Exception) -> None:
        cell, stack, method, buyer_id, version = call
        codes = [problem.code for problem in self._problems_of(error)]
        self._counts.answered(cell, stack, seconds, codes, method=method, buyer_id=buyer_id)
        if stack == NEW and Code.SYS_UNKNOWN in codes and self.router.serves_new(cell, version):
            self._trips.trip(cell, "UNKNOWN_CODE", f"{method} answered SYS_UNKNOWN: {type(error).__name__}")


_Counted = tuple[TrafficCell, str, str, str, str]
"""Of a call: cell, stack, method, buyer and client version."""


class _Answering:
    """The block of ``Traffic.answering``. A class: a generator would cost three times as much, at every call."""

    __slots__ = ("_call", "_counts", "_failed", "_started")

    def __init__(self, counts: Counting, failed: Callable[[_Counted, float, Exception], None], call: _Counted) -> None:
        self._counts = counts
        self._failed = failed
        self._call = call

    def __enter__(self) -> None:
        self._started = perf_counter()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        seconds = perf_counter() - self._started
        if error is None:
            cell, stack, method, _, _ = self._call
            self._counts.answered(cell, stack, seconds, method=method)
        elif isinstance(error, Exception):  # otherwise the client left, which says nothing about the stack
            self._failed(self._call, seconds, error)


def happens(ratio: float) -> bool:
    """True for that share of calls."""
    return ratio > 0 and random.random() < ratio  # noqa: S311  # nobody gains by guessing it
