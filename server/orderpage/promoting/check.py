"""Checks of promotions that no single layer can make: each code once, and what they say of one another fits.

An extension at ``discount`` says in ``promotes`` which promotions it makes rules of, and in ``personal`` which codes
are coupons of one buyer, whose tokens a slot at ``load`` must check, and in ``capped`` which names it has only so much
of for all buyers, whose units a slot at ``load`` must count; one at ``load`` says in ``suggests_for`` whose thresholds
its add-on goods are for. It is optional: what is not said is not checked here, and the page settles it.
"""

from collections.abc import Iterator
from typing import Any

from orderpage import facts, points
from orderpage.domain.discount import Stacking
from orderpage.engine.plan import Plan, PlanSet, Slot
from orderpage.engine.point import Fact
from orderpage.engine.problems import Problems, one_of


def check_promotions(plans: PlanSet) -> None:
    """Raises ``PackageErrors`` with file and line."""
    problems = Problems()
    known = {stacking.code for plan in plans.plans for _, stacking in _promoted(plan)}
    for plan in plans.plans:
        _check_plan(plan, known, problems)
        _check_tokens(plan, problems)
        _check_caps(plan, problems)
        for slot, code in _suggested(plan):
            if code not in known:
                message = f"{slot.name!r} tops up to promotion {code!r}, which nobody makes in any scenario"
                problems.at(slot.origin, f"{message}; {one_of(code, known)}")
    problems.check()


def _check_plan(plan: Plan, known: set[str], problems: Problems) -> None:
    by_code: dict[str, tuple[Slot, Stacking]] = {}
    for slot, stacking in _promoted(plan):
        # Slots of equal settings share an instance, so it is not by that that one is told from another.
        if stacking.code in by_code:
            first, _ = by_code[stacking.code]
            where = f"{first.name!r} of {first.origin.file}:{first.origin.line}"
            problems.at(slot.origin, f"{slot.name!r} has the promotion code {stacking.code!r} of {where}; rename one")
        by_code.setdefault(stacking.code, (slot, stacking))
        for code in sorted((stacking.excludes | stacking.stacks_with) - known):
            message = f"{slot.name!r} speaks of promotion {code!r}, which nobody makes in any scenario"
            problems.at(slot.origin, f"{message}; {one_of(code, known)}")
    for slot, stacking in by_code.values():
        for other_slot, other in (by_code[code] for code in sorted(by_code) if code != stacking.code):
            if message := _at_odds(stacking, other):
                where = f"{other_slot.origin.file}:{other_slot.origin.line}"
                problems.at(slot.origin, f"{slot.name!r} and {other_slot.name!r} of {where} contradict: {message}")


def _at_odds(one: Stacking, other: Stacking) -> str:
    """What contradicts between the two, as the first says it; nothing where it is the other's to say."""
    if other.code in one.stacks_with and one.code in other.excludes:
        return f"{one.code} stacks with {other.code}, which excludes it; keep one of the two"
    if other.code in one.stacks_with and other.stacks_with and one.code not in other.stacks_with:
        return f"{one.code} stacks with {other.code}, which stacks with others only; name {one.code} there as well"
    mutual = other.code in one.excludes and one.code in other.excludes
    if mutual and one.priority == other.priority and one.code < other.code:
        return f"each of {one.code} and {other.code} excludes the other; say it once, or give one a higher priority"
    return ""


def _check_tokens(plan: Plan, problems: Problems) -> None:
    """Without a slot that checks tokens no buyer could ever use a personal coupon."""
    if not _filled(plan, facts.COUPONS):
        for slot, code in _said(plan, points.DISCOUNT.name, "personal"):
            message = f"{slot.name!r} has the personal coupon {code!r}, and nothing at `load` checks its tokens"
            problems.at(slot.origin, f"{message}; add a coupon book, a slot at `load` that fills the fact `coupons`")


def _check_caps(plan: Plan, problems: Problems) -> None:
    """Without a slot that counts, pages would go on to offer what is used up, and Submit refuse every order of it."""
    if not _filled(plan, facts.CAPS):
        for slot, name in _said(plan, points.DISCOUNT.name, "capped"):
            message = f"{slot.name!r} has only so much of {name!r} for all buyers, and nothing at `load` counts it"
            problems.at(slot.origin, f"{message}; add a slot that fills the fact `caps`, such as `promotion.caps`")


def _filled(plan: Plan, fact: Fact[Any]) -> bool:
    load = plan.stages.get(points.LOAD.name)
    return load is not None and fact in load.fills


def _promoted(plan: Plan) -> Iterator[tuple[Slot, Stacking]]:
    return _said(plan, points.DISCOUNT.name, "promotes")


def _suggested(plan: Plan) -> Iterator[tuple[Slot, str]]:
    return _said(plan, points.LOAD.name, "suggests_for")


def _said(plan: Plan, point: str, attribute: str) -> Iterator[tuple[Slot, Any]]:
    """What the instances of a point say in the attribute, each with its slot."""
    for slot, compiled in plan.placed(point):
        said = getattr(compiled.instance, attribute, ())
        for each in said if isinstance(said, tuple) else sorted(said):
            yield slot, each
