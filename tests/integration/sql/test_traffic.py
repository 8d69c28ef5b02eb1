"""Counts add up, a ramp moves once, a trip stays, a lease has one holder: on both databases."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import msgspec
import pytest

from orderpage.adapters.sql.database import Database, open_database
from orderpage.adapters.sql.traffic import SqlTraffic
from orderpage.migration.gate.counts import COMPARED, SLOT, Counted
from orderpage.migration.gate.store import Progress, Reason
from orderpage.migration.scope import Scope, TrafficCell

SG = TrafficCell("SG", "marketplace", "h5", "everyone")
HK = TrafficCell("HK", "marketplace", "native", "member")
EVERYTHING = Scope()
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


@pytest.fixture
def store(database: Database) -> SqlTraffic:
    return SqlTraffic(database)


@pytest.fixture
async def other(url: str) -> AsyncIterator[SqlTraffic]:
    """Another process' store on the same database."""
    database = await open_database(url)
    yield SqlTraffic(database)
    await database.close()


@pytest.fixture
def ramp(now: datetime) -> Progress:
    return Progress(name="sg", scope=Scope(site="SG"), share=500, step=1, since=now)


async def test_counts_of_several_workers_add_up(store: SqlTraffic, other: SqlTraffic, now: datetime) -> None:
    batch = [Counted(now, HK, COMPARED, 2), Counted(now, SG, COMPARED, 3), Counted(now, SG, "different", 1)]
    await asyncio.gather(*(each.add_counts(batch) for each in (store, other, store, other)))
    assert await store.counts(Scope("SG"), now, now + SLOT) == [
        Counted(now, SG, COMPARED, 12),
        Counted(now, SG, "different", 4),
    ]


async def test_nothing_counted_is_nothing_written(store: SqlTraffic, now: datetime) -> None:
    await store.add_counts([])
    assert await store.counts(EVERYTHING, now, now + HOUR) == []


async def test_counts_are_read_by_scope_and_time_in_order_of_slot(store: SqlTraffic, now: datetime) -> None:
    slots = [now + SLOT * number for number in range(4)]
    await store.add_counts([Counted(slot, cell, COMPARED, 1) for slot in reversed(slots) for cell in (SG, HK)])
    found = await store.counts(Scope(client="h5"), slots[1], slots[3])
    assert [(row.slot, row.cell) for row in found] == [(slots[1], SG), (slots[2], SG)]
    (total,) = await store.sums(Scope(*HK), now, now + HOUR)
    assert (total.cell, total.number, total.first, total.last) == (HK, 4, slots[0], slots[3])


async def test_old_slots_are_kept_by_the_hour_and_nothing_is_lost(store: SqlTraffic, now: datetime) -> None:
    slots = [now + SLOT * number for number in (0, 1, 359, 360, 361, 720)]  # two hours, and the start of a third
    await store.add_counts([Counted(slot, SG, COMPARED, 1) for slot in slots])
    for _ in range(2):
        await store.roll_up(now + 2 * HOUR)
        rows = await store.counts(EVERYTHING, now, now + 3 * HOUR)
        assert [(row.slot, row.number) for row in rows] == [(now, 3), (now + HOUR, 2), (now + 2 * HOUR, 1)]


async def test_an_hour_that_has_not_ended_is_not_rolled_up(store: SqlTraffic, now: datetime) -> None:
    await store.add_counts([Counted(now + SLOT, SG, COMPARED, 1)])
    await store.roll_up(now + HOUR - MINUTE)
    assert [row.slot for row in await store.counts(EVERYTHING, now, now + HOUR)] == [now + SLOT]


async def test_pruning_forgets_what_is_before(store: SqlTraffic, now: datetime) -> None:
    await store.add_counts([Counted(now + SLOT * number, SG, COMPARED, 1) for number in range(3)])
    assert await store.prune(now + 2 * SLOT) == 2
    assert [row.slot for row in await store.counts(EVERYTHING, now, now + HOUR)] == [now + 2 * SLOT]


async def test_a_ramp_begins_once(store: SqlTraffic, other: SqlTraffic, ramp: Progress) -> None:
    begun = await asyncio.gather(*(each.begin(ramp) for each in (store, other, store, other)))
    assert sorted(begun) == [False, False, False, True]
    assert (await store.standing()).ramps == (ramp,)


async def test_a_ramp_is_moved_by_one_of_those_who_saw_the_same(
    store: SqlTraffic, other: SqlTraffic, ramp: Progress
) -> None:
    await store.begin(ramp)
    after = msgspec.structs.replace(ramp, share=2000, step=2, since=ramp.since + HOUR, note="on")
    moved = await asyncio.gather(*(each.move(ramp, after) for each in (store, other, store, other)))
    assert sorted(moved) == [False, False, False, True]
    assert (await other.standing()).ramps == (after,)


