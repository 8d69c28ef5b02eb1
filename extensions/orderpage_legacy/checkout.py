"""The old page's Submit and GetOrder: a promised page becomes an order, once. Read ``LegacyCheckout.submit``."""

import asyncio
import time
from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from uuid import uuid4

import phonenumbers
import structlog
from msgspec import to_builtins
from msgspec.structs import replace

from crossborder.checkout.v1.order_page_pb2 import QuoteChanged, RenderResponse
from crossborder.checkout.v1.page_pb2 import Page
from orderpage.api.errors import RefusalWithDetail
from orderpage.domain.address import Address
from orderpage.domain.order import OrderState, PaymentState, PlacedOrder
from orderpage.domain.problem import Code, Problem, Refusal, refuse
from orderpage.payments import PaymentDesk
from orderpage.ports import OrdersPort, Placing, RequestKey
from orderpage.submit import OrderDuplicate, SubmitRequest
from orderpage_legacy import orders
from orderpage_legacy.page import LegacyPages, Made, currency_of
from orderpage_legacy.quotes import Promise, content_of, read_token

POLL_SECONDS = 0.02

log = structlog.get_logger(__name__)


class PageChanged(RefusalWithDetail):
    """The page is no longer what was quoted. ``rendered`` is the page as it is now, with a quote of its own."""

    def __init__(self, *problems: Problem, detail: QuoteChanged) -> None:
        super().__init__(*problems, detail=detail)
        self.rendered = detail.rendered


class LegacyCheckout:
    """Places orders. Deadlines are on ``time.monotonic``; ``bugs`` are names of ``bugs.BUGS``."""

    def __init__(
        self,
        pages: LegacyPages,
        book: OrdersPort,
        desk: PaymentDesk,
        bugs: frozenset[str],
        clock: Callable[[], datetime],
    ) -> None:
        self._pages = pages
        self._book = book
        self._desk = desk
        self._bugs = bugs
        self._clock = clock
        self._placing: set[asyncio.Task[PlacedOrder]] = set()

    async def submit(self, request: SubmitRequest, buyer_id: str, deadline: float) -> PlacedOrder | None:
        """The order and where its payment stands; None when only validation was asked for and it passed.

        Raises ``Refusal``, ``Unavailable``, or ``TimeoutError`` at the deadline.
        """
        key = RequestKey(buyer_id, "Submit", request.request_id, _body_hash(request))
        async with asyncio.timeout(deadline - time.monotonic()):
            if not request.validate_only and (done := await self._book.find_request(key)):
                return await self._settled(key, done, deadline)
            try:
                placing = await self._prepare(key, request, deadline)
            except Refusal:
                # The same request may have come twice, and the other one may have placed the order meanwhile.
                if not request.validate_only and (done := await self._book.find_request(key)):
                    return await self._settled(key, done, deadline)
                raise
            if request.validate_only:
                return None
            task = asyncio.create_task(self._place_and_pay(placing))
            self._placing.add(task)
            task.add_done_callback(self._placed)
            placed = await asyncio.shield(task)
        return await self._settled(key, placed, deadline)

    async def order(self, order_id: str, buyer_id: str) -> PlacedOrder:
        """The buyer's order. Raises ``Refusal`` (ORDER_NOT_FOUND), also for another buyer's."""
        placed = await self._book.order(order_id, buyer_id)
        if placed is None:
            raise refuse(Code.ORDER_NOT_FOUND, f"you have no order {order_id!r}", field="order_id")
        return placed

    async def drain(self) -> None:
        """Wait for the orders under way."""
        while self._placing:
            await asyncio.gather(*self._placing, return_exceptions=True)

    def _placed(self, task: asyncio.Task[PlacedOrder]) -> None:
        self._placing.discard(task)
        if not task.cancelled() and (failure := task.exception()) and not isinstance(failure, Refusal):
            log.error("order.unfinished", cause=f"{type(failure).__name__}: {failure}")

    async def _prepare(self, key: RequestKey, request: SubmitRequest, deadline: float) -> Placing:
        """Everything that can refuse the order."""
        promise = read_token(self._pages.key, request.quote_token, key.buyer_id)
        try:
            if self._clock() >= promise.expires_at:
                until = promise.expires_at.isoformat(timespec="seconds")
                raise refuse(Code.QUOTE_EXPIRED, f"the quote expired at {until}; render the page again")
            if content_of(request.page) != promise.content:
                raise await self._changed(request, promise, deadline)
            page, made = await self._pages.again(request.page, promise, deadline)
            if not made.orderable or made.total != promise.total or made.methods != promise.methods:
                raise await self._changed(request, promise, deadline)
            if problems := _problems(request, page, made):
                raise Refusal(*problems)
        except Refusal:
            await self._refuse_second_order(promise)
            raise
        if request.validate_only:
            await self._refuse_second_order(promise)
        return self._placing_of(key, request, promise, page, made)

    async def _changed(self, request: SubmitRequest, promise: Promise, deadline: float) -> Refusal:
        """The page as it is now, with a quote of its own."""
        rendered = RenderResponse()
        again = replace(request.page, prior_quote_token=request.quote_token)
        made = await self._pages.fill(rendered, again, promise.buyer_id, self._clock(), deadline, fresh=True)
        currency, now = currency_of(request.page.site), made.total
        message = (
            f"the page is not what was quoted: to pay was {currency.format(promise.total)} {currency.code}, "
            f"now {currency.format(now)}; show the buyer the new page and submit its quote"
        )
        changed = Problem(code=Code.QUOTE_CHANGED, message=message, value=str(now))
        blocked = [problem for _, _, problems in made.blocked for problem in problems]
        return PageChanged(changed, *blocked, *made.problems, detail=QuoteChanged(rendered=rendered))

    async def _refuse_second_order(self, promise: Promise) -> None:
        placed = await self._book.find_checkout(promise.checkout_id)
        if placed is not None and placed.order.state is not OrderState.CLOSED:
            raise OrderDuplicate(placed)

    def _placing_of(self, key: RequestKey, request: SubmitRequest, promise: Promise, page: Page, made: Made) -> Placing:
        now, address, site = self._clock(), request.page.address, request.page.site
        if address is None:
            raise refuse(Code.ADDR_MISSING, "an order needs a delivery address", field="address")
        order_id, method = uuid4().hex, request.payment_method
        placed = orders.draft(order_id, site, address, page, made, promise, method, now, self._bugs)
        return Placing(
            request=key,
            placed=placed,
            stock=orders.stock_needs(made),
            ledger=orders.ledger(placed, made),
            events=(orders.confirmed(placed),),
            lease_until=now + self._desk.times.lease,
            expires_at=now + self._desk.times.expiry,
        )

    async def _place_and_pay(self, placing: Placing) -> PlacedOrder:
        outcome = await self._book.place(placing)
        if outcome.created:
            return await self._desk.hold(outcome.placed)
        if outcome.same_request:
            return outcome.placed
        raise OrderDuplicate(outcome.placed)

    async def _settled(self, key: RequestKey, placed: PlacedOrder, deadline: float) -> PlacedOrder:
        """The order once the payment provider has answered for the first time."""
        while placed.payment.state is PaymentState.STARTED:
            if time.monotonic() + 2 * POLL_SECONDS > deadline:
                message = f"order {placed.order.order_id} is being made; ask again with the same request_id"
                raise refuse(Code.REQUEST_IN_PROGRESS, message, value=placed.order.order_id)
            await asyncio.sleep(POLL_SECONDS)
            placed = await self._book.find_request(key) or placed
        return placed


