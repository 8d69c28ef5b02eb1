"""The shapes of delivery (domain rules, section 3.1): official ones have a rate card, a forwarder charges by itself."""

from collections.abc import Callable, Mapping
from datetime import date

from orderpage import Settings, extends, extension, points
from orderpage.domain.goods import GoodsClass
from orderpage.domain.page import PageView
from orderpage.domain.shipping import Charging, Excluded, FlatTariff, Method, MethodKind, Mode, Offer, Parcel
from orderpage_logistics.limits import Checks, Limits
from orderpage_logistics.rate_card import Carriage, RateCard, not_begun


class _Official:
    """A method with a rate card of ours."""

    kind: MethodKind

    def __init__(self, settings: RateCard) -> None:
        self.carriage = Carriage(self.kind, settings)
        self.loads = self.carriage.loads
        self.offers = (settings.code,)
        self.data_until = self.carriage.data_until

    def lacks_on(self, day: date) -> str:
        """Says where its rates begin later only, else nothing."""
        return not_begun(self.carriage.card.code, self.carriage.card.rates, day)

    @extends(points.OFFER)
    def offer(self, page: PageView) -> Callable[[Parcel], Offer | Excluded]:
        """The day's offer for a parcel, or every reason against it."""
        return self.carriage.on(page)


@extension("logistics.direct_mail", settings=RateCard)
class DirectMail(_Official):
    """Seller to buyer with the international leg paid at checkout."""

    kind = MethodKind.DIRECT_MAIL


@extension("logistics.consolidation", settings=RateCard)
class Consolidation(_Official):
    """Official consolidation: leg 1 to the warehouse is free, leg 2 is prepaid or charged after weighing
    (``charging``).

    Its freight becomes a service order of its own.
    """

    kind = MethodKind.CONSO_OFFICIAL


@extension("logistics.local", settings=RateCard)
class LocalDelivery(_Official):
    """Seller and buyer in one place: no border, so no tax of it."""

    kind = MethodKind.LOCAL


class Referral(Settings, frozen=True, kw_only=True):
    """Settings of ``logistics.forwarder``: who takes the goods from our warehouse on, and what they take."""

    code: str
    carrier: str
    mode: Mode
    name: Mapping[str, str]
    classes: frozenset[GoodsClass]
    origins: frozenset[str]
    limits: Limits = Limits()


@extension("logistics.forwarder", settings=Referral)
class Forwarder:
    """A forwarder of the buyer's: its leg is outside this page, which neither charges, taxes nor promises it."""

    def __init__(self, settings: Referral) -> None:
        method = Method(
            code=settings.code,
            kind=MethodKind.CONSO_THIRD_PARTY,
            mode=settings.mode,
            name=settings.name,
            carrier=settings.carrier,
            mergeable=True,
            transit=None,
            charging=Charging.ELSEWHERE,
        )
        self.offer_made = Offer(method, FlatTariff(0))
        self.offers = (settings.code,)
        self.checks = Checks(
            code=settings.code, classes=settings.classes, origins=settings.origins, limits=settings.limits
        )

    @extends(points.OFFER)
    def offer(self, page: PageView) -> Callable[[Parcel], Offer | Excluded]:
        """The referral, or every reason against it."""
        made, reasons_of = self.offer_made, self.checks.on(page)

        def answer(parcel: Parcel) -> Offer | Excluded:
            reasons = reasons_of(parcel)
            return Excluded(made.method, reasons) if reasons else made

        return answer