async def test_a_dropped_ramp_is_gone(store: SqlTraffic, ramp: Progress) -> None:
    await store.begin(ramp)
    await store.drop(["sg"])
    assert (await store.standing()).ramps == ()


async def test_a_scope_has_one_open_trip(store: SqlTraffic, other: SqlTraffic, now: datetime) -> None:
    scope = Scope("SG", client="h5")
    told = await asyncio.gather(*(each.trip(scope, Reason.MONEY, "9.60, 9.50", now) for each in (store, other) * 3))
    assert sum(made for _, made in told) == 1
    assert len({trip.trip_id for trip, _ in told}) == 1
    (held,) = (await store.standing()).trips
    assert held == told[0][0]
    assert (held.scope, held.reason, held.evidence) == (scope, Reason.MONEY, "9.60, 9.50")


async def test_a_trip_takes_back_the_ramps_it_covers_and_no_other(
    store: SqlTraffic, ramp: Progress, now: datetime
) -> None:
    wider = msgspec.structs.replace(ramp, name="all", scope=EVERYTHING)
    for each in (ramp, wider):
        await store.begin(each)
    await store.trip(Scope("SG"), Reason.ERRORS, "", now + MINUTE)
    everything, sg = (await store.standing()).ramps
    assert everything == wider
    assert (sg.share, sg.step, sg.since) == (0, 0, now + MINUTE)


async def test_a_ramp_cannot_be_raised_past_a_trip(store: SqlTraffic, ramp: Progress, now: datetime) -> None:
    await store.begin(ramp)
    await store.trip(EVERYTHING, Reason.OPERATOR, "", now)
    (back,) = (await store.standing()).ramps
    assert not await store.move(back, msgspec.structs.replace(back, share=100))
    assert await store.move(back, msgspec.structs.replace(back, note="waits"))


async def test_a_trip_holds_until_it_is_cleared_and_says_by_whom(store: SqlTraffic, url: str, now: datetime) -> None:
    trip, _ = await store.trip(Scope("SG"), Reason.ERRORS, "", now)
    database = await open_database(url)  # another life of the service
    again = SqlTraffic(database)
    assert (await again.standing()).trips == (trip,)
    (cleared,) = await again.clear([trip.trip_id], "mei", "fixed in 1.2", now + HOUR)
    await database.close()
    assert (cleared.cleared_at, cleared.cleared_by, cleared.clear_reason) == (now + HOUR, "mei", "fixed in 1.2")
    assert (await store.standing()).trips == ()
    assert await store.clear([trip.trip_id], "li", "again", now) == []
    assert await store.trips(10) == [cleared]


async def test_a_cleared_scope_can_trip_again(store: SqlTraffic, now: datetime) -> None:
    first, _ = await store.trip(Scope("SG"), Reason.ERRORS, "", now)
    await store.clear([first.trip_id], "mei", "fixed", now)
    second, made = await store.trip(Scope("SG"), Reason.MONEY, "", now)
    assert made
    assert [trip.trip_id for trip in await store.trips(10)] == [second.trip_id, first.trip_id]


@pytest.mark.parametrize("reason", ["", "  \n"])
async def test_clearing_needs_a_reason(store: SqlTraffic, now: datetime, reason: str) -> None:
    trip, _ = await store.trip(Scope("SG"), Reason.ERRORS, "", now)
    with pytest.raises(ValueError, match="for a reason"):
        await store.clear([trip.trip_id], "mei", reason, now)
    assert (await store.standing()).trips == (trip,)


async def test_a_lease_has_one_holder(store: SqlTraffic, other: SqlTraffic, now: datetime) -> None:
    stores = (store, other) * 3
    taken = await asyncio.gather(
        *(each.take_lease("gate", f"worker {number}", now, now + MINUTE) for number, each in enumerate(stores))
    )
    assert sum(taken) == 1


async def test_a_lease_is_prolonged_by_its_holder_and_taken_when_it_ended(store: SqlTraffic, now: datetime) -> None:
    assert await store.take_lease("gate", "one", now, now + MINUTE)
    assert await store.take_lease("gate", "one", now + MINUTE / 2, now + 2 * MINUTE)
    assert not await store.take_lease("gate", "two", now + MINUTE, now + 3 * MINUTE)
    assert await store.take_lease("other work", "two", now, now + MINUTE)
    assert await store.take_lease("gate", "two", now + 2 * MINUTE, now + 3 * MINUTE)
    assert not await store.take_lease("gate", "one", now + 2 * MINUTE, now + 3 * MINUTE)
