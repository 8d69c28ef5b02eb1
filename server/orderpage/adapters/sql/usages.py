"""What buyers' orders used up, counted and limited in the transaction that places an order."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, delete, func, insert, select
from sqlalchemy.sql.dml import ReturningDelete

from orderpage.adapters.sql.buyers import locked_counts
from orderpage.adapters.sql.caps import read_counts, return_units
from orderpage.adapters.sql.database import Transactions
from orderpage.adapters.sql.ready import Query, Ready
from orderpage.adapters.sql.schema import usages
from orderpage.domain.order import Order
from orderpage.domain.problem import Problem, Refusal
from orderpage.domain.usage import UseUp, by_name

_EVER = datetime(1970, 1, 1, tzinfo=UTC)
_NAMES: BindParameter[Any] = bindparam("names", expanding=True)
_USED = Query(
    select(usages.c.name, func.sum(usages.c.units))
    .where(
        usages.c.buyer_id == bindparam("buyer"), usages.c.name.in_(_NAMES), usages.c.used_at >= bindparam("since_then")
    )
    .group_by(usages.c.name)
)
_USE = Ready(insert(usages))
_GIVE_BACK = delete(usages).where(usages.c.order_id == bindparam("order")).returning(usages.c.cap, usages.c.units)


class SqlUsages:
    """``UsagesPort``."""

    def __init__(self, database: Transactions) -> None:
        self._database = database

    async def used(self, buyer_id: str, names: Collection[str], since: datetime | None = None) -> Mapping[str, int]:
        """As ``UsagesPort.used``."""
        wanted = sorted(set(names))
        if not wanted:
            return {}
        return await self._database.look(lambda connection: read_used(connection, buyer_id, wanted, since))

    async def used_by_all(self, names: Collection[str]) -> Mapping[str, int]:
        """As ``UsagesPort.used_by_all``."""
        wanted = sorted(set(names))
        if not wanted:
            return {}
        return await self._database.look(lambda connection: read_counts(connection, wanted))


def read_used(
    connection: Connection, buyer_id: str, names: Sequence[str], since: datetime | None = None
) -> dict[str, int]:
    """The buyer's units by name since that moment; a name that was never used is 0."""
    rows = _USED.rows(connection, {"buyer": buyer_id, "since_then": since or _EVER}, names)
    return dict.fromkeys(names, 0) | {name: int(units) for name, units in rows}


def use_up(connection: Connection, order: Order, uses: Sequence[UseUp], at: datetime) -> None:
    """Write what the order uses from that moment on. Raises ``Refusal`` with every limit that it would pass.

    The buyer's row is locked: of two orders at once, the second sees what the first used. What caps are there for all
    buyers is taken by ``take_units``.
    """
    if any(use.limit is not None for use in uses):
        locked_counts(connection, order.buyer_id)
        _refuse_above(connection, order.buyer_id, uses)
    common = {"order_id": order.order_id, "buyer_id": order.buyer_id, "used_at": at}
    rows = [
        {**common, "name": use.name, "units": use.units, "cap": use.cap.name if use.cap else None}
        for use in by_name(uses)
    ]
    _USE.execute(connection, *rows)


def give_back(connection: Connection, order_id: str) -> None:
    """Forget what the order used. Locks the counts that it is in, so nothing else is to be locked afterwards."""
    _give_back(connection, order_id, _GIVE_BACK)


def give_some_back(connection: Connection, order_id: str, uses: Sequence[UseUp]) -> None:
    """Forget those of what the order used. Locks as ``give_back``."""
    if uses:
        _give_back(connection, order_id, _GIVE_BACK.where(usages.c.name.in_(sorted({use.name for use in uses}))))


def _give_back(connection: Connection, order_id: str, rows: ReturningDelete[Any]) -> None:
    units: dict[str, int] = {}
    for row in connection.execute(rows, {"order": order_id}):
        if row.cap is not None:
            units[row.cap] = units.get(row.cap, 0) + row.units
    return_units(connection, units)


def _refuse_above(connection: Connection, buyer_id: str, uses: Sequence[UseUp]) -> None:
    problems = []
    for use in uses:
        if use.limit is None:
            continue
        asked = sum([other.units for other in uses if other.name == use.name])
        used = read_used(connection, buyer_id, [use.name], use.since)[use.name]
        if used + asked > use.limit:
            kind = use.name.partition(":")[0]
            left = max(0, use.limit - used)
            message = f"uses of the {kind}: {use.limit} in all, {left} left; order without it"
            problems.append(Problem(code=use.code, message=message, value=str(left)))
    if problems:
        raise Refusal(*problems)
