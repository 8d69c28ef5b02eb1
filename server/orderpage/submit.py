"""Submit: a quoted page becomes an order, once. Read ``submit`` top to bottom."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import uuid4

import msgspec

from orderpage import points
from orderpage.changed import QuoteChanged, as_quoted
from orderpage.domain.order import OrderState, Payment, PaymentState, PlacedOrder, first_attempt
from orderpage.domain.page import Page
from orderpage.domain.problem import Code, Problem, Refusal, refuse
from orderpage.domain.usage import used_up
from orderpage.drafting import Draft, draft_order
from orderpage.engine.run import Run
from orderpage.payments import PaymentDesk
from orderpage.ports import OrdersPort, Placing, RequestKey, SubmitView
from orderpage.presale.balances import Balances, StagePayment
from orderpage.presale.on_paper import deposit_events, in_stages, staging_of
from orderpage.quote import NEW, Quote, fingerprint
from orderpage.renderer import Renderer
from orderpage.request import RenderRequest, content_of
from orderpage.telemetry import tracing
from orderpage.under_way import UnderWay

_POLL_SECONDS = 0.02


class SubmitRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a client asks for. ``page`` is what was rendered; ``request_id`` a UUID that makes the write unique."""

    request_id: str
    quote_token: str
    payment_method: str
    page: RenderRequest
    validate_only: bool = False


class OrderDuplicate(Refusal):
    """This checkout became an order already. ``placed`` is that order."""

    def __init__(self, placed: PlacedOrder) -> None:
        message = f"this checkout already became order {placed.order.order_id}"
        super().__init__(Problem(code=Code.ORDER_DUPLICATE, message=message, value=placed.order.order_id))
        self.placed = placed


