"""What a worker knows of ramps and trips: what the database said last, looked up in about a microsecond."""

from collections.abc import Callable
from typing import TypeVar

import structlog

from orderpage.migration.gate.store import Standing, TrafficStore, Trip
from orderpage.migration.scope import Scope, TrafficCell
from orderpage.ports import Unavailable

log = structlog.get_logger(__name__)

T = TypeVar("T")


class TrafficState:
    """Shares and trips by cell. Used on the event loop's thread only; ``refresh`` is called four times a second.

    ``version`` grows whenever shares or trips changed. ``known`` is false until the database was read once: until
    then no cell has a share and none is tripped, so a worker should not route by it.
    """

    def __init__(self, store: TrafficStore) -> None:
        self._store = store
        self._standing = Standing()
        self._holding: dict[int, Trip] = {}
        self._shares: dict[TrafficCell, int | None] = {}
        self._trips: dict[TrafficCell, Trip | None] = {}
        self._silent = False
        self.known = False
        self.version = 0

    async def refresh(self) -> bool:
        """Read what holds now; whether the database answered. When it does not, what was known goes on to hold."""
        seen = set(self._holding)
        try:
            standing = await self._store.standing()
        except Unavailable:
            if not self._silent:
                log.warning("traffic.state_kept", ramps=len(self._standing.ramps), trips=len(self._standing.trips))
            self._silent = True
            return False
        self.known, self._silent = True, False
        # A trip that was noted here while the answer was under way may not be in it yet.
        # Nor is one that could not be written yet, whose number is negative: it holds until it is written.
        holding = {trip_id: trip for trip_id, trip in self._holding.items() if trip_id < 0 or trip_id not in seen}
        holding |= {trip.trip_id: trip for trip in standing.trips}
        if _routed(standing) != _routed(self._standing) or holding.keys() != self._holding.keys():
            self._standing, self._holding = standing, holding
            self._changed()
        return True

    @property
    def standing(self) -> Standing:
        """What the database said last."""
        return self._standing

    def share(self, cell: TrafficCell) -> int | None:
        """Of 10,000 buckets, how many the most specific ramp that covers the cell sends to new; None without one."""
        try:
            return self._shares[cell]
        except KeyError:
            return _remember(self._shares, cell, self._find_share)

    def trip(self, cell: TrafficCell) -> Trip | None:
        """The trip that sends the cell back to legacy, if one does; the oldest of several."""
        try:
            return self._trips[cell]
        except KeyError:
            return _remember(self._trips, cell, self._find_trip)

    def tripped_here(self, trip: Trip) -> None:
        """Act on a trip that this worker wrote, before the next refresh."""
        if trip.cleared_at is None and trip.trip_id not in self._holding:
            self._holding[trip.trip_id] = trip
            self._changed()

    def written(self, provisional: Trip, trip: Trip) -> None:
        """The database has what was only noted here."""
        self._holding.pop(provisional.trip_id, None)
        self._holding.setdefault(trip.trip_id, trip)
        self._changed()

    def _changed(self) -> None:
        self.version += 1
        self._shares.clear()
        self._trips.clear()

    def _find_share(self, cell: TrafficCell) -> int | None:
        covering = [ramp for ramp in self._standing.ramps if ramp.scope.covers(cell)]
        return max(covering, key=lambda ramp: ramp.scope.specificity).share if covering else None

    def _find_trip(self, cell: TrafficCell) -> Trip | None:
        covering = [trip for trip in self._holding.values() if trip.scope.covers(cell)]
        return min(covering, key=lambda trip: trip.trip_id, default=None)


_MOST_CELLS = 10_000


def _remember(known: dict[TrafficCell, T], cell: TrafficCell, find: Callable[[TrafficCell], T]) -> T:
    if len(known) >= _MOST_CELLS:  # cells are closed values; should they ever not be, memory does not grow by them
        known.clear()
    known[cell] = found = find(cell)
    return found


def _routed(standing: Standing) -> set[tuple[str, Scope, int]]:
    """What of the ramps decides where traffic goes: not their notes."""
    return {(ramp.name, ramp.scope, ramp.share) for ramp in standing.ramps}
