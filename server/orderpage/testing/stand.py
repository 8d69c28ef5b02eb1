"""Example extensions that make an ordinary page, so that what is tried on it sees options, dates and taxes."""

from collections.abc import Callable
from datetime import timedelta

import msgspec

from orderpage import points
from orderpage.domain.goods import GoodsClass
from orderpage.domain.page import PageView, PaymentMethod
from orderpage.domain.problem import Code
from orderpage.domain.shipping import (
    ArrivalWindow,
    Basis,
    Excluded,
    Fee,
    Item,
    Method,
    MethodKind,
    Mode,
    Offer,
    Option,
    Parcel,
    Reason,
    Shipment,
    Split,
    StepTariff,
)
from orderpage.domain.tax import Collector, Component, TaxRule, Threshold, Treatment, Unit
from orderpage.engine.extension import Settings, extends, extension
from orderpage.testing.examples import example_method
from orderpage.testing.plans import Use

METHODS = {
    "LAND": example_method("EXAMPLE_LAND"),
    "AIR": example_method("EXAMPLE_AIR", mode=Mode.AIR, mergeable=False, last_mile={}),
    "SEA": example_method("EXAMPLE_SEA", kind=MethodKind.CONSO_OFFICIAL, mode=Mode.SEA, transit=None),
}
"""They differ in what surcharges, promises and scores look at."""

_STEP_FEE = {"LAND": 300, "AIR": 1100, "SEA": 100}


class Carrying(Settings, frozen=True, kw_only=True):
    """``method`` is a key of ``METHODS``."""

    method: str


@extension("example.method", settings=Carrying)
class ExampleMethod:
    """A method by steps of 500 g. By air nothing liquid travels."""

    def __init__(self, settings: Carrying) -> None:
        self.method: Method = METHODS[settings.method]
        self.offer_made = Offer(
            self.method, StepTariff(1000, 1200, 500, _STEP_FEE[settings.method], 6000, Basis.FULL, 500)
        )

    @extends(points.OFFER)
    def offer(self, page: PageView) -> Callable[[Parcel], Offer | Excluded]:
        """The same on every page."""
        return self._answer

    def _answer(self, parcel: Parcel) -> Offer | Excluded:
        if self.method.mode is Mode.AIR and GoodsClass.LIQUID in parcel.goods_classes:
            return Excluded(self.method, (Reason(Code.LOGI_CLASS_FORBIDDEN, "liquids do not fly"),))
        return self.offer_made


@extension("example.rest")
class ExampleRest:
    """One parcel, a fee to the door, a date where the transit is known, a tax by air, a card to pay with."""

    @extends(points.PARCEL)
    def parcel(self, page: PageView) -> tuple[Split, ...]:
        """Everything together."""
        items = [Item(line, line.quantity, line.amount) for line in page.lines]
        return (Split((Parcel.of(items),), "everything together"),)

    @extends(points.SURCHARGE)
    def surcharge(self, page: PageView) -> Callable[[Shipment], Fee]:
        """The method's own fee."""
        return lambda shipment: Fee("HOME_DELIVERY", shipment.method.last_mile.get("HOME", 0), "last_mile", 1)

    @extends(points.PROMISE)
    def promise(self, page: PageView) -> Callable[[Option], ArrivalWindow | None]:
        """From the page's day."""
        today = page.today

        def window(option: Option) -> ArrivalWindow | None:
            transit = option.method.transit
            if transit is None:
                return None
            return ArrivalWindow(today + timedelta(transit.minimum), today + timedelta(transit.maximum))

        return window

    @extends(points.TAX)
    def tax(self, page: PageView) -> tuple[TaxRule, ...]:
        """Nine per cent, collected by air and due at the border otherwise."""
        component = Component(code="EXAMPLE_TAX", rate_ppm=90_000)
        collected = Treatment(
            collector=Collector.MARKETPLACE,
            components=(component,),
            freight_kinds=frozenset({MethodKind.DIRECT_MAIL}),
        )
        rule = TaxRule(
            code="EXAMPLE_TAX",
            name={"en": "Tax"},
            modes=frozenset({Mode.AIR}),
            threshold=Threshold(unit=Unit.ITEM, limit=40_000),
            within=collected,
            beyond=msgspec.structs.replace(collected, collector=Collector.BORDER),
        )
        return (rule,)

    @extends(points.PAY)
    def pay(self, page: PageView) -> tuple[PaymentMethod, ...]:
        """A card."""
        return (PaymentMethod("card", {"en": "Card"}),)


USES = (
    *(Use(ExampleMethod, {"method": name}, f"example_{name.lower()}") for name in METHODS),
    Use(ExampleRest),
)
