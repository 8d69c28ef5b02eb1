"""What follows for each parcel from the goods' prices, worked out once however many selections are priced."""

from collections.abc import Sequence

import msgspec

from orderpage.domain.shipping import Option
from orderpage.domain.tax import TaxRule
from orderpage.pricing.discounts import GoodsPrices, Piece
from orderpage.pricing.taxes import NO_TAX, OptionTax, ParcelTax, TaxedGoods, TaxedItem


class ParcelGoods:
    """``net`` and ``eligible`` (towards thresholds) by parcel, and the tax of each option once it is asked for."""

    def __init__(
        self,
        prices: GoodsPrices,
        pieces: Sequence[Piece],
        options: Sequence[Sequence[Option]],
        rules: Sequence[TaxRule],
    ) -> None:
        self.prices = prices
        self.net = [0] * len(options)
        self.eligible = [0] * len(options)
        for piece, net, eligible in zip(pieces, prices.net, prices.eligible, strict=True):
            self.net[piece.parcel] += net
            self.eligible[piece.parcel] += eligible
        self._options = options
        self._rules = rules
        items_of = _taxed_items(prices, pieces, len(options)) if rules else []
        self._taxed = [TaxedGoods(items, rules) for items in items_of]
        self._priced: list[list[_Priced | None]] = [[None] * len(each) for each in options]

    def least(self, parcel: int, option: int) -> int:
        """What a parcel adds to the page under an option, before discounts on its freight and tax on that."""
        return self._price(parcel, option).fixed

    def cost(self, parcel: int, option: int, freight_discount: int) -> int:
        """What a parcel adds to the page: goods, freight and fees after discounts, tax that is collected."""
        priced = self._priced[parcel][option] or self._price(parcel, option)
        tax = priced.tax
        if tax is None or not tax.moves:
            return priced.fixed + freight_discount
        return priced.fixed + freight_discount + tax.on_freight(freight_discount)

    def tax(self, parcel: int, option: int, freight_discount: int) -> ParcelTax:
        """Tax, line by line."""
        tax = self._price(parcel, option).tax
        return tax.assess(freight_discount) if tax else NO_TAX

    def _price(self, parcel: int, option: int) -> "_Priced":
        known = self._priced[parcel][option]
        if known is None:
            chosen = self._options[parcel][option]
            tax = OptionTax(chosen, self._taxed[parcel]) if self._rules else None
            fixed = self.net[parcel] + chosen.freight + chosen.fee_total + (tax.settled if tax else 0)
            known = self._priced[parcel][option] = _Priced(fixed, tax)
        return known


class _Priced(msgspec.Struct, frozen=True):
    """A parcel under one option: goods, freight, fees and what tax is ``settled``, and the rest of its tax."""

    fixed: int
    tax: OptionTax | None


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
