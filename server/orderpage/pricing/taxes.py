"""Applying tax rules to one parcel under one option: qualify, allocate freight, round by line.

Most of it does not depend on what promotions take off the freight, and is worked out once an option.
"""

from collections.abc import Mapping, Sequence
from operator import add
from typing import NamedTuple

import msgspec

from orderpage.domain.money import allocate, parts_per_million
from orderpage.domain.shipping import Item, Method, Option
from orderpage.domain.tax import Collector, TaxLine, TaxRule


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

    ``places`` are the items' in the shipment, ``bases`` are without freight; ``order`` is the rule's among all.
    """

    code: str
    order: int
    ppm: int
    places: list[int]
    bases: list[int]
    line_ids: list[str]


_NO_ROWS = _Rows("", 0, 0, [], [], [])


class _Group(NamedTuple):
    """Rows that are alike: whether the tax is collected ``at_checkout`` (else at the border), and whether freight is in
    the base. ``whole`` where they are all items'. A tuple, because it is unpacked in the hottest loop.
    """

    rows: _Rows
    at_checkout: bool
    takes_freight: bool
    whole: bool


class _Divided(msgspec.Struct, frozen=True, gc=False):
    """A rule on a shipment's items: on all of them, on those that qualify by themselves, and on the others.

    ``settled`` is what those within come to without freight.
    """

    everything: _Rows
    within: _Rows
    beyond: _Rows
    settled: int


Treatment = tuple[tuple[bool, bool] | None, ...]
"""How each rule treats a method: whether its mode is taxed at checkout, and then whether with its freight; None where
the rule does not concern it.
"""

Charge = tuple[_Group, Sequence[int], Sequence[int]]
"""A group of rows with each one's base and amount."""


class Due(msgspec.Struct, frozen=True, gc=False):
    """What taxes take of a parcel: ``collected`` at checkout, at the ``border``, and the charges by shipment."""

    collected: int
    border: int
    charges: Sequence[Sequence[Charge]]

    @property
    def lines(self) -> tuple[TaxLine, ...]:
        """The tax line by line, in the order of items, then of rules."""
        if len(self.charges) == 1 and len(self.charges[0]) == 1:
            return tuple(_lines(self.charges[0][0]))
        return tuple([line for each in self.charges for line in _in_order(each)])


class ShipmentTax(dict[int, Due]):
    """The tax on a shipment by what the buyer pays for its carriage: freight and fees after promotions.

    Worked out when first asked for. ``settled`` is what its goods alone come to at checkout, before any freight;
    ``moves`` where freight adds to that.
    """

    __slots__ = ("_groups", "_nets", "_takes_freight", "moves", "settled")

    def __init__(self, nets: Sequence[int], groups: Sequence[_Group], settled: int) -> None:
        """``nets`` are the items' net amounts: they weigh each one's share of the freight."""
        super().__init__()
        self._nets = nets
        self._groups = groups
        self.settled = settled
        self.moves = self._takes_freight = False
        for group in groups:
            if group.takes_freight:
                self._takes_freight = True
                self.moves = self.moves or group.at_checkout

    def __missing__(self, carriage: int) -> Due:
        """Reckon it."""
        collected = border = 0
        charges: list[Charge] = []
        shares = allocate(carriage, self._nets) if self._takes_freight else ()
        for group in self._groups:
            rows, at_checkout, takes_freight, whole = group
            bases = rows.bases
            if takes_freight:
                bases = list(map(add, bases, shares if whole else [shares[place] for place in rows.places]))
            amounts = parts_per_million(bases, rows.ppm)
            if at_checkout:
                collected += sum(amounts)
            else:
                border += sum(amounts)
            charges.append((group, bases, amounts))
        due = self[carriage] = Due(collected, border, (charges,))
        return due


class DividedTax(dict[int, Due]):
    """The same for a parcel that travels as several shipments, by what the buyer pays for all of them."""

    __slots__ = ("_freights", "_paid", "_shipments", "moves", "settled")

    def __init__(self, option: Option, shipments: Sequence[ShipmentTax]) -> None:
        super().__init__()
        self._shipments = shipments
        self._freights = [shipment.freight for shipment in option.shipments]
        self._paid = option.charges
        self.settled = sum([tax.settled for tax in shipments])
        self.moves = any(tax.moves for tax in shipments)

    def __missing__(self, carriage: int) -> Due:
        """Reckon it: what promotions took off is shared by freight."""
        cuts = allocate(carriage - sum(self._paid), self._freights)
        dues = [tax[paid + cut] for tax, paid, cut in zip(self._shipments, self._paid, cuts, strict=True)]
        collected, border = sum([due.collected for due in dues]), sum([due.border for due in dues])
        due = self[carriage] = Due(collected, border, [charges for due in dues for charges in due.charges])
        return due


