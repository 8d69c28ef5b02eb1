"""A tax treatment on some items of a shipment, column by column: bases in, the amounts of its components out."""

from collections.abc import Iterable, Sequence
from operator import add

import msgspec
from msgspec.structs import replace

from orderpage.domain.money import allocate, half_up, parts_per_million
from orderpage.domain.shipping import Item
from orderpage.domain.tax import Collector, Component, FlatPer, Rounding, TaxLine, TaxRule, Treatment

_MILLION = 1_000_000

Column = tuple[Sequence[int], Sequence[int]]
"""A component's base and amount of each item."""


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


class TaxedColumns(msgspec.Struct, frozen=True, gc=False):
    """Items of a shipment: their ``places`` in it, their ``bases`` without freight, their lines and tariff headings."""

    places: list[int]
    bases: list[int]
    line_ids: list[str]
    headings: list[str]

    @classmethod
    def of(cls, items: Sequence[tuple[int, TaxedItem]]) -> "TaxedColumns":
        """Of items with their places."""
        return cls(
            [place for place, _ in items],
            [taxed.taxable for _, taxed in items],
            [taxed.item.line.line_id for _, taxed in items],
            [taxed.item.line.sku.hs6 for _, taxed in items],
        )


class TaxRows(msgspec.Struct, frozen=True, gc=False):
    """A treatment of those items by a ``rule``; ``order`` is the rule's among all.

    ``on_goods`` is what it comes to without any freight.
    ``only`` is the rate of a treatment that has but one component and rounds by line: the usual case, and the hottest.
    """

    rule: str
    treatment: Treatment
    rounding: Rounding
    order: int
    items: TaxedColumns
    only: int | None
    on_goods: int = 0

    @property
    def at_checkout(self) -> bool:
        """Or else at the border."""
        return self.treatment.collector is Collector.MARKETPLACE

    @property
    def least_ppm(self) -> int:
        """What freight in the base costs at the least: parts per million, whichever item it falls to."""
        if self.only is not None:
            return self.only
        headings = self.items.headings
        return sum([min([each.ppm_of(heading) for heading in headings]) for each in self.treatment.components])

    @property
    def roundings(self) -> int:
        """Amounts that are rounded, each by less than one minor unit."""
        return len(self.items.places) * len(self.treatment.components)

    def columns(self, bases: Sequence[int]) -> Sequence[Column]:
        """Each component's base and amount, in order. ``bases`` are those of the items, with or without freight."""
        if self.only is not None:
            return ((bases, parts_per_million(bases, self.only)),)
        if self.rounding is Rounding.INVOICE:
            return self._by_invoice(bases)
        found: dict[str, Column] = {}
        for component in self.treatment.components:
            if component.flat:
                found[component.code] = bases, self._flat(component, found.values())
                continue
            based = list(bases)
            for code in component.on:
                based = list(map(add, based, found[code][1]))
            found[component.code] = (
                based,
                [
                    half_up(base * component.ppm_of(heading), _MILLION)
                    for base, heading in zip(based, self.items.headings, strict=True)
                ],
            )
        return tuple(found.values())

    def _by_invoice(self, bases: Sequence[int]) -> Sequence[Column]:
        """Nothing is rounded but each component's sum, once; the lines share it by what they come to exactly."""
        scale = _MILLION ** len(self.treatment.components)
        exact: dict[str, list[int]] = {}
        found: dict[str, Column] = {}
        for component in self.treatment.components:
            if component.flat:
                exact[component.code] = [0] * len(bases)
                found[component.code] = bases, self._flat(component, found.values())
                continue
            based = [base * scale for base in bases]
            for code in component.on:
                based = list(map(add, based, exact[code]))
            shares = [
                base * component.ppm_of(heading) // _MILLION  # without a remainder: the scale sees to that
                for base, heading in zip(based, self.items.headings, strict=True)
            ]
            exact[component.code] = shares
            shown = [half_up(base, scale) for base in based]
            found[component.code] = shown, allocate(half_up(sum(shares), scale), shares)
        return tuple(found.values())

    def _flat(self, component: Component, earlier: Iterable[Column]) -> list[int]:
        """On the first item that it is due for."""
        if component.flat_per is FlatPer.HS6:
            first = {heading: index for index, heading in reversed(list(enumerate(self.items.headings)))}
            return [
                component.flat if first[heading] == index else 0 for index, heading in enumerate(self.items.headings)
            ]
        due = any(amount for _, amounts in earlier for amount in amounts)
        return [component.flat if due and not index else 0 for index in range(len(self.items.headings))]

    def lines(self, component: int, column: Column, carriages: Sequence[int]) -> list[TaxLine]:
        """A component's tax line by line, as its column has it; ``carriages`` are in the bases, empty where none is."""
        declared, rule, collector = self.treatment.components[component], self.rule, self.treatment.collector
        code, (bases, amounts) = declared.code, column
        if carriages and not declared.flat:
            return [
                TaxLine(code, line_id, base, amount, collector, rule, carriage)
                for line_id, base, amount, carriage in zip(self.items.line_ids, bases, amounts, carriages, strict=True)
            ]
        return [
            TaxLine(code, line_id, base, amount, collector, rule)
            for line_id, base, amount in zip(self.items.line_ids, bases, amounts, strict=True)
        ]


def rows_of(rule: TaxRule, treatment: Treatment | None, order: int, items: TaxedColumns) -> TaxRows | None:
    """The treatment on these items; None where there is nothing to collect."""
    if treatment is None or not items.places:
        return None
    first, *more = treatment.components
    alone = not more and not first.flat and not first.by_hs and rule.rounding is Rounding.LINE
    rows = TaxRows(rule.code, treatment, rule.rounding, order, items, first.rate_ppm if alone else None)
    on_goods = sum([sum(amounts) for _, amounts in rows.columns(items.bases)])
    return replace(rows, on_goods=on_goods)
