"""The old page beside ours: in one process on the same memory, or as two services on two databases over the wire."""

import random
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import grpc
import pytest
from msgspec.structs import replace
from tests.carts import generate_requests
from tests.e2e import live
from tests.e2e.live import Client

from crossborder.checkout.v1.order_page_pb2 import RenderResponse
from orderpage.api.from_proto import render_request
from orderpage.api.server import OrderPageServer, ServerOptions, build_server
from orderpage.api.to_proto import render_response
from orderpage.bootstrap import open_service
from orderpage.ports import Ports
from orderpage.request import RenderRequest
from orderpage.settings import ServerSettings
from orderpage.stand_in import open_stand_in
from orderpage_legacy.page import LegacyPages
from orderpage_legacy.stand_in import StandIn

SECONDS = 30.0
KEY = b"0123456789abcdef" * 2


class Pages:
    """Both pages over the same memory at the same moment."""

    def __init__(self, demo: Any) -> None:
        self.world = demo.world()
        self._ports = Ports(self.world.ports, self.world.ports, self.world.ports)

    def at(self, now: datetime) -> "Pages":
        """At that moment, from now on."""
        self.world.clock.now = now
        return self

    async def ours(self, request: RenderRequest, buyer: str = "b-1") -> RenderResponse:
        return render_response(await self.world.render(request, buyer))

    async def old(self, request: RenderRequest, buyer: str = "b-1", *bugs: str) -> RenderResponse:
        response = RenderResponse()
        pages = LegacyPages(self._ports, KEY, frozenset(bugs))
        await pages.fill(response, request, buyer, self.world.clock.now, time.monotonic() + SECONDS)
        return response


class Systems:
    """Two services on loopback, each on a database of its own, with one clock."""

    def __init__(self, clock: Any, ours: Client, old: Client, databases: tuple[Path, Path]) -> None:
        self.clock = clock
        self.ours = ours
        self.old = old
        self.databases = databases

    def as_buyer(self, buyer: str) -> tuple[Client, Client]:
        return self.ours.as_buyer(buyer), self.old.as_buyer(buyer)


Start = Callable[..., AbstractAsyncContextManager[Systems]]


@pytest.fixture
def pages(demo: Any) -> Pages:
    return Pages(demo)


@pytest.fixture(scope="session")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the demo data, to be copied."""
    return live.make_database(tmp_path_factory.mktemp("loaded"))


@pytest.fixture
def start(loaded: Path, tmp_path: Path, demo: Any) -> Start:
    """Both systems; ``bugs`` are the old one's, and ``made`` is told of its servicer's further arguments."""

    @asynccontextmanager
    async def run(*bugs: str, **more: Any) -> AsyncIterator[Systems]:
        clock, folders = demo.Clock(), (tmp_path / "ours", tmp_path / "old")
        for folder in folders:
            folder.mkdir()
        databases = tuple(live.copy_database(loaded, folder) for folder in folders)
        new, old = (
            ServerSettings(database=live.url_of(file), quote_keys=live.KEYS, sweep_ms=50, relay_ms=50)
            for file in databases
        )

        def make(*args: Any) -> StandIn:
            return StandIn(*args, **more)

        make.BUGS = StandIn.BUGS  # type: ignore[attr-defined]
        async with open_service(new, clock) as service, open_stand_in(make, old, bugs, clock) as stand_in:  # type: ignore[arg-type]
            options = ServerOptions(address="127.0.0.1:0")
            server = build_server(service.renderer, service.submitter, service.authenticator, options)
            async with _serving(server) as ours, _serving(stand_in.server(options)) as theirs:
                yield Systems(clock, ours, theirs, (databases[0], databases[1]))

    return run


@asynccontextmanager
async def _serving(server: OrderPageServer) -> AsyncIterator[Client]:
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}", options=live.CHANNEL) as channel:
            yield Client(channel)
    finally:
        await server.stop(2.0)


def carts(site: str, count: int, seed: int) -> Iterator[tuple[str, RenderRequest, random.Random]]:
    """Generated buyers and checked requests, with chance for what a test does to them."""
    for number, (buyer, message) in enumerate(generate_requests(site, count, seed)):
        yield buyer, render_request(message), random.Random(f"{site}:{seed}:{number}:more")


def choose(request: RenderRequest, shown: RenderResponse, chance: random.Random) -> RenderRequest:
    """Some method for each parcel shown, now and then one that nobody offers."""
    wanted: Mapping[str, str] = {
        parcel.parcel_id: chance.choice(
            [option.method for option in parcel.options] + ["GONE"] * (chance.random() < 0.1)
        )
        for parcel in shown.page.parcels
        if parcel.options
    }
    return replace(request, selections=wanted)
