"""Promotions for the first so many orders, whoever places them: counted with the order, given back, and said."""

import asyncio
import time
from datetime import date, datetime
from typing import Any
from uuid import uuid4

import pytest
from msgspec.structs import replace

from orderpage.adapters.payment.sandbox import Magic
from orderpage.adapters.sql.usages import SqlUsages
from orderpage.changed import QuoteChanged
from orderpage.domain.order import OrderState
from orderpage.domain.presale import BalanceWindow, Presale
from orderpage.domain.problem import Action, Code
from orderpage.domain.stage import Stage
from orderpage.engine.plan import PlanSource
from orderpage.presale.balances import StagePayment
from orderpage.renderer import Renderer

SECONDS = 20.0
SOLD = Presale(
    effective_from=date(2026, 11, 20),
    effective_to=date(2026, 11, 30),
    deposit_ppm=100_000,
    balance=BalanceWindow(first_day=date(2026, 12, 1), last_day=date(2026, 12, 3)),
)
OPENS = datetime.fromisoformat("2026-12-01T00:00+08:00")
LAYER = """
package: first
when: {site: HK}
load: {add: [{use: promotion.caps, as: caps}]}
discount:
  add:
    - use: promotion.reduction
      as: opening
      settings:
        {code: OPENING, name: {en: Opening}, lane: 3, target: GOODS, funder: PLATFORM, amount: "10.00", first_orders: 2}
    - use: promotion.coupons
      as: coupons
      settings:
        coupons:
          - {code: HUNDRED, name: {en: Code}, funder: PLATFORM, amount: "5.00", claim: CODE, uses: 5, first_orders: 1}
"""
FREE = """
package: free
when: {site: HK}
load: {add: [{use: promotion.caps, as: caps}]}
discount:
  add:
    - use: promotion.free_shipping
      as: free
      settings: {code: FREE, name: {en: Free}, funder: PLATFORM, group: SHOP, first_orders: 1}
"""


def on(till: Any, plans: Any) -> Any:
    till.usages = SqlUsages(till.database)
    till.ports = replace(till.ports, usages=till.usages)
    till.renderer = Renderer(PlanSource(lambda: plans), till.ports, till.bucket_of, till.signer, till.clock)
    till.use(till.provider)
    return till


@pytest.fixture(scope="module")
def plans(demo: Any) -> Any:
    return demo.compile_with(LAYER)


@pytest.fixture(scope="module")
def free_plans(demo: Any) -> Any:
    return demo.compile_with(FREE)


@pytest.fixture
def shop(till: Any, plans: Any) -> Any:
    return on(till, plans)


@pytest.fixture
def carrier(till: Any, free_plans: Any) -> Any:
    return on(till, free_plans)


async def quoted(till: Any, buyer: str, *coupons: str) -> Any:
    request = till.cart("HK", ("magic", 1), coupons=coupons)
    return till.ask(request, await till.render(request, buyer))


async def taken(till: Any, *coupons: str, buyer: str = "b-late") -> tuple[list[str], list[tuple[Code, str]]]:
    """The discounts of a page, and what it says of coupons."""
    page = (await till.render(till.cart("HK", ("magic", 1), coupons=coupons), buyer)).page
    return [each.code for each in page.adjustments], [(notice.code, notice.field) for notice in page.notices]


async def test_the_first_orders_get_it_and_later_pages_do_not_offer_it(shop: Any) -> None:
    for buyer in ("b-1", "b-2"):
        placed = await shop.submit(await quoted(shop, buyer), buyer)
        assert [each.code for each in placed.order.adjustments] == ["OPENING"]
    assert await taken(shop) == ([], [])


async def test_an_entered_coupon_that_is_used_up_by_others_is_noticed(shop: Any) -> None:
    assert await taken(shop, "HUNDRED") == (["HUNDRED", "OPENING"], [])
    await shop.submit(await quoted(shop, "b-1", "HUNDRED"), "b-1")
    assert await shop.usages.used("b-1", ["coupon:HUNDRED"]) == {"coupon:HUNDRED": 1}
    assert await taken(shop, "HUNDRED") == (["OPENING"], [(Code.PROMO_LIMIT_REACHED, "coupons[0]")])


