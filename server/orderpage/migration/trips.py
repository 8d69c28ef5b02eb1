"""Trips as a worker makes them: in force here at once, and written until the database has them."""

from collections.abc import Callable
from datetime import datetime
from itertools import count

from orderpage.migration.gate.gate import Gate
from orderpage.migration.gate.state import TrafficState
from orderpage.migration.gate.store import Reason, Trip
from orderpage.migration.scope import TrafficCell


class Trips:
    """``Tripping``. What is not written yet waits here; ``write`` is called four times a second."""

    def __init__(self, gate: Gate, state: TrafficState, clock: Callable[[], datetime]) -> None:
        self._gate = gate
        self._state = state
        self._clock = clock
        self._unwritten: list[tuple[TrafficCell, Trip]] = []
        self._provisional = count(-1, -1)

    def trip(self, cell: TrafficCell, reason: str, evidence: str) -> None:
        """As ``Tripping.trip``. A cell that is tripped already stays so."""
        if self._state.trip(cell) is not None:
            return
        provisional = Trip(
            trip_id=next(self._provisional),
            scope=self._gate.scope_of(cell),
            reason=Reason(reason),
            evidence=evidence,
            tripped_at=self._clock(),
        )
        self._unwritten.append((cell, provisional))
        self._state.tripped_here(provisional)

    async def write(self) -> None:
        """Latch what waits. Raises ``Unavailable``, and then it goes on waiting and holding."""
        while self._unwritten:
            cell, provisional = self._unwritten[0]
            trip = await self._gate.trip_now(cell, provisional.reason, provisional.evidence)
            self._state.written(provisional, trip)
            self._unwritten.pop(0)
