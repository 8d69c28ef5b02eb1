"""What was counted of both stacks, in slots of ten seconds, and by the hour once nothing looks at slots any more."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache

from sqlalchemy import BigInteger, Connection, bindparam, delete, func, select, type_coerce
from sqlalchemy.dialects import postgresql, sqlite

from orderpage.adapters.sql.columns import Instant
from orderpage.adapters.sql.ready import Query, Ready
from orderpage.adapters.sql.schema import traffic_counts
from orderpage.adapters.sql.traffic_trips import within
from orderpage.migration.gate.counts import Counted
from orderpage.migration.gate.store import Sum
from orderpage.migration.scope import Scope, TrafficCell

_ROW = traffic_counts.c
_KEY = ("slot", *TrafficCell._fields, "name")
_HOUR = 3_600_000_000
_MICROSECONDS = type_coerce(_ROW.slot, BigInteger)


def add(connection: Connection, batch: Sequence[Counted]) -> None:
    """As ``TrafficStore.add_counts``."""
    rows = [{"slot": slot, **cell._asdict(), "name": name, "count": count} for slot, cell, name, count in batch]
    _adding(connection.dialect.name).execute(connection, *rows)


def counts(connection: Connection, scope: Scope, since: datetime, until: datetime) -> list[Counted]:
    """As ``TrafficStore.counts``."""
    rows = _counts(scope).rows(connection, {"since": since, "until": until})
    return [Counted(slot, TrafficCell(*cell), name, count) for slot, *cell, name, count in rows]


def sums(connection: Connection, scope: Scope, since: datetime, until: datetime) -> list[Sum]:
    """As ``TrafficStore.sums``."""
    cell = [_ROW[name] for name in TrafficCell._fields]
    query = (
        select(*cell, _ROW.name, func.sum(_ROW.count), func.min(_ROW.slot), func.max(_ROW.slot))
        .where(within(traffic_counts, scope), _ROW.slot >= since, _ROW.slot < until)
        .group_by(*cell, _ROW.name)
        .order_by(*cell, _ROW.name)
    )
    rows = connection.execute(query).all()
    return [Sum(TrafficCell(*row[:4]), row[4], int(row[5]), row[6], row[7]) for row in rows]


def roll_up(connection: Connection, before: datetime) -> None:
    """As ``TrafficStore.roll_up``. An hour's own first slot takes the others in, so that it may be done again."""
    hour = type_coerce(_MICROSECONDS - _MICROSECONDS % _HOUR, Instant).label("hour")
    ended = before.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    late = (_ROW.slot < ended) & (_MICROSECONDS % _HOUR != 0)
    cell = [_ROW[name] for name in TrafficCell._fields]
    query = (
        select(hour, *cell, _ROW.name, func.sum(_ROW.count))
        .where(late)
        .group_by("hour", *cell, _ROW.name)
        .order_by("hour", *cell, _ROW.name)
    )
    rows = connection.execute(query).all()
    if rows:
        add(connection, [Counted(row[0], TrafficCell(*row[1:5]), row[5], int(row[6])) for row in rows])
        connection.execute(delete(traffic_counts).where(late))


def prune(connection: Connection, before: datetime) -> int:
    """As ``TrafficStore.prune``."""
    return connection.execute(delete(traffic_counts).where(_ROW.slot < before)).rowcount


@cache
def _counts(scope: Scope) -> Query:
    return Query(
        select(_ROW.slot, *(_ROW[name] for name in TrafficCell._fields), _ROW.name, _ROW.count)
        .where(
            within(traffic_counts, scope),
            _ROW.slot >= bindparam("since", type_=Instant),
            _ROW.slot < bindparam("until", type_=Instant),
        )
        .order_by(_ROW.slot)
    )


@cache
def _adding(dialect: str) -> Ready:
    own = postgresql.insert if dialect == "postgresql" else sqlite.insert
    adding = own(traffic_counts)
    more = {"count": _ROW.count + adding.excluded.count}
    return Ready(adding.on_conflict_do_update(index_elements=_KEY, set_=more))
