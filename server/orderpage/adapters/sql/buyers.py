"""Who buys, read from the tables, and what a confirmed order adds to a buyer's history."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from orderpage.adapters.sql.database import Transactions
from orderpage.adapters.sql.ready import Query, Ready
from orderpage.adapters.sql.schema import buyers
from orderpage.adapters.sql.statements import insert_new
from orderpage.domain.buyer import Buyer

_MINE = buyers.c.buyer_id == bindparam("mine")
_READ = Query(
    select(
        *(buyers.c[name] for name in ("crowd", "last_method", "orders_by_method", "blocked", "age", "real_name"))
    ).where(_MINE)
)
_LOCK_COUNTS = Query(select(buyers.c.orders_by_method).where(_MINE).with_for_update())
_REMEMBER = Ready(
    update(buyers).where(_MINE).values(last_method=bindparam("last"), orders_by_method=bindparam("counted"))
)

_STRANGER: dict[str, Any] = {
    "crowd": None,
    "last_method": "",
    "orders_by_method": {},
    "blocked": False,
    "age": None,
    "real_name": "",
}


class SqlBuyers:
    """``BuyersPort``."""

    def __init__(self, database: Transactions) -> None:
        self._database = database

    async def buyer(self, buyer_id: str) -> Buyer:
        """As ``BuyersPort.buyer``."""
        return await self._database.look(lambda connection: read_buyer(connection, buyer_id))


def read_buyer(connection: Connection, buyer_id: str) -> Buyer:
    """The buyer; one without a row has no history, and is in no crowd."""
    row = _READ.first(connection, {"mine": buyer_id})
    if row is None:
        return Buyer(buyer_id=buyer_id, crowd="")
    crowd, last_method, counts, blocked, age, real_name = row
    return Buyer(
        buyer_id=buyer_id,
        crowd=crowd or "",
        last_method=last_method,
        orders_by_method=counts,
        blocked=blocked,
        age=age,
        real_name=real_name,
    )


def history_with(connection: Connection, buyer_id: str, methods: Sequence[str]) -> tuple[str, dict[str, int]] | None:
    """The buyer's last method, and confirmed orders by method, once an order with ``methods`` is counted under each of
    them, once; None when it has none. The buyer's row stays locked.

    The last method is the one that most parcels travel by, the first of them on a tie.
    """
    if not methods:
        return None
    counted = Counter(locked_counts(connection, buyer_id)) + Counter(set(methods))
    return Counter(methods).most_common(1)[0][0], dict(sorted(counted.items()))


def remember(connection: Connection, buyer_id: str, history: tuple[str, dict[str, int]] | None) -> None:
    """Write what ``history_with`` gave."""
    if history is not None:
        last, counted = history
        _REMEMBER.execute(connection, {"mine": buyer_id, "last": last, "counted": counted})


def locked_counts(connection: Connection, buyer_id: str) -> dict[str, int]:
    """The buyer's orders by method, with the row locked; of a buyer without one, once there is one."""
    mine = {"mine": buyer_id}
    found = _LOCK_COUNTS.rows(connection, mine)
    if not found:
        insert_new(connection, buyers, ("buyer_id",), _STRANGER | {"buyer_id": buyer_id})
        found = _LOCK_COUNTS.rows(connection, mine)
    counts: dict[str, int] = found[0][0]
    return counts
