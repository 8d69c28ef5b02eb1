"""What discounts can take off an option at most: the search for the cheapest selection leans on it.

All bounds are true whatever is selected elsewhere; a loose one costs time, a wrong one would hide a cheaper page.
"""

from collections.abc import Sequence

from orderpage.domain.shipping import Option
from orderpage.domain.tax import TaxRule, Treatment
from orderpage.pricing.discounts import Reach
from orderpage.pricing.goods import OptionCost
from orderpage.pricing.relief import Relief

_MILLION = 1_000_000


def at_the_least(option: Option, relief: Relief | None) -> int:
    """What the option costs at the least, before discounts by amount, whichever rules free its weight."""
    free = 0 if relief is None else option.freight + relief.later
    return option.freight + option.fee_total + option.later - free


def most_relief(cost: OptionCost, parcel: int, reaches: Sequence[Reach]) -> int:
    """What the rules that can free the option's weight take off it at most, now or later."""
    relief, method = cost.relief, cost.option.method.code
    if relief is None:
        return 0
    rules = [reach.rule for reach in reaches if reach.rule.relief is not None and parcel in reach.parcels]
    rules = [rule for rule in rules if not rule.methods or method in rule.methods]
    if relief.later:
        rules = [rule for rule in rules if rule.relief is not None and rule.relief.later]
    sure = tuple([rule.relief for rule in rules if rule.relief is not None and not rule.methods])
    possible = tuple([rule.relief for rule in rules if rule.relief is not None])
    return min(relief.later or cost.freight, relief.most(sure, possible))


def with_tax(discount: int, taxes: Sequence[TaxRule]) -> int:
    """What a discount on freight saves at the most, with the tax on it."""
    if not discount:
        return 0
    ppm = sum([_most_ppm(rule) for rule in taxes])
    return discount + -(-discount * ppm // _MILLION)


def _most_ppm(rule: TaxRule) -> int:
    return max([_ppm(treatment) for treatment in (rule.within, rule.beyond) if treatment is not None], default=0)


def _ppm(treatment: Treatment) -> int:
    """Of all components together, the later ones on the earlier ones as well."""
    by_code: dict[str, int] = {}
    for component in treatment.components:
        rate = max([component.rate_ppm, *component.by_hs.values()])
        base = _MILLION + sum([by_code[code] for code in component.on])
        by_code[component.code] = -(-rate * base // _MILLION)
    return sum(by_code.values())
