"""The standard health service, with watches that end when the server drains."""

import asyncio
from contextlib import suppress
from typing import Any

import grpc
from grpc_health.v1._async import HealthServicer  # public as health.aio, which mypy cannot see
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

_TELL_SECONDS = 1.0
"""For an open watch to be told NOT_SERVING before it ends, at most: its client may not be reading."""


class _Telling:
    """A watch's context. ``told`` is set while the last that was said is that the service does not serve."""

    def __init__(self, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        self._context = context
        self.told = asyncio.Event()

    async def write(self, response: HealthCheckResponse) -> None:
        await self._context.write(response)
        if response.status == HealthCheckResponse.SERVING:
            self.told.clear()
        else:
            self.told.set()


class DrainingHealth(HealthServicer):
    """An open Watch would hold ``server.stop(grace)`` for the whole grace; here it ends as soon as it was told."""

    def __init__(self) -> None:
        super().__init__()
        self._drained = asyncio.Event()

    async def drain(self) -> None:
        """Say NOT_SERVING from now on, and end the watches."""
        await self.enter_graceful_shutdown()
        self._drained.set()

    async def Watch(  # noqa: N802  # the contract's name
        self, request: HealthCheckRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> None:
        """Tell each change until the client leaves or the server drains."""
        telling = _Telling(context)
        watching = asyncio.ensure_future(super().Watch(request, telling))
        ending = asyncio.ensure_future(self._over(telling.told))
        try:
            await asyncio.wait({watching, ending}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            watching.cancel()
            ending.cancel()
            await asyncio.gather(watching, ending, return_exceptions=True)

    async def _over(self, told: asyncio.Event) -> None:
        """Until the server drains and a watch was told so."""
        await self._drained.wait()
        with suppress(TimeoutError):
            await asyncio.wait_for(told.wait(), _TELL_SECONDS)
