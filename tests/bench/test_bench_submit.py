"""The bench of Submit runs, and its ceiling writes what Submit writes. How long anything takes is never asserted."""

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import Connection, func, select
from tests.postgres import PostgresServer
from typer.testing import CliRunner

from crossborder.checkout.v1.order_page_pb2 import SubmitRequest
from orderpage.adapters.sql.commands import run_command
from orderpage.adapters.sql.load import load
from orderpage.adapters.sql.migrate import migrate
from orderpage.adapters.sql.order_rows import read_placed
from orderpage.adapters.sql.schema import orders, outbox, stock
from orderpage.bench.figures import middle, milliseconds, paired
from orderpage.bench.fresh_database import NotEmpty, extent, fill
from orderpage.bench.submit.carts import CARTS, buyer_of, cart_request, goods_document
from orderpage.bench.submit.profile import profile_submit
from orderpage.bench.submit.raw import open_raw
from orderpage.bench.submit.stand import ceiling, open_submit_service, place_order, submit_settings
from orderpage.cli.commands import app
from orderpage.cli.failures import UserMistake, mistakes
from orderpage.domain.order import OrderState, PlacedOrder

ORDERS = 5


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where nothing was migrated yet."""
    if request.param == "sqlite":
        return f"sqlite+pysqlite:///{tmp_path / 'bench.db'}"
    postgres: PostgresServer = request.getfixturevalue("postgres")
    return postgres.url(postgres.create())


def confirmed(url: str) -> dict[str, PlacedOrder]:
    def read(connection: Connection) -> dict[str, PlacedOrder]:
        return read_placed(connection, connection.execute(select(orders.c.order_id)).scalars().all())

    return run_command(url, read)


def units_left(url: str) -> int:
    return run_command(
        url, lambda connection: int(connection.execute(select(func.sum(stock.c.available))).scalar_one())
    )


def grown(url: str, before: Counter[str]) -> Counter[str]:
    return Counter(extent(url).rows) - before


def without_ids(placed: PlacedOrder) -> PlacedOrder:
    order = replace(placed.order, order_id="", checkout_id="")
    return PlacedOrder(order, replace(placed.payment, order_id="", attempt_id="", key=""))


async def test_the_ceiling_writes_as_many_rows_in_each_table_with_as_many_commits_as_submit(url: str) -> None:
    fill(url, [goods_document()])
    settings = submit_settings(url)
    async with open_submit_service(settings) as service, open_raw(settings) as raw:
        answer = await ceiling(service, raw)
        start, units, committed = Counter(extent(url).rows), units_left(url), service.database.load().commits
        for _ in range(ORDERS):
            await answer(SubmitRequest(), _no_context())
        raw_rows, raw_units = grown(url, start), units - units_left(url)
        assert (raw.commits, service.database.load().commits) == (2 * ORDERS, committed)

        middle_rows, units = Counter(extent(url).rows), units_left(url)
        for number in range(ORDERS):
            await place_order(service, number)
        assert service.database.load().commits == committed + 2 * ORDERS
        assert grown(url, middle_rows) == raw_rows
        assert units - units_left(url) == raw_units
        assert raw_rows["orders"] == raw_rows["write_requests"] == raw_rows["outbox"] == ORDERS
        assert raw_rows["order_lines"] == 3 * ORDERS


async def test_what_the_ceiling_wrote_reads_back_as_the_order_that_submit_makes(url: str) -> None:
    fill(url, [goods_document()])
    settings = submit_settings(url)
    async with open_submit_service(settings) as service, open_raw(settings) as raw:
        answer = await ceiling(service, raw)
        made = set(confirmed(url))
        response = await answer(SubmitRequest(), _no_context())
        ours = await place_order(service, 0)
    (written,) = (placed for key, placed in confirmed(url).items() if key not in {*made, ours.order.order_id})
    assert without_ids(written) == without_ids(ours)
    assert written.order.state is OrderState.CONFIRMED
    assert response.order.payable == ours.order.payable
    assert {written.payment.attempt_id, written.payment.key} == {
        f"{written.order.order_id}-p1",
        f"{written.order.order_id}:hold",
    }
    keys = run_command(url, lambda connection: connection.execute(select(outbox.c.key)).scalars().all())
    assert sorted(keys) == sorted(confirmed(url))


async def test_commits_of_the_ceiling_are_shared_as_the_services_writer_shares_them(tmp_path: Path) -> None:
    url = f"sqlite+pysqlite:///{tmp_path / 'bench.db'}"
    fill(url, [goods_document()])
    settings = submit_settings(url)
    async with open_submit_service(settings) as service, open_raw(settings) as raw:
        answer = await ceiling(service, raw)
        await asyncio.gather(*(answer(SubmitRequest(), _no_context()) for _ in range(16)))
        assert 2 <= raw.commits < 2 * 16


def test_the_bench_ends_with_one_line_of_json(url: str) -> None:
    asked = ["bench", "submit", "--json", "--rounds", "2", "--orders", "4", "--database", url]
    ran = CliRunner().invoke(app, asked)
    assert ran.exit_code == 0, ran.output
    figures: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    kind, rounds, made = figures.pop("database"), figures.pop("rounds"), figures.pop("orders")
    assert (kind, rounds, made) == (url.partition("+")[0], 2, 4)
    assert all(value > 0 for value in figures.values())
    assert figures["commits_per_order_c1"] == figures["ceiling_commits_per_order_c1"] == 2
    assert figures["rows_per_order"] == 22
    assert figures["p50_ms_c1"] <= figures["p99_ms_c1"]
    assert figures["p50_ms_c16"] <= figures["p99_ms_c16"]
    assert extent(url).rows["orders"] == CARTS + 2 * 4 + 2 * 2 * 2 * 4


def test_a_database_that_holds_something_is_refused_and_left_as_it_is(url: str) -> None:
    migrate(url)
    load(url, [goods_document()])
    before = extent(url)
    ran = CliRunner().invoke(app, ["bench", "submit", "--database", url])
    assert isinstance(ran.exception, NotEmpty)
    assert isinstance(ran.exception, mistakes())
    assert "192 skus" in str(ran.exception)
    assert "createdb" in str(ran.exception)
    assert extent(url) == before


def test_no_database_is_filled_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ORDERPAGE_DATABASE", raising=False)
    ran = CliRunner().invoke(app, ["bench", "submit"])
    assert isinstance(ran.exception, UserMistake)
    assert "--database" in str(ran.exception)


def test_the_profile_names_every_step_of_submit(url: str) -> None:
    steps = profile_submit(url, 2)
    assert {step.name for step in steps} == {
        "read the request",
        "find the request",
        "open the quote",
        "requote: buyer",
        "requote: facts",
        "requote: page",
        "draft",
        "pivot",
        "hold",
        "confirm",
        "answer",
        "submit: the rest",
    }
    assert all(step.cpu_us > 0 and step.wall_us > 0 for step in steps)


def test_carts_have_goods_and_buyers_of_their_own() -> None:
    def skus(number: int) -> set[str]:
        return {line.sku_id for line in cart_request(number).page.cart.lines}

    assert len(set[str]().union(*(skus(number) for number in range(CARTS)))) == 3 * CARTS
    assert len({buyer_of(number) for number in range(CARTS)}) == CARTS
    assert (skus(CARTS), buyer_of(CARTS)) == (skus(0), buyer_of(0))


def test_ratios_are_taken_within_a_round() -> None:
    assert paired([50.0, 5.0, 60.0], [100.0, 10.0, 100.0]) == 0.5


def test_quantiles_are_in_milliseconds() -> None:
    latencies = [number / 1000 for number in range(1, 101)]
    assert milliseconds(latencies[::-1], 0.99) == 100
    assert milliseconds([0.004], 0.5) == 4
    assert middle([3.0, 1.0, 2.06]) == 2.1


def _no_context() -> Any:
    """The ceiling looks at neither."""
    return None
