"""One writer, shared commits, and what a caller sees when the file fails."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from sqlalchemy import Connection, func, insert, select

from orderpage.adapters.sql.revision import SchemaMismatch
from orderpage.adapters.sql.schema import shops
from orderpage.adapters.sql.sqlite import path_of
from orderpage.adapters.sql.sqlite_database import SqliteDatabase
from orderpage.ports import Unavailable

T = TypeVar("T")
Work = Callable[[Connection], T]


@pytest.fixture
def url(sqlite_url: str) -> str:
    return sqlite_url


@pytest.fixture
async def database(url: str) -> AsyncIterator[SqliteDatabase]:
    database = SqliteDatabase(url)
    yield database
    await database.close()


def add_shop(connection: Connection, shop_id: str) -> str:
    connection.execute(insert(shops), {"shop_id": shop_id, "name": {"en": shop_id}})
    return shop_id


def adding(shop_id: str) -> Work[str]:
    return lambda connection: add_shop(connection, shop_id)


def count_shops(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(shops)).scalar_one()


async def test_writes_that_wait_together_share_a_commit(database: SqliteDatabase) -> None:
    results = await asyncio.gather(*(database.write(adding(f"s-{n}")) for n in range(60)))
    assert results == [f"s-{n}" for n in range(60)]
    assert database.jobs == 60
    assert database.commits < 20
    assert await database.read(count_shops) == 61


async def test_a_group_holds_no_more_than_its_limit(url: str) -> None:
    database = SqliteDatabase(url, group=4)
    await asyncio.gather(*(database.write(adding(f"s-{n}")) for n in range(16)))
    assert database.commits >= 4
    await database.close()


async def test_when_a_write_ends_the_shared_transaction_nobody_is_told_of_success(database: SqliteDatabase) -> None:
    def end(connection: Connection) -> None:
        connection.exec_driver_sql("ROLLBACK")

    writes: list[Work[Any]] = [adding("before"), end, adding("after")]
    results = await asyncio.gather(*(database.write(work) for work in writes), return_exceptions=True)
    committed = [result for result in results if isinstance(result, str)]
    assert await database.read(count_shops) == 1 + len(committed)
    assert isinstance(results[1], Unavailable)
    assert await database.write(adding("later")) == "later"


async def test_a_full_disk_is_an_outage_and_what_was_confirmed_is_there(database: SqliteDatabase) -> None:
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


async def test_a_failed_commit_reaches_every_write_of_its_group(database: SqliteDatabase) -> None:
    def owe(connection: Connection) -> None:
        connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        connection.exec_driver_sql("INSERT INTO stock (sku_id, available, version) VALUES ('nothing', 1, 1)")

    with pytest.raises(Unavailable) as caught:
        await database.write(owe)
    assert "stock" not in str(caught.value)
    assert await database.write(adding("later")) == "later"


async def test_a_deleted_file_is_an_outage(database: SqliteDatabase, url: str) -> None:
    path_of(url).unlink()
    with pytest.raises(Unavailable):
        await database.write(adding("s-2"))
    with pytest.raises(Unavailable):
        await database.read(count_shops)


async def test_a_replaced_file_is_an_outage(database: SqliteDatabase, url: str) -> None:
    path = path_of(url)
    path.rename(path.with_suffix(".old"))
    sqlite3.connect(path).close()
    path.touch()
    with pytest.raises(Unavailable):
        await database.write(adding("s-2"))


async def test_commits_are_flushed_in_a_write_ahead_log(database: SqliteDatabase) -> None:
    def pragma(name: str) -> Work[Any]:
        return lambda c: c.exec_driver_sql(f"PRAGMA {name}").scalar_one()

    assert await database.write(pragma("journal_mode")) == "wal"
    assert await database.write(pragma("synchronous")) == 2
    assert await database.write(pragma("foreign_keys")) == 1


@pytest.mark.parametrize(
    "wrong", ["sqlite://", "sqlite:///:memory:", "postgresql+asyncpg://db/orders", "://", "orders.db"]
)
def test_a_url_that_names_no_sqlite_file_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"write .*sqlite"):
        path_of(wrong)


def test_a_url_names_the_file() -> None:
    assert path_of("sqlite:////data/orders.db") == Path("/data/orders.db")
    assert path_of("sqlite+pysqlite:///orders.db") == Path("orders.db")


def test_an_absent_file_is_not_made_by_opening_it(tmp_path: Path) -> None:
    with pytest.raises(SchemaMismatch, match="run `orderpage migrate`"):
        SqliteDatabase(f"sqlite:///{tmp_path / 'none.db'}")
    assert not (tmp_path / "none.db").exists()


def test_an_empty_file_says_what_to_run(tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    with pytest.raises(SchemaMismatch, match="has no schema yet; run `orderpage migrate`"):
        SqliteDatabase(f"sqlite:///{tmp_path / 'empty.db'}")


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a database, but long enough to be looked at" * 50)
    with pytest.raises(SchemaMismatch, match=r"notes\.txt cannot be read"):
        SqliteDatabase(f"sqlite:///{tmp_path / 'notes.txt'}")
