"""What a page and an order look like on the wire."""

from collections.abc import Callable

import msgspec
import pytest

from crossborder.checkout.v1 import common_pb2, order_page_pb2, order_pb2, page_pb2, problem_pb2
from orderpage.api.order_to_proto import fill_placed
from orderpage.api.to_proto import render_response
from orderpage.domain.order import PaymentState, PlacedOrder
from orderpage.domain.problem import Code, Problem
from orderpage.renderer import Rendered


def test_the_envelope_carries_checkout_quote_and_trace(rendered: Rendered) -> None:
    response = render_response(rendered, trace_id="t")
    assert (response.checkout_id, response.quote_token, response.trace_id) == ("c-1", "q1.token", "t")
    assert response.quote_expires_at.seconds == int(rendered.page.view.priced_at.timestamp())
    assert not response.HasField("explanation")


def test_a_page_that_cannot_be_ordered_has_neither_quote_nor_schedule(rendered: Rendered) -> None:
    problem = Problem(code=Code.ADDR_MISSING, message="give an address", field="address")
    page = msgspec.structs.replace(rendered.page, problems=(problem,))
    response = render_response(msgspec.structs.replace(rendered, page=page, quote_token="", expires_at=None))
    assert not response.quote_token
    assert not response.HasField("quote_expires_at")
    assert not response.page.HasField("payment_schedule")
    assert response.page.problems[0].remedy.action == problem_pb2.ACTION_OPEN_ADDRESS_FORM
    assert response.page.problems[0].retry == problem_pb2.RETRY_USER


def test_lines_are_grouped_by_shop_and_blocked_ones_stand_apart(rendered: Rendered) -> None:
    page = render_response(rendered).page
    assert [(shop.shop_id, shop.name, [line.line_id for line in shop.lines]) for shop in page.shops] == [
        ("a", "Shop a", ["1", "3"]),
        ("b", "Shop b", ["2"]),
    ]
    line = page.shops[0].lines[1]
    assert (line.name, line.quantity, line.unit_amount, line.amount, line.net_amount) == ("Item 3", 3, 192, 576, 575)
    blocked = page.blocked_lines[0]
    assert (blocked.line_id, blocked.sku_id, blocked.quantity, blocked.name) == ("x", "nope", 2, "")
    assert blocked.problems[0].code == "ITEM_SKU_INVALID"


def test_currency_and_rate_stand_once_on_the_page(rendered: Rendered) -> None:
    page = render_response(rendered).page
    assert (page.currency.code, page.currency.exponent) == ("SGD", 2)
    rate = page.exchange_rate
    assert (rate.rate_id, rate.base.code, rate.numerator * 1000, rate.denominator) == ("fx-1", "CNY", 24_000, 125)


def test_an_option_shows_all_that_it_costs_and_when_it_arrives(rendered: Rendered) -> None:
    parcel = render_response(rendered).page.parcels[0]
    air, sea = parcel.options
    assert (air.method, air.label, air.carrier) == ("SG_DM_AIR", "SG_DM_AIR label", "demo")
    assert (air.kind, air.mode) == (common_pb2.METHOD_KIND_DIRECT_MAIL, common_pb2.MODE_AIR)
    assert (air.freight, air.discount, air.tax, air.border_estimate, air.landed_cost) == (500, -100, 90, 0, 570)
    assert air.delivery == common_pb2.DELIVERY_HOME
    assert [(fee.code, fee.amount) for fee in air.fees] == [("HOME", 80)]
    assert (air.arrival.earliest.day, air.arrival.latest.month, air.arrival.latest.year) == (30, 12, 2026)
    assert (air.score, list(air.reasons), list(air.badges)) == (900_000, ["CHEAPEST"], ["best"])
    assert air.tax_lines[0].collector == page_pb2.COLLECTOR_MARKETPLACE
    assert (sea.border_estimate, sea.tax_lines[0].collector) == (90, page_pb2.COLLECTOR_BORDER)
    assert not sea.HasField("arrival")
    assert [shown.selected for shown in parcel.options] == [False, True]


def test_an_excluded_method_says_why_and_names_the_lines(rendered: Rendered) -> None:
    excluded = render_response(rendered).page.parcels[0].excluded[0]
    assert (excluded.method, excluded.label) == ("SG_CONSO_AIR", "sg_conso_air")
    reason = excluded.reasons[0]
    assert (reason.code, reason.message, list(reason.line_ids)) == ("LOGI_OVERWEIGHT", "over 20 kg", ["1"])


