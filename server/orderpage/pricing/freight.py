"""Applying discount rules to freight: which parcels, how much, and what is promised for later, in lane order."""

from collections.abc import Sequence
from operator import sub
from typing import NamedTuple

import msgspec

from orderpage.domain.discount import Adjustment, DiscountRule, ThresholdBase, WeightRelief
from orderpage.domain.money import allocate
from orderpage.domain.shipping import Parcel
from orderpage.pricing.discounts import GoodsPrices, Piece, adjustment_of
from orderpage.pricing.relief import Applied, Relief

Cut = tuple[DiscountRule, Sequence[int], Sequence[int]]
"""What a freight rule takes off: the rule, the parcels that bear it by index, and each one's part."""


class FreightCuts(NamedTuple):
    """What promotions take ``off`` each parcel's freight (zero or negative, never off fees), every rule's cut, and
    every rule's promise: what it takes off freight that is charged later.
    """

    off: tuple[int, ...]
    cuts: Sequence[Cut]
    promises: Sequence[Cut]

    @property
    def later(self) -> tuple[int, ...]:
        """What is promised off each parcel's freight, zero or negative; empty where nothing is."""
        if not self.promises:
            return ()
        off = [0] * len(self.off)
        for _, chosen, parts in self.promises:
            for index, part in zip(chosen, parts, strict=True):
                off[index] -= part
        return tuple(off)


class Reach(msgspec.Struct, frozen=True, gc=False):
    """A freight rule with the ``parcels``, by index, that it concerns: goods of its shops and, unless it frees weight,
    nothing else.

    ``eligible`` is what each one's goods of those shops count towards the threshold: it is met for sure unless the rule
    names methods.
    """

    rule: DiscountRule
    parcels: tuple[int, ...]
    eligible: tuple[int, ...]


def reaches(
    rules: Sequence[DiscountRule], parcels: Sequence[Parcel], pieces: Sequence[Piece], prices: GoodsPrices
) -> tuple[Reach, ...]:
    """The freight rules that can apply, whatever the selection; ``prices`` are those of the pieces."""
    found = []
    counted: dict[tuple[ThresholdBase, frozenset[str]], list[int]] = {}
    for rule in rules:
        reached = [index for index, parcel in enumerate(parcels) if concerns(rule, parcel)]
        key = rule.counts, rule.shops
        if key not in counted:
            counted[key] = counted_by_parcel(rule, len(parcels), pieces, prices)
        eligible = [counted[key][index] for index in reached]
        if sum(eligible) >= rule.threshold:
            found.append(Reach(rule, tuple(reached), tuple(eligible)))
    return tuple(found)


def cut_freight(
    freights: Sequence[int], methods: Sequence[str], rules: Sequence[Reach], reliefs: Sequence[Relief | None] = ()
) -> FreightCuts:
    """What the rules take off, in their order.

    ``methods`` are the parcels' methods, read only where a rule names some; ``reliefs`` what their weight is worth,
    read only where a rule frees some.
    """
    left = list(freights)
    cuts: list[Cut] = []
    weighing: _Weighing | None = None
    for reach in rules:
        rule = reach.rule
        chosen = _travelling(reach, methods) if rule.methods else reach.parcels
        if rule.relief is not None:
            weighing = weighing or _Weighing(reliefs)
            parts = weighing.free(rule, rule.relief, chosen, left)
        else:
            bases = left if len(chosen) == len(left) else [left[i] for i in chosen]
            parts = allocate(min(rule.amount, sum(bases)), bases)
        if any(parts):
            cuts.append((rule, chosen, parts))
            for index, part in zip(chosen, parts, strict=True):
                left[index] -= part
    return FreightCuts(tuple(map(sub, left, freights)), cuts, () if weighing is None else weighing.promises)


class _Weighing:
    """Frees weight, rule after rule: what each takes off the parcels that it applies to, and what it promises."""

    __slots__ = ("_before", "_promised", "_reliefs", "promises")

    def __init__(self, reliefs: Sequence[Relief | None]) -> None:
        self._reliefs = reliefs
        self._before: dict[int, Applied] = {}
        self._promised: dict[int, int] = {}
        self.promises: list[Cut] = []

    def free(self, rule: DiscountRule, relief: WeightRelief, chosen: Sequence[int], left: Sequence[int]) -> list[int]:
        """What the rule takes off each chosen parcel. A cap is once an order: parcel after parcel uses it up."""
        parts, before, lines, cap = [], self._before, relief.lines, relief.cap_g
        promised = dict.fromkeys(chosen, 0)  # its condition is tested on all of them
        for index in chosen:
            own = self._reliefs[index]
            if own is None or (own.later and not relief.later) or (lines and not own.touched_by(lines)):
                parts.append(0)
                continue
            applied = before[index] = (*before.get(index, ()), (lines, cap))
            worth, used_g = own[applied]
            if cap is not None:
                cap -= used_g
            parts.append(min(worth, left[index]))
            if own.later:
                promised[index] = self._promise(index, min(worth, own.later))
        if any(promised.values()):
            self.promises.append((rule, tuple(promised), tuple(promised.values())))
        return parts

    def _promise(self, index: int, worth: int) -> int:
        """Of what is charged later no more is promised than there is."""
        relief = self._reliefs[index]
        before, later = self._promised.get(index, 0), 0 if relief is None else relief.later
        self._promised[index] = min(before + worth, later)
        return self._promised[index] - before


def freight_adjustments(cuts: Sequence[Cut], parcels: Sequence[Parcel]) -> tuple[Adjustment, ...]:
    """Who bears what of each cut."""
    return tuple(adjustment_of(rule, [parcels[i].parcel_id for i in chosen], parts) for rule, chosen, parts in cuts)


def _travelling(reach: Reach, methods: Sequence[str]) -> Sequence[int]:
    """The parcels that travel by the rule's methods; none where their goods do not meet its threshold."""
    wanted, chosen, counted = reach.rule.methods, [], 0
    for index, amount in zip(reach.parcels, reach.eligible, strict=True):
        if methods[index] in wanted:
            chosen.append(index)
            counted += amount
    return chosen if counted >= reach.rule.threshold else ()


def concerns(rule: DiscountRule, parcel: Parcel) -> bool:
    """Whether a freight rule can apply to the parcel, by what is in it."""
    shops = rule.shops
    if rule.min_shops and joined(rule, parcel) < rule.min_shops:
        return False
    if not shops:
        return True
    return shops.issuperset(parcel.shops) if rule.relief is None else not shops.isdisjoint(parcel.shops)


def joined(rule: DiscountRule, parcel: Parcel) -> int:
    """How many of the rule's shops have goods in the parcel."""
    return len([shop for shop in parcel.shops if not rule.shops or shop in rule.shops])


def counted_by_parcel(rule: DiscountRule, parcels: int, pieces: Sequence[Piece], prices: GoodsPrices) -> list[int]:
    """What the goods of the rule's shops count towards its threshold, by parcel."""
    counted, shops = [0] * parcels, rule.shops
    amounts = prices.eligible if rule.counts is ThresholdBase.BEFORE else prices.crossed
    for piece, amount in zip(pieces, amounts, strict=True):
        named = not rule.lines or piece.item.line.line_id in rule.lines
        if named and (not shops or piece.item.line.sku.shop.shop_id in shops):
            counted[piece.parcel] += amount
    return counted
