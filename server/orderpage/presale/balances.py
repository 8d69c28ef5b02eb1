"""PayStage: the balance of a presale is paid, once. Read ``pay`` top to bottom; ``submit.py`` is its elder.

A balance is quoted by Render, with carriage, tax and rate of exchange of its day; the quote names the order. What the
order becomes is kept with the attempt, and happens when that is held.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import datetime

import msgspec
import structlog

from orderpage import points
from orderpage.changed import QuoteChanged, as_quoted
from orderpage.domain.order import BalancePaid, Order, Payment, PaymentState, PlacedOrder, balance_attempt
from orderpage.domain.page import Page
from orderpage.domain.problem import Code, Problem, Refusal, refuse
from orderpage.domain.stage import Stage
from orderpage.domain.usage import used_up
from orderpage.drafting import draft_order
from orderpage.engine.run import Run
from orderpage.ordered import refuse_unless_due
from orderpage.payments import PaymentDesk
from orderpage.ports import BalancePlacing, OrdersPort, RequestKey, SubmitView
from orderpage.presale.on_paper import balance_paid, presale_end
from orderpage.pricing.bought import outside
from orderpage.pricing.ending import Default
from orderpage.quote import Quote, fingerprint
from orderpage.renderer import Renderer
from orderpage.request import RenderRequest
from orderpage.telemetry import tracing
from orderpage.under_way import UnderWay

_POLL_SECONDS = 0.02

log = structlog.get_logger(__name__)


class StagePayment(msgspec.Struct, frozen=True, kw_only=True):
    """What a client asks for. ``request_id`` is a UUID that makes the write unique."""

    request_id: str
    quote_token: str
    payment_method: str


class Balances:
    """Pays balances. Deadlines are on ``time.monotonic``."""

    def __init__(
        self,
        renderer: Renderer,
        orders: OrdersPort,
        desk: PaymentDesk,
        under_way: UnderWay,
        clock: Callable[[], datetime],
    ) -> None:
        self._renderer = renderer
        self._orders = orders
        self._desk = desk
        self._under_way = under_way
        self._clock = clock

    async def pay(self, request: StagePayment, buyer_id: str, deadline: float) -> PlacedOrder:
        """The order and where this payment stands; a repeated request gets the answer of the first.

        Raises ``Refusal`` (also ``QuoteChanged``), ``Fault``, ``Unavailable``, or ``TimeoutError`` at the deadline.
        """
        async with asyncio.timeout(deadline - time.monotonic()):
            key = _key(request, buyer_id)
            if done := await self._orders.find_payment(key):
                return await self._settled(key, done, deadline)
            try:
                placing = await self._prepare(key, request, deadline)
            except Refusal:
                # A twin of this request may have paid meanwhile: then its answer is this one's too.
                if done := await self._orders.find_payment(key):
                    return await self._settled(key, done, deadline)
                raise
            try:
                placed = await self._under_way.carry(self._place_and_hold(placing))
            except Refusal as refused:
                if not used_up(refused, placing.brings.uses):  # where it was, the page without it can still be paid
                    raise
                quote, asked = self._open(request, buyer_id), _request_of(placing.placed.order)
                raise await self._changed(asked, quote, deadline, *refused.problems) from refused
        return await self._settled(key, placed, deadline)

    async def page(self, order: Order, deadline: float) -> Page:
        """The balance's page as it is now, quoted to nobody. Raises as ``Renderer.render``."""
        rendered = await self._renderer.render(_request_of(order), order.buyer_id, deadline, fresh=True)
        return rendered.page

    async def end(self, order: Order, default: Default) -> PlacedOrder | None:
        """End the presale without its balance; None unless that was due and not being paid."""
        ended = await self._orders.end_presale(presale_end(order, default))
        if ended is not None:
            log.info("presale.ended", order_id=order.order_id, default=default.value)
        return ended

    def _open(self, request: StagePayment, buyer_id: str) -> Quote:
        quote = self._renderer.signer.open(request.quote_token, buyer_id)
        if not quote.order_id:
            message = "this quote is of a cart, not of an order's balance; order it with Submit"
            raise refuse(Code.QUOTE_INVALID, message, field="quote_token")
        return quote

    async def _prepare(self, key: RequestKey, request: StagePayment, deadline: float) -> BalancePlacing:
        """Everything that can refuse the payment. Nothing changes but an order that nobody can deliver."""
        quote = self._open(request, key.buyer_id)
        now, order = self._clock(), await self._due(quote)
        if now >= quote.expires_at:
            message = f"the quote expired at {quote.expires_at.isoformat(timespec='seconds')}; render the page again"
            raise refuse(Code.QUOTE_EXPIRED, message)
        asked = _request_of(order, client=quote.cell.client)
        page, run = await self._renderer.requote(asked, quote, deadline)
        await self._refuse_undeliverable(order, page)
        if not as_quoted(page, quote):
            raise await self._changed(asked, quote, deadline)
        payment = _payment(order, page, request)
        return BalancePlacing(
            request=key,
            placed=PlacedOrder(order, payment),
            brings=_brings(order, page, run, quote, payment),
            at=now,
            lease_until=now + self._desk.times.lease,
            expires_at=now + self._desk.times.expiry,
        )

    async def _due(self, quote: Quote) -> Order:
        placed = await self._orders.order(quote.order_id, quote.buyer_id)
        if placed is None:
            raise refuse(Code.ORDER_NOT_FOUND, f"you have no order {quote.order_id!r}")
        refuse_unless_due(placed.order)
        if problems := outside(placed.order, self._clock()):
            raise Refusal(*problems)
        return placed.order

    async def _refuse_undeliverable(self, order: Order, page: Page) -> None:
        """Where no method is left the presale ends, and the deposit goes back in full (domain rules, section 5.2)."""
        if undeliverable(page) and await self.end(order, Default.PLATFORM):
            message = (
                f"no method delivers order {order.order_id} any more: it is closed, and its deposit goes back in full"
            )
            raise Refusal(Problem(code=Code.LOGI_NO_METHOD, message=message, value=order.order_id), *page.problems)

    async def _changed(self, asked: RenderRequest, quote: Quote, deadline: float, *why: Problem) -> QuoteChanged:
        """What to raise where the quote cannot be honoured: the page as it is now, and ``why``."""
        again = msgspec.structs.replace(
            asked, client=quote.cell.client, prior_quote_token=self._renderer.signer.sign(quote)
        )
        rendered = await self._renderer.render(again, quote.buyer_id, deadline, fresh=True)
        return QuoteChanged(rendered, *why, *rendered.page.problems, quoted=quote.totals.payable)

    async def _place_and_hold(self, placing: BalancePlacing) -> PlacedOrder:
        with tracing.timed(tracing.PIVOT):
            outcome = await self._orders.place_balance(placing)
        if outcome.created:
            return await self._desk.hold(outcome.placed)
        # Read again, in one view: what the duplicate's own transaction saw may be of before and after the money came.
        return await self._orders.find_payment(placing.request) or outcome.placed

    async def _settled(self, key: RequestKey, placed: PlacedOrder, deadline: float) -> PlacedOrder:
        """The order once its payment's first question to the provider is answered."""
        while placed.payment.state is PaymentState.STARTED:
            if time.monotonic() + 2 * _POLL_SECONDS > deadline:
                message = f"order {placed.order.order_id} is being paid; ask again with the same request_id"
                raise refuse(Code.REQUEST_IN_PROGRESS, message, value=placed.order.order_id)
            await asyncio.sleep(_POLL_SECONDS)
            placed = await self._orders.find_payment(key) or placed
        return placed


