"""Applying tax rules to one parcel under one option: qualify, allocate freight, round by line.

Most of it does not depend on what promotions take off the freight, and is worked out once an option.
"""

from collections.abc import Mapping, Sequence
from operator import add

import msgspec

from orderpage.domain.money import allocate
from orderpage.domain.shipping import Item, Method, MethodKind, Mode, Option
from orderpage.domain.tax import Collector, TaxLine, TaxRule

_MILLION, _TWO_MILLION = 1_000_000, 2_000_000
_MARKETPLACE, _BORDER = Collector.MARKETPLACE, Collector.BORDER


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


class _Rows(msgspec.Struct, frozen=True, gc=False):
    """A rule on some items of a shipment, column by column.

    ``places`` are the items' in the shipment, ``bases`` are without freight. ``twice_ppm`` is twice the rate, so that
    half up is one division; ``order`` is the rule's among all.
    """

    code: str
    order: int
    twice_ppm: int
    places: list[int]
    bases: list[int]
    line_ids: list[str]

    def amounts(self, bases: Sequence[int]) -> list[int]:
        """The tax of each row on such a base, rounded half up."""
        twice = self.twice_ppm
        return [(base * twice + _MILLION) // _TWO_MILLION for base in bases]


class _Group(msgspec.Struct, frozen=True, gc=False):
    """Rows that are alike: who collects, and whether freight is in the base. ``whole`` where they are all items'."""

    rows: _Rows
    collector: Collector
    takes_freight: bool
    whole: bool


class _Taxed(msgspec.Struct, frozen=True, gc=False):
    """What a shipment holds as taxes see it: its items' ``nets``, and all rows in groups.

    ``settled`` is what its goods alone come to at checkout, before any freight; ``moves`` where freight adds to
    that, ``takes_freight`` where it adds to any tax.
    """

    nets: list[int]
    groups: list[_Group]
    settled: int
    moves: bool
    takes_freight: bool


class _Divided(msgspec.Struct, frozen=True, gc=False):
    """A rule on a shipment's items: on all of them, on those that qualify by themselves, and on the others."""

    everything: _Rows
    within: _Rows
    beyond: _Rows


class TaxedGoods:
    """A parcel's items under the tax rules: the same for all methods that the rules treat alike."""

    def __init__(self, items: Mapping[int, TaxedItem], rules: Sequence[TaxRule]) -> None:
        """``items`` is keyed by ``id`` of the parcel's item values."""
        self._items = items
        self._rules = rules
        self._divided: dict[tuple[int, ...], list[_Divided]] = {}
        self._seen: dict[tuple[tuple[int, ...], Mode, MethodKind], _Taxed] = {}

    def seen_by(self, method: Method, items: Sequence[Item]) -> _Taxed:
        """A shipment's items by that method."""
        names = tuple(map(id, items))
        key = names, method.mode, method.kind
        known = self._seen.get(key)
        if known is None:
            known = self._seen[key] = self._taxed(method, names)
        return known

    def _taxed(self, method: Method, names: tuple[int, ...]) -> _Taxed:
        groups: list[_Group] = []
        settled, moves = 0, False
        for rule, divided in zip(self._rules, self._by_rule(names), strict=True):
            if method.mode not in rule.modes:
                groups.append(_Group(divided.everything, _BORDER, True, True))
                continue
            within, beyond = divided.within, divided.beyond
            if within.bases:
                with_freight = method.kind in rule.freight_kinds
                groups.append(_Group(within, _MARKETPLACE, with_freight, not beyond.bases))
                settled += sum(within.amounts(within.bases))
                moves = moves or with_freight
            if beyond.bases:
                groups.append(_Group(beyond, _BORDER, True, not within.bases))
        takes_freight = any(group.takes_freight for group in groups)
        return _Taxed([self._items[name].net for name in names], groups, settled, moves, takes_freight)

    def _by_rule(self, names: tuple[int, ...]) -> list[_Divided]:
        known = self._divided.get(names)
        if known is None:
            items = list(enumerate([self._items[name] for name in names]))
            known = self._divided[names] = [_divide(rule, order, items) for order, rule in enumerate(self._rules)]
        return known


Charge = tuple[_Group, Sequence[int], Sequence[int]]
"""A group of rows with each one's base and amount."""


class Due(msgspec.Struct, frozen=True, gc=False):
    """What taxes take of a parcel at one freight discount: at checkout, at the border, and by shipment the charges."""

    collected: int
    border: int
    charges: Sequence[Sequence[Charge]]


class OptionTax(dict[int, Due]):
    """The tax of a parcel under one option, by freight discount (zero or negative), worked out when first asked for.

    ``moves`` where the tax collected depends on the discount. ``settled`` is what the goods alone come to at checkout,
    before any freight.
    """

    __slots__ = ("_charges", "_freights", "_shipments", "moves", "settled")

    def __init__(self, option: Option, goods: TaxedGoods) -> None:
        super().__init__()
        self._shipments = [goods.seen_by(option.method, shipment.items) for shipment in option.shipments]
        self._freights = [shipment.freight for shipment in option.shipments]
        self._charges = option.charges
        self.moves = any(taxed.moves for taxed in self._shipments)
        self.settled = sum([taxed.settled for taxed in self._shipments])

    def __missing__(self, freight_discount: int) -> Due:
        """Reckon it."""
        if len(self._shipments) == 1:
            due = _due(self._shipments[0], self._charges[0] + freight_discount)
        else:
            charged = map(add, self._charges, allocate(freight_discount, self._freights))
            dues = [_due(taxed, charge) for taxed, charge in zip(self._shipments, charged, strict=True)]
            collected, border = sum([due.collected for due in dues]), sum([due.border for due in dues])
            due = Due(collected, border, [charges for due in dues for charges in due.charges])
        self[freight_discount] = due
        return due

    def lines(self, freight_discount: int) -> tuple[TaxLine, ...]:
        """The tax line by line, in the order of items, then of rules."""
        charges = self[freight_discount].charges
        if len(charges) == 1 and len(charges[0]) == 1:
            return tuple(_lines(charges[0][0]))
        return tuple([line for each in charges for line in _in_order(each)])


def _due(taxed: _Taxed, charge: int) -> Due:
    """Of one shipment. ``charge`` is what the buyer pays for it: freight and fees after promotions."""
    collected = border = 0
    charges: list[Charge] = []
    shares = allocate(charge, taxed.nets) if taxed.takes_freight else ()
    for group in taxed.groups:
        rows = group.rows
        bases = rows.bases
        if group.takes_freight:
            bases = list(map(add, bases, shares if group.whole else [shares[place] for place in rows.places]))
        amounts = rows.amounts(bases)
        if group.collector is _MARKETPLACE:
            collected += sum(amounts)
        else:
            border += sum(amounts)
        charges.append((group, bases, amounts))
    return Due(collected, border, (charges,))


def _divide(rule: TaxRule, order: int, items: Sequence[tuple[int, TaxedItem]]) -> _Divided:
    within = [placed for placed in items if _qualifies(rule, placed[1])]
    everything = _rows(rule, order, items)
    if len(within) == len(items):
        return _Divided(everything, everything, _rows(rule, order, ()))
    beyond = [placed for placed in items if not _qualifies(rule, placed[1])]
    return _Divided(everything, _rows(rule, order, within), _rows(rule, order, beyond))


def _rows(rule: TaxRule, order: int, items: Sequence[tuple[int, TaxedItem]]) -> _Rows:
    return _Rows(
        code=rule.code,
        order=order,
        twice_ppm=2 * rule.rate_ppm,
        places=[place for place, _ in items],
        bases=[taxed.taxable for _, taxed in items],
        line_ids=[taxed.item.line.line_id for _, taxed in items],
    )


def _qualifies(rule: TaxRule, taxed: TaxedItem) -> bool:
    sku = taxed.item.line.sku
    return sku.goods_class not in rule.excluded and taxed.line_taxable <= rule.item_limit * taxed.line_quantity


def _lines(charge: Charge) -> list[TaxLine]:
    (group, bases, amounts), code = charge, charge[0].rows.code
    collector = group.collector
    return [
        TaxLine(code, line_id, base, amount, collector)
        for line_id, base, amount in zip(group.rows.line_ids, bases, amounts, strict=True)
    ]


def _in_order(charges: Sequence[Charge]) -> list[TaxLine]:
    """The lines of a shipment's charges, by item, then by rule."""
    placed = [
        (place, charge[0].rows.order, line)
        for charge in charges
        for place, line in zip(charge[0].rows.places, _lines(charge), strict=True)
    ]
    return [line for _, _, line in sorted(placed, key=_place)]


def _place(placed: tuple[int, int, TaxLine]) -> tuple[int, int]:
    return placed[:2]