def test_an_adjustment_names_its_funder_and_who_bears_it(rendered: Rendered) -> None:
    page = render_response(rendered).page
    goods, freight = page.adjustments
    assert (goods.funder, goods.target) == (page_pb2.FUNDER_SELLER, page_pb2.ADJUSTMENT_TARGET_GOODS)
    assert sum(part.amount for part in goods.parts) == goods.amount == -3
    assert [part.line_id for part in goods.parts] == ["1", "2", "3"]
    assert not goods.shares, "one funder pays all, and is named"
    assert freight.funder == page_pb2.FUNDER_PLATFORM
    assert [(share.funder, share.amount) for share in freight.shares] == [
        (page_pb2.FUNDER_PLATFORM, -70),
        (page_pb2.FUNDER_SELLER, -30),
    ]
    assert freight.parts[0].parcel_id == page.parcels[0].parcel_id
    assert not freight.parts[0].line_id


def test_totals_and_schedule_agree(rendered: Rendered) -> None:
    orderable = msgspec.structs.replace(rendered.page, blocked=())
    page, expected = render_response(msgspec.structs.replace(rendered, page=orderable)).page, orderable.totals
    totals = page.totals
    parts = totals.goods + totals.goods_discount + totals.freight + totals.freight_discount + totals.fees + totals.tax
    assert totals.payable == parts == expected.payable
    assert totals.border_estimate == 90
    assert [(stage.stage, stage.amount) for stage in page.payment_schedule.stages] == [
        (common_pb2.STAGE_FULL, expected.payable)
    ]


def test_blocks_payment_methods_and_degraded_parts_are_listed(rendered: Rendered) -> None:
    page = render_response(rendered).page
    assert (page.blocks[0].slot, dict(page.blocks[0].values)) == ("header", {"tone": "calm"})
    assert (page.payment_methods[0].code, page.payment_methods[0].name) == ("card", "Card")
    assert (page.notices[0].code, page.notices[0].remedy.value) == ("LOGI_METHOD_GONE", "SG_DM_AIR")
    assert (page.degraded[0].point, page.degraded[0].reason) == ("ask", "timeout")
    assert (page.split_reason, page.split_saving) == ("one parcel", 300)


def test_an_explanation_is_given_only_when_asked_for(rendered: Rendered) -> None:
    explanation = render_response(rendered, explain=True).explanation
    assert (explanation.plan_digest, explanation.scenario.crowd) == ("digest", "everyone")
    step = explanation.steps[0]
    assert (step.point, step.origin, step.calls, step.micros) == ("offer", "default default.yaml:12", 2, 40)


def test_an_order_keeps_its_amounts_parcels_and_service_orders(placed_in: Callable[..., PlacedOrder]) -> None:
    response = order_page_pb2.SubmitResponse()
    fill_placed(response, placed_in())
    order = response.order
    assert order.payable == order.goods + order.discount + order.freight + order.fees + order.tax == 1570
    assert (order.state, order.currency.code) == (order_pb2.ORDER_STATE_CONFIRMED, "SGD")
    assert (order.address.country, list(order.address.street)) == ("SG", ["1 Demo Street", "#02-03"])
    parcel, service = order.parcels[0], order.service_orders[0]
    assert (parcel.items[0].line_id, parcel.items[0].quantity, parcel.arrival.earliest.day) == ("1", 5, 30)
    assert (service.kind, service.type, service.amount) == (
        order_pb2.SERVICE_KIND_SHIPPING,
        order_pb2.SERVICE_ORDER_TYPE_DUAL_MAIN,
        480,
    )
    assert (response.payment.state, response.payment.amount) == (order_pb2.PAYMENT_STATE_HELD, 1570)
    assert not response.payment.HasField("next_action")


def test_a_payment_that_needs_action_says_where_the_buyer_goes(placed_in: Callable[..., PlacedOrder]) -> None:
    response = order_pb2.GetOrderResponse()
    fill_placed(response, placed_in(PaymentState.ACTION_REQUIRED))
    assert response.payment.state == order_pb2.PAYMENT_STATE_ACTION_REQUIRED
    assert response.payment.next_action.uri == "https://pay.example/3ds"


@pytest.mark.parametrize(("said", "told"), [("PAY_FUNDS", "PAY_FUNDS"), ("E-51", "PAY_DECLINED"), ("", "PAY_DECLINED")])
def test_a_declined_payment_says_why_in_a_known_code(
    placed_in: Callable[..., PlacedOrder], said: str, told: str
) -> None:
    response = order_pb2.GetOrderResponse()
    fill_placed(response, placed_in(PaymentState.DECLINED, decline=said))
    assert response.payment.decline.code == told
    assert response.payment.decline.remedy.action == problem_pb2.ACTION_CHOOSE_PAYMENT


def test_a_provider_not_heard_from_is_pending_to_the_buyer(placed_in: Callable[..., PlacedOrder]) -> None:
    response = order_pb2.GetOrderResponse()
    fill_placed(response, placed_in(PaymentState.STARTED))
    assert response.payment.state == order_pb2.PAYMENT_STATE_PENDING
