"""Simulated ramps keep the bounds; ``python -m tests.gate_sim`` does it with more of them."""

import json
import random
import subprocess
import sys
from pathlib import Path
from statistics import fmean, pvariance

import pytest
from tests.gate_sim import Case, cases, hits, simulate

ROOT = Path(__file__).parents[3]

BOUND = [case for case in cases() if case.most_rolled_back is not None or case.median_at_most is not None]


@pytest.mark.parametrize("case", BOUND[:4], ids=lambda case: case.name)
def test_a_bound_holds(case: Case) -> None:
    outcome = simulate(case, 60, seed=2)
    assert outcome.held, outcome
    assert outcome.bound


def test_a_bound_can_be_missed() -> None:
    """A stack that is bad may not count as healthy: the simulation would say so."""
    bad = next(case for case in cases() if case.name.startswith("10%"))
    claimed = Case(name="claimed healthy", legacy=bad.legacy, new=bad.new, most_rolled_back=0.01)
    outcome = simulate(claimed, 10, seed=2)
    assert (outcome.held, outcome.rolled_back) == (False, 1.0)


def test_the_command_prints_every_case_and_fails_when_a_bound_is_missed() -> None:
    """In a process of its own, as it is run: its own processes must find the module again."""
    command = [sys.executable, "-m", "tests.gate_sim", "--ramps", "2", "--json"]
    ran = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=100)
    outcomes = json.loads(ran.stdout)
    assert [outcome["name"] for outcome in outcomes] == [case.name for case in cases()]
    assert ran.returncode == int(not all(outcome["held"] for outcome in outcomes))


@pytest.mark.parametrize(("trials", "rate"), [(1000, 0.005), (50, 0.2), (10, 0.9)])
def test_draws_are_binomial(trials: int, rate: float) -> None:
    chance = random.Random(5)
    drawn = [hits(trials, rate, chance) for _ in range(4000)]
    assert fmean(drawn) == pytest.approx(trials * rate, rel=0.05)
    assert pvariance(drawn) == pytest.approx(trials * rate * (1 - rate), rel=0.1)
    assert all(0 <= each <= trials for each in drawn)
