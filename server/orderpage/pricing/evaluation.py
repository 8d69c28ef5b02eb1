"""A page's money under one selection, as its parcels' options come together: discounts shared, limits tested."""

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from orderpage.domain.page import PricedOption
from orderpage.pricing.freight import Cut, Reach, by_parcel, cut_freight
from orderpage.pricing.goods import OptionCost
from orderpage.pricing.taxes import Due, Elsewhere, beside, summed

_NO_PROMISES: Sequence[Cut] = ()


class Evaluation(msgspec.Struct, frozen=True, gc=False):
    """A page's money under one selection: each parcel's freight discount (zero or negative) and the total.

    ``laters`` are what is promised off each parcel's freight that is charged later; empty where nothing is.
    ``elsewhere`` is, where tax law adds parcels up, what each one's limits count of the others; else empty.
    """

    discounts: tuple[int, ...]
    total: int
    laters: tuple[int, ...] = ()
    elsewhere: tuple[Elsewhere, ...] = ()

    def due(self, parcel: int, cost: OptionCost) -> Due:
        """The tax of a parcel by its option."""
        return cost.due(self.discounts[parcel], self.elsewhere[parcel] if self.elsewhere else ())

    def share(self, parcel: int, cost: OptionCost) -> int:
        """What the parcel adds to the total."""
        return cost.at(self.discounts[parcel], self.elsewhere[parcel] if self.elsewhere else ())


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

    def cut(self, chosen: Sequence[OptionCost]) -> tuple[tuple[int, ...], list[Cut], list[Cut]]:
        """As ``cut_freight``, of the chosen options."""
        methods = [cost.option.method.code for cost in chosen] if self.methods_matter else ()
        reliefs = [cost.relief for cost in chosen] if self.weight_matters else ()
        return cut_freight([cost.freight for cost in chosen], methods, self.reaches, reliefs)


def evaluated(chosen: Sequence[OptionCost], freight: FreightRules, combining: int) -> Evaluation:
    """The page with those options, where so many tax rules add parcels up (``combining``)."""
    discounts, _, promises = freight.cut(chosen)
    laters = by_parcel(promises, len(chosen))
    if combining:
        return _added_up(chosen, discounts, laters, combining)
    total = sum(discounts)
    for cost, discount in zip(chosen, discounts, strict=True):
        total += cost.fixed + cost.tax[cost.carriage + discount].collected if cost.moves else cost.fixed
    return Evaluation(discounts, total, laters)


def _added_up(
    chosen: Sequence[OptionCost], discounts: tuple[int, ...], laters: tuple[int, ...], combining: int
) -> Evaluation:
    """What one parcel owes depends on what the others hold."""
    counted = [
        cost.tax.counted(cost.carriage + discount, combining) for cost, discount in zip(chosen, discounts, strict=True)
    ]
    whole = summed(counted)
    page = Evaluation(discounts, 0, laters, tuple([beside(whole, own) for own in counted]))
    return replace(page, total=sum([page.share(index, cost) for index, cost in enumerate(chosen)]))


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


def priced(switched: Sequence[Switched], selected: int) -> tuple[PricedOption, ...]:
    """The options of a parcel, of which one is ``selected``: their ``landed`` differ as the page's totals do."""
    rest = switched[selected].rest
    return tuple([each.priced(rest) for each in switched])


class Others:
    """A page without one of its parcels: evaluates it with that parcel under any of its options.

    Every page is reckoned some forty times here, so what the option does not change is worked out once.
    """

    __slots__ = ("_fixed", "_freights", "_methods", "_moving", "_parcel", "_reaches", "_reliefs", "_undiscounted")

    def __init__(self, chosen: Sequence[OptionCost], parcel: int, freight: FreightRules) -> None:
        """``chosen`` is each parcel's option, whatever the one of ``parcel`` (its index)."""
        reaches = freight.reaches
        self._parcel = parcel
        self._reaches = reaches
        self._fixed = sum([cost.fixed for cost in chosen]) - chosen[parcel].fixed
        self._freights = [cost.freight for cost in chosen]
        self._methods = [cost.option.method.code for cost in chosen] if freight.methods_matter else []
        self._reliefs = [cost.relief for cost in chosen] if freight.weight_matters else []
        moving = [(index, cost) for index, cost in enumerate(chosen) if cost.moves and index != parcel]
        self._moving = [(index, cost.tax, cost.carriage) for index, cost in moving] if reaches else []
        self._undiscounted = () if reaches else (0,) * len(chosen)
        if not reaches:
            self._fixed += sum([cost.due(0).collected for _, cost in moving])

    def joined_by(self, cost: OptionCost) -> Evaluation:
        """The page with the parcel under that option."""
        parcel, discounts, promises = self._parcel, self._undiscounted, _NO_PROMISES
        if self._reaches:
            self._freights[parcel] = cost.freight
            if self._methods:
                self._methods[parcel] = cost.option.method.code
            if self._reliefs:
                self._reliefs[parcel] = cost.relief
            discounts, _, promises = cut_freight(self._freights, self._methods, self._reaches, self._reliefs)
        total = self._fixed + cost.fixed + sum(discounts)
        for index, tax, carriage in self._moving:
            total += tax[carriage + discounts[index]].collected
        if cost.moves:
            total += cost.due(discounts[parcel]).collected
        if self._reliefs:
            return Evaluation(discounts, total, by_parcel(promises, len(discounts)))
        return Evaluation(discounts, total)


class Together:
    """The same where tax law adds parcels up: then nothing stays as it was."""

    __slots__ = ("_chosen", "_combining", "_freight", "_parcel")

    def __init__(self, chosen: Sequence[OptionCost], parcel: int, freight: FreightRules, combining: int) -> None:
        """As ``Others``; so many tax rules are ``combining``."""
        self._chosen = chosen
        self._parcel = parcel
        self._freight = freight
        self._combining = combining

    def joined_by(self, cost: OptionCost) -> Evaluation:
        """The page with the parcel under that option."""
        chosen = [*self._chosen[: self._parcel], cost, *self._chosen[self._parcel + 1 :]]
        return evaluated(chosen, self._freight, self._combining)
