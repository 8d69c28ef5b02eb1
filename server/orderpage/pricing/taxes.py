"""Applying tax rules to one parcel under one option: qualify, allocate freight, round by line."""

from collections.abc import Mapping, Sequence

import msgspec

from orderpage.domain.money import allocate, half_up
from orderpage.domain.shipping import Item, Option
from orderpage.domain.tax import Collector, TaxLine, TaxRule

_MILLION = 1_000_000


class ParcelTax(msgspec.Struct, frozen=True):
    """Tax of a parcel: ``collected`` at checkout, ``border`` estimated and not collected."""

    collected: int
    border: int
    lines: tuple[TaxLine, ...]


NO_TAX = ParcelTax(0, 0, ())


class TaxedItem(msgspec.Struct, frozen=True):
    """An item with its ``net`` amount (weighs its share of freight) and the amount ``taxable``.

    ``line_taxable`` and ``line_quantity`` are those of the line in all parcels together: limits are an item's, so a
    line divided over parcels is judged as one.
    """

    item: Item
    net: int
    taxable: int
    line_taxable: int
    line_quantity: int


def tax_parcel(
    option: Option, items: Mapping[int, TaxedItem], freight_discount: int, rules: Sequence[TaxRule]
) -> ParcelTax:
    """Tax on every item of the parcel. ``items`` is keyed by ``id`` of the parcel's item values.

    Freight in a tax base is what the buyer pays: with fees, after promotions (domain rules, section 12), shared over
    the items of its shipment by their net amounts.
    """
    if not rules:
        return NO_TAX
    lines: list[TaxLine] = []
    cuts = allocate(freight_discount, [shipment.freight for shipment in option.shipments])
    for shipment, charge, cut in zip(option.shipments, option.charges, cuts, strict=True):
        taxed = [items[id(item)] for item in shipment.items]
        shares = allocate(charge + cut, [item.net for item in taxed])
        for item, share in zip(taxed, shares, strict=True):
            lines.extend(_tax_item(rule, option, item, share) for rule in rules)
    return ParcelTax(
        collected=sum(line.amount for line in lines if line.collector is Collector.MARKETPLACE),
        border=sum(line.amount for line in lines if line.collector is Collector.BORDER),
        lines=tuple(lines),
    )


def _tax_item(rule: TaxRule, option: Option, taxed: TaxedItem, freight: int) -> TaxLine:
    sku = taxed.item.line.sku
    qualifies = (
        option.method.mode in rule.modes
        and sku.goods_class not in rule.excluded
        and taxed.line_taxable <= rule.item_limit * taxed.line_quantity
    )
    collector = Collector.MARKETPLACE if qualifies else Collector.BORDER
    base = taxed.taxable
    if not qualifies or option.method.kind in rule.freight_kinds:
        base += freight
    amount = half_up(base * rule.rate_ppm, _MILLION)
    return TaxLine(rule.code, taxed.item.line.line_id, base, amount, collector)
