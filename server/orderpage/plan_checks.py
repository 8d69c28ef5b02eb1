"""Checks of plans that no single slot can make: a row for every day it runs on, and what it needs beside it.

An extension that cannot do without dated rows, as a tax, has ``lacks_on(day) -> str``; one that must fit its scenario
has ``misfit(profile, others) -> str``, where ``others`` are all instances of the plan, one a slot. Both say what is
wrong, or nothing. Goods that are sold untaxed are worse than a server that says why it does not start.
"""

from collections.abc import Collection, Iterator
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from orderpage.engine.plan import CompiledSlot, Era, Plan, PlanSet, Slot
from orderpage.engine.problems import Problems


def check_plans(plans: PlanSet, at: datetime) -> None:
    """Of now and of all that is to come. Raises ``PackageErrors`` with file and line.

    What stands there already is asked about today alone: that its rows end some day is no mistake yet.
    """
    problems, seen = Problems(), set[tuple[str, date]]()
    standing = {id(each) for cell in plans.cells() if cell.era.holds(at) for each in _instances(cell.plan)}
    for cell in plans.cells():
        if cell.era.end is not None and cell.era.end <= at:
            continue
        day = _first_day(cell.plan, cell.era, at)
        if (cell.plan.digest, day) not in seen:
            seen.add((cell.plan.digest, day))
            _check(cell.plan, day, set() if cell.era.holds(at) else standing, problems)
    problems.check()


def _first_day(plan: Plan, era: Era, at: datetime) -> date:
    """On which the plan is used: by the site's own clock, as its pages count days."""
    first = at if era.start is None else max(at, era.start)
    return first.astimezone(ZoneInfo(plan.profile.timezone)).date()


def _check(plan: Plan, day: date, asked: Collection[int], problems: Problems) -> None:
    others = list(_instances(plan))
    for slot, compiled in _slots(plan):
        for what in _faults(compiled.instance, plan.profile, others, day, asked):
            problems.at(slot.origin, f"{slot.name!r}: {what}")


def _faults(instance: Any, profile: Any, others: list[Any], day: date, asked: Collection[int]) -> Iterator[str]:
    lacks, misfit = getattr(instance, "lacks_on", None), getattr(instance, "misfit", None)
    if lacks is not None and id(instance) not in asked and (what := lacks(day)):
        yield what
    if misfit is not None and (what := misfit(profile, others)):
        yield what


def _instances(plan: Plan) -> Iterator[Any]:
    for _, compiled in _slots(plan):
        yield compiled.instance


def _slots(plan: Plan) -> Iterator[tuple[Slot, CompiledSlot]]:
    for stage in plan.stages.values():
        yield from zip(stage.slots, stage.compiled, strict=True)
