"""Fixtures of the end-to-end tests: a server process for a module, or a service in this process with its own clock."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from tests.e2e import live
from tests.e2e.collector import Collector
from tests.e2e.live import Client, Server

NOW = datetime(2026, 11, 23, 2, tzinfo=UTC)
"""10:00 in Hong Kong and Singapore, on a Monday, well before the 16:00 cut-off."""


class Clock:
    """A clock that stands still until it is told to move."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> None:
        self.now += timedelta(**by)


class Shop:
    """A service in this process: ``clock`` is its time, ``client`` a buyer at its port, ``service`` its parts."""

    def __init__(self, clock: Clock, client: Client, service: Any, database: Path) -> None:
        self.clock = clock
        self.client = client
        self.service = service
        self.database = database


@pytest.fixture(scope="session")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the demo data, to be copied."""
    return live.make_database(tmp_path_factory.mktemp("loaded"))


@pytest.fixture(scope="module")
def server(loaded: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server process for the tests of a module; it must have had a quiet life."""
    folder = tmp_path_factory.mktemp("server")
    journal = str(folder / "payments.jsonl")
    with Server(folder, live.copy_database(loaded, folder), payments_journal=journal) as started:
        yield started
        started.stop()


@pytest.fixture
async def client(server: Server) -> AsyncIterator[Client]:
    """The demo buyer at the module's server."""
    async with grpc.aio.insecure_channel(server.address, options=live.CHANNEL) as channel:
        yield Client(channel)


@pytest.fixture
def own_server(loaded: Path, tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """A server process for one test, on a database of its own: to be ended by the test, or killed after it."""
    made: list[Server] = []

    def start(**settings: str) -> Server:
        made.append(Server(tmp_path, live.copy_database(loaded, tmp_path), **settings))
        return made[-1].start()

    yield start
    for one in made:
        one.kill()


@pytest.fixture
def connect() -> Callable[..., AbstractAsyncContextManager[Client]]:
    """Be a buyer at a server."""

    @asynccontextmanager
    async def to(server: Server, buyer: str = "b-demo") -> AsyncIterator[Client]:
        async with grpc.aio.insecure_channel(server.address, options=live.CHANNEL) as channel:
            yield Client(channel, buyer)

    return to


@pytest.fixture
async def shop(loaded: Path, tmp_path: Path) -> AsyncIterator[Shop]:
    """A service in this process at a fixed moment, behind a real port."""
    async with open_shop(loaded, tmp_path) as opened:
        yield opened


@asynccontextmanager
async def open_shop(loaded: Path, folder: Path, **more: Any) -> AsyncIterator[Shop]:
    """The same for longer than a test. ``more`` are settings."""
    from orderpage.api.server import ServerOptions, build_server
    from orderpage.bootstrap import open_service
    from orderpage.settings import ServerSettings

    clock, database = Clock(), live.copy_database(loaded, folder)
    settings = ServerSettings(database=live.url_of(database), quote_keys=live.KEYS, sweep_ms=50, relay_ms=50, **more)
    async with open_service(settings, clock) as service:
        options = ServerOptions(address="127.0.0.1:0")
        server = build_server(service.renderer, service.submitter, service.authenticator, options)
        await server.start()
        try:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}", options=live.CHANNEL) as channel:
                yield Shop(clock, Client(channel), service, database)
        finally:
            await server.stop(2.0)


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as listening:
        yield listening


@pytest.fixture
def tracing_shop(loaded: Path, tmp_path: Path) -> Callable[..., Any]:
    """A service in this process at a fixed moment, behind a real port, with the given settings."""
    from orderpage.api.server import ServerOptions
    from orderpage.bootstrap import open_service, server_of
    from orderpage.settings import ServerSettings

    @asynccontextmanager
    async def start(**settings: Any) -> AsyncIterator[Client]:
        database = live.url_of(live.copy_database(loaded, tmp_path))
        async with open_service(
            ServerSettings(database=database, quote_keys=live.KEYS, **settings), Clock()
        ) as service:
            server = server_of(service, ServerOptions(address="127.0.0.1:0"))
            await server.start()
            try:
                async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}", options=live.CHANNEL) as channel:
                    yield Client(channel)
            finally:
                await server.stop(2.0)

    return start
