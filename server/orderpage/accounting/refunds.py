"""Refunds (domain rules, sections 2.3, 4 and 5.3): pure functions of an order and of what was refunded of it before.

An order is taken apart by units, each with its share of everything, and a unit goes back once. So any sequence of
refunds gives back what was paid and no cent more, and all of it when all has gone back.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

from orderpage.accounting.refund_ledger import Taken, entries_of_refund
from orderpage.accounting.units import Unit, units_of
from orderpage.domain.discount import Adjustment, Lane, Target, ThresholdBase
from orderpage.domain.money import allocate
from orderpage.domain.order import Order
from orderpage.domain.problem import Code, refuse
from orderpage.domain.refund import Clawback, Refund, RefundCase, RefundedLine, Revoked
from orderpage.domain.terms import RefundPolicy

Place = tuple[int, int]
"""A discount on a unit: the unit's number in the order, and the cut's in the unit."""

Promised = tuple[int, str]
"""A promise on a parcel's later freight: the promise's number in the order, and the parcel's id."""


def refund_of(order: Order, case: RefundCase, before: Iterable[RefundCase] = ()) -> Refund:
    """What ``case`` gives back after the cases ``before``, in their order, under the policy that the order was placed
    with.

    Raises ``Refusal`` (REQUEST_INVALID) for a line or parcel that the order has not, or more units than are left.
    """
    state = _State(order)
    for earlier in before:
        state.refund(earlier)
    return state.refund(case)


def share_by_weight(amount: int, weights_g: Sequence[int]) -> list[int]:
    """What each parcel bears of a service that they share (domain rules, section 4, P-3)."""
    return allocate(amount, weights_g)


