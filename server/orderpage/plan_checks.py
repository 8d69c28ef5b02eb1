"""Checks of plans that no single slot can make: a row for every day it runs on, and what it needs beside it.

An extension that cannot do without dated rows, as a tax, has ``lacks_on(day) -> str``; one that must fit its scenario
has ``misfit(profile, others) -> str``, where ``others`` are all instances of the plan, one a slot. Both say what is
wrong, or nothing. The dated rows of a profile are asked alike. Goods that are sold untaxed, or without commission, are
worse than a server that says why it does not start.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from orderpage.domain.dated import Dated, row_on
from orderpage.engine.plan import Era, Plan, PlanSet
from orderpage.engine.problems import Problems


def check_plans(plans: PlanSet, at: datetime) -> None:
    """Of now and of all that is to come. Raises ``PackageErrors`` with file and line.

    Each is asked about the first day on which it stands: that its rows end some day is no mistake yet.
    """
    problems, standing = Problems(), _Standing()
    for era, cells in groupby(plans.cells(), lambda cell: cell.era):
        if era.end is None or era.end > at:
            plans_of_era = {cell.plan.digest: cell.plan for cell in cells}.values()
            for plan in plans_of_era:
                _check(plan, _first_day(plan, era, at), standing, problems)
            standing.add(plans_of_era)
    problems.check()


def _first_day(plan: Plan, era: Era, at: datetime) -> date:
    """On which the plan is used: by the site's own clock, as its pages count days."""
    first = at if era.start is None else max(at, era.start)
    return first.astimezone(ZoneInfo(plan.profile.timezone)).date()


class _Standing:
    """What has been asked: instances by identity, and the dated rows of profiles."""

    def __init__(self) -> None:
        self.instances = set[int]()
        self.rows = set[Sequence[Dated]]()

    def add(self, plans: Iterable[Plan]) -> None:
        for plan in plans:
            self.instances.update(id(each) for each in _instances(plan))
            self.rows.update(plan.profile.dated.values())


def _check(plan: Plan, day: date, asked: _Standing, problems: Problems) -> None:
    others = list(_instances(plan))
    for slot, compiled in plan.placed():
        for what in _faults(compiled.instance, plan.profile, others, day, asked):
            problems.at(slot.set_by, f"{slot.name!r}: {what}")
    for path, rows in plan.profile.dated.items():
        if rows not in asked.rows and row_on(rows, day) is None:
            message = f"profile: {'.'.join(path)} has no row for {day}; add one, or write [] where none is wanted"
            problems.at(plan.profile_origin(path), message)


def _faults(instance: Any, profile: Any, others: list[Any], day: date, asked: _Standing) -> Iterator[str]:
    lacks, misfit = getattr(instance, "lacks_on", None), getattr(instance, "misfit", None)
    if lacks is not None and id(instance) not in asked.instances and (what := lacks(day)):
        yield what
    if misfit is not None and (what := misfit(profile, others)):
        yield what


def _instances(plan: Plan) -> Iterator[Any]:
    for _, compiled in plan.placed():
        yield compiled.instance
