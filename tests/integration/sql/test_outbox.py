"""Events leave once they are due, one after another for equal keys."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from orderpage.adapters.sql.orders import SqlOrders
from orderpage.domain.order import PaymentState
from orderpage.ports import OutboxRow, Placing, Verdict

MakePlacing = Callable[..., Placing]
MINUTE = timedelta(minutes=1)


@pytest.fixture
async def confirmed(book: SqlOrders, make_placing: MakePlacing, now: datetime) -> SqlOrders:
    """Two orders, each with two events under its own key."""
    for number in (1, 2):
        await book.place(make_placing(number, units={"tea": 1}))
        await book.record_payment(make_placing(number).placed, Verdict(PaymentState.HELD), now)
    return book


def named(rows: object) -> list[tuple[str, str, int]]:
    assert isinstance(rows, list | tuple)
    found: list[OutboxRow] = list(rows)
    return [(row.event.key, row.event.topic, row.attempts) for row in found]


async def test_only_the_oldest_of_each_key_is_claimed(confirmed: SqlOrders, now: datetime) -> None:
    rows = await confirmed.claim_events(now, now + MINUTE, 10)
    assert named(rows) == [("o-1", "order.confirmed", 1), ("o-2", "order.confirmed", 1)]
    assert rows[0].event.payload == {"order_id": "o-1", "payable": 3900}
    assert named(await confirmed.claim_events(now, now + MINUTE, 10)) == []


async def test_the_next_follows_when_the_first_is_delivered(confirmed: SqlOrders, now: datetime) -> None:
    first, _ = await confirmed.claim_events(now, now + MINUTE, 10)
    await confirmed.finish_event(first)
    assert named(await confirmed.claim_events(now, now + MINUTE, 10)) == [("o-1", "parcel.announced", 1)]


async def test_an_ended_lease_is_claimed_again(confirmed: SqlOrders, now: datetime) -> None:
    await confirmed.claim_events(now, now + MINUTE, 1)
    again = await confirmed.claim_events(now + 2 * MINUTE, now + 3 * MINUTE, 1)
    assert named(again) == [("o-1", "order.confirmed", 2)]


async def test_a_retry_waits_until_it_is_due_and_holds_its_key(confirmed: SqlOrders, now: datetime) -> None:
    first, second = await confirmed.claim_events(now, now + MINUTE, 10)
    await confirmed.retry_event(first, now + 5 * MINUTE, "sink is down")
    await confirmed.finish_event(second)
    assert named(await confirmed.claim_events(now + MINUTE, now + 2 * MINUTE, 10)) == [("o-2", "parcel.announced", 1)]
    due = named(await confirmed.claim_events(now + 5 * MINUTE, now + 6 * MINUTE, 10))
    assert due == [("o-1", "order.confirmed", 2), ("o-2", "parcel.announced", 2)]


async def test_what_is_due_longest_is_claimed_first(confirmed: SqlOrders, now: datetime) -> None:
    first, _ = await confirmed.claim_events(now, now + MINUTE, 10)
    await confirmed.retry_event(first, now + MINUTE, "sink is down")
    assert named(await confirmed.claim_events(now + 2 * MINUTE, now + 3 * MINUTE, 1)) == [("o-2", "order.confirmed", 2)]
    assert named(await confirmed.claim_events(now + 2 * MINUTE, now + 3 * MINUTE, 1)) == [("o-1", "order.confirmed", 2)]


async def test_a_parked_head_blocks_its_key_and_no_other(confirmed: SqlOrders, now: datetime) -> None:
    first, second = await confirmed.claim_events(now, now + MINUTE, 10)
    await confirmed.park_event(first, "refused for ever")
    await confirmed.finish_event(second)
    assert named(await confirmed.claim_events(now + MINUTE, now + 2 * MINUTE, 10)) == [("o-2", "parcel.announced", 1)]


async def test_a_late_worker_cannot_bring_back_a_finished_row(confirmed: SqlOrders, now: datetime) -> None:
    first, _ = await confirmed.claim_events(now, now + MINUTE, 10)
    await confirmed.finish_event(first)
    await confirmed.retry_event(first, now, "late")
    await confirmed.park_event(first, "late")
    assert named(await confirmed.claim_events(now, now + MINUTE, 10)) == [("o-1", "parcel.announced", 1)]


async def test_a_worker_whose_lease_ended_cannot_finish_what_another_has_claimed(
    confirmed: SqlOrders, now: datetime
) -> None:
    late, *_ = await confirmed.claim_events(now, now + MINUTE, 1)
    current, *_ = await confirmed.claim_events(now + 2 * MINUTE, now + 3 * MINUTE, 1)
    await confirmed.finish_event(late)
    await confirmed.retry_event(current, now + 4 * MINUTE, "sink is down")
    again = await confirmed.claim_events(now + 4 * MINUTE, now + 5 * MINUTE, 10)
    assert named(again)[0] == ("o-1", "order.confirmed", 3)
