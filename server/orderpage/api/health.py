"""The standard health service, with watches that end when the server drains."""

import asyncio
from typing import Any

import grpc
from grpc_health.v1._async import HealthServicer  # public as health.aio, which mypy cannot see
from grpc_health.v1.health_pb2 import HealthCheckRequest

_TELL_SECONDS = 0.05
"""For the open watches to be told NOT_SERVING before they end."""


class DrainingHealth(HealthServicer):
    """An open Watch would hold ``server.stop(grace)`` for the whole grace; here it ends as soon as it was told."""

    def __init__(self) -> None:
        super().__init__()
        self._drained = asyncio.Event()

    async def drain(self) -> None:
        """Say NOT_SERVING from now on, and end the watches."""
        await self.enter_graceful_shutdown()
        await asyncio.sleep(_TELL_SECONDS)
        self._drained.set()

    async def Watch(  # noqa: N802  # the contract's name
        self, request: HealthCheckRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> None:
        """Tell each change until the client leaves or the server drains."""
        watching = asyncio.ensure_future(super().Watch(request, context))
        drained = asyncio.ensure_future(self._drained.wait())
        try:
            await asyncio.wait({watching, drained}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            watching.cancel()
            drained.cancel()
            await asyncio.gather(watching, drained, return_exceptions=True)
