"""What is counted of both stacks: every name, and the counter that each worker has.

A call costs about a microsecond here: it reads no clock and touches one small object. Once a second the worker takes
what came together and adds it to the table that all workers share.
"""

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from orderpage.domain.problem import Code
from orderpage.migration.scope import TrafficCell
from orderpage.quote import LEGACY, NEW

SLOT = timedelta(seconds=10)
"""What is counted is kept by these."""

KEPT = timedelta(days=90)
"""What was counted is kept for so long."""

RENDER, SUBMIT = "Render", "Submit"
"""What a call asked for. They are counted apart: one is slower and fails for other reasons than the other."""

BOUNDS_MS = (1, *(part << power for power in range(14) for part in (2, 3)), 2 << 14)
"""Upper ends of the buckets of durations: 1, 2, 3, 4, 6, 8, 12 … 32,768 ms; what took longer is in a last one."""

REQUESTS, ERRORS, UNKNOWN, TOOK = "requests", "errors", "unknown", "ms"
"""Of a stack and a method, as ``new.Render.errors``, ``legacy.Submit.ms.24``; a bucket's name is its upper end."""

COMPARED, DIFFERENT, MONEY = "compared", "different", "money"
"""Pages that both stacks made, those that differ, and those that differ in an amount."""

NOISE_COMPARED, NOISE_DIFFERENT = "noise.compared", "noise.different"
"""The same of legacy against itself: what differs though nothing is wrong."""

DROPPED = "dropped"
"""Pages that should have been compared and were not, because the queue was full."""

MOST_KEPT = 5_000

_MORE = "more"
_BUCKETS = tuple(f"{TOOK}.{bound}" for bound in (*BOUNDS_MS, _MORE))
_BUCKET_OF = {name: index for index, name in enumerate(_BUCKETS)}
_SECONDS = tuple(bound / 1000 for bound in BOUNDS_MS)
_OURS = frozenset(str(code) for code in Code if code.ours)
_KNOWN = frozenset(map(str, Code))


class Counted(NamedTuple):
    """One row of what was counted: ``slot`` is the start of ``SLOT``, ``name`` one of this module's."""

    slot: datetime
    cell: TrafficCell
    name: str
    number: int


class Measured(NamedTuple):
    """What a name says: of which stack and method, and what; ``bucket`` is -1 unless a duration was counted."""

    stack: str
    method: str
    what: str
    bucket: int


def slot_of(moment: datetime) -> datetime:
    """The start of the slot that a moment is in."""
    seconds = int(moment.timestamp()) // 10 * 10
    return datetime.fromtimestamp(seconds, UTC)


@lru_cache(4096)
def measured(name: str) -> Measured | None:
    """What a name of a stack says; None for the names of comparisons."""
    stack, _, rest = name.partition(".")
    if stack not in (LEGACY, NEW):
        return None
    method, _, what = rest.partition(".")
    return Measured(stack, method, TOOK if what in _BUCKET_OF else what, _BUCKET_OF.get(what, -1))


class Tally:
    """What one stack did at one method: ``took`` counts by bucket of ``BOUNDS_MS``, the last one without a bound."""

    __slots__ = ("errors", "requests", "took", "unknown")

    def __init__(self) -> None:
        self.requests = self.errors = self.unknown = 0
        self.took = [0] * (len(BOUNDS_MS) + 1)

    def add(self, what: str, bucket: int, count: int) -> None:
        """Add what a row of the table says."""
        if what == TOOK:
            self.took[bucket] += count
        elif what == REQUESTS:
            self.requests += count
        elif what == ERRORS:
            self.errors += count
        elif what == UNKNOWN:
            self.unknown += count

    def named(self, stack: str, method: str) -> Iterator[tuple[str, int]]:
        """What was counted, by name; zeros are left out."""
        whats = ((REQUESTS, self.requests), (ERRORS, self.errors), (UNKNOWN, self.unknown))
        for what, count in (*whats, *zip(_BUCKETS, self.took, strict=True)):
            if count:
                yield f"{stack}.{method}.{what}", count


