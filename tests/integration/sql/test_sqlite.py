"""One writer, shared commits, and what a caller sees when the file fails."""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from sqlalchemy import Connection, func, insert, select
from sqlalchemy.exc import DBAPIError, IntegrityError

from orderpage.adapters.sql.database import Database
from orderpage.adapters.sql.schema import shops
from orderpage.adapters.sql.sqlite import path_of
from orderpage.ports import Unavailable

T = TypeVar("T")
Work = Callable[[Connection], T]


def add_shop(connection: Connection, shop_id: str) -> str:
    connection.execute(insert(shops), {"shop_id": shop_id, "name": {"en": shop_id}})
    return shop_id


def adding(shop_id: str) -> Work[str]:
    return lambda connection: add_shop(connection, shop_id)


def count_shops(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(shops)).scalar_one()


async def test_writes_that_wait_together_share_a_commit(database: Database) -> None:
    results = await asyncio.gather(*(database.write(adding(f"s-{n}")) for n in range(60)))
    assert results == [f"s-{n}" for n in range(60)]
    assert database.jobs == 60
    assert database.commits < 20
    assert await database.read(count_shops) == 61


async def test_a_group_holds_no_more_than_its_limit(url: str) -> None:
    database = Database(url, group=4)
    await asyncio.gather(*(database.write(adding(f"s-{n}")) for n in range(16)))
    assert database.commits >= 4
    await database.close()


async def test_a_failing_write_undoes_itself_and_leaves_the_others(database: Database) -> None:
    def fail(connection: Connection) -> None:
        add_shop(connection, "half")
        raise RuntimeError("no")

    writes: list[Work[Any]] = [adding(f"s-{n}") for n in range(5)]
    results = await asyncio.gather(
        *(database.write(work) for work in [*writes[:3], fail, *writes[3:]]), return_exceptions=True
    )
    assert [type(result) for result in results] == [str, str, str, RuntimeError, str, str]
    assert await database.read(count_shops) == 6


async def test_our_own_mistake_in_a_statement_is_not_called_an_outage(database: Database) -> None:
    with pytest.raises(IntegrityError):
        await database.write(adding("s-tea"))


async def test_when_a_write_ends_the_shared_transaction_nobody_is_told_of_success(database: Database) -> None:
    def end(connection: Connection) -> None:
        connection.exec_driver_sql("ROLLBACK")

    writes: list[Work[Any]] = [adding("before"), end, adding("after")]
    results = await asyncio.gather(*(database.write(work) for work in writes), return_exceptions=True)
    committed = [result for result in results if isinstance(result, str)]
    assert await database.read(count_shops) == 1 + len(committed)
    assert isinstance(results[1], Unavailable)
    assert await database.write(adding("later")) == "later"


async def test_a_full_disk_is_an_outage_and_what_was_confirmed_is_there(database: Database) -> None:
    def fill(connection: Connection) -> None:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

    await database.write(fill)
    writes = [adding(f"s-{n}" + "x" * 3000) for n in range(8)]
    results = await asyncio.gather(*(database.write(work) for work in writes), return_exceptions=True)
    assert any(isinstance(result, Unavailable) for result in results)
    assert all(isinstance(result, str | Unavailable) for result in results)
    confirmed = [result for result in results if isinstance(result, str)]
    assert await database.read(count_shops) == 1 + len(confirmed)


async def test_a_failed_commit_reaches_every_write_of_its_group(database: Database) -> None:
    def owe(connection: Connection) -> None:
        connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        connection.exec_driver_sql("INSERT INTO stock (sku_id, available, version) VALUES ('nothing', 1, 1)")

    with pytest.raises(Unavailable) as caught:
        await database.write(owe)
    assert "stock" not in str(caught.value)
    assert await database.write(adding("later")) == "later"


async def test_a_cancelled_caller_does_not_disturb_the_group(database: Database) -> None:
    writes = [asyncio.create_task(database.write(adding(f"s-{n}"))) for n in range(10)]
    await asyncio.sleep(0)
    writes[4].cancel()
    results = await asyncio.gather(*writes, return_exceptions=True)
    assert isinstance(results[4], asyncio.CancelledError)
    assert [type(result) for result in results].count(str) == 9


async def test_readers_cannot_write(database: Database) -> None:
    with pytest.raises((Unavailable, DBAPIError)):
        await database.read(adding("s-2"))
    assert await database.read(count_shops) == 1


async def test_a_deleted_file_is_an_outage(database: Database, url: str) -> None:
    path_of(url).unlink()
    with pytest.raises(Unavailable):
        await database.write(adding("s-2"))
    with pytest.raises(Unavailable):
        await database.read(count_shops)


async def test_a_replaced_file_is_an_outage(database: Database, url: str) -> None:
    path = path_of(url)
    path.rename(path.with_suffix(".old"))
    sqlite3.connect(path).close()
    path.touch()
    with pytest.raises(Unavailable):
        await database.write(adding("s-2"))


async def test_closing_finishes_what_waits_and_then_refuses(url: str) -> None:
    database = Database(url)
    writes = [asyncio.create_task(database.write(adding(f"s-{n}"))) for n in range(40)]
    await asyncio.sleep(0)
    await database.close()
    assert len(await asyncio.gather(*writes)) == 40
    with pytest.raises(Unavailable):
        await database.write(adding("late"))
    with pytest.raises(Unavailable):
        await database.read(count_shops)
    await database.close()


async def test_commits_are_flushed_in_a_write_ahead_log(database: Database) -> None:
    def pragma(name: str) -> Work[Any]:
        return lambda c: c.exec_driver_sql(f"PRAGMA {name}").scalar_one()

    assert await database.write(pragma("journal_mode")) == "wal"
    assert await database.write(pragma("synchronous")) == 2
    assert await database.write(pragma("foreign_keys")) == 1


@pytest.mark.parametrize("wrong", ["sqlite://", "sqlite:///:memory:", "postgresql+asyncpg://db/orders", "://"])
def test_a_url_that_names_no_sqlite_file_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"sqlite:///orders\.db"):
        path_of(wrong)


def test_a_url_or_a_path_names_the_file() -> None:
    assert path_of("sqlite:////data/orders.db") == Path("/data/orders.db")
    assert path_of("sqlite+pysqlite:///orders.db") == Path("orders.db")
    assert path_of("orders.db") == Path("orders.db")
