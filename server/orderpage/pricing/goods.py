"""What follows for each parcel from the goods' prices, worked out once however many selections are priced."""

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from orderpage.domain.discount import DiscountRule
from orderpage.domain.shipping import Option
from orderpage.domain.tax import TaxRule
from orderpage.pricing.discounts import GoodsPrices, Piece
from orderpage.pricing.freight import reaches
from orderpage.pricing.options import PricedParcel
from orderpage.pricing.relief import Relief
from orderpage.pricing.tax_rows import TaxedItem
from orderpage.pricing.taxed_goods import TaxedGoods
from orderpage.pricing.taxes import DividedTax, Due, Elsewhere, ShipmentTax


class OptionCost(msgspec.Struct, frozen=True):
    """A parcel under one option. ``to_the_door`` is the least that it costs before discounts on its freight, with what
    the border takes and what is charged later.

    ``fixed`` is the part of what it adds to the page that no freight discount changes: without the tax, where that
    ``moves`` with the discount. ``carriage`` is freight and fees before discounts, those that are charged later too.
    ``relief`` is there where a rule of the page frees freight by weight.
    """

    option: Option
    freight: int
    carriage: int
    to_the_door: int
    fixed: int
    moves: bool
    tax: ShipmentTax | DividedTax
    relief: Relief | None = None

    def due(self, freight_discount: int, elsewhere: Elsewhere = ()) -> Due:
        """The tax after a discount (zero or negative) on the freight, with what other parcels count towards limits."""
        carriage = self.carriage + freight_discount
        return self.tax[(carriage, elsewhere) if elsewhere else carriage]

    def at(self, freight_discount: int, elsewhere: Elsewhere = ()) -> int:
        """What the parcel adds to the page: goods, freight and fees after discounts, tax that is collected."""
        moved = self.due(freight_discount, elsewhere).collected if self.moves else 0
        return self.fixed + freight_discount + moved


class ParcelGoods:
    """The ``costs`` of each parcel's options, and which freight rules can apply: ``reaches``."""

    def __init__(
        self,
        prices: GoodsPrices,
        pieces: Sequence[Piece],
        parcels: Sequence[PricedParcel],
        freight_rules: Sequence[DiscountRule],
        taxes: Sequence[TaxRule],
    ) -> None:
        """``pieces`` are all of the parcels', in the order of ``prices``; ``freight_rules`` in the order they apply."""
        self.prices = prices
        net = [0] * len(parcels)
        for piece, each_net in zip(pieces, prices.net, strict=True):
            net[piece.parcel] += each_net
        self.reaches = reaches(freight_rules, [priced.parcel for priced in parcels], pieces, prices)
        goods = [TaxedGoods(items, taxes) for items in _taxed_items(prices, pieces, len(parcels))]
        self.costs = [[_cost(net[p], goods[p], option) for option in each.options] for p, each in enumerate(parcels)]
        for costs, each in zip(self.costs, parcels, strict=True):
            if each.reliefs:
                costs[:] = [replace(cost, relief=relief) for cost, relief in zip(costs, each.reliefs, strict=True)]

    def chosen(self, selection: Sequence[int]) -> list[OptionCost]:
        """The cost of each parcel's selected option."""
        return [costs[index] for costs, index in zip(self.costs, selection, strict=True)]


def _cost(net: int, goods: TaxedGoods, option: Option) -> OptionCost:
    tax, untaxed = goods.tax(option), net + option.freight + option.fee_total
    carriage = option.freight + option.fee_total + option.later
    settled = untaxed + tax.settled
    return OptionCost(
        option=option,
        freight=option.freight,
        carriage=carriage,
        to_the_door=settled + tax.border + tax.on_carriage(carriage) + option.later,
        fixed=untaxed if tax.moves else settled,
        moves=tax.moves,
        tax=tax,
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
