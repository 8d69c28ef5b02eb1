"""The outbox's way out: at least once, in order for equal keys, with backoff, then parked (design 6)."""

import asyncio
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from orderpage.adapters.sql.outbox import publish, revive_parked
from orderpage.adapters.sql.schema import outbox
from orderpage.bootstrap import open_service
from orderpage.delivering import Later, Undeliverable
from orderpage.domain.order import Event
from orderpage.relay import BATCH, MOST_ATTEMPTS, Relay, relays
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


# ---- work, and not only telling ------------------------------------------------------------------------------------


class Desk:
    """Raises what it is told for a key, once; waits for ``gate`` with the others."""

    def __init__(self, raises: dict[str, Exception] | None = None, gate: asyncio.Barrier | None = None) -> None:
        self.raises = raises or {}
        self.gate = gate
        self.got: list[str] = []

    async def deliver(self, row: Any) -> None:
        self.got.append(row.event.key)
        if self.gate is not None:
            await self.gate.wait()
        if row.event.key in self.raises:
            raise self.raises.pop(row.event.key)


async def test_what_is_to_be_done_later_is_no_failure_and_is_due_then(till: Any) -> None:
    await publish_many(till, 1)
    desk = Desk({"o-0": Later(till.now + timedelta(hours=4))})
    relay = till.relay(desk)
    assert await relay.tick() == 1
    assert await state(till) == [("PENDING", 1, "")]
    till.clock.advance(hours=3.9)
    assert await relay.tick() == 0
    till.clock.advance(hours=0.2)
    assert await relay.tick() == 1
    assert await state(till) == [("DONE", 2, "")]


async def test_what_is_refused_for_good_is_parked_at_once(till: Any) -> None:
    await publish_many(till, 1)
    assert await till.relay(Desk({"o-0": Undeliverable("no such street")})).tick() == 0
    assert await state(till) == [("PARKED", 1, "Undeliverable: no such street")]


async def test_what_was_asked_after_for_long_is_not_given_up_at_a_failure(till: Any) -> None:
    await publish_many(till, 1)
    desk = Desk()
    relay = till.relay(desk)
    for _ in range(MOST_ATTEMPTS + 3):
        desk.raises["o-0"] = Later(till.now + timedelta(seconds=1))
        await relay.tick()
        till.clock.advance(seconds=1)
    desk.raises["o-0"] = ConnectionError("not now")
    await relay.tick()
    assert await state(till) == [("PENDING", MOST_ATTEMPTS + 4, "ConnectionError: not now")]


async def test_to_be_due_later_uses_up_no_attempt(till: Any) -> None:
    await publish_many(till, 1)
    desk = Desk()
    relay = till.relay(desk)
    for _ in range(MOST_ATTEMPTS - 1):
        desk.raises["o-0"] = Later(till.now + timedelta(seconds=1))
        await relay.tick()
        till.clock.advance(seconds=1)
    desk.raises["o-0"] = ConnectionError("not now")
    await relay.tick()
    assert await state(till) == [("PENDING", MOST_ATTEMPTS, "ConnectionError: not now")]
    till.clock.advance(seconds=1)
    assert await relay.tick() == 1, "the wait after one failure is the shortest"


async def test_failures_count_in_a_row_only(till: Any) -> None:
    await publish_many(till, 1)
    desk = Desk()
    relay = till.relay(desk)
    for number in range(2 * MOST_ATTEMPTS):
        later = Later(till.now + timedelta(seconds=1))
        desk.raises["o-0"] = later if number == MOST_ATTEMPTS - 1 else ConnectionError("not now")
        await relay.tick()
        till.clock.advance(minutes=11)
        if number == 2 * MOST_ATTEMPTS - 2:
            assert (await state(till))[0][0] == "PENDING"
    assert (await state(till))[0][0] == "PARKED"


async def test_a_row_that_is_revived_begins_anew(till: Any) -> None:
    await publish_many(till, 1)
    relay = till.relay(Sink(failures=99))
    for _ in range(3):
        await relay.tick()
        till.clock.advance(minutes=11)
    await till.relay(Desk({"o-0": Undeliverable("no such street")})).tick()
    assert (await state(till))[0][0] == "PARKED"
    await till.database.write(lambda connection: revive_parked(connection, outbox.c.key == "o-0", till.now))
    for _ in range(MOST_ATTEMPTS - 1):
        await relay.tick()
        till.clock.advance(minutes=11)
    assert (await state(till))[0][0] == "PENDING"
    await relay.tick()
    assert (await state(till))[0][0] == "PARKED"


async def test_what_work_held_is_blanked_once_it_is_done_and_what_is_told_is_kept(till: Any) -> None:
    events = [Event(topic, topic, {"phone": "+6581234567"}) for topic in ("order.confirmed", "carrier.create")]
    await till.database.write(lambda connection: publish(connection, events, till.now))
    desk = Desk({"carrier.create": ConnectionError("not now")})
    told, work = relays(till.orders, Desk(), {"carrier": desk}, till.clock)
    await told.tick()
    await work.tick()
    assert await payloads(till) == [{"phone": "+6581234567"}, {"phone": "+6581234567"}]
    till.clock.advance(seconds=2)
    await work.tick()
    assert await payloads(till) == [{"phone": "+6581234567"}, {}]


async def payloads(till: Any) -> list[dict[str, Any]]:
    query = select(outbox.c.payload).order_by(outbox.c.row_id)
    return list(await till.database.read(lambda c: c.execute(query).scalars().all()))


async def test_a_deliverers_batch_is_delivered_together_and_each_to_its_own_end(till: Any) -> None:
    await publish_many(till, 3)
    desk = Desk({"o-1": ConnectionError("nobody listens")}, asyncio.Barrier(3))
    relay = Relay(till.orders, desk, till.clock, together=True)
    async with asyncio.timeout(10):
        assert await relay.tick() == 2
    assert [status for status, _, _ in await state(till)] == ["DONE", "PENDING", "DONE"]


async def test_a_deliverer_gets_the_topics_of_its_name_and_the_sink_all_others(till: Any) -> None:
    topics = ("order.confirmed", "carrier.create", "carriers.create", "carrier")
    events = [Event(topic, topic, {}) for topic in topics]
    await till.database.write(lambda connection: publish(connection, events, till.now))
    sink, desk = Desk(), Desk()
    for relay in relays(till.orders, sink, {"carrier": desk}, till.clock):
        await relay.tick()
    assert (desk.got, sink.got) == (["carrier.create"], ["order.confirmed", "carriers.create", "carrier"])


# ---- batches -------------------------------------------------------------------------------------------------------


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
