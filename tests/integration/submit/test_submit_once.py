"""One order, whatever is repeated, raced or taken for new (design 6; AIP-155 and AIP-163)."""

import asyncio
import time
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import func, select, update

from orderpage.adapters.sql.schema import exchange_rates, ledger_entries, skus
from orderpage.changed import QuoteChanged
from orderpage.domain.order import OrderState, ServiceOrderType
from orderpage.domain.problem import Action, Code, Refusal
from orderpage.submit import OrderDuplicate

SECONDS = 60.0


async def refusal(till: Any, request: Any, buyer: str = "b-1") -> Refusal:
    before = await till.rows()
    with pytest.raises(Refusal) as refused:
        await till.submit(request, buyer)
    assert await till.rows() == before, "a refused submit must write nothing"
    return refused.value


def codes(refused: Refusal) -> list[Code]:
    return [problem.code for problem in refused.problems]


async def test_an_order_is_what_was_quoted_to_the_cent(till: Any) -> None:
    request = await till.quote(0)
    quote = till.signer.open(request.quote_token, "b-1")
    placed = await till.submit(request)
    assert placed.order.payable == placed.payment.amount == quote.totals.payable
    assert placed.order.checkout_id == quote.checkout_id
    assert placed.order.address == request.page.address


async def test_a_retry_gives_the_same_order_whatever_has_changed_since(till: Any) -> None:
    request = await till.quote(0)
    first = await till.submit(request)
    await till.change_sku(unit_price=99_999)
    await till.set_stock(0)
    till.clock.advance(days=2)
    assert await till.submit(request) == first
    assert (await till.rows()).orders == 1


async def test_a_retry_that_differs_only_in_what_it_asks_to_see_is_the_same_request(till: Any) -> None:
    request = await till.quote(0)
    first = await till.submit(request)
    assert await till.submit(replace(request, page=replace(request.page, explain=True))) == first


async def test_concurrent_duplicates_make_one_order_and_all_get_it(till: Any) -> None:
    request = await till.quote(0)
    placed = await asyncio.gather(*(till.submit(request) for _ in range(8)))
    assert len({one.order.order_id for one in placed}) == 1
    assert {one.order.state for one in placed} == {OrderState.CONFIRMED}
    rows = await till.rows()
    assert (rows.orders, rows.requests, rows.outbox) == (1, 1, 1)
    assert await till.stock() == 49


async def test_concurrent_submits_of_one_checkout_under_other_ids_make_one_order(till: Any) -> None:
    request = await till.quote(0)
    calls = [till.submit(till.again(request)) for _ in range(6)]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    made = [answer for answer in answers if not isinstance(answer, BaseException)]
    refused = [answer for answer in answers if isinstance(answer, BaseException)]
    assert len(made) == 1
    assert len(refused) == 5
    for duplicate in refused:
        assert isinstance(duplicate, OrderDuplicate)
        assert duplicate.placed.order.order_id == made[0].order.order_id
    assert await till.stock() == 49


@pytest.mark.parametrize("change", ["payment_method", "phone", "recipient", "quantity", "token"])
async def test_a_used_request_id_with_another_body_is_refused(till: Any, change: str) -> None:
    request = await till.quote(0)
    await till.submit(request)
    page = request.page
    other = {
        "payment_method": lambda: replace(request, payment_method="fps"),
        "phone": lambda: replace(request, page=replace(page, address=replace(page.address, phone="+852 5999 9999"))),
        "recipient": lambda: replace(request, page=replace(page, address=replace(page.address, recipient="Other"))),
        "quantity": lambda: replace(request, page=till.cart("HK", ("magic", 2))),
        "token": lambda: replace(request, quote_token=request.quote_token[:-6] + "AAAAAA"),
    }[change]()
    refused = await refusal(till, other)
    assert codes(refused) == [Code.REQUEST_ID_REUSED]
    assert refused.problems[0].field == "request_id"


async def test_request_ids_are_each_buyers_own(till: Any) -> None:
    request = await till.quote(0)
    await till.submit(request)
    page = till.cart("HK", ("magic", 1))
    theirs = till.ask(page, await till.render(page, "b-2"), request_id=request.request_id)
    placed = await till.submit(theirs, "b-2")
    assert placed.order.buyer_id == "b-2"


