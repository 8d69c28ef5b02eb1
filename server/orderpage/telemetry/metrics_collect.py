"""Reads, when Prometheus asks, what the service counts for itself anyway: requests pay nothing for it.

It runs in the thread of the scrape. What it reads are plain numbers and copies of dictionaries.
"""

import platform
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, time
from importlib.metadata import version

import msgspec
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from orderpage.domain.order import PaymentState
from orderpage.engine.breaker import Breaker, BreakerState
from orderpage.engine.plan import PROFILE, Plan, PlanSet, PlanSource
from orderpage.engine.point import Shape
from orderpage.engine.stats import Stats
from orderpage.ports import Backlog, DatabaseLoad
from orderpage.telemetry import metrics as names
from orderpage.telemetry.metrics_families import Observed, counter, gauge, histogram

Asking = tuple[tuple[tuple[str, str, str], Breaker], ...]


class BacklogReading(msgspec.Struct):
    """What waits in the database, as last read at ``read_at`` (seconds since the epoch)."""

    backlog: Backlog
    read_at: float


class Sources(msgspec.Struct, frozen=True, kw_only=True):
    """Where the numbers are. ``backlog`` gives None until it was read for the first time."""

    plans: PlanSource
    in_flight: Callable[[], int]
    under_way: Callable[[], int]
    traces_dropped: Callable[[], int]
    presales_unresolved: Callable[[], int]
    database: Callable[[], DatabaseLoad]
    backlog: Callable[[], BacklogReading | None]


class ServiceCollector(Collector):
    """Everything in ``metrics.ALL`` that no call counts by itself."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._asking: tuple[PlanSet | None, Asking] = (None, ())
        self._build = (version("orderpage"), platform.python_version())

    def describe(self) -> Iterable[Metric]:
        """Nothing: the registry must not read a service that is still being made."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Every family, with its series as they are now."""
        yield from self._engine()
        yield from self._breakers()
        yield from self._waiting()
        yield from self._process()

    def _engine(self) -> Iterator[Metric]:
        stages, slots = self._sources.plans.stats.stages(), self._sources.plans.stats.slots()
        yield histogram(names.STAGE_SECONDS, [_observed((point,), stats) for point, stats in stages])
        yield counter(names.STAGE_OVERRUNS, [((point,), stats.overruns) for point, stats in stages])
        yield counter(names.SLOT_CALLS, [(slot, stats.calls) for slot, stats in slots])
        yield counter(names.SLOT_FAULTS, [(slot, stats.faults) for slot, stats in slots])
        yield counter(names.SLOT_SKIPS, [(slot, stats.skips) for slot, stats in slots])
        yield counter(names.SLOT_OVERRUNS, [(slot, stats.overruns) for slot, stats in slots])
        asking = {labels for labels, _ in self._asking_slots()}
        yield histogram(names.SLOT_SECONDS, [_observed(slot, stats) for slot, stats in slots if slot in asking])

    def _breakers(self) -> Iterator[Metric]:
        states = Counter((labels, breaker.state) for labels, breaker in self._asking_slots())
        slots = dict.fromkeys(labels for labels, _ in states)
        rows = [((*slot, state.value), states[slot, state]) for slot in slots for state in BreakerState]
        yield gauge(names.SLOT_BREAKERS, rows)

    def _asking_slots(self) -> Asking:
        """The slots that new requests wait for. Found once a plan set: there may be thousands of plans."""
        plans = self._sources.plans.current
        if self._asking[0] is not plans:
            self._asking = (plans, _asking(plans))
        return self._asking[1]

    def _waiting(self) -> Iterator[Metric]:
        reading = self._sources.backlog()
        if reading is None:
            return
        backlog = reading.backlog
        states = [state for state in PaymentState if not state.final]
        events = dict(zip(names.KINDS, (backlog.told, backlog.work), strict=True))
        rows = [((kind, state), getattr(each, state)) for kind, each in events.items() for state in names.OUTBOX]
        yield gauge(names.OUTBOX_ROWS, rows)
        yield gauge(names.OUTBOX_OLDEST, [((kind,), each.overdue) for kind, each in events.items()])
        unfinished = {state: backlog.payments.get(state, (0, 0.0)) for state in states}
        yield gauge(names.PAYMENTS, [((state.value,), count) for state, (count, _) in unfinished.items()])
        yield gauge(names.PAYMENTS_OLDEST, [((state.value,), age) for state, (_, age) in unfinished.items()])
        yield gauge(names.UNSETTLED, [((), backlog.unsettled)])
        yield gauge(names.BACKLOG_READ, [((), reading.read_at)])

    def _process(self) -> Iterator[Metric]:
        load, plans = self._sources.database(), self._sources.plans.current
        yield counter(names.DATABASE_WRITES, [((), load.writes)])
        yield counter(names.DATABASE_COMMITS, [((), load.commits)])
        yield gauge(names.DATABASE_WAITING, [((), load.waiting)])
        yield gauge(names.DATABASE_BUSY, [((), load.busy)])
        yield gauge(names.DATABASE_CONNECTIONS, [((), load.connections)])
        yield gauge(names.CALLS_IN_FLIGHT, [((), self._sources.in_flight())])
        yield gauge(names.ORDERS_UNDER_WAY, [((), self._sources.under_way())])
        yield counter(names.TRACES_DROPPED, [((), self._sources.traces_dropped())])
        yield counter(names.PRESALES_UNRESOLVED, [((), self._sources.presales_unresolved())])
        yield gauge(names.PLANS, [((plans.version,), len(plans.plans))])
        yield gauge(names.RELOAD_REFUSED, [((), int(self._sources.plans.refused))])
        yield gauge(names.DATA_UNTIL, _data_until(plans).items())
        yield gauge(names.BUILD, [(self._build, 1)])


def _asking(plans: PlanSet) -> Asking:
    slots = {
        id(slot): (stage.point.name, slot)
        for plan in plans.plans
        for stage in plan.stages.values()
        if stage.point.shape is Shape.ASYNC
        for slot in stage.compiled
    }
    return tuple(((point, slot.name, slot.extension), slot.breaker) for point, slot in slots.values())


def _observed(labels: tuple[str, ...], stats: Stats) -> Observed:
    return labels, list(stats.buckets), stats.seconds


def _data_until(plans: PlanSet) -> dict[tuple[str, ...], float]:
    """Of slots that are equal but for their settings, and of equal keys of profiles, the one whose data end first."""
    until: dict[tuple[str, ...], float] = {}
    for plan in plans.plans:
        for labels, day in _ends(plan):
            last = datetime.combine(day, time(), UTC).timestamp()
            until[labels] = min(last, until.get(labels, last))
    return until


def _ends(plan: Plan) -> Iterator[tuple[tuple[str, ...], date]]:
    for stage in plan.stages.values():
        for slot in stage.compiled:
            if slot.data_until is not None:
                yield (stage.point.name, slot.name, slot.extension), slot.data_until
    for path, day in plan.profile_until.items():
        yield (PROFILE, ".".join(path[:2]), ""), day  # not by method: the rows of all are one table
