from typing import Any

import pytest

from orderpage.engine.breaker import Breaker, BreakerState


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker(threshold=3, cool_down=10.0, clock=clock)


def fail(breaker: Breaker, times: int) -> None:
    for _ in range(times):
        assert breaker.allow()
        breaker.failed()


def state(breaker: Any) -> BreakerState:
    found: BreakerState = breaker.state
    return found


def test_it_opens_after_consecutive_failures_only(breaker: Breaker) -> None:
    fail(breaker, 2)
    breaker.succeeded()
    fail(breaker, 2)
    assert state(breaker) is BreakerState.CLOSED
    fail(breaker, 1)
    assert state(breaker) is BreakerState.OPEN
    assert not breaker.allow()


def test_after_the_cool_down_one_probe_passes_and_its_success_closes(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, 3)
    clock.now = 9.9
    assert not breaker.allow()
    clock.now = 10.0
    assert breaker.allow()
    assert not breaker.allow()
    breaker.succeeded()
    assert state(breaker) is BreakerState.CLOSED


def test_a_failed_probe_opens_for_another_cool_down(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, 3)
    clock.now = 10.0
    assert breaker.allow()
    breaker.failed()
    clock.now = 19.9
    assert not breaker.allow()
    clock.now = 20.0
    assert breaker.allow()


def test_an_abandoned_probe_gives_its_turn_back(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, 3)
    clock.now = 10.0
    assert breaker.allow()
    breaker.abandoned()
    assert breaker.allow()


def test_abandoning_says_nothing_while_closed(breaker: Breaker) -> None:
    breaker.abandoned()
    assert state(breaker) is BreakerState.CLOSED
