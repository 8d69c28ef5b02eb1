"""``orderpage legacy`` as an operator runs it: a server like the other, of the old page."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from tests.e2e import live
from tests.e2e.live import Client, Server, refused
from tests.e2e.test_postgres import make_database
from tests.postgres import PostgresServer

from orderpage_legacy.bugs import BUGS

ConnectTo = Callable[..., AbstractAsyncContextManager[Client]]
CART = ("HK", ("dig-earbuds-lite", 1), ("bok-notebook-a5", 2))


@pytest.fixture
def start(loaded: Path, tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """The old page in a process, with flags."""
    made: list[Server] = []

    def run(*flags: str, **settings: str) -> Server:
        database = live.copy_database(loaded, tmp_path)
        made.append(Server(tmp_path, database, command=("legacy", *flags), **settings))
        return made[-1].start()

    yield run
    for one in made:
        one.kill()


async def test_it_renders_submits_and_finds_the_order_again_and_drains(
    start: Callable[..., Server], connect: ConnectTo
) -> None:
    server, page = start(), live.page_of(*CART)
    async with connect(server) as client:
        rendered = await client.render(page)
        live.check_sums(rendered)
        placed = await client.submit(live.submission(page, rendered))
        assert placed.order.payable == rendered.page.totals.payable
        assert (await client.order(placed.order.order_id)).order == placed.order
        assert (await refused(client.order("no-such-order"))).reason == "ORDER_NOT_FOUND"
    assert live.query(server.database, "SELECT stack, state FROM orders") == [("legacy", "CONFIRMED")]
    server.stop()
    assert [line["event"] for line in server.events()][-2:] == ["draining", "stopped"]


async def test_and_on_postgresql(postgres: PostgresServer, connect: ConnectTo, tmp_path: Path) -> None:
    url, page = await asyncio.to_thread(make_database, postgres, tmp_path), live.page_of("SG", ("bok-notebook-a5", 2))
    with Server(tmp_path, url=url, command=("legacy",)) as server:
        async with connect(server) as client:
            placed = await client.submit(live.submission(page, await client.render(page)))
            assert (await client.order(placed.order.order_id)).order == placed.order
        server.stop()


async def test_it_is_guarded_and_describes_itself_like_the_other(
    start: Callable[..., Server], connect: ConnectTo
) -> None:
    server = start()
    async with connect(server) as client:
        stranger = Client(client.channel)
        stranger.metadata = ()
        assert (await refused(stranger.render(live.page_of(*CART)))).reason == "SESSION_EXPIRED"
        assert (await refused(client.render(live.page_of("HK")))).reason == "REQUEST_INVALID"
        health = health_pb2_grpc.HealthStub(client.channel)  # type: ignore[no-untyped-call]
        request = health_pb2.HealthCheckRequest(service="crossborder.checkout.v1.OrderService")
        assert (await health.Check(request, timeout=live.SECONDS)).status == 1
        stub = reflection_pb2_grpc.ServerReflectionStub(client.channel)  # type: ignore[no-untyped-call]
        asked = reflection_pb2.ServerReflectionRequest(list_services="")
        answers = [answer async for answer in stub.ServerReflectionInfo(iter([asked]), timeout=live.SECONDS)]
        names = {service.name for service in answers[0].list_services_response.service}
        assert "crossborder.checkout.v1.OrderPageService" in names


async def test_a_payment_that_settles_later_is_found_out_by_its_own_sweeper(
    start: Callable[..., Server], connect: ConnectTo
) -> None:
    server, page = start(), live.page_of("HK", ("pay-times-out-held", 1))
    async with connect(server) as client:
        rendered = await client.by(page, "HK_CONSO_LAND")
        placed = await client.submit(live.submission(page, rendered))
        order = await live.until(lambda: client.order(placed.order.order_id), lambda found: found.order.state == 2)
        assert order.payment.state != placed.payment.state
    await live.until(lambda: _relayed(server), bool)


async def _relayed(server: Server) -> bool:
    return any(line["event"] == "order.confirmed" for line in server.events())


async def test_submissions_under_way_are_finished_at_sigterm(start: Callable[..., Server], connect: ConnectTo) -> None:
    server, page = start(), live.page_of("HK", ("pay-answers-late", 1))
    async with connect(server) as client:
        rendered = await client.by(page, "HK_CONSO_LAND")
        under_way = asyncio.create_task(client.submit(live.submission(page, rendered)))
        await live.until(lambda: _orders(server), lambda count: count == 1)
        server.signal(signal.SIGTERM)
        assert (await under_way).order.payable == rendered.page.totals.payable
        assert await asyncio.to_thread(server.wait) == 0
        with pytest.raises(grpc.aio.AioRpcError):
            await client.render(page, within=1.0)


async def _orders(server: Server) -> int:
    return int(live.query(server.database, "SELECT count(*) FROM orders")[0][0])


async def test_a_bug_is_in_what_it_serves(start: Callable[..., Server], connect: ConnectTo) -> None:
    server = start("--bug", "double-space", "--bug", "remote-on-top")
    assert server.events()[0]["bugs"] == ["double-space", "remote-on-top"]
    async with connect(server) as client:
        rendered = await client.render(live.page_of(*CART, address={"district": "Sai Kung"}))
    fees = {fee.code for fee in live.chosen(rendered).fees}
    assert fees == {"HOME_DELIVERY", "REMOTE_AREA"}
    assert any("  " in option.label for option in rendered.page.parcels[0].options)
    server.stop()


def test_the_bugs_are_listed_with_a_sentence_each() -> None:
    ran = live.run("legacy", "--list-bugs")
    assert ran.returncode == 0
    listed = dict(line.split(maxsplit=1) for line in ran.stdout.splitlines())
    assert listed == dict(BUGS)


@pytest.mark.parametrize(
    ("flags", "settings", "told"),
    [
        (("--bug", "slwo"), {}, f"there is no bug 'slwo'; choose from {', '.join(BUGS)}"),
        (("--listen", "nowhere"), {}, "ORDERPAGE_LISTEN: 'nowhere' is not host:port"),
        (("--database", "oracle://x"), {}, "oracle"),
        (("--listen", "0.0.0.0:0"), {"quote_keys": live.KEYS}, "serves loopback only"),
        ((), {"quote_keys": "k1:short"}, "ORDERPAGE_QUOTE_KEYS"),
    ],
)
def test_wrong_settings_end_with_a_message(flags: tuple[str, ...], settings: dict[str, str], told: str) -> None:
    ran = live.run("legacy", *flags, settings=settings)
    assert ran.returncode == 2
    assert told in ran.stderr
    assert "Traceback" not in ran.stderr
    assert ran.stdout == ""


def test_a_database_that_was_never_migrated_is_named(tmp_path: Path) -> None:
    ran = live.run("legacy", "--listen", "127.0.0.1:0", "--database", live.url_of(tmp_path / "empty.sqlite3"))
    assert ran.returncode == 2
    assert "orderpage migrate" in ran.stderr
