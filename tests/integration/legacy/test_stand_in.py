"""The old page as a system: it keeps choices and rates as ours does, makes the same orders, and refuses the same."""

import asyncio
from typing import Any

import pytest
from google.protobuf.message import Message
from tests.carts import generate_requests
from tests.e2e import live
from tests.e2e.live import Client, refused
from tests.integration.legacy.conftest import Start, Systems

from crossborder.checkout.v1 import order_page_pb2, order_pb2
from orderpage.bench.render.handwritten import differences

CARTS = 40
TWO = ("HK", ("dig-earbuds-lite", 1), ("bty-shampoo-400", 2))


def same(order: order_pb2.Order) -> order_pb2.Order:
    """The order without what differs from one to the next: ids and the time."""
    kept = order_pb2.Order()
    kept.CopyFrom(order)
    for field in ("order_id", "checkout_id", "create_time"):
        kept.ClearField(field)
    for number, service in enumerate(kept.service_orders, 1):
        assert service.service_order_id == f"{order.order_id}-{number}"
        service.ClearField("service_order_id")
    return kept


async def bought(client: Client, page: Any, **fields: Any) -> order_page_pb2.SubmitResponse:
    return await client.submit(live.submission(page, await client.render(page), **fields))


async def test_a_first_page_and_its_choices_kept_by_its_quote(start: Start) -> None:
    page = live.page_of(*TWO)
    async with start() as systems:
        firsts, kept = [], []
        for client in (systems.ours, systems.old):
            first = await client.render(page)
            choose = {parcel.parcel_id: "HK_CONSO_LAND" for parcel in first.page.parcels}
            chosen = await client.render(page, choose=choose, prior=first.quote_token)
            again = await client.render(page, prior=chosen.quote_token)
            assert [live.chosen(again).method, again.page.totals] == ["HK_CONSO_LAND", chosen.page.totals]
            assert {first.checkout_id} == {chosen.checkout_id, again.checkout_id}
            firsts.append(first)
            kept.append(again)
        assert differences(*firsts) == []
        assert differences(*kept) == []


async def test_a_rate_is_kept_until_the_quote_expires(start: Start) -> None:
    page = live.page_of(*TWO)
    async with start() as systems:
        for client, database in zip((systems.ours, systems.old), systems.databases, strict=True):
            first = await client.render(page)
            systems.clock.advance(minutes=5)
            publish(database, systems, "1.2500")
            kept = await client.render(page, prior=first.quote_token)
            assert kept.page.exchange_rate == first.page.exchange_rate
            assert kept.quote_expires_at == first.quote_expires_at
            systems.clock.advance(minutes=10)
            late = await client.render(page, prior=first.quote_token)
            assert late.checkout_id == first.checkout_id
            assert late.quote_expires_at.seconds == first.quote_expires_at.seconds + 15 * 60
            systems.clock.advance(minutes=-15)


def publish(database: Any, systems: Systems, rate: str) -> None:
    """A newer rate in the tables."""
    from orderpage.adapters.sql.load import load

    quote = "{code: HKD, exponent: 2}"
    at = systems.clock.now.isoformat()
    row = f'{{rate_id: newer, base: CNY, quote: {quote}, rate: "{rate}", published_at: "{at}"}}'
    load(live.url_of(database), [("rates.yaml", f"rates:\n  - {row}\n")])


@pytest.mark.parametrize("site", ["HK", "SG"])
async def test_the_same_orders_from_generated_carts(start: Start, site: str) -> None:
    made = 0
    async with start() as systems:
        for buyer, request in generate_requests(site, CARTS, seed=5):
            ours, old = systems.as_buyer(buyer)
            shown = [await client.render(request.page) for client in (ours, old)]
            assert differences(*shown) == []
            if not shown[0].quote_token:
                continue
            first = await ours.submit(live.submission(request.page, shown[0]))
            second = await old.submit(live.submission(request.page, shown[1]))
            made += 1
            assert same(first.order) == same(second.order)
            assert first.payment == second.payment
            assert (await old.order(second.order.order_id)).order == second.order
    assert made > CARTS * 0.7
    assert ledger(systems.databases[0]) == ledger(systems.databases[1])
    assert events(systems.databases[0]) == events(systems.databases[1])
    assert live.query(systems.databases[1], "SELECT DISTINCT stack FROM orders") == [("legacy",)]
    written = [live.written(database) for database in systems.databases]
    assert all(counts.pop("ledger_entries") for counts in written)  # `ledger` looks at them one by one
    assert written[0] == written[1]


