"""The outbox's way out: at least once, in order for equal keys, with backoff, then parked (design 6)."""

import asyncio
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from orderpage.adapters.sql.outbox import publish
from orderpage.adapters.sql.schema import outbox
from orderpage.bootstrap import open_service
from orderpage.domain.order import Event
from orderpage.relay import BATCH, MOST_ATTEMPTS
from orderpage.settings import ServerSettings

HOUR_MS = 3_600_000


class Sink:
    """Notes what it was given; fails as often as it is told."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.got: list[Any] = []

    async def deliver(self, row: Any) -> None:
        self.got.append(row)
        if len(self.got) <= self.failures:
            raise ConnectionError("nobody listens")


async def state(till: Any) -> list[tuple[str, int, str]]:
    rows = await till.database.read(
        lambda c: c.execute(select(outbox.c.state, outbox.c.attempts, outbox.c.error).order_by(outbox.c.row_id)).all()
    )
    return [tuple(row) for row in rows]


async def test_a_confirmed_order_is_told_once_with_its_amounts(till: Any) -> None:
    placed = await till.submit(await till.quote(0))
    sink = Sink()
    relay = till.relay(sink)
    assert await relay.tick() == 1
    assert await relay.tick() == 0
    (row,) = sink.got
    assert (row.event.topic, row.event.key, row.attempts) == ("order.confirmed", placed.order.order_id, 1)
    assert row.event.payload["payable"] == placed.order.payable


async def test_nothing_is_told_before_the_payment_is_held_nor_after_a_decline(till: Any) -> None:
    await till.submit(await till.quote(8))
    await till.submit(await till.quote(1))
    assert await till.relay(Sink()).tick() == 0
    await till.later(minutes=31)
    assert await till.relay(Sink()).tick() == 0


async def test_a_sink_that_fails_is_tried_again_with_growing_waits(till: Any) -> None:
    await till.submit(await till.quote(0))
    sink = Sink(failures=4)
    relay = till.relay(sink)
    for wait in (1, 2, 4, 8):
        attempts = len(sink.got)
        assert await relay.tick() == 0
        assert len(sink.got) == attempts + 1
        till.clock.advance(seconds=wait - 0.5)
        assert await relay.tick() == 0
        assert len(sink.got) == attempts + 1, "tried again before it was due"
        till.clock.advance(seconds=0.5)
    assert await relay.tick() == 1
    assert [row.attempts for row in sink.got] == [1, 2, 3, 4, 5]
    assert len({row.row_id for row in sink.got}) == 1


async def test_a_row_that_will_not_go_is_parked_with_the_reason_and_left_alone(till: Any) -> None:
    await till.submit(await till.quote(0))
    sink = Sink(failures=99)
    relay = till.relay(sink)
    for _ in range(MOST_ATTEMPTS + 3):
        await relay.tick()
        till.clock.advance(minutes=11)
    assert len(sink.got) == MOST_ATTEMPTS
    ((status, attempts, error),) = await state(till)
    assert (status, attempts) == ("PARKED", MOST_ATTEMPTS)
    assert "nobody listens" in error


async def test_a_parked_row_does_not_hold_up_other_orders(till: Any) -> None:
    await till.submit(await till.quote(0))
    relay = till.relay(Sink(failures=99))
    for _ in range(MOST_ATTEMPTS):
        await relay.tick()
        till.clock.advance(minutes=11)
    await till.submit(await till.quote(0))
    assert await till.relay(Sink()).tick() == 1
    assert [status for status, _, _ in await state(till)] == ["PARKED", "DONE"]


async def test_a_row_whose_worker_died_is_delivered_by_another_once_the_lease_is_over(till: Any) -> None:
    await till.submit(await till.quote(0))
    (row,) = await till.orders.claim_events(till.now, till.now + timedelta(seconds=30), 50)
    sink = Sink()
    relay = till.relay(sink)
    assert await relay.tick() == 0
    till.clock.advance(seconds=31)
    assert await relay.tick() == 1
    assert (sink.got[0].row_id, sink.got[0].attempts) == (row.row_id, 2)


async def test_waits_do_not_grow_for_ever(till: Any) -> None:
    await till.submit(await till.quote(0))
    sink = Sink(failures=99)
    relay = till.relay(sink)
    for _ in range(MOST_ATTEMPTS - 1):
        await relay.tick()
        till.clock.advance(minutes=10)
    assert len(sink.got) == MOST_ATTEMPTS - 1
    await relay.tick()
    assert (await state(till))[0][0] == "PARKED"


async def publish_many(till: Any, count: int) -> None:
    events = [Event("order.confirmed", f"o-{number}", {}) for number in range(count)]
    await till.database.write(lambda connection: publish(connection, events, till.now))


async def test_a_full_batch_says_that_more_may_wait(till: Any) -> None:
    await publish_many(till, 2 * BATCH + 1)
    relay = till.relay(Sink())
    said = [(await relay.tick(), relay.more) for _ in range(4)]
    assert said == [(BATCH, True), (BATCH, True), (1, False), (0, False)]


async def test_the_service_rests_only_once_nothing_more_is_due(till: Any, url: str) -> None:
    await publish_many(till, 2 * BATCH + 1)
    settings = ServerSettings(
        database=url, quote_keys="k1:" + "5a" * 32, relay_ms=HOUR_MS, sweep_ms=HOUR_MS, refresh_ms=HOUR_MS
    )
    async with open_service(settings, till.clock), asyncio.timeout(60):
        while {status for status, _, _ in await state(till)} != {"DONE"}:  # noqa: ASYNC110  # the table is what tells
            await asyncio.sleep(0.02)
    assert len(await state(till)) == 2 * BATCH + 1
