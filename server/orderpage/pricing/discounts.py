"""Applying discount rules: which base, how much, and who bears it, in lane order."""

from collections.abc import Sequence
from operator import sub

import msgspec

from orderpage.domain.discount import Adjustment, DiscountRule, Lane, Target
from orderpage.domain.money import allocate
from orderpage.domain.shipping import Item, Parcel


class Piece(msgspec.Struct, frozen=True, gc=False):
    """A line's share of a parcel: the smallest thing that bears a discount or a tax."""

    parcel: int
    item: Item


class GoodsPrices(msgspec.Struct, frozen=True, gc=False):
    """What each piece costs after goods discounts, and the amount that tax law sees (page minor units).

    ``eligible`` is what counts towards thresholds: after item promotions and shop coupons, before the lanes that follow
    (domain rules, section 12).
    """

    net: tuple[int, ...]
    taxable: tuple[int, ...]
    eligible: tuple[int, ...]
    adjustments: tuple[Adjustment, ...]


def lanes(rules: Sequence[DiscountRule], target: Target) -> tuple[DiscountRule, ...]:
    """The rules for a target in the order in which they apply; equal lanes by code, so that slots' order is no
    matter.
    """
    return tuple(sorted((r for r in rules if r.target is target), key=lambda rule: (rule.lane, rule.code)))


def discount_goods(pieces: Sequence[Piece], rules: Sequence[DiscountRule], methods: Sequence[str]) -> GoodsPrices:
    """Take goods discounts off the pieces; ``methods`` is each parcel's selected method."""
    net = [piece.item.amount for piece in pieces]
    taxable, eligible = list(net), list(net)
    adjustments = []
    for rule in rules:
        everything = not rule.shops and not rule.methods
        chosen = [i for i, piece in enumerate(pieces) if everything or _applies(rule, piece, methods)]
        cut = _cut(rule, sum([net[i] for i in chosen]), sum([eligible[i] for i in chosen]))
        if not cut:
            continue
        parts = allocate(cut, [net[i] for i in chosen])
        for index, part in zip(chosen, parts, strict=True):
            net[index] -= part
            if rule.lane <= Lane.SHOP:
                eligible[index] -= part
            if rule.reduces_tax_base:
                taxable[index] -= part
        adjustments.append(_adjustment(rule, [pieces[i].item.line.line_id for i in chosen], parts))
    return GoodsPrices(tuple(net), tuple(taxable), tuple(eligible), tuple(adjustments))


Cut = tuple[DiscountRule, Sequence[int], Sequence[int]]
"""What a freight rule takes off: the rule, the parcels that bear it by index, and each one's part."""


class Reach(msgspec.Struct, frozen=True, gc=False):
    """A freight rule with the ``parcels``, by index, that hold nothing but goods of its shops.

    ``eligible`` is what each one's goods count towards the threshold: it is met for sure unless the rule names methods.
    """

    rule: DiscountRule
    parcels: tuple[int, ...]
    eligible: tuple[int, ...]


def reaches(rules: Sequence[DiscountRule], parcels: Sequence[Parcel], eligible: Sequence[int]) -> tuple[Reach, ...]:
    """The freight rules that can apply, whatever the selection; ``eligible`` is by parcel."""
    found = []
    for rule in rules:
        reached = [i for i, parcel in enumerate(parcels) if not rule.shops or rule.shops.issuperset(parcel.shops)]
        counted = [eligible[i] for i in reached]
        if sum(counted) >= rule.threshold:
            found.append(Reach(rule, tuple(reached), tuple(counted)))
    return tuple(found)


def cut_freight(
    freights: Sequence[int], methods: Sequence[str], rules: Sequence[Reach]
) -> tuple[tuple[int, ...], list[Cut]]:
    """What promotions take off each parcel's freight (zero or negative, never off fees), and every rule's cut.

    ``methods`` are the parcels' methods, read only where a rule names some.
    """
    left = freights
    cuts: list[Cut] = []
    for reach in rules:
        rule = reach.rule
        chosen = _travelling(reach, methods) if rule.methods else reach.parcels
        if len(chosen) == len(left):
            cut = min(rule.amount, sum(left))
            parts = allocate(cut, left)
            left = list(map(sub, left, parts))
        else:
            bases = [left[i] for i in chosen]
            cut = min(rule.amount, sum(bases))
            parts = allocate(cut, bases)
            left = list(left)
            for index, part in zip(chosen, parts, strict=True):
                left[index] -= part
        if cut:
            cuts.append((rule, chosen, parts))
    return tuple(map(sub, left, freights)), cuts


def freight_adjustments(cuts: Sequence[Cut], parcels: Sequence[Parcel]) -> tuple[Adjustment, ...]:
    """Who bears what of each cut."""
    return tuple(_adjustment(rule, [parcels[i].parcel_id for i in chosen], parts) for rule, chosen, parts in cuts)


def _travelling(reach: Reach, methods: Sequence[str]) -> tuple[int, ...]:
    """The parcels that travel by the rule's methods; none where their goods do not meet its threshold."""
    wanted, threshold = reach.rule.methods, reach.rule.threshold
    chosen = [(i, counted) for i, counted in zip(reach.parcels, reach.eligible, strict=True) if methods[i] in wanted]
    return tuple([i for i, _ in chosen]) if sum([counted for _, counted in chosen]) >= threshold else ()


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