async def test_who_comes_late_is_told_so_with_the_page_without_it(shop: Any) -> None:
    late = await quoted(shop, "b-late")
    for buyer in ("b-1", "b-2"):
        await shop.submit(await quoted(shop, buyer), buyer)
    before = await shop.rows()
    with pytest.raises(QuoteChanged) as refused:
        await shop.submit(late, "b-late")
    changed, why = refused.value.problems
    assert (changed.code, why.code, why.remedy) == (
        Code.QUOTE_CHANGED,
        Code.PROMO_LIMIT_REACHED,
        Action.REVIEW_CHANGES,
    )
    assert "OPENING is for the first 2 orders, of which others placed the last" in why.message
    assert refused.value.rendered.page.adjustments == ()
    assert await shop.rows() == before
    again = shop.ask(late.page, refused.value.rendered)
    assert (await shop.submit(again, "b-late")).order.discount == 0


async def test_of_buyers_at_once_no_more_get_it_and_each_other_gets_the_page_without_it(shop: Any) -> None:
    """Also those who are refused by the transaction itself, after their page was found to be as quoted."""
    buyers = [f"b-{number}" for number in range(6)]
    requests = [await quoted(shop, buyer) for buyer in buyers]
    answers = await asyncio.gather(*map(shop.submit, requests, buyers), return_exceptions=True)
    lost = [answer for answer in answers if isinstance(answer, QuoteChanged)]
    assert len(lost) == 4, answers
    assert all([problem.code for problem in one.problems][1:] == [Code.PROMO_LIMIT_REACHED] for one in lost)
    assert all(one.rendered.page.adjustments == () and one.rendered.quote_token for one in lost)
    assert await shop.usages.used_by_all(["promotion:OPENING"]) == {"promotion:OPENING": 2}
    assert (await shop.rows()).orders == 2


async def test_validate_only_counts_too(shop: Any) -> None:
    """No transaction will tell it that others were first."""
    late = await quoted(shop, "b-late", "HUNDRED")
    await shop.submit(await quoted(shop, "b-1", "HUNDRED"), "b-1")
    with pytest.raises(QuoteChanged):
        await shop.submit(replace(late, validate_only=True), "b-late")


class Mute(SqlUsages):
    """Counting fails."""

    async def used_by_all(self, names: Any) -> Any:
        raise LookupError("not now")


def muted(till: Any) -> None:
    till.renderer._ports = replace(till.ports, usages=Mute(till.database))


async def test_what_was_quoted_stands_while_counting_fails_and_the_transaction_decides(shop: Any) -> None:
    """Who comes late gets the page without it, which can be ordered: nobody goes round in circles."""
    early, late = await quoted(shop, "b-1", "HUNDRED"), await quoted(shop, "b-late", "HUNDRED")
    muted(shop)
    placed = await shop.submit(early, "b-1")
    assert {each.code for each in placed.order.adjustments} == {"HUNDRED", "OPENING"}
    with pytest.raises(QuoteChanged) as refused:
        await shop.submit(late, "b-late")
    assert Code.PROMO_LIMIT_REACHED in [problem.code for problem in refused.value.problems]
    again = shop.ask(late.page, refused.value.rendered)
    assert (await shop.submit(again, "b-late")).order.adjustments == ()


async def test_a_page_that_could_not_count_offers_nothing_of_it_and_is_ordered_as_it_is(shop: Any) -> None:
    muted(shop)
    without = await quoted(shop, "b-1")
    shop.renderer._ports = shop.ports
    assert (await shop.submit(without, "b-1")).order.adjustments == ()


