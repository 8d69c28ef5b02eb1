"""What each line bears of its parcel: the order keeps it, so that any part of it can be refunded later."""

from collections.abc import Iterator, Mapping, Sequence

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
    freight, fees, carriage = _carried(choice, nets)
    taxes = _taxes(choice, nets, carriage)
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


def _carried(choice: PageOption, nets: Amounts) -> tuple[Amounts, Amounts, Amounts]:
    """Each line's list freight, fees, and what it pays for both after discounts: of its own shipment, by its net."""
    option = choice.priced.option
    freight: Amounts = {}
    fees: Amounts = {}
    paid: Amounts = {}
    cuts = allocate(choice.priced.discount, [shipment.freight for shipment in option.shipments])
    for shipment, charge, cut in zip(option.shipments, option.charges, cuts, strict=True):
        names = [item.line.line_id for item in shipment.items]
        weights = [nets[name] for name in names]
        freight.update(zip(names, allocate(shipment.freight, weights), strict=True))
        fees.update(zip(names, allocate(charge - shipment.freight, weights), strict=True))
        paid.update(zip(names, allocate(charge + cut, weights), strict=True))
    return freight, fees, paid


def _taxes(choice: PageOption, nets: Amounts, carriage: Amounts) -> dict[str, list[TaxShare]]:
    """What was collected, by line: on goods and on carriage in proportion to the two in the base."""
    bases: dict[str, list[tuple[str, int, int]]] = {}
    for tax in choice.tax_lines:
        if tax.collector is Collector.MARKETPLACE:
            bases.setdefault(tax.code, []).append((tax.line_id, tax.base, tax.amount))
    found: dict[str, list[TaxShare]] = {}
    for code, rows in bases.items():
        with_carriage = _includes_carriage(rows, nets, carriage)
        for line_id, base, amount in rows:
            on_carriage = half_up(amount * carriage[line_id], base) if with_carriage and base else 0
            on_carriage = min(on_carriage, amount)
            found.setdefault(line_id, []).append(TaxShare(code, amount - on_carriage, on_carriage))
    return found


def _includes_carriage(rows: Sequence[tuple[str, int, int]], nets: Amounts, carriage: Amounts) -> bool:
    """Whether the bases hold more than the goods, namely the freight.

    Bases and nets may differ by a discount that is no matter to the tax, so they are compared in sum, and to the half.
    """
    beyond = sum([base - nets[line_id] for line_id, base, _ in rows])
    paid = sum([carriage[line_id] for line_id, _, _ in rows])
    return paid > 0 and 2 * beyond >= paid
