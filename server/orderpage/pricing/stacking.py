"""Promotions that do not go together: every selection is priced under the set of them that stands.

A set is as large as can be; which one stands is decided for each selection, inside ``total(selection)``, so that what
switching an option shows is exact here too. No set stands against a promotion outside of it that takes something and is
of higher priority than all that it is at odds with; among the others what the buyer pays decides, then the codes. Few
sets are all priced. Of many, each group of promotions at odds is settled by itself, again and again while another set
of one group makes the page better: exact where groups leave one another alone.
"""

from collections.abc import Sequence
from itertools import product
from math import prod

from orderpage.domain.discount import Adjustment, DiscountRule, Target
from orderpage.domain.page import PricedOption, Totals
from orderpage.domain.progress import Progress
from orderpage.domain.tax import TaxLine, TaxRule
from orderpage.pricing.bounds import at_the_least, most_ppm, with_tax
from orderpage.pricing.evaluation import Evaluation, Switched, priced
from orderpage.pricing.goods import Costing
from orderpage.pricing.options import PricedParcel
from orderpage.pricing.selection import MOST_TRIED, Selection, competing, switch, switches
from orderpage.pricing.together import MOST_SETS, Kept, Together, together
from orderpage.pricing.total import Pricer

_MOST_ROUNDS = 8
"""How often every group is settled anew under a selection, so that a page's time is bounded."""

_Standing = tuple[Kept, ...]
"""One set of each group."""


def pricer_of(parcels: Sequence[PricedParcel], discounts: Sequence[DiscountRule], taxes: Sequence[TaxRule]) -> "Priced":
    """Prices the selections of one division into parcels, whatever its discounts say of one another."""
    return pricer_under(parcels, together(discounts), taxes)


def pricer_under(
    parcels: Sequence[PricedParcel], discounts: Together, taxes: Sequence[TaxRule], costing: Costing | None = None
) -> "Priced":
    """The same where it is known what goes together: a page's divisions share that. ``costing``: see ``Pricer``."""
    if not discounts.groups:
        return Pricer(parcels, discounts.rules, taxes, costing)
    return StackedPricer(parcels, discounts, taxes, costing)


