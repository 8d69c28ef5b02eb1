"""Reads the windows of a ramp's step, each once, and keeps what they say between two looks."""

from datetime import datetime, timedelta

from orderpage.migration.gate.counts import SLOT, slot_of
from orderpage.migration.gate.evidence import Evidence
from orderpage.migration.gate.ramp import Ramp, Ramps
from orderpage.migration.gate.store import Progress, TrafficStore
from orderpage.migration.gate.windows import Before, windows

GRACE = timedelta(seconds=5)
"""A window is looked at when it is over for so long: until then workers still add to it. What a worker could not write
before, because the database was away, is seen only by who begins to look later."""

BEFORE = timedelta(hours=1)
"""What legacy is judged by at the beginning of a step was counted within this time before."""

LOOK_BACK = timedelta(hours=24)
"""Of a longer step this much is read again after a restart; a process that goes on has all of it."""

TOLD_WITHIN = timedelta(seconds=2)
"""Until then every worker has heard of a share that moved, and adds what it counts to the slot of then."""

_AT_A_TIME = timedelta(hours=1)


class Watch:
    """Evidence by ramp. One look reads what was counted since the last one, or all of the step at first."""

    def __init__(self, store: TrafficStore, ramps: Ramps) -> None:
        self._store = store
        self._ramps = ramps
        self._watched: dict[str, _Watched] = {}

    def forget(self) -> None:
        """Begin anew at the next look: somebody else may have moved the ramps."""
        self._watched.clear()

    async def evidence(self, ramp: Ramp, progress: Progress, now: datetime) -> Evidence:
        """What the windows say that are over and began when every worker knew of the step. Raises ``Unavailable``."""
        watched = self._watched.get(ramp.name)
        if watched is None or watched.progress_key != _key(progress):
            watched = await self._start(ramp, progress, now)
        until = slot_of(now - GRACE)
        while watched.cursor < until:
            # Forgotten until it is read: a read that fails half way must not leave windows that are counted twice.
            self._watched.pop(ramp.name, None)
            upto = min(watched.cursor + _AT_A_TIME, until)
            rows = await self._store.counts(ramp.scope, watched.cursor, upto)
            for window in windows(row for row in rows if self._ramps.of(row.cell) is ramp):
                watched.evidence.add(window)
            watched.cursor = upto
        self._watched[ramp.name] = watched
        return watched.evidence

    async def _start(self, ramp: Ramp, progress: Progress, now: datetime) -> "_Watched":
        first = max(slot_of(progress.since + TOLD_WITHIN) + SLOT, slot_of(now - LOOK_BACK))
        sums = await self._store.sums(ramp.scope, first - BEFORE, first)
        before = Before(one for one in sums if self._ramps.of(one.cell) is ramp)
        return _Watched(_key(progress), first, Evidence(ramp.mismatch_tolerance, ramp.latency_tolerance, before))


class _Watched:
    """``cursor`` is the start of the first slot that was not looked at."""

    __slots__ = ("cursor", "evidence", "progress_key")

    def __init__(self, progress_key: tuple[object, ...], cursor: datetime, evidence: Evidence) -> None:
        self.progress_key = progress_key
        self.cursor = cursor
        self.evidence = evidence


def _key(progress: Progress) -> tuple[object, ...]:
    return progress.scope, progress.share, progress.step, progress.since
