"""Reload on SIGHUP, drain on SIGTERM: what an operator does to a server that is busy."""

import asyncio
import signal
import time
from collections.abc import Callable, Sized
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tests.e2e.live import SECONDS, Client, Server, check_sums, page_of, query, submission, until

from crossborder.checkout.v1 import order_pb2, request_pb2

Start = Callable[..., Server]
ConnectTo = Callable[..., AbstractAsyncContextManager[Client]]

GRACE_S = "600"
"""More than a test waits for a server to end: one that ends at all has not sat it out."""

AIR = """\
package: hk-air
when: {{site: HK}}

offer:
  add:
    - use: logistics.direct_mail
      as: HK_DM_AIR
      settings:
        code: HK_DM_AIR
        name: {{en: Direct mail by air}}
        carrier: OFFICIAL
        mode: AIR
        classes: [GENERAL]
        origins: [CN]
        max_g: 10000
        transit: {{minimum: 1, maximum: 2}}
        rates:
          - {{effective_from: 2026-01-01, first_g: 500, first_fee: "{fee}", step_g: 500, step_fee: "9.00",
             divisor: 6000, basis: FULL, round_g: 500, last_mile: {{HOME: "8.00"}}}}
"""


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """An operator's folder with a method for Hong Kong: a YAML file alone."""
    layers = tmp_path / "packages" / "layers"
    layers.mkdir(parents=True)
    (layers / "air.yaml").write_text(AIR.format(fee="40.00"), "utf-8")
    return layers / "air.yaml"


def folder_of(layer: Path) -> str:
    return str(layer.parent.parent)


def reload(server: Server, layer: Path, text: str) -> None:
    """Rewrite the layer and tell the server."""
    layer.write_text(text, "utf-8")
    server.signal(signal.SIGHUP)


async def test_a_yaml_file_alone_adds_a_method_and_explain_shows_the_line(
    own_server: Start, connect: ConnectTo, packages: Path
) -> None:
    server = own_server(packages=folder_of(packages))
    async with connect(server) as client:
        rendered = await client.render(page_of("HK", ("tst-plain", 1)), explain=True)
    methods = {option.method for option in rendered.page.parcels[0].options}
    assert methods == {"HK_DM_LAND", "HK_DM_FAST", "HK_CONSO_LAND", "HK_DM_AIR"}
    (origin,) = {step.origin for step in rendered.explanation.steps if step.slot == "HK_DM_AIR"}
    assert f"{packages.parent.parent}/layers/air.yaml:6" in origin
    server.stop()


async def test_sighup_changes_the_page_without_a_restart_and_old_quotes_are_honoured(
    own_server: Start, connect: ConnectTo, packages: Path
) -> None:
    server, page = own_server(packages=folder_of(packages)), page_of("HK", ("tst-plain", 1))
    async with connect(server) as client:
        quoted = await client.by(page, "HK_DM_AIR")
        reload(server, packages, AIR.format(fee="50.00"))
        server.wait_for("reload.done")
        dearer = await client.by(page, "HK_DM_AIR")
        assert dearer.page.totals.freight == quoted.page.totals.freight + 1180
        check_sums(dearer)
        made = await client.submit(submission(page, quoted))
        assert made.order.payable == quoted.page.totals.payable
    server.stop()


async def test_a_broken_package_at_sighup_keeps_the_plans_and_logs_file_and_line(
    own_server: Start, connect: ConnectTo, packages: Path
) -> None:
    server, page = own_server(packages=folder_of(packages)), page_of("HK", ("tst-plain", 1))
    async with connect(server) as client:
        quoted = await client.by(page, "HK_DM_AIR")
        reload(server, packages, AIR.format(fee="40.00").replace("max_g", "max_gg"))
        mistakes = server.wait_for("reload.refused")["mistakes"]
        assert any(f"{packages}:" in mistake and "max_gg" in mistake for mistake in mistakes), mistakes
        again = await client.by(page, "HK_DM_AIR")
        assert again.page.totals == quoted.page.totals
        assert (await client.submit(submission(page, quoted))).order.state == order_pb2.ORDER_STATE_CONFIRMED

        reload(server, packages, "package: [")
        mistakes = server.wait_for("reload.refused", seen=1)["mistakes"]
        assert any(f"{packages}:" in mistake for mistake in mistakes), mistakes

        reload(server, packages, AIR.format(fee="45.00"))
        server.wait_for("reload.done")
        assert (await client.by(page, "HK_DM_AIR")).page.totals.freight == quoted.page.totals.freight + 590
    server.signal(signal.SIGTERM)
    assert server.wait() == 0
    assert "Traceback" not in server.log.read_text("utf-8")


def test_a_secret_that_packages_name_and_that_is_not_set_is_said_at_start_and_at_sighup(own_server: Start) -> None:
    server = own_server(packages=str(Path(__file__).parents[2] / "deploy" / "campaigns"))
    assert "set ORDERPAGE_SECRET_COUPONS" in server.wait_for("secret.missing")["said"]
    server.signal(signal.SIGHUP)
    assert server.wait_for("secret.missing", seen=1)["secret"] == "COUPONS"
    server.signal(signal.SIGTERM)
    assert server.wait() == 0


async def test_a_package_folder_that_vanished_keeps_the_plans(
    own_server: Start, connect: ConnectTo, packages: Path
) -> None:
    server, page = own_server(packages=folder_of(packages)), page_of("HK", ("tst-plain", 1))
    packages.parent.rename(packages.parent.with_name("gone"))
    server.signal(signal.SIGHUP)
    assert server.wait_for("reload.refused")["mistakes"]
    async with connect(server) as client:
        assert (await client.by(page, "HK_DM_AIR")).quote_token
    assert "Traceback" not in server.log.read_text("utf-8")


