"""What becomes of an order as the payment provider answers (design 6)."""

import asyncio
import time
from datetime import timedelta
from typing import Any

import pytest

from orderpage import extends, extension, points
from orderpage.domain.order import OrderState, PaymentState
from orderpage.domain.problem import Code
from orderpage.engine.faults import Fault
from orderpage.ports import Unavailable

HELD, DECLINED, ACTION, PENDING = 0, 1, 3, 4


async def test_held_money_confirms_the_order_and_publishes_it(till: Any) -> None:
    placed = await till.submit(await till.quote(HELD))
    assert (placed.payment.state, placed.order.state) == (PaymentState.HELD, OrderState.CONFIRMED)
    assert placed.payment.amount == placed.order.payable
    assert await till.stock() == 49
    assert (await till.rows()).outbox == 1
    assert await till.submitter.order(placed.order.order_id, "b-1") == placed


@pytest.mark.parametrize(("digits", "code"), [(1, Code.PAY_DECLINED), (2, Code.PAY_FUNDS)])
async def test_a_decline_closes_the_order_returns_its_stock_and_publishes_nothing(
    till: Any, digits: int, code: Code
) -> None:
    placed = await till.submit(await till.quote(digits))
    assert (placed.payment.state, placed.payment.decline) == (PaymentState.DECLINED, code)
    assert placed.order.state is OrderState.CLOSED
    assert await till.stock() == 50
    assert (await till.rows()).outbox == 0


async def test_a_decline_is_remembered_under_its_request(till: Any) -> None:
    request = await till.quote(DECLINED)
    first = await till.submit(request)
    assert await till.submit(request) == first
    assert (await till.rows()).orders == 1


async def test_after_a_decline_the_same_checkout_may_be_submitted_again(till: Any) -> None:
    request = await till.quote(DECLINED)
    closed = await till.submit(request)
    again = till.again(request, payment_method="fps")
    second = await till.submit(again)
    assert second.order.order_id != closed.order.order_id
    assert second.order.checkout_id == closed.order.checkout_id
    assert await till.submit(request) == closed
    assert await till.submit(again) == second
    assert (await till.rows()).orders == 2


async def test_after_a_decline_a_page_changed_to_another_amount_can_be_paid(till: Any) -> None:
    request = await till.quote(DECLINED)
    await till.submit(request)
    page = till.cart("HK", ("magic", 2), prior_quote_token=request.quote_token)
    rendered = await till.render(page)
    placed = await till.submit(till.ask(page, rendered))
    assert placed.order.state is OrderState.CONFIRMED
    assert await till.stock() == 48


async def test_an_action_is_asked_for_then_approved_and_the_sweeper_confirms(till: Any) -> None:
    request = await till.quote(ACTION)
    placed = await till.submit(request)
    assert (placed.payment.state, placed.order.state) == (PaymentState.ACTION_REQUIRED, OrderState.OPEN)
    assert placed.payment.next_action == f"sandbox:approve/{placed.payment.key}"
    assert await till.later(seconds=10) == 0
    till.provider.approve(placed.payment.key)
    assert await till.later(seconds=10) == 1
    confirmed = await till.submit(request)
    assert (confirmed.payment.state, confirmed.order.state) == (PaymentState.HELD, OrderState.CONFIRMED)
    assert confirmed.payment.next_action == ""
    assert (await till.rows()).outbox == 1
    assert await till.later(seconds=60) == 0


async def test_an_action_that_the_buyer_rejects_closes_the_order(till: Any) -> None:
    placed = await till.submit(await till.quote(ACTION))
    till.provider.reject(placed.payment.key)
    assert await till.later(seconds=10) == 1
    closed = await till.submitter.order(placed.order.order_id, "b-1")
    assert (closed.payment.state, closed.order.state) == (PaymentState.DECLINED, OrderState.CLOSED)
    assert await till.stock() == 50


async def test_a_hold_that_timed_out_although_held_is_found_out(till: Any) -> None:
    placed = await till.submit(await till.quote(5))
    assert (placed.payment.state, placed.order.state) == (PaymentState.PENDING, OrderState.OPEN)
    assert await till.later(seconds=10) == 1
    assert (await till.submitter.order(placed.order.order_id, "b-1")).order.state is OrderState.CONFIRMED


async def test_a_provider_that_is_away_is_asked_again_later(till: Any) -> None:
    placed = await till.submit(await till.quote(9))
    assert placed.payment.state is PaymentState.PENDING
    assert await till.later(seconds=10) == 0
    assert await till.later(seconds=30) == 1
    assert (await till.submitter.order(placed.order.order_id, "b-1")).payment.state is PaymentState.HELD


async def test_a_hold_that_never_arrives_is_asked_for_again_until_the_time_to_pay_is_over(till: Any) -> None:
    placed = await till.submit(await till.quote(6))
    assert placed.payment.state is PaymentState.PENDING
    for _ in range(3):
        assert await till.later(seconds=30) == 0
    assert await till.later(minutes=31) == 1
    closed = await till.submitter.order(placed.order.order_id, "b-1")
    assert (closed.payment.state, closed.order.state) == (PaymentState.DECLINED, OrderState.CLOSED)
    assert await till.stock() == 50


async def test_a_pending_hold_settles(till: Any) -> None:
    placed = await till.submit(await till.quote(PENDING))
    assert placed.payment.state is PaymentState.PENDING
    assert await till.later(seconds=20) == 0
    assert await till.later(seconds=60) == 1
    assert (await till.submitter.order(placed.order.order_id, "b-1")).order.state is OrderState.CONFIRMED


