"""What a worker counts: under which name, in which slot, and what is an error."""

import re
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from tests.conftest import NOW, Clock

from orderpage.domain.problem import SYSTEM_STATUSES, Code
from orderpage.migration.gate.counts import BOUNDS_MS, SLOT, SUBMIT, Counted, Counts, measured, slot_of
from orderpage.migration.scope import TrafficCell
from orderpage.quote import LEGACY, NEW

CELL = TrafficCell("SG", "marketplace", "h5", "everyone")
RULES = Path(__file__).parents[3] / "deploy" / "prometheus" / "rules.yml"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def counts(clock: Clock) -> Counts:
    return Counts(clock)


def taken(counts: Counts) -> dict[str, int]:
    return {row.name: row.number for row in counts.take()}


def test_a_call_is_counted_by_stack_method_and_how_long_it_took(counts: Counts) -> None:
    counts.answered(CELL, NEW, 0.012)
    counts.answered(CELL, NEW, 0.0121)
    counts.answered(CELL, LEGACY, 99.0, method=SUBMIT)
    assert taken(counts) == {
        "new.Render.requests": 2,
        "new.Render.ms.12": 1,
        "new.Render.ms.16": 1,
        "legacy.Submit.requests": 1,
        "legacy.Submit.ms.more": 1,
    }


@pytest.mark.parametrize(
    ("code", "errors", "unknown"),
    [
        (Code.SYS_UNKNOWN, 1, 1),
        (Code.STORE_UNAVAILABLE, 1, 0),
        (Code.DEADLINE_EXCEEDED, 1, 0),
        (Code.OVERLOADED, 1, 0),
        ("NO_CODE_OF_OURS", 1, 0),
        (Code.ADDR_MISSING, 0, 0),
        (Code.QUOTE_CHANGED, 0, 0),
        (Code.REQUEST_INVALID, 0, 0),
    ],
)
def test_an_error_is_what_the_system_is_at_fault_for(counts: Counts, code: str, errors: int, unknown: int) -> None:
    counts.answered(CELL, NEW, 0.001, [code])
    found = taken(counts)
    assert found["new.Render.requests"] == 1
    assert (found.get("new.Render.errors", 0), found.get("new.Render.unknown", 0)) == (errors, unknown)


def test_the_alert_for_errors_counts_the_same_statuses() -> None:
    (listed,) = set(re.findall(r'orderpage_calls_total\{status=~"([A-Z_|]+)"', RULES.read_text()))
    assert set(listed.split("|")) == {status.value for status in SYSTEM_STATUSES}


def test_a_buyer_who_is_refused_again_and_again_is_one_error_a_slot(counts: Counts, clock: Clock) -> None:
    for _ in range(2):
        for buyer in ("b-1", "b-1", "b-2"):
            counts.answered(CELL, NEW, 0.001, [Code.SYS_UNKNOWN], buyer_id=buyer)
        counts.answered(CELL, NEW, 0.001, [], buyer_id="b-1")
        clock.advance(seconds=1)
        counts.take()  # in the same slot
    counts.answered(CELL, NEW, 0.001, [Code.SYS_UNKNOWN], buyer_id="b-1")
    assert taken(counts) == {}
    clock.advance(seconds=10)
    counts.take()
    counts.answered(CELL, NEW, 0.001, [Code.SYS_UNKNOWN], buyer_id="b-1")
    assert taken(counts)["new.Render.errors"] == 1


def test_an_error_is_repeated_only_on_its_own_stack(counts: Counts) -> None:
    counts.answered(CELL, LEGACY, 0.001, [Code.SYS_UNKNOWN], buyer_id="b-1")
    counts.answered(CELL, NEW, 0.001, [Code.SYS_UNKNOWN], buyer_id="b-1")
    found = taken(counts)
    assert (found["legacy.Render.errors"], found["new.Render.errors"]) == (1, 1)


def test_comparisons_are_counted(counts: Counts) -> None:
    counts.compared(CELL, different=True, money=True)
    counts.compared(CELL, different=True, money=False)
    counts.compared(CELL, different=False, money=False)
    counts.noise(CELL, different=True)
    counts.noise(CELL, different=False)
    counts.dropped(CELL)
    assert taken(counts) == {
        "compared": 3,
        "different": 2,
        "money": 1,
        "noise.compared": 2,
        "noise.different": 1,
        "dropped": 1,
    }


def test_what_was_taken_is_not_taken_again(counts: Counts) -> None:
    counts.dropped(CELL)
    assert taken(counts) == {"dropped": 1}
    assert counts.take() == []


def test_counts_belong_to_the_slot_they_began_in(counts: Counts, clock: Clock) -> None:
    counts.dropped(CELL)
    clock.advance(seconds=9.5)
    assert counts.take() == [Counted(NOW, CELL, "dropped", 1)]
    counts.dropped(CELL)
    clock.advance(seconds=1)
    assert counts.take() == [Counted(NOW, CELL, "dropped", 1)]
    counts.dropped(CELL)
    assert counts.take() == [Counted(NOW + SLOT, CELL, "dropped", 1)]


def test_what_could_not_be_written_is_taken_again_with_its_own_slot(counts: Counts, clock: Clock) -> None:
    counts.dropped(CELL)
    lost = counts.take()
    clock.advance(seconds=20)
    counts.take()
    counts.dropped(CELL)
    counts.give_back(lost)
    assert counts.take() == [Counted(NOW, CELL, "dropped", 1), Counted(NOW + 2 * SLOT, CELL, "dropped", 1)]


def test_rows_are_in_order_of_key_each_once(counts: Counts) -> None:
    other = TrafficCell("HK", "marketplace", "h5", "everyone")
    counts.dropped(CELL)
    counts.give_back(counts.take())
    for cell in (CELL, other):
        counts.dropped(cell)
        counts.noise(cell, different=False)
    rows = counts.take()
    assert rows == sorted(rows)
    assert [(row.cell.site, row.name, row.number) for row in rows] == [
        ("HK", "dropped", 1),
        ("HK", "noise.compared", 1),
        ("SG", "dropped", 2),
        ("SG", "noise.compared", 1),
    ]


def test_every_name_of_a_call_is_read_back(counts: Counts) -> None:
    for bound in BOUNDS_MS:
        counts.answered(CELL, NEW, bound / 1000, [Code.SYS_UNKNOWN])
    for row in counts.take():
        what = measured(row.name)
        assert what is not None
        assert (what.stack, what.method) == (NEW, "Render")
        assert (what.bucket >= 0) == (what.what == "ms")
    assert measured("compared") is None


def test_bounds_are_a_step_of_at_most_one_and_a_half_apart_from_two_on_up_to_more_than_twenty_seconds() -> None:
    assert BOUNDS_MS[0] == 1
    assert BOUNDS_MS[-1] >= 20_000
    assert all(1 < after / before <= 1.5 for before, after in pairwise(BOUNDS_MS[1:]))


def test_a_slot_begins_at_a_multiple_of_ten_seconds() -> None:
    assert slot_of(datetime(2026, 11, 22, 4, 0, 19, 999_999, UTC)) == datetime(2026, 11, 22, 4, 0, 10, tzinfo=UTC)
