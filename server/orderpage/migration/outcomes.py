"""What becomes of results: they are counted, differences are stored, and a wrong amount sends its cell back."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from orderpage.budget import Budget
from orderpage.migration.comparison.found import Difference
from orderpage.migration.differences import DifferenceStore, Filter, Verdict, group_id
from orderpage.migration.gate.store import Reason
from orderpage.migration.router import Router
from orderpage.migration.scope import TrafficCell
from orderpage.migration.shadowing import Result, Task
from orderpage.migration.traffic import Tripping

STORED_A_SECOND = 20


class ComparisonCounts(Protocol):
    """Counts what comparisons come to; ``gate.counts.Counts`` is it."""

    def compared(self, cell: TrafficCell, different: bool, money: bool) -> None:
        """Both stacks answered."""

    def noise(self, cell: TrafficCell, different: bool) -> None:
        """Legacy answered twice."""

    def dropped(self, cell: TrafficCell) -> None:
        """Nothing was compared: too much was waiting."""


class Outcomes:
    """Takes results as they come. ``totals`` counts them by what they are, since the start."""

    def __init__(
        self,
        router: Router,
        counts: ComparisonCounts,
        trips: Tripping,
        differences: DifferenceStore,
        clock: Callable[[], datetime],
    ) -> None:
        self._router = router
        self._counts = counts
        self._trips = trips
        self._differences = differences
        self._clock = clock
        self._room = Budget(STORED_A_SECOND)
        self._accepted: frozenset[str] = frozenset()
        self.totals: Counter[str] = Counter()

    async def learn(self) -> None:
        """Read which differences people have judged: where the new page is right, nothing is wrong.

        Raises ``Unavailable``, and then what is known stays.
        """
        judged = await self._differences.groups(Filter())
        self._accepted = frozenset(group.group_id for group in judged if group.verdict is Verdict.NEW)

    async def take(self, result: Result) -> None:
        """Count and store one. Raises ``Unavailable`` where it cannot be stored."""
        cell = result.cell
        wrong = [each for each in result.differences if group_id(result.subject, each, cell) not in self._accepted]
        money = [each for each in wrong if each.money]
        if result.failure:
            self.totals["failed"] += 1
        if result.compared:
            self.totals["different" if wrong else "same"] += 1
            self._counts.compared(cell, bool(wrong), bool(money))
        if result.noise is not None:
            self._counts.noise(cell, result.noise)
        if (money or result.unknown) and self._router.serves_new(cell, result.version):
            self._trips.trip(cell, Reason.MONEY if money else Reason.UNKNOWN_CODE, _said(result.subject, money))
        await self._store(result)

    def dropped(self, task: Task) -> None:
        """A task that nobody will do."""
        self.totals["dropped"] += 1
        self._counts.dropped(task.cell)

    async def _store(self, result: Result) -> None:
        """While everything differs, only so many a second are stored: all of them are counted anyway."""
        now = self._clock()
        if not result.recording or not self._room.grant():
            return
        if result.stored:
            await self._differences.save(
                now, result.cell, result.subject, result.stored, result.recording, result.plan_digest
            )
        elif result.sample:
            await self._differences.save_sample(now, result.cell, result.recording, result.plan_digest)


def _said(subject: str, money: Sequence[Difference]) -> str:
    """The evidence of a trip: amounts only, so nothing about a buyer."""
    if not money:
        return f"{subject.lower()}: a failure that nobody foresaw; the log has shadow.failed_unexpectedly"
    first = money[0]
    more = f", and {len(money) - 1} more" if len(money) > 1 else ""
    return f"{subject.lower()}: {first.place} is {first.legacy} by legacy, {first.new} by new{more}"
