"""A circuit breaker for one ASYNC slot: after repeated failures it is not asked for a while, then probed once."""

import time
from collections.abc import Callable
from enum import Enum


class BreakerState(Enum):
    """CLOSED: calls pass. OPEN: none does. HALF_OPEN: one probe is under way and decides."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Breaker:
    """Opens after ``threshold`` consecutive failures, for ``cool_down`` seconds; then lets one probe pass."""

    __slots__ = ("_clock", "_cool_down", "_failures", "_opened_at", "_threshold", "state")

    def __init__(
        self, *, threshold: int = 5, cool_down: float = 10.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.state = BreakerState.CLOSED
        self._threshold = threshold
        self._cool_down = cool_down
        self._clock = clock
        self._failures = 0
        self._opened_at = 0.0

    def allow(self) -> bool:
        """Whether a call may be made now. Each call allowed must end in succeeded, failed or abandoned."""
        if self.state is BreakerState.CLOSED:
            return True
        if self.state is BreakerState.OPEN and self._clock() - self._opened_at >= self._cool_down:
            self.state = BreakerState.HALF_OPEN
            return True
        return False

    def succeeded(self) -> None:
        """The call answered: close."""
        self.state = BreakerState.CLOSED
        self._failures = 0

    def failed(self) -> None:
        """The call failed: open when it was the probe or one failure too many."""
        self._failures += 1
        if self.state is BreakerState.HALF_OPEN or self._failures >= self._threshold:
            self.state = BreakerState.OPEN
            self._opened_at = self._clock()

    def abandoned(self) -> None:
        """The caller went away: the call proves nothing, so a probe gives its turn back."""
        if self.state is BreakerState.HALF_OPEN:
            self.state = BreakerState.OPEN
