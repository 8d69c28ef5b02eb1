"""Whether the flag puts the gate in charge of a ramp anywhere: only then it begins."""

from collections.abc import Collection, Iterator, Mapping
from itertools import product
from typing import Protocol

from orderpage.migration.flags.rules import Route
from orderpage.migration.flags.versions import UNTOLD
from orderpage.migration.gate.ramp import Ramp, Ramps
from orderpage.migration.scope import TrafficCell

_VERSIONS = (UNTOLD, "999999.0.0")
"""A client that tells no version, and one that is newer than any: a flag may speak of new clients only."""


class Routes(Protocol):
    """The flag, as a page asks it."""

    def route(self, cell: TrafficCell, version: str, bucket: int) -> Route:
        """What it says."""


def flagged(ramp: Ramp, ramps: Ramps, flags: Routes, dimensions: Mapping[str, Collection[str]]) -> bool:
    """Whether it says ``ramp`` for a checkout that the ramp has. A rule that says so says it for every bucket."""
    return any(
        flags.route(cell, version, 0) is Route.RAMP
        for cell in cells_of(ramp, ramps, dimensions)
        for version in _VERSIONS
    )


def cells_of(ramp: Ramp, ramps: Ramps, dimensions: Mapping[str, Collection[str]]) -> Iterator[TrafficCell]:
    """The cells that no more specific ramp has."""
    for values in product(*(dimensions[name] for name in TrafficCell._fields)):
        cell = TrafficCell(*values)
        if ramp.scope.covers(cell) and ramps.of(cell) is ramp:
            yield cell
