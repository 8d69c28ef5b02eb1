"""One method's rate card: what it carries, how far it is limited, and what it costs by dated row.

Rules: domain rules 3.2 and 3.5; limits and refusal reasons, section 12 (the maximum is inclusive and tests the actual
weight; every reason is given: class, size, weight, region).
"""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Annotated

import msgspec
from msgspec import Meta

from orderpage import Settings
from orderpage.domain.dated import Dated, in_order, row_on
from orderpage.domain.goods import GoodsClass
from orderpage.domain.money import ListingAmount
from orderpage.domain.problem import Code
from orderpage.domain.shipping import (
    Basis,
    Excluded,
    Item,
    Method,
    MethodKind,
    Mode,
    Offer,
    Parcel,
    Reason,
    StepTariff,
    Transit,
)

Positive = Annotated[int, Meta(gt=0)]


class RateRow(Dated, frozen=True, kw_only=True):
    """Prices that hold between two days. Fees in CNY (``"12.00"``), weights in grams, ``divisor`` in cm³ per kg.

    ``remote_fee`` is absent where the card knows no remote zone ("–"): the home fee then stays.
    """

    first_g: Positive
    first_fee: ListingAmount
    step_g: Positive
    step_fee: ListingAmount
    divisor: Positive
    basis: Basis
    round_g: Positive
    home_fee: ListingAmount = ListingAmount("0")
    remote_fee: ListingAmount | None = None

    @property
    def tariff(self) -> StepTariff:
        """The row as the host prices it."""
        return StepTariff(
            first_g=self.first_g,
            first_fee=self.first_fee,
            step_g=self.step_g,
            step_fee=self.step_fee,
            divisor=self.divisor,
            basis=self.basis,
            round_g=self.round_g,
        )


class RateCard(Settings, frozen=True, kw_only=True):
    """Settings of a method. ``classes`` is an allow-list; ``origins`` are the regions of stock it serves.

    ``max_g`` is inclusive and is the parcel's actual weight, or one shop's share when not ``mergeable``.
    ``max_side_cm`` and ``max_sum_cm`` bound one unit, absent meaning no limit.
    """

    code: str
    carrier: str
    mode: Mode
    name: Mapping[str, str]
    classes: frozenset[GoodsClass]
    origins: frozenset[str]
    max_g: Positive
    transit: Transit
    rates: tuple[RateRow, ...]
    mergeable: bool = True
    max_side_cm: Positive | None = None
    max_sum_cm: Positive | None = None

    def __post_init__(self) -> None:
        if not self.rates:
            raise ValueError(f"the rate card {self.code} has no rates; give at least one dated row")
        in_order(self.rates)
        if not 0 <= self.transit.minimum <= self.transit.maximum:
            raise ValueError(f"transit of {self.code} must be 0 <= minimum <= maximum days")


class _Priced(msgspec.Struct, frozen=True):
    """A dated row with everything about it made once: the same offer answers for every parcel."""

    effective_from: date
    effective_to: date | None
    offer: Offer


class Carriage:
    """A rate card ready to answer: one offer per dated row, made at construction."""

    def __init__(self, kind: MethodKind, card: RateCard) -> None:
        self.card = card
        self.rows = tuple(
            _Priced(row.effective_from, row.effective_to, Offer(_method(kind, card, row), row.tariff))
            for row in in_order(card.rates)
        )

    def on(self, day: date) -> Callable[[Parcel], Offer | Excluded]:
        """The answer for a parcel on that day: the row is picked here, once a page."""
        row = row_on(self.rows, day)
        if row is None:
            message = f"{self.card.code} has no rate on {day}"
            gone = Excluded(self.rows[-1].offer.method, (Reason(Code.LOGI_METHOD_GONE, message),))
            return lambda parcel: gone
        offer = row.offer

        def answer(parcel: Parcel) -> Offer | Excluded:
            reasons = () if self._fits(parcel) else self._reasons(parcel)
            return Excluded(offer.method, reasons) if reasons else offer

        return answer

    def _fits(self, parcel: Parcel) -> bool:
        """Whether nothing needs a closer look. The common case, so no line is visited."""
        card = self.card
        return (
            parcel.weight_g <= card.max_g
            and parcel.goods_classes <= card.classes
            and parcel.origins <= card.origins
            and card.max_side_cm is None
            and card.max_sum_cm is None
        )

    def _reasons(self, parcel: Parcel) -> tuple[Reason, ...]:
        found = (self._class(parcel), self._size(parcel), self._weight(parcel), self._region(parcel))
        return tuple(reason for reason in found if reason is not None)

    def _class(self, parcel: Parcel) -> Reason | None:
        banned = parcel.goods_classes - self.card.classes
        if not banned:
            return None
        message = f"{self.card.code} does not carry {', '.join(sorted(banned))}"
        return Reason(
            Code.LOGI_CLASS_FORBIDDEN, message, _lines(parcel, lambda item: item.line.sku.goods_class in banned)
        )

    def _size(self, parcel: Parcel) -> Reason | None:
        culprits = _lines(parcel, self._oversize)
        if not culprits:
            return None
        side, girth = self.card.max_side_cm, self.card.max_sum_cm
        limits = [f"a side up to {side} cm"] * (side is not None) + [f"sides summing to {girth} cm"] * (
            girth is not None
        )
        return Reason(Code.LOGI_OVERSIZE, f"{self.card.code} takes {' and '.join(limits)}", culprits)

    def _oversize(self, item: Item) -> bool:
        sides, card = item.line.sku.sides_cm, self.card
        too_long = card.max_side_cm is not None and max(sides) > card.max_side_cm
        return too_long or (card.max_sum_cm is not None and sum(sides) > card.max_sum_cm)

    def _weight(self, parcel: Parcel) -> Reason | None:
        limit = self.card.max_g
        heavy = frozenset(shop for shop, weight in self._shipments(parcel) if weight > limit)
        if not heavy:
            return None
        message = f"{self.card.code} takes up to {limit} g"
        culprits = _lines(parcel, lambda item: item.line.sku.weight_g > limit)
        if not culprits and not self.card.mergeable:
            culprits = _lines(parcel, lambda item: item.line.sku.shop.shop_id in heavy)
        return Reason(Code.LOGI_OVERWEIGHT, message, culprits)

    def _shipments(self, parcel: Parcel) -> list[tuple[str, int]]:
        """Actual weight of what is physically sent at once: the parcel, or each shop's share of it."""
        if self.card.mergeable:
            return [("", parcel.weight_g)]
        weights = dict.fromkeys(parcel.shops, 0)
        for item in parcel.items:
            weights[item.line.sku.shop.shop_id] += item.line.sku.weight_g * item.quantity
        return list(weights.items())

    def _region(self, parcel: Parcel) -> Reason | None:
        far = parcel.origins - self.card.origins
        if not far:
            return None
        message = f"{self.card.code} does not serve stock in {', '.join(sorted(far))}"
        return Reason(Code.INV_REGION_UNAVAILABLE, message, _lines(parcel, lambda item: item.line.sku.origin in far))


def _lines(parcel: Parcel, guilty: Callable[[Item], bool]) -> tuple[str, ...]:
    return tuple(item.line.line_id for item in parcel.items if guilty(item))


def _method(kind: MethodKind, card: RateCard, row: RateRow) -> Method:
    return Method(
        code=card.code,
        kind=kind,
        mode=card.mode,
        name=card.name,
        carrier=card.carrier,
        mergeable=card.mergeable,
        home_fee=row.home_fee,
        remote_fee=row.remote_fee,
        transit=card.transit,
    )
