"""Who is traced in full."""

import pytest

from orderpage.budget import Budget
from orderpage.telemetry.tracing_sampling import Sampler


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(("ratio", "expected"), [(0.0, 0), (1.0, 1000)])
def test_the_ends_of_the_ratio_are_exact(ratio: float, expected: int) -> None:
    sampler = Sampler(ratio, 0)
    assert sum(sampler.sample(asked=False) for _ in range(1000)) == expected


def test_the_ratio_is_kept_in_the_long_run() -> None:
    sampler = Sampler(0.1, 0)
    assert 1600 < sum(sampler.sample(asked=False) for _ in range(20_000)) < 2400


def test_asking_helps_nobody_where_the_operator_grants_nothing() -> None:
    sampler = Sampler(0.0, 0)
    assert not any(sampler.sample(asked=True) for _ in range(1000))


def test_those_who_ask_share_so_many_a_second() -> None:
    clock = Clock()
    sampler = Sampler(0.0, 5, clock)
    granted = 0
    for _ in range(1000):
        granted += sampler.sample(asked=True)
        clock.now += 0.01
    assert 50 <= granted <= 56


def test_a_quiet_hour_is_not_saved_up() -> None:
    clock = Clock()
    sampler = Sampler(0.0, 5, clock)
    clock.now += 3600
    assert sum(sampler.sample(asked=True) for _ in range(100)) == 5


def test_those_who_do_not_ask_take_nothing_of_the_budget() -> None:
    sampler = Sampler(0.0, 1, Clock())
    assert not any(sampler.sample(asked=False) for _ in range(100))
    assert sampler.sample(asked=True)


def test_a_budget_counts_what_it_refuses() -> None:
    clock = Clock()
    budget = Budget(3, clock)
    assert [budget.grant() for _ in range(5)] == [True, True, True, False, False]
    clock.now += 0.4
    assert [budget.grant() for _ in range(2)] == [True, False]
    assert budget.refused == 3


def test_a_budget_of_nothing_refuses_everything() -> None:
    clock = Clock()
    budget = Budget(0, clock)
    clock.now += 1000
    assert not any(budget.grant() for _ in range(10))
    assert budget.refused == 10
