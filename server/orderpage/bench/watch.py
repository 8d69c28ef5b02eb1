"""Where time goes, by step: functions of the service are wrapped while a profile runs, so that the service carries no
timers for it.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec

Patch = tuple[Any, str, Callable[..., Any]]
"""An owner, the name of one of its functions, and what stands there while the profile runs."""


class Spent(msgspec.Struct, frozen=True):
    """``micros`` a request, in ``calls`` of them."""

    name: str
    micros: float
    calls: float


class Watch:
    """Seconds and calls by name, of one request at a time. Time inside a nested name is taken off the outer one."""

    def __init__(self, clock: Callable[[], float] = time.thread_time) -> None:
        """``clock`` gives seconds."""
        self._clock = clock
        self.seconds: dict[str, float] = {}
        self.calls: dict[str, int] = {}
        self._inner = [0.0]

    def timed(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, its time under ``name``."""

        def run(*args: Any, **kwargs: Any) -> Any:
            started = self._enter()
            try:
                return call(*args, **kwargs)
            finally:
                self._leave(name, started)

        return run

    def timed_async(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """The same coroutine function, its time under ``name``."""

        async def run(*args: Any, **kwargs: Any) -> Any:
            started = self._enter()
            try:
                return await call(*args, **kwargs)
            finally:
                self._leave(name, started)

        return run

    def spent(self, requests: int) -> tuple["Spent", ...]:
        """What it came to for each of so many requests, the dearest first."""
        return sorted_spent(self.seconds, self.calls, requests)

    def _enter(self) -> float:
        self._inner.append(0.0)
        return self._clock()

    def _leave(self, name: str, started: float) -> None:
        whole = self._clock() - started
        self.seconds[name] = self.seconds.get(name, 0.0) + whole - self._inner.pop()
        self.calls[name] = self.calls.get(name, 0) + 1
        self._inner[-1] += whole


@contextmanager
def patched(patches: Sequence[Patch]) -> Iterator[None]:
    """The functions replaced; as they were afterwards."""
    before = [(owner, name, getattr(owner, name)) for owner, name, _ in patches]
    try:
        for owner, name, call in patches:
            setattr(owner, name, call)
        yield
    finally:
        for owner, name, call in before:
            setattr(owner, name, call)


def sorted_spent(seconds: dict[str, float], calls: dict[str, int], requests: int) -> tuple[Spent, ...]:
    """By name, for each of so many requests, the dearest first."""
    spent = [
        Spent(name, round(seconds[name] * 1e6 / requests, 1), round(calls[name] / requests, 1)) for name in seconds
    ]
    return tuple(sorted(spent, key=lambda each: -each.micros))
