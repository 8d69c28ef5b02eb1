"""The gRPC server: services, guard, health and reflection, from bind to drain."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import grpc
import msgspec
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from crossborder.checkout.v1 import order_page_pb2, order_page_pb2_grpc, order_pb2, order_pb2_grpc
from orderpage.api.call import CallObserver
from orderpage.api.health import DrainingHealth
from orderpage.api.interceptors import CallGuard
from orderpage.api.servicers import OrderPageServicer, OrderServicer, Renders, Submits
from orderpage.ports import Authenticator
from orderpage.telemetry.tracing import Tracer

SERVICES = (
    order_page_pb2.DESCRIPTOR.services_by_name["OrderPageService"].full_name,
    order_pb2.DESCRIPTOR.services_by_name["OrderService"].full_name,
)


_HAND_OVER_SECONDS = 0.4
"""How long calls are still taken after the last answer: longer than its client takes to send the next."""

_LONGEST_HOLD_SECONDS = 3.0
"""So that one slow call does not keep those behind it waiting."""

_SHUT_SECONDS = 0.02


class CannotListen(Exception):
    """The address cannot be bound. The message says which, why and what to do."""


class ServerOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How the server listens. ``address`` is host:port, port 0 for any that is free; times in seconds.

    ``max_in_flight`` calls are answered at once, the next are shed. ``reuse_port`` lets several processes share a port;
    without it a second bind fails, as it should.
    """

    address: str = "127.0.0.1:50051"
    max_in_flight: int = 256
    max_deadline: float = 300.0
    max_request_bytes: int = 1 << 20
    reuse_port: bool = False


class OrderPageServer:
    """A bound server. ``port`` is the one it listens on."""

    def __init__(self, server: grpc.aio.Server, health: DrainingHealth, guard: CallGuard, port: int) -> None:
        self._server = server
        self._health = health
        self.guard = guard
        self.port = port

    async def start(self) -> None:
        """Answer calls."""
        await self._server.start()
        for name in SERVICES:
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)

    async def stop(self, grace: float) -> None:
        """Say NOT_SERVING, take no new call, and let those under way finish within ``grace`` seconds.

        gRPC cancels calls that it has received and not yet handed to us when it shuts the door. So those that come
        last are held for a moment: their clients wait, send nothing new, and are answered once the door is shut.
        """
        await self._health.drain()
        self.guard.hold()
        await self._answer_those_under_way(min(_LONGEST_HOLD_SECONDS, grace / 2))
        stopping = asyncio.create_task(self._server.stop(grace))
        await asyncio.sleep(_SHUT_SECONDS)
        self.guard.release()
        await stopping

    async def _answer_those_under_way(self, seconds: float) -> None:
        """Until the last is answered and its client has had time to send the next; at most so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.guard.in_flight:  # noqa: ASYNC110  # the guard counts for every call; this waits once
                    await asyncio.sleep(_SHUT_SECONDS)
                await asyncio.sleep(_HAND_OVER_SECONDS)

    async def serve_until(self, stop: asyncio.Event, grace: float) -> None:
        """Answer calls until ``stop`` is set, then drain."""
        await self.start()
        try:
            await stop.wait()
        finally:
            await self.stop(grace)


def build_server(
    renderer: Renders,
    submitter: Submits,
    authenticator: Authenticator,
    options: ServerOptions,
    observer: CallObserver | None = None,
    tracer: Tracer | None = None,
) -> OrderPageServer:
    """Bind the server, not yet started. Call it inside the event loop that will serve. Raises ``CannotListen``."""
    pages, orders = OrderPageServicer(renderer, submitter), OrderServicer(submitter)
    return serve_with(pages, orders, authenticator, options, observer, tracer)


def serve_with(
    pages: order_page_pb2_grpc.OrderPageServiceServicer,
    orders: order_pb2_grpc.OrderServiceServicer,
    authenticator: Authenticator,
    options: ServerOptions,
    observer: CallObserver | None = None,
    tracer: Tracer | None = None,
) -> OrderPageServer:
    """The same server around any servicers of the contract: guard, health, reflection and limits are the server's."""
    guard = CallGuard(
        authenticator,
        max_in_flight=options.max_in_flight,
        max_deadline=options.max_deadline,
        observer=observer,
        tracer=tracer,
    )
    server = grpc.aio.server(
        interceptors=(guard,),
        options=_channel_options(options),
        # Above the guard's own limit, because this one refuses health checks too.
        maximum_concurrent_rpcs=4 * options.max_in_flight + 64,
    )
    health = DrainingHealth()
    order_page_pb2_grpc.add_OrderPageServiceServicer_to_server(pages, server)
    order_pb2_grpc.add_OrderServiceServicer_to_server(orders, server)
    health_pb2_grpc.add_HealthServicer_to_server(health, server)  # type: ignore[no-untyped-call]
    names = (*SERVICES, health_pb2.DESCRIPTOR.services_by_name["Health"].full_name, reflection.SERVICE_NAME)
    reflection.enable_server_reflection(names, server)  # type: ignore[no-untyped-call]
    return OrderPageServer(server, health, guard, _bind(server, options.address))


def _bind(server: grpc.aio.Server, address: str) -> int:
    try:
        port = server.add_insecure_port(address)
    except RuntimeError as error:
        port, cause = 0, error
    else:
        cause = RuntimeError()
    if not port:
        raise CannotListen(
            f"cannot listen on {address}: it is in use, or no address of this machine; "
            "stop what listens there or choose another (port 0 takes any that is free)"
        ) from cause
    return port


def _channel_options(options: ServerOptions) -> Sequence[tuple[str, int]]:
    return (
        ("grpc.so_reuseport", int(options.reuse_port)),
        ("grpc.max_receive_message_length", options.max_request_bytes),
        ("grpc.keepalive_time_ms", 60_000),
        ("grpc.keepalive_timeout_ms", 10_000),
        ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    )
