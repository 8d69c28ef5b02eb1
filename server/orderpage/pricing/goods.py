"""What follows for each parcel from the goods' prices, worked out once however many selections are priced."""

from collections.abc import Sequence

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
        self._taxed = (
            [TaxedGoods(items, rules) for items in _taxed_items(prices, pieces, len(options))] if rules else []
        )
        self._taxes: dict[tuple[int, int], OptionTax] = {}
        self._costs: dict[tuple[int, int, int], int] = {}
        self._assessed: dict[tuple[int, int, int], ParcelTax] = {}

    def least(self, parcel: int, option: int) -> int:
        """What a parcel adds to the page under an option, before discounts on its freight and tax on that."""
        chosen = self._options[parcel][option]
        tax = self._tax_of(parcel, option).least if self._rules else 0
        return self.net[parcel] + chosen.freight + chosen.fee_total + tax

    def cost(self, parcel: int, option: int, freight_discount: int) -> int:
        """What a parcel adds to the page: goods, freight and fees after discounts, tax that is collected."""
        key = parcel, option, freight_discount
        known = self._costs.get(key)
        if known is None:
            chosen = self._options[parcel][option]
            tax = self._tax_of(parcel, option).collected(freight_discount) if self._rules else 0
            charge = chosen.freight + freight_discount + chosen.fee_total
            known = self._costs[key] = self.net[parcel] + charge + tax
        return known

    def tax(self, parcel: int, option: int, freight_discount: int) -> ParcelTax:
        """Tax, line by line."""
        if not self._rules:
            return NO_TAX
        key = parcel, option, freight_discount
        known = self._assessed.get(key)
        if known is None:
            known = self._assessed[key] = self._tax_of(parcel, option).assess(freight_discount)
        return known

    def _tax_of(self, parcel: int, option: int) -> OptionTax:
        key = parcel, option
        known = self._taxes.get(key)
        if known is None:
            known = self._taxes[key] = OptionTax(self._options[parcel][option], self._taxed[parcel])
        return known


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