def undeliverable(page: Page) -> bool:
    """Whether it is certain that no method takes a parcel: where something failed, it is not."""
    return not page.degraded and any(problem.code is Code.LOGI_NO_METHOD for problem in page.problems)


def _brings(order: Order, page: Page, run: Run, quote: Quote, payment: Payment) -> BalancePaid:
    """The order with its balance paid, and whom to tell. Raises ``Refusal`` for what keeps it from being paid."""
    view = SubmitView(page=page, payment_method=payment.method)
    if problems := run.collect(points.VALIDATE, view):
        raise Refusal(*problems)
    draft = draft_order(order.order_id, page, quote, order.address, run.collect(points.ENRICH, view), order.created_at)
    paid = balance_paid(order, page, draft)
    events = run.collect(points.AFTER, PlacedOrder(paid.order, payment))
    return msgspec.structs.replace(paid, events=(*events, *paid.events))


def _payment(order: Order, page: Page, request: StagePayment) -> Payment:
    attempt_id = balance_attempt(order.order_id, request.request_id)
    return Payment(
        attempt_id=attempt_id,
        order_id=order.order_id,
        key=f"{attempt_id}:hold",
        method=request.payment_method,
        amount=max(0, page.schedule[1].amount),
        currency=order.currency,
        state=PaymentState.STARTED,
        stage=Stage.BALANCE,
    )


def _request_of(order: Order, client: str = "") -> RenderRequest:
    """The page of the order's balance, in the scenario that it was bought in."""
    staging = order.staging
    if staging is None:
        raise LookupError(f"order {order.order_id} has no balance")
    return RenderRequest(
        site=staging.cell.site,
        business=staging.cell.business,
        client=client or staging.cell.client,
        client_version="",
        language=staging.language,
        lines=(),
        address=None,
        order_id=order.order_id,
    )


def _key(request: StagePayment, buyer_id: str) -> RequestKey:
    body = fingerprint((request.quote_token, request.payment_method)).hex()
    return RequestKey(buyer_id, "PayStage", request.request_id, body)