async def test_calls_under_load_are_not_broken_by_reloads(
    own_server: Start, connect: ConnectTo, packages: Path
) -> None:
    server, page = own_server(packages=folder_of(packages)), page_of("HK", ("tst-plain", 1))

    async def reloads() -> None:
        for number in range(4):
            reload(server, packages, AIR.format(fee=f"4{number}.00"))
            await asyncio.to_thread(server.wait_for, "reload.done", seen=number)

    async with connect(server) as client:
        reloading = asyncio.create_task(reloads())
        count = 0
        while not reloading.done():
            check_sums(await client.render(page))
            count += 1
        await reloading
    assert count
    server.stop()


# ---- drain -----------------------------------------------------------------------------------------------------


async def buy(
    client: Client,
    fates: list[tuple[float, str]],
    orders: list[str],
    stopped: asyncio.Event,
    page: request_pb2.PageRequest,
) -> None:
    """Render and submit until the server is gone; ``fates`` are when a call began and how it ended."""
    while not stopped.is_set():
        for step in ("render", "submit"):
            began = time.monotonic()
            try:
                if step == "render":
                    rendered = await client.render(page)
                else:
                    made = await client.submit(submission(page, rendered))
                    orders.append(made.order.order_id)
            except grpc.aio.AioRpcError as error:
                fates.append((began, error.code().name))
                await asyncio.sleep(0.02)
                break
            fates.append((began, "OK"))


async def _length(found: Sized) -> int:
    return len(found)


async def _orders(server: Server) -> int:
    return int(query(server.database, "SELECT count(*) FROM orders")[0][0])


async def test_sigterm_under_load_fails_no_call_that_was_accepted(own_server: Start, connect: ConnectTo) -> None:
    server, fates, orders, stopped = own_server(), list[tuple[float, str]](), list[str](), asyncio.Event()
    page = page_of("HK", ("tst-plain", 1))
    async with connect(server) as client:
        workers = [asyncio.create_task(buy(client, fates, orders, stopped, page)) for _ in range(8)]
        await until(partial(_length, fates), lambda calls: calls > 40)
        told = time.monotonic()
        server.signal(signal.SIGTERM)
        assert await asyncio.to_thread(server.wait) == 0
        stopped.set()
        await asyncio.gather(*workers)
    # What was sent before the signal was accepted; what comes later may find the door shut, and nothing worse.
    assert {fate for began, fate in fates if began < told - 0.05} == {"OK"}
    assert {fate for _, fate in fates} <= {"OK", "UNAVAILABLE"}
    stored = {row[0] for row in query(server.database, "SELECT order_id FROM orders WHERE state = 'CONFIRMED'")}
    assert set(orders) <= stored
    assert "Traceback" not in server.log.read_text("utf-8")


async def test_an_order_under_way_is_finished_before_the_server_ends(own_server: Start, connect: ConnectTo) -> None:
    server, page = own_server(grace_s=GRACE_S), page_of("HK", ("pay-answers-late", 1))
    async with connect(server) as client:
        rendered = await client.by(page, "HK_CONSO_LAND")
        submitting = asyncio.create_task(client.submit(submission(page, rendered)))
        await until(partial(_orders, server), bool)
        assert not submitting.done()
        server.signal(signal.SIGTERM)
        made = await submitting
        assert made.payment.state == order_pb2.PAYMENT_STATE_HELD
        assert await asyncio.to_thread(server.wait) == 0, "within its grace: the order is all that it waits for"
    assert query(server.database, "SELECT state FROM orders") == [("CONFIRMED",)]


async def test_an_order_whose_client_left_is_finished_before_the_server_ends(
    own_server: Start, connect: ConnectTo
) -> None:
    server, page = own_server(), page_of("HK", ("pay-answers-late", 1))
    async with connect(server) as client:
        rendered = await client.by(page, "HK_CONSO_LAND")
        submitting = asyncio.create_task(client.submit(submission(page, rendered)))
        await until(partial(_orders, server), bool)
        submitting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await submitting
    server.signal(signal.SIGTERM)
    assert await asyncio.to_thread(server.wait) == 0
    assert query(server.database, "SELECT state FROM orders") == [("CONFIRMED",)]


async def test_an_open_health_watch_is_told_and_does_not_hold_the_stop(own_server: Start, connect: ConnectTo) -> None:
    server, seen, told = own_server(grace_s=GRACE_S), list[int](), asyncio.Event()
    async with connect(server) as client:
        health = health_pb2_grpc.HealthStub(client.channel)  # type: ignore[no-untyped-call]

        async def watch() -> None:
            async for answer in health.Watch(health_pb2.HealthCheckRequest()):
                seen.append(answer.status)
                told.set()

        watching = asyncio.create_task(watch())
        await asyncio.wait_for(told.wait(), SECONDS)
        server.signal(signal.SIGTERM)
        assert await asyncio.to_thread(server.wait) == 0, "within its grace"
        await asyncio.gather(watching, return_exceptions=True)
    states = health_pb2.HealthCheckResponse
    assert seen == [states.SERVING, states.NOT_SERVING]


async def test_health_and_reflection_need_no_credentials(client: Client) -> None:
    health = health_pb2_grpc.HealthStub(client.channel)  # type: ignore[no-untyped-call]
    answer = await health.Check(health_pb2.HealthCheckRequest(), timeout=SECONDS)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING
