"""E-values expect at most 1 while the new stack is no worse, and evidence grows when it is."""

import math
from collections.abc import Iterable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderpage.migration.gate.counts import BOUNDS_MS, SLOT, Counted
from orderpage.migration.gate.evidence import (
    MOST_AT_ONCE,
    RATIOS,
    WEIGHTS,
    Evidence,
    Process,
    odds_gains,
    rate_gains,
    tolerated,
    upper_rate,
)
from orderpage.migration.gate.store import Reason, Sum
from orderpage.migration.gate.windows import Before, windows
from orderpage.migration.scope import TrafficCell
from orderpage.quote import LEGACY, NEW

START = datetime(2026, 11, 23, 2, tzinfo=UTC)
SG, HK = TrafficCell("SG", "marketplace", "h5", "everyone"), TrafficCell("HK", "marketplace", "h5", "everyone")
BAD = math.log(1000)


def rows(number: int, names: dict[str, int], cell: TrafficCell = SG) -> list[Counted]:
    return [Counted(START + SLOT * number, cell, name, count) for name, count in names.items() if count]


def calls(new: int, new_errors: int, legacy: int, legacy_errors: int, method: str = "Render") -> dict[str, int]:
    counted = ((NEW, new, new_errors), (LEGACY, legacy, legacy_errors))
    requests = {f"{stack}.{method}.requests": count for stack, count, _ in counted}
    return requests | {f"{stack}.{method}.errors": errors for stack, _, errors in counted}


def evidence(batches: Iterable[list[Counted]], before: dict[str, int] | None = None) -> Evidence:
    sums = [Sum(SG, name, count, START - SLOT, START - SLOT) for name, count in (before or {}).items()]
    found = Evidence(0.005, 1.5, Before(sums))
    for batch in batches:
        for window in windows(batch):
            found.add(window)
    return found


@given(st.integers(1, 30), st.integers(1, 30), st.data())
def test_a_two_sample_e_value_expects_at_most_one_whatever_the_common_rate(
    new: int, legacy: int, data: st.DataObject
) -> None:
    failed = data.draw(st.integers(0, new + legacy))
    n = new + legacy
    for index in range(len(RATIOS)):
        expected = sum(
            math.comb(new, k) * math.comb(legacy, failed - k) / math.comb(n, failed)
            * math.exp(odds_gains(k, failed, new / n)[index])
            for k in range(max(0, failed - legacy), min(new, failed) + 1)
        )  # fmt: skip
        assert expected <= 1 + 1e-9


@given(st.integers(1, 40), st.floats(1e-4, 0.9), st.floats(0, 1))
def test_a_one_sample_e_value_expects_at_most_one_for_every_rate_that_is_allowed(
    pages: int, allowed: float, part: float
) -> None:
    rate = allowed * part
    for index in range(len(RATIOS)):
        expected = sum(
            math.comb(pages, d) * rate**d * (1 - rate) ** (pages - d)
            * math.exp(rate_gains(d, pages, allowed)[index])
            for d in range(pages + 1)
        )  # fmt: skip
        assert expected <= 1 + 1e-9


@given(st.lists(st.sampled_from([True, False]), min_size=1, max_size=6))
def test_a_process_expects_one_after_any_number_of_fair_windows(bets: list[bool]) -> None:
    """Over all outcomes of fair windows (up by ln 1.5 or down by ln 0.5, equally likely) its mean is 1."""
    total = 0.0
    for outcome in range(2 ** len(bets)):
        process = Process()
        for bit, _ in enumerate(bets):
            process.add([math.log(1.5 if outcome >> bit & 1 else 0.5)] * len(RATIOS))
        total += math.exp(process.log)
    assert total / 2 ** len(bets) == pytest.approx(1)


def test_the_stakes_are_one_in_all() -> None:
    assert sum(WEIGHTS) == pytest.approx(1)
    assert len(WEIGHTS) == len(RATIOS)


def test_nothing_counted_says_nothing() -> None:
    found = evidence([])
    assert [found.log(stream) for stream in (Reason.ERRORS, Reason.MISMATCHES, Reason.LATENCY)] == [0, 0, 0]


def test_ten_times_the_errors_are_seen_within_a_few_windows() -> None:
    assert evidence(rows(number, calls(50, 5, 1000, 10)) for number in range(4)).log(Reason.ERRORS) > BAD


def test_fewer_errors_than_legacy_are_never_held_against_the_new_stack() -> None:
    assert evidence(rows(number, calls(50, 0, 1000, 50)) for number in range(50)).log(Reason.ERRORS) < 0


def test_an_outage_that_hits_both_says_nothing() -> None:
    assert evidence(rows(number, calls(50, 25, 1000, 500)) for number in range(50)).log(Reason.ERRORS) < 1


def test_one_stack_alone_is_no_evidence() -> None:
    alone = evidence(rows(number, calls(50, 50, 0, 0)) for number in range(50))
    assert alone.log(Reason.ERRORS) == 0
    assert (alone.new.requests, alone.new.errors) == (2500, 2500)


def test_a_cell_that_fails_often_is_not_held_against_the_stack_that_has_more_of_it() -> None:
    """The new stack has most of HK, where one call in five fails on both; the sums alone would say 18% against 2%."""
    batches = [
        rows(number, calls(100, 20, 10, 2), HK) + rows(number, calls(10, 0, 1000, 0), SG) for number in range(50)
    ]
    assert evidence(batches).log(Reason.ERRORS) < 1


def test_submits_are_compared_with_submits() -> None:
    """The new stack has few Submits yet, which fail more often than Renders."""
    batches = [rows(number, calls(100, 0, 100, 0) | calls(5, 1, 100, 20, "Submit")) for number in range(50)]
    assert evidence(batches).log(Reason.ERRORS) < 1


