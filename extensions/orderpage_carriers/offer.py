"""``carriers.offer``: one method of a carrier, at the price it quoted for the parcel, else by its fall-back rates."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Annotated

import msgspec
from msgspec import Meta

from orderpage import Settings, extends, extension, points
from orderpage.domain.dated import last_day, row_on, without_gaps
from orderpage.domain.goods import GoodsClass
from orderpage.domain.money import ListingAmount
from orderpage.domain.page import PageView
from orderpage.domain.problem import Code
from orderpage.domain.shipping import (
    Excluded,
    FlatTariff,
    Load,
    Method,
    MethodKind,
    Mode,
    Offer,
    Parcel,
    Reason,
    Transit,
)
from orderpage_carriers.facts import CARRIER_QUOTES, ParcelQuotes, ServiceQuote
from orderpage_logistics.limits import Checks, Limits
from orderpage_logistics.rate_card import RateRow, not_begun
from orderpage_logistics.zones import Zone

Reasons = Callable[[Parcel], tuple[Reason, ...]]


class CarrierMethod(Settings, frozen=True, kw_only=True):
    """Settings of ``carriers.offer``. ``carrier`` is the slot at ``ask`` that asks it, ``service`` its own code.

    ``transit`` holds where the carrier says none. ``fallback`` are rates by date, as in a rate card: they stand where
    the carrier was not asked or did not answer; where there are none, the method is then missing. A parcel that the
    carrier does not take is never sent by them. They leave no day out between the first and the last. A row without
    ``last_mile`` has the method's.
    """

    code: str
    carrier: str
    service: str
    mode: Mode
    name: Mapping[str, str]
    classes: frozenset[GoodsClass]
    origins: frozenset[str]
    transit: Transit
    kind: MethodKind = MethodKind.DIRECT_MAIL
    limits: Limits = Limits()
    pickup: Limits = Limits()
    last_mile: Mapping[Zone, ListingAmount] = {}
    fallback: tuple[RateRow, ...] = ()
    shelf_days: Annotated[int, Meta(ge=0, le=365)] = 0

    def __post_init__(self) -> None:
        without_gaps(self.fallback, "fallback")
        if not 0 <= self.transit.minimum <= self.transit.maximum:
            raise ValueError(f"transit of {self.code} must be 0 <= minimum <= maximum days")
        if self.kind is MethodKind.CONSO_THIRD_PARTY:
            raise ValueError(f"{self.code} is charged here; use logistics.forwarder for a referral")


@extension("carriers.offer", settings=CarrierMethod)
class CarrierOffer:
    """A method of a third-party carrier."""

    def __init__(self, settings: CarrierMethod) -> None:
        self.settings = settings
        self.method = _method(settings)
        self.offers = (settings.code,)
        self.loads = (Load(settings.classes, settings.limits.max_g),)
        self.rates = tuple(
            _Rate(row.effective_from, row.effective_to, Offer(_method(settings, row.last_mile), row.tariff))
            for row in without_gaps(settings.fallback)
        )
        self.data_until = last_day(settings.fallback)

    def lacks_on(self, day: date) -> str:
        """Says where its fall-back rates begin later only, else nothing."""
        return not_begun(self.settings.code, self.settings.fallback, day)

    @extends(points.OFFER, needs=(CARRIER_QUOTES,))
    def offer(self, page: PageView, quotes: Mapping[str, ParcelQuotes]) -> Callable[[Parcel], Offer | Excluded]:
        """The carrier's offer for a parcel, or every reason against it."""
        rate = row_on(self.rates, page.today)
        return _Answers(self, page, quotes.get(self.settings.carrier), rate.offer if rate else None).answer

    def checks(self, transit: Transit) -> Checks:
        """What a parcel must be, when it travels as long as that."""
        settings = self.settings
        return Checks(
            code=settings.code,
            classes=settings.classes,
            origins=settings.origins,
            limits=settings.limits,
            pickup=settings.pickup,
            days=transit.maximum + settings.shelf_days,
        )


class _Answers:
    """The method on one page. ``prices`` is None where the carrier brought none, ``fallback`` where no rate holds."""

    def __init__(
        self, extension: CarrierOffer, page: PageView, prices: ParcelQuotes | None, fallback: Offer | None
    ) -> None:
        self._extension, self._page = extension, page
        self._prices = prices or {}
        self._fallback = fallback
        self._reasons: dict[Transit, Reasons] = {}

    def answer(self, parcel: Parcel) -> Offer | Excluded:
        settings, method = self._extension.settings, self._extension.method
        quotes = self._prices.get(parcel.parcel_id)
        quote = next((quote for quote in quotes or () if quote.service == settings.service), None)
        transit = quote.transit if quote and quote.transit else settings.transit
        reasons = self._reasons_of(transit)(parcel)
        if reasons:
            return Excluded(method, reasons)
        if quote is not None:
            return _offer(method, quote)
        if quotes is not None:
            return self._gone(f"{settings.carrier} does not take this parcel by {settings.service}")
        if self._fallback is not None:
            return self._fallback
        return self._gone(f"{settings.carrier} gave no price for this parcel, and no fall-back rate holds today")

    def _gone(self, message: str) -> Excluded:
        code = self._extension.settings.code
        return Excluded(self._extension.method, (Reason(Code.LOGI_METHOD_GONE, f"{code}: {message}"),))

    def _reasons_of(self, transit: Transit) -> Reasons:
        made = self._reasons.get(transit)
        if made is None:
            made = self._reasons[transit] = self._extension.checks(transit).on(self._page)
        return made


class _Rate(msgspec.Struct, frozen=True):
    """A dated fall-back rate with its offer made."""

    effective_from: date
    effective_to: date | None
    offer: Offer


def _offer(method: Method, quote: ServiceQuote) -> Offer:
    tariff = FlatTariff(quote.amount)
    if quote.transit is None or quote.transit == method.transit:
        return Offer(method, tariff)
    return Offer(msgspec.structs.replace(method, transit=quote.transit), tariff)


def _method(settings: CarrierMethod, last_mile: Mapping[Zone, ListingAmount] | None = None) -> Method:
    fees = last_mile or settings.last_mile
    return Method(
        code=settings.code,
        kind=settings.kind,
        mode=settings.mode,
        name=settings.name,
        carrier=settings.carrier,
        mergeable=True,  # a quote is one price for the whole parcel
        transit=settings.transit,
        last_mile={zone.value: int(fee) for zone, fee in fees.items()},
    )
