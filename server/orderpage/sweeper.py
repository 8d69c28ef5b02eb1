"""Resumes payments whose worker died or whose provider did not answer: any worker may, once the lease is over."""

from collections.abc import Callable
from datetime import UTC, datetime

import structlog

from orderpage.payments import PaymentDesk
from orderpage.ports import LeasedPayment, OrdersPort, Unavailable

BATCH = 50
"""Payments leased at a time, at most."""

log = structlog.get_logger(__name__)


class Sweeper:
    """One ``tick`` looks once, at a batch at most; ``more`` says whether that batch was full."""

    def __init__(
        self, orders: OrdersPort, desk: PaymentDesk, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._orders = orders
        self._desk = desk
        self._clock = clock
        self.more = False

    async def tick(self) -> int:
        """Resume what is due; returns how many orders were decided. A provider that is away is asked again later."""
        now, decided, self.more = self._clock(), 0, False
        due = await self._orders.lease_payments(now, now + self._desk.times.lease, BATCH)
        for leased in due:
            decided += await self._resume(leased)
        self.more = len(due) == BATCH
        return decided

    async def _resume(self, leased: LeasedPayment) -> bool:
        """Whether the order was decided."""
        order_id = leased.placed.order.order_id
        try:
            placed = await self._desk.resume(leased)
        except Unavailable as cause:
            log.warning("payment.unresolved", order_id=order_id, cause=str(cause))
            return False
        except Exception:  # whatever is wrong with one payment, the others may not wait for it
            log.exception("payment.failed", order_id=order_id)
            return False
        if not placed.payment.state.final:
            return False
        log.info("payment.resumed", order_id=order_id, state=placed.payment.state.value)
        return True
