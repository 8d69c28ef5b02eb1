"""One method's rate card: what it carries, how far it is limited, and what it costs by dated row.

Rules: domain rules 3.2 (chargeable weight, tariffs) and 3.5. Limits and why a method is refused are in ``limits``.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from itertools import pairwise
from typing import Annotated

import msgspec
from msgspec import Meta

from orderpage import Settings
from orderpage.domain.dated import Dated, last_day, row_on, without_gaps
from orderpage.domain.goods import GoodsClass
from orderpage.domain.money import CNY, ListingAmount
from orderpage.domain.page import PageView
from orderpage.domain.problem import Code
from orderpage.domain.shipping import (
    Basis,
    Charging,
    Excluded,
    KiloTariff,
    Load,
    Method,
    MethodKind,
    Mode,
    Offer,
    Parcel,
    Reason,
    StepTariff,
    Tariff,
    Transit,
)
from orderpage_logistics.limits import Checks, Limits, Positive
from orderpage_logistics.zones import Zone

Days = Annotated[int, Meta(ge=0, le=365)]


class RateRow(Dated, frozen=True, kw_only=True):
    """Prices that hold between two days. Fees in CNY (``"12.00"``), weights in grams, ``divisor`` in cm³ per kg.

    Either a first weight and steps (``first_g`` … ``round_g``), or ``totals`` by whole kilogram and ``per_kg`` above
    them. ``last_mile`` is the fee by zone; a zone that the card does not know ("–") is left out, and the home fee then
    stays.
    """

    divisor: Positive
    basis: Basis
    first_g: Positive | None = None
    first_fee: ListingAmount | None = None
    step_g: Positive | None = None
    step_fee: ListingAmount | None = None
    round_g: Positive | None = None
    totals: tuple[ListingAmount, ...] = ()
    per_kg: ListingAmount | None = None
    last_mile: Mapping[Zone, ListingAmount] = {}

    def __post_init__(self) -> None:
        steps = (self.first_g, self.first_fee, self.step_g, self.step_fee, self.round_g)
        table = (self.totals or None, self.per_kg)
        by_steps, by_table = None not in steps, None not in table
        if by_steps == by_table or any(part is not None for part in (table if by_steps else steps)):
            raise ValueError(
                "a rate is either first_g, first_fee, step_g, step_fee and round_g, or totals and per_kg: all of one"
            )
        by_kilogram = [*self.totals, (len(self.totals) + 1) * (self.per_kg or 0)] if by_table else []
        for kilograms, (lighter, heavier) in enumerate(pairwise(by_kilogram), start=2):
            if heavier < lighter:
                prices = f"{kilograms} kg at {CNY.format(heavier)} are cheaper than {kilograms - 1} kg"
                raise ValueError(f"{prices} at {CNY.format(lighter)}; a heavier parcel costs no less")

    @property
    def tariff(self) -> Tariff:
        """The row as the host prices it."""
        if self.first_g and self.step_g and self.round_g and self.first_fee is not None and self.step_fee is not None:
            return StepTariff(
                first_g=self.first_g,
                first_fee=self.first_fee,
                step_g=self.step_g,
                step_fee=self.step_fee,
                divisor=self.divisor,
                basis=self.basis,
                round_g=self.round_g,
            )
        return KiloTariff(tuple(map(int, self.totals)), int(self.per_kg or 0), self.divisor, self.basis)


class RateCard(Settings, frozen=True, kw_only=True):
    """Settings of a method. ``classes`` is an allow-list; ``origins`` are the regions of stock it serves.

    ``limits`` bound what is sent at once (a parcel, or one shop's share when not ``mergeable``) to the door, and
    ``pickup`` to a pick-up point as well. ``max_g`` may be written without ``limits``. Goods with a date must be good
    for ``shelf_days`` after the longest way from the page's day: handling and days off count among them.

    ``rates`` leave no day out between the first and the last. A method that stops has a last row that ends; one that is
    to come, or rests for a season, is in a layer with `active`.
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
    charging: Charging = Charging.AT_CHECKOUT
    limits: Limits = Limits()
    pickup: Limits = Limits()
    shelf_days: Days = 0

    def __post_init__(self) -> None:
        if not self.rates:
            raise ValueError(f"the rate card {self.code} has no rates; give at least one dated row")
        without_gaps(self.rates, "rates")
        if not 0 <= self.transit.minimum <= self.transit.maximum:
            raise ValueError(f"transit of {self.code} must be 0 <= minimum <= maximum days")
        if self.charging is Charging.ELSEWHERE:
            raise ValueError(
                f"{self.code} has a rate card, so it is charged here; use logistics.forwarder for a referral"
            )


def not_begun(code: str, rates: Sequence[RateRow], day: date) -> str:
    """What is wrong with rates that all begin after ``day``, or nothing. Rates that are over belong to a method that
    stopped, which is no mistake.
    """
    first = min([row.effective_from for row in rates], default=day)
    if first <= day:
        return ""
    return f"{code} has no rate on {day}, its first begins on {first}; add one, or let its layer begin then (`active`)"


class _Priced(msgspec.Struct, frozen=True):
    """A dated row with everything about it made once: the same offer answers for every parcel."""

    effective_from: date
    effective_to: date | None
    offer: Offer


class Carriage:
    """A rate card ready to answer: one offer per dated row, made at construction. ``data_until`` is the last day of the
    last row.
    """

    def __init__(self, kind: MethodKind, card: RateCard) -> None:
        self.card = card
        self.rows = tuple(
            _Priced(row.effective_from, row.effective_to, Offer(_method(kind, card, row), row.tariff))
            for row in without_gaps(card.rates)
        )
        self.data_until = last_day(card.rates)
        self.loads = tuple(
            Load(card.classes, max_g)
            for max_g in dict.fromkeys((card.max_g, min(card.max_g, card.pickup.max_g or card.max_g)))
        )
        self._checks = Checks(
            code=card.code,
            classes=card.classes,
            origins=card.origins,
            limits=msgspec.structs.replace(card.limits, max_g=min(card.max_g, card.limits.max_g or card.max_g)),
            pickup=card.pickup,
            mergeable=card.mergeable,
            days=card.transit.maximum + card.shelf_days,
        )

    def on(self, page: PageView) -> Callable[[Parcel], Offer | Excluded]:
        """The answer for a parcel on the page's day: the row is picked here, once a page."""
        row = row_on(self.rows, page.today)
        if row is None:
            message = f"{self.card.code} has no rate on {page.today}"
            gone = Excluded(self.rows[-1].offer.method, (Reason(Code.LOGI_METHOD_GONE, message),))
            return lambda parcel: gone
        offer, reasons_of = row.offer, self._checks.on(page)

        def answer(parcel: Parcel) -> Offer | Excluded:
            reasons = reasons_of(parcel)
            return Excluded(offer.method, reasons) if reasons else offer

        return answer


def _method(kind: MethodKind, card: RateCard, row: RateRow) -> Method:
    return Method(
        code=card.code,
        kind=kind,
        mode=card.mode,
        name=card.name,
        carrier=card.carrier,
        mergeable=card.mergeable,
        transit=card.transit,
        last_mile={zone.value: int(fee) for zone, fee in row.last_mile.items()},
        charging=card.charging,
    )
