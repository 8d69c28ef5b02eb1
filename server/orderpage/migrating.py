"""Wiring of a migration: flags, ramps, the legacy stack and the shadow around a service that runs."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import structlog

from orderpage.adapters.drivers import open_driver
from orderpage.adapters.legacy import GrpcLegacy
from orderpage.adapters.sql.database import Database
from orderpage.adapters.sql.differences import SqlDifferences
from orderpage.adapters.sql.traffic import SqlTraffic
from orderpage.api.errors import problems_of
from orderpage.api.legacy_stack import LegacyStack
from orderpage.background import Loop, repeating
from orderpage.migration.comparison.ignoring import RuleBook, read_rules
from orderpage.migration.flags.source import open_flags
from orderpage.migration.gate.counts import Counts
from orderpage.migration.gate.flagged import flagged
from orderpage.migration.gate.gate import Gate
from orderpage.migration.gate.ramp import Ramps, read_ramps
from orderpage.migration.gate.state import TrafficState
from orderpage.migration.gate.store import FULL
from orderpage.migration.legacy import LegacyPort, NoLegacy
from orderpage.migration.outcomes import Outcomes
from orderpage.migration.router import AllNew, Dimensions, Flags, Router
from orderpage.migration.traffic import Ratios, Traffic
from orderpage.migration.trips import Trips
from orderpage.ports import Unavailable
from orderpage.renderer import Renderer
from orderpage.settings import ServerSettings, SettingsError, quote_keys
from orderpage.shadow.job import ShadowJob
from orderpage.shadow.process import ShadowProcess
from orderpage.telemetry.metrics_migration import MigrationNumbers

LEGACIES = "orderpage.legacy"
_REFRESH_SECONDS = 0.25
_FLUSH_SECONDS = 1.0
_GATE_SECONDS = 0.5
_PRUNE_SECONDS = 3600.0
_VERDICT_SECONDS = 5.0

log = structlog.get_logger(__name__)


class Migration(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of a migration that others use."""

    traffic: Traffic
    legacy: LegacyStack
    flags: Flags
    state: TrafficState
    shadow: ShadowProcess
    outcomes: Outcomes

    def numbers(self) -> MigrationNumbers:
        """As it is now, for whoever measures."""
        standing = self.state.standing
        return MigrationNumbers(
            routed=self.traffic.routed,
            shadowed=self.outcomes.totals,
            trouble=bool(self.flags.trouble),
            trips=len(standing.trips),
            ramps={ramp.name: ramp.share / FULL for ramp in standing.ramps},
        )


@asynccontextmanager
async def open_migration(
    settings: ServerSettings,
    renderer: Renderer,
    database: Database,
    dimensions: Dimensions,
    clock: Callable[[], datetime],
) -> AsyncIterator[Migration]:
    """A migration under way, or only the recording of pages: its loops run until the block ends.

    Raises ``SettingsError``, ``FlagError`` and ``PackageErrors`` for files that cannot be used, ``Unavailable``.
    """
    ramps, port = _ramps(settings, dimensions()), open_legacy(settings)
    for rule in _ignore(settings).expired(clock().date()):  # the shadow reads it too; a mistake is to be told now
        log.warning("ignore.expired", rule=str(rule))
    async with AsyncExitStack() as closing:
        closing.push_async_callback(port.close)
        flags: Flags = AllNew()
        if settings.flags:
            flags = open_flags(settings.flags, _note_trouble)
            closing.callback(flags.close)
        store, counts = SqlTraffic(database), Counts(clock)
        state = TrafficState(store)
        gate = Gate(store, ramps, clock, secrets.token_hex(8), lambda ramp: flagged(ramp, ramps, flags, dimensions()))
        if not await state.refresh():
            raise Unavailable("the database does not answer, so nobody knows what was tripped")
        router, trips = Router(flags, state, dimensions), Trips(gate, state, clock)
        differences = SqlDifferences(database)
        outcomes = Outcomes(router, counts, trips, differences, clock)
        shadow = ShadowProcess(
            os.environ | settings.environment(), settings.shadow_queue, outcomes.take, outcomes.dropped
        )
        flush = _flusher(counts, store)
        loops = [
            Loop("traffic state", state.refresh, _REFRESH_SECONDS),
            Loop("traffic trips", trips.write, _REFRESH_SECONDS),
            Loop("traffic counts", flush, _FLUSH_SECONDS),
            Loop("recordings", _pruner(differences, timedelta(days=settings.record_days), clock), _PRUNE_SECONDS),
            Loop("verdicts", outcomes.learn, _VERDICT_SECONDS),
        ]
        closing.push_async_callback(_last, flush)
        closing.push_async_callback(_last, trips.write)
        await closing.enter_async_context(shadow.running())
        if settings.ramps:  # a server that was not given the ramps must not take them for gone
            loops.append(Loop("traffic gate", gate.tick, _GATE_SECONDS))
            closing.push_async_callback(_last, gate.leave)
        await closing.enter_async_context(repeating(loops, asyncio.Event()))
        yield Migration(
            traffic=Traffic(router, shadow, counts, trips, _ratios(settings), lambda error: problems_of(error, "")),
            legacy=LegacyStack(port, renderer.signer),
            flags=flags,
            state=state,
            shadow=shadow,
            outcomes=outcomes,
        )


@asynccontextmanager
async def open_shadow_job(
    settings: ServerSettings, renderer: Renderer, clock: Callable[[], datetime]
) -> AsyncIterator[ShadowJob]:
    """What the comparing process does. Raises as ``open_migration``."""
    port = open_legacy(settings)
    key = next(iter(quote_keys(settings).values()))
    try:
        yield ShadowJob(renderer, port, _ignore(settings), key, clock)
    finally:
        await port.close()


def open_legacy(settings: ServerSettings) -> LegacyPort:
    """The legacy stack at its address, or by the driver that is named. Raises ``SettingsError``."""
    if not settings.legacy:
        return NoLegacy()
    if ":" in settings.legacy:
        return GrpcLegacy(settings.legacy)
    port: LegacyPort = open_driver(LEGACIES, settings.legacy, settings)
    return port


def _flusher(counts: Counts, store: SqlTraffic) -> Callable[[], Awaitable[None]]:
    async def flush() -> None:
        batch = counts.take()
        if not batch:
            return
        try:
            await store.add_counts(batch)
        except Unavailable:
            counts.give_back(batch)
            raise

    return flush


async def _last(write: Callable[[], Awaitable[None]]) -> None:
    """At the end. What cannot be written any more is lost: that is no reason not to end well."""
    try:
        await write()
    except Unavailable as cause:
        log.warning("traffic.not_written", cause=str(cause))


def _pruner(
    differences: SqlDifferences, kept: timedelta, clock: Callable[[], datetime]
) -> Callable[[], Awaitable[object]]:
    return lambda: differences.prune(clock() - kept)


def _ramps(settings: ServerSettings, dimensions: Mapping[str, Collection[str]]) -> Ramps:
    return read_ramps(settings.ramps, _text(settings.ramps), dimensions) if settings.ramps else Ramps()


def _ignore(settings: ServerSettings) -> RuleBook:
    return read_rules(settings.ignore, _text(settings.ignore)) if settings.ignore else RuleBook()


def _text(file: str) -> str:
    try:
        return Path(file).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} cannot be read: {error}") from None


def _ratios(settings: ServerSettings) -> Ratios:
    return Ratios(noise=settings.noise_ratio, verify=settings.verify_ratio, record=settings.record_ratio)


def _note_trouble(trouble: str) -> None:
    if trouble:
        log.error("flags.trouble", trouble=trouble)
    else:
        log.info("flags.well")
