"""What follows for each parcel from the goods' prices, worked out once however many selections are priced."""

from collections.abc import Sequence
from operator import getitem

import msgspec

from orderpage.domain.discount import DiscountRule
from orderpage.domain.shipping import Option
from orderpage.domain.tax import TaxRule
from orderpage.pricing.discounts import GoodsPrices, Piece, discount_goods
from orderpage.pricing.options import PricedParcel
from orderpage.pricing.relief import Relief
from orderpage.pricing.tax_rows import TaxedItem
from orderpage.pricing.taxed_goods import TaxedGoods
from orderpage.pricing.taxes import DividedTax, Due, Elsewhere, ShipmentTax


class OptionCost(msgspec.Struct, frozen=True):
    """A parcel under one option. ``to_the_door`` is the least that it costs before discounts on its freight, with what
    the border takes and what is charged later.

    ``fixed`` is the part of what it adds to the page that no freight discount changes, and ``beyond`` of what it costs
    besides: without taxes, where those ``move`` with the discount. ``carriage`` is freight and fees before discounts,
    those that are charged later too. ``relief`` is there where a rule of the page frees freight by weight.
    """

    option: Option
    method: str
    freight: int
    carriage: int
    to_the_door: int
    fixed: int
    beyond: int
    moves: bool
    tax: ShipmentTax | DividedTax
    relief: Relief | None = None

    def due(self, freight_discount: int, elsewhere: Elsewhere = ()) -> Due:
        """The tax after a discount (zero or negative) on the freight, paid now or later, with what other parcels count
        towards limits.
        """
        carriage = self.carriage + freight_discount if self.tax.counts_carriage else self.carriage
        return self.tax[(carriage, elsewhere) if elsewhere else carriage]


class ParcelGoods:
    """The goods' ``prices`` under some rules, and the ``costs`` of each parcel's options that follow from them."""

    __slots__ = ("costs", "prices")

    def __init__(
        self, prices: GoodsPrices, pieces: Sequence[Piece], parcels: Sequence[PricedParcel], taxes: Sequence[TaxRule]
    ) -> None:
        """``pieces`` are all of the parcels', in the order of ``prices``."""
        self.prices = prices
        net = [0] * len(parcels)
        for piece, each_net in zip(pieces, prices.net, strict=True):
            net[piece.parcel] += each_net
        goods = [TaxedGoods(items, taxes) for items in _taxed_items(prices, pieces, len(parcels))]
        self.costs = [
            [_cost(net[p], goods[p], option, relief) for option, relief in each.relieved()]
            for p, each in enumerate(parcels)
        ]

    def chosen(self, selection: Sequence[int]) -> list[OptionCost]:
        """The cost of each parcel's selected option."""
        return list(map(getitem, self.costs, selection))


class Costing:
    """One division into parcels: what its goods come to under any rules on them, remembered.

    The pricers of rules that differ in freight alone share it, and with it the taxes.
    """

    def __init__(self, parcels: Sequence[PricedParcel], taxes: Sequence[TaxRule]) -> None:
        self.parcels = tuple(parcels)
        self.taxes = taxes
        self.pieces = [Piece(index, item) for index, priced in enumerate(parcels) for item in priced.parcel.items]
        self._known: dict[tuple[tuple[str, ...], tuple[int, ...]], tuple[ParcelGoods, Sequence[DiscountRule]]] = {}

    def under(self, rules: Sequence[DiscountRule], methods: tuple[str, ...]) -> ParcelGoods:
        """By rules on goods, in lane order, and each parcel's method where one of them names some."""
        key = methods, tuple(map(id, rules))
        known = self._known.get(key)
        if known is None:
            prices = discount_goods(self.pieces, rules, methods)
            # The rules are kept with it, so that nothing else comes to their ids.
            known = self._known[key] = ParcelGoods(prices, self.pieces, self.parcels, self.taxes), rules
        return known[0]


def _cost(net: int, goods: TaxedGoods, option: Option, relief: Relief | None) -> OptionCost:
    tax, untaxed = goods.tax(option), net + option.freight + option.fee_total
    carriage = option.freight + option.fee_total + option.later
    settled = untaxed + tax.settled
    return OptionCost(
        option=option,
        method=option.method.code,
        freight=option.freight,
        carriage=carriage,
        to_the_door=settled + tax.border + tax.on_carriage(carriage) + option.later,
        fixed=untaxed if tax.moves else settled,
        beyond=option.later if tax.moves else option.later + tax.border,
        moves=tax.moves,
        tax=tax,
        relief=relief,
    )


def _taxed_items(prices: GoodsPrices, pieces: Sequence[Piece], parcels: int) -> Sequence[dict[int, TaxedItem]]:
    """By parcel, and by ``id`` of its item."""
    taxable: dict[str, int] = {}
    quantity: dict[str, int] = {}
    for piece, amount in zip(pieces, prices.taxable, strict=True):
        line_id = piece.item.line.line_id
        taxable[line_id] = taxable.get(line_id, 0) + amount
        quantity[line_id] = quantity.get(line_id, 0) + piece.item.quantity
    items: list[dict[int, TaxedItem]] = [{} for _ in range(parcels)]
    for piece, net, amount in zip(pieces, prices.net, prices.taxable, strict=True):
        line_id = piece.item.line.line_id
        items[piece.parcel][id(piece.item)] = TaxedItem(piece.item, net, amount, taxable[line_id], quantity[line_id])
    return items
