"""What a worker knows: the most specific share, the trips, and what it knew when the database is away."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import msgspec
import pytest
from tests.conftest import Clock
from tests.integration.migration.conftest import Traffic

from orderpage.adapters.sql.database import Database, open_database
from orderpage.adapters.sql.traffic import SqlTraffic
from orderpage.migration.gate.gate import Gate
from orderpage.migration.gate.state import TrafficState
from orderpage.migration.gate.store import Reason
from orderpage.migration.scope import Scope, TrafficCell
from orderpage.migration.trips import Trips

MakeGate = Callable[..., Gate]
HK = TrafficCell("HK", "marketplace", "h5", "everyone")


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    """The worker's own; a test may close it."""
    database = await open_database(url)
    yield database
    await database.close()


@pytest.fixture
def state(database: Database) -> TrafficState:
    return TrafficState(SqlTraffic(database))


async def test_nothing_is_known_before_the_first_refresh(state: TrafficState, traffic: Traffic) -> None:
    assert (state.known, state.share(traffic.h5), state.trip(traffic.h5)) == (False, None, None)
    assert await state.refresh()
    assert state.known


async def test_a_cell_has_the_share_of_its_most_specific_ramp(
    state: TrafficState, make_gate: MakeGate, store: SqlTraffic, traffic: Traffic
) -> None:
    await make_gate().tick()
    sg = (await store.standing()).ramps[0]
    await store.move(sg, msgspec.structs.replace(sg, share=2000, step=2))
    await state.refresh()
    assert [state.share(cell) for cell in (traffic.h5, traffic.native, HK)] == [2000, 100, None]


async def test_a_trip_is_seen_by_every_cell_of_its_scope_until_it_is_cleared(
    state: TrafficState, store: SqlTraffic, traffic: Traffic, clock: Clock
) -> None:
    trip, _ = await store.trip(Scope("SG"), Reason.ERRORS, "", clock.now)
    await state.refresh()
    assert [state.trip(cell) for cell in (traffic.h5, traffic.native, HK)] == [trip, trip, None]
    await store.clear([trip.trip_id], "mei", "fixed", clock.now)
    await state.refresh()
    assert state.trip(traffic.h5) is None


async def test_a_trip_of_this_worker_holds_at_once_and_after_the_refresh(
    state: TrafficState, store: SqlTraffic, traffic: Traffic, clock: Clock
) -> None:
    await state.refresh()
    assert state.trip(traffic.h5) is None
    trip, _ = await store.trip(Scope("SG"), Reason.MONEY, "", clock.now)
    state.tripped_here(trip)
    assert state.trip(traffic.h5) == trip
    await state.refresh()
    assert state.trip(traffic.h5) == trip
    await store.clear([trip.trip_id], "mei", "fixed", clock.now)
    await state.refresh()
    assert state.trip(traffic.h5) is None


async def test_the_version_changes_with_shares_and_trips_and_with_nothing_else(
    state: TrafficState, make_gate: MakeGate, store: SqlTraffic, traffic: Traffic, clock: Clock
) -> None:
    async def changed() -> bool:
        before = state.version
        await state.refresh()
        return state.version != before

    assert not await changed()
    await make_gate().tick()
    assert await changed()
    assert not await changed()
    sg = (await store.standing()).ramps[0]
    await store.move(sg, msgspec.structs.replace(sg, note="waits"))
    assert not await changed()
    await store.move(sg, msgspec.structs.replace(sg, share=500, since=sg.since + timedelta(hours=1)))
    assert await changed()
    trip, _ = await store.trip(Scope("HK"), Reason.OPERATOR, "", clock.now)
    assert await changed()
    await store.clear([trip.trip_id], "mei", "fixed", clock.now)
    assert await changed()


async def test_when_the_database_is_away_what_was_known_goes_on_to_hold(
    state: TrafficState, database: Database, make_gate: MakeGate, store: SqlTraffic, traffic: Traffic, clock: Clock
) -> None:
    await make_gate().tick()
    trip, _ = await store.trip(Scope("SG", client="native"), Reason.OPERATOR, "", clock.now)
    await state.refresh()
    await database.close()
    for _ in range(2):
        assert not await state.refresh()
    assert (state.share(traffic.h5), state.trip(traffic.native)) == (100, trip)


async def test_a_trip_that_cannot_be_written_yet_holds_here_until_it_is(
    state: TrafficState, make_gate: MakeGate, store: SqlTraffic, traffic: Traffic, clock: Clock
) -> None:
    gate = make_gate()
    trips = Trips(gate, state, clock)
    await state.refresh()
    trips.trip(traffic.h5, Reason.MONEY, "900 by legacy, 800 by new")
    trips.trip(traffic.h5, Reason.MONEY, "once is enough")
    for _ in range(3):  # the database can be read, and has nothing of it
        await state.refresh()
        assert state.trip(traffic.h5) is not None
    await trips.write()
    (written,) = (await store.standing()).trips
    assert state.trip(traffic.h5) == written
    assert written.evidence == "900 by legacy, 800 by new"
    await store.clear([written.trip_id], "mei", "fixed", clock.now)
    await state.refresh()
    assert state.trip(traffic.h5) is None
