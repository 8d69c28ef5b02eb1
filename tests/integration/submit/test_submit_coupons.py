"""Coupons from page to order: used once, refused with a reason, given back by an order that closes."""

import asyncio
from datetime import date
from typing import Any

import pytest
from msgspec.structs import replace

from orderpage.adapters.payment.sandbox import Magic
from orderpage.adapters.sql.usages import SqlUsages
from orderpage.changed import QuoteChanged
from orderpage.domain.order import OrderState
from orderpage.domain.presale import BalanceWindow, Presale
from orderpage.domain.problem import Action, Code, Refusal
from orderpage.domain.stage import Stage
from orderpage.engine.plan import PlanSource
from orderpage.ports import Nobody
from orderpage.pricing.ending import Default
from orderpage.renderer import Renderer
from orderpage_promotions.tokens import issued

SOLD = Presale(
    effective_from=date(2026, 11, 20),
    effective_to=date(2026, 11, 30),
    deposit_ppm=100_000,
    balance=BalanceWindow(first_day=date(2026, 12, 1), last_day=date(2026, 12, 3)),
)
SECRET = "a secret of some length"
LAYER = """
package: coupons
when: {site: HK}
load:
  add:
    - {use: promotion.coupon_book, as: coupon_book, settings: {secret: COUPONS}}
discount:
  add:
    - use: promotion.coupons
      as: coupons
      settings:
        coupons:
          - {code: MINE, name: {en: Mine}, funding: {PLATFORM: 2, SELLER: 1}, amount: "10.00", claim: TOKEN}
          - {code: OURS, name: {en: Ours}, funder: PLATFORM, amount: "5.00", condition: "100.00", claim: CODE, uses: 2}
"""


class Secrets(Nobody):
    def secret(self, name: str) -> str:
        assert name == "COUPONS"
        return SECRET


@pytest.fixture(scope="module")
def plans(demo: Any) -> Any:
    return demo.compile_with(LAYER)


@pytest.fixture
def shop(till: Any, plans: Any) -> Any:
    """The till on packages with coupons."""
    till.usages = SqlUsages(till.database)
    till.ports = replace(till.ports, remote=Secrets(), usages=till.usages)
    till.renderer = Renderer(PlanSource(lambda: plans), till.ports, till.bucket_of, till.signer, till.clock)
    till.use(till.provider)
    return till


def mine(serial: str = "s1", buyer: str = "b-1") -> str:
    return issued(SECRET, "MINE", serial, buyer)


async def page(till: Any, *coupons: str, quantity: int = 1) -> Any:
    request = till.cart("HK", ("magic", quantity), coupons=coupons)
    return (await till.render(request)).page


def notices(page: Any) -> list[tuple[Code, str]]:
    return [(notice.code, notice.field) for notice in page.notices]


async def test_a_personal_coupon_lowers_the_page_and_each_funder_pays_its_share(shop: Any) -> None:
    shown = await page(shop, mine())
    (adjustment,) = shown.adjustments
    assert (adjustment.amount, [share for _, share in adjustment.shares]) == (-1180, [-787, -393])
    assert notices(shown) == []


@pytest.mark.parametrize(
    ("coupon", "code"),
    [
        (mine()[:-1] + "!", Code.PROMO_INVALID),
        (mine(buyer="b-other"), Code.PROMO_INVALID),
        ("MINE", Code.PROMO_INVALID),
        ("NOBODYS", Code.PROMO_INVALID),
    ],
    ids=["altered", "another buyer's", "without its token", "unknown"],
)
async def test_one_that_is_not_the_buyers_is_noticed_and_the_page_comes_without_it(
    shop: Any, coupon: str, code: Code
) -> None:
    shown = await page(shop, coupon)
    assert shown.orderable
    assert (shown.adjustments, notices(shown)) == ((), [(code, "coupons[0]")])
    assert shown.notices[0].remedy is Action.REMOVE_COUPON
    assert coupon not in shown.notices[0].message or "." not in coupon, "a token is repeated nowhere"


