"""Trips: scopes sent back to legacy, latched until a person clears them."""

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Table, and_, insert, select, text, update

from orderpage.adapters.sql.schema import ramps, trips
from orderpage.migration.gate.store import Reason, Trip
from orderpage.migration.scope import ANY, Scope

_OPEN = trips.c.cleared_at.is_(None)


def open_trips(connection: Connection) -> Iterator[Trip]:
    """Those that nobody has cleared, the newest last."""
    return map(_trip, connection.execute(select(trips).where(_OPEN).order_by(trips.c.trip_id)).mappings())


def latest(connection: Connection, limit: int) -> list[Trip]:
    """As ``TrafficStore.trips``."""
    query = select(trips).order_by(trips.c.trip_id.desc()).limit(limit)
    return [_trip(row) for row in connection.execute(query).mappings()]


def covering(connection: Connection, scope: Scope) -> bool:
    """Whether an open trip covers all of the scope. Waits for a transaction that is tripping, on PostgreSQL."""
    _lock(connection)
    return any(trip.scope.holds(scope) for trip in open_trips(connection))


def trip(connection: Connection, scope: Scope, reason: Reason, evidence: str, at: datetime) -> tuple[Trip, bool]:
    """As ``TrafficStore.trip``."""
    _lock(connection)
    same = select(trips).where(_OPEN, *(trips.c[name] == value for name, value in scope._asdict().items()))
    if (row := connection.execute(same.order_by(trips.c.trip_id)).mappings().first()) is not None:
        return _trip(row), False
    values: dict[str, Any] = {**scope._asdict(), "reason": reason.value, "evidence": evidence, "tripped_at": at}
    made = insert(trips).values(**values, cleared_at=None, cleared_by="", clear_reason="").returning(*trips.c)
    new = _trip(connection.execute(made).mappings().one())
    back = update(ramps).where(within(ramps, scope), ramps.c.share > 0)
    note = f"trip {new.trip_id} ({reason.value}) took it back"
    connection.execute(back.values(share=0, step=0, since=at, updated_at=at, note=note))
    return new, True


def clear(connection: Connection, trip_ids: Collection[int], by: str, reason: str, at: datetime) -> list[Trip]:
    """As ``TrafficStore.clear``."""
    mine = update(trips).where(_OPEN, trips.c.trip_id.in_(sorted(trip_ids)))
    done = mine.values(cleared_at=at, cleared_by=by, clear_reason=reason).returning(*trips.c)
    return sorted(map(_trip, connection.execute(done).mappings()), key=lambda trip: trip.trip_id)


def within(table: Table, scope: Scope) -> ColumnElement[bool]:
    """Rows whose whole scope, or whose cell, is in the scope."""
    named = [table.c[name] == value for name, value in scope._asdict().items() if value != ANY]
    return and_(True, *named)


def _lock(connection: Connection) -> None:
    """One at a time, so that a scope has one open trip and no ramp goes on past it. SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("LOCK TABLE trips IN SHARE ROW EXCLUSIVE MODE"))


def _trip(row: RowMapping) -> Trip:
    fields = ("trip_id", "evidence", "tripped_at", "cleared_at", "cleared_by", "clear_reason")
    scope = Scope(row["site"], row["business"], row["client"], row["crowd"])
    return Trip(scope=scope, reason=Reason(row["reason"]), **{name: row[name] for name in fields})
