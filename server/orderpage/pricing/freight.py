"""Applying discount rules to freight: which parcels, how much, and what is promised for later, in lane order."""

from collections.abc import Sequence
from operator import sub

import msgspec

from orderpage.domain.discount import Adjustment, DiscountRule, ThresholdBase, WeightRelief
from orderpage.domain.money import allocate
from orderpage.domain.shipping import Parcel
from orderpage.pricing.discounts import GoodsPrices, Piece, adjustment_of
from orderpage.pricing.relief import Applied, Relief

Cut = tuple[DiscountRule, Sequence[int], Sequence[int]]
"""What a freight rule takes off: the rule, the parcels that bear it by index, and each one's part."""


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
) -> tuple[tuple[int, ...], list[Cut], list[Cut]]:
    """What promotions take off each parcel's freight (zero or negative, never off fees), every rule's cut, and every
    rule's promise: what it takes off freight that is charged later.

    ``methods`` are the parcels' methods, read only where a rule names some; ``reliefs`` what their weight is worth,
    read only where a rule frees some.
    """
    left = freights
    cuts: list[Cut] = []
    weighing: _Weighing | None = None
    for reach in rules:
        rule = reach.rule
        chosen = _travelling(reach, methods) if rule.methods else reach.parcels
        if rule.relief is not None:
            weighing = weighing or _Weighing(reliefs)
            parts = weighing.free(rule, rule.relief, chosen, left)
            cut = sum(parts)
            left = _without(left, chosen, parts)
        elif len(chosen) == len(left):
            cut = min(rule.amount, sum(left))
            parts = allocate(cut, left)
            left = list(map(sub, left, parts))
        else:
            bases = [left[i] for i in chosen]
            cut = min(rule.amount, sum(bases))
            parts = allocate(cut, bases)
            left = _without(left, chosen, parts)
        if cut:
            cuts.append((rule, chosen, parts))
    return tuple(map(sub, left, freights)), cuts, [] if weighing is None else weighing.promises


class _Weighing:
    """Frees weight, rule after rule: what each takes off the parcels that it applies to, and what it promises."""

    __slots__ = ("_before", "_later", "_reliefs", "promises")

    def __init__(self, reliefs: Sequence[Relief | None]) -> None:
        self._reliefs = reliefs
        self._before: dict[int, Applied] = {}
        self._later: dict[int, int] = {}
        self.promises: list[Cut] = []

    def free(self, rule: DiscountRule, relief: WeightRelief, chosen: Sequence[int], left: Sequence[int]) -> list[int]:
        """What the rule takes off each chosen parcel. A cap is once an order: parcel after parcel uses it up."""
        parts, promised, lines, cap = [], [], relief.lines, relief.cap_g
        for index in chosen:
            own = self._reliefs[index]
            if own is None or (own.later and not relief.later) or not own.touched_by(lines):
                parts.append(0)
                promised.append(0)
                continue
            applied = self._before[index] = (*self._before.get(index, ()), (lines, cap))
            worth, used_g = own[applied]
            cap = None if cap is None else cap - used_g
            parts.append(min(worth, left[index]))
            later = self._later.get(index, own.later)
            promised.append(min(worth, later))
            self._later[index] = later - promised[-1]
        if any(promised):
            self.promises.append((rule, chosen, promised))
        return parts


def by_parcel(promises: Sequence[Cut], parcels: int) -> tuple[int, ...]:
    """What is promised off each parcel's freight, zero or negative; empty where nothing is."""
    if not promises:
        return ()
    off = [0] * parcels
    for _, chosen, parts in promises:
        for index, part in zip(chosen, parts, strict=True):
            off[index] -= part
    return tuple(off)


def freight_adjustments(cuts: Sequence[Cut], parcels: Sequence[Parcel]) -> tuple[Adjustment, ...]:
    """Who bears what of each cut."""
    return tuple(adjustment_of(rule, [parcels[i].parcel_id for i in chosen], parts) for rule, chosen, parts in cuts)


def _travelling(reach: Reach, methods: Sequence[str]) -> tuple[int, ...]:
    """The parcels that travel by the rule's methods; none where their goods do not meet its threshold."""
    wanted, threshold = reach.rule.methods, reach.rule.threshold
    chosen = [(i, counted) for i, counted in zip(reach.parcels, reach.eligible, strict=True) if methods[i] in wanted]
    return tuple([i for i, _ in chosen]) if sum([counted for _, counted in chosen]) >= threshold else ()


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
        if not shops or piece.item.line.sku.shop.shop_id in shops:
            counted[piece.parcel] += amount
    return counted


def _without(left: Sequence[int], chosen: Sequence[int], parts: Sequence[int]) -> list[int]:
    left = list(left)
    for index, part in zip(chosen, parts, strict=True):
        left[index] -= part
    return left
