"""Who is asked for, and how often: what operators turn while the server runs, and prices that are still good."""

import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

import mmh3

from orderpage_carriers.description import Carrier

Value = TypeVar("Value")
_MOST_KEPT = 4096


class Steering:
    """Of one carrier in this process. ``clock`` counts seconds."""

    def __init__(self, carrier: Carrier, clock: Callable[[], float] = time.monotonic) -> None:
        self._salt = carrier.connection.endpoint
        self._share = 0 if carrier.shielded else carrier.share
        self._rate = carrier.max_per_second
        self._clock = clock
        self._tokens = float(carrier.max_per_second or 0)
        self._at = clock()

    def serves(self, buyer_id: str) -> bool:
        """Whether the carrier is asked for this buyer: always the same answer under one share, and a greater share
        keeps everyone it had.
        """
        if self._share in {0, 100}:
            return self._share == 100
        return mmh3.hash(f"{self._salt}:{buyer_id}", signed=False) % 100 < self._share

    def take(self) -> bool:
        """Whether one more call may be made now."""
        if self._rate is None:
            return True
        now = self._clock()
        self._tokens = min(float(self._rate), self._tokens + (now - self._at) * self._rate)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class Kept(Generic[Value]):
    """Values for ``seconds``, the oldest of too many forgotten."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._kept: dict[Hashable, tuple[float, Value]] = {}

    def get(self, key: Hashable) -> Value | None:
        """The value, or None."""
        found = self._kept.get(key)
        if found is None:
            return None
        if self._clock() - found[0] < self._seconds:
            return found[1]
        del self._kept[key]
        return None

    def keep(self, key: Hashable, value: Value) -> None:
        """From now on."""
        if not self._seconds:
            return
        self._kept.pop(key, None)
        self._kept[key] = (self._clock(), value)
        if len(self._kept) > _MOST_KEPT:
            del self._kept[next(iter(self._kept))]

    def __len__(self) -> int:
        return len(self._kept)
