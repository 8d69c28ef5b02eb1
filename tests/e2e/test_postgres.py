"""The server on PostgreSQL, by the real commands: as on SQLite, two of them at once, and through an outage."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from tests.e2e import live
from tests.e2e.live import Client, Server, refused
from tests.postgres import PostgresServer

from orderpage.cli.demo import demo_folder

CART = ("SG", ("bok-notebook-a5", 2))
ConnectTo = Callable[..., AbstractAsyncContextManager[Client]]


def make_database(postgres: PostgresServer, folder: Path) -> str:
    """The URL of a database made by the commands ``migrate`` and ``load``."""
    url, files = postgres.url(postgres.create()), []
    for file in demo_folder().iterdir():
        if file.name.endswith(".yaml"):
            files.append(str(folder / file.name))
            (folder / file.name).write_text(file.read_text("utf-8"), "utf-8")
    for arguments in (["migrate"], ["load", *files]):
        done = live.run(*arguments, database=url)
        assert done.returncode == 0, done.stderr
    return url


async def test_a_page_becomes_one_order_whichever_server_is_asked(
    postgres: PostgresServer, connect: ConnectTo, tmp_path: Path
) -> None:
    url, page = await asyncio.to_thread(make_database, postgres, tmp_path), live.page_of(*CART)
    with Server(tmp_path, url=url) as one, Server(tmp_path, url=url) as other:
        async with connect(one) as here, connect(other) as there:
            rendered = await here.render(page)
            live.check_sums(rendered)
            request = live.submission(page, rendered)
            first, again = await asyncio.gather(here.submit(request), there.submit(request))
            assert (again.order, again.payment) == (first.order, first.payment)
            assert (await there.order(first.order.order_id)).order == first.order
            refusal = await refused(there.submit(live.submission(page, rendered)))
            assert refusal.reason == "ORDER_DUPLICATE"
        for server in (one, other):
            server.stop()


async def test_an_outage_is_told_as_such_and_ends_when_the_database_is_back(
    own_postgres: PostgresServer, connect: ConnectTo, tmp_path: Path
) -> None:
    url, page = await asyncio.to_thread(make_database, own_postgres, tmp_path), live.page_of(*CART)
    with Server(tmp_path, url=url) as server:
        async with connect(server) as client:
            request = live.submission(page, await client.render(page))
            await asyncio.to_thread(own_postgres.stop)
            for call in (client.submit(request), client.render(page)):
                refusal = await refused(call)
                assert (refusal.status, refusal.reason) == ("UNAVAILABLE", "STORE_UNAVAILABLE")
                assert not live.leaks(refusal)
            await asyncio.to_thread(own_postgres.start)
            placed = await client.submit(request)
            assert (await client.order(placed.order.order_id)).order == placed.order
