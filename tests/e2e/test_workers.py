"""``serve --workers``: several processes, one port, and nothing that a client could tell apart."""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

from tests.e2e import live
from tests.e2e.live import Client, Server
from tests.e2e.test_postgres import make_database
from tests.e2e.test_reload_and_drain import AIR, buy
from tests.postgres import PostgresServer

CART = ("SG", ("bok-notebook-a5", 2))
PLAIN = live.page_of("SG", ("bok-notebook-a5", 1))
ConnectTo = Callable[..., AbstractAsyncContextManager[Client]]


def started(server: Server) -> dict[int, int]:
    """Each worker's latest process."""
    return {event["worker"]: event["pid"] for event in server.events() if event["event"] == "worker.started"}


def has_started(server: Server, *, worker: int, lives: int) -> bool:
    lives_of = [event["worker"] for event in server.events() if event["event"] == "worker.started"]
    return lives_of.count(worker) >= lives


async def eventually(true: Callable[[], Any]) -> None:
    async def look() -> Any:
        return true()

    await live.until(look, bool)


def serving(server: Server) -> int:
    return sum(event["event"] == "serving" for event in server.events())


async def test_a_killed_worker_is_replaced_and_its_quotes_are_still_good(
    postgres: PostgresServer, connect: ConnectTo, tmp_path: Path
) -> None:
    url, page = await asyncio.to_thread(make_database, postgres, tmp_path), live.page_of(*CART)
    with Server(tmp_path, url=url, workers="2", quote_keys="") as server:
        await eventually(lambda: serving(server) == 2)
        async with connect(server) as client:
            request = live.submission(page, await client.render(page))
        before = started(server)
        for pid in before.values():
            os.kill(pid, signal.SIGKILL)
        await eventually(lambda: serving(server) == 4)
        assert set(started(server).values()).isdisjoint(before.values())
        async with connect(server) as client:
            assert (await client.submit(request)).order.payable == request_payable(await client.render(page))
        server.signal(signal.SIGTERM)
        assert server.wait() == 0


async def test_a_worker_that_ends_early_again_and_again_rests_while_the_other_serves(
    postgres: PostgresServer, connect: ConnectTo, tmp_path: Path
) -> None:
    url = await asyncio.to_thread(make_database, postgres, tmp_path)
    with Server(tmp_path, url=url, workers="2") as server:
        await eventually(lambda: serving(server) == 2)
        for life in range(1, 5):
            os.kill(started(server)[0], signal.SIGKILL)
            await eventually(partial(has_started, server, worker=0, lives=life + 1))
            rests = [event["rests_s"] for event in server.events() if event["event"] == "worker.ended"]
            assert len(rests) == life
        async with connect(server) as client:
            assert request_payable(await client.render(PLAIN)) > 0
        assert rests == sorted(rests)
        assert rests[-1] >= 2.0
        server.signal(signal.SIGTERM)
        assert server.wait() == 0


def request_payable(rendered: Any) -> int:
    return int(rendered.page.totals.payable)


async def test_a_changed_price_reaches_every_worker_within_moments(
    postgres: PostgresServer, connect: ConnectTo, tmp_path: Path
) -> None:
    url, page = await asyncio.to_thread(make_database, postgres, tmp_path), live.page_of(*CART)
    with Server(tmp_path, url=url, workers="2", refresh_ms="100") as server:
        await eventually(lambda: serving(server) == 2)

        async def prices() -> set[int]:
            found = set()
            for _ in range(12):  # each on a channel of its own, so that both workers are asked
                async with connect(server) as client:
                    found.add(request_payable(await client.render(page)))
            return found

        (old,) = await prices()
        catalogue = tmp_path / "catalogue.yaml"
        text = catalogue.read_text("utf-8")
        before, found, after = text.partition("sku_id: bok-notebook-a5,")
        catalogue.write_text(before + found + after.replace('price: "', 'price: "1', 1), "utf-8")
        loaded = await asyncio.to_thread(live.run, "load", str(catalogue), database=url)
        assert loaded.returncode == 0, loaded.stderr
        (new,) = await live.until(prices, lambda seen: old not in seen)
        assert new > old
        server.signal(signal.SIGTERM)
        assert server.wait() == 0