def ledger(database: Any) -> list[tuple[Any, ...]]:
    """What both stacks book: commission, the carriers' costs and tax withheld from shops are on the old one's other
    books.
    """
    return live.query(
        database,
        "SELECT o.buyer_id, o.payable, e.account, e.kind, e.subject, e.amount "
        "FROM ledger_entries e JOIN orders o USING (order_id) "
        "WHERE e.kind NOT IN ('COMMISSION', 'CARRIER_COST', 'TAX_WITHHELD') "
        "AND NOT (e.kind = 'TAX' AND e.account LIKE 'shop:%') ORDER BY 1, 2, 3, 4, 5, 6",
    )


def events(database: Any) -> list[tuple[Any, ...]]:
    return live.query(database, "SELECT topic, count(*) FROM outbox GROUP BY topic")


async def test_a_repeated_request_gets_the_same_order_and_another_body_is_refused(start: Start) -> None:
    page = live.page_of(*TWO)
    async with start() as systems:
        request = live.submission(page, await systems.old.render(page))
        first = await systems.old.submit(request)
        assert (await systems.old.submit(request)).order == first.order
        assert live.written(systems.databases[1])["orders"] == 1
        request.payment_method = "fps"
        refusal = await refused(systems.old.submit(request))
        assert (refusal.status, refusal.reason) == ("ALREADY_EXISTS", "REQUEST_ID_REUSED")


async def test_twins_of_a_request_get_one_order(start: Start) -> None:
    page = live.page_of(*TWO)
    async with start() as systems:
        request = live.submission(page, await systems.old.render(page))
        first, *others = await asyncio.gather(*[systems.old.submit(request) for _ in range(6)])
        assert {answer.order.order_id for answer in others} == {first.order.order_id}
        assert live.written(systems.databases[1])["orders"] == 1


async def test_a_checkout_becomes_one_order(start: Start) -> None:
    page = live.page_of(*TWO)
    async with start() as systems:
        rendered = await systems.old.render(page)
        placed = await systems.old.submit(live.submission(page, rendered))
        refusal = await refused(systems.old.submit(live.submission(page, rendered)))
        assert (refusal.reason, refusal.metadata["order_id"]) == ("ORDER_DUPLICATE", placed.order.order_id)
        detail = refusal.detail(order_page_pb2.OrderDuplicate())
        assert detail.order == placed.order


async def test_only_validating_makes_nothing(start: Start) -> None:
    page = live.page_of(*TWO)
    async with start() as systems:
        before = live.written(systems.databases[1])
        answer = await bought(systems.old, page, validate_only=True)
        assert not answer.HasField("order")
        assert live.written(systems.databases[1]) == before
        assert (await bought(systems.old, page)).HasField("order")


@pytest.mark.parametrize(
    ("address", "fields"),
    [
        ({"phone": "12"}, {}),
        ({"recipient": " "}, {}),
        ({}, {"payment_method": "shells"}),
        ({"recipient": "", "phone": ""}, {"payment_method": "paynow"}),
    ],
)
async def test_what_refuses_our_order_refuses_the_old_one(start: Start, address: Any, fields: Any) -> None:
    page = live.page_of(*TWO, address=address)
    async with start() as systems:
        ours, old = [await refused(bought(client, page, **fields)) for client in (systems.ours, systems.old)]
        assert (ours.status, ours.problems) == (old.status, old.problems)


async def test_a_blocked_buyer_may_look_but_not_order(start: Start) -> None:
    page = live.page_of(*TWO)
    async with start() as systems:
        refusals = [await refused(bought(client, page)) for client in systems.as_buyer("b-blocked")]
        assert [refusal.reason for refusal in refusals] == ["RISK_BUYER_BLOCKED"] * 2


async def test_a_token_that_is_forged_anothers_or_of_the_other_system_is_invalid(start: Start) -> None:
    page = live.page_of(*TWO)
    async with start() as systems:
        rendered = await systems.old.render(page)
        token = rendered.quote_token
        tokens = (
            token[:-2] + "AA",
            "x" + token,
            token.replace(".", ""),
            "none",
            (await systems.ours.render(page)).quote_token,
        )
        for wrong in tokens:
            refusal = await refused(systems.old.submit(live.submission(page, rendered, quote_token=wrong)))
            assert (refusal.status, refusal.reason) == ("INVALID_ARGUMENT", "QUOTE_INVALID")
            assert (await refused(systems.old.render(page, prior=wrong))).reason == "QUOTE_INVALID"
        thief = systems.old.as_buyer("b-thief")
        assert (await refused(thief.submit(live.submission(page, rendered)))).reason == "QUOTE_INVALID"


