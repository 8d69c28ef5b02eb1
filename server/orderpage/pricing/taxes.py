"""Applying tax rules to one parcel under one option: qualify, allocate freight, round by line.

Most of it does not depend on what promotions take off the freight, and is worked out once an option.
"""

from collections.abc import Mapping, Sequence
from operator import add

import msgspec

from orderpage.domain.money import allocate, half_up
from orderpage.domain.shipping import Item, Method, MethodKind, Mode, Option
from orderpage.domain.tax import Collector, TaxLine, TaxRule

_MILLION = 1_000_000
_MARKETPLACE, _BORDER = Collector.MARKETPLACE, Collector.BORDER


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
    """What a shipment holds as taxes see it: its items' ``nets``, a row per item and rule, and ``moving``, the rows
    that are collected and take freight. ``settled`` is what all collected rows come to without freight, ``unmoved``
    what those do that never take any.
    """

    nets: list[int]
    rows: list[_Row]
    moving: list[_Row]
    unmoved: int
    settled: int


class TaxedGoods:
    """A parcel's items under the tax rules. What they come to is the same for all methods of a mode and kind."""

    def __init__(self, items: Mapping[int, TaxedItem], rules: Sequence[TaxRule]) -> None:
        """``items`` is keyed by ``id`` of the parcel's item values."""
        self._items = items
        self._rules = rules
        self._seen: dict[tuple[tuple[int, ...], Mode, MethodKind], _Taxed] = {}

    def seen_by(self, method: Method, items: Sequence[Item]) -> _Taxed:
        """A shipment's items by that method."""
        names = tuple(map(id, items))
        key = names, method.mode, method.kind
        known = self._seen.get(key)
        if known is None:
            known = self._seen[key] = self._taxed(method, [self._items[name] for name in names])
        return known

    def _taxed(self, method: Method, items: Sequence[TaxedItem]) -> _Taxed:
        rows: list[_Row] = []
        moving: list[_Row] = []
        unmoved = settled = 0
        terms = [(rule, method.mode in rule.modes, method.kind in rule.freight_kinds) for rule in self._rules]
        for place, item in enumerate(items):
            for rule, by_mode, with_freight in terms:
                qualifies = by_mode and _qualifies(rule, item)
                row = _row(rule, item, place, qualifies, not qualifies or with_freight)
                rows.append(row)
                if qualifies:
                    amount = half_up(row.base * row.rate_ppm, _MILLION)
                    settled += amount
                    if with_freight:
                        moving.append(row)
                    else:
                        unmoved += amount
        return _Taxed([item.net for item in items], rows, moving, unmoved, settled)


class OptionTax:
    """The tax of a parcel under one option, whatever its freight discount will be.

    ``settled`` is what is collected at checkout without any freight: all of it unless the tax ``moves`` with freight.
    """

    __slots__ = ("_charges", "_freights", "_known", "_shared", "_shipments", "moves", "settled")

    def __init__(self, option: Option, goods: TaxedGoods) -> None:
        self._shipments = [goods.seen_by(option.method, shipment.items) for shipment in option.shipments]
        self._freights = [shipment.freight for shipment in option.shipments]
        self._charges = option.charges
        self._shared: dict[int, list[list[int]]] = {}
        self._known: dict[int, int] = {}
        self.settled = sum([taxed.settled for taxed in self._shipments])
        self.moves = any(taxed.moving for taxed in self._shipments)

    def on_freight(self, freight_discount: int) -> int:
        """What is collected above ``settled``, never negative: ``assess`` without the lines, remembered."""
        known = self._known.get(freight_discount)
        if known is None:
            known = -self.settled
            for taxed, shares in zip(self._shipments, self._shares(freight_discount), strict=True):
                known += taxed.unmoved + _collected(taxed.moving, shares)
            self._known[freight_discount] = known
        return known

    def assess(self, freight_discount: int) -> ParcelTax:
        """Tax on every item. ``freight_discount`` is zero or negative."""
        collected = border = 0
        lines: list[TaxLine] = []
        for taxed, shares in zip(self._shipments, self._shares(freight_discount), strict=True):
            for row in taxed.rows:
                base, collector = row.base, row.collector
                if row.takes_freight:
                    base += shares[row.place]
                amount = half_up(base * row.rate_ppm, _MILLION)
                if collector is _MARKETPLACE:
                    collected += amount
                else:
                    border += amount
                lines.append(TaxLine(row.code, row.line_id, base, amount, collector))
        return ParcelTax(collected, border, tuple(lines))

    def _shares(self, freight_discount: int) -> list[list[int]]:
        """Each item's share of what the buyer pays for its shipment, remembered."""
        known = self._shared.get(freight_discount)
        if known is None:
            if len(self._freights) == 1:
                known = [allocate(self._charges[0] + freight_discount, self._shipments[0].nets)]
            else:
                cuts = allocate(freight_discount, self._freights)
                charges = map(add, self._charges, cuts)
                known = [allocate(c, taxed.nets) for c, taxed in zip(charges, self._shipments, strict=True)]
            self._shared[freight_discount] = known
        return known


def tax_parcel(
    option: Option, items: Mapping[int, TaxedItem], freight_discount: int, rules: Sequence[TaxRule]
) -> ParcelTax:
    """Tax on every item of the parcel. ``items`` is keyed by ``id`` of the parcel's item values.

    Freight in a tax base is what the buyer pays: with fees, after promotions (domain rules, section 12), shared over
    the items of its shipment by their net amounts.
    """
    return OptionTax(option, TaxedGoods(items, rules)).assess(freight_discount) if rules else NO_TAX


def _qualifies(rule: TaxRule, taxed: TaxedItem) -> bool:
    sku = taxed.item.line.sku
    return sku.goods_class not in rule.excluded and taxed.line_taxable <= rule.item_limit * taxed.line_quantity


def _row(rule: TaxRule, taxed: TaxedItem, place: int, qualifies: bool, takes_freight: bool) -> _Row:
    line_id, collector = taxed.item.line.line_id, _MARKETPLACE if qualifies else _BORDER
    return _Row(place, rule.code, line_id, taxed.taxable, rule.rate_ppm, collector, takes_freight)


def _collected(rows: Sequence[_Row], shares: Sequence[int]) -> int:
    """What the rows come to with their ``shares`` of freight, by place."""
    return sum([half_up((row.base + shares[row.place]) * row.rate_ppm, _MILLION) for row in rows])