async def test_each_worker_shows_metrics_on_a_port_of_its_own_and_reloads(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    url = await asyncio.to_thread(make_database, postgres, tmp_path)
    with Server(tmp_path, url=url, workers="2", metrics="127.0.0.1:0") as server:
        await eventually(lambda: serving(server) == 2)
        assert len({event["port"] for event in server.events() if event["event"] == "metrics"}) == 2
        server.signal(signal.SIGHUP)
        await eventually(lambda: sum(event["event"] == "reload.done" for event in server.events()) == 2)


async def test_workers_end_with_the_process_that_watches_them(postgres: PostgresServer, tmp_path: Path) -> None:
    url = await asyncio.to_thread(make_database, postgres, tmp_path)
    with Server(tmp_path, url=url, workers="2") as server:
        await eventually(lambda: serving(server) == 2)
        pids = list(started(server).values())
        os.kill(server.pid, signal.SIGKILL)
        server.wait()
        await eventually(lambda: sum(event["event"] == "stopped" for event in server.events()) == len(pids))


async def test_workers_start_again_on_their_port_right_after_they_served(
    postgres: PostgresServer, connect: ConnectTo, tmp_path: Path
) -> None:
    url = await asyncio.to_thread(make_database, postgres, tmp_path)
    with Server(tmp_path, url=url, workers="2") as server:
        await eventually(lambda: serving(server) == 2)
        async with AsyncExitStack() as channels:
            for _ in range(6):  # the server closes them, so their ends linger on its port
                client = await channels.enter_async_context(connect(server))
                assert request_payable(await client.render(PLAIN)) > 0
            server.signal(signal.SIGTERM)
            assert await asyncio.to_thread(server.wait) == 0
        address = server.address
    (tmp_path / "again").mkdir()
    with Server(tmp_path / "again", url=url, workers="2", listen=address) as again:
        await eventually(lambda: serving(again) == 2)
        async with connect(again) as client:
            assert request_payable(await client.render(PLAIN)) > 0


async def test_a_second_server_on_the_port_is_refused_not_shared(
    postgres: PostgresServer, connect: ConnectTo, tmp_path: Path
) -> None:
    url, page = await asyncio.to_thread(make_database, postgres, tmp_path), live.page_of(*CART)
    for first in ("2", "1"):
        with Server(tmp_path, url=url, workers=first) as server:
            await eventually(lambda: serving(server) == int(first))  # noqa: B023  # waited for here
            for workers in ("1", "2"):
                second = await asyncio.to_thread(
                    live.run, "serve", database=url, listen=server.address, workers=workers
                )
                assert second.returncode == 2
                assert "cannot listen" in second.stderr
                assert "Traceback" not in second.stderr
            async with connect(server) as client:
                assert (await client.render(page)).quote_token, "the first goes on"


async def test_sighup_reaches_every_worker_and_quotes_of_the_old_plan_are_honoured(
    postgres: PostgresServer, connect: ConnectTo, tmp_path: Path
) -> None:
    url, page = await asyncio.to_thread(make_database, postgres, tmp_path), live.page_of("HK", ("bok-notebook-a5", 2))
    layer = tmp_path / "packages" / "layers" / "air.yaml"
    layer.parent.mkdir(parents=True)
    layer.write_text(AIR.format(fee="40.00"), "utf-8")
    with Server(tmp_path, url=url, workers="2", packages=str(layer.parent.parent)) as server:
        await eventually(lambda: serving(server) == 2)

        async def freights() -> set[int]:
            found = set()
            for _ in range(12):  # each on a channel of its own, so that both workers are asked
                async with connect(server) as client:
                    found.add((await client.by(page, "HK_DM_AIR")).page.totals.freight)
            return found

        (old,) = await freights()
        async with connect(server) as client:
            quoted = [await client.by(page, "HK_DM_AIR") for _ in range(8)]
        layer.write_text(AIR.format(fee="50.00"), "utf-8")
        server.signal(signal.SIGHUP)
        await eventually(lambda: sum(event["event"] == "reload.done" for event in server.events()) == 2)
        assert await freights() == {old + 1180}
        for rendered in quoted:  # again from many channels: a quote is honoured by whichever worker gets it
            async with connect(server) as client:
                made = await client.submit(live.submission(page, rendered))
                assert made.order.payable == request_payable(rendered)
        server.signal(signal.SIGTERM)
        assert await asyncio.to_thread(server.wait) == 0


async def test_sigterm_under_load_fails_no_call_that_was_accepted(
    postgres: PostgresServer, connect: ConnectTo, tmp_path: Path
) -> None:
    url = await asyncio.to_thread(make_database, postgres, tmp_path)
    fates, orders, stopped = list[tuple[float, str]](), list[str](), asyncio.Event()
    with Server(tmp_path, url=url, workers="2") as server:
        await eventually(lambda: serving(server) == 2)
        async with AsyncExitStack() as channels:
            clients = [await channels.enter_async_context(connect(server)) for _ in range(8)]
            buying = [asyncio.create_task(buy(client, fates, orders, stopped, PLAIN)) for client in clients]
            await eventually(lambda: len(fates) > 40)
            told = time.monotonic()
            server.signal(signal.SIGTERM)
            assert await asyncio.to_thread(server.wait) == 0
            stopped.set()
            await asyncio.gather(*buying)
        assert "Traceback" not in server.log.read_text("utf-8")
    # What was sent before the signal was accepted; what comes later may find the door shut, and nothing worse.
    assert {fate for began, fate in fates if began < told - 0.05} == {"OK"}
    assert {fate for _, fate in fates} <= {"OK", "UNAVAILABLE"}
    stored = await asyncio.to_thread(postgres.fetch, "SELECT order_id FROM orders WHERE state = 'CONFIRMED'", url)
    assert set(orders) == {row[0] for row in stored}


def test_workers_on_sqlite_are_refused_with_what_to_do(loaded: Path) -> None:
    refused = live.run("serve", database=live.url_of(loaded), workers="2")
    assert refused.returncode == 2
    assert "2 workers need PostgreSQL" in refused.stderr
