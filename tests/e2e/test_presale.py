"""A presale over the wire: its deposit, its balance, kills in between, and an end that nobody paid for."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.e2e import live
from tests.e2e.conftest import Shop, open_shop
from tests.e2e.live import Client, Server, balance_of, check_sums, page_of, query, refused, stage_payment, submission
from tests.e2e.moving import Stand, flag_text
from tests.postgres import PostgresServer

from crossborder.checkout.v1 import common_pb2, order_pb2

ConnectTo = Callable[..., AbstractAsyncContextManager[Client]]

DUE, PAID = order_pb2.STAGE_STATE_DUE, order_pb2.STAGE_STATE_PAID
FORFEITED, STAGE_CLOSED = order_pb2.STAGE_STATE_FORFEITED, order_pb2.STAGE_STATE_CLOSED
HELD = order_pb2.PAYMENT_STATE_HELD
TEAPOT = "tea-pot-dragon-kiln"
OPENS, CLOSES = datetime(2027, 1, 3, 16, tzinfo=UTC), datetime(2027, 1, 10, 16, tzinfo=UTC)
LATE = 7
"""Digits of an amount that the sandbox holds at once, and says so three seconds later."""


def states(order: order_pb2.Order) -> list[int]:
    return [stage.state for stage in order.stages]


def goods(now: datetime, count: int = 1) -> str:
    """Goods sold for a tenth today, with a balance that can be paid since yesterday and for three days."""
    day = timedelta(days=1)
    rows = [
        f"""
  - sku_id: pre-{number}
    shop: s-pre
    name: {{en: Good {number}}}
    price: "{200 + number // 100}.{number % 100:02}"
    weight_g: 300
    sides_cm: [10, 10, 10]
    goods_class: GENERAL
    warehouse: CN-SZ
    origin: CN
    stock: 100
    presale:
      - effective_from: {(now - day).date()}
        effective_to: {(now + day).date()}
        deposit_ppm: 100000
        balance: {{opens_at: "{(now - day).isoformat()}", closes_at: "{(now + 3 * day).isoformat()}"}}"""
        for number in range(count)
    ]
    return f"shops: [{{shop_id: s-pre, name: {{en: Soon}}}}]\nskus:{''.join(rows)}\n"


def load_goods(url: str, count: int = 1) -> None:
    from orderpage.adapters.sql.load import load

    load(url, [("pre.yaml", goods(datetime.now(UTC), count))])


# ---- the way of a buyer, in a service with a clock ---------------------------------------------------------------


@pytest.fixture
async def shop(loaded: Path, tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(loaded, tmp_path) as opened:
        yield opened


async def test_a_buyer_pays_a_deposit_and_later_the_balance(shop: Shop) -> None:
    page = page_of("TW", (TEAPOT, 1), ("bok-notebook-a5", 2))
    rendered = await shop.client.render(page)
    check_sums(rendered)
    deposit, balance = rendered.page.payment_schedule.stages
    assert (deposit.stage, balance.stage) == (common_pb2.STAGE_DEPOSIT, common_pb2.STAGE_BALANCE)
    assert (deposit.amount, deposit.goods, deposit.freight) == (440, 440, 0)
    assert deposit.amount + balance.amount == rendered.page.totals.payable
    assert balance.goods + balance.freight + balance.fees + balance.tax == balance.amount
    assert (balance.opens_at.ToDatetime(UTC), balance.due_at.ToDatetime(UTC)) == (OPENS, CLOSES)
    assert not any(option.HasField("arrival") for option in rendered.page.parcels[0].options)

    made = await shop.client.submit(submission(page, rendered))
    assert (made.order.state, states(made.order)) == (order_pb2.ORDER_STATE_CONFIRMED, [PAID, DUE])
    assert made.payment.amount == 440
    early = await shop.client.render(balance_of(made.order))
    assert [problem.code for problem in early.page.problems] == ["STAGE_NOT_OPEN"]
    assert datetime.fromisoformat(early.page.problems[0].remedy.value) == OPENS
    assert not early.quote_token

    shop.clock.now = OPENS
    due = await shop.client.render(balance_of(made.order))
    check_sums(due)
    assert due.checkout_id == made.order.checkout_id
    assert due.page.totals.goods == made.order.goods
    assert not await told(shop, "order.confirmed")
    paid = await shop.client.pay_stage(stage_payment(due))
    assert (paid.payment.state, paid.payment.amount) == (HELD, due.page.payment_schedule.stages[1].amount)
    assert states(paid.order) == [PAID, PAID]
    assert paid.order.stages[1].service_order_ids == [each.service_order_id for each in paid.order.service_orders]
    assert (await shop.client.order(made.order.order_id)).order == paid.order
    assert await told(shop, "order.confirmed") == [made.order.order_id]


@pytest.mark.parametrize("cart", ["1-tw.json", "8-tw-presale.json"])
async def test_a_buyer_of_the_demo_can_order_its_carts_to_taiwan(shop: Shop, cart: str) -> None:
    from orderpage.cli.demo import cart_request, sorted_carts

    (file,) = (each for each in sorted_carts("more_carts") if each.name == cart)
    page, buyer = cart_request(file).page, shop.client.as_buyer("b-mei")
    made = await buyer.submit(submission(page, await buyer.render(page)))
    assert made.order.state == order_pb2.ORDER_STATE_CONFIRMED


async def told(shop: Shop, topic: str) -> list[str]:
    return [key for (key,) in query(shop.database, "SELECT key FROM outbox WHERE topic = ?", topic)]


async def test_what_is_no_balance_to_be_paid_is_refused_in_words(shop: Shop) -> None:
    page = page_of("TW", ("bok-notebook-a5", 1))
    plain = await shop.client.render(page)
    refusal = await refused(shop.client.pay_stage(stage_payment(plain)))
    assert (refusal.reason, refusal.fields) == ("QUOTE_INVALID", ("quote_token",))
    made = await shop.client.submit(submission(page, plain))
    assert not made.order.stages
    refusal = await refused(shop.client.render(balance_of(made.order)))
    assert (refusal.reason, refusal.fields) == ("REQUEST_INVALID", ("order_stage.stage",))
    refusal = await refused(shop.client.render(balance_of(order_pb2.Order(order_id="o-none", site="TW"))))
    assert refusal.reason == "ORDER_NOT_FOUND"

    presold = page_of("TW", (TEAPOT, 1))
    order = (await shop.client.submit(submission(presold, await shop.client.render(presold)))).order
    refusal = await refused(shop.client.as_buyer("b-other").render(balance_of(order)))
    assert refusal.reason == "ORDER_NOT_FOUND"
    refusal = await refused(shop.client.render(balance_of(order, site="HK")))
    assert (refusal.reason, refusal.fields) == ("REQUEST_INVALID", ("site",))
    shop.clock.now = OPENS
    quote = (await shop.client.render(balance_of(order))).quote_token
    refusal = await refused(shop.client.submit(submission(page, plain, quote_token=quote)))
    assert (refusal.reason, refusal.fields) == ("QUOTE_INVALID", ("quote_token",))


async def test_a_balance_nobody_pays_is_forfeited_by_the_server_itself(shop: Shop) -> None:
    page = page_of("TW", (TEAPOT, 1))
    made = await shop.client.submit(submission(page, await shop.client.render(page)))
    shop.clock.now = CLOSES - timedelta(minutes=1)
    late = stage_payment(await shop.client.render(balance_of(made.order)))
    shop.clock.now = CLOSES
    ended = await live.until(
        lambda: shop.client.order(made.order.order_id), lambda got: got.order.state == order_pb2.ORDER_STATE_CLOSED
    )
    assert states(ended.order) == [FORFEITED, STAGE_CLOSED]
    refusal = await refused(shop.client.pay_stage(late))
    assert refusal.reason == "STAGE_OVER"
    assert not live.leaks(refusal)
    assert await told(shop, "presale.ended") == [made.order.order_id]


# ---- servers that are killed -------------------------------------------------------------------------------------


async def test_a_server_killed_between_the_stages_goes_on_where_it_was(
    own_server: Callable[..., Server], connect: ConnectTo, tmp_path: Path
) -> None:
    server = own_server(payments_journal=str(tmp_path / "payments.jsonl"))
    await asyncio.to_thread(load_goods, live.url_of(server.database))
    async with connect(server) as client:
        page = page_of("HK", ("pre-0", 1))
        made = await client.submit(submission(page, await client.render(page)))
    await restart(server)
    async with connect(server) as client:
        got = await client.order(made.order.order_id)
        assert (got.order, got.payment) == (made.order, made.payment)
        payment = stage_payment(await client.render(balance_of(made.order)))
        paid = await client.pay_stage(payment)
        assert states(paid.order) == [PAID, PAID]
    await restart(server)
    async with connect(server) as client:
        again = await client.pay_stage(payment)
        assert (again.order, again.payment) == (paid.order, paid.payment)
    held = [line for line in (tmp_path / "payments.jsonl").read_text("utf-8").splitlines() if '"HELD"' in line]
    assert len(held) == 2


async def test_a_server_killed_while_a_balance_is_held_finds_it_paid(
    own_server: Callable[..., Server], connect: ConnectTo, tmp_path: Path
) -> None:
    server = own_server(payments_journal=str(tmp_path / "payments.jsonl"))
    await asyncio.to_thread(load_goods, live.url_of(server.database), 200)
    async with connect(server) as client:
        page, rendered = await with_late_balance(client)
        made = await client.submit(submission(page, rendered))
        payment = stage_payment(await client.render(balance_of(made.order)))
        call = asyncio.ensure_future(refused(client.pay_stage(payment)))
        await live.until(lambda: attempts(server), lambda count: count == 2)
        await restart(server)
        assert (await call).status == "UNAVAILABLE"
    async with connect(server) as client:
        got = await live.until(lambda: client.order(made.order.order_id), lambda got: states(got.order) == [PAID, PAID])
        again = await client.pay_stage(payment)
        assert (again.order, again.payment.state) == (got.order, HELD)
    topics = [topic for (topic,) in query(server.database, "SELECT topic FROM outbox ORDER BY row_id")]
    assert topics == ["presale.deposit_paid", "order.confirmed"]


async def restart(server: Server) -> None:
    server.kill()
    await asyncio.to_thread(server.start)


async def attempts(server: Server) -> int:
    return int(query(server.database, "SELECT count(*) FROM payment_attempts")[0][0])


async def with_late_balance(client: Client) -> tuple[Any, Any]:
    """A cart whose balance the provider answers late, and whose deposit at once."""
    for number in range(200):
        page = page_of("HK", (f"pre-{number}", 1))
        rendered = await client.render(page)
        deposit, balance = rendered.page.payment_schedule.stages
        if balance.amount % 100 == LATE and deposit.amount % 100 > 10:
            return page, rendered
    raise AssertionError("no balance ends in the magic digits")


async def test_servers_on_one_database_pay_a_balance_once(
    postgres: PostgresServer, connect: ConnectTo, tmp_path: Path
) -> None:
    from tests.e2e.test_postgres import make_database

    url = await asyncio.to_thread(make_database, postgres, tmp_path)
    await asyncio.to_thread(load_goods, url)
    journal = str(tmp_path / "payments.jsonl")
    with Server(tmp_path, url=url, payments_journal=journal) as one, Server(tmp_path, url=url) as other:
        async with connect(one) as here, connect(other) as there:
            page = page_of("HK", ("pre-0", 1))
            made = await here.submit(submission(page, await here.render(page)))
            rendered = await here.render(balance_of(made.order))
            payment = stage_payment(rendered)
            calls = [client.pay_stage(payment) for client in (here, there, here, there, here)]
            answers = await asyncio.gather(*calls)
            assert all((each.order, each.payment) == (answers[0].order, answers[0].payment) for each in answers)
            assert states(answers[0].order) == [PAID, PAID]
            refusal = await refused(there.pay_stage(stage_payment(rendered)))
            assert refusal.reason == "STAGE_PAID"
            payment.payment_method = "alipay"
            assert (await refused(there.pay_stage(payment))).reason == "REQUEST_ID_REUSED"


# ---- between two order pages -------------------------------------------------------------------------------------


async def test_a_balance_is_paid_where_its_deposit_was_wherever_new_checkouts_go(
    loaded: Path, connect: ConnectTo, tmp_path: Path
) -> None:
    both = await asyncio.to_thread(lambda: Stand(tmp_path, loaded, flags=flag_text("new"), verify_ratio="0"))
    try:
        await asyncio.to_thread(load_goods, live.url_of(both.server.database))
        async with connect(both.server) as client:
            page = page_of("HK", ("pre-0", 1))
            made = await client.submit(submission(page, await client.render(page)))
            both.change_flags(flag_text("legacy"))
            plain = page_of("HK", ("tst-plain", 1))
            await live.until(lambda: client.render(plain), lambda answer: len(answer.quote_token) > 700)
            paid = await client.pay_stage(stage_payment(await client.render(balance_of(made.order))))
            assert states(paid.order) == [PAID, PAID]
            assert (await client.order(made.order.order_id)).order == paid.order
        async with connect(both.legacy) as old:
            refusal = await refused(old.render(balance_of(made.order)))
            assert (refusal.reason, refusal.fields) == ("REQUEST_INVALID", ("order_stage",))
    finally:
        both.kill()
