"""A page's money under one selection, as its parcels' options come together: discounts shared, limits tested."""

from collections.abc import Sequence
from itertools import repeat
from operator import add, attrgetter

import msgspec
from msgspec.structs import replace

from orderpage.domain.page import PricedOption
from orderpage.pricing.freight import FreightCuts, Reach, cut_freight
from orderpage.pricing.goods import OptionCost
from orderpage.pricing.taxes import Due, Elsewhere, beside, summed

_FREIGHT, _METHOD, _RELIEF = attrgetter("freight"), attrgetter("method"), attrgetter("relief")

UNCUT = FreightCuts((0,), (), ())
"""Of one parcel."""


class Evaluation(msgspec.Struct, frozen=True, gc=False):
    """A page's money under one selection: each parcel's freight discount (zero or negative), the total, and what it
    costs to the door: with what the border takes and what is charged later.

    ``laters`` are what is promised off each parcel's freight that is charged later; empty where nothing is.
    ``elsewhere`` is, where tax law adds parcels up, what each one's limits count of the others; else empty.
    """

    discounts: tuple[int, ...]
    total: int
    to_the_door: int
    laters: tuple[int, ...] = ()
    elsewhere: tuple[Elsewhere, ...] = ()

    def due(self, parcel: int, cost: OptionCost) -> Due:
        """The tax of a parcel by its option."""
        off = self.discounts[parcel] + (self.laters[parcel] if self.laters else 0)
        return cost.due(off, self.elsewhere[parcel] if self.elsewhere else ())

    def share(self, parcel: int, cost: OptionCost) -> int:
        """What the parcel adds to the total: goods, freight and fees after discounts, tax that is collected."""
        moved = self.due(parcel, cost).collected if cost.moves else 0
        return cost.fixed + self.discounts[parcel] + moved


class FreightRules(msgspec.Struct, frozen=True, gc=False):
    """The rules on freight that can apply to a page, and what they read of its options."""

    reaches: Sequence[Reach]
    methods_matter: bool
    weight_matters: bool

    @classmethod
    def of(cls, reaches: Sequence[Reach]) -> "FreightRules":
        """Those, in the order in which they apply."""
        rules = [reach.rule for reach in reaches]
        return cls(reaches, any(rule.methods for rule in rules), any(rule.relief for rule in rules))

    def cut(self, chosen: Sequence[OptionCost]) -> FreightCuts:
        """As ``cut_freight``, of the chosen options."""
        methods = list(map(_METHOD, chosen)) if self.methods_matter else ()
        reliefs = list(map(_RELIEF, chosen)) if self.weight_matters else ()
        return cut_freight(list(map(_FREIGHT, chosen)), methods, self.reaches, reliefs)


def evaluated(chosen: Sequence[OptionCost], cuts: FreightCuts, combining: int) -> Evaluation:
    """The page with those options after those cuts, where so many tax rules add parcels up (``combining``)."""
    later = cuts.later
    total, beyond = sum(cuts.off), sum(later)
    # The law looks at what is paid for the carriage, now or later.
    off = tuple(map(add, cuts.off, later)) if later else cuts.off
    elsewhere = _elsewhere(chosen, off, combining) if combining else ()
    for cost, discount, others in zip(chosen, off, elsewhere or repeat(()), strict=False):
        total += cost.fixed
        beyond += cost.beyond
        if cost.moves:
            due = cost.due(discount, others) if others else cost.tax[cost.carriage + discount]
            total += due.collected
            beyond += due.border
    return Evaluation(cuts.off, total, total + beyond, later, elsewhere)


def _elsewhere(chosen: Sequence[OptionCost], discounts: Sequence[int], combining: int) -> tuple[Elsewhere, ...]:
    """What one parcel owes depends on what the others hold."""
    counted = [
        cost.tax.counted(cost.carriage + discount, combining) for cost, discount in zip(chosen, discounts, strict=True)
    ]
    whole = summed(counted)
    return tuple([beside(whole, own) for own in counted])


class Switched(msgspec.Struct, frozen=True, gc=False):
    """The ``page`` with a ``parcel`` under one of its options, which has that ``cost``."""

    parcel: int
    cost: OptionCost
    page: Evaluation

    @property
    def due(self) -> Due:
        """The parcel's tax."""
        return self.page.due(self.parcel, self.cost)

    @property
    def rest(self) -> int:
        """What the page's other parcels come to, negated."""
        return self.page.share(self.parcel, self.cost) - self.page.total

    def priced(self, rest: int) -> PricedOption:
        """The option where the page without the parcel comes to that ``rest``."""
        due, page, option = self.due, self.page, self.cost.option
        if page.laters and (off := page.laters[self.parcel]):  # shown is what will be charged after what is promised
            option = replace(option, later=option.later + off)
        return PricedOption(
            option=option,
            discount=page.discounts[self.parcel],
            tax=due.collected,
            border=due.border,
            landed=rest + page.total,
        )

    @classmethod
    def alone(cls, parcel: int, costs: Sequence[OptionCost], selected: int, page: Evaluation) -> "list[Switched]":
        """The ``page`` under each option of a parcel that nothing ties to the others, of which one is ``selected``."""
        pages = [evaluated([cost], UNCUT, 0) for cost in costs]
        before = pages[selected]
        return [
            cls(
                parcel,
                cost,
                replace(
                    page,
                    total=page.total - before.total + after.total,
                    to_the_door=page.to_the_door - before.to_the_door + after.to_the_door,
                ),
            )
            for cost, after in zip(costs, pages, strict=True)
        ]


def priced(switched: Sequence[Switched], selected: int) -> tuple[PricedOption, ...]:
    """The options of a parcel, of which one is ``selected``: their ``landed`` differ as the page's totals do."""
    rest = switched[selected].rest
    return tuple([each.priced(rest) for each in switched])
