"""The legacy order page over gRPC: any server of ``crossborder.checkout.v1``."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from crossborder.checkout.v1 import order_page_pb2, order_page_pb2_grpc, order_pb2, order_pb2_grpc
from orderpage.domain.problem import Code, refuse
from orderpage.migration.legacy import LegacyCall, LegacyFailed, LegacyRefused

Answer = TypeVar("Answer", bound=Message)

_OPTIONS = (
    # A refusal may carry a whole page in its trailers.
    ("grpc.max_metadata_size", 524_288),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    # Whether to try again is for the client to say: it knows whether the call may be repeated.
    ("grpc.enable_retries", 0),
)


_ITS_WORD = frozenset(
    {
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.ALREADY_EXISTS,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.UNAUTHENTICATED,
    }
)
"""Without details, only these are said to a caller: the others are failures."""


class GrpcLegacy:
    """``LegacyPort`` at an address. The channel connects by itself, and again after a break."""

    def __init__(self, address: str) -> None:
        self._channel = grpc.aio.insecure_channel(address, options=_OPTIONS)
        self._pages = order_page_pb2_grpc.OrderPageServiceStub(self._channel)
        self._orders = order_pb2_grpc.OrderServiceStub(self._channel)

    async def render(self, request: order_page_pb2.RenderRequest, call: LegacyCall) -> order_page_pb2.RenderResponse:
        """As ``LegacyPort.render``."""
        return await _ask(self._pages.Render, request, call)

    async def submit(self, request: order_page_pb2.SubmitRequest, call: LegacyCall) -> order_page_pb2.SubmitResponse:
        """As ``LegacyPort.submit``."""
        return await _ask(self._pages.Submit, request, call)

    async def get_order(self, request: order_pb2.GetOrderRequest, call: LegacyCall) -> order_pb2.GetOrderResponse:
        """As ``LegacyPort.get_order``."""
        return await _ask(self._orders.GetOrder, request, call)

    async def close(self) -> None:
        """Close the channel."""
        await self._channel.close()


async def _ask(method: Callable[..., Awaitable[Answer]], request: Message, call: LegacyCall) -> Answer:
    remaining = call.deadline - time.monotonic()
    if remaining <= 0:
        raise TimeoutError
    try:
        return await method(request, timeout=remaining, metadata=call.metadata)
    except grpc.aio.AioRpcError as error:
        raise _said(error) from None
    except asyncio.CancelledError:
        raise  # ours: the client went away, or the server stops


def _said(error: grpc.aio.AioRpcError) -> Exception:
    """What a failed call comes to. Only a status with details is the legacy stack's own word."""
    code, status = error.code(), _details(error)
    if status is not None and status.details:
        return LegacyRefused(status)
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return TimeoutError()
    if code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED):
        return refuse(Code.UP_DEGRADED, "the order page that serves this checkout does not answer; try again shortly")
    if code in _ITS_WORD:
        return LegacyRefused(Status(code=code.value[0], message=error.details() or ""))
    # Whatever went wrong there, its text is for our log and not for buyers.
    return LegacyFailed(f"the legacy page answered {code.name}: {error.details()}")


def _details(error: grpc.aio.AioRpcError) -> Status | None:
    try:
        found: Any = rpc_status.from_call(error)  # type: ignore[no-untyped-call]
    except ValueError:  # its parts contradict one another
        return None
    return found  # type: ignore[no-any-return]