async def test_below_its_condition_the_gap_is_said(shop: Any) -> None:
    await shop.change_sku(unit_price=9_900)
    shown = await page(shop, "OURS")
    (notice,) = shown.notices
    assert (notice.code, notice.value) == (Code.PROMO_THRESHOLD_LOST, "118")
    assert Action.REMOVE_COUPON in (notice.remedy, *notice.alternatives)
    assert "HKD 1.18 more" in notice.message
    assert notices(await page(shop, "OURS", quantity=2)) == []


async def test_an_order_uses_its_coupon_up_and_the_next_page_says_so(shop: Any) -> None:
    request = await shop.quote(coupons=(mine(), "OURS"))
    placed = await shop.submit(request)
    assert placed.order.discount == -1180 - 590
    assert await shop.usages.used("b-1", ["coupon:MINE.s1", "coupon:OURS"]) == {"coupon:MINE.s1": 1, "coupon:OURS": 1}
    assert notices(await page(shop, mine(), "OURS")) == [(Code.PROMO_LIMIT_REACHED, "coupons[0]")]
    assert notices(await page(shop, mine("s2"))) == [], "another coupon of the same code"


async def test_a_second_order_with_it_is_refused_with_the_reason_and_the_page_without_it(shop: Any) -> None:
    first, second = await shop.quote(coupons=(mine(),)), await shop.quote(coupons=(mine(),))
    await shop.submit(first)
    before = await shop.rows()
    with pytest.raises(QuoteChanged) as refused:
        await shop.submit(second)
    assert [problem.code for problem in refused.value.problems] == [Code.QUOTE_CHANGED, Code.PROMO_LIMIT_REACHED]
    assert refused.value.rendered.page.adjustments == ()
    assert await shop.rows() == before


async def test_of_two_orders_at_once_one_gets_it(shop: Any) -> None:
    requests = [await shop.quote(coupons=(mine(),)) for _ in range(4)]
    answers = await asyncio.gather(*map(shop.submit, requests), return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, Refusal)]
    assert len(refused) == 3
    assert all(Code.PROMO_LIMIT_REACHED in [each.code for each in one.problems] for one in refused)
    assert await shop.usages.used("b-1", ["coupon:MINE.s1"]) == {"coupon:MINE.s1": 1}
    assert (await shop.rows()).orders == 1


async def test_an_order_that_closes_gives_it_back(shop: Any) -> None:
    placed = await shop.submit(await shop.quote(coupons=(mine(),), digits=Magic.DECLINED))
    assert placed.order.state is OrderState.CLOSED
    assert notices(await page(shop, mine())) == []


async def test_a_deposit_uses_its_coupon_up_like_any_payment(shop: Any) -> None:
    await shop.change_sku(presale=(SOLD,))
    placed = await shop.submit(await shop.quote(coupons=(mine(), "OURS")))
    assert placed.payment.stage is Stage.DEPOSIT
    assert await shop.usages.used("b-1", ["coupon:MINE.s1", "coupon:OURS"]) == {"coupon:MINE.s1": 1, "coupon:OURS": 1}
    assert notices(await page(shop, mine(), "OURS")) == [(Code.PROMO_LIMIT_REACHED, "coupons[0]")]


async def test_a_presale_that_ends_without_its_balance_gives_it_back(shop: Any) -> None:
    await shop.change_sku(presale=(SOLD,))
    placed = await shop.submit(await shop.quote(coupons=(mine(),)))
    assert await shop.submitter.balances.end(placed.order, Default.BUYER) is not None
    assert notices(await page(shop, mine())) == []


async def test_other_coupons_make_another_quote(shop: Any) -> None:
    request = await shop.quote(coupons=("OURS",))
    for coupons in ((), ("OURS", mine())):
        with pytest.raises(QuoteChanged):
            await shop.submit(shop.again(request, page=replace(request.page, coupons=coupons)))
