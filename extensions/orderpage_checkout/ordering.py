"""What becomes part of an order beside its goods: ways to pay, service orders, the event that it is confirmed.

Service orders of type 2 (dual-main) are paid and refunded by themselves (domain rules, trap 6 and section 5.3).
"""

from collections.abc import Iterator, Mapping

import msgspec

from orderpage import Settings, extends, extension, points
from orderpage.domain.order import AddServiceOrder, Covers, Event, PlacedOrder, ServiceKind, ServiceOrderType
from orderpage.domain.page import PageView, PaymentMethod
from orderpage.domain.shipping import MethodKind
from orderpage.domain.stage import PayTerms, Stage
from orderpage.ports import SubmitView


class Way(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A way to pay: the provider's code and its name by language."""

    code: str
    name: Mapping[str, str]


class Ways(Settings, frozen=True, kw_only=True):
    """Settings of ``checkout.payment_methods``, in the order in which the page lists them."""

    methods: tuple[Way, ...]

    def __post_init__(self) -> None:
        codes = [way.code for way in self.methods]
        if not codes or len(set(codes)) < len(codes):
            raise ValueError("methods must name at least one way to pay, each code once")


@extension("checkout.payment_methods", settings=Ways)
class PaymentMethods:
    """The ways to pay that a site accepts."""

    def __init__(self, settings: Ways) -> None:
        self.methods = tuple(PaymentMethod(way.code, way.name) for way in settings.methods)

    @extends(points.PAY)
    def pay(self, page: PageView) -> tuple[PaymentMethod, ...]:
        """The same for every page of the plan."""
        return self.methods


class Schedule(Settings, frozen=True, kw_only=True):
    """Settings of ``checkout.schedule``: at which stage of a presale freight (with fees) and tax are paid, and the
    service orders that stand for them; ``prepaid``: all at once, and no stages.
    """

    freight: Stage = Stage.BALANCE
    tax: Stage = Stage.BALANCE
    prepaid: bool = False


@extension("checkout.schedule", settings=Schedule)
class StageTerms:
    """What of a presale is paid with its deposit (domain rules, section 5.2)."""

    def __init__(self, settings: Schedule) -> None:
        self.terms = PayTerms(freight=settings.freight, tax=settings.tax, prepaid=settings.prepaid)

    @extends(points.PAY)
    def pay(self, page: PageView) -> tuple[PayTerms, ...]:
        """The same for every page of the plan."""
        return (self.terms,)


class SeparateFreight(Settings, frozen=True, kw_only=True):
    """Settings of ``checkout.service_orders``: kinds of method whose freight and fees become an order of their own.

    What is charged later becomes one whatever the kind: somebody must be able to charge it.
    """

    kinds: frozenset[MethodKind]


@extension("checkout.service_orders", settings=SeparateFreight)
class ServiceOrders:
    """A shipping service order for each parcel that travels by such a method."""

    def __init__(self, settings: SeparateFreight) -> None:
        self.kinds = settings.kinds

    @extends(points.ENRICH)
    def enrich(self, view: SubmitView) -> Iterator[AddServiceOrder]:
        """Dual-main, so that the freight can be refunded apart from the goods."""
        for parcel in view.page.parcels:
            choice = parcel.choice
            option = None if choice is None else choice.priced.option
            if option is not None and (option.method.kind in self.kinds or option.later):
                yield AddServiceOrder(
                    kind=ServiceKind.SHIPPING,
                    type=ServiceOrderType.DUAL_MAIN,
                    parcel_id=parcel.parcel.parcel_id,
                    covers=Covers.FREIGHT_AND_FEES,
                )


@extension("checkout.order_confirmed")
class OrderConfirmed:
    """Tells others that an order is confirmed. Amounts are minor units of ``currency``."""

    @extends(points.AFTER)
    def after(self, placed: PlacedOrder) -> tuple[Event, ...]:
        """One event; equal keys are delivered in order."""
        order, payment = placed.order, placed.payment
        payload: dict[str, str | int] = {
            "order_id": order.order_id,
            "checkout_id": order.checkout_id,
            "buyer_id": order.buyer_id,
            "site": order.site,
            "currency": order.currency.code,
            "exponent": order.currency.exponent,
            "goods": order.goods,
            "discount": order.discount,
            "freight": order.freight,
            "fees": order.fees,
            "tax": order.tax,
            "payable": order.payable,
            "later": sum(parcel.later for parcel in order.parcels),
            "service_orders": len(order.service_orders),
            "attempt_id": payment.attempt_id,
            "payment_method": payment.method,
        }
        return (Event("order.confirmed", order.order_id, payload),)
