"""``python -m tests.gate_sim``: simulated ramps, decided by the gate's own ``decide`` on windows made of counted rows.

How often is a ramp of a healthy stack rolled back, and how many calls of a bad one does it take? A z-test that is
looked at as often is beside it, for contrast. Every ramp has a seed of its own. Exits 1 when a bound is missed.
"""

import argparse
import json
import math
import random
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from multiprocessing import get_context
from typing import Any

import msgspec

from orderpage.migration.gate.counts import (
    COMPARED,
    DIFFERENT,
    ERRORS,
    NOISE_COMPARED,
    NOISE_DIFFERENT,
    RENDER,
    REQUESTS,
    SLOT,
    Counted,
)
from orderpage.migration.gate.evidence import Evidence
from orderpage.migration.gate.gate import ALPHA, Advance, TripIt, decide
from orderpage.migration.gate.ramp import Ramp
from orderpage.migration.gate.store import FULL, Progress, Sum
from orderpage.migration.gate.windows import Before, windows
from orderpage.migration.scope import Scope, TrafficCell
from orderpage.quote import LEGACY, NEW

CELL = TrafficCell("SG", "marketplace", "h5", "everyone")
START = datetime(2026, 11, 23, 2, tzinfo=UTC)
PEEK = 50
"""Calls of the new stack between two looks."""
UNHEARD = 1
"""Windows at the beginning of a step that are not looked at, as in ``watch.py``."""
MOST = 40_000
"""Calls of the new stack after which a ramp that waits is left."""
RAMPS = 400

FAST, SLOW = "ms.32", "ms.512"
PASSED_P99, NOISE = 0.008, 0.001
"""Of legacy's calls those above its p99 of before; of pages those where it differs from itself."""


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """``legacy`` and ``new`` give the rate of failures in the window of this number; ``hold`` is in windows a step.

    ``calls`` of the new stack are expected in each window. One of ``part`` ramps is enough for it. ``slow`` of the new
    stack's calls pass what is tolerated, ``mismatch`` of the compared pages differ.
    """

    name: str
    legacy: Callable[[int], float]
    new: Callable[[int], float]
    shares: tuple[int, ...] = (100, 500, 2_000, 5_000, FULL)
    hold: int = 60
    calls: int = 10
    part: int = 1
    slow: float = 0.008
    mismatch: float = 0.003
    most_rolled_back: float | None = None
    median_at_most: float | None = None


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """``rolled_back`` is a share of the ramps; ``median_calls`` of the new stack until then, None if half never were.

    ``z_rolled_back`` is the peeked z-test's. ``bound`` says what had to hold, empty for a figure to read.
    """

    name: str
    ramps: int
    rolled_back: float
    median_calls: float | None
    z_rolled_back: float
    bound: str
    held: bool


class _Run(msgspec.Struct):
    """``tripped`` and ``z_tripped`` are calls of the new stack until then; None: it reached its end."""

    tripped: int | None = None
    z_tripped: int | None = None


