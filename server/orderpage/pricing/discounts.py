"""Applying discount rules: which base, how much, and who bears it, in lane order."""

from collections.abc import Sequence
from operator import sub

import msgspec

from orderpage.domain.discount import Adjustment, DiscountRule, Lane, Target, ThresholdBase
from orderpage.domain.money import allocate
from orderpage.domain.shipping import Item, Parcel
from orderpage.pricing.relief import Applied, Relief


class Piece(msgspec.Struct, frozen=True, gc=False):
    """A line's share of a parcel: the smallest thing that bears a discount or a tax."""

    parcel: int
    item: Item


class GoodsPrices(msgspec.Struct, frozen=True, gc=False):
    """What each piece costs after goods discounts, and the amount that tax law sees (page minor units).

    ``eligible`` is what counts towards thresholds: after item promotions and shop coupons, before the lanes that follow
    (domain rules, section 12); ``crossed`` is after the discounts across shops as well.
    """

    net: tuple[int, ...]
    taxable: tuple[int, ...]
    eligible: tuple[int, ...]
    crossed: tuple[int, ...]
    adjustments: tuple[Adjustment, ...]


def lanes(rules: Sequence[DiscountRule], target: Target) -> tuple[DiscountRule, ...]:
    """The rules for a target in the order in which they apply; equal lanes by code, so that slots' order is no
    matter.
    """
    return tuple(sorted((r for r in rules if r.target is target), key=lambda rule: (rule.lane, rule.code)))


def discount_goods(pieces: Sequence[Piece], rules: Sequence[DiscountRule], methods: Sequence[str]) -> GoodsPrices:
    """Take goods discounts off the pieces, in the order of ``lanes``; ``methods`` is each parcel's selected method."""
    net = [piece.item.amount for piece in pieces]
    taxable = list(net)
    eligible = crossed = net
    adjustments = []
    for rule in rules:
        if eligible is net and rule.lane > Lane.SHOP:
            eligible = list(net)
        if crossed is net and rule.lane > Lane.CROSS_SHOP:
            crossed = list(net)
        everything = not rule.shops and not rule.methods
        chosen = [i for i, piece in enumerate(pieces) if everything or _applies(rule, piece, methods)]
        cut = _cut(rule, sum([net[i] for i in chosen]), sum([eligible[i] for i in chosen]))
        if not cut:
            continue
        parts = allocate(cut, [net[i] for i in chosen])
        for index, part in zip(chosen, parts, strict=True):
            net[index] -= part
            if rule.reduces_tax_base:
                taxable[index] -= part
        adjustments.append(_adjustment(rule, [pieces[i].item.line.line_id for i in chosen], parts))
    return GoodsPrices(tuple(net), tuple(taxable), tuple(eligible), tuple(crossed), tuple(adjustments))


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
        reached = [index for index, parcel in enumerate(parcels) if _concerns(rule, parcel)]
        key = rule.counts, rule.shops
        if key not in counted:
            counted[key] = _counted(rule, len(parcels), pieces, prices)
        eligible = [counted[key][index] for index in reached]
        if sum(eligible) >= rule.threshold:
            found.append(Reach(rule, tuple(reached), tuple(eligible)))
    return tuple(found)


def cut_freight(
    freights: Sequence[int], methods: Sequence[str], rules: Sequence[Reach], reliefs: Sequence[Relief | None] = ()
) -> tuple[tuple[int, ...], list[Cut]]:
    """What promotions take off each parcel's freight (zero or negative, never off fees), and every rule's cut.

    ``methods`` are the parcels' methods, read only where a rule names some; ``reliefs`` what their weight is worth,
    read only where a rule frees some.
    """
    left = freights
    cuts: list[Cut] = []
    before: dict[int, Applied] = {}
    for reach in rules:
        rule = reach.rule
        chosen = _travelling(reach, methods) if rule.methods else reach.parcels
        if rule.relief is not None:
            parts = [
                min(worth, left[i]) for i, worth in zip(chosen, _worth(reach, chosen, reliefs, before), strict=True)
            ]
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
    return tuple(map(sub, left, freights)), cuts


