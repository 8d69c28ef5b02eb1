"""What was counted, as the gate looks at it: windows of one slot each, divided into strata.

A stratum is one cell and one method. The two stacks are compared inside strata only: where one stack gets more of a
cell that fails often, or more Submits, their sums would differ though both do the same.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import groupby

import msgspec

from orderpage.migration.gate.counts import (
    BOUNDS_MS,
    COMPARED,
    DIFFERENT,
    DROPPED,
    NOISE_COMPARED,
    NOISE_DIFFERENT,
    Counted,
    Tally,
    measured,
)
from orderpage.migration.gate.store import Sum
from orderpage.migration.scope import TrafficCell
from orderpage.quote import LEGACY, NEW


class Stratum:
    """Both stacks at one method of one cell."""

    __slots__ = ("legacy", "new")

    def __init__(self) -> None:
        self.legacy, self.new = Tally(), Tally()

    def of(self, stack: str) -> Tally:
        """The tally of a stack."""
        return self.new if stack == NEW else self.legacy


class Compared(msgspec.Struct):
    """Pages that were made twice, and how many of them differ; ``noise`` is legacy against itself."""

    pages: int = 0
    different: int = 0
    noise_pages: int = 0
    noise_different: int = 0
    dropped: int = 0

    def add(self, name: str, count: int) -> None:
        """Add what a row of the table says; other names are no concern of this."""
        if (field := _FIELDS.get(name)) is not None:
            setattr(self, field, getattr(self, field) + count)


_FIELDS = {
    COMPARED: "pages",
    DIFFERENT: "different",
    NOISE_COMPARED: "noise_pages",
    NOISE_DIFFERENT: "noise_different",
    DROPPED: "dropped",
}


class Window:
    """What was counted in one slot: strata by cell and method, comparisons over all cells."""

    __slots__ = ("compared", "slot", "strata")

    def __init__(self, slot: datetime) -> None:
        self.slot = slot
        self.strata: dict[tuple[TrafficCell, str], Stratum] = {}
        self.compared = Compared()

    def add(self, cell: TrafficCell, name: str, count: int) -> None:
        """Add what a row of the table says."""
        what = measured(name)
        if what is None:
            self.compared.add(name, count)
            return
        stratum = self.strata.get((cell, what.method))
        if stratum is None:
            stratum = self.strata[cell, what.method] = Stratum()
        stratum.of(what.stack).add(what.what, what.bucket, count)


class Before:
    """What was counted before a window: what legacy took by method, and how often it differs from itself."""

    def __init__(self, sums: Iterable[Sum] = ()) -> None:
        self._took: dict[str, list[int]] = {}
        self.noise = Compared()
        for one in sums:
            what = measured(one.name)
            if what is None:
                self.noise.add(one.name, one.number)
            elif what.stack == LEGACY and what.bucket >= 0:
                self._buckets(what.method)[what.bucket] += one.number

    def add(self, window: Window) -> None:
        """The window is over: from here on it is before."""
        for (_, method), stratum in window.strata.items():
            took = self._buckets(method)
            for bucket, count in enumerate(stratum.legacy.took):
                if count:
                    took[bucket] += count
        self.noise.noise_pages += window.compared.noise_pages
        self.noise.noise_different += window.compared.noise_different

    def tail(self, method: str, least: int) -> int | None:
        """The first bucket up to whose end 99 of 100 calls of legacy stayed; None for fewer than ``least`` calls, or
        when it is one without a bound.
        """
        took = self._took.get(method)
        if took is None or (calls := sum(took)) < least:
            return None
        within = 0
        for bucket in range(len(BOUNDS_MS)):
            within += took[bucket]
            if within * 100 >= calls * 99:
                return bucket
        return None

    def _buckets(self, method: str) -> list[int]:
        return self._took.setdefault(method, [0] * (len(BOUNDS_MS) + 1))


def windows(rows: Iterable[Counted]) -> Iterator[Window]:
    """The windows of rows, which are in order of slot."""
    for slot, of_slot in groupby(rows, lambda row: row.slot):
        window = Window(slot)
        for row in of_slot:
            window.add(row.cell, row.name, row.number)
        yield window