def simulate(case: Case, ramps: int, seed: int) -> Outcome:
    """Simulate so many ramps of a case, or its part of them."""
    ramps = max(ramps // case.part, 1)
    runs = [_ramp(case, random.Random(f"{seed} {case.name} {number}")) for number in range(ramps)]
    calls = [math.inf if run.tripped is None else run.tripped for run in runs]
    rolled_back, median = sum(map(math.isfinite, calls)) / ramps, statistics.median(calls)
    bounds = [
        (case.most_rolled_back, rolled_back, f"at most {case.most_rolled_back or 0:.0%} rolled back"),
        (case.median_at_most, median, f"median of at most {case.median_at_most} calls"),
    ]
    asked = [(figure <= most, text) for most, figure, text in bounds if most is not None]
    return Outcome(
        name=case.name,
        ramps=ramps,
        rolled_back=rolled_back,
        median_calls=median if math.isfinite(median) else None,
        z_rolled_back=sum(run.z_tripped is not None for run in runs) / ramps,
        bound=", ".join(text for _, text in asked),
        held=all(held for held, _ in asked),
    )


def _simulate(ramps: int, seed: int, number: int) -> Outcome:
    """The case of that number: a case holds functions, which do not travel to another process."""
    return simulate(cases()[number], ramps, seed)


def _ramp(case: Case, chance: random.Random) -> _Run:
    """One ramp from its first step until it is tripped or at its end."""
    ramp = Ramp(name="simulated", scope=Scope("SG"), shares=case.shares, hold=SLOT * case.hold)
    progress = Progress(name=ramp.name, scope=ramp.scope, share=case.shares[0], step=0, since=START)
    evidence, run, calls = _fresh(ramp), _Run(), 0
    ours, theirs = [0, 0], [0, 0]
    for number in range(MOST // case.calls):
        slot = START + SLOT * number
        rows = list(_window(case, number, slot, progress.share, chance))
        counted = {row.name: row.number for row in rows}
        calls += counted[f"{NEW}.{RENDER}.{REQUESTS}"]
        _sum_up(ours, counted, NEW)
        _sum_up(theirs, counted, LEGACY)
        if slot >= progress.since + UNHEARD * SLOT:
            for window in windows(rows):
                evidence.add(window)
        if (number + 1) % (PEEK // case.calls):
            continue
        if run.z_tripped is None and _z(*ours, *theirs) > _Z:
            run.z_tripped = calls
        decision = decide(ramp, progress, evidence, None, slot + SLOT)
        if isinstance(decision, TripIt):
            run.tripped = calls
            return run
        if isinstance(decision, Advance):
            if decision.share == FULL:
                return run
            progress = msgspec.structs.replace(progress, share=decision.share, step=decision.step, since=slot + SLOT)
            evidence = _fresh(ramp)
    return run


def _fresh(ramp: Ramp) -> Evidence:
    """What is known when a step begins: an hour of legacy."""
    names = {f"{LEGACY}.{RENDER}.{FAST}": 19_830, f"{LEGACY}.{RENDER}.{SLOW}": 160}
    names |= {NOISE_COMPARED: 2_000, NOISE_DIFFERENT: 2}
    sums = [Sum(CELL, name, count, START - timedelta(hours=1), START) for name, count in names.items()]
    return Evidence(ramp.mismatch_tolerance, ramp.latency_tolerance, Before(sums))


def _window(case: Case, number: int, slot: datetime, share: int, chance: random.Random) -> Iterator[Counted]:
    """What the workers would have counted in a slot."""
    calls = case.calls * FULL // share
    new = hits(calls, share / FULL, chance)
    stacks = ((NEW, new, case.new(number), case.slow), (LEGACY, calls - new, case.legacy(number), PASSED_P99))
    for stack, n, rate, slowness in stacks:
        slow = hits(n, slowness, chance)
        names = {REQUESTS: n, ERRORS: hits(n, rate, chance), SLOW: slow, FAST: n - slow}
        yield from (Counted(slot, CELL, f"{stack}.{RENDER}.{name}", count) for name, count in names.items())
    compared = 4 * case.calls
    yield Counted(slot, CELL, COMPARED, compared)
    yield Counted(slot, CELL, DIFFERENT, hits(compared, case.mismatch, chance))
    yield Counted(slot, CELL, NOISE_COMPARED, case.calls)
    yield Counted(slot, CELL, NOISE_DIFFERENT, hits(case.calls, NOISE, chance))


def hits(trials: int, rate: float, chance: random.Random) -> int:
    """A draw of the binomial distribution, by the gaps between hits: as long as there are hits, not trials."""
    if not 0 < rate < 1:
        return trials if rate >= 1 else 0
    found, at, scale = 0, 0, math.log1p(-rate)
    while (at := at + 1 + int(math.log(1.0 - chance.random()) / scale)) <= trials:
        found += 1
    return found


_Z = statistics.NormalDist().inv_cdf(1 - ALPHA)


def _sum_up(sums: list[int], counted: dict[str, int], stack: str) -> None:
    sums[0] += counted[f"{stack}.{RENDER}.{ERRORS}"]
    sums[1] += counted[f"{stack}.{RENDER}.{REQUESTS}"]


def _z(new_failed: int, new: int, legacy_failed: int, legacy: int) -> float:
    """The two-sample z of rates of failure, as one would compute it if one looked once."""
    pooled = (new_failed + legacy_failed) / (new + legacy)
    spread = math.sqrt(pooled * (1 - pooled) * (1 / new + 1 / legacy))
    return (new_failed / new - legacy_failed / legacy) / spread if spread else 0.0


def _always(rate: float) -> Callable[[int], float]:
    return lambda _: rate


def _outages(number: int) -> float:
    """Of every 16 windows both stacks are hit in 5."""
    return 0.2 if number % 16 >= 11 else 0.005


def cases() -> Sequence[Case]:
    """What is simulated, with the bounds that must hold."""
    good = _always(0.005)
    found = [
        Case(name="healthy, 0.5% fail on both", legacy=good, new=good, hold=32, calls=25, most_rolled_back=ALPHA),
        Case(
            name="healthy, outages of 20% on both",
            legacy=_outages,
            new=_outages,
            hold=32,
            calls=25,
            most_rolled_back=ALPHA,
        ),
        Case(name="2% against 0.5%", legacy=good, new=_always(0.02), median_at_most=600),
        Case(name="10% against 0.5%", legacy=good, new=_always(0.10), median_at_most=100),
    ]
    healthy: dict[str, Any] = {"legacy": good, "new": good, "part": 2, "median_at_most": 1_000}
    found += [
        Case(name="3% too slow against 0.8%", slow=0.03, **healthy),
        Case(name="3% of pages differ, 0.1% is noise", mismatch=0.03, **healthy),
    ]
    for share in (100, 500, 2_000, 5_000):
        at = f"at {share // 100}%"
        alone = (share, FULL)
        found += [
            Case(
                name=f"healthy {at}",
                legacy=good,
                new=good,
                shares=alone,
                part=2,
                hold=40,
                calls=25,
                most_rolled_back=ALPHA,
            ),
            Case(name=f"2% {at}", legacy=good, new=_always(0.02), shares=alone, part=2, hold=4_000),
            Case(
                name=f"10% {at}", legacy=good, new=_always(0.10), shares=alone, part=2, hold=4_000, median_at_most=200
            ),
        ]
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a table, or JSON; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.gate_sim", description=__doc__)
    parser.add_argument("--ramps", type=int, default=RAMPS, help="of each case")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as processes:
        outcomes = list(processes.map(partial(_simulate, given.ramps, given.seed), range(len(cases()))))
    if given.json:
        print(json.dumps([msgspec.structs.asdict(outcome) for outcome in outcomes]))  # noqa: T201
    else:
        _table(outcomes)
    return 0 if all(outcome.held for outcome in outcomes) else 1


def _table(outcomes: Sequence[Outcome]) -> None:
    print(f"{'':34}{'ramps':>6}{'rolled back':>13}{'median calls':>14}{'z-test':>9}   bound")  # noqa: T201
    for one in outcomes:
        calls = "–" if one.median_calls is None else f"{one.median_calls:.0f}"
        verdict = f"{one.bound}: {'held' if one.held else 'MISSED'}" if one.bound else ""
        print(f"{one.name:34}{one.ramps:>6}{one.rolled_back:>13.2%}{calls:>14}{one.z_rolled_back:>9.1%}   {verdict}")  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
