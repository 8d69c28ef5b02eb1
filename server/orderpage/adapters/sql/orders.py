"""The order book."""

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime

from msgspec.structs import replace
from sqlalchemy import Connection, select

from orderpage.adapters.sql import balancing, deciding, outbox
from orderpage.adapters.sql import placing as pivot
from orderpage.adapters.sql.backlog import read_backlog
from orderpage.adapters.sql.database import Transactions
from orderpage.adapters.sql.order_rows import read_placed
from orderpage.adapters.sql.schema import orders
from orderpage.adapters.sql.shipments import read_shipments
from orderpage.domain.order import PlacedOrder
from orderpage.ports import (
    ALL_TOPICS,
    Backlog,
    BalancePlacing,
    LeasedPayment,
    OutboxRow,
    Outcome,
    Placing,
    PresaleEnd,
    RequestKey,
    Topics,
    Verdict,
)


class SqlOrders:
    """``OrdersPort``: each method is one transaction of ``database``."""

    def __init__(
        self,
        database: Transactions,
        *,
        fenced: bool = False,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """``fenced``: checkouts may be withdrawn, so the pivot asks whether its own was. By ``clock`` an order is
        confirmed.
        """
        self._database = database
        self._clock = clock
        self._fenced = fenced

    async def find_request(self, request: RequestKey) -> PlacedOrder | None:
        """As ``OrdersPort.find_request``."""
        order_id = await self._database.look(lambda connection: pivot.order_of(connection, request))
        if order_id is None:  # nearly always: then there is no more to read
            return None
        return await self._database.read(lambda connection: read_placed(connection, [order_id])[order_id])

    async def find_checkout(self, checkout_id: str) -> PlacedOrder | None:
        """As ``OrdersPort.find_checkout``."""
        return await self._database.read(lambda connection: pivot.find_checkout(connection, checkout_id))

    async def place(self, placing: Placing) -> Outcome:
        """As ``OrdersPort.place``. Raises ``ValueError`` when the ledger or the service orders do not add up."""
        return await self._database.write(lambda connection: pivot.place(connection, placing, fenced=self._fenced))

    async def withdraw(self, request: RequestKey, checkout_id: str, at: datetime) -> PlacedOrder | None:
        """As ``OrdersPort.withdraw``."""
        return await self._database.write(lambda connection: pivot.withdraw(connection, request, checkout_id, at))

    async def record_payment(self, placed: PlacedOrder, verdict: Verdict, lease_until: datetime) -> PlacedOrder:
        """As ``OrdersPort.record_payment``. Raises ``LookupError`` for an unknown attempt."""
        return await self._database.write(
            lambda connection: deciding.record_payment(connection, placed, verdict, lease_until, self._clock())
        )

    async def lease_payments(self, now: datetime, until: datetime, limit: int) -> Sequence[LeasedPayment]:
        """As ``OrdersPort.lease_payments``."""
        return await self._database.write(lambda connection: deciding.lease_payments(connection, now, until, limit))

    async def order(self, order_id: str, buyer_id: str) -> PlacedOrder | None:
        """As ``OrdersPort.order``."""
        return await self._database.read(lambda connection: read_order(connection, order_id, buyer_id))

    async def find_payment(self, request: RequestKey) -> PlacedOrder | None:
        """As ``OrdersPort.find_payment``."""
        return await self._database.read(lambda connection: balancing.find_payment(connection, request))

    async def place_balance(self, placing: BalancePlacing) -> Outcome:
        """As ``OrdersPort.place_balance``."""
        return await self._database.write(lambda connection: balancing.place_balance(connection, placing))

    async def end_presale(self, end: PresaleEnd) -> PlacedOrder | None:
        """As ``OrdersPort.end_presale``."""
        return await self._database.write(lambda connection: balancing.end_presale(connection, end, self._clock()))

    async def claim_balances(self, now: datetime, until: datetime, limit: int) -> Sequence[PlacedOrder]:
        """As ``OrdersPort.claim_balances``."""
        return await self._database.write(lambda connection: balancing.claim_balances(connection, now, until, limit))

    async def look_again(self, order_id: str, at: datetime) -> None:
        """As ``OrdersPort.look_again``."""
        await self._database.write(lambda connection: balancing.look_again(connection, order_id, at))

    async def backlog(self, now: datetime, deliverers: Collection[str] = ()) -> Backlog:
        """What waits, at ``now``; topics that begin with one of the ``deliverers`` are work."""
        return await self._database.read(lambda connection: read_backlog(connection, now, deliverers))

    async def claim_events(
        self, now: datetime, until: datetime, limit: int, topics: Topics = ALL_TOPICS
    ) -> Sequence[OutboxRow]:
        """As ``OrdersPort.claim_events``."""
        return await self._database.write(lambda connection: outbox.claim_events(connection, now, until, limit, topics))

    async def finish_event(self, row: OutboxRow, *, forget: bool = False) -> None:
        """As ``OrdersPort.finish_event``."""
        await self._database.write(lambda connection: outbox.finish_event(connection, row, forget=forget))

    async def retry_event(self, row: OutboxRow, due: datetime, error: str) -> None:
        """As ``OrdersPort.retry_event``."""
        await self._database.write(lambda connection: outbox.retry_event(connection, row, due, error))

    async def park_event(self, row: OutboxRow, error: str) -> None:
        """As ``OrdersPort.park_event``."""
        await self._database.write(lambda connection: outbox.park_event(connection, row, error))


def read_order(connection: Connection, order_id: str, buyer_id: str) -> PlacedOrder | None:
    """The order, if it is the buyer's, with what became of its parcels."""
    mine = select(orders.c.order_id).where(orders.c.order_id == order_id, orders.c.buyer_id == buyer_id)
    if connection.execute(mine).first() is None:
        return None
    return replace(read_placed(connection, [order_id])[order_id], shipments=read_shipments(connection, order_id))
