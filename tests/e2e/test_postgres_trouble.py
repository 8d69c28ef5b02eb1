"""A server whose PostgreSQL goes away under load, fills its disk, or makes everybody wait."""

import asyncio
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import grpc
import pytest
from tests.e2e import live
from tests.e2e.live import Client, Server, read_refusal, refused
from tests.e2e.test_postgres import make_database
from tests.postgres import PostgresServer, database_of

from crossborder.checkout.v1 import order_page_pb2, order_pb2

CART = ("SG", ("bok-notebook-a5", 2))
T = TypeVar("T")
ConnectTo = Callable[..., AbstractAsyncContextManager[Client]]
OUTAGE = {"STORE_UNAVAILABLE", "UP_TIMEOUT_ITEM", "UP_TIMEOUT_INV", "UP_DEGRADED"}
"""What a call, or a part of a page, says that had no database to be made from."""

NOT_WHOLE = """
    SELECT o.order_id FROM orders o WHERE
        (SELECT count(*) FROM order_lines l WHERE l.order_id = o.order_id) <> 1
        OR (SELECT count(*) FROM payment_attempts p WHERE p.order_id = o.order_id) <> 1
        OR (SELECT count(*) FROM write_requests w WHERE w.order_id = o.order_id) <> 1
        OR (SELECT sum(amount) FROM ledger_entries e WHERE e.order_id = o.order_id) <> 0
"""


async def fetch(postgres: PostgresServer, statement: str, url: str) -> list[tuple[object, ...]]:
    return await asyncio.to_thread(postgres.fetch, statement, url)


async def sold(postgres: PostgresServer, url: str) -> int:
    """Units of the cart's good that live orders took."""
    ((units,),) = await fetch(
        postgres,
        "SELECT coalesce(sum(l.quantity), 0)::int FROM order_lines l JOIN orders o USING (order_id)"
        " WHERE o.state <> 'CLOSED'",
        url,
    )
    return int(str(units))


async def in_stock(postgres: PostgresServer, url: str) -> int:
    ((units,),) = await fetch(postgres, "SELECT available FROM stock WHERE sku_id = 'bok-notebook-a5'", url)
    return int(str(units))


@asynccontextmanager
async def locked(postgres: PostgresServer, url: str, statement: str) -> AsyncIterator[None]:
    """Somebody else's transaction, open until the block ends or the server does."""
    other = await asyncpg.connect(host=postgres.socket, user="postgres", database=database_of(url))
    try:
        await other.execute("BEGIN")
        await other.execute(statement)
        yield
    finally:
        other.terminate()


STOCK = "SELECT 1 FROM stock WHERE sku_id = 'bok-notebook-a5' FOR UPDATE"


async def waiting_for_a_lock(postgres: PostgresServer, url: str) -> int:
    statement = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    ((count,),) = await fetch(postgres, statement, url)
    return int(str(count))


# ---- away --------------------------------------------------------------------------------------------------------


async def test_a_server_that_goes_in_the_middle_of_an_order_fails_the_call_and_the_retry_makes_one_order(
    own_postgres: PostgresServer, connect: ConnectTo, tmp_path: Path
) -> None:
    url, page = await asyncio.to_thread(make_database, own_postgres, tmp_path), live.page_of(*CART)
    with Server(tmp_path, url=url, database_timeout_ms="20000") as server:
        async with connect(server) as client, locked(own_postgres, url, STOCK):
            request = live.submission(page, await client.render(page))
            submitting = asyncio.create_task(refused(client.submit(request)))
            await live.until(lambda: waiting_for_a_lock(own_postgres, url), bool)
            await asyncio.to_thread(own_postgres.stop)
            refusal = await submitting
            assert (refusal.status, refusal.reason) == ("UNAVAILABLE", "STORE_UNAVAILABLE")
            assert not live.leaks(refusal)
            await asyncio.to_thread(own_postgres.start)
            made = await client.submit(request)
            assert made.order.state == order_pb2.ORDER_STATE_CONFIRMED
        assert await fetch(own_postgres, "SELECT count(*) FROM orders", url) == [(1,)]


