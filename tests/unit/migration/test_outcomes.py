"""What becomes of a comparison: counted, kept, and where buyers get the new page, a reason to send them back."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from orderpage.migration.comparison.found import Cause, Difference
from orderpage.migration.differences import Group, Verdict, group_id
from orderpage.migration.flags.rules import Route
from orderpage.migration.gate.counts import Counts
from orderpage.migration.gate.store import Reason
from orderpage.migration.outcomes import STORED_A_SECOND, Outcomes
from orderpage.migration.router import Router
from orderpage.migration.scope import TrafficCell
from orderpage.migration.shadowing import Result

NOW = datetime(2026, 11, 23, 2, tzinfo=UTC)
CELL = TrafficCell("SG", "marketplace", "h5", "everyone")
TAX = Difference("totals.tax", "totals.tax", "900", "800", Cause.TAX, money=True)
LABEL = Difference("parcels.options.label", "parcels[1:1].options[A].label", "A", "B", Cause.TEXT, money=False)


class Outside:
    """The flag, the ramps, the trips and the table, as the outcome meets them."""

    trouble = ""

    def __init__(self, route: Route) -> None:
        self._route = route
        self.tripped: list[tuple[TrafficCell, str, str]] = []
        self.saved: list[Any] = []
        self.judged: list[Group] = []

    def route(self, cell: TrafficCell, version: str, bucket: int) -> Route:
        return self._route

    def share(self, cell: TrafficCell) -> int | None:
        return None

    def trip(self, cell: TrafficCell, *said: str) -> object | None:
        if said:
            self.tripped.append((cell, *said))  # type: ignore[arg-type]
        return None

    async def save(
        self, at: datetime, cell: TrafficCell, subject: str, differences: Sequence[Difference], *_: Any
    ) -> None:
        self.saved.append(differences)

    async def groups(self, _wanted: Any) -> list[Group]:
        return self.judged

    async def save_sample(self, at: datetime, cell: TrafficCell, recording: bytes, plan_digest: str) -> str:
        self.saved.append("sample")
        return "r"


def outcomes(outside: Outside) -> tuple[Outcomes, Counts]:
    counts = Counts(lambda: NOW)
    router = Router(outside, outside, lambda: dict.fromkeys(TrafficCell._fields, ()))
    return Outcomes(router, counts, outside, outside, lambda: NOW), counts  # type: ignore[arg-type]


def result(*differences: Difference, **more: Any) -> Result:
    given = {"cell": CELL, "subject": "PAGE", "compared": True, "recording": b"r", "differences": differences}
    given["stored"] = differences
    return Result(**{**given, **more})


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (result(TAX, LABEL), Reason.MONEY),
        (result(LABEL, unknown=True), Reason.UNKNOWN_CODE),
        (result(TAX, unknown=True), Reason.MONEY),
        (result(LABEL), None),
        (result(), None),
    ],
)
async def test_a_wrong_amount_or_an_unknown_failure_sends_back_where_buyers_get_the_new_page(
    found: Result, reason: Reason | None
) -> None:
    serving, watching = Outside(Route.NEW), Outside(Route.SHADOW)
    for outside in (serving, watching):
        await outcomes(outside)[0].take(found)
    assert [said[1] for said in serving.tripped] == ([reason] if reason else [])
    assert watching.tripped == []


async def test_the_evidence_names_the_place_and_both_sums() -> None:
    outside = Outside(Route.NEW)
    await outcomes(outside)[0].take(result(TAX, TAX))
    assert outside.tripped[0][2] == "page: totals.tax is 900 by legacy, 800 by new, and 1 more"


async def test_everything_is_counted_and_only_what_was_compared_as_compared() -> None:
    outside = Outside(Route.SHADOW)
    made, counts = outcomes(outside)
    await made.take(result(TAX))
    await made.take(result(noise=True))
    await made.take(result(compared=False, failure="legacy is away", recording=b""))
    await made.take(result(compared=False, sample=True))
    assert {(row.name, row.number) for row in counts.take()} == {
        ("compared", 2), ("different", 1), ("money", 1), ("noise.compared", 1), ("noise.different", 1),
    }  # fmt: skip
    assert made.totals == {"different": 1, "same": 1, "failed": 1}
    assert outside.saved == [(TAX,), "sample"]


async def test_while_everything_differs_only_so_many_a_second_are_stored_and_all_are_counted() -> None:
    outside = Outside(Route.SHADOW)
    made, counts = outcomes(outside)
    for _ in range(5 * STORED_A_SECOND):
        await made.take(result(LABEL))
    assert STORED_A_SECOND <= len(outside.saved) < 5 * STORED_A_SECOND
    assert ("different", 5 * STORED_A_SECOND) in {(row.name, row.number) for row in counts.take()}


async def test_where_people_said_that_the_new_page_is_right_nothing_is_wrong_any_more() -> None:
    outside = Outside(Route.NEW)
    made, counts = outcomes(outside)
    about: dict[str, Any] = {
        "subject": "PAGE", "cell": CELL, "count": 1, "first_at": NOW, "last_at": NOW, "money": True,
        "field": TAX.field, "cause": TAX.cause,
    }  # fmt: skip
    outside.judged = [Group(group_id=group_id("PAGE", TAX, CELL), verdict=Verdict.NEW, **about)]
    await made.learn()
    await made.take(result(TAX))
    assert outside.tripped == []
    assert {(row.name, row.number) for row in counts.take()} == {("compared", 1)}
    assert outside.saved == [(TAX,)], "it is still kept, for the document"
    outside.judged = []
    await made.learn()
    await made.take(result(TAX))
    assert len(outside.tripped) == 1
