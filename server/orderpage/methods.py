"""Checks of method codes that no single layer can make: each is offered once, and nothing speaks of one that nobody
offers.

An extension at ``offer`` says in ``offers`` which codes it may answer with; any extension says in ``speaks_of`` which
codes its settings name. Both are optional: what is not said is not checked. The profile says what carriers cost. A
method that a layer removed, as to switch it off for a while, may still be spoken of; its slot is known by its name and
its setting ``code``.
"""

from collections.abc import Iterator

from orderpage import points
from orderpage.engine.plan import Plan, PlanSet, Slot
from orderpage.engine.problems import Problems, one_of


def check_methods(plans: PlanSet) -> None:
    """Raises ``PackageErrors`` with file and line."""
    problems = Problems()
    offered: set[str] = set()
    for plan in plans.plans:
        offered |= _check_offers(plan, problems)
    known = offered | set(_removed(plans))
    for plan in plans.plans:
        for slot, compiled in plan.placed():
            for code in sorted(set(getattr(compiled.instance, "speaks_of", ())) - known):
                message = f"{slot.name!r} speaks of method {code!r}, which nobody offers in any scenario"
                problems.at(slot.origin, f"{message}; {one_of(code, offered)}")
        for code in sorted(set(plan.profile.settlement.carrier_costs) - known):
            message = (
                f"profile: settlement.carrier_costs speaks of method {code!r}, which nobody offers in any scenario"
            )
            origin = plan.profile_origin(("settlement", "carrier_costs", code))
            problems.at(origin, f"{message}; {one_of(code, offered)}")
    problems.check()


def _removed(plans: PlanSet) -> Iterator[str]:
    for cell in plans.cells():
        for slot in cell.resolution.removed.get(points.OFFER.name, ()):
            yield slot.name
            yield str(slot.settings.get("code", slot.name))


def _check_offers(plan: Plan, problems: Problems) -> set[str]:
    """The codes that the plan offers; notes those that two slots offer."""
    by_code: dict[str, Slot] = {}
    for slot, compiled in plan.placed(points.OFFER.name):
        for code in getattr(compiled.instance, "offers", ()):
            first = by_code.setdefault(code, slot)
            if first is not slot:
                where = f"{first.name!r} of {first.origin.file}:{first.origin.line}"
                problems.at(slot.origin, f"{slot.name!r} offers method {code!r}, which {where} offers too; rename one")
    return set(by_code)
