"""What a server must not import: every module that it holds, each of its workers holds too."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from tests.e2e import live
from tests.e2e.live import Client, Server
from tests.e2e.test_postgres import make_database
from tests.postgres import PostgresServer

ConnectTo = Callable[..., AbstractAsyncContextManager[Client]]
CART = ("SG", ("bok-notebook-a5", 2))

NEVER = (
    "typer", "click", "rich.console", "pygments", "pydantic",  # other commands'
    "alembic", "mako", "orderpage.adapters.sql.migrate", "orderpage.adapters.sql.load",  # migrate and load
    "orderpage.bench", "orderpage.testing", "orderpage.cli.commands", "orderpage_legacy",
    "opentelemetry", "prometheus_client", "wsgiref", "orderpage.telemetry.metrics_serve",  # off unless they are set
    "holidays.countries.france", "holidays.financial",  # no layer's destination
    "aiohttp",  # no carrier speaks HTTP
    "pytest", "hypothesis", "multiprocessing", "concurrent.futures.process",
)  # fmt: skip
SQLITE_ALONE = ("orderpage.adapters.sql.sqlite_database",)
POSTGRESQL_ALONE = ("asyncpg", "sqlalchemy.ext.asyncio", "orderpage.adapters.sql.postgres_database")


def imported(server: Server) -> set[str]:
    """Every module imported in the server's life, by the interpreter's own report."""
    lines = server.log.read_text("utf-8").splitlines()
    names = {line.rpartition("|")[2].strip() for line in lines if line.startswith("import time:")}
    assert {"grpc", "orderpage.bootstrap"} <= names, "the report is there"
    return names


def found(names: Iterable[str], forbidden: Iterable[str]) -> list[str]:
    unwanted = tuple(forbidden)
    return sorted(name for name in names if name in unwanted or name.startswith(tuple(f"{it}." for it in unwanted)))


async def order_from(server: Server, connect: ConnectTo) -> None:
    """Whatever is imported only when it is needed has been needed then."""
    page = live.page_of(*CART)
    async with connect(server) as client:
        await client.submit(live.submission(page, await client.render(page)))
    server.signal(signal.SIGTERM)
    assert await asyncio.to_thread(server.wait) == 0


@pytest.fixture(autouse=True)
def report_imports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPROFILEIMPORTTIME", "1")


async def test_a_server_on_sqlite(own_server: Callable[..., Server], connect: ConnectTo) -> None:
    server = own_server()
    await order_from(server, connect)
    assert found(imported(server), (*NEVER, *POSTGRESQL_ALONE)) == []


async def test_workers_on_postgresql(postgres: PostgresServer, connect: ConnectTo, tmp_path: Path) -> None:
    url = await asyncio.to_thread(make_database, postgres, tmp_path)
    with Server(tmp_path, url=url, workers="2") as server:
        await order_from(server, connect)
    assert found(imported(server), (*NEVER, *SQLITE_ALONE)) == []


def test_the_process_that_watches_workers_holds_next_to_nothing() -> None:
    code = "import sys, orderpage.cli.serve, orderpage.logging, orderpage.cli.workers; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert found(done.stdout.split(), (*NEVER, "grpc", "sqlalchemy", "google", "uvloop", "orderpage.points")) == []
