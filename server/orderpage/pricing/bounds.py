"""What discounts can take off an option at most: the search for the cheapest selection leans on it.

All bounds are true whatever is selected elsewhere; a loose one costs time, a wrong one would hide a cheaper page.
"""

from collections.abc import Sequence

from orderpage.domain.shipping import Option
from orderpage.domain.tax import TaxRule, Treatment
from orderpage.pricing.freight import Reach
from orderpage.pricing.goods import OptionCost
from orderpage.pricing.relief import Freed, Relief

_MILLION = 1_000_000


def at_the_least(option: Option, relief: Relief | None) -> int:
    """What the option costs at the least, before discounts by amount, whichever rules free its weight."""
    free = 0 if relief is None else option.freight + relief.later
    return option.freight + option.fee_total + option.later - free


def most_relief(cost: OptionCost, parcel: int, reaches: Sequence[Reach]) -> int:
    """What the rules that can free the option's weight take off it at most, now or later."""
    relief, method = cost.relief, cost.method
    if relief is None:
        return 0
    sure: list[Freed] = []
    possible: list[Freed] = []
    for reach in reaches:
        rule = reach.rule
        frees, methods = rule.relief, rule.methods
        if frees is None or parcel not in reach.parcels or (methods and method not in methods):
            continue
        if (relief.later and not frees.later) or not relief.touched_by(frees.lines):
            continue
        possible.append((frees.lines, frees.cap_g))
        if not methods:
            sure.append(possible[-1])
    return min(relief.later or cost.freight, relief.most(tuple(sure), tuple(possible))) if possible else 0


def with_tax(discount: int, ppm: int) -> int:
    """What a discount on freight saves at the most, with the tax on it (``most_ppm``)."""
    return discount + -(-discount * ppm // _MILLION)


def most_ppm(taxes: Sequence[TaxRule]) -> int:
    """The most that taxes add to a base, in parts per million of it."""
    treatments = [[each for each in (rule.within, rule.beyond) if each is not None] for rule in taxes]
    return sum([max(map(_ppm, each), default=0) for each in treatments])


def _ppm(treatment: Treatment) -> int:
    """Of all components together, the later ones on the earlier ones as well."""
    by_code: dict[str, int] = {}
    for component in treatment.components:
        rate = max([component.rate_ppm, *component.by_hs.values()])
        base = _MILLION + sum([by_code[code] for code in component.on])
        by_code[component.code] = -(-rate * base // _MILLION)
    return sum(by_code.values())
