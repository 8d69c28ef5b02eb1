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
from orderpage.domain.tax import TaxRule
from orderpage.pricing.discounts import (
    FreightPrices,
    GoodsPrices,
    Piece,
    discount_freight,
    discount_goods,
    lanes,
)
from orderpage.pricing.options import PricedParcel
from orderpage.pricing.taxes import ParcelTax, TaxedItem, tax_parcel

Selection = tuple[int, ...]

_MOST_TRIED = 256
"""Selections that are tried one by one; with more, each parcel's option is improved in turn."""


class ParcelCost(msgspec.Struct, frozen=True):
    """What a parcel costs under one option. ``total`` is what it adds to the page."""

    net_goods: int
    discount: int
    tax: ParcelTax
    total: int


class Evaluation(msgspec.Struct, frozen=True):
    """A page's money under one selection."""

    goods: GoodsPrices
    freight: FreightPrices
    parcels: tuple[ParcelCost, ...]
    total: int


class Pricer:
    """Prices the selections of one division into parcels. Every parcel has at least one option."""

    def __init__(
        self, parcels: Sequence[PricedParcel], discounts: Sequence[DiscountRule], taxes: Sequence[TaxRule]
    ) -> None:
        self._parcels = tuple(parcels)
        self._taxes = taxes
        self._goods_rules = lanes(discounts, Target.GOODS)
        self._freight_rules = lanes(discounts, Target.FREIGHT)
        self._goods_depend_on_methods = any(rule.methods for rule in self._goods_rules)
        self._pieces = tuple(
            Piece(index, item) for index, priced in enumerate(self._parcels) for item in priced.parcel.items
        )
        self._pieces_of = tuple(
            tuple(i for i, piece in enumerate(self._pieces) if piece.parcel == index)
            for index in range(len(self._parcels))
        )
        self._same_line = _pieces_of_same_line(self._pieces)
        self._goods: dict[tuple[str, ...], GoodsPrices] = {}
        self._costs: dict[tuple[int, int, int, int], ParcelCost] = {}
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
        counts = [range(len(priced.options)) for priced in self._parcels]
        if (self._goods_rules or self._freight_rules) and prod(len(count) for count in counts) <= _MOST_TRIED:
            return min(product(*counts), key=lambda selection: (self.total(selection), selection))
        selection = tuple(
            min(range(len(p.options)), key=lambda i: (p.options[i].freight + p.options[i].fee_total, i))
            for p in self._parcels
        )
        improved = True
        while improved:
            improved = False
            for index, priced in enumerate(self._parcels):
                best = min(
                    (switch(selection, index, option) for option in range(len(priced.options))),
                    key=lambda candidate: (self.total(candidate), candidate),
                )
                if self.total(best) < self.total(selection):
                    selection, improved = best, True
        return selection

    def price_option(self, selection: Selection, parcel: int, option: int) -> PricedOption:
        """An option's cost to the door under ``selection``: switching to it moves the total by the difference of
        two.
        """
        current = self.evaluate(selection)
        switched = self.evaluate(switch(selection, parcel, option))
        cost = switched.parcels[parcel]
        return PricedOption(
            option=self._parcels[parcel].options[option],
            discount=cost.discount,
            tax=cost.tax.collected,
            border=cost.tax.border,
            landed=current.parcels[parcel].total + switched.total - current.total,
            tax_lines=cost.tax.lines,
        )

    def totals(self, selection: Selection) -> Totals:
        """The page's totals under the selection."""
        evaluation = self.evaluate(selection)
        chosen = [priced.options[index] for priced, index in zip(self._parcels, selection, strict=True)]
        goods = sum(piece.item.amount for piece in self._pieces)
        return Totals(
            goods=goods,
            goods_discount=sum(evaluation.goods.net) - goods,
            freight=sum(option.freight for option in chosen),
            freight_discount=sum(evaluation.freight.discounts),
            fees=sum(option.fee_total for option in chosen),
            tax=sum(cost.tax.collected for cost in evaluation.parcels),
            border=sum(cost.tax.border for cost in evaluation.parcels),
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
        evaluation = self.evaluate(selection)
        return evaluation.goods.adjustments + evaluation.freight.adjustments

    def _evaluate(self, selection: Selection) -> Evaluation:
        options = [priced.options[index] for priced, index in zip(self._parcels, selection, strict=True)]
        goods = self._discounted_goods(tuple(option.method.code for option in options))
        freight = discount_freight(
            [priced.parcel for priced in self._parcels],
            options,
            self._freight_rules,
            lambda index: sum(goods.eligible[i] for i in self._pieces_of[index]),
        )
        costs = tuple(
            self._cost(goods, index, option, freight.discounts[index]) for index, option in enumerate(selection)
        )
        return Evaluation(goods, freight, costs, sum(cost.total for cost in costs))

    def _discounted_goods(self, methods: tuple[str, ...]) -> GoodsPrices:
        key = methods if self._goods_depend_on_methods else ()
        known = self._goods.get(key)
        if known is None:
            known = self._goods[key] = discount_goods(self._pieces, self._goods_rules, methods)
        return known

    def _cost(self, goods: GoodsPrices, parcel: int, option: int, discount: int) -> ParcelCost:
        key = (id(goods), parcel, option, discount)  # ``_goods`` keeps the value alive, so the id is its own
        known = self._costs.get(key)
        if known is not None:
            return known
        chosen = self._parcels[parcel].options[option]
        items = {id(self._pieces[i].item): self._taxed(goods, i) for i in self._pieces_of[parcel]}
        tax = tax_parcel(chosen, items, discount, self._taxes)
        net = sum(goods.net[i] for i in self._pieces_of[parcel])
        total = net + chosen.freight + discount + chosen.fee_total + tax.collected
        cost = self._costs[key] = ParcelCost(net, discount, tax, total)
        return cost

    def _taxed(self, goods: GoodsPrices, piece: int) -> TaxedItem:
        return TaxedItem(
            item=self._pieces[piece].item,
            net=goods.net[piece],
            taxable=goods.taxable[piece],
            line_taxable=sum(goods.taxable[i] for i in self._same_line[piece]),
            line_quantity=sum(self._pieces[i].item.quantity for i in self._same_line[piece]),
        )


def _pieces_of_same_line(pieces: Sequence[Piece]) -> tuple[Sequence[int], ...]:
    """For each piece, the indices of all pieces of its line: one, unless the line is divided over parcels."""
    by_line: dict[str, list[int]] = {}
    for index, piece in enumerate(pieces):
        by_line.setdefault(piece.item.line.line_id, []).append(index)
    return tuple(by_line[piece.item.line.line_id] for piece in pieces)


def switch(selection: Selection, parcel: int, option: int) -> Selection:
    """The selection with another option for one parcel."""
    return (*selection[:parcel], option, *selection[parcel + 1 :])
