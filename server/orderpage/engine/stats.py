"""Counters of one compiled slot, as plain ints: cheap to raise on the hot path, read later by metrics."""


class Stats:
    """``calls``: runs that entered the slot (not calls per subject). ``faults``: exceptions, wrong results, timeouts.

    ``skips``: times the answer went on without the slot. ``overruns``: for an ASYNC slot, budgets exceeded; for a pure
    one, traced runs in which the slot alone took longer than its stage may. On a stage, ``overruns`` counts every run.
    """

    __slots__ = ("calls", "faults", "overruns", "skips")

    def __init__(self) -> None:
        self.calls = 0
        self.faults = 0
        self.skips = 0
        self.overruns = 0

    def __repr__(self) -> str:
        return f"<stats calls={self.calls} faults={self.faults} skips={self.skips} overruns={self.overruns}>"