class TaxedGoods:
    """A parcel's items under the tax rules: the same for all methods that the rules treat alike."""

    def __init__(self, items: Mapping[int, TaxedItem], rules: Sequence[TaxRule]) -> None:
        """``items`` is keyed by ``id`` of the parcel's item values."""
        self._items = items
        self._rules = rules
        self._divided: dict[tuple[int, ...], list[_Divided]] = {}
        self._seen: dict[tuple[tuple[int, ...], Treatment], ShipmentTax] = {}

    def tax(self, option: Option) -> ShipmentTax | DividedTax:
        """The tax of an option, whatever will be paid for its carriage."""
        treatment = tuple([_treat(rule, option.method) for rule in self._rules])
        if len(option.shipments) == 1:
            return self._shipment(option.shipments[0].items, treatment)
        return DividedTax(option, [self._shipment(shipment.items, treatment) for shipment in option.shipments])

    def _shipment(self, items: Sequence[Item], treatment: Treatment) -> ShipmentTax:
        names = tuple(map(id, items))
        known = self._seen.get((names, treatment))
        if known is None:
            known = self._seen[names, treatment] = self._taxed(names, treatment)
        return known

    def _taxed(self, names: tuple[int, ...], treatment: Treatment) -> ShipmentTax:
        groups: list[_Group] = []
        settled = 0
        for treated, divided in zip(treatment, self._by_rule(names), strict=True):
            if treated is None:
                continue
            by_mode, with_freight = treated
            within, beyond = (divided.within, divided.beyond) if by_mode else (_NO_ROWS, divided.everything)
            if within.bases:
                groups.append(_Group(within, True, with_freight, not beyond.bases))
                settled += divided.settled
            if beyond.bases:
                groups.append(_Group(beyond, False, True, not within.bases))
        return ShipmentTax([self._items[name].net for name in names], groups, settled)

    def _by_rule(self, names: tuple[int, ...]) -> list[_Divided]:
        known = self._divided.get(names)
        if known is None:
            items = list(enumerate([self._items[name] for name in names]))
            known = self._divided[names] = [_divide(rule, order, items) for order, rule in enumerate(self._rules)]
        return known


def _treat(rule: TaxRule, method: Method) -> tuple[bool, bool] | None:
    if method.kind in rule.exempt_kinds:
        return None
    return (True, method.kind in rule.freight_kinds) if method.mode in rule.modes else (False, False)


def _divide(rule: TaxRule, order: int, items: Sequence[tuple[int, TaxedItem]]) -> _Divided:
    within = [placed for placed in items if _qualifies(rule, placed[1])]
    everything = _rows(rule, order, items)
    if len(within) == len(items):
        return _Divided(everything, everything, _NO_ROWS, _settled(everything))
    beyond = [placed for placed in items if not _qualifies(rule, placed[1])]
    qualified = _rows(rule, order, within)
    return _Divided(everything, qualified, _rows(rule, order, beyond), _settled(qualified))


def _settled(rows: _Rows) -> int:
    return sum(parts_per_million(rows.bases, rows.ppm))


def _rows(rule: TaxRule, order: int, items: Sequence[tuple[int, TaxedItem]]) -> _Rows:
    return _Rows(
        code=rule.code,
        order=order,
        ppm=rule.rate_ppm,
        places=[place for place, _ in items],
        bases=[taxed.taxable for _, taxed in items],
        line_ids=[taxed.item.line.line_id for _, taxed in items],
    )


def _qualifies(rule: TaxRule, taxed: TaxedItem) -> bool:
    sku = taxed.item.line.sku
    return sku.goods_class not in rule.excluded and taxed.line_taxable <= rule.item_limit * taxed.line_quantity


def _lines(charge: Charge) -> list[TaxLine]:
    (group, bases, amounts), code = charge, charge[0].rows.code
    collector = Collector.MARKETPLACE if group.at_checkout else Collector.BORDER
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