async def test_a_checkout_that_became_an_order_answers_with_it(till: Any) -> None:
    request = await till.quote(0)
    first = await till.submit(request)
    refused = await refusal(till, till.again(request))
    assert isinstance(refused, OrderDuplicate)
    assert refused.placed == first
    (problem,) = refused.problems
    assert (problem.code, problem.value, problem.remedy) == (
        Code.ORDER_DUPLICATE,
        first.order.order_id,
        Action.SHOW_ORDER,
    )
    adjusted = till.cart("HK", ("magic", 2), prior_quote_token=request.quote_token)
    assert isinstance(await refusal(till, till.ask(adjusted, await till.render(adjusted))), OrderDuplicate)


async def test_an_order_still_open_also_keeps_its_checkout(till: Any) -> None:
    request = await till.quote(3)
    await till.submit(request)
    assert isinstance(await refusal(till, till.again(request)), OrderDuplicate)


async def test_a_checkout_that_became_an_order_answers_with_it_even_after_the_quote_expired(till: Any) -> None:
    request = await till.quote(0)
    await till.submit(request)
    till.clock.advance(hours=1)
    assert isinstance(await refusal(till, till.again(request)), OrderDuplicate)


# ---- validate_only ---------------------------------------------------------------------------------------------------


async def test_validate_only_writes_nothing_and_spends_no_request_id(till: Any) -> None:
    request = await till.quote(0)
    before = await till.rows()
    deadline = time.monotonic() + SECONDS
    assert await till.submitter.submit(replace(request, validate_only=True), "b-1", deadline) is None
    assert await till.rows() == before
    assert await till.stock() == 50
    assert (await till.submit(request)).order.state is OrderState.CONFIRMED


async def test_validate_only_refuses_what_submit_would(till: Any) -> None:
    request = replace(await till.quote(0), validate_only=True, payment_method="cowries")
    assert codes(await refusal(till, request)) == [Code.PAY_METHOD_UNSUPPORTED]


# ---- what is refused -------------------------------------------------------------------------------------------------


async def test_an_expired_quote_is_refused(till: Any) -> None:
    request = await till.quote(0)
    till.clock.advance(minutes=14, seconds=59)
    deadline = time.monotonic() + SECONDS
    assert await till.submitter.submit(replace(request, validate_only=True), "b-1", deadline) is None
    till.clock.advance(seconds=1)
    refused = await refusal(till, request)
    assert codes(refused) == [Code.QUOTE_EXPIRED]
    assert refused.problems[0].remedy is Action.RENDER_AGAIN


@pytest.mark.parametrize("token", ["", "q1.k1.AAAA.BBBB", "é", "a" * 5000])
async def test_a_broken_token_is_refused(till: Any, token: str) -> None:
    assert codes(await refusal(till, replace(await till.quote(0), quote_token=token))) == [Code.QUOTE_INVALID]


async def test_another_buyers_token_is_refused(till: Any) -> None:
    assert codes(await refusal(till, await till.quote(0), buyer="b-2")) == [Code.QUOTE_INVALID]


async def test_all_that_is_wrong_with_the_contact_is_said_at_once(till: Any) -> None:
    request = await till.quote(0)
    address = replace(request.page.address, recipient=" ", phone="12")
    refused = await refusal(till, replace(request, page=replace(request.page, address=address)))
    assert set(codes(refused)) == {Code.ADDR_FIELD_INVALID, Code.ADDR_PHONE_INVALID}


async def test_a_blocked_buyer_may_look_but_not_order(till: Any) -> None:
    page = till.cart("HK", ("magic", 1))
    rendered = await till.render(page, "b-blocked")
    assert codes(await refusal(till, till.ask(page, rendered), buyer="b-blocked")) == [Code.RISK_BUYER_BLOCKED]


async def test_an_order_is_shown_to_its_buyer_only(till: Any) -> None:
    placed = await till.submit(await till.quote(0))
    for buyer, order_id in (("b-2", placed.order.order_id), ("b-1", "o-none")):
        with pytest.raises(Refusal) as refused:
            await till.submitter.order(order_id, buyer)
        assert codes(refused.value) == [Code.ORDER_NOT_FOUND]