def test_one_window_is_no_verdict_however_bad() -> None:
    assert evidence([rows(0, calls(500, 500, 500, 0))]).log(Reason.ERRORS) <= MOST_AT_ONCE
    assert evidence([rows(number, calls(500, 500, 500, 0)) for number in range(2)]).log(Reason.ERRORS) > math.log(400)


def test_a_long_good_time_delays_what_follows_by_little() -> None:
    good = [rows(number, calls(50, 1, 50, 1)) for number in range(2000)]
    found = evidence(good)
    assert found.log(Reason.ERRORS) < 0
    for number in range(2000, 2020):
        for window in windows(rows(number, calls(50, 10, 50, 1))):
            found.add(window)
    assert found.log(Reason.ERRORS) > BAD


def test_more_numbers_than_a_float_holds_do_not_overflow() -> None:
    found = evidence(rows(number, calls(10**9, 10**9, 10**9, 1)) for number in range(400))
    assert BAD < found.log(Reason.ERRORS) < math.inf


SLOWISH = {"legacy.Render.ms.32": 990, "legacy.Render.ms.96": 10}
"""Legacy's 99th percentile is 32 ms; half as much again is 48."""


def took(new: dict[int, int], legacy: dict[int, int]) -> dict[str, int]:
    names = {"new.Render.requests": sum(new.values()), "legacy.Render.requests": sum(legacy.values())}
    stacks = ((NEW, new), (LEGACY, legacy))
    return names | {f"{stack}.Render.ms.{bound}": n for stack, counts in stacks for bound, n in counts.items()}


def test_a_tail_within_the_tolerance_is_no_evidence() -> None:
    counted = took({32: 90, 48: 10}, {32: 990, 96: 10})
    assert evidence((rows(number, counted) for number in range(100)), SLOWISH).log(Reason.LATENCY) < 1


def test_a_tail_beyond_the_tolerance_is() -> None:
    counted = took({32: 90, 64: 10}, {32: 990, 96: 10})
    found = evidence((rows(number, counted) for number in range(20)), SLOWISH)
    assert found.log(Reason.LATENCY) > BAD
    assert (found.slow_new, found.slow_legacy) == (200, 200)


def test_slowness_is_measured_by_what_was_counted_before_the_window() -> None:
    """In the first window nothing is known of legacy, so it says nothing; from the second on the first is known."""
    counted = took({32: 0, 512: 100}, {32: 1000})
    assert evidence([rows(0, counted)]).log(Reason.LATENCY) == 0
    assert evidence([rows(0, counted), rows(1, counted)]).log(Reason.LATENCY) > 1


def test_when_both_become_slow_nobody_is_blamed() -> None:
    counted = took({1024: 100}, {1024: 1000})
    assert evidence((rows(number, counted) for number in range(20)), SLOWISH).log(Reason.LATENCY) < 1


@pytest.mark.parametrize(("bound", "tolerance", "reached"), [(32, 1.5, 48), (48, 1.5, 96), (32, 1, 32), (64, 2, 128)])
def test_a_tolerated_time_is_rounded_up_to_a_bound(bound: int, tolerance: float, reached: int) -> None:
    assert BOUNDS_MS[tolerated(BOUNDS_MS.index(bound), tolerance)] == reached


def test_no_time_is_beyond_the_last_bound() -> None:
    assert tolerated(len(BOUNDS_MS) - 1, 1.5) == len(BOUNDS_MS)


QUIET = {"noise.compared": 5000, "noise.different": 5}


@pytest.mark.parametrize(("different", "worse"), [(1, False), (10, True)])
def test_pages_may_differ_as_often_as_is_tolerated(different: int, worse: bool) -> None:
    counted = {"compared": 200, "different": different, "new.Render.requests": 1}
    found = evidence((rows(number, counted) for number in range(10)), QUIET)
    assert (found.log(Reason.MISMATCHES) > BAD) == worse


def test_what_differs_of_legacy_itself_is_not_held_against_the_new_stack() -> None:
    counted = {"compared": 200, "different": 10, "new.Render.requests": 1}
    noisy = {"noise.compared": 5000, "noise.different": 250}
    assert evidence((rows(number, counted) for number in range(10)), noisy).log(Reason.MISMATCHES) < 1


def test_without_any_measure_of_noise_every_difference_counts() -> None:
    found = evidence([])
    assert found.allowed_rate == pytest.approx(0.005)
    assert not found.noise_is_vague


@pytest.mark.parametrize(("pages", "different", "vague"), [(50, 0, False), (5000, 10, False), (100, 5, True)])
def test_noise_that_is_known_from_few_pages_is_vague(pages: int, different: int, vague: bool) -> None:
    assert evidence([], {"noise.compared": pages, "noise.different": different}).noise_is_vague == vague


@pytest.mark.parametrize(("hits", "trials"), [(0, 1), (0, 100), (5, 100), (500, 1000), (100, 100)])
def test_an_upper_rate_is_above_what_was_seen_and_near_it_with_many_trials(hits: int, trials: int) -> None:
    assert hits / trials <= upper_rate(hits, trials) <= 1
    many = upper_rate(hits * 10_000, trials * 10_000)
    assert many == pytest.approx(hits / trials, abs=0.005)


@given(st.integers(20, 60), st.floats(0.05, 0.95))
def test_an_upper_rate_is_too_low_at_most_once_in_a_hundred(trials: int, rate: float) -> None:
    missed = sum(
        math.comb(trials, hits) * rate**hits * (1 - rate) ** (trials - hits)
        for hits in range(trials + 1)
        if upper_rate(hits, trials) < rate
    )
    assert missed <= 0.01 + 1e-6
