"""What each line bears of its parcel: the order keeps it, so that any part of it can be refunded later."""

from collections.abc import Iterator, Mapping

from orderpage.domain.money import allocate, half_up
from orderpage.domain.order import Portion, TaxShare
from orderpage.domain.page import Page, PageOption, PageParcel
from orderpage.domain.tax import Collector

Amounts = dict[str, int]
"""By line id."""


def portions_of(page: Page) -> list[tuple[Portion, ...]]:
    """The portions of each parcel of an orderable page."""
    units = {line.line_id: iter(allocate(page.net_by_line[line.line_id], [1] * line.quantity)) for line in page.lines}
    return [tuple(_portions(parcel, units)) for parcel in page.parcels]


def _portions(parcel: PageParcel, units: Mapping[str, Iterator[int]]) -> Iterator[Portion]:
    """``units`` are what the units of each line cost that are in no parcel yet: a line is divided by whole units."""
    choice = parcel.choice
    if choice is None:
        raise AssertionError(f"parcel {parcel.parcel.parcel_id} of an orderable page has no selected option")
    items = parcel.parcel.items
    nets = {item.line.line_id: sum([next(units[item.line.line_id]) for _ in range(item.quantity)]) for item in items}
    freight, fees = _carried(choice, nets)
    taxes = _taxes(choice)
    for item in items:
        line_id = item.line.line_id
        yield Portion(
            line_id=line_id,
            quantity=item.quantity,
            net=nets[line_id],
            freight=freight[line_id],
            fees=fees[line_id],
            taxes=tuple(taxes.get(line_id, ())),
        )


def _carried(choice: PageOption, nets: Amounts) -> tuple[Amounts, Amounts]:
    """Each line's list freight and fees: of its own shipment, by its net."""
    option = choice.priced.option
    freight: Amounts = {}
    fees: Amounts = {}
    for shipment, charge in zip(option.shipments, option.charges, strict=True):
        names = [item.line.line_id for item in shipment.items]
        weights = [nets[name] for name in names]
        freight.update(zip(names, allocate(shipment.freight, weights), strict=True))
        fees.update(zip(names, allocate(charge - shipment.freight, weights), strict=True))
    return freight, fees


def _taxes(choice: PageOption) -> dict[str, list[TaxShare]]:
    """What was collected, by line: on goods and on carriage in proportion to the two in the base."""
    found: dict[str, list[TaxShare]] = {}
    for tax in choice.tax_lines:
        if tax.collector is Collector.MARKETPLACE:
            on_carriage = half_up(tax.amount * tax.carriage, tax.base) if tax.carriage else 0
            found.setdefault(tax.line_id, []).append(TaxShare(tax.code, tax.amount - on_carriage, on_carriage))
    return found