async def test_expiry_releases_the_hold_closes_the_order_and_returns_its_stock(till: Any) -> None:
    placed = await till.submit(await till.quote(8, quantity=3))
    assert await till.stock() == 47
    assert await till.later(minutes=31) == 1
    closed = await till.submitter.order(placed.order.order_id, "b-1")
    assert (closed.payment.state, closed.order.state) == (PaymentState.DECLINED, OrderState.CLOSED)
    assert await till.stock() == 50
    released = await till.provider.look_up(placed.payment.key)
    assert released.state is PaymentState.DECLINED
    assert (await till.rows()).outbox == 0


async def test_money_that_came_at_the_last_moment_confirms_the_order(till: Any) -> None:
    """It is too late to release, so the order stands."""

    class Deaf:
        """Holds, but the worker that asked dies before it hears so."""

        def __init__(self, inner: Any) -> None:
            self.inner = inner
            self.look_up = inner.look_up
            self.release = inner.release

        async def hold(self, *args: Any) -> Any:
            await self.inner.hold(*args)
            raise Unavailable("lost")

    request = await till.quote(10)
    till.use(Deaf(till.provider))
    placed = await till.submit(request)
    assert placed.payment.state is PaymentState.PENDING
    assert await till.later(minutes=31) == 1
    assert (await till.submitter.order(placed.order.order_id, "b-1")).order.state is OrderState.CONFIRMED


async def test_a_lease_keeps_other_workers_off_until_it_ends(till: Any) -> None:
    await till.submit(await till.quote(8))
    assert (
        len(await till.orders.lease_payments(till.now + timedelta(seconds=6), till.now + timedelta(seconds=21), 9)) == 1
    )
    assert await till.orders.lease_payments(till.now + timedelta(seconds=7), till.now + timedelta(seconds=22), 9) == []
    later = till.now + timedelta(seconds=22)
    assert len(await till.orders.lease_payments(later, later + timedelta(seconds=15), 9)) == 1


async def test_the_clients_deadline_ends_the_call_and_never_the_order(till: Any) -> None:
    request = await till.quote(7)
    with pytest.raises(TimeoutError):
        await till.submitter.submit(request, "b-1", time.monotonic() + 0.1)
    await till.submitter.drain()
    placed = await till.submit(request)
    assert placed.order.state is OrderState.CONFIRMED
    assert (await till.rows()).orders == 1


async def test_a_cancelled_call_leaves_the_order_to_finish(till: Any) -> None:
    request = await till.quote(7)
    asked = till.announce()
    call = asyncio.create_task(till.submit(request))
    await asked.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await till.submitter.drain()
    assert (await till.submit(request)).order.state is OrderState.CONFIRMED


async def test_a_duplicate_whose_deadline_comes_before_the_provider_answers_is_told_to_ask_again(till: Any) -> None:
    asked, answer = asyncio.Event(), asyncio.Event()
    inner = till.provider

    class Waiting:
        async def hold(self, *args: Any) -> Any:
            asked.set()
            await answer.wait()
            return await inner.hold(*args)

    request = await till.quote(HELD)
    till.use(Waiting(), hold=timedelta(minutes=1))
    first = asyncio.create_task(till.submit(request))
    await asked.wait()
    assert await till.refused_within(request, seconds=0.5) == [Code.REQUEST_IN_PROGRESS]
    answer.set()
    assert (await first).payment.state is PaymentState.HELD


async def test_a_provider_that_never_answers_leaves_the_payment_pending(till: Any) -> None:
    class Silent:
        async def hold(self, *_: Any) -> Any:
            await asyncio.sleep(60)

    request = await till.quote(HELD)
    till.use(Silent(), hold=timedelta(milliseconds=50))
    placed = await till.submit(request)
    assert (placed.payment.state, placed.order.state) == (PaymentState.PENDING, OrderState.OPEN)


async def test_one_payment_that_cannot_be_resumed_does_not_keep_the_others_waiting(till: Any) -> None:
    """A provider may raise anything, and the sweeper's batch holds other buyers' orders."""
    first = await till.submit(await till.quote(5))
    second = await till.submit(till.again(await till.quote(5)))
    inner = till.provider

    class Moody:
        async def look_up(self, key: str) -> Any:
            if key == first.payment.key:
                raise ValueError("a bug in the provider's library")
            return await inner.look_up(key)

    till.use(Moody())
    assert await till.later(seconds=10) == 1
    assert (await till.submitter.order(second.order.order_id, "b-1")).order.state is OrderState.CONFIRMED


async def test_a_provider_that_hangs_on_a_look_up_does_not_hold_up_the_sweeper(till: Any) -> None:
    class Hanging:
        async def look_up(self, key: str) -> Any:
            await asyncio.sleep(60)

    await till.submit(await till.quote(5))
    till.use(Hanging(), hold=timedelta(milliseconds=50))
    async with asyncio.timeout(10):
        assert await till.later(seconds=20) == 0


async def test_a_fault_at_after_refuses_the_order_before_it_exists(till: Any, demo: Any) -> None:
    @extension("test.after")
    class Broken:
        @extends(points.AFTER)
        def after(self, placed: Any) -> list[Any]:
            raise ZeroDivisionError

    till.renderer = till.replica(demo.compile_with("package: t\nafter: {add: [{use: test.after}]}\n", Broken))
    till.use(till.provider)
    request = await till.quote()
    before = await till.rows()
    with pytest.raises(Fault, match=r"test\.after"):
        await till.submit(request)
    assert await till.rows() == before
