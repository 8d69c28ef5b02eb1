"""An order keeps what its site said of refunds when it was placed."""

import time
from datetime import date, datetime
from typing import Any
from uuid import uuid4

import pytest

from orderpage.accounting.refunds import refund_of
from orderpage.domain.order import Order
from orderpage.domain.presale import BalanceWindow, Presale
from orderpage.domain.refund import Cause, Clawback, RefundCase
from orderpage.domain.terms import RefundPolicy
from orderpage.engine.plan import PlanSource
from orderpage.presale.balances import StagePayment
from orderpage.renderer import Renderer

LAYER = """
package: own
when: {site: HK}
profile: {refund_policy: CLAWBACK}
discount:
  add:
    - use: promotion.reduction
      as: ten
      settings:
        {code: TEN, name: {en: Ten}, lane: 3, target: GOODS, funder: PLATFORM, amount: "10.00", threshold: "199.00"}
"""
KEPT = LAYER.replace("profile: {refund_policy: CLAWBACK}", "profile: {refund_policy: KEEP}")
SOLD = Presale(
    effective_from=date(2026, 11, 20),
    effective_to=date(2026, 11, 30),
    deposit_ppm=100_000,
    balance=BalanceWindow(first_day=date(2026, 12, 1), last_day=date(2026, 12, 3)),
)
OPENS = datetime.fromisoformat("2026-12-01T00:00+08:00")


@pytest.fixture(scope="module")
def plans(demo: Any) -> dict[str, Any]:
    return {layer: demo.compile_with(layer) for layer in (LAYER, KEPT)}


@pytest.fixture
def shop(till: Any, plans: Any) -> Any:
    """The till, with ``till.packages(layer)`` to go over to others."""

    def packages(layer: str) -> None:
        till.renderer = Renderer(PlanSource(lambda: plans[layer]), till.ports, till.bucket_of, till.signer, till.clock)
        till.use(till.provider)

    till.packages = packages
    packages(LAYER)
    return till


async def known(till: Any, order_id: str) -> Order:
    """The order as whoever refunds it reads it."""
    placed = await till.orders.order(order_id, "b-1")
    order: Order = placed.order
    return order


async def test_goods_that_go_back_break_a_condition_on_a_site_that_claws_back(shop: Any) -> None:
    placed = await shop.submit(await shop.quote(quantity=2))
    shop.packages(KEPT)
    order = await known(shop, placed.order.order_id)
    assert order.refund_policy is RefundPolicy.CLAWBACK
    one = RefundCase(lines={"1": 1})
    refund = refund_of(order, one)
    assert refund.clawbacks == (Clawback("TEN", 590),), "half of it was given on what stays"
    assert refund_of(order, RefundCase(lines={"1": 1}, cause=Cause.SELLER)).clawbacks == ()


async def test_a_site_that_says_nothing_lets_the_buyer_keep_it(shop: Any) -> None:
    shop.packages(KEPT)
    placed = await shop.submit(await shop.quote(quantity=2))
    order = await known(shop, placed.order.order_id)
    assert (order.refund_policy, order.discount) == (RefundPolicy.KEEP, -1180)
    assert refund_of(order, RefundCase(lines={"1": 1})).clawbacks == ()


async def test_a_presale_keeps_what_was_said_with_its_deposit(shop: Any) -> None:
    await shop.change_sku(presale=(SOLD,))
    placed = await shop.submit(await shop.quote(quantity=2))
    shop.packages(KEPT)
    shop.clock.now = OPENS
    balance = await shop.render(shop.cart("HK", order_id=placed.order.order_id, address=None))
    payment = StagePayment(request_id=str(uuid4()), quote_token=balance.quote_token, payment_method="card")
    await shop.submitter.pay_stage(payment, "b-1", time.monotonic() + 20)
    assert (await known(shop, placed.order.order_id)).refund_policy is RefundPolicy.CLAWBACK
