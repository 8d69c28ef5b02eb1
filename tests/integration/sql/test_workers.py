"""Two workers on one database: whatever they race for, one of them gets it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace
from sqlalchemy import func, select

from orderpage.adapters.sql.catalogue import SqlCatalogue
from orderpage.adapters.sql.database import Database, open_database
from orderpage.adapters.sql.orders import SqlOrders
from orderpage.adapters.sql.schema import outbox
from orderpage.domain.order import OrderState, PaymentState
from orderpage.domain.problem import Code, Refusal
from orderpage.ports import OutboxRow, Placing, Verdict

MakePlacing = Callable[..., Placing]
HELD = Verdict(PaymentState.HELD)
DECLINED = Verdict(PaymentState.DECLINED, decline="PAY_FUNDS")


@pytest.fixture
async def other(url: str) -> AsyncIterator[SqlOrders]:
    """The second worker's order book."""
    database = await open_database(url)
    yield SqlOrders(database)
    await database.close()


def of_checkout(placing: Placing, checkout_id: str) -> Placing:
    order = replace(placing.placed.order, checkout_id=checkout_id)
    return replace(placing, placed=replace(placing.placed, order=order))


async def test_one_request_makes_one_order(book: SqlOrders, other: SqlOrders, make_placing: MakePlacing) -> None:
    attempts = [make_placing(number, units={"tea": 1}, request_id="r", body_hash="h") for number in range(16)]
    outcomes = await asyncio.gather(
        *(worker.place(attempt) for worker, attempt in zip([book, other] * 8, attempts, strict=True))
    )
    assert sum(outcome.created for outcome in outcomes) == 1
    assert len({outcome.placed.order.order_id for outcome in outcomes}) == 1
    assert all(outcome.same_request for outcome in outcomes)


async def test_one_checkout_becomes_one_order(book: SqlOrders, other: SqlOrders, make_placing: MakePlacing) -> None:
    attempts = [of_checkout(make_placing(number, units={"tea": 1}), "c-1") for number in range(16)]
    outcomes = await asyncio.gather(
        *(worker.place(attempt) for worker, attempt in zip([book, other] * 8, attempts, strict=True))
    )
    assert sum(outcome.created for outcome in outcomes) == 1
    assert len({outcome.placed.order.order_id for outcome in outcomes}) == 1
    losers = [attempt for attempt, outcome in zip(attempts, outcomes, strict=True) if not outcome.created]
    assert [await book.find_request(loser.request) for loser in losers] == [None] * 15


async def test_the_last_unit_is_sold_once(
    book: SqlOrders, other: SqlOrders, database: Database, make_placing: MakePlacing
) -> None:
    attempts = [make_placing(number, units={"cup": 1, "tea": 1}) for number in range(12)]
    outcomes = await asyncio.gather(
        *(worker.place(attempt) for worker, attempt in zip([book, other] * 6, attempts, strict=True)),
        return_exceptions=True,
    )
    refused = [outcome for outcome in outcomes if isinstance(outcome, Refusal)]
    assert len(refused) == 10
    assert {refusal.problems[0].code for refusal in refused} == {Code.INV_OUT_OF_STOCK}
    levels = await SqlCatalogue(database).stock(["cup", "tea"])
    assert (levels["cup"].available, levels["tea"].available) == (0, 8)


async def test_orders_that_name_the_same_goods_in_any_order_all_succeed(
    book: SqlOrders, other: SqlOrders, make_placing: MakePlacing
) -> None:
    units = [{"cup": 1, "tea": 1}, {"tea": 1, "cup": 1}]
    outcomes = await asyncio.gather(
        *(worker.place(make_placing(number, units=units[number])) for number, worker in enumerate([book, other]))
    )
    assert all(outcome.created for outcome in outcomes)


async def test_a_payment_is_leased_by_one(
    book: SqlOrders, other: SqlOrders, make_placing: MakePlacing, now: datetime
) -> None:
    for number in range(6):
        await book.place(make_placing(number, units={"tea": 1}))
    later, until = now + timedelta(minutes=1), now + timedelta(minutes=2)
    batches = await asyncio.gather(*(worker.lease_payments(later, until, 2) for worker in [book, other] * 4))
    leased = Counter(lease.placed.payment.attempt_id for batch in batches for lease in batch)
    assert leased == {f"a-{number}": 1 for number in range(6)}


async def test_an_order_is_decided_by_one(
    book: SqlOrders, other: SqlOrders, database: Database, make_placing: MakePlacing, now: datetime
) -> None:
    await book.place(make_placing())
    verdicts = [HELD, DECLINED] * 6
    decided = await asyncio.gather(
        *(
            worker.record_payment(make_placing(1).placed, it, now)
            for worker, it in zip([book, other, other] * 4, verdicts, strict=True)
        )
    )
    assert len({(placed.order.state, placed.payment.state) for placed in decided}) == 1
    confirmed = decided[0].order.state is OrderState.CONFIRMED
    tea = (await SqlCatalogue(database).stock(["tea"]))["tea"].available
    events = await database.read(lambda c: c.execute(select(func.count()).select_from(outbox)).scalar_one())
    assert (tea, events) == ((8, 2) if confirmed else (10, 0))


async def test_an_event_is_claimed_by_one_and_in_order(
    book: SqlOrders, other: SqlOrders, make_placing: MakePlacing, now: datetime
) -> None:
    for number in range(8):
        await book.place(make_placing(number, units={"tea": 1}))
        await book.record_payment(make_placing(number).placed, HELD, now)
    told: list[tuple[str, str]] = []

    async def deliver(worker: SqlOrders) -> None:
        for _ in range(8):
            rows: list[OutboxRow] = list(await worker.claim_events(now, now + timedelta(minutes=1), 3))
            for row in rows:
                told.append((row.event.key, row.event.topic))
                await worker.finish_event(row)

    await asyncio.gather(*(deliver(worker) for worker in [book, other] * 2))
    assert Counter(told) == {
        (f"o-{n}", topic): 1 for n in range(8) for topic in ("order.confirmed", "parcel.announced")
    }
    for number in range(8):
        assert [topic for key, topic in told if key == f"o-{number}"] == ["order.confirmed", "parcel.announced"]
