"""What an order is made of, down to the cent: each line's part of each parcel, with who pays for its discounts.

The ledger books these, refunds take them apart by units: both sum to the order exactly, because every amount is
divided from what the division before it left.
"""

from collections.abc import Container, Iterator, Mapping, Sequence
from itertools import pairwise
from operator import add

import msgspec

from orderpage.domain.discount import Adjustment, Funder, Target
from orderpage.domain.money import allocate
from orderpage.domain.order import Order, OrderLine, OrderParcel, Portion, TaxShare

UNNAMED = "UNNAMED"
"""The code of discounts and taxes of orders that did not keep theirs."""


class Cut(msgspec.Struct, frozen=True):
    """A discount on a piece: ``amount`` (zero or more) paid by ``funder``. ``rule`` is its place in the order.

    ``seller`` is the shop that pays where that is not the piece's own.
    """

    rule: int
    target: Target
    funder: Funder
    amount: int
    seller: str = ""


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """``quantity`` units of a line in a parcel. ``goods`` and ``freight`` are before discounts, ``cost`` is the
    carrier's for that freight.
    """

    line_id: str
    shop_id: str
    parcel: OrderParcel
    quantity: int
    goods: int
    net: int
    freight: int
    fees: int
    cost: int
    commission: int
    taxes: tuple[TaxShare, ...]
    cuts: tuple[Cut, ...]


Columns = list[tuple[int, Funder, int]]
"""Rule, funder, and what he pays (zero or more)."""

Named = Mapping[int, Mapping[int, str]]
"""By rule that names shops or lines: which of some rows it names, each with its shop."""


def pieces_of(order: Order) -> tuple[Piece, ...]:
    """All pieces: by parcel, and in it by line. An order from before schema 0004 is divided by net amounts."""
    lines = {line.line_id: line for line in order.lines}
    rows = _rows(order, lines)
    cuts: list[list[Cut]] = [[] for _ in rows]
    of_line: dict[str, list[int]] = {}
    of_parcel: dict[str, list[int]] = {}
    for index, (parcel, portion) in enumerate(rows):
        of_line.setdefault(portion.line_id, []).append(index)
        of_parcel.setdefault(parcel.parcel_id, []).append(index)
    goods, freight = _columns(order.adjustments, Target.GOODS), _columns(order.adjustments, Target.FREIGHT)
    for line_id, at in of_line.items():
        line = lines[line_id]
        left = [line.unit_amount * rows[index][1].quantity - rows[index][1].net for index in at]
        _take(cuts, at, left, _with_rest(goods.get(line_id, []), line.amount - line.net), Target.GOODS, {})
    for at in of_parcel.values():
        parcel = rows[at[0]][0]
        left = [rows[index][1].freight for index in at]
        named = _named(order.adjustments, [lines[rows[index][1].line_id] for index in at])
        _take(cuts, at, left, _with_rest(freight.get(parcel.parcel_id, []), -parcel.discount), Target.FREIGHT, named)
    costs, commissions = _costs(rows), _commissions(rows, order.lines)
    each = zip(rows, costs, commissions, cuts, strict=True)
    return tuple([_piece(lines, row, cost, commission, cut) for row, cost, commission, cut in each])


Row = tuple[OrderParcel, Portion]


def _rows(order: Order, lines: Mapping[str, OrderLine]) -> list[Row]:
    units = {line.line_id: iter(allocate(line.net, [1] * line.quantity)) for line in order.lines}
    return [
        (parcel, portion)
        for parcel in order.parcels
        for portion in parcel.portions or _divided(parcel, [_taken(units, *each) for each in parcel.contents])
    ]


def _taken(units: Mapping[str, Iterator[int]], line_id: str, quantity: int) -> int:
    """What the next units of a line come to."""
    return sum([next(units[line_id]) for _ in range(quantity)])


def _piece(lines: Mapping[str, OrderLine], row: Row, cost: int, commission: int, cuts: Sequence[Cut]) -> Piece:
    parcel, portion = row
    line = lines[portion.line_id]
    return Piece(
        line_id=line.line_id,
        shop_id=line.shop_id,
        parcel=parcel,
        quantity=portion.quantity,
        goods=line.unit_amount * portion.quantity,
        net=portion.net,
        freight=portion.freight,
        fees=portion.fees,
        cost=cost,
        commission=commission,
        taxes=portion.taxes,
        cuts=tuple(cuts),
    )


