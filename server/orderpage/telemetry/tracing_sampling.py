"""Which requests are traced, in full or in brief. A client may ask, but only the operator can afford it."""

import random
import time
from collections.abc import Callable

from orderpage.budget import Budget


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
