"""The gate: moves ramps from step to step while the new stack is no worse, and trips them when it is.

``decide`` says what is to be done, from values only. ``Gate.tick`` does it, in one process at a time. All that it goes
by is in the database, so any process goes on where another stopped; what it keeps in memory can be read again.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
import structlog

from orderpage.migration.gate.counts import KEPT
from orderpage.migration.gate.evidence import STREAMS, Evidence
from orderpage.migration.gate.ramp import Ramp, Ramps
from orderpage.migration.gate.store import FULL, Progress, Reason, Standing, TrafficStore, Trip
from orderpage.migration.gate.watch import Watch
from orderpage.migration.scope import Scope, TrafficCell

ALPHA = 0.01
"""The chance that a ramp of a new stack which is no worse is ever tripped by chance, over all its steps and streams."""

PARTS = {Reason.ERRORS: 0.6, Reason.MISMATCHES: 0.2, Reason.LATENCY: 0.2}
"""How ``ALPHA`` is divided among what is watched: errors hurt most, so they are to be seen first."""

LEASE = "gate"
LEASE_FOR = timedelta(seconds=30)
ROLL_UP_AFTER = timedelta(hours=25)
"""Counts older than this are kept by the hour: nothing looks at their slots any more."""

log = structlog.get_logger(__name__)


class Advance(msgspec.Struct, frozen=True):
    """Go to this step (from 0) and its share of 10,000."""

    step: int
    share: int


class Hold(msgspec.Struct, frozen=True):
    """Stay, because."""

    why: str


class TripIt(msgspec.Struct, frozen=True):
    """Send the ramp's scope back to legacy."""

    reason: Reason
    evidence: str


Decision = Advance | Hold | TripIt


def threshold(stream: Reason, step: int) -> float:
    """The logarithm that a stream's e-process must reach to trip at a step.

    Each step has an e-process of its own for each stream, so α is divided: by stream, and by step as
    1/((step+1)(step+2)), which adds up to at most 1 however many steps there are. The first step gets half: a bad
    release mostly shows there, with the fewest buyers.
    """
    return -math.log(ALPHA * PARTS[stream] / ((step + 1) * (step + 2)))


def decide(
    ramp: Ramp,
    progress: Progress,
    evidence: Evidence,
    tripped: Trip | None,
    now: datetime,
    *,
    flagged: bool = True,
) -> Decision:
    """What to do with a ramp at a step, given what the step's windows say, and an open trip in its scope if any.

    A trip in a part of the scope lets nothing advance, and the rest goes on being watched. ``flagged``: the flag says
    ``ramp`` somewhere in it; without that it does not begin.
    """
    step = max(ramp.step_of(progress.share), 0)
    watched = progress.share > 0 and not (tripped and tripped.scope.holds(ramp.scope))
    if watched and (trip := _accused(progress, evidence, step)):
        return trip
    if tripped is not None:
        return Hold(f"trip {tripped.trip_id} ({tripped.reason}) holds in {tripped.scope} until somebody clears it")
    if not progress.share and not flagged:
        return Hold("begins when its flag says ramp")
    following = ramp.step_of(progress.share) + 1 if progress.share else 0
    if following == len(ramp.shares):
        return Hold(_at_the_end(progress, evidence))
    if progress.share and (why := _waits(ramp, progress, evidence, step, now)):
        return Hold(why)
    return Advance(following, ramp.shares[following])


def _accused(progress: Progress, evidence: Evidence, step: int) -> TripIt | None:
    for stream in STREAMS:
        if evidence.log(stream) >= threshold(stream, step) and _acts(stream, progress):
            return TripIt(stream, f"at {percent(progress.share)}: {told(stream, evidence)}")
    return None


def _acts(stream: Reason, progress: Progress) -> bool:
    """Whether a stream may trip: beside calls of legacy, unless it needs none."""
    return progress.share < FULL or stream is Reason.MISMATCHES