class _State:
    """An order while it is refunded: which units' goods and carriage went back, which of them for no doing of the
    buyer's, what was clawed back for which discount on which unit, and what was revoked of which promise.
    """

    def __init__(self, order: Order) -> None:
        self._order = order
        self._units: list[Unit] = []
        self._of_line: dict[str, range] = {}
        for line_id, units in units_of(order).items():
            self._of_line[line_id] = range(len(self._units), len(self._units) + len(units))
            self._units += units
        self._goods_back: set[int] = set()
        self._excused: set[int] = set()
        self._carriage_back: set[int] = set()
        self._clawed: dict[Place, int] = {}
        self._revoked: dict[Promised, int] = {}

    def refund(self, case: RefundCase) -> Refund:
        goods = self._chosen(case)
        carriage = self._carried(case, goods)
        self._goods_back.update(goods)
        if case.cause.keeps_discounts:
            self._excused.update(goods)
        self._carriage_back.update(carriage)
        restored = self._restored(goods, carriage)
        lines = self._lines(goods, carriage, restored)
        due = sum([line.total for line in lines])
        clawed = self._claw_back(case, due)
        for place, amount in clawed.items():
            self._clawed[place] = self._clawed.get(place, 0) + amount
        taken = Taken(
            goods=[self._units[index] for index in goods],
            carriage=[self._units[index] for index in carriage],
            clawed=[(self._units[unit], cut, amount) for (unit, cut), amount in clawed.items()],
            restored=[(self._units[unit], cut, amount) for (unit, cut), amount in restored.items()],
        )
        total = due - sum(clawed.values())
        entries = entries_of_refund(self._order, case, taken, total)
        revoked = self._revoke(case, total)
        return Refund(lines=lines, clawbacks=self._clawbacks(clawed), revoked=revoked, total=total, entries=entries)

    def _chosen(self, case: RefundCase) -> list[int]:
        """The next units of each line: those that went back before are not refunded again."""
        chosen: list[int] = []
        for line_id, units in case.lines.items():
            left = [index for index in self._of_line.get(line_id, range(0)) if index not in self._goods_back]
            if units < 0 or units > len(left):
                order_id = self._order.order_id
                message = f"line {line_id!r} of order {order_id} has {len(left)} units left to refund, not {units}"
                raise refuse(Code.REQUEST_INVALID, message, field="lines", line_id=line_id, value=str(len(left)))
            chosen += left[:units]
        return chosen

    def _carried(self, case: RefundCase, goods: Sequence[int]) -> list[int]:
        """Whose carriage goes back."""
        unknown = case.parcels - {parcel.parcel_id for parcel in self._order.parcels}
        if unknown:
            message = f"order {self._order.order_id} has no parcel {min(unknown)!r}"
            raise refuse(Code.REQUEST_INVALID, message, field="parcels", value=min(unknown))
        wanted = set(goods) if case.carriage else set()
        wanted |= {index for index, unit in enumerate(self._units) if unit.piece.parcel.parcel_id in case.parcels}
        return sorted(wanted - self._carriage_back)

    def _restored(self, goods: Sequence[int], carriage: Sequence[int]) -> dict[Place, int]:
        """What was clawed back for discounts on what goes back now."""
        found: dict[Place, int] = {}
        for target, indices in ((Target.GOODS, goods), (Target.FREIGHT, carriage)):
            for index in indices:
                for number, cut in enumerate(self._units[index].cuts):
                    amount = self._clawed.pop((index, number), 0) if cut.target is target else 0
                    if amount:
                        found[index, number] = amount
        return found

    def _lines(
        self, goods: Sequence[int], carriage: Sequence[int], restored: Mapping[Place, int]
    ) -> tuple[RefundedLine, ...]:
        lines = []
        for line_id, indices in self._of_line.items():
            own = [self._units[index] for index in goods if index in indices]
            carried = [self._units[index] for index in carriage if index in indices]
            if not own and not carried:
                continue
            line = RefundedLine(
                line_id=line_id,
                units=len(own),
                goods=sum([unit.net for unit in own]),
                freight=sum([unit.paid_freight for unit in carried]),
                fees=sum([unit.fees for unit in carried]),
                tax=sum([unit.tax_on_goods for unit in own]) + sum([unit.tax_on_carriage for unit in carried]),
                restored=sum([amount for (index, _), amount in restored.items() if index in indices]),
                commission=sum([unit.commission for unit in own]),
            )
            lines.append(line)
        return tuple(lines)

    def _claw_back(self, case: RefundCase, due: int) -> dict[Place, int]:
        """What lost conditions take off: what the discounts gave on what stays, and never more than is due."""
        clawed: dict[Place, int] = {}
        if not self._takes_back(case):
            return clawed
        for rule, adjustment in enumerate(self._order.adjustments):
            given = self._given(rule, self._unearned(adjustment, rule))
            amount = min(sum(given.values()), due)
            due -= amount
            clawed |= {
                place: part for place, part in zip(given, allocate(amount, list(given.values())), strict=True) if part
            }
        return clawed

    def _revoke(self, case: RefundCase, most: int) -> tuple[Revoked, ...]:
        """What lost conditions take back of what was promised off the later freight of parcels that still travel."""
        found: list[Revoked] = []
        if not self._takes_back(case):
            return ()
        left = [unit for index, unit in enumerate(self._units) if index not in self._goods_back]
        travelling = {unit.piece.parcel.parcel_id for unit in left}
        for number, promise in enumerate(self._order.promises):
            unearned = self._unearned(promise, len(self._order.adjustments)) & travelling
            parts = {
                parcel: -part - self._revoked.get((number, parcel), 0)
                for parcel, part in promise.parts
                if parcel in unearned
            }
            amount = min(sum(parts.values()), most)
            most -= amount
            for parcel, part in zip(parts, allocate(amount, list(parts.values())), strict=True):
                self._revoked[number, parcel] = self._revoked.get((number, parcel), 0) + part
                if part:
                    found.append(Revoked(promise.code, parcel, part))
        return tuple(found)

    def _takes_back(self, case: RefundCase) -> bool:
        return self._order.refund_policy is RefundPolicy.CLAWBACK and not case.cause.keeps_discounts

    def _counted(self) -> list[Unit]:
        """The units that count towards conditions: those that went back, but not for the buyer, are as if they were
        there.
        """
        gone = self._goods_back - self._excused
        return [unit for index, unit in enumerate(self._units) if index not in gone]

    def _unearned(self, adjustment: Adjustment, rule: int) -> set[str]:
        """Its bearers, lines or parcels, for which its condition holds no longer; ``rule`` is its place among all."""
        bearers = {bearer for bearer, _ in adjustment.parts}
        if adjustment.threshold and self._remaining(adjustment, rule) < adjustment.threshold:
            return bearers
        if adjustment.min_shops:
            return {parcel for parcel in bearers if self._joined(adjustment, parcel) < adjustment.min_shops}
        return set()

    def _joined(self, adjustment: Adjustment, parcel_id: str) -> int:
        """Of how many of its shops the parcel has goods that count."""
        shops = {unit.piece.shop_id for unit in self._counted() if unit.piece.parcel.parcel_id == parcel_id}
        return len(shops & adjustment.shops if adjustment.shops else shops)

    def _remaining(self, adjustment: Adjustment, rule: int) -> int:
        """What still counts towards the condition, as pricing counts it: of the goods that it is tested on, and after
        the discounts that came before it (sections 3.6 and 12).
        """
        bearers = {bearer for bearer, _ in adjustment.parts}
        of_goods = adjustment.target is Target.GOODS
        found = 0
        for unit in self._counted():
            piece = unit.piece
            bears = (piece.line_id if of_goods else piece.parcel.parcel_id) in bearers
            tested = bears and (not adjustment.shops or piece.shop_id in adjustment.shops)
            if tested:
                found += unit.goods - self._early_cuts(adjustment, rule, unit)
        return found

    def _early_cuts(self, adjustment: Adjustment, rule: int, unit: Unit) -> int:
        """Of item promotions and shop coupons; of discounts across shops as well where a freight rule counts so."""
        adjustments = self._order.adjustments
        crossed = adjustment.target is Target.FREIGHT and adjustment.counts is ThresholdBase.AFTER_CROSS_SHOP
        last = Lane.CROSS_SHOP if crossed else Lane.SHOP
        early = [cut for cut in unit.cuts if cut.target is Target.GOODS and 0 <= cut.rule < rule]
        return sum([cut.amount for cut in early if adjustments[cut.rule].lane <= last])

    def _given(self, rule: int, bearers: Collection[str]) -> dict[Place, int]:
        """What a discount gave those bearers on goods, or on carriage, that stays: as far as it was not clawed back
        yet.
        """
        found: dict[Place, int] = {}
        for index, unit in enumerate(self._units):
            for number, cut in enumerate(unit.cuts):
                of_goods = cut.target is Target.GOODS
                gone = self._goods_back if of_goods else self._carriage_back
                bearer = unit.piece.line_id if of_goods else unit.piece.parcel.parcel_id
                if cut.rule == rule and bearer in bearers and index not in gone:
                    left = cut.amount - self._clawed.get((index, number), 0)
                    if left:
                        found[index, number] = left
        return found

    def _clawbacks(self, clawed: Mapping[Place, int]) -> tuple[Clawback, ...]:
        by_rule: dict[int, int] = {}
        for (unit, cut), amount in clawed.items():
            rule = self._units[unit].cuts[cut].rule
            by_rule[rule] = by_rule.get(rule, 0) + amount
        return tuple([Clawback(self._order.adjustments[rule].code, amount) for rule, amount in by_rule.items()])
