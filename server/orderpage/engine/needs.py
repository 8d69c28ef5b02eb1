"""Checks that every fact a plan needs is filled, once, before it is needed."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from orderpage.engine.plan import CompiledSlot, Origin, Plan, Stage
from orderpage.engine.point import Fact, Point
from orderpage.engine.problems import Problems

Filled = dict[Fact[Any], tuple[Origin, str]]


def check_facts(
    plan: Plan,
    points: Sequence[Point[Any, Any]],
    *,
    given: Collection[Fact[Any]],
    wanted: Collection[Fact[Any]],
    problems: Problems,
    example: str,
) -> None:
    """Note each fact that is needed but not filled by an earlier point, or filled twice. The host gives ``given``."""
    stages = [plan.stages[point.name] for point in points if point.name in plan.stages]
    stages = [stage for stage in stages if stage.needs or stage.fills]
    anywhere = {fact: stage.point.name for stage in stages for fact in stage.fills}
    filled: Filled = {}
    for stage in stages:
        for index, slot in enumerate(stage.compiled):
            for fact in slot.needs:
                if fact not in given and fact not in filled and not (fact.optional and fact not in anywhere):
                    message = f"extension {slot.extension!r} needs fact {fact.name!r}, {_why(fact, stage, anywhere)}"
                    problems.at(stage.slots[index].origin, message, example)
        for index, slot in enumerate(stage.compiled):
            _fill(filled, slot, stage.slots[index].origin, problems, example)
    for fact in wanted:
        if fact not in given and fact not in filled:
            message = f"the host needs fact {fact.name!r}, which no slot fills; add an extension that does"
            problems.add("layers", 0, message, example)


def _fill(filled: Filled, slot: CompiledSlot, origin: Origin, problems: Problems, example: str) -> None:
    if slot.fills is None:
        return
    if slot.fills in filled and not slot.fills.by_slot:
        other, name = filled[slot.fills]
        message = f"{slot.name!r} fills fact {slot.fills.name!r}, which {name!r} of {other} fills too; remove one"
        problems.at(origin, message, example)
    filled.setdefault(slot.fills, (origin, slot.name))


def _why(fact: Fact[Any], stage: Stage, anywhere: dict[Fact[Any], str]) -> str:
    here = stage.point.name
    if fact in anywhere:
        return f"which is filled only at {anywhere[fact]}, not before {here}; fill it earlier, or need it later"
    if fact.name in _names(anywhere):
        return "and another fact of that name is filled; import the Fact that its extension declares"
    return f"which nobody fills before {here}; add an extension that fills it"


def _names(facts: Iterable[Fact[Any]]) -> set[str]:
    return {fact.name for fact in facts}
