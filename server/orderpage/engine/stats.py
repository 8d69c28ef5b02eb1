"""Counters of slots and stages, as plain numbers: cheap to raise on the hot path, read later by metrics."""

from bisect import bisect_left

BOUNDS = (0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.025, 0.1, 0.5, 1.0)
"""Upper bounds, in seconds, of the buckets into which times fall; there is one bucket more for what is above."""


class Stats:
    """``calls``: runs that entered the slot (not calls per subject). ``faults``: exceptions, wrong results, timeouts.

    ``skips``: times the answer went on without the slot. ``overruns``: for an ASYNC slot, budgets exceeded; for a pure
    one, traced runs in which the slot alone took longer than its stage may. On a stage, ``overruns`` counts every run.

    ``seconds`` and ``buckets`` (by ``BOUNDS``, not cumulative) are of stages and of ASYNC slots: timing each pure slot
    of each request would cost more than it tells. A slot's are of its answers and timeouts, not of its faults; a
    stage's of the runs that came to their end. At a BIND point they are of binding, not of what was bound.
    """

    __slots__ = ("buckets", "calls", "faults", "overruns", "seconds", "skips")

    def __init__(self) -> None:
        self.calls = 0
        self.faults = 0
        self.skips = 0
        self.overruns = 0
        self.seconds = 0.0
        self.buckets = [0] * (len(BOUNDS) + 1)

    def took(self, seconds: float) -> None:
        """One run more that took so long."""
        self.seconds += seconds
        self.buckets[bisect_left(BOUNDS, seconds)] += 1

    def __repr__(self) -> str:
        return f"<stats calls={self.calls} faults={self.faults} skips={self.skips} overruns={self.overruns}>"


class StatsBook:
    """Counters by what they count. Plans that share a name share its counters, so a reload does not set them back.

    It holds every name that stood in any plan set since the process began.
    """

    def __init__(self) -> None:
        self._stages: dict[str, Stats] = {}
        self._slots: dict[tuple[str, str, str], Stats] = {}

    def stage(self, point: str) -> Stats:
        """The counters of a point's stages."""
        return self._stages.setdefault(point, Stats())

    def slot(self, point: str, slot: str, extension: str) -> Stats:
        """The counters of an extension in a slot of a point, whatever its settings."""
        return self._slots.setdefault((point, slot, extension), Stats())

    def stages(self) -> list[tuple[str, Stats]]:
        """All of them by point. A copy: it may be read in another thread than the one that counts."""
        return list(self._stages.items())

    def slots(self) -> list[tuple[tuple[str, str, str], Stats]]:
        """All of them by point, slot and extension. A copy, as above."""
        return list(self._slots.items())
