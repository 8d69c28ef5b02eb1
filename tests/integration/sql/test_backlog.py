"""What waits is counted, and how long the oldest has waited."""

from collections.abc import Callable
from datetime import datetime, timedelta

from orderpage.adapters.sql.database import Database
from orderpage.adapters.sql.orders import SqlOrders
from orderpage.adapters.sql.outbox import publish
from orderpage.domain.order import Event, PaymentState
from orderpage.ports import Backlog, EventBacklog, Placing, Topics, Verdict

MakePlacing = Callable[..., Placing]
MINUTE = timedelta(minutes=1)


async def test_an_empty_database_has_nothing_that_waits(book: SqlOrders, now: datetime) -> None:
    assert await book.backlog(now) == Backlog(told=EventBacklog(), work=EventBacklog(), payments={})


async def test_payments_wait_by_state_with_the_age_of_their_oldest_order(
    book: SqlOrders, make_placing: MakePlacing, now: datetime
) -> None:
    for number in (1, 2, 3):
        await book.place(make_placing(number, units={"tea": 1}))
    await book.record_payment(make_placing(2).placed, Verdict(PaymentState.PENDING), now)
    await book.record_payment(make_placing(3).placed, Verdict(PaymentState.DECLINED), now)
    payments = (await book.backlog(now + MINUTE)).payments
    assert payments == {PaymentState.STARTED: (1, 60.0), PaymentState.PENDING: (1, 60.0)}


async def test_events_wait_fail_and_are_parked(book: SqlOrders, make_placing: MakePlacing, now: datetime) -> None:
    for number in (1, 2):
        await book.place(make_placing(number, units={"tea": 1}))
        await book.record_payment(make_placing(number).placed, Verdict(PaymentState.HELD), now)
    assert (await book.backlog(now + MINUTE)).told.overdue == 60.0
    first, second = await book.claim_events(now, now + MINUTE, 10)
    await book.retry_event(first, now + 5 * MINUTE, "sink is down")
    await book.park_event(second, "refused for ever")
    assert (await book.backlog(now + 10 * MINUTE)).told == EventBacklog(2, 1, 1, 600.0)


async def test_work_of_deliverers_is_counted_apart_from_what_is_only_told(
    book: SqlOrders, database: Database, now: datetime
) -> None:
    events = [
        Event(topic, topic, {}) for topic in ("order.confirmed", "carrier.create", "carriers.told", "carrier.track")
    ]
    await database.write(lambda connection: publish(connection, events, now))
    (create,) = await book.claim_events(now, now + MINUTE, 1, Topics(prefix="carrier"))
    await book.retry_event(create, now + 5 * MINUTE, "the carrier is down")
    backlog = await book.backlog(now + MINUTE, ("carrier", "depot"))
    assert backlog.told == EventBacklog(waiting=2, overdue=60.0)
    assert backlog.work == EventBacklog(waiting=1, failing=1, overdue=60.0)
    assert (await book.backlog(now + MINUTE)).work == EventBacklog()
