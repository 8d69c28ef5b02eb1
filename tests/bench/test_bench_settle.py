"""The bench of settlement settles what it says it does. How long that takes is never asserted."""

import json
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, text
from tests.postgres import PostgresServer
from typer.testing import CliRunner

from orderpage.adapters.sql.commands import run_command
from orderpage.adapters.sql.migrate import migrate
from orderpage.adapters.sql.settling import pnl_of, statements_of
from orderpage.bench.fresh_database import NotEmpty
from orderpage.bench.settle.trade import SELLERS, write_day
from orderpage.cli.commands import app

DAY = date(2026, 1, 5)
UTC = ZoneInfo("UTC")


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite+pysqlite:///{tmp_path / 'bench.sqlite3'}"
    postgres: PostgresServer = request.getfixturevalue("postgres")
    return postgres.url(postgres.create())


def test_the_command_ends_with_one_line_of_figures_and_leaves_nothing(empty_url: str) -> None:
    ran = CliRunner().invoke(
        app, ["bench", "settle", "--orders", "400", "--json", "--database", empty_url], catch_exceptions=False
    )
    assert ran.exit_code == 0, ran.output
    figures: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    assert (figures["database"], figures["orders"]) == (empty_url.partition("+")[0], 400)
    assert figures["statements"] > SELLERS
    assert min(figures["orders_per_second"], figures["peak_mb"], figures["tenth_peak_mb"]) > 0
    assert counts(empty_url, "orders", "ledger_entries", "settlement_statements") == [0, 0, 0]


def counts(url: str, *tables: str) -> list[int]:
    def count(connection: Connection) -> list[int]:
        return [connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() for table in tables]

    return run_command(url, count)


def test_the_orders_are_whole_and_their_carriage_adds_up(empty_url: str) -> None:
    migrate(empty_url)
    run_command(empty_url, lambda connection: write_day(connection, DAY, 300))
    off = "SELECT count(*) FROM (SELECT order_id FROM ledger_entries GROUP BY order_id HAVING sum(amount) <> 0) AS off"
    assert run_command(empty_url, lambda c: c.execute(text(off)).scalar()) == 0
    statements = run_command(empty_url, lambda c: statements_of(c, DAY, UTC))
    assert len({statement.account.seller for statement in statements}) == SELLERS
    methods = run_command(empty_url, lambda c: pnl_of(c, DAY, UTC))
    assert sum(each.pnl.parcels for each in methods) == 300
    assert sum(each.pnl.net for each in methods) == 300 * (1500 - 700 - 1320)


def test_a_database_that_holds_orders_is_left_alone(empty_url: str) -> None:
    migrate(empty_url)
    run_command(empty_url, lambda connection: write_day(connection, DAY, 10))
    with pytest.raises(NotEmpty, match=r"holds .*10 orders"):
        CliRunner().invoke(app, ["bench", "settle", "--database", empty_url], catch_exceptions=False)
