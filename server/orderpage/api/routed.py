"""The servicers of a server that moves traffic: each checkout goes to the stack that the router chose for it.

A checkout begun on one stack ends there: its quote token says which. Where the new stack was withdrawn meanwhile, the
buyer is told so, with the legacy stack's page, before anything is ordered.
"""

import asyncio
import time
from typing import Any, Protocol

import grpc

from crossborder.checkout.v1 import order_page_pb2, order_page_pb2_grpc, order_pb2, order_pb2_grpc
from orderpage.api import from_proto
from orderpage.api.asked import AskedOrder, AskedPage, OrderAnswer, on_behalf_of
from orderpage.api.call import Call, current
from orderpage.api.legacy_stack import LegacyStack
from orderpage.api.order_to_proto import fill_placed, fill_shipments
from orderpage.api.servicers import PaysStages, pay_stage
from orderpage.api.to_proto import render_response
from orderpage.domain.buyer import Buyer
from orderpage.domain.order import PlacedOrder
from orderpage.domain.problem import Code, Refusal
from orderpage.migration.carrying import moment
from orderpage.migration.legacy import LegacyRefused
from orderpage.migration.router import Decision
from orderpage.migration.traffic import Traffic, happens
from orderpage.ports import Unavailable
from orderpage.quote import LEGACY, NEW, Quote
from orderpage.renderer import Rendered, Renderer
from orderpage.request import Identity, RenderRequest
from orderpage.submit import SubmitRequest

Context = grpc.aio.ServicerContext[Any, Any]

_PATIENCE = 0.5
"""Seconds that our database gets to say who asks, where legacy answers anyway: it must not wait for us."""


class RendersIdentified(Protocol):
    """Render for a buyer who was looked up already; ``orderpage.renderer.Renderer`` is it."""

    async def render(
        self, request: RenderRequest, buyer_id: str, deadline: float, *, identity: Identity | None = None
    ) -> Rendered:
        """The page and its quote."""


class SubmitsAndRemembers(PaysStages, Protocol):
    """What a routed server needs of its own orders; ``orderpage.submit.Submitter`` is it."""

    async def submit(self, request: SubmitRequest, buyer_id: str, deadline: float) -> PlacedOrder | None:
        """The order; None when only validation was asked for and it passed."""

    async def withdraw(self, request: SubmitRequest, quote: Quote, deadline: float) -> PlacedOrder | None:
        """Give the quote's checkout up; the order that the request has made already."""

    async def give_up(self, quote: Quote, deadline: float) -> None:
        """Give a checkout up whose page is adjusted elsewhere."""

    async def order(self, order_id: str, buyer_id: str) -> PlacedOrder:
        """The buyer's order."""


