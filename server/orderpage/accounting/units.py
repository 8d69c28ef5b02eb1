"""An order taken apart by units: the smallest things that can be refunded. All amounts of an order, divided exactly."""

from collections.abc import Iterator, Sequence

import msgspec

from orderpage.accounting.pieces import Cut, Piece, pieces_of, split
from orderpage.domain.discount import Target
from orderpage.domain.money import allocate
from orderpage.domain.order import Order, TaxShare


class Unit(msgspec.Struct, frozen=True, kw_only=True):
    """One unit of a piece, with its share of everything: ``goods`` and ``freight`` before the discounts ``cuts``."""

    piece: Piece
    goods: int
    net: int
    freight: int
    fees: int
    cost: int
    commission: int
    taxes: tuple[TaxShare, ...]
    cuts: tuple[Cut, ...]

    @property
    def paid_freight(self) -> int:
        """After discounts."""
        return self.freight - self.freight_cut

    @property
    def freight_cut(self) -> int:
        """What discounts took off its freight."""
        return sum([cut.amount for cut in self.cuts if cut.target is Target.FREIGHT])

    @property
    def tax_on_goods(self) -> int:
        """Of all its taxes."""
        return sum([tax.goods for tax in self.taxes])

    @property
    def tax_on_carriage(self) -> int:
        """Of all its taxes."""
        return sum([tax.carriage for tax in self.taxes])


def units_of(order: Order) -> dict[str, list[Unit]]:
    """By line, in the order in which they are refunded: the stable rule (domain rules, section 4, P-4)."""
    found: dict[str, list[Unit]] = {line.line_id: [] for line in order.lines}
    nets = {line.line_id: iter(allocate(line.net, [1] * line.quantity)) for line in order.lines}
    for piece in pieces_of(order):
        found[piece.line_id] += _units(piece, [next(nets[piece.line_id]) for _ in range(piece.quantity)])
    return found


def _units(piece: Piece, nets: Sequence[int]) -> Iterator[Unit]:
    evenly = [1] * piece.quantity
    goods, freight, fees, cost, commission = (
        allocate(amount, evenly) for amount in (piece.goods, piece.freight, piece.fees, piece.cost, piece.commission)
    )
    taxes = [(tax.code, allocate(tax.goods, evenly), allocate(tax.carriage, evenly)) for tax in piece.taxes]
    cuts: list[list[Cut]] = [[] for _ in evenly]
    for target, whole in ((Target.GOODS, [a - b for a, b in zip(goods, nets, strict=True)]), (Target.FREIGHT, freight)):
        ours = [cut for cut in piece.cuts if cut.target is target]
        for cut, shares in zip(ours, split([cut.amount for cut in ours], whole), strict=True):
            for own, share in zip(cuts, shares, strict=True):
                own.append(Cut(cut.rule, target, cut.funder, share, cut.seller))
    for index in range(piece.quantity):
        yield Unit(
            piece=piece,
            goods=goods[index],
            net=nets[index],
            freight=freight[index],
            fees=fees[index],
            cost=cost[index],
            commission=commission[index],
            taxes=tuple([TaxShare(code, on_goods[index], on_carriage[index]) for code, on_goods, on_carriage in taxes]),
            cuts=tuple(cuts[index]),
        )
