"""The two official shapes of delivery that have a rate card (domain rules, section 3.1)."""

from collections.abc import Callable

from orderpage import extends, extension, points
from orderpage.domain.page import PageView
from orderpage.domain.shipping import Excluded, MethodKind, Offer, Parcel
from orderpage_logistics.rate_card import Carriage, RateCard


@extension("logistics.direct_mail", settings=RateCard)
class DirectMail:
    """Seller to buyer with the international leg paid at checkout."""

    def __init__(self, settings: RateCard) -> None:
        self.carriage = Carriage(MethodKind.DIRECT_MAIL, settings)

    @extends(points.OFFER)
    def offer(self, page: PageView) -> Callable[[Parcel], Offer | Excluded]:
        """The day's offer for a parcel, or every reason against it."""
        return self.carriage.on(page.today)


@extension("logistics.consolidation", settings=RateCard)
class Consolidation:
    """Official consolidation, its second leg prepaid: the freight becomes a service order of its own."""

    def __init__(self, settings: RateCard) -> None:
        self.carriage = Carriage(MethodKind.CONSO_OFFICIAL, settings)

    @extends(points.OFFER)
    def offer(self, page: PageView) -> Callable[[Parcel], Offer | Excluded]:
        """The day's offer for a parcel, or every reason against it."""
        return self.carriage.on(page.today)
