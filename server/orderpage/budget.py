"""A bound on how often something is done."""

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
