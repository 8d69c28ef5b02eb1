"""Looks at balances that are awaited: when they can be paid, and when they could be no more. Any worker may.

A balance that nobody pays in time is forfeited. But the buyer forfeits nothing that could not be paid: where no method
takes the goods any more, or the page says otherwise that it cannot be ordered, the deposit goes back; and while it
cannot be told, because something does not answer, nothing ends.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog

from orderpage.domain.order import Order, PlacedOrder
from orderpage.domain.page import Page
from orderpage.domain.problem import Code, Refusal
from orderpage.drafting import refuse_unbookable
from orderpage.engine.faults import Fault
from orderpage.ports import OrdersPort, Unavailable
from orderpage.presale.balances import Balances, undeliverable
from orderpage.presale.on_paper import staged
from orderpage.pricing.ending import Default

BATCH = 20
"""Balances looked at in one tick, at most: each is a page."""
_AGAIN = timedelta(minutes=5)
_PAGE_SECONDS = 10.0
_TIMES = {Code.STAGE_NOT_OPEN, Code.STAGE_OVER}

log = structlog.get_logger(__name__)


class BalanceSweeper:
    """One ``tick`` looks at what is due, a batch at most; ``more`` says whether that batch was full.

    ``unresolved`` counts the looks that could tell nothing.
    """

    def __init__(
        self, orders: OrdersPort, balances: Balances, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._orders = orders
        self._balances = balances
        self._clock = clock
        self.more = False
        self.unresolved = 0

    async def tick(self) -> int:
        """Look; returns how many presales ended."""
        now, ended, self.more = self._clock(), 0, False
        due = await self._orders.claim_balances(now, now + _AGAIN, BATCH)
        for placed in due:
            ended += await self._look(placed, now)
        self.more = len(due) == BATCH
        return ended

    async def _look(self, placed: PlacedOrder, now: datetime) -> bool:
        """Whether the presale ended. What is claimed is looked at again anyway, in a while."""
        order = placed.order
        try:
            if not placed.payment.state.final:  # being paid: how that ends comes first
                return False
            default = await self._default(order, now)
            if default is not None:
                return await self._balances.end(order, default) is not None
            await self._orders.look_again(order.order_id, self._next(order, now))
        except (Unavailable, Refusal, Fault, TimeoutError) as cause:
            self.unresolved += 1
            log.warning("presale.unresolved", order_id=order.order_id, cause=str(cause))
        except Exception:  # whatever is wrong with one order, the others may not wait for it
            self.unresolved += 1
            log.exception("presale.failed", order_id=order.order_id)
        return False

    async def _default(self, order: Order, now: datetime) -> Default | None:
        """By whose doing the presale ends now; None: it does not.

        Raises ``Unavailable`` or ``Refusal`` where that cannot be told, or nobody could have paid.
        """
        page = await self._balances.page(order, time.monotonic() + _PAGE_SECONDS)
        if undeliverable(page):
            return Default.PLATFORM
        due_at = staged(order).balance.due.due_at
        if due_at is None or now < due_at:
            return None
        if page.degraded:
            raise Unavailable("its page is degraded: something that it asks does not answer")
        refuse_unbookable(page)
        return Default.BUYER if _payable(page) else Default.PLATFORM

    def _next(self, order: Order, now: datetime) -> datetime:
        """At the end of its window; past that, in a while."""
        due_at = staged(order).balance.due.due_at
        return due_at if due_at is not None and now < due_at else now + _AGAIN


def _payable(page: Page) -> bool:
    """Whether nothing but the time keeps the balance from being paid."""
    problems = [problem for problem in page.problems if problem.code not in _TIMES]
    return not problems and page.deliverable
