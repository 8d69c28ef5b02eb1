"""Delivers the outbox: at least once, in order for equal keys, with backoff, and parked when it will not go."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import structlog

from orderpage.delivering import Later, Undeliverable
from orderpage.ports import ALL_TOPICS, EventSink, OrdersPort, OutboxRow, Topics

BATCH = 50
"""Rows claimed at a time, at most."""
_LEASE = timedelta(seconds=30)
_FIRST_WAIT = timedelta(seconds=1)
_LONGEST_WAIT = timedelta(minutes=10)
MOST_ATTEMPTS = 22
"""So many failures one after another, with waits of some two hours in all, and a row is parked: it blocks its key
until a person looks.
"""

log = structlog.get_logger(__name__)


class Relay:
    """One ``tick`` delivers what is due, a batch at most; ``more`` says whether that batch was full."""

    def __init__(
        self,
        orders: OrdersPort,
        sink: EventSink,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        *,
        topics: Topics = ALL_TOPICS,
        together: bool = False,
    ) -> None:
        """``topics`` are those it delivers; ``together``: a whole batch at once, for a sink that may be slow. What is
        delivered to a deliverer (``topics`` have a prefix) is done, so what it held, perhaps of a buyer, is blanked.
        """
        self._orders = orders
        self._sink = sink
        self._clock = clock
        self._topics = topics
        self._together = together
        self.more = False

    async def tick(self) -> int:
        """Deliver what is due; returns how many rows were delivered."""
        now, self.more = self._clock(), False
        rows = await self._orders.claim_events(now, now + _LEASE, BATCH, self._topics)
        delivered = await self._at_once(rows) if self._together else [await self._deliver(row) for row in rows]
        self.more = len(rows) == BATCH
        return delivered.count(True)

    async def _at_once(self, rows: Sequence[OutboxRow]) -> list[bool]:
        """Each to its end, whatever becomes of the others: no two rows of a batch have one key."""
        done = await asyncio.gather(*map(self._deliver, rows), return_exceptions=True)
        for each in done:
            if isinstance(each, BaseException):
                raise each
        return [each is True for each in done]

    async def _deliver(self, row: OutboxRow) -> bool:
        try:
            await self._sink.deliver(row)
        except Later as later:
            await self._orders.retry_event(row, later.due, "")
            return True
        except Exception as cause:  # whatever a sink raises, the row must not be lost
            await self._postpone(row, cause)
            return False
        await self._orders.finish_event(row, forget=bool(self._topics.prefix))
        return True

    async def _postpone(self, row: OutboxRow, cause: Exception) -> None:
        error = f"{type(cause).__name__}: {cause}"
        tried = row.failures + 1  # not its claims: to be due again later is no failure
        if tried >= MOST_ATTEMPTS or isinstance(cause, Undeliverable):
            await self._orders.park_event(row, error)
            log.error("outbox.parked", row_id=row.row_id, topic=row.event.topic, key=row.event.key, error=error)
            return
        wait = min(_FIRST_WAIT * 2 ** (tried - 1), _LONGEST_WAIT)
        await self._orders.retry_event(row, self._clock() + wait, error)
        waits = wait.total_seconds()
        log.warning(
            "outbox.retried", row_id=row.row_id, topic=row.event.topic, failures=tried, wait_s=waits, error=error
        )


def relays(
    orders: OrdersPort, sink: EventSink, deliverers: Mapping[str, EventSink], clock: Callable[[], datetime]
) -> tuple[Relay, ...]:
    """The sink's, and one for each deliverer: a slow one holds up nobody else."""
    told = Relay(orders, sink, clock, topics=Topics(without=tuple(deliverers)))
    work = (
        Relay(orders, deliverer, clock, topics=Topics(prefix=prefix), together=True)
        for prefix, deliverer in deliverers.items()
    )
    return (told, *work)