def _columns(adjustments: Sequence[Adjustment], target: Target) -> dict[str, Columns]:
    """By bearer: what each funder pays of each discount."""
    found: dict[str, Columns] = {}
    for rule, adjustment in enumerate(adjustments):
        if adjustment.target is target:
            for funder, bearer, amount in adjustment.by_funder():
                found.setdefault(bearer, []).append((rule, funder, -amount))
    return found


def _with_rest(columns: Columns, whole: int) -> Columns:
    """What no discount of the order explains is the platform's: old orders kept no discounts."""
    rest = whole - sum([amount for _, _, amount in columns])
    return [*columns, (-1, Funder.PLATFORM, rest)] if rest else columns


def _named(adjustments: Sequence[Adjustment], lines: Sequence[OrderLine]) -> Named:
    """Of the ``lines`` of a parcel's rows."""
    return {
        rule: {place: line.shop_id for place, line in enumerate(lines) if adjustment.names(line.shop_id, line.line_id)}
        for rule, adjustment in enumerate(adjustments)
        if adjustment.shops or adjustment.lines
    }


def _take(
    cuts: list[list[Cut]], at: Sequence[int], left: list[int], columns: Columns, target: Target, named: Named
) -> None:
    """Divide each discount over the rows ``at``, of which ``left`` can still be taken off; then over its funders."""
    if len(at) == 1:
        cuts[at[0]] += [Cut(rule, target, funder, amount) for rule, funder, amount in columns if amount]
        return
    for rule in dict.fromkeys([rule for rule, _, _ in columns]):
        funded = [(funder, amount) for other, funder, amount in columns if other == rule]
        ours = named.get(rule, {})
        parts = _parts(sum([amount for _, amount in funded]), left, ours)
        left = [rest - part for rest, part in zip(left, parts, strict=True)]
        for (funder, _), shares in zip(funded, split([amount for _, amount in funded], parts), strict=True):
            for place, share in enumerate(shares):
                if ours and place not in ours and funder is Funder.SELLER:
                    each = zip(ours.values(), allocate(share, [parts[own] for own in ours]), strict=True)
                else:
                    each = zip(("",), (share,), strict=True)
                cuts[at[place]] += [Cut(rule, target, funder, paid, seller) for seller, paid in each if paid]


def _parts(amount: int, left: Sequence[int], ours: Container[int]) -> list[int]:
    """A discount by row: off those that it names as far as they go, for weight that is free may be worth more than what
    a line bears by its price; then off the others.
    """
    own = [rest if place in ours else 0 for place, rest in enumerate(left)]
    first = min(amount, sum(own))
    others = [rest - mine for rest, mine in zip(left, own, strict=True)]
    return list(map(add, allocate(first, own), allocate(amount - first, others)))


def split(amounts: Sequence[int], parts: Sequence[int]) -> Iterator[list[int]]:
    """Divide each of ``amounts`` over ``parts``, which have the same sum: each division out of what is left of those.

    So a part is never taken twice, and rows and columns both sum exactly.
    """
    left = list(parts)
    for amount in amounts:
        shares = allocate(amount, left)
        left = [rest - share for rest, share in zip(left, shares, strict=True)]
        yield shares


def _costs(rows: Sequence[Row]) -> list[int]:
    """The carrier's cost by row, by net."""
    found: list[int] = []
    starts = [index for index, (parcel, _) in enumerate(rows) if not index or rows[index - 1][0] is not parcel]
    for start, end in pairwise([*starts, len(rows)]):
        found += allocate(rows[start][0].cost, [portion.net for _, portion in rows[start:end]])
    return found


def _commissions(rows: Sequence[Row], lines: Sequence[OrderLine]) -> list[int]:
    """The commission by row: a line's is divided by units."""
    units = {line.line_id: iter(allocate(line.commission, [1] * line.quantity)) for line in lines}
    return [_taken(units, portion.line_id, portion.quantity) for _, portion in rows]


def _divided(parcel: OrderParcel, nets: Sequence[int]) -> list[Portion]:
    """The portions that an old order did not keep."""
    freight, fees, taxes = (allocate(each, nets) for each in (parcel.freight, parcel.fees, parcel.tax))
    return [
        Portion(
            line_id=line_id,
            quantity=quantity,
            net=nets[index],
            freight=freight[index],
            fees=fees[index],
            taxes=(TaxShare(UNNAMED, taxes[index]),) if taxes[index] else (),
        )
        for index, (line_id, quantity) in enumerate(parcel.contents)
    ]