async def test_a_restart_and_a_crash_under_load_lose_no_order_and_double_none(
    own_postgres: PostgresServer, connect: ConnectTo, tmp_path: Path
) -> None:
    url, page = await asyncio.to_thread(make_database, own_postgres, tmp_path), live.page_of(*CART)
    answers: list[order_page_pb2.SubmitResponse] = []
    refusals: Counter[str] = Counter()
    back = asyncio.Event()

    async def until_answered(call: Callable[[], Awaitable[T]]) -> T:
        """What failed is sent again as it was."""
        while True:
            try:
                return await call()
            except grpc.aio.AioRpcError as error:
                refusals[read_refusal(error).reason] += 1
                await asyncio.sleep(0.05)

    async def buy(client: Client) -> None:
        since = 0
        while since < 2:
            since += back.is_set()
            request = live.submission(page, await until_answered(lambda: client.render(page)))
            answers.append(await until_answered(partial(client.submit, request)))

    await asyncio.to_thread(own_postgres.keep_commits)
    with Server(tmp_path, url=url) as server:
        stock = await in_stock(own_postgres, url)
        async with connect(server) as client:
            buying = [asyncio.create_task(buy(client)) for _ in range(4)]
            await live.until(lambda: fetch(own_postgres, "SELECT 1 FROM orders LIMIT 1", url), bool)
            for end in (own_postgres.stop, own_postgres.crash):
                await asyncio.to_thread(end)
                await asyncio.to_thread(own_postgres.start)
            back.set()
            await asyncio.gather(*buying)
        server.signal(signal.SIGTERM)
        assert await asyncio.to_thread(server.wait) == 0
    assert refusals, "the outage was noticed"
    assert set(refusals) <= OUTAGE
    placed = {answer.order.order_id for answer in answers}
    assert len(placed) == len(answers)
    stored = await fetch(own_postgres, "SELECT order_id FROM orders", url)
    assert {str(row[0]) for row in stored} == placed, "none lost, and none that nobody was told of"
    assert await fetch(own_postgres, NOT_WHOLE, url) == []
    assert await in_stock(own_postgres, url) == stock - await sold(own_postgres, url) == stock - 2 * len(placed)


# ---- full --------------------------------------------------------------------------------------------------------

FILL = """
    INSERT INTO ledger_entries (order_id, seq, account, amount)
    SELECT (SELECT order_id FROM orders LIMIT 1), n, 'filler', 0 FROM generate_series(1000, 400000) AS n
"""


async def test_a_disk_that_fills_up_refuses_the_order_whole_and_the_retry_makes_it_when_there_is_room(
    own_postgres: PostgresServer, connect: ConnectTo, tmp_path: Path
) -> None:
    """The largest table may not grow any more; the write-ahead log, whose files are of 16 MB from the start, may."""
    url, page = await asyncio.to_thread(make_database, own_postgres, tmp_path), live.page_of(*CART)
    with Server(tmp_path, url=url) as server:
        async with connect(server) as client:
            made = [await client.submit(live.submission(page, await client.render(page)))]
            await fetch(own_postgres, FILL, url)
            ((size,),) = await fetch(own_postgres, "SELECT pg_relation_size('ledger_entries')::bigint", url)
            assert int(str(size)) > 17 << 20
            await asyncio.to_thread(own_postgres.stop)
            await asyncio.to_thread(own_postgres.start_on_full_disk, int(str(size)))
            refusal = None
            while refusal is None:  # the table's last page takes a few more
                request = live.submission(page, await client.render(page))
                try:
                    made.append(await client.submit(request))
                except grpc.aio.AioRpcError as error:
                    refusal = read_refusal(error)
            assert (refusal.status, refusal.reason) == ("UNAVAILABLE", "STORE_UNAVAILABLE")
            assert not live.leaks(refusal)
            assert "could not extend file" in server.log.read_text("utf-8")
            assert await fetch(own_postgres, "SELECT count(*) FROM orders", url) == [(len(made),)]
            assert (await client.render(page)).quote_token, "reading goes on"
            await asyncio.to_thread(own_postgres.stop)
            await asyncio.to_thread(own_postgres.start)
            made.append(await client.submit(request))
        assert await fetch(own_postgres, "SELECT count(*) FROM orders", url) == [(len(made),)]
        assert await fetch(own_postgres, "DELETE FROM ledger_entries WHERE account = 'filler'", url) == []
        assert await fetch(own_postgres, NOT_WHOLE, url) == []


# ---- busy --------------------------------------------------------------------------------------------------------


