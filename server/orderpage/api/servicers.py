"""The gRPC services: read the request, do it, write the answer. ``interceptors`` did the rest."""

from typing import Any, Protocol

import grpc

from crossborder.checkout.v1 import order_page_pb2, order_page_pb2_grpc, order_pb2, order_pb2_grpc
from orderpage.api import from_proto
from orderpage.api.call import current
from orderpage.api.order_to_proto import fill_placed, fill_shipments
from orderpage.api.to_proto import render_response
from orderpage.domain.order import PlacedOrder
from orderpage.presale.balances import StagePayment
from orderpage.renderer import Rendered
from orderpage.request import RenderRequest
from orderpage.submit import SubmitRequest

Context = grpc.aio.ServicerContext[Any, Any]


class Renders(Protocol):
    """What Render needs; ``orderpage.renderer.Renderer`` is it."""

    async def render(self, request: RenderRequest, buyer_id: str, deadline: float) -> Rendered:
        """The page and its quote."""


class PaysStages(Protocol):
    """What PayStage needs; ``orderpage.submit.Submitter`` is it."""

    async def pay_stage(self, request: StagePayment, buyer_id: str, deadline: float) -> PlacedOrder:
        """The order and where its stage's payment stands."""


class Submits(PaysStages, Protocol):
    """What Submit, GetOrder and PayStage need; ``orderpage.submit.Submitter`` is it."""

    async def submit(self, request: SubmitRequest, buyer_id: str, deadline: float) -> PlacedOrder | None:
        """The order; None when only validation was asked for and it passed."""

    async def order(self, order_id: str, buyer_id: str) -> PlacedOrder:
        """The buyer's order."""


class OrderPageServicer(order_page_pb2_grpc.OrderPageServiceServicer):
    """Render and Submit."""

    def __init__(self, renderer: Renders, submitter: Submits) -> None:
        self._renderer = renderer
        self._submitter = submitter

    async def Render(  # noqa: N802  # the contract's name
        self, request: order_page_pb2.RenderRequest, context: Context
    ) -> order_page_pb2.RenderResponse:
        """The page."""
        call = current.get()
        rendered = await self._renderer.render(from_proto.render_request(request), call.buyer_id, call.deadline)
        return render_response(rendered, trace_id=call.trace_id, explain=request.explain)

    async def Submit(  # noqa: N802  # the contract's name
        self, request: order_page_pb2.SubmitRequest, context: Context
    ) -> order_page_pb2.SubmitResponse:
        """The order."""
        call = current.get()
        placed = await self._submitter.submit(from_proto.submit_request(request), call.buyer_id, call.deadline)
        response = order_page_pb2.SubmitResponse(trace_id=call.trace_id)
        if placed is not None:
            fill_placed(response, placed)
        return response


class OrderServicer(order_pb2_grpc.OrderServiceServicer):
    """GetOrder and PayStage."""

    def __init__(self, submitter: Submits) -> None:
        self._submitter = submitter

    async def GetOrder(  # noqa: N802  # the contract's name
        self, request: order_pb2.GetOrderRequest, context: Context
    ) -> order_pb2.GetOrderResponse:
        """The order as it stands."""
        call = current.get()
        placed = await self._submitter.order(from_proto.order_id(request), call.buyer_id)
        response = order_pb2.GetOrderResponse(trace_id=call.trace_id)
        fill_placed(response, placed)
        fill_shipments(response, placed)
        return response

    async def PayStage(  # noqa: N802  # the contract's name
        self, request: order_pb2.PayStageRequest, context: Context
    ) -> order_pb2.PayStageResponse:
        """The order, and the stage's payment."""
        return await pay_stage(self._submitter, request)


async def pay_stage(submitter: PaysStages, request: order_pb2.PayStageRequest) -> order_pb2.PayStageResponse:
    """Orders in stages are the new stack's: no other takes them."""
    call = current.get()
    placed = await submitter.pay_stage(from_proto.stage_payment(request), call.buyer_id, call.deadline)
    response = order_pb2.PayStageResponse(trace_id=call.trace_id)
    fill_placed(response, placed)
    return response