class StackedPricer:
    """``Pricer`` over several sets of discounts, of which one stands under each selection."""

    parcels_are_apart = False

    def __init__(
        self,
        parcels: Sequence[PricedParcel],
        discounts: Together,
        taxes: Sequence[TaxRule],
        costing: Costing | None = None,
    ) -> None:
        self.costing = costing or Costing(parcels, taxes)
        self._parcels = parcels
        self._together = discounts
        self._taxes = taxes
        self._options = [len(priced.options) for priced in parcels]
        self._competing = [competing(priced.options) for priced in parcels]
        rules, groups = [rule for rule in discounts.rules if not rule.given], discounts.groups
        self._priority = {rule.promotion: rule.stacking.priority if rule.stacking else 0 for rule in rules}
        self._rules_of = {code: [rule.code for rule in rules if rule.promotion == code] for code in self._priority}
        self._by_cost = all(len({self._priority[code] for code in group.at_odds}) == 1 for group in groups)
        self._first: _Standing = tuple([group.sets[0] for group in groups])
        few = all(len(group.sets) > 1 for group in groups) and prod([len(group.sets) for group in groups]) <= MOST_SETS
        self._all: list[_Standing] = list(product(*[group.sets for group in groups])) if few else []
        self._pricers: dict[_Standing, Pricer] = {}
        self._codes: dict[_Standing, list[str]] = {}
        self._taken: dict[tuple[_Standing, Selection], frozenset[str]] = {}
        self._standing: dict[Selection, Pricer] = {}
        self._switched: dict[tuple[Selection, int], list[Switched]] = {}

    @property
    def lists_all(self) -> bool:
        """Whether every set is priced; where there are too many, one that no exchange makes better stands."""
        return bool(self._all)

    def standing(self, selection: Selection) -> Pricer:
        """The pricer of the set that stands under the selection."""
        known = self._standing.get(selection)
        if known is None:
            if not self._all:
                stands = self._settled(selection)
            elif self._by_cost:
                stands = self._cheapest_set(selection)
            else:
                stands = min(self._all, key=lambda each: self._rank(each, selection))
            known = self._standing[selection] = self._pricer(stands)
        return known

    def _cheapest_set(self, selection: Selection) -> _Standing:
        """Where only costs decide: a set that cannot cost as little as another is not priced."""
        best = self._cost(self._all[0], selection)
        for stands in self._all[1:]:
            if self._pricer(stands).may_cost(selection, best[0]):
                best = min(best, self._cost(stands, selection))
        return best[2]

    def _cost(self, stands: _Standing, selection: Selection) -> tuple[int, list[str], _Standing]:
        return self._pricer(stands).cost(selection), self._codes[stands], stands

    def _settled(self, selection: Selection) -> _Standing:
        """Of many sets one that no other set of a single group makes better."""
        best = self._first
        for _ in range(_MOST_ROUNDS):
            before = best
            for place, group in enumerate(self._together.groups):
                others = [(*best[:place], kept, *best[place + 1 :]) for kept in group.instead(best[place])]
                best = min([best, *others], key=lambda each: self._rank(each, selection))
            if best == before:
                break
        return best

    def _pricer(self, stands: _Standing) -> Pricer:
        known = self._pricers.get(stands)
        if known is None:
            rules = self._together.standing(stands)
            known = self._pricers[stands] = Pricer(self._parcels, rules, self._taxes, self.costing)
            self._codes[stands] = sorted([code for kept in stands for code in kept])
        return known

    def _rank(self, stands: _Standing, selection: Selection) -> tuple[bool, int, list[str]]:
        cost, codes, _ = self._cost(stands, selection)
        return not self._by_cost and self._is_beaten(stands, selection), cost, codes

    def _is_beaten(self, stands: _Standing, selection: Selection) -> bool:
        """Whether a promotion outside takes something, and is of higher priority than all that do and that it is at
        odds with.
        """
        taking = self._taking(stands, selection)
        for place, (group, kept) in enumerate(zip(self._together.groups, stands, strict=True)):
            for code, apart in group.at_odds.items():
                rivals = [self._priority[rival] for rival in apart & kept & taking]
                if code in kept or (rivals and self._priority[code] <= max(rivals)):
                    continue
                instead = (*stands[:place], group.exchanged(kept, code), *stands[place + 1 :])
                if code in self._taking(instead, selection):
                    return True
        return False

    def _taking(self, stands: _Standing, selection: Selection) -> frozenset[str]:
        """The promotions that take something under the set."""
        known = self._taken.get((stands, selection))
        if known is None:
            taken = self._pricer(stands).taken(selection)
            taking = [code for code, rules in self._rules_of.items() if any(rule in taken for rule in rules)]
            known = self._taken[stands, selection] = frozenset(taking)
        return known

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
        """What no selection can cost less than; of many sets, as if all discounts were taken whole."""
        if self._all:
            return min([self._pricer(each).at_least() for each in self._all])
        off = {target: sum([r.amount for r in self._together.rules if r.target is target]) for target in Target}
        goods = sum([item.amount for priced in self._parcels for item in priced.parcel.items])
        able = [
            [option for index, option in enumerate(priced.relieved()) if index in indices]
            for priced, indices in zip(self._parcels, self._competing, strict=True)
        ]
        least = sum([min([at_the_least(*option) for option in options]) for options in able])
        return least + max(0, goods - off[Target.GOODS]) - with_tax(off[Target.FREIGHT], most_ppm(self._taxes))

    def cheapest(self) -> Selection:
        """The cheapest of what each set finds cheapest, improved while a single change makes it cheaper.

        Of many sets two are asked: the first, and what stands under what that one finds.
        """
        few = prod(map(len, self._competing)) <= MOST_TRIED
        if self._all and few and not self._by_cost:
            return self._cheapest_that_stands()
        if self._all and self._by_cost:
            best = self._cheapest_of_all()
            if few:
                return best  # each set has tried what could be cheaper
        else:
            some = [self._pricer(each) for each in self._all or [self._first]]
            if not self._all:
                some.append(self.standing(some[0].cheapest()))
            best = min([pricer.cheapest() for pricer in some], key=lambda each: (self.cost(each), each))
        while True:
            switched = [switch(best, place, index) for place, able in enumerate(self._competing) for index in able]
            cheaper = min([best, *switched], key=lambda each: (self.cost(each), each))
            if self.cost(cheaper) >= self.cost(best):
                return best
            best = cheaper

    def _cheapest_that_stands(self) -> Selection:
        """Where a dearer set may stand, so that no set's own cheapest says anything."""
        pricers = [self._pricer(each) for each in self._all]
        start = tuple([able[0] for able in self._competing])
        best = self.cost(start), start
        for selection in product(*self._competing):
            if any(pricer.may_cost(selection, best[0]) for pricer in pricers):
                best = min(best, (self.cost(selection), selection))
        return best[1]

    def _cheapest_of_all(self) -> Selection:
        """Where the cheapest set stands. The most promising set first: one that cannot be cheaper is not searched."""
        pricers = sorted([self._pricer(each) for each in self._all], key=Pricer.at_least)
        selection = pricers[0].cheapest()
        best = pricers[0].cost(selection), selection
        for pricer in pricers[1:]:
            if pricer.at_least() > best[0]:
                break
            selection = pricer.cheapest(best[0])
            best = min(best, (pricer.cost(selection), selection))
        return best[1]

    def price_options(self, selection: Selection, parcel: int) -> tuple[PricedOption, ...]:
        """As ``Pricer.price_options``: each option under the set that stands when it is selected."""
        return priced(self.switched(selection, parcel), selection[parcel])

    def tax_lines(self, selection: Selection, parcel: int) -> list[tuple[TaxLine, ...]]:
        """As ``Pricer.tax_lines``."""
        return [each.due.lines for each in self.switched(selection, parcel)]

    def switched(self, selection: Selection, parcel: int) -> Sequence[Switched]:
        """The page under each option of a parcel, remembered."""
        known = self._switched.get((selection, parcel))
        if known is None:
            switched = switches(selection, parcel, self._options[parcel])
            known = [self.standing(each).under(each, parcel) for each in switched]
            self._switched[selection, parcel] = known
        return known

    def totals(self, selection: Selection) -> Totals:
        """The page's totals under the selection."""
        return self.standing(selection).totals(selection)

    def net_by_line(self, selection: Selection) -> dict[str, int]:
        """Each line's amount after goods discounts."""
        return self.standing(selection).net_by_line(selection)

    def adjustments(self, selection: Selection) -> tuple[Adjustment, ...]:
        """Every discount that stands and takes something."""
        return self.standing(selection).adjustments(selection)

    def promises(self, selection: Selection) -> tuple[Adjustment, ...]:
        """As ``Pricer.promises``."""
        return self.standing(selection).promises(selection)

    def progress(self, selection: Selection, rules: Sequence[DiscountRule]) -> tuple[Progress, ...]:
        """As ``Pricer.progress``."""
        return self.standing(selection).progress(selection, rules)


Priced = Pricer | StackedPricer
"""What prices the selections of a division."""
