"""A carrier that speaks gRPC, on loopback: well, or in one of the ways in which carriers fail or lie."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, Self

import grpc

from crossborder.carrier.v1 import carrier_pb2

SERVICE = "crossborder.carrier.v1.CarrierService"
SLOW = 0.3
_NEVER = 3600.0
_HUGE = 10 << 20
Context = grpc.aio.ServicerContext[bytes, bytes]
Handler = Callable[[bytes, Context], Awaitable[bytes]]


class GrpcCarrier:
    """``mode`` says how it answers, ``prices`` what it asks for each service, in fen; ``seen`` what it was asked.

    Its price of a parcel is the service's, and a fen for ten grams. ``more`` are further methods, on bytes.
    """

    def __init__(self, mode: str = "well", more: Mapping[str, Handler] | None = None) -> None:
        self.mode = mode
        self.prices = {"STANDARD": 2600, "SAVER": 1900}
        self.seen: list[carrier_pb2.QuoteRequest] = []
        self.metadata: list[dict[str, Any]] = []
        self.target = ""
        self._server = grpc.aio.server()
        handlers: dict[str, Any] = {
            name: grpc.unary_unary_rpc_method_handler(handler)
            for name, handler in {"Quote": self._quote, **(more or {})}.items()
        }
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))

    async def __aenter__(self) -> Self:
        self.target = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        await self._server.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._server.stop(None)

    @property
    def url(self) -> str:
        return f"grpc://{self.target}"

    @property
    def calls(self) -> int:
        return len(self.seen)

    async def _quote(self, raw: bytes, context: Context) -> bytes:
        request = carrier_pb2.QuoteRequest.FromString(raw)
        self.seen.append(request)
        self.metadata.append(dict(context.invocation_metadata() or ()))
        if self.mode == "never":
            await asyncio.sleep(_NEVER)
        if self.mode == "slow":
            await asyncio.sleep(SLOW)
        if self.mode == "broken":
            await context.abort(grpc.StatusCode.INTERNAL, "out of order: secret-of-the-carrier")
        if self.mode == "garbage":
            return b"\xff\xff not a message"
        answer = self.answer(request)
        if self.mode == "huge":
            answer.prices.add(service="x" * _HUGE)
        if change := _CHANGES.get(self.mode):
            change(answer)
        return answer.SerializeToString()

    def answer(self, request: carrier_pb2.QuoteRequest) -> carrier_pb2.QuoteResponse:
        answer = carrier_pb2.QuoteResponse(currency="CNY")
        for parcel in request.parcels:
            for service, price in self.prices.items():
                answer.prices.add(
                    parcel_id=parcel.parcel_id,
                    service=service,
                    amount=price + parcel.weight_g // 10,
                    transit_minimum=3,
                    transit_maximum=6,
                )
        return answer


def _first(**fields: Any) -> Callable[[carrier_pb2.QuoteResponse], object]:
    return lambda answer: answer.prices[0].MergeFrom(carrier_pb2.Price(**fields))


_CHANGES: dict[str, Callable[[carrier_pb2.QuoteResponse], object]] = {
    "negative": _first(amount=-500),
    "absurd": _first(amount=1 << 60),
    "unknown parcel": _first(parcel_id="p-somebody-else's"),
    "currency": lambda answer: setattr(answer, "currency", "USD"),
    "no currency": lambda answer: answer.ClearField("currency"),
    "no service": lambda answer: answer.prices[0].ClearField("service"),
    "odd days": _first(transit_minimum=99),
}

MODES = ("well", "slow", "never", "broken", "garbage", "huge", *_CHANGES)
