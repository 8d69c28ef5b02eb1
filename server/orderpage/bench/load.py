"""The load: a closed loop of calls over one channel, the request already serialised."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager

import grpc
import msgspec

from crossborder.checkout.v1 import order_page_pb2

METHOD = f"/{order_page_pb2.DESCRIPTOR.services_by_name['OrderPageService'].full_name}/Render"
_TIMEOUT = 30.0


class Burst(msgspec.Struct, frozen=True):
    """What a burst of calls saw: seconds in all, and each call's."""

    seconds: float
    latencies: tuple[float, ...]


class Load:
    """Sends one request again and again, ``in_flight`` calls at a time."""

    def __init__(self, channel: grpc.aio.Channel, request: bytes, buyer_id: str, in_flight: int) -> None:
        self._call: Callable[..., Awaitable[bytes]] = channel.unary_unary(METHOD)
        self._request = request
        self._metadata = (("authorization", f"Bearer demo:{buyer_id}"),)
        self._in_flight = in_flight

    async def burst(self, calls: int) -> Burst:
        """So many calls. Raises ``grpc.aio.AioRpcError`` for the first that fails."""
        left = iter(range(calls))
        started = time.perf_counter()
        latencies = await asyncio.gather(*(self._loop(left) for _ in range(self._in_flight)))
        seconds = time.perf_counter() - started
        return Burst(seconds, tuple(latency for each in latencies for latency in each))

    async def _loop(self, left: Iterator[int]) -> list[float]:
        latencies = []
        for _ in left:
            started = time.perf_counter()
            await self._call(self._request, timeout=_TIMEOUT, metadata=self._metadata)
            latencies.append(time.perf_counter() - started)
        return latencies


@asynccontextmanager
async def load_on(port: int, request: bytes, buyer_id: str, in_flight: int) -> AsyncIterator[Load]:
    """A load on a server of this machine."""
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield Load(channel, request, buyer_id, in_flight)
