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
from orderpage.domain.shipping import Charging, Option
from orderpage.domain.tax import TaxLine, TaxRule
from orderpage.pricing.bounds import at_the_least, most_relief, with_tax
from orderpage.pricing.discounts import lanes
from orderpage.pricing.evaluation import Evaluation, FreightRules, Others, Switched, Together, evaluated, priced
from orderpage.pricing.freight import Cut, freight_adjustments, reaches
from orderpage.pricing.goods import Costing, OptionCost, ParcelGoods
from orderpage.pricing.options import PricedParcel
from orderpage.pricing.progress import progress_of

Selection = tuple[int, ...]

MOST_TRIED = 256
"""Selections that are tried one by one; with more, each parcel's option is improved in turn."""


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
        self._taxes = taxes
        self._goods_rules = lanes(discounts, Target.GOODS)
        self._freight_rules = lanes(discounts, Target.FREIGHT)
        self._goods_depend_on_methods = any(rule.methods for rule in self._goods_rules)
        # With the tax on it: what discounts by amount can save.
        self._most_off = with_tax(sum([rule.amount for rule in self._freight_rules]), taxes)
        self._combining = sum([rule.combines for rule in taxes])
        self.parcels_are_apart = not (self._freight_rules or self._goods_depend_on_methods or self._combining)
        self._competing = tuple([competing(options) for options in self._options])
        self._all_is_paid = not taxes and not any(option.later for options in self._options for option in options)
        self._least: list[list[int]] | None = None
        self._pages: dict[tuple[str, ...], tuple[ParcelGoods, FreightRules]] = {}
        self._evaluations: dict[Selection, Evaluation] = {}
        self._costs: dict[Selection, int] = {}
        self._switched: dict[tuple[Selection, int], Sequence[Switched]] = {}

    def total(self, selection: Selection) -> int:
        """What the page costs under the selection."""
        return self.evaluate(selection).total

    def cost(self, selection: Selection) -> int:
        """To the door, with what the border takes and what is charged later: by this selections are compared."""
        known = self._costs.get(selection)
        if known is None:
            known = self._costs[selection] = self._to_the_door(selection)
        return known

    def _to_the_door(self, selection: Selection) -> int:
        evaluation = self.evaluate(selection)
        if self._all_is_paid:
            return evaluation.total
        chosen = self._goods(selection).chosen(selection)
        more = [evaluation.due(index, cost).border + cost.option.later for index, cost in enumerate(chosen)]
        return evaluation.total + sum(more) + sum(evaluation.laters)

    def evaluate(self, selection: Selection) -> Evaluation:
        """The page's money under the selection, remembered."""
        known = self._evaluations.get(selection)
        if known is None:
            goods, freight = self._page(selection)
            known = self._evaluations[selection] = evaluated(goods.chosen(selection), freight, self._combining)
        return known

    def at_least(self) -> int:
        """What no selection can cost less than: worked out without pricing one."""
        least = sum([min([each[index] for index in able]) for able, each in self._able()])
        if self._goods_depend_on_methods:
            listed = sum([piece.item.amount for piece in self.costing.pieces])
            least += max(0, listed - sum([rule.amount for rule in self._goods_rules]))
        return least - self._most_off

    def _able(self) -> list[tuple[Sequence[int], list[int]]]:
        return list(zip(self._competing, self._least_costs(), strict=True))

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
            return self._improve(start, candidates)
        if self._goods_depend_on_methods:  # then ``costs`` bound no page
            return min(product(*candidates), key=lambda selection: (self.cost(selection), selection))
        best = self.cost(start), start
        return self._best_of(candidates, costs, best if beating is None else min(best, (beating, start)))

    def _best_of(
        self, candidates: Sequence[Sequence[int]], costs: Sequence[Sequence[int]], best: tuple[int, Selection]
    ) -> Selection:
        """The cheapest combination. Those that could be cheapest are priced first, and no more once none could be
        cheaper than the ``best`` if it won back all discounts.
        """
        least = product(*[[each[index] for index in able] for each, able in zip(costs, candidates, strict=True)])
        for bound, selection in sorted(zip(map(sum, least), product(*candidates), strict=True)):
            if bound - self._most_off > best[0]:
                break
            best = min(best, (self.cost(selection), selection))
        return best[1]

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
        switches = [switch(selection, parcel, index) for index in range(len(self._options[parcel]))]
        if self._goods_depend_on_methods:
            costs = [self._goods(each).costs[parcel][index] for index, each in enumerate(switches)]
            return [Switched(parcel, cost, self.evaluate(each)) for cost, each in zip(costs, switches, strict=True)]
        goods, freight = self._page(selection)
        others = self._without(parcel, goods.chosen(selection), freight)
        pages, found = self._evaluations, []
        for cost, switched in zip(goods.costs[parcel], switches, strict=True):
            page = pages.get(switched)
            if page is None:
                page = pages[switched] = others.joined_by(cost)
            found.append(Switched(parcel, cost, page))
        return found

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
        cuts, _ = self._freight_cuts(selection)
        freight = freight_adjustments(cuts, [priced.parcel for priced in self._parcels])
        return self._goods(selection).prices.adjustments + freight

    def _freight_cuts(self, selection: Selection) -> tuple[list[Cut], list[Cut]]:
        """What freight rules take off now, and what they promise to take off later."""
        goods, freight = self._page(selection)
        _, cuts, promises = freight.cut(goods.chosen(selection))
        return cuts, promises

    def progress(self, selection: Selection, rules: Sequence[DiscountRule]) -> tuple[Progress, ...]:
        """How far the page is on the way to those of ``rules`` that show it."""
        prices = self._goods(selection).prices
        methods = [each[index].method.code for each, index in zip(self._options, selection, strict=True)]
        return progress_of(rules, self._parcels, self.costing.pieces, prices, methods, self.taken(selection))

    def taken(self, selection: Selection) -> dict[str, int]:
        """The rules, by code, that take something now or later, each with what it promises for later, not above 0."""
        cuts, promises = self._freight_cuts(selection)
        goods = self._goods(selection).prices.adjustments
        taken = dict.fromkeys([each.code for each in goods] + [rule.code for rule, _, _ in cuts], 0)
        return taken | {rule.code: -sum(parts) for rule, _, parts in promises}

    def _without(self, parcel: int, chosen: Sequence[OptionCost], freight: FreightRules) -> Others | Together:
        if self._combining:
            return Together(chosen, parcel, freight, self._combining)
        return Others(chosen, parcel, freight)

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
        """What each option costs to the door at least, before freight discounts: exact where there are none.

        Where goods discounts depend on methods, just its freight and fees: a place to start from.
        """
        if self._least is None:
            self._least = self._reckon_least()
        return self._least

    def _reckon_least(self) -> list[list[int]]:
        if self._goods_depend_on_methods:
            return [[at_the_least(*option) for option in priced.relieved()] for priced in self._parcels]
        goods, freight = self._page(())
        costs = goods.costs
        if self.parcels_are_apart:
            return [[cost.at(0) + cost.due(0).border + cost.option.later for cost in each] for each in costs]
        if freight.weight_matters:
            return [
                [cost.to_the_door - with_tax(most_relief(cost, parcel, freight.reaches), self._taxes) for cost in each]
                for parcel, each in enumerate(costs)
            ]
        return [[cost.to_the_door for cost in each] for each in costs]

    def _improve(self, selection: Selection, candidates: Sequence[Sequence[int]]) -> Selection:
        """Change one parcel's option at a time for as long as that makes the page cheaper."""
        improved = True
        while improved:
            improved = False
            for index, options in enumerate(candidates):
                best = min(
                    (switch(selection, index, option) for option in options),
                    key=lambda candidate: (self.cost(candidate), candidate),
                )
                if self.cost(best) < self.cost(selection):
                    selection, improved = best, True
        return selection


def competing(options: Sequence[Option]) -> Sequence[int]:
    """The options, by index, whose cost is known: all, where it is of none."""
    priced = [index for index, option in enumerate(options) if option.method.charging is not Charging.ELSEWHERE]
    return priced or range(len(options))


def switch(selection: Selection, parcel: int, option: int) -> Selection:
    """The selection with another option for one parcel."""
    return (*selection[:parcel], option, *selection[parcel + 1 :])