class Submitter:
    """Places orders. Deadlines are on ``time.monotonic``."""

    def __init__(
        self,
        renderer: Renderer,
        orders: OrdersPort,
        desk: PaymentDesk,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._renderer = renderer
        self._orders = orders
        self._desk = desk
        self._clock = clock
        self._under_way = UnderWay()
        self.balances = Balances(renderer, orders, desk, self._under_way, clock)

    async def submit(self, request: SubmitRequest, buyer_id: str, deadline: float) -> PlacedOrder | None:
        """The order and where its payment stands; None when only validation was asked for and it passed.

        Raises ``Refusal`` (and its kinds ``QuoteChanged`` and ``OrderDuplicate``), ``Fault``, ``Unavailable``, or
        ``TimeoutError`` at the deadline. A repeated request gets the order of the first, whatever has changed since.
        """
        async with asyncio.timeout(deadline - time.monotonic()):
            key = _key(request, buyer_id)
            if not request.validate_only and (done := await self._orders.find_request(key)):
                return await self._settled(key, done, deadline)
            try:
                draft, run = await self._prepare(request, buyer_id, deadline)
            except Refusal:
                # A twin of this request may have placed the order meanwhile, and taken what this one misses.
                if not request.validate_only and (done := await self._orders.find_request(key)):
                    return await self._settled(key, done, deadline)
                raise
            if request.validate_only:
                return None
            # From here on the client's deadline ends the call, never the work: the order goes on to its end.
            try:
                placed = await self._under_way.carry(self._place_and_pay(key, draft, request.payment_method, run))
            except Refusal as refused:
                if not used_up(refused, draft.uses):  # where it was, the page without it can still be ordered
                    raise
                quote = self._open(request, buyer_id)
                raise await self._changed(request, quote, deadline, *refused.problems) from refused
        return await self._settled(key, placed, deadline)

    async def withdraw(self, request: SubmitRequest, quote: Quote, deadline: float) -> PlacedOrder | None:
        """Give the quote's checkout up, because another page stands in for it: it never becomes an order here.

        The order instead, if this request has made it already; raises ``OrderDuplicate`` when another one has.
        """
        async with asyncio.timeout(deadline - time.monotonic()):
            key = _key(request, quote.buyer_id)
            if request.validate_only:
                await self._refuse_second_order(quote)
                return None
            placed = await self._orders.withdraw(key, quote.checkout_id, self._clock())
            if placed is None:
                return None
            if done := await self._orders.find_request(key):
                return await self._settled(key, done, deadline)
            raise OrderDuplicate(placed)

    async def give_up(self, quote: Quote, deadline: float) -> None:
        """The same for a page that is adjusted elsewhere: whatever it has become stays, and nothing is added."""
        async with asyncio.timeout(deadline - time.monotonic()):
            key = RequestKey(quote.buyer_id, "Render", quote.checkout_id, "")
            await self._orders.withdraw(key, quote.checkout_id, self._clock())

    async def pay_stage(self, request: StagePayment, buyer_id: str, deadline: float) -> PlacedOrder:
        """The order and where the payment of its balance stands. Raises as ``Balances.pay``."""
        return await self.balances.pay(request, buyer_id, deadline)

    async def order(self, order_id: str, buyer_id: str) -> PlacedOrder:
        """The buyer's order. Raises ``Refusal`` (ORDER_NOT_FOUND), also for another buyer's."""
        placed = await self._orders.order(order_id, buyer_id)
        if placed is None:
            raise refuse(Code.ORDER_NOT_FOUND, f"you have no order {order_id!r}", field="order_id")
        return placed

    @property
    def under_way(self) -> int:
        """Orders between their pivot and the payment provider's first answer."""
        return len(self._under_way)

    async def drain(self) -> None:
        """Wait for the orders under way."""
        await self._under_way.drain()

    async def _prepare(self, request: SubmitRequest, buyer_id: str, deadline: float) -> tuple[Draft, Run]:
        """Everything that can refuse the order, nothing that changes anything."""
        quote = self._open(request, buyer_id)
        try:
            self._refuse_expired(quote)
            page, run = await self._honour(request, quote, deadline)
            draft = validate_and_draft(request, quote, page, run, self._clock())
        except Refusal:
            # What this one misses, an order of the same checkout may have taken: then that order is the answer.
            await self._refuse_second_order(quote)
            raise
        if request.validate_only:  # otherwise the pivot finds a second order, without another look
            await self._refuse_second_order(quote)
        return draft, run

    def _open(self, request: SubmitRequest, buyer_id: str) -> Quote:
        if not request.quote_token:
            raise refuse(Code.QUOTE_INVALID, "a quote token is needed: render the page first", field="quote_token")
        quote = self._renderer.signer.open(request.quote_token, buyer_id)
        if quote.order_id:
            message = f"this quote is of the balance of order {quote.order_id}; pay it with PayStage"
            raise refuse(Code.QUOTE_INVALID, message, field="quote_token")
        return quote

    async def _refuse_second_order(self, quote: Quote) -> None:
        placed = await self._orders.find_checkout(quote.checkout_id)
        if placed is not None and placed.order.state is not OrderState.CLOSED:
            raise OrderDuplicate(placed)

    def _refuse_expired(self, quote: Quote) -> None:
        if self._clock() >= quote.expires_at:
            message = f"the quote expired at {quote.expires_at.isoformat(timespec='seconds')}; render the page again"
            raise refuse(Code.QUOTE_EXPIRED, message)

    async def _honour(self, request: SubmitRequest, quote: Quote, deadline: float) -> tuple[Page, Run]:
        """The quoted page again, equal in every amount and choice; otherwise the page as it is now, in a refusal."""
        page, run = await self._renderer.requote(request.page, quote, deadline, recount=request.validate_only)
        if quote.stack == NEW and content_of(request.page) == quote.content and as_quoted(page, quote):
            return page, run
        raise await self._changed(request, quote, deadline)

    async def _changed(self, request: SubmitRequest, quote: Quote, deadline: float, *why: Problem) -> QuoteChanged:
        """What to raise where the quote cannot be honoured: the page as it is now, and ``why``."""
        again = msgspec.structs.replace(request.page, prior_quote_token=request.quote_token)
        rendered = await self._renderer.render(again, quote.buyer_id, deadline, fresh=True)
        blocked = [problem for line in rendered.page.blocked for problem in line.problems]
        unused = [notice for notice in rendered.page.notices if notice.field.startswith("coupons[")]
        problems = (*why, *blocked, *rendered.page.problems, *unused)
        return QuoteChanged(rendered, *problems, quoted=quote.totals.payable)

    async def _place_and_pay(self, key: RequestKey, draft: Draft, payment_method: str, run: Run) -> PlacedOrder:
        """The pivot, then the hold. Nothing is told to anybody before the payment is held."""
        now, order = self._clock(), draft.order
        first = order.stages[0].due
        payment = Payment(
            attempt_id=first_attempt(order.order_id),
            order_id=order.order_id,
            key=f"{order.order_id}:hold",
            method=payment_method,
            amount=first.amount,
            currency=order.currency,
            state=PaymentState.STARTED,
            stage=first.stage,
        )
        placed = PlacedOrder(order, payment)
        placing = Placing(
            request=key,
            placed=placed,
            stock=draft.stock,
            ledger=draft.ledger,
            events=deposit_events(order, order.staging) if order.staging else tuple(run.collect(points.AFTER, placed)),
            lease_until=now + self._desk.times.lease,
            expires_at=now + self._desk.times.expiry,
            uses=draft.uses,
        )
        with tracing.timed(tracing.PIVOT):
            outcome = await self._orders.place(placing)
        if outcome.created:
            return await self._desk.hold(outcome.placed)
        if outcome.same_request:
            return outcome.placed
        raise OrderDuplicate(outcome.placed)

    async def _settled(self, key: RequestKey, placed: PlacedOrder, deadline: float) -> PlacedOrder:
        """The order once its first question to the payment provider is answered; a repeated request waits for it."""
        while placed.payment.state is PaymentState.STARTED:
            if time.monotonic() + 2 * _POLL_SECONDS > deadline:
                message = f"order {placed.order.order_id} is being made; ask again with the same request_id"
                raise refuse(Code.REQUEST_IN_PROGRESS, message, value=placed.order.order_id)
            await asyncio.sleep(_POLL_SECONDS)
            placed = await self._orders.find_request(key) or placed
        return placed


def validate_and_draft(request: SubmitRequest, quote: Quote, page: Page, run: Run, now: datetime) -> Draft:
    """The order of an orderable page, on paper only. Raises ``Refusal`` for what keeps it from being ordered."""
    view = SubmitView(page=page, payment_method=request.payment_method)
    if page.view.address is None:
        raise refuse(Code.ADDR_MISSING, "an order needs a delivery address", field="address")
    problems = run.collect(points.VALIDATE, view)
    if problems:
        raise Refusal(*problems)
    operations = run.collect(points.ENRICH, view)
    draft, staging = (
        draft_order(uuid4().hex, page, quote, page.view.address, operations, now),
        staging_of(page, quote.cell),
    )
    return draft if staging is None else in_stages(draft, staging)


def _key(request: SubmitRequest, buyer_id: str) -> RequestKey:
    return RequestKey(buyer_id, "Submit", request.request_id, _body_hash(request))


def _body_hash(request: SubmitRequest) -> str:
    """Over the canonical body: what is asked, not how it was serialised nor which trace it asked to see."""
    return fingerprint(
        (
            request.quote_token,
            request.payment_method,
            content_of(request.page),
            request.page.address,
            request.page.language,
        )
    ).hex()