def _waits(ramp: Ramp, progress: Progress, evidence: Evidence, step: int, now: datetime) -> str:
    """Why the next step must wait; empty when it need not."""
    suspects = [stream for stream in STREAMS if evidence.log(stream) >= threshold(stream, step) / 2]
    if suspects:
        return f"suspicious, waits for more evidence: {'; '.join(told(stream, evidence) for stream in suspects)}"
    if evidence.new.requests < ramp.minimum:
        return f"too little data: {evidence.new.requests} of {ramp.minimum} calls of the new stack"
    if evidence.compared.pages < ramp.minimum:
        dropped = f", {evidence.compared.dropped} dropped" if evidence.compared.dropped else ""
        return f"too little data: {evidence.compared.pages} of {ramp.minimum} pages compared{dropped}"
    if evidence.noise_is_vague and evidence.compared.different:
        noise = evidence.noise
        return f"too little data: noise is known from {noise.noise_pages} pages only, {noise.noise_different} differed"
    # Where a flag let nothing through at first, the time without a call of the new stack has shown nothing.
    if now < (until := max(progress.since, evidence.joined or progress.since) + ramp.hold):
        return f"holds until {until.isoformat(timespec='seconds')}"
    return ""


def _at_the_end(progress: Progress, evidence: Evidence) -> str:
    if progress.share < FULL:
        return f"at its last step, {percent(progress.share)}"
    new = evidence.new
    rate = f"; {new.errors} of {new.requests} calls failed, nothing of legacy to compare with" if new.errors else ""
    return f"at 100%{rate}"


def told(stream: Reason, evidence: Evidence) -> str:
    """What a stream says, in figures."""
    value = f"e-value {e_value(evidence.log(stream))}"
    new, legacy, compared = evidence.new, evidence.legacy, evidence.compared
    if stream is Reason.ERRORS:
        what = f"{_of(new.errors, new.requests)} calls failed, of legacy {_of(legacy.errors, legacy.requests)}"
    elif stream is Reason.LATENCY:
        slow, theirs = _of(evidence.slow_new, new.requests), _of(evidence.slow_legacy, legacy.requests)
        what = f"{slow} calls beyond what is tolerated of legacy's p99, of legacy {theirs} beyond its p99"
    else:
        what = f"{_of(compared.different, compared.pages)} pages differ, {evidence.allowed_rate:.2%} allowed"
    return f"{stream.lower()}: {what} ({value})"


def e_value(log: float) -> str:
    """An e-value, given as its logarithm, for people: ``0.04``, ``26``, ``1,040``, ``over a million``."""
    if log >= math.log(1e6):
        return "over a million"
    value = math.exp(log)
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def percent(share: int) -> str:
    """A share of 10,000 for people."""
    return f"{share / 100:g}%"


def _of(part: int, whole: int) -> str:
    return f"{part} of {whole}" + (f" ({part / whole:.2%})" if whole else "")


