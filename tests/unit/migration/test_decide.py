"""When a ramp goes on, waits, or goes back."""

import math
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from orderpage.migration.gate.counts import SLOT, Counted
from orderpage.migration.gate.evidence import STREAMS, Evidence
from orderpage.migration.gate.gate import ALPHA, Advance, Decision, Hold, TripIt, decide, e_value, threshold
from orderpage.migration.gate.ramp import Ramp
from orderpage.migration.gate.store import Progress, Reason, Sum, Trip
from orderpage.migration.gate.windows import Before, windows
from orderpage.migration.scope import Scope, TrafficCell

START = datetime(2026, 11, 23, 2, tzinfo=UTC)
CELL = TrafficCell("SG", "marketplace", "h5", "everyone")
RAMP = Ramp(name="sg", scope=Scope("SG"), hold=timedelta(minutes=10), minimum=500)
HEALTHY = {
    "new.Render.requests": 100,
    "legacy.Render.requests": 900,
    "legacy.Render.errors": 5,
    "compared": 100,
    "noise.compared": 200,
}


def trip(scope: Scope) -> Trip:
    return Trip(trip_id=7, scope=scope, reason=Reason.MONEY, evidence="", tripped_at=START)


def at(share: int, step: int = 0) -> Progress:
    return Progress(name="sg", scope=Scope("SG"), share=share, step=step, since=START)


def seen(count: int = 10, **other: int) -> Evidence:
    """Windows of healthy traffic, but for what is given by name, with ``__`` for dots."""
    before = Before([Sum(CELL, f"legacy.Render.{bucket}", n, START, START) for bucket, n in (("ms.32", 1000),)])
    found = Evidence(RAMP.mismatch_tolerance, RAMP.latency_tolerance, before)
    add(found, count, **other)
    return found


def add(evidence: Evidence, count: int, first: int = 0, **other: int) -> None:
    """So many windows more, as ``seen`` makes them."""
    names = HEALTHY | {name.replace("__", "."): number for name, number in other.items()}
    for number in range(first, first + count):
        for window in windows(Counted(START + SLOT * number, CELL, name, n) for name, n in names.items() if n):
            evidence.add(window)


def decided(
    evidence: Evidence, share: int = 100, step: int = 0, minutes: int = 10, held: Trip | None = None
) -> Decision:
    return decide(RAMP, at(share, step), evidence, held, START + timedelta(minutes=minutes))


def test_it_begins_only_where_its_flag_says_ramp() -> None:
    nothing, now = Evidence(RAMP.mismatch_tolerance, RAMP.latency_tolerance), START
    assert decide(RAMP, at(0), nothing, None, now, flagged=False) == Hold("begins when its flag says ramp")
    assert decide(RAMP, at(0), nothing, None, now) == Advance(0, 100)
    assert decide(RAMP, at(100), seen(), None, now + timedelta(minutes=10), flagged=False) == Advance(1, 500)


def test_it_goes_on_after_the_hold_with_enough_data_and_no_suspicion() -> None:
    assert decided(seen()) == Advance(1, 500)
    assert decided(seen(), share=5000, step=3) == Advance(4, 10_000)


def test_a_new_ramp_goes_to_its_first_step() -> None:
    assert decided(seen(0), share=0, minutes=0) == Advance(0, 100)


def test_it_waits_for_the_hold() -> None:
    assert decided(seen(), minutes=9) == Hold("holds until 2026-11-23T02:10:00+00:00")


@pytest.mark.parametrize(
    ("evidence", "why"),
    [
        (seen(4), "too little data: 400 of 500 calls of the new stack"),
        (seen(compared=0, dropped=3), "too little data: 0 of 500 pages compared, 30 dropped"),
        (
            seen(different=1, noise__compared=10, noise__different=1),
            "too little data: noise is known from 100 pages only, 10 differed",
        ),
        (seen(0), "too little data: 0 of 500 calls of the new stack"),
    ],
)
def test_too_little_data_means_hold_however_long_it_takes(evidence: Evidence, why: str) -> None:
    assert decided(evidence, minutes=100_000) == Hold(why)


@pytest.mark.parametrize(
    ("names", "reason", "figures"),
    [
        ({"new__Render__errors": 10}, Reason.ERRORS, "100 of 1000 (10.00%) calls failed, of legacy 50 of 9000 (0.56%)"),
        ({"different": 10}, Reason.MISMATCHES, "100 of 1000 (10.00%) pages differ"),
        (
            {"new__Render__ms__512": 20, "new__Render__ms__32": 80, "legacy__Render__ms__32": 900},
            Reason.LATENCY,
            "200 of 1000 (20.00%) calls beyond what is tolerated",
        ),
    ],
)
def test_it_trips_when_the_new_stack_is_worse(names: dict[str, int], reason: Reason, figures: str) -> None:
    decision = decided(seen(**names))
    assert isinstance(decision, TripIt)
    assert decision.reason is reason
    assert figures in decision.evidence
    assert decision.evidence.startswith("at 1%")