# ---- the quote no longer holds ----------------------------------------------------------------------------------


async def changed(till: Any, request: Any) -> QuoteChanged:
    refused = await refusal(till, request)
    assert isinstance(refused, QuoteChanged)
    assert codes(refused)[0] is Code.QUOTE_CHANGED
    return refused


async def test_a_changed_price_answers_the_new_page_which_can_be_submitted(till: Any) -> None:
    request = await till.quote(0)
    await till.change_sku(unit_price=20_000)
    refused = await changed(till, request)
    page = refused.rendered.page
    assert page.lines[0].unit_amount == 23_600
    assert refused.rendered.checkout_id == till.signer.open(request.quote_token, "b-1").checkout_id
    placed = await till.submit(till.again(request, quote_token=refused.rendered.quote_token))
    assert placed.order.payable == page.totals.payable


async def test_a_lower_price_is_a_change_too(till: Any) -> None:
    request = await till.quote(0)
    await till.change_sku(unit_price=5_000)
    await changed(till, request)


async def test_a_change_that_leaves_every_amount_as_it_was_is_honoured(till: Any) -> None:
    request = await till.quote(0)
    await till.change_sku(max_quantity=98)
    assert (await till.submit(request)).order.lines[0].version == (await till.sku()).version


async def test_submit_reads_past_the_catalogues_cache(till: Any) -> None:
    request = await till.quote(0)

    await till.database.write(lambda c: c.execute(update(skus).values(unit_price=77_777, version=skus.c.version + 1)))
    await changed(till, request)


@pytest.mark.parametrize(("left", "code", "value"), [(0, Code.INV_OUT_OF_STOCK, ""), (2, Code.INV_INSUFFICIENT, "2")])
async def test_stock_that_is_gone_names_the_line_and_what_is_left(till: Any, left: int, code: Code, value: str) -> None:
    request = await till.quote(0, quantity=3)
    await till.set_stock(left)
    refused = await changed(till, request)
    found = [(p.code, p.line_id, p.value) for p in refused.problems[1:]]
    assert found == [(code, "1", value)]
    assert refused.rendered.quote_token == ""


async def test_the_last_unit_is_sold_once(till: Any) -> None:
    page = till.cart("HK", ("magic", 1))
    requests = [(buyer, till.ask(page, await till.render(page, buyer))) for buyer in ("b-1", "b-2", "b-3")]
    await till.set_stock(1)
    answers = await asyncio.gather(*(till.submit(r, b) for b, r in requests), return_exceptions=True)
    assert sum(not isinstance(answer, BaseException) for answer in answers) == 1
    for answer in answers:
        if isinstance(answer, BaseException):
            assert isinstance(answer, Refusal)
            assert Code.INV_OUT_OF_STOCK in codes(answer)
    assert await till.stock() == 0


async def test_another_cart_or_destination_than_the_quoted_one_is_a_change(till: Any) -> None:
    request = await till.quote(0)
    await changed(till, replace(request, page=till.cart("HK", ("magic", 2))))
    remote = till.cart("HK", ("magic", 1), address=till.address("HK", district="Sai Kung"))
    await changed(till, replace(request, page=remote))


async def test_recipient_and_phone_may_still_change(till: Any) -> None:
    request = await till.quote(0)
    address = replace(request.page.address, recipient="Wong Tai Sin", phone="+852 6123 4567")
    placed = await till.submit(replace(request, page=replace(request.page, address=address)))
    assert placed.order.address.recipient == "Wong Tai Sin"


async def test_a_selection_that_is_gone_is_a_change_and_the_new_page_says_which(till: Any) -> None:
    page = till.cart("HK", ("magic", 1))
    first = await till.render(page)
    parcel = first.page.parcels[0].parcel.parcel_id
    chosen = await till.render(till.cart("HK", ("magic", 1), selections={parcel: "HK_DM_FAST"}))
    request = till.ask(page, chosen)
    await till.change_sku(goods_class="LIQUID")
    refused = await changed(till, request)
    (notice,) = refused.rendered.page.notices
    assert (notice.code, notice.parcel_id) == (Code.LOGI_METHOD_GONE, parcel)
    assert refused.rendered.page.parcels[0].selected == notice.value != "HK_DM_FAST"


