"""What the migration keeps in the database, and how it is asked for."""

from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Protocol

import msgspec

from orderpage.migration.gate.counts import Counted
from orderpage.migration.scope import Scope, TrafficCell

FULL = 10_000
"""A share of all buckets."""


class Reason(StrEnum):
    """Why a scope was sent back to legacy."""

    MONEY = "MONEY"
    UNKNOWN_CODE = "UNKNOWN_CODE"
    ERRORS = "ERRORS"
    MISMATCHES = "MISMATCHES"
    LATENCY = "LATENCY"
    OPERATOR = "OPERATOR"


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a ramp is: ``share`` of 10,000 buckets go to the new stack, since ``since``, the start of ``step``.

    A share of 0 means that it waits to begin at its first step, after a trip. ``note`` says why it waits.
    """

    name: str
    scope: Scope
    share: int
    step: int
    since: datetime
    note: str = ""


class Trip(msgspec.Struct, frozen=True, kw_only=True):
    """A scope that was sent back to legacy; it holds until somebody clears it, and then says who and why."""

    trip_id: int
    scope: Scope
    reason: Reason
    evidence: str
    tripped_at: datetime
    cleared_at: datetime | None = None
    cleared_by: str = ""
    clear_reason: str = ""


class Standing(msgspec.Struct, frozen=True):
    """What holds now: every ramp, and the trips that nobody has cleared, the newest last."""

    ramps: tuple[Progress, ...] = ()
    trips: tuple[Trip, ...] = ()


class Sum(NamedTuple):
    """What was counted of a cell under a name in a while, and the first and last slot that has any of it."""

    cell: TrafficCell
    name: str
    number: int
    first: datetime
    last: datetime


class TrafficStore(Protocol):
    """Counts, ramps, trips and leases. Every method is one transaction and may raise ``Unavailable``."""

    async def add_counts(self, batch: Sequence[Counted]) -> None:
        """Add the counts to the rows of their keys. ``batch`` holds a key once, in order of key."""

    async def counts(self, scope: Scope, since: datetime, until: datetime) -> list[Counted]:
        """What was counted in the scope in the slots from ``since``, before ``until``; in order of slot."""

    async def sums(self, scope: Scope, since: datetime, until: datetime) -> list[Sum]:
        """The same added up over the slots, by cell and name."""

    async def standing(self) -> Standing:
        """What holds now: one consistent view."""

    async def begin(self, progress: Progress) -> bool:
        """Write a ramp that has no row; whether it had none."""

    async def move(self, before: Progress, after: Progress) -> bool:
        """Put ``after`` in the place of ``before``, of the same name, if share, step and since still stand as in it."""

    async def drop(self, names: Collection[str]) -> None:
        """Forget these ramps."""

    async def trip(self, scope: Scope, reason: Reason, evidence: str, at: datetime) -> tuple[Trip, bool]:
        """The open trip of the scope and whether this call made it: a scope has one open trip at most.

        In the same transaction the ramps whose whole scope it covers go back to a share of 0.
        """

    async def trips(self, limit: int) -> list[Trip]:
        """The latest, cleared ones too; the newest first."""

    async def clear(self, trip_ids: Collection[int], by: str, reason: str, at: datetime) -> list[Trip]:
        """Clear those of the trips that are open; returns them, as they are then. ``reason`` may not be blank."""

    async def take_lease(self, name: str, holder: str, now: datetime, until: datetime) -> bool:
        """Take or prolong the lease; false while it is somebody else's."""

    async def roll_up(self, before: datetime) -> None:
        """Add the slots of each hour that ended before ``before`` into the hour's first slot."""

    async def prune(self, before: datetime) -> int:
        """Delete what was counted in slots before ``before``; returns how many rows."""
