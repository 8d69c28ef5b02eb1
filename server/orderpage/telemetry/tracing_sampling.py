"""Which requests are traced, in full or in brief. A client may ask, but only the operator can afford it."""

import random
import time
from collections.abc import Callable


class Budget:
    """So many a second, and no more at once than in one second: what a quiet hour leaves is not saved up."""

    def __init__(self, per_second: int, clock: Callable[[], float] = time.monotonic) -> None:
        """``per_second`` 0 grants nothing."""
        self.refused = 0
        self._rate = per_second
        self._clock = clock
        self._left = float(per_second)
        self._at = clock()

    def grant(self) -> bool:
        """Whether there is room for one more; counted in ``refused`` where there is none."""
        now = self._clock()
        self._left = min(self._rate, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < 1:
            self.refused += 1
            return False
        self._left -= 1
        return True


class Sampler:
    """Head sampling: a share of all requests, and on request a few more a second.

    The dice are our own: a caller chooses its trace id, so a decision by trace id would be the caller's. Callers that
    ask (by debug header or a sampled traceparent) share one budget, so that none can have everything traced.
    """

    def __init__(self, ratio: float, asked_per_second: int, clock: Callable[[], float] = time.monotonic) -> None:
        """``ratio`` is from 0 to 1; ``asked_per_second`` 0 grants nobody anything."""
        self._ratio = ratio
        self._asked = Budget(asked_per_second, clock)
        self._dice = random.Random().random  # noqa: S311  # nothing is secret about it

    def sample(self, *, asked: bool) -> bool:
        """Whether this request is traced in full."""
        if self._ratio and self._dice() < self._ratio:
            return True
        return asked and self._asked.grant()
