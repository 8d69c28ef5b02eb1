"""Delivers the outbox: at least once, in order for equal keys, with backoff, and parked when it will not go."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog

from orderpage.ports import EventSink, OrdersPort, OutboxRow

BATCH = 50
"""Rows claimed at a time, at most."""
_LEASE = timedelta(seconds=30)
_FIRST_WAIT = timedelta(seconds=1)
_LONGEST_WAIT = timedelta(minutes=10)
MOST_ATTEMPTS = 12
"""After some two hours of backoff a row is parked: it blocks its key until a person looks."""

log = structlog.get_logger(__name__)


class Relay:
    """One ``tick`` delivers what is due, a batch at most; ``more`` says whether that batch was full."""

    def __init__(
        self, orders: OrdersPort, sink: EventSink, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._orders = orders
        self._sink = sink
        self._clock = clock
        self.more = False

    async def tick(self) -> int:
        """Deliver what is due; returns how many rows were delivered."""
        now, delivered, self.more = self._clock(), 0, False
        rows = await self._orders.claim_events(now, now + _LEASE, BATCH)
        for row in rows:
            delivered += await self._deliver(row)
        self.more = len(rows) == BATCH
        return delivered

    async def _deliver(self, row: OutboxRow) -> bool:
        try:
            await self._sink.deliver(row)
        except Exception as cause:  # whatever a sink raises, the row must not be lost
            await self._postpone(row, cause)
            return False
        await self._orders.finish_event(row)
        return True

    async def _postpone(self, row: OutboxRow, cause: Exception) -> None:
        error = f"{type(cause).__name__}: {cause}"
        if row.attempts >= MOST_ATTEMPTS:
            await self._orders.park_event(row, error)
            log.error("outbox.parked", row_id=row.row_id, topic=row.event.topic, key=row.event.key, error=error)
            return
        wait = min(_FIRST_WAIT * 2 ** (row.attempts - 1), _LONGEST_WAIT)
        await self._orders.retry_event(row, self._clock() + wait, error)
        log.warning("outbox.retried", row_id=row.row_id, attempts=row.attempts, wait_s=wait.total_seconds())
