"""A buyer's way over the wire: pages of two sites, another method, an order, and what a retry is told."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from tests.e2e.live import (
    Client,
    Server,
    check_sums,
    chosen,
    page_of,
    query,
    refused,
    submission,
    until,
    url_of,
    utc,
    written,
)

from crossborder.checkout.v1 import order_page_pb2, order_pb2, problem_pb2
from orderpage import points

if TYPE_CHECKING:
    from tests.e2e.conftest import Shop

CONFIRMED, OPEN, CLOSED = order_pb2.ORDER_STATE_CONFIRMED, order_pb2.ORDER_STATE_OPEN, order_pb2.ORDER_STATE_CLOSED
HELD, PENDING = order_pb2.PAYMENT_STATE_HELD, order_pb2.PAYMENT_STATE_PENDING
ACTION, DECLINED = order_pb2.PAYMENT_STATE_ACTION_REQUIRED, order_pb2.PAYMENT_STATE_DECLINED
SG_CART = (("tea-pot-master", 1), ("bok-notebook-a5", 2))
ConnectTo = Callable[..., AbstractAsyncContextManager[Client]]


# ---- pages -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("site", "methods", "currency"),
    [
        ("HK", {"HK_DM_LAND", "HK_DM_FAST", "HK_CONSO_LAND"}, "HKD"),
        ("SG", {"SG_DM_AIR", "SG_CONSO_AIR", "SG_CONSO_SEA"}, "SGD"),
    ],
)
async def test_each_site_has_its_own_methods_and_currency(
    client: Client, site: str, methods: set[str], currency: str
) -> None:
    rendered = await client.render(page_of(site, ("bok-notebook-a5", 2)))
    (parcel,) = rendered.page.parcels
    assert {option.method for option in parcel.options} == methods
    assert rendered.page.currency.code == currency
    assert rendered.quote_token
    assert rendered.checkout_id
    assert rendered.trace_id
    check_sums(rendered)


async def test_a_method_that_cannot_take_the_goods_is_shown_with_its_reason(client: Client) -> None:
    rendered = await client.render(page_of("HK", ("bty-shampoo-400", 1)))
    (excluded,) = rendered.page.parcels[0].excluded
    assert excluded.method == "HK_DM_FAST"
    assert [reason.code for reason in excluded.reasons] == ["LOGI_CLASS_FORBIDDEN"]


async def test_switching_any_option_moves_the_total_by_exactly_the_difference_shown(client: Client) -> None:
    for page in (
        page_of("SG", *SG_CART),
        page_of("HK", ("tea-gaiwan-white", 1), ("dig-earbuds-lite", 1), ("bty-shampoo-400", 2)),
        page_of("HK", ("tea-gaiwan-white", 1), ("dig-earbuds-lite", 1), address={"district": "Sai Kung"}),
    ):
        before = await client.render(page)
        for index, parcel in enumerate(before.page.parcels):
            selected = chosen(before, index)
            for option in parcel.options:
                choose = {parcel.parcel_id: option.method}
                after = await client.render(page, choose=choose, prior=before.quote_token)
                assert chosen(after, index).method == option.method
                moved = after.page.totals.payable - before.page.totals.payable
                assert moved == option.landed_cost - selected.landed_cost
                check_sums(after)


async def test_singapore_taxes_what_comes_by_air_and_not_what_comes_by_sea(client: Client) -> None:
    rendered = await client.render(page_of("SG", *SG_CART))
    by = {option.method: option for option in rendered.page.parcels[0].options}
    # 399.36 and 12.28 SGD, each line 9% rounded half up; leg 2 of a consolidation is outside the base.
    assert by["SG_CONSO_AIR"].tax == 3594 + 111
    assert by["SG_CONSO_AIR"].border_estimate == 0
    # Direct mail's freight is inside the base: 9% of 422.20, and each of the two lines may round by one.
    assert abs(by["SG_DM_AIR"].tax - 3800) <= 1
    assert by["SG_CONSO_SEA"].tax == 0
    assert by["SG_CONSO_SEA"].border_estimate > 0


async def test_singapore_does_not_tax_at_checkout_what_is_over_the_limit_per_item(client: Client) -> None:
    rendered = await client.render(page_of("SG", ("dig-headset-studio", 1)))  # 2288 × 0.192 = 439.30 SGD
    assert rendered.page.shops[0].lines[0].amount == 43930
    assert {option.tax for option in rendered.page.parcels[0].options} == {0}


async def test_a_remote_area_replaces_the_home_fee_and_never_stacks_on_it(client: Client) -> None:
    near = await client.by(page_of("HK", ("tst-plain", 1)), "HK_CONSO_LAND")
    far = await client.by(page_of("HK", ("tst-plain", 1), address={"district": "西貢"}), "HK_CONSO_LAND")
    assert [fee.amount for fee in chosen(near).fees] == [944]
    assert [fee.amount for fee in chosen(far).fees] == [2360]


async def test_a_page_without_an_address_shows_the_goods_and_asks_for_one(client: Client) -> None:
    page = page_of("SG", *SG_CART)
    page.ClearField("address")
    rendered = await client.render(page)
    assert rendered.page.totals.goods == 41164
    assert [problem.code for problem in rendered.page.problems] == ["ADDR_MISSING"]
    assert rendered.page.problems[0].remedy.action == problem_pb2.ACTION_OPEN_ADDRESS_FORM
    assert not rendered.quote_token
    assert not rendered.page.parcels


async def test_a_chosen_method_that_is_gone_is_a_notice_and_another_stands_in(client: Client) -> None:
    page = page_of("SG", *SG_CART)
    first = await client.render(page)
    parcel = first.page.parcels[0].parcel_id
    rendered = await client.render(page, choose={parcel: "SG_TELEPORT"}, prior=first.quote_token)
    assert [notice.code for notice in rendered.page.notices] == ["LOGI_METHOD_GONE"]
    assert chosen(rendered).method == chosen(first).method


async def test_explain_lists_every_slot_that_ran_with_the_line_that_put_it_there(client: Client) -> None:
    rendered = await client.render(page_of("SG", *SG_CART), explain=True)
    explanation = rendered.explanation
    assert explanation.plan_digest
    assert (explanation.scenario.site, explanation.scenario.crowd) == ("SG", "everyone")
    ran = {step.point for step in explanation.steps}
    # Discounts are for crowds that this buyer is not in, and nobody asks a carrier yet.
    assert ran == {point.name for point in points.RENDER} - {"discount", "ask"}
    for step in explanation.steps:
        package, _, line = step.origin.rpartition(":")
        assert ".yaml" in package, step
        assert line.isdigit(), step
        assert step.calls >= 1 or step.decided == "nothing to do on this page", step
    assert {step.slot for step in explanation.steps} >= {"SG_DM_AIR", "SG_CONSO_AIR", "SG_CONSO_SEA", "gst"}


async def test_a_page_explains_itself_only_when_asked(client: Client) -> None:
    rendered = await client.render(page_of("SG", *SG_CART))
    assert not rendered.HasField("explanation")


# ---- orders ----------------------------------------------------------------------------------------------------


async def test_an_order_is_the_page_to_the_cent_and_a_retry_gets_the_same_answer(
    client: Client, server: Server
) -> None:
    page = page_of("SG", *SG_CART)
    rendered = await client.by(page, "SG_CONSO_SEA")
    before, request = written(server.database), submission(page, rendered)
    made = await client.submit(request)
    totals, order = rendered.page.totals, made.order
    assert (order.state, made.payment.state) == (CONFIRMED, HELD)
    assert (order.goods, order.freight, order.fees, order.tax) == (
        totals.goods, totals.freight, totals.fees, totals.tax,
    )  # fmt: skip
    assert order.payable == totals.payable == made.payment.amount
    assert order.checkout_id == rendered.checkout_id
    assert [parcel.method for parcel in order.parcels] == ["SG_CONSO_SEA"]
    (service,) = order.service_orders
    assert (service.type, service.amount) == (order_pb2.SERVICE_ORDER_TYPE_DUAL_MAIN, totals.freight + totals.fees)

    again = await client.submit(request)
    assert (again.order, again.payment) == (made.order, made.payment)
    got = await client.order(order.order_id)
    assert (got.order, got.payment) == (made.order, made.payment)
    after = written(server.database)
    assert after["orders"] == before["orders"] + 1
    assert after["write_requests"] == before["write_requests"] + 1
    assert after["stock"] == before["stock"] - 3


async def test_a_retry_may_spell_its_request_id_in_capitals(client: Client) -> None:
    page = page_of("HK", ("tst-plain", 1))
    request = submission(page, await client.render(page))
    made = await client.submit(request)
    request.request_id = request.request_id.upper()
    again = await client.submit(request)
    assert again.order.order_id == made.order.order_id


async def test_submits_at_once_under_one_request_id_make_one_order_and_get_one_answer(
    client: Client, server: Server
) -> None:
    page = page_of("HK", ("tst-plain", 1))
    for _ in range(6):  # a race: once is luck
        request = submission(page, await client.render(page))
        before = written(server.database)["orders"]
        answers = await asyncio.gather(*(client.submit(request) for _ in range(8)))
        assert len({answer.order.order_id for answer in answers}) == 1
        assert {answer.payment.state for answer in answers} == {HELD}
        assert written(server.database)["orders"] == before + 1


async def test_nobody_reads_another_buyers_order(client: Client) -> None:
    page = page_of("HK", ("tst-plain", 1))
    made = await client.submit(submission(page, await client.render(page)))
    refusal = await refused(client.as_buyer("b-other").order(made.order.order_id))
    unknown = await refused(client.as_buyer("b-other").order("no-such-order"))
    assert (refusal.status, refusal.reason) == (unknown.status, unknown.reason) == ("NOT_FOUND", "ORDER_NOT_FOUND")


async def test_a_second_submit_of_a_checkout_is_answered_with_its_order(client: Client) -> None:
    page = page_of("HK", ("tst-plain", 1))
    rendered = await client.render(page)
    made = await client.submit(submission(page, rendered))
    refusal = await refused(client.submit(submission(page, rendered)))
    assert (refusal.status, refusal.reason, refusal.action) == ("ALREADY_EXISTS", "ORDER_DUPLICATE", "SHOW_ORDER")
    assert refusal.metadata["order_id"] == made.order.order_id
    duplicate = refusal.detail(order_page_pb2.OrderDuplicate())
    assert (duplicate.order, duplicate.payment) == (made.order, made.payment)


async def test_an_adjusted_page_is_still_the_same_checkout(client: Client) -> None:
    page = page_of("SG", *SG_CART)
    first = await client.render(page)
    made = await client.submit(submission(page, first))
    later = await client.render(page, prior=first.quote_token)
    refusal = await refused(client.submit(submission(page, later)))
    assert later.checkout_id == first.checkout_id
    assert refusal.metadata["order_id"] == made.order.order_id


async def test_validate_only_checks_everything_and_writes_nothing(client: Client, server: Server) -> None:
    page = page_of("HK", ("tst-plain", 1))
    rendered = await client.render(page)
    before = written(server.database)
    request = submission(page, rendered, validate_only=True)
    answer = await client.submit(request)
    assert not answer.HasField("order")
    assert not answer.HasField("payment")
    refusal = await refused(client.submit(submission(page, rendered, validate_only=True, payment_method="shells")))
    assert refusal.reason == "PAY_METHOD_UNSUPPORTED"
    assert written(server.database) == before
    request.validate_only = False
    assert (await client.submit(request)).order.state == CONFIRMED


# ---- what the payment provider says ----------------------------------------------------------------------------


async def pay(client: Client, sku_id: str) -> tuple[order_page_pb2.SubmitRequest, order_page_pb2.SubmitResponse]:
    page = page_of("HK", (sku_id, 1))
    request = submission(page, await client.by(page, "HK_CONSO_LAND"))
    return request, await client.submit(request)


@pytest.mark.parametrize(("sku_id", "code"), [("pay-declined", "PAY_DECLINED"), ("pay-no-funds", "PAY_FUNDS")])
async def test_a_decline_closes_the_order_returns_the_stock_and_says_what_to_do(
    client: Client, server: Server, sku_id: str, code: str
) -> None:
    before = written(server.database)["stock"]
    request, made = await pay(client, sku_id)
    assert (made.order.state, made.payment.state) == (CLOSED, DECLINED)
    assert made.payment.decline.code == code
    assert made.payment.decline.remedy.action == problem_pb2.ACTION_CHOOSE_PAYMENT
    assert written(server.database)["stock"] == before
    again = await client.submit(request)
    assert (again.order, again.payment) == (made.order, made.payment)
    assert not query(server.database, "SELECT 1 FROM outbox WHERE key = ?", made.order.order_id)


async def test_after_a_decline_the_same_quote_may_be_submitted_again_under_a_new_request_id(
    client: Client, server: Server
) -> None:
    request, made = await pay(client, "pay-declined")
    assert made.order.state == CLOSED
    request.request_id, request.payment_method = str(uuid4()), "fps"
    again = await client.submit(request)
    assert again.order.order_id != made.order.order_id
    assert again.payment.method == "fps"
    states = query(server.database, "SELECT order_id, state FROM orders WHERE checkout_id = ?", made.order.checkout_id)
    assert len(states) == 2


async def test_action_required_names_the_action_and_keeps_the_stock_until_the_buyer_acts(
    client: Client, server: Server
) -> None:
    before = written(server.database)["stock"]
    request, made = await pay(client, "pay-action")
    assert (made.order.state, made.payment.state) == (OPEN, ACTION)
    assert made.payment.next_action.uri.startswith("sandbox:approve/")
    assert written(server.database)["stock"] == before - 1
    again = await client.submit(request)
    assert (again.order.order_id, again.payment) == (made.order.order_id, made.payment)


async def test_a_pending_payment_settles_later_and_a_retry_then_says_so(client: Client, server: Server) -> None:
    waiting = [await pay(client, sku_id) for sku_id in ("pay-settles", "pay-times-out-held", "pay-pending")]
    assert [made.payment.state for _, made in waiting] == [PENDING] * 3
    assert {made.order.state for _, made in waiting} == {OPEN}
    (settles, _), (timed_out, _), (pending, _) = waiting
    for request in (settles, timed_out):
        answer = await until(partial(client.submit, request), lambda answer: answer.payment.state != PENDING)
        assert (answer.order.state, answer.payment.state) == (CONFIRMED, HELD)
        topics = query(server.database, "SELECT topic FROM outbox WHERE key = ?", answer.order.order_id)
        assert topics == [("order.confirmed",)]
    assert (await client.submit(pending)).payment.state == PENDING


async def test_an_answer_that_comes_late_is_waited_for_by_the_retry(client: Client, server: Server) -> None:
    page = page_of("HK", ("pay-answers-late", 1))
    request = submission(page, await client.by(page, "HK_CONSO_LAND"))
    before = written(server.database)["orders"]
    first = asyncio.create_task(client.submit(request))
    await until(partial(_orders, server), lambda count: count == before + 1)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    busy = await refused(client.submit(request, within=0.5))
    assert (busy.status, busy.reason) in {("ABORTED", "REQUEST_IN_PROGRESS"), ("DEADLINE_EXCEEDED", "")}
    made = await client.submit(request)
    assert (made.order.state, made.payment.state) == (CONFIRMED, HELD)


async def _orders(server: Server) -> int:
    return written(server.database)["orders"]


async def test_the_buyer_who_acts_gets_the_order_and_the_one_who_does_not_gets_it_closed(shop: "Shop") -> None:
    _, acts = await pay(shop.client, "pay-action")
    _, waits = await pay(shop.client, "pay-action")
    shop.service.payments.approve(f"{acts.order.order_id}:hold")
    shop.clock.advance(minutes=5)
    assert (await _decided(shop, acts.order.order_id)).order.state == CONFIRMED
    assert (await shop.client.order(waits.order.order_id)).order.state == OPEN
    shop.clock.advance(minutes=31)
    assert (await _decided(shop, waits.order.order_id)).order.state == CLOSED


async def _decided(shop: "Shop", order_id: str) -> order_pb2.GetOrderResponse:
    return await until(partial(shop.client.order, order_id), lambda answer: answer.order.state != OPEN)


# ---- quotes ----------------------------------------------------------------------------------------------------


def reprice(server: Server, price: str) -> None:
    from orderpage.adapters.sql.load import load

    sku = (
        f"{{sku_id: tst-moving, shop: s-test, name: {{en: Test moving}}, price: '{price}', weight_g: 200, "
        "sides_cm: [10, 10, 10], goods_class: GENERAL, warehouse: CN-SZ, origin: CN, max_quantity: 9}"
    )
    load(url_of(server.database), [("price.yaml", f"skus:\n  - {sku}\n")])


async def test_a_changed_price_is_answered_with_the_new_page_whose_token_can_be_submitted(
    client: Client, server: Server
) -> None:
    page = page_of("HK", ("tst-moving", 2))
    rendered = await client.by(page, "HK_DM_LAND")
    reprice(server, "70.00")
    before, request = written(server.database), submission(page, rendered)
    refusal = await refused(client.submit(request))
    assert (refusal.status, refusal.reason, refusal.action) == (
        "FAILED_PRECONDITION", "QUOTE_CHANGED", "REVIEW_CHANGES",
    )  # fmt: skip
    assert written(server.database) == before
    new = refusal.detail(order_page_pb2.QuoteChanged()).rendered
    check_sums(new)
    assert new.page.totals.goods == 2 * 8260
    assert chosen(new).method == "HK_DM_LAND", "the buyer's choice is kept"
    assert new.checkout_id == rendered.checkout_id
    made = await client.submit(submission(page, new))
    assert (made.order.state, made.order.payable) == (CONFIRMED, new.page.totals.payable)


async def test_the_new_page_fits_the_trailers_of_a_client_that_says_nothing_or_is_named_as_dropped(
    client: Client, server: Server
) -> None:
    page = page_of("HK", ("tst-moving", 1))
    rendered = await client.render(page)
    reprice(server, "71.00")
    client.metadata = client.metadata[:1]
    refusal = await refused(client.submit(submission(page, rendered)))
    assert refusal.reason == "QUOTE_CHANGED"
    names = [detail.type_url.rpartition(".")[2] for detail in refusal.details.details]
    assert ("QuoteChanged" in names) != ("QuoteChanged" in refusal.metadata.get("detail_dropped", ""))


async def test_a_quote_outlives_a_restart_where_the_keys_are_kept(
    own_server: Callable[..., Server], connect: ConnectTo
) -> None:
    first = own_server()
    page = page_of("SG", *SG_CART)
    async with connect(first) as client:
        rendered = await client.render(page)
    first.stop()
    async with connect(first.start()) as client:
        made = await client.submit(submission(page, rendered))
    assert made.order.payable == rendered.page.totals.payable
    first.stop()


async def test_a_quote_is_honoured_until_it_expires_and_says_until_when(shop: "Shop") -> None:
    page = page_of("SG", *SG_CART)
    rendered = await shop.client.render(page)
    expires = utc(rendered.quote_expires_at)
    assert expires > shop.clock.now
    shop.clock.now = expires
    refusal = await refused(shop.client.submit(submission(page, rendered)))
    assert (refusal.status, refusal.reason, refusal.action) == (
        "FAILED_PRECONDITION", "QUOTE_EXPIRED", "RENDER_AGAIN",
    )  # fmt: skip
    assert written(shop.database)["orders"] == 0
    again = await shop.client.render(page, prior=rendered.quote_token)
    assert (await shop.client.submit(submission(page, again))).order.state == CONFIRMED


async def test_a_newer_rate_of_exchange_does_not_move_a_quoted_page(shop: "Shop") -> None:
    from orderpage.adapters.sql.load import load

    page = page_of("SG", *SG_CART)
    rate = "{rate_id: newer, base: CNY, quote: {code: SGD, exponent: 2}, rate: '0.2000', published_at: "
    load(url_of(shop.database), [("rate.yaml", f"rates:\n  - {rate}'2026-11-23T02:00:30Z'}}\n")])
    rendered = await shop.client.render(page)
    shop.clock.advance(minutes=1)
    adjusted = await shop.client.render(page, prior=rendered.quote_token)
    assert adjusted.page.exchange_rate.rate_id == rendered.page.exchange_rate.rate_id
    assert (await shop.client.render(page)).page.exchange_rate.rate_id == "newer"
    made = await shop.client.submit(submission(page, adjusted))
    assert made.order.payable == rendered.page.totals.payable


async def test_a_campaign_ends_with_its_last_day_and_a_quote_made_in_it_is_honoured_after(shop: "Shop") -> None:
    newcomer, page = shop.client.as_buyer("b-new"), page_of("HK", ("out-bottle-750", 1))
    shop.clock.now = datetime(2026, 12, 31, 15, 59, tzinfo=UTC)  # 23:59 in Shanghai
    within = await newcomer.render(page)
    assert [adjustment.code for adjustment in within.page.adjustments] == ["NEWCOMER_WELCOME"]
    check_sums(within)
    shop.clock.advance(minutes=1)
    after = await newcomer.render(page)
    assert not after.page.adjustments
    made = await newcomer.submit(submission(page, within))
    assert made.order.payable == within.page.totals.payable


async def test_dates_are_promised_from_the_moment_of_the_page(shop: "Shop") -> None:
    def days(rendered: Any) -> dict[str, tuple[int, int]]:
        return {o.method: (o.arrival.earliest.day, o.arrival.latest.day) for o in rendered.page.parcels[0].options}

    page = page_of("HK", ("bok-notebook-a5", 1))
    on_time = days(await shop.client.render(page))
    shop.clock.now = datetime(2026, 11, 23, 8, 0, 1, tzinfo=UTC)  # a second past the 16:00 cut-off
    late = days(await shop.client.render(page))
    assert late != on_time
    assert all(late[method] >= on_time[method] for method in on_time)
