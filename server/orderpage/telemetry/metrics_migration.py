"""Reads, when Prometheus asks, what a migration counts for itself."""

from collections.abc import Callable, Iterable, Iterator, Mapping

import msgspec
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from orderpage.telemetry import metrics as names
from orderpage.telemetry.metrics_families import counter, gauge


class MigrationNumbers(msgspec.Struct, frozen=True, kw_only=True):
    """A migration as it is now. ``ramps`` are shares of 1, by name; ``shadowed`` tasks by outcome."""

    routed: Mapping[str, int]
    shadowed: Mapping[str, int]
    trouble: bool
    trips: int
    ramps: Mapping[str, float]


class MigrationCollector(Collector):
    """Everything in ``metrics.ALL`` that is about moving traffic."""

    def __init__(self, read: Callable[[], MigrationNumbers]) -> None:
        self._read = read

    def describe(self) -> Iterable[Metric]:
        """Nothing: the registry must not read a service that is still being made."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Every family, with its series as they are now."""
        numbers = self._read()
        yield counter(names.ROUTED, [((stack,), numbers.routed.get(stack, 0)) for stack in names.STACKS])
        yield counter(names.SHADOWED, [((outcome,), numbers.shadowed.get(outcome, 0)) for outcome in names.SHADOW])
        yield gauge(names.FLAGS_TROUBLE, [((), int(numbers.trouble))])
        yield gauge(names.TRIPS, [((), numbers.trips)])
        yield gauge(names.RAMP_SHARE, [((name,), share) for name, share in numbers.ramps.items()])
