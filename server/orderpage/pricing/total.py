"""``total(selection)``: the one authority on what a page costs.

A selection is the index of the chosen option of each parcel. Whatever is asked (the cheapest selection, an option's
landed cost, the totals of the page) is answered by evaluating selections, so that no two places can disagree.
"""

from collections.abc import Sequence
from itertools import product
from math import prod

import msgspec

from orderpage.domain.discount import Adjustment, DiscountRule, Target
from orderpage.domain.page import PricedOption, Totals
from orderpage.domain.shipping import Option
from orderpage.domain.tax import TaxRule
from orderpage.pricing.discounts import (
    GoodsPrices,
    Piece,
    cut_freight,
    discount_freight,
    discount_goods,
    lanes,
    reaches,
)
from orderpage.pricing.goods import ParcelGoods
from orderpage.pricing.options import PricedParcel

Selection = tuple[int, ...]

_MOST_TRIED = 256
"""Selections that are tried one by one; with more, each parcel's option is improved in turn."""


class Evaluation(msgspec.Struct, frozen=True, gc=False):
    """A page's money under one selection: the goods' prices, each parcel's freight discount and what it adds."""

    goods: GoodsPrices
    discounts: tuple[int, ...]
    parcels: tuple[int, ...]
    total: int


class Pricer:
    """Prices the selections of one division into parcels. Every parcel has at least one option.

    ``parcels_are_apart`` where no discount ties them: an option then costs the same whatever else is selected.
    """

    def __init__(
        self, parcels: Sequence[PricedParcel], discounts: Sequence[DiscountRule], taxes: Sequence[TaxRule]
    ) -> None:
        self._parcels = tuple(parcels)
        self._options = tuple(priced.options for priced in self._parcels)
        self._taxes = taxes
        self._goods_rules = lanes(discounts, Target.GOODS)
        self._freight_rules = lanes(discounts, Target.FREIGHT)
        self._reaches = reaches(self._freight_rules, [priced.parcel for priced in self._parcels])
        self._goods_depend_on_methods = any(rule.methods for rule in self._goods_rules)
        self._freight_depends_on_methods = any(rule.methods for rule in self._freight_rules)
        self.parcels_are_apart = not self._freight_rules and not self._goods_depend_on_methods
        self._freights = [[option.freight for option in options] for options in self._options]
        self._pieces = tuple(
            Piece(index, item) for index, priced in enumerate(self._parcels) for item in priced.parcel.items
        )
        self._goods: dict[tuple[str, ...], ParcelGoods] = {}
        self._evaluations: dict[Selection, Evaluation] = {}

    def total(self, selection: Selection) -> int:
        """What the page costs under the selection."""
        return self.evaluate(selection).total

    def evaluate(self, selection: Selection) -> Evaluation:
        """The page's money under the selection, remembered."""
        known = self._evaluations.get(selection)
        if known is None:
            known = self._evaluations[selection] = self._evaluate(selection)
        return known

    def cheapest(self) -> Selection:
        """The cheapest selection; where discounts tie many parcels, one that no single change makes cheaper."""
        costs = self._least_costs()
        start = tuple(each.index(min(each)) for each in costs)
        if self.parcels_are_apart:
            return start
        candidates: Sequence[Sequence[int]] = [range(len(options)) for options in self._options]
        if not self._goods_depend_on_methods:
            # An option that costs more than all discounts could win back, at the least, is in no cheapest selection.
            most_off = sum(rule.amount for rule in self._freight_rules)
            spare = self.total(start) + most_off - sum(min(each) for each in costs)
            candidates = [[i for i, cost in enumerate(each) if cost - min(each) <= spare] for each in costs]
        if prod(len(indices) for indices in candidates) <= _MOST_TRIED:
            return min(product(*candidates), key=lambda selection: (self.total(selection), selection))
        return self._improve(start)

    def price_option(self, selection: Selection, parcel: int, option: int) -> PricedOption:
        """An option's cost to the door under ``selection``: switching to it moves the total by the difference of
        two.
        """
        if self.parcels_are_apart:
            discount, goods = 0, self._discounted_goods(selection)
            landed = goods.cost(parcel, option, 0)
        else:
            chosen = switch(selection, parcel, option)
            current, switched, goods = self.evaluate(selection), self.evaluate(chosen), self._discounted_goods(chosen)
            discount, landed = switched.discounts[parcel], current.parcels[parcel] + switched.total - current.total
        tax = goods.tax(parcel, option, discount)
        return PricedOption(
            option=self._options[parcel][option],
            discount=discount,
            tax=tax.collected,
            border=tax.border,
            landed=landed,
            tax_lines=tax.lines,
        )

    def totals(self, selection: Selection) -> Totals:
        """The page's totals under the selection."""
        evaluation, chosen = self.evaluate(selection), self._chosen(selection)
        shares = self._discounted_goods(selection)
        taxes = [shares.tax(i, option, evaluation.discounts[i]) for i, option in enumerate(selection)]
        goods = sum(piece.item.amount for piece in self._pieces)
        return Totals(
            goods=goods,
            goods_discount=sum(evaluation.goods.net) - goods,
            freight=sum(option.freight for option in chosen),
            freight_discount=sum(evaluation.discounts),
            fees=sum(option.fee_total for option in chosen),
            tax=sum(tax.collected for tax in taxes),
            border=sum(tax.border for tax in taxes),
            payable=evaluation.total,
        )

    def net_by_line(self, selection: Selection) -> dict[str, int]:
        """Each line's amount after goods discounts."""
        net: dict[str, int] = {}
        for piece, amount in zip(self._pieces, self.evaluate(selection).goods.net, strict=True):
            line_id = piece.item.line.line_id
            net[line_id] = net.get(line_id, 0) + amount
        return net

    def adjustments(self, selection: Selection) -> tuple[Adjustment, ...]:
        """Every discount that applies, in the order applied."""
        shares = self._discounted_goods(selection)
        parcels = [priced.parcel for priced in self._parcels]
        freight = discount_freight(
            parcels, self._chosen(selection), self._freight_rules, lambda index: shares.eligible[index]
        )
        return shares.prices.adjustments + freight.adjustments

    def _evaluate(self, selection: Selection) -> Evaluation:
        goods = self._discounted_goods(selection)
        freights = [each[index] for each, index in zip(self._freights, selection, strict=True)]
        methods = self._methods(selection) if self._freight_depends_on_methods else ()
        discounts, _ = cut_freight(freights, methods, self._reaches, goods.eligible)
        costs = tuple(map(goods.cost, range(len(freights)), selection, discounts))
        return Evaluation(goods.prices, discounts, costs, sum(costs))

    def _chosen(self, selection: Selection) -> list[Option]:
        return [options[index] for options, index in zip(self._options, selection, strict=True)]

    def _methods(self, selection: Selection) -> tuple[str, ...]:
        return tuple([option.method.code for option in self._chosen(selection)])

    def _discounted_goods(self, selection: Selection) -> ParcelGoods:
        methods = self._methods(selection) if self._goods_depend_on_methods else ()
        known = self._goods.get(methods)
        if known is None:
            prices = discount_goods(self._pieces, self._goods_rules, methods)
            known = self._goods[methods] = ParcelGoods(prices, self._pieces, self._options, self._taxes)
        return known

    def _least_costs(self) -> list[list[int]]:
        """What each option adds to the page at least, before freight discounts: exact where there are none.

        Where goods discounts depend on methods, just its freight and fees: a place to start from.
        """
        if self._goods_depend_on_methods:
            return [[option.freight + option.fee_total for option in options] for options in self._options]
        goods = self._discounted_goods(())
        cost = (lambda p, i: goods.cost(p, i, 0)) if self.parcels_are_apart else goods.least
        return [[cost(p, i) for i in range(len(options))] for p, options in enumerate(self._options)]

    def _improve(self, selection: Selection) -> Selection:
        """Change one parcel's option at a time for as long as that makes the page cheaper."""
        improved = True
        while improved:
            improved = False
            for index, options in enumerate(self._options):
                best = min(
                    (switch(selection, index, option) for option in range(len(options))),
                    key=lambda candidate: (self.total(candidate), candidate),
                )
                if self.total(best) < self.total(selection):
                    selection, improved = best, True
        return selection


def switch(selection: Selection, parcel: int, option: int) -> Selection:
    """The selection with another option for one parcel."""
    return (*selection[:parcel], option, *selection[parcel + 1 :])
