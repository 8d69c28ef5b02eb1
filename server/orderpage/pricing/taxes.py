"""The tax on a shipment by what the buyer pays for its carriage: thresholds that depend on it, freight in the base.

What does not depend on what promotions take off the freight is worked out once an option: ``taxed_goods.py``.
"""

from collections.abc import Sequence
from operator import add
from typing import NamedTuple

import msgspec

from orderpage.domain.money import allocate
from orderpage.domain.shipping import Option
from orderpage.domain.tax import TaxLine
from orderpage.pricing.tax_rows import Column, TaxRows

_MILLION = 1_000_000

Elsewhere = tuple[int, ...]
"""By rule that combines parcels: what it tests of the page's other parcels, in page minor units."""


class Group(NamedTuple):
    """Rows that are alike: whether the tax is collected ``at_checkout`` (else at the border), and whether freight is in
    the base. ``whole`` where they are all items'. A tuple, because it is unpacked in the hottest loop.
    """

    rows: TaxRows
    at_checkout: bool
    takes_freight: bool
    whole: bool


Groups = tuple[Group, ...]


class Limit(NamedTuple):
    """A threshold that is tested anew for every carriage, or with what travels beside.

    ``goods`` are the shipment's; ``combined`` is the rule's place in ``Elsewhere``, None where it combines nothing.
    """

    goods: int
    with_carriage: bool
    limit: int
    combined: int | None
    within: Groups
    beyond: Groups

    def counted(self, carriage: int) -> int:
        """What is held against the limit of this shipment alone."""
        return self.goods + carriage if self.with_carriage else self.goods


Charge = tuple[Group, Sequence[Column], Sequence[int]]
"""A group of rows with each component's bases and amounts, and the carriage in each item's base; empty: in none."""


class Due(msgspec.Struct, frozen=True, gc=False):
    """What taxes take of a parcel: ``collected`` at checkout, at the ``border``, and the charges by shipment."""

    collected: int
    border: int
    charges: Sequence[Sequence[Charge]]

    @property
    def lines(self) -> tuple[TaxLine, ...]:
        """The tax line by line, in the order of items, then of rules and their components."""
        return tuple([line for each in self.charges for line in _in_order(each)])


Carriage = int | tuple[int, Elsewhere]
"""What the buyer pays for the carriage, freight and fees after promotions; with what is elsewhere if rules combine."""


