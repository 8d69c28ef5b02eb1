"""The real ``orderpage serve`` in front of the real ``orderpage legacy``, and the flags between them."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.request import urlopen

import grpc

from crossborder.checkout.v1 import order_page_pb2, order_page_pb2_grpc
from orderpage.api.errors import grpc_code
from orderpage.bench.load import CallFailed
from orderpage.bench.serve.account import cpu_seconds
from orderpage.bench.serve.served import Served, served
from orderpage.bench.traffic.rules import whole, write_flags
from orderpage.domain.problem import Code
from orderpage.migration.flags.rules import Route, Rules
from orderpage.migration.scope import Scope
from orderpage.telemetry.metrics import SHADOWED

_SECONDS = 30.0
_PATIENCE = 600.0
_LOOK = 0.05
_TOO_OLD = grpc_code(Code.CLIENT_VERSION_LOW)
_TOLD = re.compile(rf'^{SHADOWED.name}_total{{outcome="(\w+)"}} (\S+)$', re.MULTILINE)


class Front:
    """Both servers. ``server`` is ours, the one that is asked."""

    def __init__(self, server: Served, legacy: Served, flags: Path, channel: grpc.aio.Channel) -> None:
        self.server = server
        self.legacy = legacy
        self._flags = flags
        self._pages = order_page_pb2_grpc.OrderPageServiceStub(channel)
        self._edition = 0
        self._route = Route.LEGACY
        self._to_compare = 0

    async def send(self, route: Route, probe: order_page_pb2.RenderRequest) -> None:
        """Send every checkout that way, once the server has finished comparing. Returns when that is in force.

        Each edition of the flags refuses a client version of its own, 0.0.1 and so on, which no cart of the load has: a
        ``probe`` of that version tells.
        """
        await self.caught_up()
        self._edition += 1
        version = f"0.0.{self._edition}"
        write_flags(self._flags, _edition(route, version))
        asked = order_page_pb2.RenderRequest(page=probe.page)
        asked.page.client_version = version
        async with asyncio.timeout(_SECONDS):
            while not await self._refuses(asked):
                self.answered(1)
                await asyncio.sleep(_LOOK)
        self._route = route
        await self.caught_up()

    def answered(self, calls: int) -> None:
        """Note calls that were made: under ``shadow`` they are to be compared."""
        if self._route is Route.SHADOW:
            self._to_compare += calls

    async def shadowed(self) -> Mapping[str, int]:
        """What became of them, by outcome, since the start."""
        url = f"http://127.0.0.1:{self.server.metrics_port}/metrics"
        text = await asyncio.to_thread(lambda: urlopen(url, timeout=_SECONDS).read().decode())
        return {name: int(float(value)) for name, value in _TOLD.findall(text)}

    async def caught_up(self) -> None:
        """Wait until everything that was to be compared is compared, or dropped. Raises ``CallFailed``."""
        try:
            async with asyncio.timeout(_PATIENCE):
                while sum((await self.shadowed()).values()) < self._to_compare:  # noqa: ASYNC110  # it is another's
                    await asyncio.sleep(_LOOK)
        except TimeoutError:
            raise CallFailed(
                f"the comparing process is still not done after {_PATIENCE:.0f} s; it runs only when nothing else "
                "wants to, so measure again when the machine has time for it"
            ) from None

    def cpu_seconds(self) -> float:
        """What our server has used so far."""
        return cpu_seconds(self.server.pid)

    async def _refuses(self, asked: order_page_pb2.RenderRequest) -> bool:
        try:
            await self._pages.Render(asked, timeout=_SECONDS, metadata=(("authorization", "Bearer demo:b-probe"),))
        except grpc.aio.AioRpcError as error:
            if error.code().value[0] != _TOO_OLD:
                raise
            return True
        return False


@asynccontextmanager
async def front(old_url: str, new_url: str, folder: Path) -> AsyncIterator[Front]:
    """The legacy page on its database, and our server on another. Both end with the block. Raises as ``served``."""
    flags = folder / "flags.json"
    write_flags(flags, _edition(Route.LEGACY, "0.0.0"))
    async with served({"database": old_url}, command="legacy") as legacy:
        settings = {"database": new_url, "flags": str(flags), "legacy": legacy.address, "metrics": "127.0.0.1:0"}
        async with served(settings) as server, grpc.aio.insecure_channel(server.address) as channel:
            yield Front(server, legacy, flags, channel)


def _edition(route: Route, refused: str) -> Rules:
    return Rules.of((whole(Scope(), Route.REFUSED, f"={refused}"), whole(Scope(), route)))
