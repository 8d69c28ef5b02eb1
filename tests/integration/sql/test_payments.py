"""What a payment decides, once, and who may pursue it."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from orderpage.adapters.sql.buyers import SqlBuyers
from orderpage.adapters.sql.catalogue import SqlCatalogue
from orderpage.adapters.sql.database import Database
from orderpage.adapters.sql.orders import SqlOrders
from orderpage.adapters.sql.schema import outbox, payment_attempts
from orderpage.domain.order import OrderState, PaymentState
from orderpage.ports import Placing, Verdict

MakePlacing = Callable[..., Placing]
HELD = Verdict(PaymentState.HELD, reference="psp-1")
DECLINED = Verdict(PaymentState.DECLINED, decline="PAY_FUNDS")


async def published(database: Database) -> int:
    return await database.read(lambda c: c.execute(select(func.count()).select_from(outbox)).scalar_one())


async def test_a_hold_confirms_the_order_and_publishes(
    book: SqlOrders, database: Database, make_placing: MakePlacing, now: datetime
) -> None:
    await book.place(make_placing())
    assert await published(database) == 0
    placed = await book.record_payment(make_placing(1).placed, HELD, now)
    assert (placed.order.state, placed.payment.state) == (OrderState.CONFIRMED, PaymentState.HELD)
    assert await book.order("o-1", "b-mei") == placed
    assert await published(database) == 2


async def test_a_decline_closes_the_order_and_returns_its_stock(
    book: SqlOrders, database: Database, make_placing: MakePlacing, now: datetime
) -> None:
    await book.place(make_placing())
    placed = await book.record_payment(make_placing(1).placed, DECLINED, now)
    assert (placed.order.state, placed.payment.decline) == (OrderState.CLOSED, "PAY_FUNDS")
    levels = await SqlCatalogue(database).stock(["tea", "cup"])
    assert {sku_id: (level.available, level.version) for sku_id, level in levels.items()} == {
        "tea": (10, 3),
        "cup": (2, 3),
    }
    assert await published(database) == 0


@pytest.mark.parametrize(("first", "second"), [(HELD, HELD), (HELD, DECLINED), (DECLINED, HELD), (DECLINED, DECLINED)])
async def test_an_order_is_decided_once(
    book: SqlOrders, database: Database, make_placing: MakePlacing, now: datetime, first: Verdict, second: Verdict
) -> None:
    await book.place(make_placing())
    decided = await book.record_payment(make_placing(1).placed, first, now)
    assert await book.record_payment(make_placing(1).placed, second, now) == decided
    tea = (await SqlCatalogue(database).stock(["tea"]))["tea"].available
    confirmed = decided.order.state is OrderState.CONFIRMED
    assert (tea, await published(database)) == ((8, 2) if confirmed else (10, 0))


async def test_concurrent_verdicts_decide_once(
    book: SqlOrders, database: Database, make_placing: MakePlacing, now: datetime
) -> None:
    await book.place(make_placing())
    answers = await asyncio.gather(*(book.record_payment(make_placing(1).placed, HELD, now) for _ in range(10)))
    assert len({answer.payment.state for answer in answers}) == 1
    assert await published(database) == 2


async def test_a_waiting_payment_keeps_its_next_action_and_reference(
    book: SqlOrders, database: Database, make_placing: MakePlacing, now: datetime
) -> None:
    await book.place(make_placing())
    asked = Verdict(PaymentState.ACTION_REQUIRED, reference="psp-1", next_action="https://pay.example/1")
    placed = await book.record_payment(make_placing(1).placed, asked, now + timedelta(minutes=1))
    assert (placed.order.state, placed.payment.next_action) == (OrderState.OPEN, "https://pay.example/1")
    assert await book.order("o-1", "b-mei") == placed
    await book.record_payment(make_placing(1).placed, Verdict(PaymentState.PENDING), now + timedelta(minutes=2))
    row = await database.read(lambda c: c.execute(select(payment_attempts)).one())
    assert (row.state, row.reference, row.lease_until) == ("PENDING", "psp-1", now + timedelta(minutes=2))


async def test_an_unknown_attempt_is_a_mistake(book: SqlOrders, make_placing: MakePlacing, now: datetime) -> None:
    with pytest.raises(LookupError, match="no payment attempt a-9"):
        await book.record_payment(make_placing(9).placed, HELD, now)


async def test_a_confirmed_order_adds_to_the_buyers_history(
    book: SqlOrders, database: Database, make_placing: MakePlacing, now: datetime
) -> None:
    await book.place(make_placing())
    await book.record_payment(make_placing(1).placed, HELD, now)
    buyer = await SqlBuyers(database).buyer("b-mei")
    assert (buyer.crowd, buyer.last_method) == ("member", "HK_LAND")
    assert buyer.orders_by_method == {"HK_AIR": 7, "HK_LAND": 1}


async def test_only_ended_leases_of_open_payments_are_taken(
    book: SqlOrders, make_placing: MakePlacing, now: datetime
) -> None:
    await book.place(make_placing(1, units={"tea": 1}))
    await book.place(make_placing(2, units={"tea": 1}))
    await book.place(make_placing(3, units={"tea": 1}))
    await book.record_payment(make_placing(3).placed, HELD, now)
    later = now + timedelta(minutes=1)
    assert await book.lease_payments(now + timedelta(seconds=30), later, 10) == []
    leased = await book.lease_payments(now + timedelta(seconds=31), later, 10)
    assert [(lease.placed.payment.attempt_id, lease.expired) for lease in leased] == [("a-1", False), ("a-2", False)]
    assert await book.lease_payments(now + timedelta(seconds=32), later, 10) == []


async def test_leases_are_shared_out_and_say_when_time_to_pay_is_over(
    book: SqlOrders, make_placing: MakePlacing, now: datetime
) -> None:
    for number in range(6):
        await book.place(make_placing(number, units={"tea": 1}))
    late, until = now + timedelta(minutes=15), now + timedelta(minutes=16)
    batches = await asyncio.gather(*(book.lease_payments(late, until, 2) for _ in range(4)))
    attempts = [lease.placed.payment.attempt_id for batch in batches for lease in batch]
    assert sorted(attempts) == [f"a-{number}" for number in range(6)]
    assert all(lease.expired for batch in batches for lease in batch)
