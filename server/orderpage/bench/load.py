"""The load: calls over one channel, each request already serialised; some at a time, or so many a second."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager

import grpc
import msgspec

from crossborder.checkout.v1 import order_page_pb2

_SERVICE = order_page_pb2.DESCRIPTOR.services_by_name["OrderPageService"].full_name
_TIMEOUT = 30.0


class CallFailed(Exception):
    """A call of the load was not answered as it should be. The message holds what the server said."""


class Sent(msgspec.Struct, frozen=True):
    """One call to be made: a serialised request, and who sends it."""

    request: bytes
    buyer_id: str


class Burst(msgspec.Struct, frozen=True):
    """What a burst of calls saw: seconds in all; each call's latency and serialised answer, in the order of calls."""

    seconds: float
    latencies: tuple[float, ...]
    answers: tuple[bytes, ...]


class Load:
    """Sends calls of the order page's methods, some at a time."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._methods: dict[str, Callable[..., Awaitable[bytes]]] = {
            name: channel.unary_unary(f"/{_SERVICE}/{name}") for name in ("Render", "Submit")
        }

    async def burst(self, method: str, calls: Sequence[Sent], in_flight: int) -> Burst:
        """All of ``calls``, ``in_flight`` at a time. Raises ``CallFailed`` for the first that is refused."""
        left = iter(enumerate(calls))
        started = time.perf_counter()
        loops = await asyncio.gather(*(_loop(self._methods[method], left) for _ in range(in_flight)))
        seconds = time.perf_counter() - started
        seen = sorted(each for loop in loops for each in loop)
        return Burst(seconds, tuple(each[1] for each in seen), tuple(each[2] for each in seen))

    async def steady(self, method: str, calls: Sequence[Sent], rate: float) -> Burst:
        """All of ``calls``, ``rate`` a second, however slowly they are answered. Raises as ``burst``.

        A latency counts from when its call was due: one that had to wait for its turn has waited.
        """
        started = time.perf_counter()
        under_way = []
        for index, sent in enumerate(calls):
            due = started + index / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            under_way.append(asyncio.create_task(_timed(self._methods[method], sent, due)))
        seen = await asyncio.gather(*under_way)
        return Burst(time.perf_counter() - started, tuple(each[0] for each in seen), tuple(each[1] for each in seen))


async def _loop(
    call: Callable[..., Awaitable[bytes]], left: Iterator[tuple[int, Sent]]
) -> list[tuple[int, float, bytes]]:
    return [(index, *await _timed(call, sent, time.perf_counter())) for index, sent in left]


async def _timed(call: Callable[..., Awaitable[bytes]], sent: Sent, since: float) -> tuple[float, bytes]:
    """Seconds from ``since`` until the answer, and the answer."""
    metadata = (("authorization", f"Bearer demo:{sent.buyer_id}"),)
    try:
        answer = await call(sent.request, timeout=_TIMEOUT, metadata=metadata)
    except grpc.aio.AioRpcError as error:
        raise CallFailed(
            f"the measured server answered {error.code().name}: {error.details()}; where machine or disk are "
            "too busy for the service's own time limits, measure again when they are not"
        ) from error
    return time.perf_counter() - since, answer


@asynccontextmanager
async def load_on(port: int) -> AsyncIterator[Load]:
    """A load on a server of this machine."""
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield Load(channel)