async def submitted(client: Client, request: Any) -> Any:
    """The order, once what failed too often is asked again: a breaker stays open for ten seconds after an outage."""
    until = time.monotonic() + live.SECONDS
    while True:
        try:
            return await client.submit(request)
        except grpc.aio.AioRpcError as error:
            refusal = read_refusal(error)
        assert refusal.status == "UNAVAILABLE"
        assert time.monotonic() < until
        await asyncio.sleep(0.2)


async def test_without_a_free_connection_calls_wait_and_are_refused_but_never_hang(
    postgres: PostgresServer, connect: ConnectTo, tmp_path: Path
) -> None:
    url, page = await asyncio.to_thread(make_database, postgres, tmp_path), live.page_of(*CART)
    with Server(tmp_path, url=url, database_connections="2", database_timeout_ms="1000") as server:
        async with connect(server) as client:
            requests = [live.submission(page, await client.render(page)) for _ in range(12)]
            async with locked(postgres, url, STOCK):
                looking = [asyncio.create_task(client.render(page)) for _ in range(12)]
                refusals = await asyncio.gather(*(refused(client.submit(request)) for request in requests))
                looked = await asyncio.gather(*looking, return_exceptions=True)
            refusals += [read_refusal(it) for it in looked if isinstance(it, grpc.aio.AioRpcError)]
            assert {refusal.reason for refusal in refusals} <= OUTAGE
            assert {refusal.status for refusal in refusals} == {"UNAVAILABLE"}
            assert all(isinstance(it, order_page_pb2.RenderResponse | grpc.aio.AioRpcError) for it in looked)
            made = await asyncio.gather(*(submitted(client, request) for request in requests))
            assert len({answer.order.order_id for answer in made}) == len(requests)
        assert await fetch(postgres, "SELECT count(*) FROM orders", url) == [(len(requests),)]


async def test_calls_that_only_need_their_turn_are_all_answered(
    postgres: PostgresServer, connect: ConnectTo, tmp_path: Path
) -> None:
    url, page = await asyncio.to_thread(make_database, postgres, tmp_path), live.page_of(*CART)
    with Server(tmp_path, url=url, database_connections="1", database_timeout_ms="20000") as server:
        async with connect(server) as client:
            # As many as have had their turn before a page gives its goods up, on a busy machine too.
            rendered = await asyncio.gather(*(client.render(page) for _ in range(16)))
            made = await asyncio.gather(*(client.submit(live.submission(page, each)) for each in rendered))
            assert len({answer.order.order_id for answer in made}) == 16
        server.stop()


async def test_calls_beyond_those_served_at_once_are_told_that_it_is_overloaded(
    postgres: PostgresServer, connect: ConnectTo, tmp_path: Path
) -> None:
    url, page = await asyncio.to_thread(make_database, postgres, tmp_path), live.page_of(*CART)
    with Server(tmp_path, url=url, max_in_flight="4", database_connections="1", database_timeout_ms="20000") as server:
        async with connect(server) as client:
            request = live.submission(page, await client.render(page))
            async with locked(postgres, url, STOCK):
                under_way = [asyncio.create_task(client.submit(request)) for _ in range(4)]
                await live.until(lambda: waiting_for_a_lock(postgres, url), bool)
                more = await asyncio.gather(*(refused(client.render(page)) for _ in range(8)))
            assert {(refusal.status, refusal.reason) for refusal in more} == {("RESOURCE_EXHAUSTED", "OVERLOADED")}
            answers = await asyncio.gather(*under_way)
            assert len({answer.order.order_id for answer in answers}) == 1


@pytest.mark.parametrize(
    ("statement", "word"),
    [
        ("DROP TABLE alembic_version", "has no schema yet; run `orderpage migrate`"),
        ("UPDATE alembic_version SET version_num = '0000'", "run `orderpage migrate`"),
        ("UPDATE alembic_version SET version_num = '9999'", "install a newer orderpage"),
    ],
)
@pytest.mark.parametrize("workers", ["1", "2"])
async def test_another_schema_ends_the_server_with_what_to_do(
    postgres: PostgresServer, tmp_path: Path, statement: str, word: str, workers: str
) -> None:
    url = postgres.url(postgres.create_template())
    await fetch(postgres, statement, url)
    done = await asyncio.to_thread(live.run, "serve", database=url, listen="127.0.0.1:0", workers=workers)
    assert done.returncode == 2
    assert word in done.stderr
    assert "Traceback" not in done.stderr
