"""A call over the plan of the installed packages: why a slot did not run, and what counts as a difference."""

from datetime import UTC, datetime
from typing import Any

import pytest

from orderpage.domain.scenario import Cell
from orderpage.engine.plan import PlanSet
from orderpage.packages import Packages
from orderpage.traced.call import Child, TracedCall, TracedStage, TracedStep
from orderpage.traced.joined import Joined, Row, join
from orderpage.traced.shown import show

NOW = datetime(2026, 11, 23, 2, tzinfo=UTC)
SG = Cell("SG", "marketplace", "h5", "everyone", "control")


@pytest.fixture(scope="module")
def plans(packages: Packages) -> PlanSet:
    return packages.plans.current


def call(plans: PlanSet, **fields: Any) -> TracedCall:
    given: dict[str, Any] = {
        "method": "Render", "at": NOW, "nanos": 5_000_000, "status": 0, "error": "", "codes": (), "degraded": (),
        "cell": SG, "plan": plans.plan(SG, NOW).digest, "stack": "new", "sampled": True, "stages": (), "steps": (),
        "children": (), "dropped": 0,
    }  # fmt: skip
    return TracedCall(**given | fields)


def step(plans: PlanSet, point: str, slot: str, **fields: Any) -> TracedStep:
    """A slot of the plan that ran as it stands."""
    standing = next(one for one in plans.cell(SG, NOW).resolution.slots[point] if one.name == slot)
    given: dict[str, Any] = {
        "extension": standing.extension, "origin": str(standing.origin), "calls": 1, "micros": 7, "decided": "x",
    }  # fmt: skip
    return TracedStep(point=point, slot=slot, **given | fields)


def eras_of(plans: PlanSet) -> dict[tuple[str, ...], dict[str, datetime]]:
    """Of each scenario, its plans and a moment at which each is the current one."""
    found: dict[tuple[str, ...], dict[str, datetime]] = {}
    for cell in plans.cells():
        moment = cell.era.start or datetime(2000, 1, 1, tzinfo=UTC)
        found.setdefault(cell.values, {}).setdefault(cell.plan.digest, moment)
    return found


def row(joined: Joined, point: str, slot: str) -> Row:
    rows = next(each.rows for each in joined.points if each.point == point)
    return next(each for each in rows if each.name == slot)


def test_where_load_failed_the_rest_was_not_reached(plans: PlanSet) -> None:
    failed = step(plans, "load", "catalogue", decided="timeout: TimeoutError: no answer within 50 ms")
    child = Child("load", "", 1, 0, 50_000_000, "Fault", "")
    made = call(plans, status=14, error="Fault", codes=("UP_TIMEOUT_ITEM",), steps=(failed,), children=(child,))
    joined = join(made, plans)
    assert row(joined, "load", "catalogue").steps == (failed,)
    assert row(joined, "load", "stock").idle == "load broke off before it answered (UP_TIMEOUT_ITEM)"
    assert row(joined, "offer", "SG_DM_AIR").idle == "offer was not reached (UP_TIMEOUT_ITEM)"
    text = show("a" * 32, [joined])
    assert "Render  UNAVAILABLE  5.00 ms  2026-11-23T02:00:00.000Z\n  codes UP_TIMEOUT_ITEM (Fault)\n" in text


def test_every_slot_of_the_plan_has_a_row_in_the_order_of_the_points(plans: PlanSet) -> None:
    joined = join(call(plans), plans)
    slots = plans.cell(SG, NOW).resolution.slots
    shown = [(each.point, one.name) for each in joined.points for one in each.rows]
    assert shown == [(point, slot.name) for point in slots for slot in slots[point]]
    assert joined.same_plan


def test_a_quote_that_keeps_the_plan_of_another_era_is_laid_over_that_one(plans: PlanSet) -> None:
    values, eras = next((values, eras) for values, eras in eras_of(plans).items() if len(eras) > 1)
    for digest in eras:
        joined = join(call(plans, cell=Cell(*values), plan=digest), plans)
        assert joined.same_plan
    digest, moment = next(iter(eras.items()))
    assert not join(call(plans, cell=Cell(*values), plan="0" * 16), plans, at=moment).same_plan
    assert join(call(plans, cell=Cell(*values), plan=digest), plans, at=moment).same_plan


def test_two_passes_of_a_slot_are_both_shown(plans: PlanSet) -> None:
    twice = (step(plans, "tax", "gst", micros=3), step(plans, "tax", "gst", micros=4))
    joined = join(call(plans, steps=twice, stages=(TracedStage("tax", 1, 3), TracedStage("tax", 1, 4))), plans)
    assert row(joined, "tax", "gst").steps == twice
    assert "(pass 2)" in show("a" * 32, [joined])


def test_a_slot_that_had_nothing_to_do_is_not_one_that_did_not_run(plans: PlanSet) -> None:
    asleep = step(plans, "surcharge", "home_delivery", calls=0, decided="nothing to do on this page")
    joined = join(call(plans, steps=(asleep,), stages=(TracedStage("surcharge", 1, 7),)), plans, point="surcharge")
    assert (row(joined, "surcharge", "home_delivery").steps, joined.changed) == ((asleep,), 0)
    text = show("a" * 32, [joined])
    assert "7 µs ×0     home_delivery = " in text
    assert "nothing to do on this page" in text
    assert "did not run" not in text


def test_another_line_or_extension_is_a_difference(plans: PlanSet) -> None:
    moved = step(plans, "tax", "gst", origin="sg orderpage_sites/layers/sg.yaml:1")
    other = step(plans, "load", "rate", extension="acme.rate")
    joined = join(call(plans, plan="0" * 16, steps=(moved, other)), plans)
    assert row(joined, "tax", "gst").changed.startswith("is by sg orderpage_sites/layers/sg.yaml:")
    assert row(joined, "load", "rate").changed.startswith("is core.rate by default ")
    assert joined.changed == 2
    assert not joined.same_plan


def test_a_missing_event_is_not_taken_for_a_slot_that_stood_elsewhere(plans: PlanSet) -> None:
    joined = join(call(plans, stages=(TracedStage("tax", 1, 3),), dropped=1), plans)
    assert row(joined, "tax", "gst").idle == "its event is missing in the trace"
    assert "1 events were dropped on the way" in show("a" * 32, [joined])


def test_a_call_before_any_scenario_has_no_plan(plans: PlanSet) -> None:
    joined = join(call(plans, cell=None, plan="", sampled=False, codes=("SESSION_EXPIRED",), status=16), plans)
    assert (joined.cell, joined.points) == (None, ())
    assert "no scenario: no page was made" in show("a" * 32, [joined])
