"""Legacy's code for a cell may go once everything about it was well for as long as its ramp says."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from orderpage.migration.gate.document import differences_markdown
from orderpage.migration.gate.ramp import Ramp, Ramps
from orderpage.migration.gate.readiness import (
    Difference,
    Example,
    Facts,
    Readiness,
    Shares,
    days_and_hours,
    moment,
    readiness,
    shares,
)
from orderpage.migration.gate.store import Progress, Reason, Sum, Trip
from orderpage.migration.scope import Scope, TrafficCell

NOW = datetime(2026, 11, 23, 2, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
CELL = TrafficCell("SG", "marketplace", "h5", "everyone")
RAMPS = Ramps([Ramp(name="sg", scope=Scope("SG"), keep=7 * DAY)])


def counted(name: str, number: int, first: timedelta = 10 * DAY, last: timedelta = HOUR) -> Sum:
    """``first`` and ``last`` are how long ago."""
    return Sum(CELL, name, number, NOW - first, NOW - last)


NEW, LEGACY = counted("new.Render.requests", 900), counted("legacy.Render.requests", 100, last=8 * DAY)


def difference(verdict: str = "NEW", ago: timedelta = 9 * DAY, **other: Any) -> Difference:
    fields = {
        "group_id": "g1",
        "cell": CELL,
        "subject": "PAGE",
        "field": "parcels.options.freight",
        "cause": "ROUNDING",
        "money": True,
        "count": 3,
        "first_at": NOW - 10 * DAY,
        "last_at": NOW - ago,
        "verdict": verdict,
        "verdict_reason": "the tariff says so" if verdict else "",
        "verdict_by": "mei" if verdict else "",
    }
    return Difference(**{**fields, **other})


def trip(reason: Reason, ago: timedelta, *, is_open: bool = False, site: str = "SG") -> Trip:
    cleared = None if is_open else NOW - ago
    return Trip(trip_id=3, scope=Scope(site), reason=reason, evidence="", tripped_at=NOW - ago, cleared_at=cleared)


def facts(
    *,
    lately: Sequence[Sum] = (NEW, LEGACY),
    share: int | None = 10_000,
    since: timedelta = 8 * DAY,
    trips: Sequence[Trip] = (),
    differences: Sequence[Difference] = (),
) -> Facts:
    at = [] if share is None else [Progress(name="sg", scope=Scope("SG"), share=share, step=4, since=NOW - since)]
    return Facts(
        now=NOW,
        since=NOW - 10 * DAY,
        hour=[counted("new.Render.requests", 40)],
        lately=lately,
        ramps=at,
        trips=trips,
        differences=differences,
    )


def of(known: Facts, ramps: Ramps = RAMPS) -> Readiness:
    (cell,) = readiness(known, ramps)
    return cell


def test_a_cell_that_was_well_for_long_enough_is_removable() -> None:
    ready = of(facts(differences=[difference()]))
    assert (ready.removable, ready.blocks) == (True, ())
    assert ready.hour == Shares(40, 1.0, 0.0, 0.0)
    assert ready.lately == Shares(1000, 0.9, 0.0, 0.1)
    assert ready.legacy_last == NOW - 8 * DAY
    assert (ready.ramp, ready.share, ready.step_since) == ("sg", 10_000, NOW - 8 * DAY)


@pytest.mark.parametrize(
    ("known", "why"),
    [
        (facts(share=5000), "ramp sg is at 50%"),
        (facts(since=6 * DAY), "at 100% only since 2026-11-17 02:00Z; 7 days are asked for"),
        (facts(trips=[trip(Reason.OPERATOR, 8 * DAY, is_open=True)]), "trip 3 is open"),
        (facts(differences=[difference("")]), "differences without a verdict: 1"),
        (facts(differences=[difference("LEGACY", HOUR)]), "clean only since 2026-11-23 01:00Z; 7 days are asked for"),
        (facts(trips=[trip(Reason.ERRORS, DAY)]), "clean only since 2026-11-22 02:00Z"),
        (facts(lately=[NEW, counted("legacy.Submit.requests", 1)]), "legacy still answered at 2026-11-23 01:00Z"),
        (facts(lately=[LEGACY]), "the new stack answered none of it lately"),
        (facts(share=None, lately=[counted("new.Render.requests", 9, 6 * DAY)]), "no ramp has it"),
    ],
)
def test_what_is_in_the_way_is_said(known: Facts, why: str) -> None:
    ready = of(known)
    assert not ready.removable
    assert any(block.startswith(why) for block in ready.blocks), ready.blocks


@pytest.mark.parametrize(
    "known",
    [
        facts(differences=[difference("NEW", HOUR)]),
        facts(trips=[trip(Reason.OPERATOR, HOUR)]),
        facts(trips=[trip(Reason.ERRORS, HOUR, site="HK")]),
        facts(share=None),
    ],
    ids=["the new page is right", "an operator's trip", "another scope's trip", "moved by a flag, without a ramp"],
)
def test_what_is_no_fault_is_not_in_the_way(known: Facts) -> None:
    assert of(known).removable


def test_the_ramp_says_for_how_long() -> None:
    patient = Ramps([Ramp(name="sg", scope=Scope("SG"), keep=9 * DAY)])
    assert of(facts(), patient).blocks[0] == "at 100% only since 2026-11-15 02:00Z; 9 days are asked for"


def test_a_cell_that_only_differs_is_listed_and_never_ready() -> None:
    ready = of(facts(lately=[], differences=[difference()]))
    assert ready.clean_since is None
    assert "clean only since never; 7 days are asked for" in ready.blocks


def test_pages_that_were_compared_are_of_legacys_calls() -> None:
    sums = [counted("new.Render.requests", 10), counted("legacy.Render.requests", 90), counted("compared", 60)]
    assert shares(sums) == Shares(100, 0.1, 0.6, 0.3)
    assert shares([counted("new.Render.requests", 100), counted("compared", 60)]) == Shares(100, 1.0, 0.0, 0.0)
    assert shares([]) == Shares(0, 0.0, 0.0, 0.0)


def test_spans_and_moments_read_well() -> None:
    assert [days_and_hours(span) for span in (7 * DAY, 36 * HOUR, HOUR * 1.5)] == ["7 days", "36 hours", "90 minutes"]
    assert (moment(NOW), moment(None)) == ("2026-11-23 02:00Z", "never")


def document(*differences: Difference) -> str:
    known = facts(differences=differences)
    return differences_markdown(readiness(known, RAMPS), differences, NOW)


def test_the_document_says_which_is_right_and_why() -> None:
    example = Example(recording_id="r1", place="parcels[1:1].options[SG_DM_AIR].freight", legacy="960", new="961")
    text = document(difference(examples=(example,)))
    assert "## SG marketplace h5 everyone" in text
    assert "### page: `parcels.options.freight`, an amount that a buyer pays" in text
    assert "- cause, as guessed: ROUNDING" in text
    assert "- 3 times, from 2026-11-13 02:00Z to 2026-11-14 02:00Z" in text
    assert "- **the new page is right**: the tariff says so (mei)" in text
    assert "| `parcels[1:1].options[SG_DM_AIR].freight` | `960` | `961` | `r1` |" in text
    assert "| SG marketplace h5 everyone | 90.0% of 1000 | 2026-11-13 02:00Z | 0 | yes |" in text


def test_the_document_says_what_is_undecided() -> None:
    text = document(difference(""), difference("LEGACY", group_id="g2", field="notices", money=False))
    assert "- **undecided**: nobody has said which is right" in text
    assert "### page: `notices`\n" in text
    assert "- **legacy is right**: the tariff says so (mei)" in text


def test_what_clients_wrote_is_no_markup() -> None:
    hostile = Example(recording_id="r1", place="a|b", legacy="`|\n# no\x1b[31m", new="")
    text = document(difference(examples=(hostile,), cause="<b>*x*</b>", verdict_reason="[a](b)"))
    assert "| `a\\|b` | `'\\| # no [31m` | ` ` | `r1` |" in text
    assert "\\<b\\>\\*x\\*\\</b\\>" in text
    assert "\\[a\\](b)" in text
    assert "\x1b" not in text


def test_without_differences_the_document_says_so() -> None:
    assert "No difference was ever seen." in document()


def test_nothing_is_changed_by_being_asked() -> None:
    known = facts(differences=[difference()])
    before = msgspec.json.encode(known.differences)
    assert of(known) == of(known)
    assert msgspec.json.encode(known.differences) == before
