"""The pinned page's promotions on goods, and the coupon that its buyer may enter. Constants in fen."""

from collections.abc import Iterable
from datetime import date

from orderpage.domain.money import ExchangeRate, allocate
from orderpage.domain.problem import Action, Code, Problem
from orderpage_legacy.cart import Applied, Item

COUPON = "THANKS"
COUPON_AMOUNT, COUPON_FROM = 1_200, 19_900
COUPON_USES, COUPON_UNTIL = 2, date(2026, 11, 30)

Adjustments = list[tuple[str, Applied]]
"""Discounts by code, in the order applied, with what each line or parcel bears."""


def discount_goods(parcels: Iterable[list[Item]], rate: ExchangeRate, *, coupon: bool) -> tuple[Adjustments, list[int]]:
    """The shop's coupon, then the autumn reduction and the entered ``coupon`` off the goods.

    Last, what each parcel counts towards thresholds: its goods after the shop's coupon, before the others.
    """
    found: Adjustments = []
    items = [item for parcel in parcels for item in parcel]
    bearers = [item for item in items if item.sku.shop.shop_id == "s-digital"]
    if bearers and sum([item.net for item in bearers]) >= rate.convert(20_000):
        found.append(("SHOP_COUPON", _taken(rate.convert(2_000), bearers, taxed=False)))
    counted = [sum([item.net for item in parcel]) for parcel in parcels]
    if sum(counted) >= rate.convert(50_000):
        # The platform pays: the tax office sees the price before it.
        found.append(("AUTUMN", _taken(rate.convert(5_000), items, taxed=True)))
    if coupon and sum(counted) >= rate.convert(COUPON_FROM):
        found.append((COUPON, _taken(rate.convert(COUPON_AMOUNT), items, taxed=False)))
    return found, counted


def _taken(amount: int, items: list[Item], *, taxed: bool) -> Applied:
    """What each of the items bears of the amount; ``taxed``: the tax office sees the price without it."""
    nets = [item.net for item in items]
    borne = []
    for item, part in zip(items, allocate(min(amount, sum(nets)), nets), strict=True):
        item.net -= part
        if not taxed:
            item.taxable -= part
        borne.append((item.line_id, part))
    return borne


def coupon_refusals(entered: tuple[str, ...], used: int, today: date) -> list[Problem]:
    """Why the coupon cannot be used, where it was entered and cannot. ``used`` is how often the buyer's orders did."""
    if COUPON not in entered:
        return []
    field = f"coupons[{entered.index(COUPON)}]"
    if today > COUPON_UNTIL:
        message = f"{COUPON} could be used until {COUPON_UNTIL}; take it out"
        return [Problem(code=Code.PROMO_INVALID, message=message, field=field)]
    if used >= COUPON_USES:
        message = f"{COUPON} was used as often as it can be ({used}); take it out"
        return [Problem(code=Code.PROMO_LIMIT_REACHED, message=message, field=field)]
    return []


def coupon_notices(entered: tuple[str, ...], counted: list[int], rate: ExchangeRate, *, usable: bool) -> list[Problem]:
    """Of each other coupon that takes nothing, why not: it is unknown, or what parcels ``counted`` is too little."""
    notices = []
    for place, code in enumerate(entered):
        field = f"coupons[{place}]"
        if code != COUPON:
            message = f"{code} is no coupon that can be used here now"
            notices.append(Problem(code=Code.PROMO_INVALID, message=message, field=field))
        elif usable and (gap := rate.convert(COUPON_FROM) - sum(counted)) > 0:
            message = f"{COUPON} needs SGD {rate.quote.format(gap)} more of the goods that it is for"
            lost, instead = Code.PROMO_THRESHOLD_LOST, (Action.REMOVE_COUPON,)
            notices.append(Problem(code=lost, message=message, field=field, value=str(gap), alternatives=instead))
    return notices
