"""How the ramps stand, for people: what the gate would see and decide now, without deciding it."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

import msgspec

from orderpage.migration.gate.evidence import STREAMS, Evidence
from orderpage.migration.gate.gate import Advance, Decision, TripIt, decide, percent, threshold, told, touching
from orderpage.migration.gate.ramp import Ramp, Ramps
from orderpage.migration.gate.store import Progress, Standing, TrafficStore
from orderpage.migration.gate.watch import Watch
from orderpage.migration.scope import Scope


class StreamReport(msgspec.Struct, frozen=True, kw_only=True):
    """``log_e`` is the natural logarithm of the e-value, ``trips_at`` that of the e-value that trips."""

    log_e: float
    trips_at: float
    figures: str


class RampReport(msgspec.Struct, frozen=True, kw_only=True):
    """One ramp. ``share`` is of 10,000; ``step`` counts from 1, of ``steps``; ``since`` is None before it began."""

    name: str
    scope: Scope
    step: int
    steps: int
    share: int
    since: datetime | None
    new_calls: int
    legacy_calls: int
    compared: int
    streams: Mapping[str, StreamReport]
    decision: str
    flag: str


class Flagged(NamedTuple):
    """What the flag says for a ramp's checkouts: in words, and whether it says ``ramp`` for any."""

    words: str
    ramp: bool


UNKNOWN = Flagged("", True)
"""Where nobody can read the flag."""


async def report(
    store: TrafficStore, ramps: Ramps, now: datetime, flags: Mapping[str, Flagged] | None = None
) -> list[RampReport]:
    """Every ramp of the file; ``flags`` by its name. Raises ``Unavailable``."""
    standing = await store.standing()
    watch = Watch(store, ramps)
    return [await _ramp(ramp, standing, watch, now, (flags or {}).get(ramp.name, UNKNOWN)) for ramp in ramps]


async def _ramp(ramp: Ramp, standing: Standing, watch: Watch, now: datetime, flag: Flagged) -> RampReport:
    found = next((each for each in standing.ramps if (each.name, each.scope) == (ramp.name, ramp.scope)), None)
    progress = found or Progress(name=ramp.name, scope=ramp.scope, share=0, step=0, since=now)
    if progress.share:
        evidence = await watch.evidence(ramp, progress, now)
    else:
        evidence = Evidence(ramp.mismatch_tolerance, ramp.latency_tolerance)
    decision = decide(ramp, progress, evidence, touching(ramp.scope, standing.trips), now, flagged=flag.ramp)
    step = max(ramp.step_of(progress.share), 0)
    return RampReport(
        name=ramp.name,
        scope=ramp.scope,
        step=step + 1 if progress.share else 0,
        steps=len(ramp.shares),
        share=progress.share,
        since=found.since if found else None,
        new_calls=evidence.new.requests,
        legacy_calls=evidence.legacy.requests,
        compared=evidence.compared.pages,
        streams={
            stream.value: StreamReport(
                log_e=evidence.log(stream), trips_at=threshold(stream, step), figures=told(stream, evidence)
            )
            for stream in STREAMS
        },
        decision=said(decision),
        flag=flag.words,
    )


def said(decision: Decision) -> str:
    """A decision in words."""
    if isinstance(decision, Advance):
        return f"goes on to {percent(decision.share)}"
    if isinstance(decision, TripIt):
        return f"trips: {decision.evidence}"
    return decision.why