async def test_an_expired_quote_is_refused(start: Start) -> None:
    page = live.page_of(*TWO)
    async with start() as systems:
        rendered = await systems.old.render(page)
        systems.clock.advance(minutes=15)
        refusal = await refused(systems.old.submit(live.submission(page, rendered)))
        assert (refusal.status, refusal.reason) == ("FAILED_PRECONDITION", "QUOTE_EXPIRED")


async def test_another_cart_is_answered_with_its_page_and_that_can_be_ordered(start: Start) -> None:
    page, more = live.page_of(*TWO), live.page_of("HK", ("dig-earbuds-lite", 2), ("bty-shampoo-400", 2))
    async with start() as systems:
        told: list[Message] = []
        for client in (systems.ours, systems.old):
            rendered = await client.render(page)
            refusal = await refused(client.submit(live.submission(more, rendered)))
            assert (refusal.status, refusal.reason) == ("FAILED_PRECONDITION", "QUOTE_CHANGED")
            changed = refusal.detail(order_page_pb2.QuoteChanged()).rendered
            assert changed.trace_id == refusal.metadata["trace_id"]
            assert changed.checkout_id == rendered.checkout_id
            placed = await client.submit(live.submission(more, changed))
            told += [changed, refusal.problems[0]]
            assert placed.order.payable == changed.page.totals.payable
        assert differences(told[0], told[2]) == []  # type: ignore[arg-type]
        assert told[1] == told[3]


async def test_a_price_that_moved_is_answered_with_the_new_page(start: Start) -> None:
    page = live.page_of("HK", ("tst-moving", 2))
    async with start() as systems:
        rendered = await systems.old.render(page)
        from orderpage.adapters.sql.load import load

        moved = (live.DATA / "goods.yaml").read_text("utf-8").replace('price: "60.00"', 'price: "61.00"')
        load(live.url_of(systems.databases[1]), [("goods.yaml", moved)])
        refusal = await refused(systems.old.submit(live.submission(page, rendered)))
        assert refusal.reason == "QUOTE_CHANGED"
        changed = refusal.detail(order_page_pb2.QuoteChanged()).rendered
        assert changed.page.totals.goods == rendered.page.totals.goods + 2 * 118


async def test_nobody_sees_anothers_order(start: Start) -> None:
    page = live.page_of(*TWO)
    async with start() as systems:
        placed = await bought(systems.old, page)
        refusal = await refused(systems.old.as_buyer("b-other").order(placed.order.order_id))
        assert (refusal.status, refusal.reason) == ("NOT_FOUND", "ORDER_NOT_FOUND")


@pytest.mark.parametrize(
    ("sku", "state"), [("pay-declined", "DECLINED"), ("pay-action", "ACTION_REQUIRED"), ("pay-pending", "PENDING")]
)
async def test_the_payment_stands_as_with_ours(start: Start, sku: str, state: str) -> None:
    page = live.page_of("HK", (sku, 1))
    async with start() as systems:
        payments = []
        for client in (systems.ours, systems.old):
            rendered = await client.by(page, "HK_CONSO_LAND")
            payments.append((await client.submit(live.submission(page, rendered))).payment)
        names = [order_pb2.PaymentState.Name(payment.state) for payment in payments]
        assert names == [f"PAYMENT_STATE_{state}"] * 2
        assert payments[0].amount == payments[1].amount


@pytest.mark.parametrize(
    ("fields", "reason", "field"),
    [
        ({"site": "AQ"}, "SCENARIO_UNKNOWN", "site"),
        ({"business": "bazaar"}, "SCENARIO_UNKNOWN", "business"),
        ({"client": "fax"}, "SCENARIO_UNKNOWN", "client"),
    ],
)
async def test_an_unknown_scenario_is_refused_by_its_field(start: Start, fields: Any, reason: str, field: str) -> None:
    page = live.page_of("HK", ("dig-earbuds-lite", 1))
    for name, value in fields.items():
        setattr(page, name, value)
    async with start() as systems:
        for client in (systems.ours, systems.old):
            refusal = await refused(client.render(page))
            assert (refusal.reason, refusal.fields) == (reason, (field,))
