"""Whether a method can take a parcel, and every reason why not: class, size, weight, value, date, region.

Rules: domain rules 3.3 and section 12 (the maximum is inclusive and tests the actual weight; all reasons are given).
"""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Annotated

import msgspec
from msgspec import Meta

from orderpage.domain.goods import GoodsClass
from orderpage.domain.page import PageView
from orderpage.domain.problem import Code
from orderpage.domain.shipping import Item, Parcel, Reason

Positive = Annotated[int, Meta(gt=0)]


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``max_g`` of what is sent at once; ``max_side_cm`` and ``max_sum_cm`` (the three sides) of one unit, all
    inclusive.

    ``value_below`` is exclusive: goods in whole units of the page's currency. An absent one is no limit.
    """

    max_g: Positive | None = None
    max_side_cm: Positive | None = None
    max_sum_cm: Positive | None = None
    value_below: Positive | None = None

    def within(self, other: "Limits") -> "Limits":
        """Both hold."""
        return Limits(
            max_g=_lower(self.max_g, other.max_g),
            max_side_cm=_lower(self.max_side_cm, other.max_side_cm),
            max_sum_cm=_lower(self.max_sum_cm, other.max_sum_cm),
            value_below=_lower(self.value_below, other.value_below),
        )

    @property
    def by_weight_alone(self) -> bool:
        """Whether nothing but the weight is to be looked at."""
        return self.max_side_cm is None and self.max_sum_cm is None and self.value_below is None


def _lower(one: int | None, other: int | None) -> int | None:
    return min((limit for limit in (one, other) if limit is not None), default=None)


class Checks(msgspec.Struct, frozen=True, kw_only=True):
    """What a method tests. ``days`` is how long after the page's day goods with a date must still be good."""

    code: str
    classes: frozenset[GoodsClass]
    origins: frozenset[str]
    limits: Limits
    pickup: Limits = Limits()
    mergeable: bool = True
    days: int = 0

    def on(self, page: PageView) -> Callable[[Parcel], tuple[Reason, ...]]:
        """Every reason against a parcel of that page; none where it can be taken."""
        collected = page.address is not None and not page.address.home_delivery
        limits = self.limits.within(self.pickup) if collected else self.limits
        smallest = 10**page.rate.quote.exponent
        check = _Check(self, limits, page.today + timedelta(days=self.days), smallest)
        if not limits.by_weight_alone:
            return check.reasons
        max_g, classes, origins = limits.max_g, self.classes, self.origins

        def reasons(parcel: Parcel) -> tuple[Reason, ...]:
            fits = (  # the common case, so no line is visited
                (max_g is None or parcel.weight_g <= max_g)
                and parcel.goods_classes <= classes
                and parcel.origins <= origins
                and parcel.expires_on is None
            )
            return () if fits else check.reasons(parcel)

        return reasons


class _Check:
    """The checks of one page."""

    def __init__(self, checks: Checks, limits: Limits, good_on: date, smallest: int) -> None:
        """``smallest`` is how many minor units the page's currency has in one of its own."""
        self._checks = checks
        self._limits = limits
        self._good_on = good_on
        self._smallest = smallest

    def reasons(self, parcel: Parcel) -> tuple[Reason, ...]:
        found = (
            self._class(parcel),
            self._size(parcel),
            self._weight(parcel),
            self._value(parcel),
            self._date(parcel),
            self._region(parcel),
        )
        return tuple(reason for reason in found if reason is not None)

    def _class(self, parcel: Parcel) -> Reason | None:
        banned = parcel.goods_classes - self._checks.classes
        if not banned:
            return None
        message = f"{self._checks.code} does not carry {', '.join(sorted(banned))}"
        return Reason(
            Code.LOGI_CLASS_FORBIDDEN, message, _lines(parcel, lambda item: item.line.sku.goods_class in banned)
        )

    def _size(self, parcel: Parcel) -> Reason | None:
        side, total = self._limits.max_side_cm, self._limits.max_sum_cm
        if side is None and total is None:
            return None
        culprits = _lines(parcel, self._oversize)
        if not culprits:
            return None
        limits = [f"a side up to {side} cm"] if side is not None else []
        limits += [f"sides summing to {total} cm"] if total is not None else []
        return Reason(Code.LOGI_OVERSIZE, f"{self._checks.code} takes {' and '.join(limits)}", culprits)

    def _oversize(self, item: Item) -> bool:
        sides, limits = item.line.sku.sides_cm, self._limits
        too_long = limits.max_side_cm is not None and max(sides) > limits.max_side_cm
        return too_long or (limits.max_sum_cm is not None and sum(sides) > limits.max_sum_cm)

    def _weight(self, parcel: Parcel) -> Reason | None:
        limit = self._limits.max_g
        if limit is None:
            return None
        heavy = frozenset(shop for shop, weight in self._sent_at_once(parcel) if weight > limit)
        if not heavy:
            return None
        culprits = _lines(parcel, lambda item: item.line.sku.weight_g > limit)
        if not culprits and not self._checks.mergeable:
            culprits = _lines(parcel, lambda item: item.line.sku.shop.shop_id in heavy)
        return Reason(Code.LOGI_OVERWEIGHT, f"{self._checks.code} takes up to {limit} g", culprits)

    def _sent_at_once(self, parcel: Parcel) -> list[tuple[str, int]]:
        """Actual weight of what physically travels together: the parcel, or each shop's share of it."""
        if self._checks.mergeable:
            return [("", parcel.weight_g)]
        weights = dict.fromkeys(parcel.shops, 0)
        for item in parcel.items:
            weights[item.line.sku.shop.shop_id] += item.line.sku.weight_g * item.quantity
        return list(weights.items())

    def _value(self, parcel: Parcel) -> Reason | None:
        limit = self._limits.value_below
        if limit is None or sum([item.amount for item in parcel.items]) < limit * self._smallest:
            return None
        return Reason(Code.LOGI_OVERSIZE, f"{self._checks.code} takes goods worth less than {limit}")

    def _date(self, parcel: Parcel) -> Reason | None:
        if parcel.expires_on is None:
            return None
        good_on = self._good_on + timedelta(days=parcel.lead_days)
        if parcel.expires_on > good_on:
            return None
        culprits = _lines(parcel, lambda item: (item.line.sku.expires_on or date.max) <= good_on)
        message = f"{self._checks.code} takes goods that are good beyond {good_on}"
        return Reason(Code.ITEM_EXPIRES_EARLY, message, culprits)

    def _region(self, parcel: Parcel) -> Reason | None:
        far = parcel.origins - self._checks.origins
        if not far:
            return None
        message = f"{self._checks.code} does not serve stock in {', '.join(sorted(far))}"
        return Reason(Code.INV_REGION_UNAVAILABLE, message, _lines(parcel, lambda item: item.line.sku.origin in far))


def _lines(parcel: Parcel, guilty: Callable[[Item], bool]) -> tuple[str, ...]:
    return tuple(item.line.line_id for item in parcel.items if guilty(item))
