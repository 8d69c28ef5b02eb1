"""The gate on a real database: a ramp moves once, goes on after a restart, and stays where a trip left it."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest
from tests.conftest import Clock
from tests.integration.migration.conftest import Traffic

from orderpage.adapters.sql.database import open_database
from orderpage.adapters.sql.traffic import SqlTraffic
from orderpage.migration.gate.gate import LEASE_FOR, Advance, Gate, Hold, TripIt
from orderpage.migration.gate.ramp import read_ramps
from orderpage.migration.gate.store import Progress, Reason
from orderpage.migration.scope import Scope, TrafficCell

MakeGate = Callable[..., Gate]
SHARES = [100, 500, 2000, 5000, 10_000]


async def progress(store: SqlTraffic, name: str = "sg") -> Progress:
    return next(ramp for ramp in (await store.standing()).ramps if ramp.name == name)


async def test_a_new_ramp_starts_at_its_first_step(make_gate: MakeGate, store: SqlTraffic, clock: Clock) -> None:
    decisions = await make_gate().tick()
    assert decisions == {"sg": Advance(0, 100), "sg-native": Advance(0, 100)}
    assert [(ramp.name, ramp.share, ramp.step, ramp.since) for ramp in (await store.standing()).ramps] == [
        ("sg", 100, 0, clock.now),
        ("sg-native", 100, 0, clock.now),
    ]


@pytest.mark.parametrize("restarts", [True, False], ids=["by a new process each time", "by one process"])
async def test_a_healthy_ramp_goes_up_step_by_step(
    make_gate: MakeGate, store: SqlTraffic, traffic: Traffic, restarts: bool
) -> None:
    gate, shares = make_gate(), []
    for _ in range(25):
        await (make_gate() if restarts else gate).tick()
        shares.append((await progress(store)).share)
        await traffic.seen(2)
    assert sorted(shares) == shares
    assert list(dict.fromkeys(shares)) == SHARES


async def test_two_evaluators_at_once_move_a_ramp_once(
    make_gate: MakeGate, url: str, store: SqlTraffic, traffic: Traffic
) -> None:
    database = await open_database(url)
    try:
        one, two = make_gate("one"), make_gate("two", store=SqlTraffic(database))
        await asyncio.gather(one.tick(), two.tick())
        await traffic.seen(8)
        decisions = await asyncio.gather(one.tick(), two.tick())
        assert sorted(map(bool, decisions)) == [False, True]
        assert (await progress(store)).share == 500
    finally:
        await database.close()


async def test_who_leaves_lets_another_go_on_at_once(make_gate: MakeGate, clock: Clock) -> None:
    one, other = make_gate("one"), make_gate("other")
    assert await one.tick()
    assert await other.tick() == {}
    await other.leave()
    assert await one.tick(), "what is not one's own cannot be given back"
    await one.leave()
    clock.advance(milliseconds=1)
    assert await other.tick()


async def test_two_who_both_believe_they_have_the_lease_move_a_ramp_once(
    make_gate: MakeGate, store: SqlTraffic, traffic: Traffic
) -> None:
    """A process that stood still while it held the lease goes on with what it had decided."""
    await make_gate().tick()
    await traffic.seen(8)
    one, two = make_gate(), make_gate()
    await asyncio.gather(one.tick(), two.tick())
    assert (await progress(store)).share == 500


async def test_another_goes_on_when_the_lease_ended(make_gate: MakeGate, store: SqlTraffic, traffic: Traffic) -> None:
    one, two = make_gate("one"), make_gate("two")
    await one.tick()
    await traffic.passes(2)
    assert await two.tick() == {}
    await traffic.seen(6)
    assert timedelta(seconds=90) > LEASE_FOR
    assert (await two.tick())["sg"] == Advance(1, 500)
    assert await one.tick() == {}


async def test_why_it_waits_is_written_down(make_gate: MakeGate, store: SqlTraffic, traffic: Traffic) -> None:
    gate = make_gate()
    await gate.tick()
    await traffic.seen(2)
    decision = (await gate.tick())["sg"]
    assert isinstance(decision, Hold)
    assert (await progress(store)).note == decision.why == "too little data: 50 of 100 calls of the new stack"


async def test_too_many_errors_trip_the_whole_scope_and_take_it_back(
    make_gate: MakeGate, store: SqlTraffic, traffic: Traffic
) -> None:
    gate = make_gate()
    await gate.tick()
    await traffic.seen(8)
    await gate.tick()
    await traffic.seen(4, new__Render__errors=10)
    decision = (await gate.tick())["sg"]
    assert isinstance(decision, TripIt)
    (trip,) = (await store.standing()).trips
    assert (trip.scope, trip.reason) == (Scope("SG"), Reason.ERRORS)
    assert trip.evidence.startswith("at 5%: errors: ")
    assert (await progress(store)).share == 0


async def test_a_trip_survives_restarts_and_good_times(
    make_gate: MakeGate, store: SqlTraffic, traffic: Traffic
) -> None:
    await make_gate().tick()
    await make_gate().trip_now(traffic.h5, Reason.MONEY, "458.29 is 457.29")
    for _ in range(5):
        await traffic.seen(8)
        decision = (await make_gate().tick())["sg"]
        assert isinstance(decision, Hold)
    assert (await progress(store)).share == 0
    assert len((await store.standing()).trips) == 1


async def test_a_cleared_ramp_begins_at_its_first_step(
    make_gate: MakeGate, store: SqlTraffic, traffic: Traffic, clock: Clock
) -> None:
    gate = make_gate()
    for _ in range(3):
        await gate.tick()
        await traffic.seen(8)
    assert (await progress(store)).share == 2000
    trip = await gate.trip_now(traffic.h5, Reason.MONEY, "458.29 is 457.29")
    await store.clear([trip.trip_id], "mei", "fixed", clock.now)
    assert (await progress(store)).share == 0
    assert (await gate.tick())["sg"] == Advance(0, 100)
    await traffic.seen(2)
    assert isinstance((await gate.tick())["sg"], Hold)
    assert (await progress(store)).share == 100


async def test_what_is_seen_at_once_trips_the_ramp_that_has_the_cell(make_gate: MakeGate, traffic: Traffic) -> None:
    gate = make_gate()
    assert (await gate.trip_now(traffic.h5, Reason.MONEY, "")).scope == Scope("SG")
    assert (await gate.trip_now(traffic.native, Reason.MONEY, "")).scope == Scope("SG", client="native")
    elsewhere = TrafficCell("HK", "marketplace", "h5", "everyone")
    assert (await gate.trip_now(elsewhere, Reason.UNKNOWN_CODE, "")).scope == Scope(*elsewhere)


async def test_a_ramp_is_not_judged_by_cells_that_a_more_specific_one_has(
    make_gate: MakeGate, store: SqlTraffic, traffic: Traffic
) -> None:
    gate = make_gate()
    await gate.tick()
    await traffic.seen(8, traffic.native, new__Render__errors=10)
    decisions = await gate.tick()
    assert isinstance(decisions["sg-native"], TripIt)
    assert decisions["sg"] == Hold("too little data: 0 of 100 calls of the new stack")
    assert [trip.scope for trip in (await store.standing()).trips] == [Scope("SG", client="native")]
    assert (await progress(store, "sg-native")).share == 0


async def test_a_trip_inside_a_ramp_stops_it_and_leaves_the_rest_where_it_is(
    make_gate: MakeGate, store: SqlTraffic, traffic: Traffic, clock: Clock
) -> None:
    gate = make_gate()
    await gate.tick()
    trip, _ = await store.trip(Scope(*traffic.h5), Reason.OPERATOR, "a complaint", clock.now)
    await traffic.seen(8)
    decision = (await gate.tick())["sg"]
    assert isinstance(decision, Hold)
    assert decision.why.startswith("trip 1 (OPERATOR) holds in site=SG business=marketplace client=h5")
    assert (await progress(store)).share == 100
    await store.clear([trip.trip_id], "mei", "no fault found", clock.now)
    assert (await gate.tick())["sg"] == Advance(1, 500)


async def test_a_ramp_that_is_not_in_the_file_any_more_is_forgotten(make_gate: MakeGate, store: SqlTraffic) -> None:
    await make_gate().tick()
    await make_gate(ramps=read_ramps("ramps.yaml", "ramps: [{name: sg, when: {site: SG}}]")).tick()
    assert [ramp.name for ramp in (await store.standing()).ramps] == ["sg"]


async def test_a_ramp_whose_scope_was_changed_begins_anew(
    make_gate: MakeGate, store: SqlTraffic, traffic: Traffic
) -> None:
    gate = make_gate()
    await gate.tick()
    await traffic.seen(8)
    await gate.tick()
    assert (await progress(store)).share == 500
    await make_gate(ramps=read_ramps("ramps.yaml", "ramps: [{name: sg, when: {site: HK}}]")).tick()
    assert (await progress(store)).share == 100


async def test_a_window_that_is_not_over_is_not_looked_at(
    make_gate: MakeGate, store: SqlTraffic, traffic: Traffic, clock: Clock
) -> None:
    gate = make_gate()
    await gate.tick()
    await traffic.passes(3)
    clock.advance(seconds=4)
    assert (await gate.tick())["sg"] == Hold("too little data: 50 of 100 calls of the new stack")
    clock.advance(seconds=2)
    assert (await gate.tick())["sg"] == Hold("holds until 2026-11-23T02:01:00+00:00")


async def test_counts_of_past_days_are_kept_by_the_hour_and_for_a_quarter(
    make_gate: MakeGate, store: SqlTraffic, traffic: Traffic, clock: Clock
) -> None:
    start = clock.now
    await traffic.passes(4)
    clock.advance(hours=26)
    await make_gate().tick()
    assert {row.slot for row in await store.counts(Scope(), start, clock.now)} == {start}
    clock.advance(days=90)
    await make_gate().tick()
    assert await store.counts(Scope(), start, clock.now) == []