class ShipmentTax(dict[Carriage, Due]):
    """The tax on a shipment by what the buyer pays for its carriage. Worked out when first asked for.

    ``settled`` is the least that its goods come to at checkout, whatever the carriage, and ``border`` at the border;
    ``moves`` where the carriage, or what is elsewhere, changes either; ``counts_carriage`` where the carriage does.
    """

    __slots__ = (
        "_groups", "_nets", "_ppm", "_roundings", "_takes_freight", "_tests", "border", "counts_carriage", "moves",
        "settled",
    )  # fmt: skip

    def __init__(self, nets: Sequence[int], groups: Groups, tests: Sequence[Limit]) -> None:
        """``nets`` are the items' net amounts: they weigh each one's share of the freight."""
        super().__init__()
        self._nets = nets
        self._groups = groups
        self._tests = tests
        self._takes_freight = False
        self._ppm = self._roundings = 0
        for group in groups:
            if group.takes_freight:
                self._takes_freight = True
                if group.whole:
                    self._ppm += group.rows.least_ppm
                    self._roundings += group.rows.roundings
        self.settled, self.border = _on_goods(groups)
        for test in tests:
            self._leave_open(test)
        self.counts_carriage = self._takes_freight or any(test.with_carriage for test in tests)
        self.moves = self._takes_freight or bool(tests)

    def _leave_open(self, test: Limit) -> None:
        for group in test.within + test.beyond:
            self._takes_freight = self._takes_freight or group.takes_freight
        near, far = _on_goods(test.within), _on_goods(test.beyond)
        self.settled += min(near[0], far[0])
        self.border += min(near[1], far[1])

    def on_carriage(self, carriage: int) -> int:
        """What the carriage adds to the tax at the least, at checkout and at the border together."""
        return max(0, carriage * self._ppm // _MILLION - self._roundings)

    def counted(self, carriage: int, rules: int) -> Elsewhere:
        """What each of the ``rules`` that combine tests of this shipment."""
        found = [0] * rules
        for test in self._tests:
            if test.combined is not None:
                found[test.combined] = test.counted(carriage)
        return tuple(found)

    def __missing__(self, key: Carriage) -> Due:
        """Reckon it."""
        carriage, elsewhere = (key, ()) if isinstance(key, int) else key
        groups = self._groups
        for test in self._tests:
            beside = 0 if test.combined is None or not elsewhere else elsewhere[test.combined]
            groups += test.within if test.counted(carriage) + beside <= test.limit else test.beyond
        collected = border = 0
        charges: list[Charge] = []
        shares = allocate(carriage, self._nets) if self._takes_freight else ()
        for group in groups:
            rows, at_checkout, takes_freight, whole = group
            bases: Sequence[int] = rows.items.bases
            carriages: Sequence[int] = ()
            if takes_freight:
                carriages = shares if whole else [shares[place] for place in rows.items.places]
                bases = list(map(add, bases, carriages))
            columns = rows.columns(bases)
            amount = sum(columns[0][1]) if len(columns) == 1 else sum([sum(amounts) for _, amounts in columns])
            if at_checkout:
                collected += amount
            else:
                border += amount
            charges.append((group, columns, carriages))
        due = self[key] = Due(collected, border, (charges,))
        return due


class DividedTax(dict[Carriage, Due]):
    """The same for a parcel that travels as several shipments, by what the buyer pays for all of them."""

    __slots__ = ("_freights", "_paid", "_shipments", "border", "counts_carriage", "moves", "settled")

    def __init__(self, option: Option, shipments: Sequence[ShipmentTax]) -> None:
        super().__init__()
        self._shipments = shipments
        self._freights = [shipment.listed if option.later else shipment.freight for shipment in option.shipments]
        self._paid = option.charges
        self.settled = sum([tax.settled for tax in shipments])
        self.border = sum([tax.border for tax in shipments])
        self.moves = any(tax.moves for tax in shipments)
        self.counts_carriage = any(tax.counts_carriage for tax in shipments)

    def _carriages(self, carriage: int) -> list[int]:
        """What promotions took off is shared by freight."""
        cuts = allocate(carriage - sum(self._paid), self._freights)
        return list(map(add, self._paid, cuts))

    def on_carriage(self, carriage: int) -> int:
        """As ``ShipmentTax.on_carriage``, before any discount."""
        return sum([tax.on_carriage(paid) for tax, paid in zip(self._shipments, self._paid, strict=True)])

    def counted(self, carriage: int, rules: int) -> Elsewhere:
        """As ``ShipmentTax.counted``."""
        return summed([t.counted(c, rules) for t, c in zip(self._shipments, self._carriages(carriage), strict=True)])

    def __missing__(self, key: Carriage) -> Due:
        """Reckon it. The parcel's other shipments are elsewhere, too."""
        carriage, elsewhere = (key, ()) if isinstance(key, int) else key
        carriages = self._carriages(carriage)
        if elsewhere:
            counted = [t.counted(c, len(elsewhere)) for t, c in zip(self._shipments, carriages, strict=True)]
            whole = summed([*counted, elsewhere])
            keys: list[Carriage] = [(c, beside(whole, own)) for c, own in zip(carriages, counted, strict=True)]
        else:
            keys = list(carriages)
        dues = [tax[each] for tax, each in zip(self._shipments, keys, strict=True)]
        collected, border = sum([due.collected for due in dues]), sum([due.border for due in dues])
        due = self[key] = Due(collected, border, [charges for due in dues for charges in due.charges])
        return due


def beside(whole: Elsewhere, own: Elsewhere) -> Elsewhere:
    """What is elsewhere, of the whole, for somebody who counts ``own``."""
    return tuple([total - part for total, part in zip(whole, own, strict=True)])


def summed(each: Sequence[Elsewhere]) -> Elsewhere:
    """Over the parcels, by rule."""
    return tuple(map(sum, zip(*each, strict=True)))


def _on_goods(groups: Groups) -> tuple[int, int]:
    """Collected, and at the border."""
    collected = border = 0
    for group in groups:
        if group.at_checkout:
            collected += group.rows.on_goods
        else:
            border += group.rows.on_goods
    return collected, border


def _in_order(charges: Sequence[Charge]) -> list[TaxLine]:
    """The lines of a shipment's charges, by item, then by rule and component. A flat amount has only what it owes."""
    if len(charges) == 1 and charges[0][0].rows.only is not None:
        group, (column,), carriages = charges[0]
        return group.rows.lines(0, column, carriages)
    placed = [
        ((place, group.rows.order, component), line)
        for group, columns, carriages in charges
        for component, column in enumerate(columns)
        for place, line in zip(group.rows.items.places, group.rows.lines(component, column, carriages), strict=True)
        if line.amount or not group.rows.treatment.components[component].flat
    ]
    placed.sort(key=_place)
    return [line for _, line in placed]


def _place(placed: tuple[tuple[int, int, int], TaxLine]) -> tuple[int, int, int]:
    return placed[0]