class Gate:
    """Evaluates the ramps. ``holder`` names this process; one that has the lease acts, the others do nothing.

    ``flagged`` says whether the flag says ``ramp`` for any checkout of a ramp.
    """

    def __init__(
        self,
        store: TrafficStore,
        ramps: Ramps,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        holder: str = "gate",
        flagged: Callable[[Ramp], bool] = lambda ramp: True,
    ) -> None:
        self._store = store
        self._ramps = ramps
        self._clock = clock
        self._holder = holder
        self._flagged = flagged
        self._watch = Watch(store, ramps)
        self._rolled_up: datetime | None = None

    async def tick(self) -> Mapping[str, Decision]:
        """Look at every ramp once and act; returns what was decided by ramp, nothing while another has the lease.

        Raises ``Unavailable``; the next tick goes on from what the database then holds.
        """
        now = self._clock()
        if not await self._store.take_lease(LEASE, self._holder, now, now + LEASE_FOR):
            self._watch.forget()
            return {}
        standing = await self._drop_unknown(await self._store.standing())
        rows = {progress.name: progress for progress in standing.ramps}
        decisions = {
            ramp.name: await self._look(ramp, rows.get(ramp.name), standing.trips, now) for ramp in self._ramps
        }
        await self._keep_small(now)
        return decisions

    async def leave(self) -> None:
        """Give the lease back, so that another need not wait for its end. Raises ``Unavailable``."""
        now = self._clock()
        await self._store.take_lease(LEASE, self._holder, now, now)

    async def trip_now(self, cell: TrafficCell, reason: Reason, evidence: str) -> Trip:
        """Send what the cell belongs to back to legacy: its ramp's scope, or the cell alone where no ramp has it.

        Needs no lease: whoever saw it says so. A scope that is tripped already stays so.
        """
        return await self._trip(self.scope_of(cell), reason, evidence)

    def scope_of(self, cell: TrafficCell) -> Scope:
        """What a trip in the cell sends back."""
        ramp = self._ramps.of(cell)
        return ramp.scope if ramp else Scope(*cell)

    async def _trip(self, scope: Scope, reason: Reason, evidence: str) -> Trip:
        trip, made = await self._store.trip(scope, reason, evidence, self._clock())
        if made:
            log.error("traffic.tripped", scope=str(scope), reason=reason, evidence=evidence, trip_id=trip.trip_id)
        return trip

    async def _drop_unknown(self, standing: Standing) -> Standing:
        """Ramps that the file no longer has are over, and so are those whose scope it has changed."""
        scopes = {ramp.name: ramp.scope for ramp in self._ramps}
        gone = [progress.name for progress in standing.ramps if scopes.get(progress.name) != progress.scope]
        if not gone:
            return standing
        await self._store.drop(gone)
        log.warning("traffic.ramp_gone", ramps=gone)
        return await self._store.standing()

    async def _look(self, ramp: Ramp, progress: Progress | None, trips: Sequence[Trip], now: datetime) -> Decision:
        if progress is None:
            progress = Progress(name=ramp.name, scope=ramp.scope, share=0, step=0, since=now)
            await self._store.begin(progress)
        decision = await self.decision(ramp, progress, trips, now)
        if isinstance(decision, TripIt):
            await self._trip(ramp.scope, decision.reason, decision.evidence)
        elif isinstance(decision, Advance):
            await self._advance(progress, decision, now)
        elif decision.why != progress.note:
            await self._store.move(progress, msgspec.structs.replace(progress, note=decision.why))
        return decision

    async def decision(self, ramp: Ramp, progress: Progress, trips: Sequence[Trip], now: datetime) -> Decision:
        """As ``decide``, on what was counted. Only reads."""
        tripped = touching(ramp.scope, trips)
        whole = tripped is not None and tripped.scope.holds(ramp.scope)
        if whole or progress.share == 0:  # whatever was counted, it decides nothing
            nothing = Evidence(ramp.mismatch_tolerance, ramp.latency_tolerance)
            return decide(ramp, progress, nothing, tripped, now, flagged=whole or self._flagged(ramp))
        return decide(ramp, progress, await self._watch.evidence(ramp, progress, now), tripped, now)

    async def _advance(self, progress: Progress, to: Advance, now: datetime) -> None:
        after = msgspec.structs.replace(progress, share=to.share, step=to.step, since=now, note="")
        if await self._store.move(progress, after):
            log.info("traffic.advanced", ramp=progress.name, share=percent(to.share), step=to.step)

    async def _keep_small(self, now: datetime) -> None:
        if self._rolled_up is None or now - self._rolled_up >= timedelta(hours=1):
            await self._store.roll_up(now - ROLL_UP_AFTER)
            await self._store.prune(now - KEPT)
            self._rolled_up = now


def touching(scope: Scope, trips: Sequence[Trip]) -> Trip | None:
    """An open trip that shares cells with the scope: one that has all of it before one that has a part."""
    meeting = [trip for trip in trips if trip.scope.meets(scope)]
    return next((trip for trip in meeting if trip.scope.holds(scope)), meeting[0] if meeting else None)