class RoutedPages(order_page_pb2_grpc.OrderPageServiceServicer):
    """Render and Submit, each on the checkout's own stack. ``renderer`` identifies; ``ours`` answers, maybe counted."""

    def __init__(
        self,
        renderer: Renderer,
        ours: RendersIdentified,
        submitter: SubmitsAndRemembers,
        legacy: LegacyStack,
        traffic: Traffic,
    ) -> None:
        self._renderer = renderer
        self._ours = ours
        self._submitter = submitter
        self._legacy = legacy
        self._traffic = traffic

    async def Render(  # noqa: N802  # the contract's name
        self, message: order_page_pb2.RenderRequest, context: Context
    ) -> order_page_pb2.RenderResponse:
        """The page."""
        call, request = current.get(), from_proto.render_request(message)
        if request.order_id:  # an order in stages is ours, whatever a new checkout would be
            rendered = await self._ours.render(request, call.buyer_id, call.deadline)
            return render_response(rendered, trace_id=call.trace_id, explain=request.explain)
        token = request.prior_quote_token
        pinned = self._renderer.signer.open(token, call.buyer_id) if token else None
        identity, decision = await self._decide(request, pinned, call)
        asked = AskedPage(
            message=message,
            request=request,
            identity=identity,
            cell=self._traffic.router.cell(identity.cell),
            pinned=pinned,
            call=call,
            metadata=context.invocation_metadata,
        )
        if decision.stack == NEW:
            return await self._page_of_ours(asked)
        if pinned is not None and pinned.stack == NEW:
            await self._submitter.give_up(pinned, call.deadline)
        return await self._page_of_legacy(asked, decision)

    async def Submit(  # noqa: N802  # the contract's name
        self, message: order_page_pb2.SubmitRequest, context: Context
    ) -> order_page_pb2.SubmitResponse:
        """The order."""
        call, request = current.get(), from_proto.submit_request(message)
        quote = self._renderer.signer.open(request.quote_token, call.buyer_id)
        asked = AskedOrder(
            message=message,
            request=request,
            identity=Identity(Buyer(buyer_id=quote.buyer_id, crowd=quote.cell.crowd), quote.cell),
            cell=self._traffic.router.cell(quote.cell),
            quote=quote,
            call=call,
            metadata=context.invocation_metadata,
        )
        if quote.stack == LEGACY:
            return await self._order_of_legacy(asked)
        if self._traffic.router.honours(quote, request.page.client_version):
            return await self._order_of_ours(asked)
        # Our quote, but our stack is no longer trusted here: what it has ordered stands, and nothing is added to it.
        if done := await self._submitter.withdraw(request, quote, call.deadline):
            return _placed(done, call)
        raise await self._legacy.instead(asked)

    async def _decide(self, request: RenderRequest, pinned: Quote | None, call: Call) -> tuple[Identity, Decision]:
        """Who asks, and who answers. While our database is away, what legacy answers goes on, uncompared.

        What is likely ours is not timed: a timer would cost more than all that is decided, the database gives up by
        itself, and gRPC ends a call whose deadline has passed.
        """
        router, version = self._traffic.router, request.client_version
        stranger = self._renderer.identity_of(request, Buyer(buyer_id=call.buyer_id, crowd=""))
        likely = router.answers(stranger, version, pinned)
        try:
            if likely == NEW:
                identity = await self._renderer.identify(request, call.buyer_id)
            else:
                async with asyncio.timeout(_PATIENCE):
                    identity = await self._renderer.identify(request, call.buyer_id)
        except (Unavailable, TimeoutError):
            if likely == LEGACY:
                return stranger, Decision(LEGACY, shadow=False)
            if likely != NEW:  # a client refused either way: no stack failed
                raise
            with self._traffic.answering(router.cell(stranger.cell), call.buyer_id, NEW, "Render", version):
                raise
        return identity, router.decide(identity, version, pinned)

    async def _page_of_ours(self, asked: AskedPage) -> order_page_pb2.RenderResponse:
        request, call = asked.request, asked.call
        with self._traffic.answering(asked.cell, asked.call.buyer_id, NEW, "Render", request.client_version):
            rendered = await self._ours.render(request, call.buyer_id, call.deadline, identity=asked.identity)
            response = render_response(rendered, trace_id=call.trace_id, explain=request.explain)
        ratios = self._traffic.ratios
        # Only a first page: legacy cannot read the quote that a later one adjusts.
        compare, record = happens(ratios.verify) and not request.prior_quote_token, happens(ratios.record)
        if compare or record:
            at = rendered.page.view.priced_at
            self._traffic.offer(lambda: asked.task(NEW, response, at, compare=compare, record=record))
        return response

    async def _page_of_legacy(self, asked: AskedPage, decision: Decision) -> order_page_pb2.RenderResponse:
        ratios, shadow = self._traffic.ratios, decision.shadow
        noise, record = shadow and happens(ratios.noise), shadow and happens(ratios.record)
        try:
            with self._traffic.answering(
                asked.cell, asked.call.buyer_id, LEGACY, "Render", asked.request.client_version
            ):
                response = await self._legacy.render(asked)
        except LegacyRefused as error:
            if shadow:
                refusal, now = error, self._renderer.clock()
                self._traffic.offer(lambda: asked.task(LEGACY, refusal, now, noise=noise))
            raise
        if shadow:
            at = moment(response.page.priced_at)
            self._traffic.offer(lambda: asked.task(LEGACY, response, at, noise=noise, record=record))
        return response

    async def _order_of_ours(self, asked: AskedOrder) -> order_page_pb2.SubmitResponse:
        call = asked.call
        with self._traffic.answering(asked.cell, asked.call.buyer_id, NEW, "Submit", asked.request.page.client_version):
            placed = await self._submitter.submit(asked.request, call.buyer_id, call.deadline)
        return _placed(placed, call)

    async def _order_of_legacy(self, asked: AskedOrder) -> order_page_pb2.SubmitResponse:
        version = asked.request.page.client_version
        answer: OrderAnswer
        try:
            with self._traffic.answering(asked.cell, asked.call.buyer_id, LEGACY, "Submit", version):
                answer = await self._legacy.submit(asked)
        except LegacyRefused as refusal:
            answer = refusal
        if self._traffic.router.decide(asked.identity, version, asked.quote).shadow and not asked.request.validate_only:
            self._traffic.offer(lambda: asked.task(answer))
        if isinstance(answer, LegacyRefused):
            raise answer
        return answer


class RoutedOrders(order_pb2_grpc.OrderServiceServicer):
    """GetOrder: an order is known to the stack that made it."""

    def __init__(self, submitter: SubmitsAndRemembers, legacy: LegacyStack) -> None:
        self._submitter = submitter
        self._legacy = legacy

    async def GetOrder(  # noqa: N802  # the contract's name
        self, request: order_pb2.GetOrderRequest, context: Context
    ) -> order_pb2.GetOrderResponse:
        """The order as it stands."""
        call = current.get()
        response = order_pb2.GetOrderResponse(trace_id=call.trace_id)
        try:
            async with asyncio.timeout(min(_PATIENCE, call.deadline - time.monotonic())):
                placed = await self._submitter.order(from_proto.order_id(request), call.buyer_id)
            fill_placed(response, placed)
            fill_shipments(response, placed)
        except (Unavailable, TimeoutError) as away:
            # It may be legacy's, which need not wait for our database; what legacy does not know may still be ours.
            try:
                return await self._of_legacy(request, call, context)
            except Refusal:
                raise away from None
        except Refusal as ours:
            if ours.problems[0].code is not Code.ORDER_NOT_FOUND:
                raise
            return await self._of_legacy(request, call, context)
        return response

    async def PayStage(  # noqa: N802  # the contract's name
        self, request: order_pb2.PayStageRequest, context: Context
    ) -> order_pb2.PayStageResponse:
        """The order, and the stage's payment."""
        return await pay_stage(self._submitter, request)

    async def _of_legacy(
        self, request: order_pb2.GetOrderRequest, call: Call, context: Context
    ) -> order_pb2.GetOrderResponse:
        response = await self._legacy.order(request, on_behalf_of(call, context.invocation_metadata() or ()))
        response.trace_id = call.trace_id
        return response


def _placed(placed: PlacedOrder | None, call: Call) -> order_page_pb2.SubmitResponse:
    response = order_page_pb2.SubmitResponse(trace_id=call.trace_id)
    if placed is not None:
        fill_placed(response, placed)
    return response
