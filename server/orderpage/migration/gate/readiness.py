"""Whether legacy's code for a cell may be removed, and what is in the way.

It may when the cell has been at 100% and clean for as long as its ramp says, when no trip holds in it, every way in
which the two pages differ has a verdict, and legacy answered nothing meanwhile. *Clean* means: no difference other
than those in which the new page is right, and no trip that evidence caused.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from orderpage.migration.gate.counts import COMPARED, REQUESTS, measured
from orderpage.migration.gate.ramp import Ramp, Ramps
from orderpage.migration.gate.store import FULL, Progress, Reason, Sum, TrafficStore, Trip
from orderpage.migration.scope import Scope, TrafficCell
from orderpage.quote import LEGACY, NEW

VERDICT_NEW = "NEW"
ROLLED_UP = timedelta(hours=1)
"""A slot of a past day may stand for this long: what it says happened at its start, or so much later."""


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """Where two pages differed, and how."""

    recording_id: str
    place: str
    legacy: str
    new: str


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One way in which the two stacks differ in a cell. ``verdict`` says which is right, empty until it is decided."""

    group_id: str
    cell: TrafficCell
    subject: str
    field: str
    cause: str
    money: bool
    count: int
    first_at: datetime
    last_at: datetime
    verdict: str
    verdict_reason: str
    verdict_by: str
    examples: tuple[Example, ...] = ()


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known at ``now``: counts of the last hour and since ``since``, and the rest whole."""

    now: datetime
    since: datetime
    hour: Sequence[Sum]
    lately: Sequence[Sum]
    ramps: Sequence[Progress]
    trips: Sequence[Trip]
    differences: Sequence[Difference]


class Shares(msgspec.Struct, frozen=True):
    """Of ``calls``, which parts were answered by new, by legacy with the page compared, and by legacy alone: 0 … 1."""

    calls: int
    new: float
    shadow: float
    legacy: float


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """One cell. ``share`` is of 10,000, None where no ramp has the cell; ``blocks`` says why it is not removable."""

    cell: TrafficCell
    hour: Shares
    lately: Shares
    legacy_last: datetime | None
    clean_since: datetime | None
    open_trips: tuple[int, ...]
    undecided: int
    ramp: str
    share: int | None
    step_since: datetime | None
    removable: bool
    blocks: tuple[str, ...]


class ReadinessStore(TrafficStore, Protocol):
    """Traffic, and how the two stacks differ."""

    async def differences(self) -> list[Difference]:
        """Every way in which they differ, with its verdict and its latest examples."""


MOST_TRIPS = 10_000


async def read_facts(store: ReadinessStore, now: datetime, since: datetime) -> Facts:
    """What the store knows. Raises ``Unavailable``."""
    everything, soon = Scope(), now + timedelta(minutes=1)  # slots of workers whose clocks are a little ahead
    return Facts(
        now=now,
        since=since,
        hour=await store.sums(everything, now - timedelta(hours=1), soon),
        lately=await store.sums(everything, since, soon),
        ramps=(await store.standing()).ramps,
        trips=await store.trips(MOST_TRIPS),
        differences=await store.differences(),
    )


def readiness(facts: Facts, ramps: Ramps) -> list[Readiness]:
    """Every cell that had calls or differences, in order."""
    cells = {one.cell for one in facts.lately} | {one.cell for one in facts.differences}
    return [_cell(cell, facts, ramps) for cell in sorted(cells)]


def _cell(cell: TrafficCell, facts: Facts, ramps: Ramps) -> Readiness:
    lately = [one for one in facts.lately if one.cell == cell]
    trips = [trip for trip in facts.trips if trip.scope.covers(cell)]
    differences = [one for one in facts.differences if one.cell == cell]
    ramp, progress = ramps.of(cell), _progress(cell, facts.ramps)
    found = Readiness(
        cell=cell,
        hour=shares(one for one in facts.hour if one.cell == cell),
        lately=shares(lately),
        legacy_last=max((one.last for one in lately if _of(one, LEGACY)), default=None),
        clean_since=_clean_since(lately, trips, differences),
        open_trips=tuple(trip.trip_id for trip in trips if trip.cleared_at is None),
        undecided=sum(not one.verdict for one in differences),
        ramp=progress.name if progress else "",
        share=progress.share if progress else None,
        step_since=progress.since if progress else None,
        removable=False,
        blocks=(),
    )
    keep = ramp.keep if ramp else Ramp(name="", scope=Scope()).keep
    blocks = tuple(_blocks(found, lately, facts.now - keep, days_and_hours(keep)))
    return msgspec.structs.replace(found, blocks=blocks, removable=not blocks)


def shares(sums: Iterable[Sum]) -> Shares:
    """What the sums of a cell say about who answered."""
    calls = {NEW: 0, LEGACY: 0}
    compared = 0
    for one in sums:
        if one.name == COMPARED:
            compared += one.number
        elif _of(one, NEW) or _of(one, LEGACY):
            calls[one.name.partition(".")[0]] += one.number
    total = sum(calls.values())
    if not total:
        return Shares(0, 0.0, 0.0, 0.0)
    shadow = min(compared, calls[LEGACY])
    return Shares(total, calls[NEW] / total, shadow / total, (calls[LEGACY] - shadow) / total)


def _of(one: Sum, stack: str) -> bool:
    what = measured(one.name)
    return what is not None and (what.stack, what.what) == (stack, REQUESTS)


def _progress(cell: TrafficCell, rows: Sequence[Progress]) -> Progress | None:
    covering = [row for row in rows if row.scope.covers(cell)]
    return max(covering, key=lambda row: row.scope.specificity, default=None)


def _clean_since(lately: Sequence[Sum], trips: Sequence[Trip], differences: Sequence[Difference]) -> datetime | None:
    """None for a cell of which nothing was counted: nobody knows."""
    if not lately:
        return None
    moments = [min(one.first for one in lately)]
    moments += [one.last_at for one in differences if one.verdict != VERDICT_NEW]
    moments += [trip.tripped_at for trip in trips if trip.reason is not Reason.OPERATOR]
    return max(moments)


def _blocks(found: Readiness, lately: Sequence[Sum], kept_from: datetime, keep: str) -> Iterable[str]:
    """Why legacy's code must stay. ``kept_from`` is the moment since which all must have been well."""
    if found.share is None:
        new_first = min((one.first for one in lately if _of(one, NEW)), default=None)
        if new_first is None or new_first > kept_from:
            yield f"no ramp has it, and the new stack has not answered it for {keep}"
    elif found.share < FULL:
        yield f"ramp {found.ramp} is at {found.share / 100:g}%"
    elif found.step_since is not None and found.step_since > kept_from:
        yield f"at 100% only since {moment(found.step_since)}; {keep} are asked for"
    if not found.lately.new:
        yield "the new stack answered none of it lately"
    if found.open_trips:
        yield f"trip {', '.join(map(str, found.open_trips))} is open: `orderpage traffic clear` when it is mended"
    if found.undecided:
        yield f"differences without a verdict: {found.undecided}; `orderpage diff` shows them"
    if found.clean_since is None or found.clean_since > kept_from:
        yield f"clean only since {moment(found.clean_since)}; {keep} are asked for"
    if found.legacy_last is not None and found.legacy_last + ROLLED_UP > kept_from:
        yield f"legacy still answered at {moment(found.legacy_last)}"


def moment(at: datetime | None) -> str:
    """To the minute, UTC; ``never`` for None."""
    return at.strftime("%Y-%m-%d %H:%MZ") if at else "never"


def days_and_hours(span: timedelta) -> str:
    """``7 days``, ``36 hours``, ``90 minutes``."""
    minutes = round(span.total_seconds() / 60)
    for unit, size in (("days", 1440), ("hours", 60)):
        if minutes >= size and minutes % size == 0:
            return f"{minutes // size} {unit}"
    return f"{minutes} minutes"
