"""The old page as a service: the contract's two services over the old code, with the bugs it is told to have."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import datetime
from typing import Any

import grpc

from crossborder.checkout.v1 import order_page_pb2, order_page_pb2_grpc, order_pb2, order_pb2_grpc
from orderpage.api import from_proto
from orderpage.api.call import current
from orderpage.api.order_to_proto import fill_placed
from orderpage.domain.problem import Code, Refusal, refuse
from orderpage.payments import PaymentDesk
from orderpage.ports import OrdersPort, Ports
from orderpage_legacy import bugs
from orderpage_legacy.checkout import LegacyCheckout, PageChanged
from orderpage_legacy.page import LegacyPages

Context = grpc.aio.ServicerContext[Any, Any]

SLOW_EVERY, SLOW_SECONDS = 20, 0.05
FLAKY_EVERY = 50


class StandIn(order_page_pb2_grpc.OrderPageServiceServicer, order_pb2_grpc.OrderServiceServicer):
    """Render, Submit and GetOrder of the old order page."""

    BUGS: Mapping[str, str] = bugs.BUGS
    """What may be wrong with it, by name."""

    def __init__(
        self,
        ports: Ports,
        orders: OrdersPort,
        desk: PaymentDesk,
        key: bytes,
        wrong: Collection[str],
        clock: Callable[[], datetime],
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """``key`` signs quotes; ``wrong`` are names of ``BUGS``; ``pause`` waits so many seconds."""
        self._bugs = frozenset(wrong)
        self._clock = clock
        self._pause = pause
        self._pages = LegacyPages(ports, key, self._bugs)
        self._checkout = LegacyCheckout(self._pages, orders, desk, self._bugs, clock)
        self._calls = self._renders = 0

    async def Render(  # noqa: N802  # the contract's name
        self, request: order_page_pb2.RenderRequest, context: Context
    ) -> order_page_pb2.RenderResponse:
        """The page."""
        await self._stumble()
        self._renders += 1
        if "flaky" in self._bugs and self._renders % FLAKY_EVERY == 0:
            raise refuse(Code.SYS_UNKNOWN, "something went wrong on our side")
        call, asked = current.get(), from_proto.render_request(request)
        if asked.order_id:
            raise _no_stages()
        response = order_page_pb2.RenderResponse(trace_id=call.trace_id)
        await self._pages.fill(response, asked, call.buyer_id, self._clock(), call.deadline)
        return response

    async def Submit(  # noqa: N802  # the contract's name
        self, request: order_page_pb2.SubmitRequest, context: Context
    ) -> order_page_pb2.SubmitResponse:
        """The order."""
        await self._stumble()
        call, asked = current.get(), from_proto.submit_request(request)
        try:
            placed = await self._checkout.submit(asked, call.buyer_id, call.deadline)
        except PageChanged as changed:
            changed.rendered.trace_id = call.trace_id
            raise
        response = order_page_pb2.SubmitResponse(trace_id=call.trace_id)
        if placed is not None:
            fill_placed(response, placed)
        return response

    async def GetOrder(  # noqa: N802  # the contract's name
        self, request: order_pb2.GetOrderRequest, context: Context
    ) -> order_pb2.GetOrderResponse:
        """The order as it stands."""
        await self._stumble()
        call = current.get()
        placed = await self._checkout.order(from_proto.order_id(request), call.buyer_id)
        response = order_pb2.GetOrderResponse(trace_id=call.trace_id)
        fill_placed(response, placed)
        return response

    async def PayStage(  # noqa: N802  # the contract's name
        self, request: order_pb2.PayStageRequest, context: Context
    ) -> order_pb2.PayStageResponse:
        """The old page sells nothing in stages: REQUEST_INVALID."""
        raise _no_stages()

    async def drain(self) -> None:
        """Wait for the orders under way."""
        await self._checkout.drain()

    async def _stumble(self) -> None:
        self._calls += 1
        if "slow" in self._bugs and self._calls % SLOW_EVERY == 0:
            await self._pause(SLOW_SECONDS)


def _no_stages() -> Refusal:
    return refuse(Code.REQUEST_INVALID, "is not taken by this server; send a cart", field="order_stage")
