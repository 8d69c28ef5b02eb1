"""Promotions that do not go together: every selection is priced under the set of them that stands.

A set is as large as can be; which one stands is decided for each selection, inside ``total(selection)``, so that what
switching an option shows is exact here too. First the promotions of higher priority that take something, then what the
buyer pays, then the codes.
"""

from collections.abc import Iterator, Sequence
from itertools import islice

from msgspec.structs import replace

from orderpage.domain.discount import Adjustment, DiscountRule
from orderpage.domain.page import PricedOption, Totals
from orderpage.domain.progress import Progress
from orderpage.domain.tax import TaxLine, TaxRule
from orderpage.pricing.evaluation import Evaluation
from orderpage.pricing.options import PricedParcel
from orderpage.pricing.total import Pricer, Selection, competing, switch

_MOST_SETS = 16
"""Sets that are priced; further ones are not looked at, so that a page's time is bounded."""


def pricer_of(parcels: Sequence[PricedParcel], discounts: Sequence[DiscountRule], taxes: Sequence[TaxRule]) -> "Priced":
    """Prices the selections of one division into parcels, whatever its discounts say of one another."""
    if all(rule.stacking is None for rule in discounts):
        return Pricer(parcels, discounts, taxes)
    sets = standing_together(discounts)
    return Pricer(parcels, sets[0], taxes) if len(sets) == 1 else StackedPricer(parcels, sets, taxes)


def standing_together(rules: Sequence[DiscountRule]) -> list[tuple[DiscountRule, ...]]:
    """The largest sets of rules that all go together, by code: at most so many as are priced. What was given before
    is in each.
    """
    codes = sorted({rule.promotion for rule in rules if not rule.given})
    at_odds = {code: {other for other in codes if not _together(code, other, rules)} for code in codes}
    found = islice(_largest(frozenset(), codes, frozenset(), at_odds), _MOST_SETS)
    return [tuple([rule for rule in rules if rule.given or rule.promotion in kept]) for kept in found]


def _together(code: str, other: str, rules: Sequence[DiscountRule]) -> bool:
    if code == other:
        return True
    said = [(rule.stacking, rule.promotion) for rule in rules if rule.promotion in (code, other)]
    return all(stacking is None or stacking.allows(other if own == code else code) for stacking, own in said)


def _largest(
    kept: frozenset[str], open_: Sequence[str], left_out: frozenset[str], at_odds: dict[str, set[str]]
) -> Iterator[frozenset[str]]:
    """Bron and Kerbosch: sets of codes none of which is at odds with another, and to which none can be added."""
    if not open_ and not left_out:
        yield kept
    for place, code in enumerate(open_):
        apart = at_odds[code]
        before = frozenset(open_[:place]) | left_out
        later = [other for other in open_[place + 1 :] if other not in apart]
        yield from _largest(kept | {code}, later, before - apart, at_odds)


class StackedPricer:
    """``Pricer`` over several sets of discounts, of which one stands under each selection."""

    parcels_are_apart = False

    def __init__(
        self, parcels: Sequence[PricedParcel], sets: Sequence[Sequence[DiscountRule]], taxes: Sequence[TaxRule]
    ) -> None:
        """``sets`` in the order in which equal ones stand."""
        self._options = [len(priced.options) for priced in parcels]
        self._competing = [competing(priced.options) for priced in parcels]
        self._pricers = [Pricer(parcels, each, taxes) for each in sets]
        rules = [rule for each in sets for rule in each if not rule.given]
        self._priority = {rule.code: rule.stacking.priority if rule.stacking else 0 for rule in rules}
        self._levels = sorted(set(self._priority.values()) - {min(self._priority.values())}, reverse=True)
        self._standing: dict[Selection, Pricer] = {}

    def standing(self, selection: Selection) -> Pricer:
        """The pricer of the set that stands under the selection."""
        known = self._standing.get(selection)
        if known is None:
            ranked = [(*self._rank(pricer, selection), place) for place, pricer in enumerate(self._pricers)]
            known = self._standing[selection] = self._pricers[min(ranked)[-1]]
        return known

    def _rank(self, pricer: Pricer, selection: Selection) -> tuple[tuple[int, ...], int]:
        if not self._levels:
            return (), pricer.cost(selection)
        taken = [self._priority.get(each.code) for each in pricer.adjustments(selection)]
        return tuple([-taken.count(level) for level in self._levels]), pricer.cost(selection)

    def total(self, selection: Selection) -> int:
        """What the page costs under the selection."""
        return self.standing(selection).total(selection)

    def cost(self, selection: Selection) -> int:
        """The same with what is charged later."""
        return self.standing(selection).cost(selection)

    def evaluate(self, selection: Selection) -> Evaluation:
        """The page's money under the selection."""
        return self.standing(selection).evaluate(selection)

    def at_least(self) -> int:
        """What no selection can cost less than."""
        return min([pricer.at_least() for pricer in self._pricers])

    def cheapest(self) -> Selection:
        """The cheapest of what each set finds cheapest, improved while a single change makes it cheaper."""
        best = min([pricer.cheapest() for pricer in self._pricers], key=lambda each: (self.cost(each), each))
        while True:
            switched = [switch(best, place, index) for place, able in enumerate(self._competing) for index in able]
            cheaper = min([best, *switched], key=lambda each: (self.cost(each), each))
            if self.cost(cheaper) >= self.cost(best):
                return best
            best = cheaper

    def price_options(self, selection: Selection, parcel: int) -> tuple[PricedOption, ...]:
        """As ``Pricer.price_options``: each option under the set that stands when it is selected."""
        rest = self.standing(selection).price_options(selection, parcel)[selection[parcel]].landed - self.total(
            selection
        )
        priced = []
        for index in range(self._options[parcel]):
            switched = switch(selection, parcel, index)
            option = self.standing(switched).price_options(switched, parcel)[index]
            priced.append(replace(option, landed=rest + self.total(switched)))
        return tuple(priced)

    def tax_lines(self, selection: Selection, parcel: int, priced: Sequence[PricedOption]) -> list[tuple[TaxLine, ...]]:
        """As ``Pricer.tax_lines``."""
        switches = [switch(selection, parcel, index) for index in range(self._options[parcel])]
        return [self.standing(each).tax_lines(each, parcel, priced)[index] for index, each in enumerate(switches)]

    def totals(self, selection: Selection) -> Totals:
        """The page's totals under the selection."""
        return self.standing(selection).totals(selection)

    def net_by_line(self, selection: Selection) -> dict[str, int]:
        """Each line's amount after goods discounts."""
        return self.standing(selection).net_by_line(selection)

    def adjustments(self, selection: Selection) -> tuple[Adjustment, ...]:
        """Every discount that stands and takes something."""
        return self.standing(selection).adjustments(selection)

    def progress(self, selection: Selection, rules: Sequence[DiscountRule]) -> tuple[Progress, ...]:
        """As ``Pricer.progress``."""
        return self.standing(selection).progress(selection, rules)


Priced = Pricer | StackedPricer
"""What prices the selections of a division."""
