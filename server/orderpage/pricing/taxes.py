"""Applying tax rules to one parcel under one option: qualify, allocate freight, round by line.

Most of it does not depend on what promotions take off the freight, and is worked out once an option.
"""

from collections.abc import Mapping, Sequence

import msgspec

from orderpage.domain.money import allocate, half_up
from orderpage.domain.shipping import Item, Option
from orderpage.domain.tax import Collector, TaxLine, TaxRule

_MILLION = 1_000_000


class ParcelTax(msgspec.Struct, frozen=True, gc=False):
    """Tax of a parcel: ``collected`` at checkout, ``border`` estimated and not collected."""

    collected: int
    border: int
    lines: tuple[TaxLine, ...]


NO_TAX = ParcelTax(0, 0, ())


class TaxedItem(msgspec.Struct, frozen=True, gc=False):
    """An item with its ``net`` amount (weighs its share of freight) and the amount ``taxable``.

    ``line_taxable`` and ``line_quantity`` are those of the line in all parcels together: limits are an item's, so a
    line divided over parcels is judged as one.
    """

    item: Item
    net: int
    taxable: int
    line_taxable: int
    line_quantity: int


class _Row(msgspec.Struct, frozen=True, gc=False):
    """A rule on an item, decided but for its share of freight. ``place`` is the item's in its shipment."""

    place: int
    code: str
    line_id: str
    base: int
    rate_ppm: int
    collector: Collector
    takes_freight: bool


class _Taxed(msgspec.Struct, frozen=True, gc=False):
    """A shipment: its freight, its freight with fees, its items' ``nets`` and rows; ``moving`` is collected and takes
    freight.
    """

    freight: int
    charge: int
    nets: list[int]
    rows: list[_Row]
    moving: list[_Row]


class OptionTax:
    """The tax of a parcel under one option, whatever its freight discount will be.

    ``least`` is what is collected at checkout when nothing is charged for freight: it is never less.
    """

    __slots__ = ("_moves", "_shared", "_shipments", "least")

    def __init__(self, option: Option, items: Mapping[int, TaxedItem], rules: Sequence[TaxRule]) -> None:
        """``items`` is keyed by ``id`` of the parcel's item values."""
        self._shipments: list[_Taxed] = []
        for shipment, charge in zip(option.shipments, option.charges, strict=True):
            taxed = [items[id(item)] for item in shipment.items]
            rows = [_row(rule, option, item, place) for place, item in enumerate(taxed) for rule in rules]
            moving = [row for row in rows if row.takes_freight and row.collector is Collector.MARKETPLACE]
            self._shipments.append(_Taxed(shipment.freight, charge, [item.net for item in taxed], rows, moving))
        self._shared: dict[int, list[list[int]]] = {}
        self._moves = any(shipment.moving for shipment in self._shipments)
        self.least = sum(
            half_up(row.base * row.rate_ppm, _MILLION)
            for shipment in self._shipments
            for row in shipment.rows
            if row.collector is Collector.MARKETPLACE
        )

    def collected(self, freight_discount: int) -> int:
        """``assess(freight_discount).collected``, without the lines."""
        if not self._moves:
            return self.least
        amount = self.least
        for shipment, shares in zip(self._shipments, self._shares(freight_discount), strict=True):
            for row in shipment.moving:
                taxed = half_up((row.base + shares[row.place]) * row.rate_ppm, _MILLION)
                amount += taxed - half_up(row.base * row.rate_ppm, _MILLION)
        return amount

    def assess(self, freight_discount: int) -> ParcelTax:
        """Tax on every item. ``freight_discount`` is zero or negative."""
        collected = border = 0
        lines: list[TaxLine] = []
        for shipment, shares in zip(self._shipments, self._shares(freight_discount), strict=True):
            for row in shipment.rows:
                base = row.base + shares[row.place] if row.takes_freight else row.base
                amount = half_up(base * row.rate_ppm, _MILLION)
                if row.collector is Collector.MARKETPLACE:
                    collected += amount
                else:
                    border += amount
                lines.append(TaxLine(row.code, row.line_id, base, amount, row.collector))
        return ParcelTax(collected, border, tuple(lines))

    def _shares(self, freight_discount: int) -> list[list[int]]:
        """Each item's share of what the buyer pays for its shipment, remembered."""
        known = self._shared.get(freight_discount)
        if known is None:
            cuts = allocate(freight_discount, [shipment.freight for shipment in self._shipments])
            known = self._shared[freight_discount] = [
                allocate(shipment.charge + cut, shipment.nets)
                for shipment, cut in zip(self._shipments, cuts, strict=True)
            ]
        return known


def tax_parcel(
    option: Option, items: Mapping[int, TaxedItem], freight_discount: int, rules: Sequence[TaxRule]
) -> ParcelTax:
    """Tax on every item of the parcel. ``items`` is keyed by ``id`` of the parcel's item values.

    Freight in a tax base is what the buyer pays: with fees, after promotions (domain rules, section 12), shared over
    the items of its shipment by their net amounts.
    """
    return OptionTax(option, items, rules).assess(freight_discount) if rules else NO_TAX


def _row(rule: TaxRule, option: Option, taxed: TaxedItem, place: int) -> _Row:
    line = taxed.item.line
    qualifies = (
        option.method.mode in rule.modes
        and line.sku.goods_class not in rule.excluded
        and taxed.line_taxable <= rule.item_limit * taxed.line_quantity
    )
    return _Row(
        place=place,
        code=rule.code,
        line_id=line.line_id,
        base=taxed.taxable,
        rate_ppm=rule.rate_ppm,
        collector=Collector.MARKETPLACE if qualifies else Collector.BORDER,
        takes_freight=not qualifies or option.method.kind in rule.freight_kinds,
    )
