"""``total(selection)``: the one authority on what a page costs.

A selection is the index of the chosen option of each parcel. Whatever is asked (the cheapest selection, an option's
landed cost, the totals of the page) is answered by evaluating selections, so that no two places can disagree.
"""

from collections.abc import Sequence
from itertools import product
from math import prod

from orderpage.domain.discount import Adjustment, DiscountRule, Target
from orderpage.domain.page import PricedOption, Totals
from orderpage.domain.progress import Progress
from orderpage.domain.tax import TaxLine, TaxRule
from orderpage.pricing.bounds import at_the_least, most_ppm, most_relief, with_tax
from orderpage.pricing.discounts import lanes
from orderpage.pricing.evaluation import UNCUT, Evaluation, FreightRules, Switched, evaluated, priced
from orderpage.pricing.freight import Cut, FreightCuts, freight_adjustments, reaches
from orderpage.pricing.goods import Costing, OptionCost, ParcelGoods
from orderpage.pricing.options import PricedParcel
from orderpage.pricing.progress import progress_of
from orderpage.pricing.selection import MOST_TRIED, Selection, cheapest_of, competing, improved, switches


class Pricer:
    """Prices the selections of one division into parcels. Every parcel has at least one option.

    ``parcels_are_apart`` where no discount ties them: an option then costs the same whatever else is selected.
    """

    def __init__(
        self,
        parcels: Sequence[PricedParcel],
        discounts: Sequence[DiscountRule],
        taxes: Sequence[TaxRule],
        costing: Costing | None = None,
    ) -> None:
        """``costing`` is that of the same parcels and taxes, where another pricer has one already."""
        self.costing = costing or Costing(parcels, taxes)
        self._parcels = self.costing.parcels
        self._options = tuple([priced.options for priced in self._parcels])
        self._goods_rules = lanes(discounts, Target.GOODS)
        self._freight_rules = lanes(discounts, Target.FREIGHT)
        self._goods_depend_on_methods = any(rule.methods for rule in self._goods_rules)
        self._tax_ppm = most_ppm(taxes)
        # With the tax on it: what discounts by amount can save.
        self._most_off = with_tax(sum([rule.amount for rule in self._freight_rules]), self._tax_ppm)
        self._least_of_goods = self._bound_goods() if self._goods_depend_on_methods else 0
        self._combining = sum([rule.combines for rule in taxes])
        self.parcels_are_apart = not (self._freight_rules or self._goods_depend_on_methods or self._combining)
        self._competing = tuple([competing(options) for options in self._options])
        self._least: dict[tuple[int, int], int] = {}
        self._pages: dict[tuple[str, ...], tuple[ParcelGoods, FreightRules]] = {}
        self._cuts: dict[Selection, tuple[list[OptionCost], FreightCuts]] = {}
        self._evaluations: dict[Selection, Evaluation] = {}
        self._switched: dict[tuple[Selection, int], Sequence[Switched]] = {}

    def total(self, selection: Selection) -> int:
        """What the page costs under the selection."""
        return self.evaluate(selection).total

    def cost(self, selection: Selection) -> int:
        """To the door, with what the border takes and what is charged later: by this selections are compared."""
        return self.evaluate(selection).to_the_door

    def evaluate(self, selection: Selection) -> Evaluation:
        """The page's money under the selection, remembered."""
        known = self._evaluations.get(selection)
        if known is None:
            known = self._evaluations[selection] = evaluated(*self._cut(selection), self._combining)
        return known

    def may_cost(self, selection: Selection, most: int) -> bool:
        """False where it is plain without pricing it that the page costs more than that."""
        least = self._least_of_goods - self._most_off
        for parcel, index in enumerate(selection):
            least += self._least_cost(parcel, index)
        return least <= most

    def at_least(self) -> int:
        """What no selection can cost less than: worked out without pricing one."""
        able = zip(self._competing, self._least_costs(), strict=True)
        least = sum([min([each[index] for index in indices]) for indices, each in able])
        return self._least_of_goods + least - self._most_off

    def _bound_goods(self) -> int:
        """What they come to at the least, where they are not in ``_least_costs``."""
        listed = sum([piece.item.amount for piece in self.costing.pieces])
        return max(0, listed - sum([rule.amount for rule in self._goods_rules]))

    def cheapest(self, beating: int | None = None) -> Selection:
        """The cheapest selection; where discounts tie many parcels, one that no single change makes cheaper.

        A method that somebody else charges for has no cost to compare: it is taken where nothing else is. Where none
        costs as little as ``beating`` any may be answered.
        """
        costs = self._least_costs()
        start = tuple([min(able, key=each.__getitem__) for able, each in zip(self._competing, costs, strict=True)])
        if self.parcels_are_apart:
            return start
        candidates = self._competing
        if not self._goods_depend_on_methods:
            # An option that costs more than all discounts could win back, at the least, is in no cheapest selection.
            least = [each[index] for each, index in zip(costs, start, strict=True)]
            spare = self.cost(start) + self._most_off - sum(least)
            candidates = tuple(
                [
                    [index for index in able if each[index] - lowest <= spare]
                    for able, each, lowest in zip(self._competing, costs, least, strict=True)
                ]
            )
        if prod([len(indices) for indices in candidates]) > MOST_TRIED:
            return improved(start, candidates, self.cost)
        if self._goods_depend_on_methods:  # then ``costs`` bound no page
            return min(product(*candidates), key=lambda selection: (self.cost(selection), selection))
        best = self.cost(start), start
        best = best if beating is None else min(best, (beating, start))
        return cheapest_of(candidates, costs, self._most_off, self._least_after_cuts, self.cost, best)

    def _least_after_cuts(self, selection: Selection) -> int:
        """What the page costs at the least, by what promotions take off it."""
        chosen, cuts = self._cut(selection)
        off = with_tax(-sum(cuts.off) - sum(cuts.later), self._tax_ppm)
        return sum([cost.to_the_door for cost in chosen]) - off

    def price_options(self, selection: Selection, parcel: int) -> tuple[PricedOption, ...]:
        """What each option of a parcel costs to the door under ``selection``.

        Switching from one to another moves the total by exactly the difference of their ``landed``.
        """
        return priced(self.switched(selection, parcel), selection[parcel])

    def tax_lines(self, selection: Selection, parcel: int) -> list[tuple[TaxLine, ...]]:
        """The tax of each option of a parcel line by line, as ``price_options`` prices them."""
        return [each.due.lines for each in self.switched(selection, parcel)]

    def switched(self, selection: Selection, parcel: int) -> Sequence[Switched]:
        """The page under each option of a parcel, remembered."""
        known = self._switched.get((selection, parcel))
        if known is None:
            known = self._switched[selection, parcel] = self._switch(selection, parcel)
        return known

    def _switch(self, selection: Selection, parcel: int) -> Sequence[Switched]:
        goods, freight = self._page(selection)
        if not (freight.reaches or self._goods_depend_on_methods or self._combining):
            return Switched.alone(parcel, goods.costs[parcel], selection[parcel], self.evaluate(selection))
        return [self.under(each, parcel) for each in switches(selection, parcel, len(self._options[parcel]))]

    def under(self, selection: Selection, parcel: int) -> Switched:
        """The page under the selection as one of its parcels sees it."""
        chosen, _ = self._cut(selection)
        return Switched(parcel, chosen[parcel], self.evaluate(selection))

    def totals(self, selection: Selection) -> Totals:
        """The page's totals under the selection."""
        evaluation, goods = self.evaluate(selection), self._goods(selection)
        chosen = goods.chosen(selection)
        dues = [evaluation.due(index, cost) for index, cost in enumerate(chosen)]
        listed = sum([piece.item.amount for piece in self.costing.pieces])
        return Totals(
            goods=listed,
            goods_discount=sum(goods.prices.net) - listed,
            freight=sum([cost.freight for cost in chosen]),
            freight_discount=sum(evaluation.discounts),
            fees=sum([cost.option.fee_total for cost in chosen]),
            tax=sum([due.collected for due in dues]),
            border=sum([due.border for due in dues]),
            payable=evaluation.total,
            later=sum([cost.option.later for cost in chosen]) + sum(evaluation.laters),
        )

    def net_by_line(self, selection: Selection) -> dict[str, int]:
        """Each line's amount after goods discounts."""
        net: dict[str, int] = {}
        for piece, amount in zip(self.costing.pieces, self._goods(selection).prices.net, strict=True):
            line_id = piece.item.line.line_id
            net[line_id] = net.get(line_id, 0) + amount
        return net

    def adjustments(self, selection: Selection) -> tuple[Adjustment, ...]:
        """Every discount that applies, in the order applied."""
        _, cuts = self._cut(selection)
        return self._goods(selection).prices.adjustments + self._borne(cuts.cuts)

    def promises(self, selection: Selection) -> tuple[Adjustment, ...]:
        """Every discount that is promised on freight that is charged later."""
        _, cuts = self._cut(selection)
        return self._borne(cuts.promises)

    def _borne(self, cuts: Sequence[Cut]) -> tuple[Adjustment, ...]:
        return freight_adjustments(cuts, [priced.parcel for priced in self._parcels])

    def progress(self, selection: Selection, rules: Sequence[DiscountRule]) -> tuple[Progress, ...]:
        """How far the page is on the way to those of ``rules`` that show it."""
        prices = self._goods(selection).prices
        methods = [each[index].method.code for each, index in zip(self._options, selection, strict=True)]
        return progress_of(rules, self._parcels, self.costing.pieces, prices, methods, self.taken(selection))

    def taken(self, selection: Selection) -> dict[str, int]:
        """The rules, by code, that take something now or later, each with what it promises for later, not above 0."""
        (_, cuts), goods = self._cut(selection), self._goods(selection).prices.adjustments
        taken = dict.fromkeys([each.code for each in goods] + [rule.code for rule, _, _ in cuts.cuts], 0)
        return taken | {rule.code: -sum(parts) for rule, _, parts in cuts.promises}

    def _cut(self, selection: Selection) -> tuple[list[OptionCost], FreightCuts]:
        """Each parcel under its option, and what promotions take off the freight: remembered."""
        known = self._cuts.get(selection)
        if known is None:
            goods, freight = self._page(selection)
            chosen = goods.chosen(selection)
            known = self._cuts[selection] = chosen, freight.cut(chosen)
        return known

    def _goods(self, selection: Selection) -> ParcelGoods:
        return self._page(selection)[0]

    def _page(self, selection: Selection) -> tuple[ParcelGoods, FreightRules]:
        """What discounts on goods make of the page, and which rules on freight can apply then."""
        methods: tuple[str, ...] = ()
        if self._goods_depend_on_methods:
            methods = tuple([each[index].method.code for each, index in zip(self._options, selection, strict=True)])
        known = self._pages.get(methods)
        if known is None:
            goods = self.costing.under(self._goods_rules, methods)
            parcels = [priced.parcel for priced in self._parcels]
            able = reaches(self._freight_rules, parcels, self.costing.pieces, goods.prices)
            known = self._pages[methods] = goods, FreightRules.of(able)
        return known

    def _least_costs(self) -> list[list[int]]:
        """``_least_cost`` of every option of every parcel."""
        return [[self._least_cost(parcel, i) for i in range(len(each))] for parcel, each in enumerate(self._options)]

    def _least_cost(self, parcel: int, index: int) -> int:
        """What an option costs to the door at least, before freight discounts by amount: exact where there are none.

        Where goods discounts depend on methods, just its freight and fees: a place to start from.
        """
        known = self._least.get((parcel, index))
        if known is None:
            known = self._least[parcel, index] = self._reckon_least(parcel, index)
        return known

    def _reckon_least(self, parcel: int, index: int) -> int:
        if self._goods_depend_on_methods:
            priced = self._parcels[parcel]
            return at_the_least(priced.options[index], priced.reliefs[index] if priced.reliefs else None)
        goods, freight = self._page(())
        cost = goods.costs[parcel][index]
        if self.parcels_are_apart:
            return evaluated([cost], UNCUT, 0).to_the_door
        return cost.to_the_door - with_tax(most_relief(cost, parcel, freight.reaches), self._tax_ppm)
