"""Counts, ramps, trips and leases in the database: ``TrafficStore``."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from orderpage.adapters.sql import traffic_counts as counting
from orderpage.adapters.sql import traffic_trips as tripping
from orderpage.adapters.sql.database import Transactions
from orderpage.adapters.sql.schema import leases, ramps
from orderpage.adapters.sql.statements import insert_new
from orderpage.adapters.sql.traffic_differences import read_differences
from orderpage.migration.gate.counts import Counted
from orderpage.migration.gate.readiness import Difference
from orderpage.migration.gate.store import Progress, Reason, Standing, Sum, Trip
from orderpage.migration.scope import Scope


class SqlTraffic:
    """``TrafficStore``: each method is one transaction of ``database``."""

    def __init__(self, database: Transactions) -> None:
        self._database = database

    async def add_counts(self, batch: Sequence[Counted]) -> None:
        """As ``TrafficStore.add_counts``."""
        if batch:
            await self._database.write(lambda connection: counting.add(connection, batch))

    async def counts(self, scope: Scope, since: datetime, until: datetime) -> list[Counted]:
        """As ``TrafficStore.counts``."""
        return await self._database.look(lambda connection: counting.counts(connection, scope, since, until))

    async def sums(self, scope: Scope, since: datetime, until: datetime) -> list[Sum]:
        """As ``TrafficStore.sums``."""
        return await self._database.look(lambda connection: counting.sums(connection, scope, since, until))

    async def roll_up(self, before: datetime) -> None:
        """As ``TrafficStore.roll_up``."""
        await self._database.write(lambda connection: counting.roll_up(connection, before))

    async def prune(self, before: datetime) -> int:
        """As ``TrafficStore.prune``."""
        return await self._database.write(lambda connection: counting.prune(connection, before))

    async def standing(self) -> Standing:
        """As ``TrafficStore.standing``."""
        return await self._database.read(_standing)

    async def begin(self, progress: Progress) -> bool:
        """As ``TrafficStore.begin``."""
        return await self._database.write(lambda connection: insert_new(connection, ramps, ("name",), _row(progress)))

    async def move(self, before: Progress, after: Progress) -> bool:
        """As ``TrafficStore.move``."""
        return await self._database.write(lambda connection: _move(connection, before, after))

    async def drop(self, names: Collection[str]) -> None:
        """As ``TrafficStore.drop``."""
        statement = delete(ramps).where(ramps.c.name.in_(sorted(names)))
        await self._database.write(lambda connection: connection.execute(statement) and None)

    async def trip(self, scope: Scope, reason: Reason, evidence: str, at: datetime) -> tuple[Trip, bool]:
        """As ``TrafficStore.trip``."""
        return await self._database.write(lambda connection: tripping.trip(connection, scope, reason, evidence, at))

    async def trips(self, limit: int) -> list[Trip]:
        """As ``TrafficStore.trips``."""
        return await self._database.look(lambda connection: tripping.latest(connection, limit))

    async def differences(self) -> list[Difference]:
        """As ``ReadinessStore.differences``."""
        return await self._database.read(read_differences)

    async def clear(self, trip_ids: Collection[int], by: str, reason: str, at: datetime) -> list[Trip]:
        """As ``TrafficStore.clear``. Raises ``ValueError`` for a blank reason."""
        if not reason.strip():
            raise ValueError("a trip is cleared for a reason; say it")
        return await self._database.write(lambda connection: tripping.clear(connection, trip_ids, by, reason, at))

    async def take_lease(self, name: str, holder: str, now: datetime, until: datetime) -> bool:
        """As ``TrafficStore.take_lease``."""
        return await self._database.write(lambda connection: _take_lease(connection, name, holder, now, until))


def _standing(connection: Connection) -> Standing:
    rows = connection.execute(select(ramps).order_by(ramps.c.name)).mappings()
    found = [
        Progress(
            name=row["name"],
            scope=Scope(row["site"], row["business"], row["client"], row["crowd"]),
            share=row["share"],
            step=row["step"],
            since=row["since"],
            note=row["note"],
        )
        for row in rows
    ]
    return Standing(tuple(found), tuple(tripping.open_trips(connection)))


def _row(progress: Progress) -> dict[str, object]:
    values = {name: getattr(progress, name) for name in ("name", "share", "step", "since", "note")}
    return {**values, **progress.scope._asdict(), "updated_at": progress.since}


def _move(connection: Connection, before: Progress, after: Progress) -> bool:
    row = ramps.c
    mine = update(ramps).where(
        row.name == before.name, row.share == before.share, row.step == before.step, row.since == before.since
    )
    if after.share > before.share and tripping.covering(connection, before.scope):
        return False  # tripped since it was decided
    return connection.execute(mine.values(**_row(after))).rowcount == 1


def _take_lease(connection: Connection, name: str, holder: str, now: datetime, until: datetime) -> bool:
    if insert_new(connection, leases, ("name",), {"name": name, "holder": holder, "until": until}):
        return True
    row = leases.c
    mine = update(leases).where(row.name == name, (row.holder == holder) | (row.until <= now))
    return connection.execute(mine.values(holder=holder, until=until)).rowcount == 1
