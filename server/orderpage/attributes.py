"""What an extension tells the host beside its answers: attributes of its instance, or of its class. All are optional.

The host reads no other, so a name that nearly is one of these is taken for a mistake: what nobody reads is silently not
said. An attribute that is the extension's own affair may begin with an underscore, and is then never asked about.
"""

from collections.abc import Iterator
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

from orderpage.engine.extension import spec_of
from orderpage.engine.plan import PlanSet
from orderpage.engine.problems import Problems

ATTRIBUTES = {
    # anywhere
    "speaks_of": "method codes that its settings name: each must be offered in some scenario",
    "data_until": "`date`: the last day that its data know, None for ever; operators are told in time",
    "data_digest": "`str`: names the data it reads besides its settings; other data make another plan",
    "lacks_on": "`lacks_on(day) -> str`: what it misses on that day, such as a dated row; a plan that lacks is refused",
    "misfit": "`misfit(profile, others) -> str`: what is wrong with its scenario, or with the instances beside it",
    "secrets": "names of the secrets that it asks `RemotePort` for: those not set are told at start and by `matrix`",
    # at load and ask
    "budget_ms": "how long a page waits for it, in place of the `budget_ms` of its `@extends`",
    "protocols": "`http`, `grpc`: what it calls others by, made ready before the first page",
    "suggests_for": "at load: codes of the promotions that its add-on goods are for",
    # at offer
    "offers": "method codes that it may answer with: each is offered once in a scenario",
    "loads": "`Load`s: what travels together by its methods; carts are divided by them",
    # at discount
    "promotes": "`Stacking`s of the promotions that it makes rules of: codes, and what they exclude",
    "personal": "codes of coupons of one buyer, whose tokens a slot that fills the fact `coupons` checks",
    "capped": "names of each `Cap` that its rules use up, which a slot that fills the fact `caps` counts",
}
"""Name to what it is, and what the host does about it."""

_LIKENESS = 0.8
"""Above it a name is taken for another one: `speaks_off`, `offer`, `promote`, `budget`; not `routes` or `offered`."""


def check_attributes(plans: PlanSet) -> None:
    """Raises ``PackageErrors``, at the line that uses the extension, for attributes that are nearly known ones."""
    problems, seen = Problems(), set[int]()
    for plan in plans.plans:
        for slot, compiled in plan.placed():
            if id(compiled.instance) not in seen:
                seen.add(id(compiled.instance))
                for what in mistaken(compiled.instance):
                    problems.at(slot.origin, what)
    problems.check()


def mistaken(instance: Any) -> Iterator[str]:
    """What is wrong with an extension's attributes, and what to do."""
    cls = type(instance)
    spec = spec_of(cls)
    called = {hook.method for hook in spec.hooks.values()} if spec is not None else set()
    for name in dir(instance):
        if not name.startswith("_") and name not in called and (meant := _meant(name)):
            whose = f"extension {spec.name!r} ({cls.__qualname__})" if spec is not None else cls.__qualname__
            yield (
                f"{whose} has the attribute {name!r}, which nobody reads; did you mean {meant!r}? "
                f"Otherwise name it {'_' + name!r}"
            )


@lru_cache(maxsize=4096)
def _meant(name: str) -> str:
    """The attribute that such a name nearly is; nothing for one that is known, or is like none."""
    if name in ATTRIBUTES:
        return ""
    close = get_close_matches(name, ATTRIBUTES, n=1, cutoff=_LIKENESS)
    return close[0] if close else ""
