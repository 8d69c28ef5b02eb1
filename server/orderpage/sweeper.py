"""Resumes payments whose worker died or whose provider did not answer: any worker may, once the lease is over."""

from collections.abc import Callable
from datetime import UTC, datetime

import structlog

from orderpage.payments import PaymentDesk
from orderpage.ports import OrdersPort, Unavailable

_BATCH = 50

log = structlog.get_logger(__name__)


class Sweeper:
    """One ``tick`` looks once."""

    def __init__(
        self, orders: OrdersPort, desk: PaymentDesk, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._orders = orders
        self._desk = desk
        self._clock = clock

    async def tick(self) -> int:
        """Resume what is due; returns how many orders were decided. A provider that is away is asked again later."""
        now = self._clock()
        decided = 0
        for leased in await self._orders.lease_payments(now, now + self._desk.times.lease, _BATCH):
            order_id = leased.placed.order.order_id
            try:
                placed = await self._desk.resume(leased)
            except Unavailable as cause:
                log.warning("payment.unresolved", order_id=order_id, cause=str(cause))
                continue
            except Exception:  # whatever is wrong with one payment, the others may not wait for it
                log.exception("payment.failed", order_id=order_id)
                continue
            if placed.payment.state.final:
                decided += 1
                log.info("payment.resumed", order_id=order_id, state=placed.payment.state.value)
        return decided
