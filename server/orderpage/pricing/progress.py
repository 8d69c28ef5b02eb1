"""How far a page is on the way to its promotions: worked out from the rules, for those that show it.

Rule: domain rules, section 3.6. The eligible sum is that of the goods in the rule's group that can travel by one of its
methods.
"""

from collections.abc import Mapping, Sequence
from hashlib import blake2b

from orderpage.domain.discount import DiscountRule, Target
from orderpage.domain.progress import Progress
from orderpage.pricing.discounts import GoodsPrices, Piece
from orderpage.pricing.freight import concerns, counted_by_parcel, joined
from orderpage.pricing.options import PricedParcel


def progress_of(
    rules: Sequence[DiscountRule],
    parcels: Sequence[PricedParcel],
    pieces: Sequence[Piece],
    prices: GoodsPrices,
    methods: Sequence[str],
    taken: Mapping[str, int],
) -> tuple[Progress, ...]:
    """Of each rule that shows it, by code.

    ``methods`` are the parcels' selected ones; ``taken`` are the codes of those that take something, each with what it
    promises to take off what is charged later.
    """
    shown = sorted([rule for rule in rules if rule.shows_progress], key=lambda rule: rule.code)
    return tuple([_progress(rule, parcels, pieces, prices, methods, taken) for rule in shown])


def _progress(
    rule: DiscountRule,
    parcels: Sequence[PricedParcel],
    pieces: Sequence[Piece],
    prices: GoodsPrices,
    methods: Sequence[str],
    taken: Mapping[str, int],
) -> Progress:
    within = [_in_scope(rule, priced) for priced in parcels]
    sums = counted_by_parcel(rule, len(parcels), pieces, prices)
    lines = dict.fromkeys([piece.item.line.line_id for piece in pieces if within[piece.parcel] and _of(rule, piece)])
    counted = [(amount, method) for amount, able, method in zip(sums, within, methods, strict=True) if able]
    reached = sum([amount for amount, _ in counted])
    return Progress(
        code=rule.code,
        promotion=rule.promotion,
        name=rule.name,
        threshold=rule.threshold,
        reached=reached,
        group=group_name(rule.code, tuple(lines)),
        lines=tuple(lines),
        applied=rule.code in taken,
        promised=taken.get(rule.code, 0),
        shops_missing=_shops_missing(rule, parcels),
        by_other_method=reached >= rule.threshold and _by_other_method(rule, counted),
    )


def _by_other_method(rule: DiscountRule, counted: Sequence[tuple[int, str]]) -> bool:
    """Whether what counts, each amount with its parcel's method, is too little as it travels now."""
    selected = [amount for amount, method in counted if method in rule.methods]
    return bool(rule.methods and counted) and not (selected and sum(selected) >= rule.threshold)


def _shops_missing(rule: DiscountRule, parcels: Sequence[PricedParcel]) -> int:
    """How many more shops' goods must join the parcel that joins most."""
    if rule.target is not Target.FREIGHT or not rule.min_shops:
        return 0
    return max(0, rule.min_shops - max([joined(rule, priced.parcel) for priced in parcels], default=0))


def _in_scope(rule: DiscountRule, priced: PricedParcel) -> bool:
    if rule.target is Target.FREIGHT and not concerns(rule, priced.parcel):
        return False
    return not rule.methods or any(option.method.code in rule.methods for option in priced.options)


def _of(rule: DiscountRule, piece: Piece) -> bool:
    line = piece.item.line
    return (not rule.shops or line.sku.shop.shop_id in rule.shops) and (not rule.lines or line.line_id in rule.lines)


def group_name(code: str, lines: Sequence[str]) -> str:
    """Names the goods of a promotion within an order: equal goods, equal name."""
    content = "\0".join([code, *sorted(lines)])
    return f"g-{blake2b(content.encode(), digest_size=5).hexdigest()}"