async def test_the_quoted_selections_are_honoured_not_the_bodys(till: Any) -> None:
    page = till.cart("HK", ("magic", 1))
    parcel = (await till.render(page)).page.parcels[0].parcel.parcel_id
    chosen = await till.render(till.cart("HK", ("magic", 1), selections={parcel: "HK_DM_FAST"}))
    placed = await till.submit(till.ask(page, chosen))
    assert [one.method for one in placed.order.parcels] == ["HK_DM_FAST"]


async def test_the_quoted_rate_of_exchange_is_honoured(till: Any) -> None:
    request = await till.quote(0)
    quote = till.signer.open(request.quote_token, "b-1")
    await till.database.write(lambda c: c.execute(update(exchange_rates).values(rate="9.9")))
    assert (await till.submit(request)).order.payable == quote.totals.payable


async def test_a_moved_arrival_date_is_no_reason_to_refuse(till: Any) -> None:
    """The page is priced at the quoted instant, so a cut-off that passed in between changes nothing."""
    till.clock.now = till.clock.now.replace(hour=7, minute=59)
    request = await till.quote(0)
    till.clock.advance(minutes=5)
    assert (await till.submit(request)).order.state is OrderState.CONFIRMED


# ---- service orders and money -----------------------------------------------------------------------------------


async def test_a_consolidations_freight_is_a_service_order_of_its_own(till: Any) -> None:
    page = till.cart("SG", ("magic", 1))
    parcel = (await till.render(page)).page.parcels[0].parcel.parcel_id
    chosen = till.cart("SG", ("magic", 1), selections={parcel: "SG_CONSO_SEA"})
    rendered = await till.render(chosen)
    placed = await till.submit(till.ask(chosen, rendered))
    (service,) = placed.order.service_orders
    totals = rendered.page.totals
    assert service.type is ServiceOrderType.DUAL_MAIN
    assert service.amount == totals.freight + totals.freight_discount + totals.fees <= placed.order.payable


async def test_the_stored_ledger_balances(till: Any) -> None:
    await till.submit(await till.quote(0))
    await till.submit(await till.quote(1))
    total = await till.database.read(lambda c: c.execute(select(func.sum(ledger_entries.c.amount))).scalar())
    assert total == 0


# ---- another replica, a restart, a crash -------------------------------------------------------------------------


async def test_a_quote_of_a_plan_unknown_here_is_honoured_where_the_amounts_are_equal(till: Any, demo: Any) -> None:
    page = till.cart("HK", ("magic", 1))
    theirs = till.replica(demo.compile_with("package: other\npresent: {remove: [saving]}\n"))
    rendered = await theirs.render(page, "b-1", time.monotonic() + SECONDS)
    placed = await till.submit(till.ask(page, rendered))
    assert placed.order.payable == rendered.page.totals.payable
    assert placed.order.plan_digest != rendered.page.plan_digest


async def test_a_quote_of_a_plan_unknown_here_is_changed_where_the_amounts_differ(till: Any, demo: Any) -> None:
    page = till.cart("HK", ("magic", 1))
    theirs = till.replica(demo.compile_with("package: other\nsurcharge: {remove: [home_delivery]}\n"))
    rendered = await theirs.render(page, "b-1", time.monotonic() + SECONDS)
    refused = await changed(till, till.ask(page, rendered))
    assert refused.rendered.page.totals.fees > rendered.page.totals.fees == 0


async def test_an_order_whose_worker_died_before_the_hold_is_taken_up_by_another(till: Any) -> None:
    class Dying:
        async def hold(self, *_: Any) -> Any:
            raise asyncio.CancelledError

    request = await till.quote(0)
    healthy = till.provider
    till.use(Dying())
    with pytest.raises(asyncio.CancelledError):
        await till.submit(request)
    till.use(healthy)
    assert await till.refused_within(request, seconds=0.5) == [Code.REQUEST_IN_PROGRESS]
    assert await till.later(seconds=14) == 0
    assert await till.later(seconds=2) == 1
    assert (await till.submit(request)).order.state is OrderState.CONFIRMED
    assert (await till.rows()).orders == 1