def test_suspicion_waits_for_more_evidence() -> None:
    evidence = seen(6, new__Render__errors=2)
    assert threshold(Reason.ERRORS, 0) / 2 <= evidence.log(Reason.ERRORS) < threshold(Reason.ERRORS, 0)
    decision = decided(evidence)
    assert isinstance(decision, Hold)
    assert decision.why.startswith("suspicious, waits for more evidence: errors: 12 of 600")


@pytest.mark.parametrize("scope", [Scope(), Scope("SG"), Scope("SG", client="h5"), Scope(client="native")])
def test_nothing_moves_while_a_trip_holds(scope: Scope) -> None:
    for share in (0, 100):
        decision = decided(seen(), share=share, held=trip(scope))
        assert isinstance(decision, Hold)
        assert decision.why.startswith("trip 7 (MONEY) holds in")


def test_what_differs_in_shadow_is_not_held_against_what_is_let_on_later() -> None:
    evidence = seen(new__Render__requests=0, different=50)
    assert decided(evidence) == Hold("too little data: 0 of 500 calls of the new stack")
    add(evidence, 10, first=10)
    assert decided(evidence, minutes=100) == Advance(1, 500)


def test_the_hold_begins_when_the_new_stack_answers() -> None:
    evidence = seen(60, new__Render__requests=0)
    add(evidence, 10, first=60)
    assert decided(evidence, minutes=19) == Hold("holds until 2026-11-23T02:20:00+00:00")
    assert decided(evidence, minutes=20) == Advance(1, 500)


def test_at_the_last_step_errors_only_warn_and_mismatches_trip() -> None:
    failing = seen(legacy__Render__requests=1, legacy__Render__errors=0, new__Render__errors=30)
    assert failing.log(Reason.ERRORS) >= 0
    assert decided(failing, share=10_000, step=4) == Hold(
        "at 100%; 300 of 1000 calls failed, nothing of legacy to compare with"
    )
    assert decided(seen(), share=10_000, step=4) == Hold("at 100%")
    assert isinstance(decided(seen(different=10), share=10_000, step=4), TripIt)


def test_a_ramp_that_ends_below_everything_stays_there() -> None:
    half = Ramp(name="sg", scope=Scope("SG"), shares=(100, 5000))
    assert decide(half, at(5000, 1), seen(), None, START + timedelta(days=1)) == Hold("at its last step, 50%")


def test_steps_that_were_changed_in_the_file_never_lower_a_share() -> None:
    changed = Ramp(name="sg", scope=Scope("SG"), shares=(100, 1000, 10_000))
    decision = decide(changed, at(500, 1), seen(), None, START + timedelta(hours=1))
    assert decision == Advance(1, 1000)
    assert decide(changed, at(5000, 3), seen(), None, START + timedelta(hours=1)) == Advance(2, 10_000)
    higher = Ramp(name="sg", scope=Scope("SG"), shares=(10_000,))
    assert decide(higher, at(500, 1), seen(), None, START + timedelta(hours=1)) == Advance(0, 10_000)


@pytest.mark.parametrize(
    ("value", "text"), [(0.04, "0.04"), (1, "1"), (26, "26"), (1040.2, "1,040"), (1e300, "over a million")]
)
def test_an_e_value_reads_well(value: float, text: str) -> None:
    assert e_value(math.log(value)) == text


def test_the_chances_of_all_steps_and_streams_add_up_to_alpha() -> None:
    chances = sum(math.exp(-threshold(stream, step)) for stream in STREAMS for step in range(10_000))
    assert ALPHA * 0.999 < chances <= ALPHA


def test_a_trip_in_a_part_of_a_ramp_lets_nothing_advance_and_does_not_blind_it() -> None:
    part = Trip(trip_id=7, scope=Scope(site="SG", client="h5"), reason=Reason.MONEY, evidence="", tripped_at=START)
    ramp = Ramp(name="sg", scope=Scope(site="SG"))
    progress = Progress(name="sg", scope=Scope(site="SG"), share=2_000, step=2, since=START)
    later = START + timedelta(days=9)
    calm = decide(ramp, progress, seen(), part, later)
    assert isinstance(calm, Hold)
    assert "trip 7" in calm.why
    failing = seen(new__Render__errors=30)
    assert isinstance(decide(ramp, progress, failing, part, later), TripIt)
    whole = msgspec.structs.replace(part, scope=Scope(site="SG"))
    assert isinstance(decide(ramp, progress, failing, whole, later), Hold)
