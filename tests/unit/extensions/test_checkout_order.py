"""The last look, ways to pay, service orders and the confirmation's event."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from orderpage.domain.address import Delivery
from orderpage.domain.buyer import Buyer
from orderpage.domain.money import Currency
from orderpage.domain.order import (
    AddServiceOrder,
    Covers,
    Order,
    OrderState,
    Payment,
    PaymentState,
    PlacedOrder,
    ServiceKind,
    ServiceOrderType,
)
from orderpage.domain.problem import Code, Problem
from orderpage.domain.shipping import MethodKind
from orderpage.ports import SubmitView
from orderpage_checkout.ordering import OrderConfirmed, PaymentMethods, SeparateFreight, ServiceOrders, Way, Ways
from orderpage_checkout.validation import AcceptedPayment, AllowedBuyer, Contact


def contact(make: Any, **fields: Any) -> list[tuple[str, str]]:
    page = make.page(view=make.view(address=make.address(**fields)))
    found: list[Problem] = list(Contact().validate(SubmitView(page=page, payment_method="card")))
    return [(problem.code, problem.field) for problem in found]


@pytest.mark.parametrize(
    ("country", "phone"), [("HK", "+852 5123 4567"), ("HK", "51234567"), ("SG", "8123 4567"), ("SG", "+6581234567")]
)
def test_a_number_of_the_country_is_good_as_typed(make: Any, country: str, phone: str) -> None:
    assert contact(make, country=country, phone=phone) == []


@pytest.mark.parametrize("phone", ["", "12", "call me", "+65 8123 4567", "999999999999"])
def test_any_other_number_is_invalid(make: Any, phone: str) -> None:
    assert contact(make, country="HK", phone=phone) == [(Code.ADDR_PHONE_INVALID, "address.phone")]


def test_a_parcel_needs_somebody_to_receive_it(make: Any) -> None:
    found = contact(make, country="HK", phone="51234567", recipient=" ")
    assert found == [(Code.ADDR_FIELD_INVALID, "address.recipient")]


def test_collecting_a_parcel_needs_a_point(make: Any) -> None:
    collected = {"country": "HK", "phone": "51234567", "delivery": Delivery.PICKUP_POINT}
    assert contact(make, **collected) == [(Code.ADDR_FIELD_INVALID, "address.pickup_point")]
    assert contact(make, **collected, pickup_point="locker-7") == []


def test_a_page_without_an_address_cannot_be_ordered(make: Any) -> None:
    view = SubmitView(page=make.page(view=make.view(address=None)), payment_method="card")
    assert [problem.code for problem in Contact().validate(view)] == [Code.ADDR_MISSING]


def test_a_blocked_buyer_may_not_order(make: Any) -> None:
    for blocked, codes in ((False, []), (True, [Code.RISK_BUYER_BLOCKED])):
        page = make.page(view=make.view(buyer=Buyer(buyer_id="b", crowd="everyone", blocked=blocked)))
        found = AllowedBuyer().validate(SubmitView(page=page, payment_method="card"))
        assert [problem.code for problem in found] == codes


def test_only_a_way_to_pay_of_the_page_is_accepted(make: Any) -> None:
    def codes(method: str) -> list[str]:
        found = AcceptedPayment().validate(SubmitView(page=make.page(), payment_method=method))
        return [problem.code for problem in found]

    assert codes("card") == []
    assert codes("") == codes("cowries") == [Code.PAY_METHOD_UNSUPPORTED]


def test_ways_to_pay_come_in_the_order_of_the_settings(make: Any) -> None:
    ways = Ways(methods=(Way(code="b", name={"en": "B"}), Way(code="a", name={"en": "A"})))
    assert [method.code for method in PaymentMethods(ways).pay(make.view())] == ["b", "a"]


@pytest.mark.parametrize("codes", ["", "aa"])
def test_no_way_to_pay_or_one_named_twice_is_refused(codes: str) -> None:
    with pytest.raises(ValueError, match="each code once"):
        Ways(methods=tuple(Way(code=code, name={}) for code in codes))


def test_freight_of_a_consolidation_becomes_a_dual_main_service_order(make: Any) -> None:
    enrich = ServiceOrders(SeparateFreight(kinds=frozenset({MethodKind.CONSO_OFFICIAL}))).enrich
    consolidated = make.priced(make.option(make.method("C", kind=MethodKind.CONSO_OFFICIAL)))
    direct = make.priced(make.option(make.method("D")))
    page = make.page(consolidated, direct)
    assert list(enrich(SubmitView(page=page, payment_method="card"))) == [
        AddServiceOrder(
            kind=ServiceKind.SHIPPING,
            type=ServiceOrderType.DUAL_MAIN,
            parcel_id=page.parcels[0].parcel.parcel_id,
            covers=Covers.FREIGHT_AND_FEES,
        )
    ]
    assert list(enrich(SubmitView(page=make.page(direct, consolidated), payment_method="card"))) == []
    assert list(enrich(SubmitView(page=make.page(), payment_method="card"))) == []


def test_whatever_is_charged_later_becomes_a_service_order_so_that_somebody_can_charge_it(make: Any) -> None:
    enrich = ServiceOrders(SeparateFreight(kinds=frozenset())).enrich
    later, paid = make.priced(make.option(make.method("L"), later=880)), make.priced(make.option(make.method("D")))
    (asked,) = enrich(SubmitView(page=make.page(later, paid), payment_method="card"))
    assert (asked.type, asked.covers) == (ServiceOrderType.DUAL_MAIN, Covers.FREIGHT_AND_FEES)
    assert list(enrich(SubmitView(page=make.page(paid), payment_method="card"))) == []


def test_a_confirmed_order_is_told_once_keyed_by_its_id(make: Any) -> None:
    order = Order(
        order_id="o-1", checkout_id="c-1", buyer_id="b-1", site="HK", stack="new", plan_digest="d",
        state=OrderState.CONFIRMED, currency=Currency("HKD", 2), goods=100, discount=-10, freight=20, fees=5, tax=0,
        payable=115, address=make.address(), lines=(), parcels=(), service_orders=(), attributes=(),
        created_at=datetime(2026, 11, 23, tzinfo=UTC),
    )  # fmt: skip
    payment = Payment(
        attempt_id="a-1", order_id="o-1", key="o-1:hold", method="card", amount=115, currency=order.currency,
        state=PaymentState.HELD,
    )  # fmt: skip
    (event,) = OrderConfirmed().after(PlacedOrder(order, payment))
    assert (event.topic, event.key) == ("order.confirmed", "o-1")
    assert {type(value) for value in event.payload.values()} == {str, int}
    assert {name: event.payload[name] for name in ("payable", "currency", "attempt_id")} == {
        "payable": 115,
        "currency": "HKD",
        "attempt_id": "a-1",
    }
    assert msgspec.json.decode(msgspec.json.encode(event.payload)) == event.payload
