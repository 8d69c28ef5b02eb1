"""What only a server can do to us: go away, hang, turn us down, and make us wait for each other."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from structlog.testing import capture_logs
from tests.postgres import PostgresServer

from orderpage.adapters.sql.database import open_database
from orderpage.adapters.sql.migrate import migrate
from orderpage.adapters.sql.orders import SqlOrders
from orderpage.adapters.sql.postgres_database import PostgresDatabase
from orderpage.adapters.sql.revision import EXPECTED
from orderpage.ports import Placing, Unavailable

SECONDS = 60.0
"""As long as a statement may take: no busy machine must look like a server that hangs."""

SLEEP = "SELECT pg_sleep(3600)"
MakePlacing = Callable[..., Placing]
T = TypeVar("T")


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[PostgresDatabase]:
    database = await PostgresDatabase.open(postgres_url, connections=4, seconds=SECONDS)
    yield database
    await database.close()


def run(connection: Connection, statement: str) -> Any:
    return connection.execute(text(statement)).scalar()


def running(statement: str) -> Callable[[Connection], Any]:
    return partial(run, statement=statement)


async def asleep(server: PostgresServer, url: str, count: int) -> None:
    """Until so many statements of the database sleep."""
    sleeping = f"SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query = '{SLEEP}'"
    while await asyncio.to_thread(server.fetch, sleeping, url) != [(count,)]:  # noqa: ASYNC110  # the server tells
        await asyncio.sleep(0.02)


def command(*arguments: str, url: str) -> "subprocess.CompletedProcess[str]":
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ORDERPAGE_")}
    program = [sys.executable, "-c", "from orderpage.cli import main; main()", *arguments]
    return subprocess.run(
        program, env=kept | {"ORDERPAGE_DATABASE": url}, capture_output=True, text=True, timeout=SECONDS, check=False
    )


# ---- away --------------------------------------------------------------------------------------------------------


async def test_a_server_that_stops_is_an_outage_until_it_is_back(own_postgres: PostgresServer) -> None:
    url = own_postgres.url(own_postgres.create_template())
    database = await PostgresDatabase.open(url, connections=4, seconds=SECONDS)
    waiting = [asyncio.create_task(database.read(running(SLEEP))) for _ in range(2)]
    waiting.append(asyncio.create_task(database.write(running(SLEEP))))
    await asleep(own_postgres, url, 3)
    await asyncio.to_thread(own_postgres.stop)
    for task in waiting:
        with pytest.raises(Unavailable):
            await task
    for call in (database.read, database.write):
        with pytest.raises(Unavailable):
            await call(running("SELECT 1"))
    await asyncio.to_thread(own_postgres.start)
    assert await asyncio.gather(*(database.write(running("SELECT 1")) for _ in range(12))) == [1] * 12
    await database.close()


async def test_an_idle_pool_does_not_notice_a_restart(own_postgres: PostgresServer) -> None:
    url = own_postgres.url(own_postgres.create_template())
    database = await PostgresDatabase.open(url, connections=4, seconds=SECONDS)
    await asyncio.gather(*(database.read(running("SELECT pg_sleep(0.05)")) for _ in range(4)))
    await asyncio.to_thread(own_postgres.stop)
    await asyncio.to_thread(own_postgres.start)
    assert await asyncio.gather(*(database.read(running("SELECT 1")) for _ in range(8))) == [1] * 8
    await database.close()


async def test_a_connection_that_was_cut_costs_one_call(
    database: PostgresDatabase, postgres: PostgresServer, postgres_url: str
) -> None:
    victim = asyncio.create_task(database.write(running(SLEEP)))
    await asleep(postgres, postgres_url, 1)
    cut = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = '{SLEEP}'"
    await database.write(running(cut))
    with pytest.raises(Unavailable):
        await victim
    assert await asyncio.gather(*(database.write(running("SELECT 1")) for _ in range(8))) == [1] * 8


@pytest.mark.parametrize("name", ["migrate", "load", "serve"])
def test_commands_on_a_server_that_is_not_there_end_with_a_message(name: str, tmp_path: Path) -> None:
    (tmp_path / "shops.yaml").write_text("shops: []")
    arguments = {"load": [str(tmp_path / "shops.yaml")], "serve": ["--listen", "127.0.0.1:0"]}.get(name, [])
    done = command(name, *arguments, url="postgresql+asyncpg://u:sesame@127.0.0.1:9/orders")
    assert done.returncode == 2
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("orderpage: postgresql+asyncpg://u:***@127.0.0.1:9/orders does not answer: ")
    assert "sesame" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("{server}/nowhere?host={socket}", 'lets nobody in: database "nowhere" does not exist'),
        ("postgresql+asyncpg://nobody:sesame@/postgres?host={socket}", 'lets nobody in: role "nobody" does not exist'),
        ("{server}/postgres?host={socket}&sslmode=never", "has an option that asyncpg does not take: "),
        ("{server}/postgres?host={socket}", "has no schema yet; run `orderpage migrate`"),
    ],
)
async def test_what_is_wrong_with_the_database_is_said(postgres: PostgresServer, url: str, said: str) -> None:
    url = url.format(server="postgresql+asyncpg://postgres@", socket=postgres.socket)
    done = await asyncio.to_thread(command, "serve", "--listen", "127.0.0.1:0", url=url)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert said in done.stderr
    assert "sesame" not in done.stderr


async def test_migrate_prints_no_password(postgres: PostgresServer) -> None:
    url = f"postgresql+asyncpg://postgres:sesame@/{postgres.create()}?host={postgres.socket}"
    done = await asyncio.to_thread(command, "migrate", url=url)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"schema {EXPECTED} (was empty)" in done.stdout
    assert "sesame" not in done.stdout


# ---- slow --------------------------------------------------------------------------------------------------------


async def test_a_statement_that_takes_too_long_is_an_outage(postgres_url: str) -> None:
    database = await PostgresDatabase.open(postgres_url, connections=4, seconds=2.0)
    started = time.monotonic()
    with pytest.raises(Unavailable):
        await database.read(running(SLEEP))
    assert 2.0 <= time.monotonic() - started < SECONDS
    assert await database.read(running("SELECT 1")) == 1
    await database.close()


async def test_waiting_for_a_connection_ends(postgres_url: str) -> None:
    database = await PostgresDatabase.open(postgres_url, connections=1, seconds=2.0)
    held = asyncio.create_task(database.read(running("SELECT pg_sleep(1)")))
    more = [asyncio.create_task(database.read(running("SELECT pg_sleep(1)"))) for _ in range(4)]
    results = await asyncio.gather(*more, return_exceptions=True)
    await held
    assert any(isinstance(result, Unavailable) for result in results)
    await database.close()


async def test_cancelled_calls_give_their_connections_back(
    database: PostgresDatabase, postgres: PostgresServer, postgres_url: str
) -> None:
    calls = [asyncio.create_task(call(running(SLEEP))) for call in (database.read, database.write) * 2]
    await asleep(postgres, postgres_url, 4)
    for call in calls:
        call.cancel()
    assert all(isinstance(it, asyncio.CancelledError) for it in await asyncio.gather(*calls, return_exceptions=True))
    assert await asyncio.gather(*(database.read(running("SELECT 1")) for _ in range(16))) == [1] * 16


# ---- each other --------------------------------------------------------------------------------------------------


async def test_two_migrators_at_once_make_one_schema(empty_postgres_url: str) -> None:
    done = await asyncio.gather(*(asyncio.to_thread(migrate, empty_postgres_url) for _ in range(3)))
    assert sorted(done, key=str) == [(EXPECTED, EXPECTED), (EXPECTED, EXPECTED), (None, EXPECTED)]


async def test_those_who_deadlock_both_succeed(database: PostgresDatabase) -> None:
    taken = set[str]()

    def take_both(first: str, second: str) -> Callable[[Connection], None]:
        def take(connection: Connection) -> None:
            run(connection, f"SELECT 1 FROM stock WHERE sku_id = '{first}' FOR UPDATE")
            taken.add(first)
            while len(taken) < 2:
                run(connection, "SELECT pg_sleep(0.01)")
            run(connection, f"SELECT 1 FROM stock WHERE sku_id = '{second}' FOR UPDATE")
            run(connection, f"UPDATE stock SET available = available + 1 WHERE sku_id = '{first}' RETURNING 1")

        return take

    with capture_logs() as logs:
        await asyncio.gather(database.write(take_both("tea", "cup")), database.write(take_both("cup", "tea")))
    assert [entry["sqlstate"] for entry in logs if entry["event"] == "database.retried"] == ["40P01"]
    assert await database.read(running("SELECT sum(available) FROM stock")) == 14


async def test_a_transaction_that_always_loses_is_an_outage_in_the_end(database: PostgresDatabase) -> None:
    lose = "DO $$ BEGIN RAISE EXCEPTION 'lost' USING ERRCODE = 'serialization_failure'; END $$"
    with capture_logs() as logs, pytest.raises(Unavailable):
        await database.write(lambda connection: connection.exec_driver_sql(lose))
    assert [entry["attempt"] for entry in logs if entry["event"] == "database.retried"] == [1, 2, 3, 4]


async def test_a_value_that_cannot_be_stored_is_not_called_an_outage(database: PostgresDatabase) -> None:
    def store(connection: Connection, available: object) -> None:
        connection.execute(text("UPDATE stock SET available = CAST(:it AS BIGINT)"), {"it": available})

    for value in (2**63, "ten"):
        with pytest.raises(DBAPIError):
            await database.write(partial(store, available=value))
    with pytest.raises(DBAPIError):
        await database.read(running("SELECT 1 / 0"))


async def test_transactions_are_isolated_as_the_statements_need_whatever_the_server_defaults_to(
    postgres: PostgresServer, postgres_url: str
) -> None:
    name = postgres_url.rpartition("/test_")[2].partition("?")[0]
    postgres.execute(f"ALTER DATABASE test_{name} SET default_transaction_isolation = 'serializable'")
    database = await open_database(postgres_url)
    level = running("SELECT current_setting('transaction_isolation') || current_setting('transaction_read_only')")
    assert await database.write(level) == "read committedoff"
    assert await database.read(level) == "repeatable readon"
    assert await database.write(level) == "read committedoff"
    await database.close()


async def test_a_connection_places_more_orders_than_its_first_plans_last(
    postgres_url: str, make_placing: MakePlacing
) -> None:
    database = await PostgresDatabase.open(postgres_url, connections=1, seconds=5.0)
    for number in range(8):
        assert (await SqlOrders(database).place(make_placing(number, units={"tea": 1}))).created
    await database.close()
