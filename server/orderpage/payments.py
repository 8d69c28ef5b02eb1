"""The payment of an order: hold once, and find out later what could not be found out at once."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import msgspec
import structlog

from orderpage.domain.order import PaymentState, PlacedOrder
from orderpage.domain.problem import Code
from orderpage.ports import LeasedPayment, OrdersPort, PaymentProvider, Unavailable, Verdict
from orderpage.telemetry import tracing

Answer = TypeVar("Answer")

log = structlog.get_logger(__name__)


class PaymentTimes(msgspec.Struct, frozen=True, kw_only=True):
    """``hold`` bounds one call to the provider; ``lease`` keeps other workers off; ``poll`` spaces questions.

    ``expiry`` is how long a buyer may take to complete a payment.
    """

    hold: timedelta = timedelta(seconds=5)
    lease: timedelta = timedelta(seconds=15)
    poll: timedelta = timedelta(seconds=5)
    expiry: timedelta = timedelta(minutes=30)


class PaymentDesk:
    """Asks the provider and records its verdicts. Only ``OrdersPort.record_payment`` decides an order."""

    def __init__(
        self,
        provider: PaymentProvider,
        orders: OrdersPort,
        times: PaymentTimes = PaymentTimes(),  # noqa: B008 a frozen value
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._provider = provider
        self._orders = orders
        self._clock = clock
        self.times = times

    async def hold(self, placed: PlacedOrder) -> PlacedOrder:
        """Ask for the money of an order just placed. An unknown outcome leaves it PENDING, for ``resume`` to find
        out.
        """
        payment = placed.payment
        with tracing.timed(tracing.HOLD) as work:
            try:
                verdict = await self._ask(
                    self._provider.hold(payment.key, payment.amount, payment.currency, payment.method)
                )
            except Unavailable:
                verdict = Verdict(PaymentState.PENDING)
            work.note(tracing.PAYMENT_STATE, verdict.state.value)
        return await self._record(placed, verdict)

    async def resume(self, leased: LeasedPayment) -> PlacedOrder:
        """Carry on where a worker stopped or a provider did not answer. Safe to repeat: every call is keyed."""
        placed, payment = leased.placed, leased.placed.payment
        if leased.expired:
            return await self._give_up(placed)
        verdict = await self._ask(self._provider.look_up(payment.key))
        if verdict is None:  # the hold never arrived, so it is asked for again under the same key
            return await self.hold(placed)
        return await self._record(placed, verdict)

    async def _give_up(self, placed: PlacedOrder) -> PlacedOrder:
        """Close the order, unless the money came at the last moment. Released first: a late payment finds no order."""
        verdict = await self._ask(self._provider.release(placed.payment.key))
        if verdict.state is not PaymentState.HELD:
            verdict = Verdict(PaymentState.DECLINED, verdict.reference, decline=verdict.decline or Code.PAY_DECLINED)
        return await self._record(placed, verdict)

    async def _ask(self, answer: Awaitable[Answer]) -> Answer:
        """Wait for the provider within bounds. Whatever goes wrong, the outcome is unknown: ``Unavailable``."""
        try:
            async with asyncio.timeout(self.times.hold.total_seconds()):
                return await answer
        except Unavailable:
            raise
        except TimeoutError as cause:
            raise Unavailable(f"no answer within {self.times.hold.total_seconds():g} s") from cause
        except Exception as cause:
            log.exception("payment.provider_failed")
            raise Unavailable(f"the provider failed: {type(cause).__name__}") from cause

    async def _record(self, placed: PlacedOrder, verdict: Verdict) -> PlacedOrder:
        lease_until = self._clock() + self.times.poll
        recorded = await self._orders.record_payment(placed, verdict, lease_until)
        given_up = recorded.payment.key == placed.payment.key and recorded.payment.state is PaymentState.DECLINED
        if verdict.state is PaymentState.HELD and given_up:
            # Another worker gave the payment up meanwhile: money held for it goes back, no order is revived.
            await self._ask(self._provider.release(placed.payment.key))
        return recorded