def promised(methods: Sequence[str], rules: Sequence[Reach], reliefs: Sequence[Relief | None]) -> tuple[int, ...]:
    """What rules promise to take off each parcel's freight that is charged later: zero or negative, never off fees."""
    off = [0] * len(reliefs)
    before: dict[int, Applied] = {}
    for reach in rules:
        relief = reach.rule.relief
        if relief is None or not relief.later:
            continue
        chosen = _travelling(reach, methods) if reach.rule.methods else reach.parcels
        for index, worth in zip(chosen, _worth(reach, chosen, reliefs, before), strict=True):
            off[index] += worth
    return tuple([-min(cut, each.later) if each is not None else 0 for cut, each in zip(off, reliefs, strict=True)])


def freight_adjustments(cuts: Sequence[Cut], parcels: Sequence[Parcel]) -> tuple[Adjustment, ...]:
    """Who bears what of each cut."""
    return tuple(_adjustment(rule, [parcels[i].parcel_id for i in chosen], parts) for rule, chosen, parts in cuts)


def _travelling(reach: Reach, methods: Sequence[str]) -> tuple[int, ...]:
    """The parcels that travel by the rule's methods; none where their goods do not meet its threshold."""
    wanted, threshold = reach.rule.methods, reach.rule.threshold
    chosen = [(i, counted) for i, counted in zip(reach.parcels, reach.eligible, strict=True) if methods[i] in wanted]
    return tuple([i for i, _ in chosen]) if sum([counted for _, counted in chosen]) >= threshold else ()


def _concerns(rule: DiscountRule, parcel: Parcel) -> bool:
    shops = rule.shops
    if len(parcel.shops) < rule.min_shops:
        return False
    if not shops:
        return True
    return shops.issuperset(parcel.shops) if rule.relief is None else not shops.isdisjoint(parcel.shops)


def _counted(rule: DiscountRule, parcels: int, pieces: Sequence[Piece], prices: GoodsPrices) -> list[int]:
    """What the goods of the rule's shops count towards its threshold, by parcel."""
    counted, shops = [0] * parcels, rule.shops
    amounts = prices.eligible if rule.counts is ThresholdBase.BEFORE else prices.crossed
    for piece, amount in zip(pieces, amounts, strict=True):
        if not shops or piece.item.line.sku.shop.shop_id in shops:
            counted[piece.parcel] += amount
    return counted


def _worth(
    reach: Reach, chosen: Sequence[int], reliefs: Sequence[Relief | None], before: dict[int, Applied]
) -> list[int]:
    """What the rule's relief is worth to each of the chosen parcels after those ``before`` it, which it joins."""
    worth = []
    for index in chosen:
        relief, own = reliefs[index], reach.rule.relief
        assert relief is not None and own is not None  # noqa: S101, PT018  # options are built with the page's rules
        applied = before[index] = (*before.get(index, ()), own)
        worth.append(relief[applied])
    return worth


def _without(left: Sequence[int], chosen: Sequence[int], parts: Sequence[int]) -> list[int]:
    left = list(left)
    for index, part in zip(chosen, parts, strict=True):
        left[index] -= part
    return left


def _applies(rule: DiscountRule, piece: Piece, methods: Sequence[str]) -> bool:
    return (not rule.shops or piece.item.line.sku.shop.shop_id in rule.shops) and (
        not rule.methods or methods[piece.parcel] in rule.methods
    )


def _cut(rule: DiscountRule, base: int, eligible: int) -> int:
    """What the rule takes off: nothing below its threshold (equal is met), never more than the base."""
    return min(rule.amount, base) if eligible >= rule.threshold else 0


def _adjustment(rule: DiscountRule, bearers: Sequence[str], parts: Sequence[int]) -> Adjustment:
    by_bearer: dict[str, int] = {}
    for bearer, part in zip(bearers, parts, strict=True):
        by_bearer[bearer] = by_bearer.get(bearer, 0) - part
    amount = -sum(parts)
    shares = allocate(amount, [weight for _, weight in rule.funding])
    return Adjustment(
        code=rule.code,
        name=rule.name,
        target=rule.target,
        shares=tuple([(funder, share) for (funder, _), share in zip(rule.funding, shares, strict=True)]),
        amount=amount,
        parts=tuple(by_bearer.items()),
        lane=rule.lane,
        threshold=rule.threshold,
    )