SWAPPED = """
package: swapped
when: {site: HK}
discount:
  add:
    - use: promotion.reduction
      as: ours
      settings: {code: OURS, name: {en: Ours}, lane: 3, target: GOODS, funder: PLATFORM, amount: "10.00"}
"""


async def test_a_discount_that_another_of_equal_amount_stands_in_for_is_no_longer_what_was_quoted(
    till: Any, demo: Any
) -> None:
    """Who pays for it, and what it uses up, was quoted too."""
    shop = on(till, demo.compile_with(SWAPPED))
    late = await quoted(shop, "b-late")
    on(till, demo.compile_with(SWAPPED.replace("PLATFORM", "SELLER")))
    with pytest.raises(QuoteChanged) as refused:
        await shop.submit(late, "b-late")
    again = shop.ask(late.page, refused.value.rendered)
    assert (await shop.submit(again, "b-late")).order.discount == -1180


async def test_an_order_that_closes_gives_its_place_back(shop: Any) -> None:
    placed = await shop.submit(await shop.quote(coupons=("HUNDRED",), digits=Magic.DECLINED))
    assert placed.order.state is OrderState.CLOSED
    assert await taken(shop, "HUNDRED") == (["HUNDRED", "OPENING"], [])


async def test_a_promotion_of_several_shops_is_used_once_an_order(carrier: Any) -> None:
    request = carrier.cart("HK", ("magic", 1), ("bok-notebook-a5", 6))
    placed = await carrier.submit(carrier.ask(request, await carrier.render(request)))
    assert {each.code for each in placed.order.adjustments} == {"FREE@s-digital", "FREE@s-books"}
    assert await carrier.usages.used_by_all(["promotion:FREE"]) == {"promotion:FREE": 1}


async def test_a_presale_that_was_among_the_first_keeps_it_for_its_balance(carrier: Any) -> None:
    await carrier.change_sku(presale=(SOLD,))
    placed = await carrier.submit(await quoted(carrier, "b-1"), "b-1")
    assert placed.payment.stage is Stage.DEPOSIT
    assert await taken(carrier) == ([], []), "others come late"
    carrier.clock.now = OPENS
    balance = await carrier.render(carrier.cart("HK", order_id=placed.order.order_id, address=None))
    assert [each.code for each in balance.page.adjustments] == ["FREE@s-digital"]
    payment = StagePayment(request_id=str(uuid4()), quote_token=balance.quote_token, payment_method="card")
    paid = await carrier.submitter.pay_stage(payment, "b-1", time.monotonic() + SECONDS)
    assert [each.code for each in paid.order.adjustments] == ["FREE@s-digital"]
    assert await carrier.usages.used_by_all(["promotion:FREE"]) == {"promotion:FREE": 1}


BY_METHOD = FREE.replace("promotion.free_shipping", "promotion.reduction").replace(
    "group: SHOP", 'lane: 4, target: GOODS, amount: "10.00", methods: [HK_DM_LAND]'
)


async def test_a_presale_that_loses_its_discount_with_its_method_gives_its_place_back(till: Any, demo: Any) -> None:
    shop = on(till, demo.compile_with(BY_METHOD))
    await shop.change_sku(presale=(SOLD,))
    placed = await shop.submit(await quoted(shop, "b-1"), "b-1")
    assert await shop.usages.used_by_all(["promotion:FREE"]) == {"promotion:FREE": 1}
    shop.clock.now = OPENS
    (parcel,) = placed.order.parcels
    other = shop.cart(
        "HK", order_id=placed.order.order_id, address=None, selections={parcel.parcel_id: "HK_CONSO_LAND"}
    )
    payment = StagePayment(
        request_id=str(uuid4()), quote_token=(await shop.render(other)).quote_token, payment_method="card"
    )
    paid = await shop.submitter.pay_stage(payment, "b-1", time.monotonic() + SECONDS)
    assert paid.order.adjustments == ()
    assert await shop.usages.used_by_all(["promotion:FREE"]) == {"promotion:FREE": 0}