class Counts:
    """A worker's counts since they were last taken. Used on the event loop's thread only.

    What was counted between two takes belongs to the slot of the first of the two.
    """

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._clock = clock
        self._slot = slot_of(clock())
        self._tallies: dict[tuple[TrafficCell, str, str], Tally] = {}
        self._pages: dict[tuple[TrafficCell, str], int] = {}
        self._failed: set[tuple[str, str]] = set()
        self._kept: list[Counted] = []

    def answered(
        self,
        cell: TrafficCell,
        stack: str,
        seconds: float,
        codes: Collection[str] = (),
        *,
        method: str = RENDER,
        buyer_id: str = "",
    ) -> None:
        """``stack`` ended a call; ``codes`` are those of the error that it ended with, none for an answer.

        It is an error when the system is at fault, not the buyer or the client (``Code.ours``), or when nobody knows
        the code. Given ``buyer_id``, a buyer who is refused again and again is one error a slot: the gate takes
        errors for independent, and repetitions of one are not.
        """
        key = cell, stack, method
        tally = self._tallies.get(key)
        if tally is None:
            tally = self._tallies[key] = Tally()
        if codes and self._fails(tally, stack, codes, buyer_id):
            return
        tally.requests += 1
        tally.took[bisect_left(_SECONDS, seconds)] += 1

    def compared(self, cell: TrafficCell, different: bool, money: bool) -> None:
        """Both stacks made a page; whether it differs, and whether in an amount."""
        self._page(cell, COMPARED)
        if different:
            self._page(cell, DIFFERENT)
        if money:
            self._page(cell, MONEY)

    def noise(self, cell: TrafficCell, different: bool) -> None:
        """Legacy made a page twice; whether the two differ."""
        self._page(cell, NOISE_COMPARED)
        if different:
            self._page(cell, NOISE_DIFFERENT)

    def dropped(self, cell: TrafficCell) -> None:
        """A page was not compared because too many were waiting."""
        self._page(cell, DROPPED)

    def take(self) -> list[Counted]:
        """What was counted since the last time, in order of key; from here on it is the caller's."""
        slot, taken = self._slot, self._kept
        for (cell, stack, method), tally in self._tallies.items():
            taken += [Counted(slot, cell, name, count) for name, count in tally.named(stack, method)]
        taken += [Counted(slot, cell, name, count) for (cell, name), count in self._pages.items()]
        self._tallies, self._pages, self._kept = {}, {}, []
        now = slot_of(self._clock())
        if now != slot:
            self._failed.clear()
        self._slot = now
        return merged(taken)

    def give_back(self, batch: Iterable[Counted]) -> None:
        """What was taken could not be added to the table: it is taken again next time.

        Of a long while the latest ``MOST_KEPT`` rows are: sorting them takes the time of calls.
        """
        self._kept = [*batch, *self._kept][-MOST_KEPT:]

    def _fails(self, tally: Tally, stack: str, codes: Collection[str], buyer_id: str) -> bool:
        """Note an error; whether the call is not to be counted at all, as the repetition of one."""
        if not any(code in _OURS or code not in _KNOWN for code in codes):
            return False
        if buyer_id:
            if (stack, buyer_id) in self._failed:
                return True
            self._failed.add((stack, buyer_id))
        tally.errors += 1
        tally.unknown += Code.SYS_UNKNOWN in codes
        return False

    def _page(self, cell: TrafficCell, name: str) -> None:
        key = cell, name
        self._pages[key] = self._pages.get(key, 0) + 1


def merged(rows: Iterable[Counted]) -> list[Counted]:
    """One row for each key, in order of key: who locks rows in one order does not wait for each other in a ring."""
    sums: dict[tuple[datetime, TrafficCell, str], int] = {}
    for slot, cell, name, count in rows:
        sums[slot, cell, name] = sums.get((slot, cell, name), 0) + count
    return [Counted(*key, count) for key, count in sorted(sums.items())]
