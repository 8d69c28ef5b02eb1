"""A check of dated rules that no single layer can make: what is compiled today must have a row for today.

An extension that cannot do without one, as a tax, has a method ``lacks_on(day) -> str``: what a page of that day would
miss, or nothing. Goods that are sold untaxed are worse than a server that says why it does not start.
"""

from datetime import datetime

from orderpage.engine.plan import PlanSet
from orderpage.engine.problems import Problems


def check_dated(plans: PlanSet, at: datetime) -> None:
    """Raises ``PackageErrors`` with file and line."""
    problems, seen = Problems(), set()
    for cell in plans.cells():
        if not cell.era.holds(at) or cell.plan.digest in seen:
            continue
        seen.add(cell.plan.digest)
        for stage in cell.plan.stages.values():
            for slot, compiled in zip(stage.slots, stage.compiled, strict=True):
                lacks = getattr(compiled.instance, "lacks_on", None)
                if lacks is not None and (what := lacks(at.date())):
                    problems.at(slot.origin, f"{slot.name!r}: {what}")
    problems.check()
