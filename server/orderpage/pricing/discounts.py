"""Applying discount rules to goods: which base, how much, and who bears it, in lane order."""

from collections.abc import Sequence

import msgspec

from orderpage.domain.discount import Adjustment, DiscountRule, Lane, Target
from orderpage.domain.money import allocate
from orderpage.domain.shipping import Item


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
        everything = not (rule.shops or rule.methods or rule.lines or rule.given)
        chosen = [i for i, piece in enumerate(pieces) if everything or _applies(rule, piece, methods)]
        parts = _parts(rule, [pieces[i] for i in chosen], [net[i] for i in chosen], [eligible[i] for i in chosen])
        if not any(parts):
            continue
        for index, part in zip(chosen, parts, strict=True):
            net[index] -= part
            if rule.reduces_tax_base:
                taxable[index] -= part
        adjustments.append(adjustment_of(rule, [pieces[i].item.line.line_id for i in chosen], parts))
    return GoodsPrices(tuple(net), tuple(taxable), tuple(eligible), tuple(crossed), tuple(adjustments))


def _applies(rule: DiscountRule, piece: Piece, methods: Sequence[str]) -> bool:
    return (
        (not rule.shops or piece.item.line.sku.shop.shop_id in rule.shops)
        and (not rule.lines or piece.item.line.line_id in rule.lines)
        and (not rule.methods or methods[piece.parcel] in rule.methods)
        and (not rule.given or any(line_id == piece.item.line.line_id for line_id, _ in rule.given))
    )


def _parts(rule: DiscountRule, chosen: Sequence[Piece], net: Sequence[int], eligible: Sequence[int]) -> Sequence[int]:
    """What the rule takes off each piece: nothing below its threshold (equal is met), never more than the base."""
    if rule.given:
        # Goods as bought keep what was given; only what hangs on their method can be lost with it.
        return _given(rule, chosen, net) if not rule.methods or sum(eligible) >= rule.threshold else ()
    return allocate(min(rule.amount, sum(net)), net) if sum(eligible) >= rule.threshold else ()


def _given(rule: DiscountRule, chosen: Sequence[Piece], net: Sequence[int]) -> Sequence[int]:
    """Line by line, so that each keeps its own to the cent however it is divided."""
    parts = [0] * len(chosen)
    for line_id, amount in rule.given:
        own = [place for place, piece in enumerate(chosen) if piece.item.line.line_id == line_id]
        bases = [net[place] for place in own]
        for place, part in zip(own, allocate(min(amount, sum(bases)), bases), strict=True):
            parts[place] = part
    return parts


def adjustment_of(rule: DiscountRule, bearers: Sequence[str], parts: Sequence[int]) -> Adjustment:
    """The discount as applied: ``parts`` are what each of the bearers bears, zero or more."""
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
        use=rule.use,
        shops=rule.shops,
        lines=rule.lines if rule.relief is None else rule.relief.lines,
        counts=rule.counts,
        min_shops=rule.min_shops,
        methods=tuple(sorted(rule.methods)),
        reduces_tax_base=rule.reduces_tax_base,
        stacking=rule.stacking,
    )