def _problems(request: SubmitRequest, page: Page, made: Made) -> list[Problem]:
    """The last look: whom to deliver to, who buys, how it is paid."""
    found, address = [], request.page.address
    if address is not None:
        if not address.recipient.strip():
            message = "the address needs a recipient"
            found.append(Problem(code=Code.ADDR_FIELD_INVALID, message=message, field="address.recipient"))
        if not address.home_delivery and not address.pickup_point.strip():
            message = "collecting the parcel needs a pick-up point"
            found.append(Problem(code=Code.ADDR_FIELD_INVALID, message=message, field="address.pickup_point"))
        if not _callable(address):
            message = f"the phone number is not valid in {address.country}"
            found.append(Problem(code=Code.ADDR_PHONE_INVALID, message=message, field="address.phone"))
    if made.facts.buyer.blocked:
        found.append(Problem(code=Code.RISK_BUYER_BLOCKED, message="this account cannot place orders"))
    accepted = [method.code for method in page.payment_methods]
    if request.payment_method not in accepted:
        message = f"payment method {request.payment_method!r} is not one of {', '.join(accepted)}"
        found.append(Problem(code=Code.PAY_METHOD_UNSUPPORTED, message=message, field="payment_method"))
    return found


def _callable(address: Address) -> bool:
    try:
        number = phonenumbers.parse(address.phone, address.country)
    except phonenumbers.NumberParseException:
        return False
    return phonenumbers.is_valid_number_for_region(number, address.country)


def _body_hash(request: SubmitRequest) -> str:
    asked = (
        request.quote_token,
        request.payment_method,
        content_of(request.page),
        to_builtins(request.page.address),
        request.page.language,
    )
    return sha256(repr(asked).encode()).hexdigest()
