"""What both databases promise to the adapters."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from sqlalchemy import Connection, func, insert, select
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.util import await_

from orderpage.adapters.sql.database import Database, open_database
from orderpage.adapters.sql.schema import shops
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


async def test_a_cancelled_caller_does_not_disturb_the_others(database: Database) -> None:
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


async def test_a_single_query_sees_what_was_committed_before_it(database: Database) -> None:
    assert await database.look(count_shops) == 1
    await database.write(adding("s-2"))
    assert await database.look(count_shops) == 2
    await database.close()
    with pytest.raises(Unavailable):
        await database.look(count_shops)


async def test_closing_finishes_what_waits_and_then_refuses(url: str) -> None:
    database = await open_database(url)
    writes = [asyncio.create_task(database.write(adding(f"s-{n}"))) for n in range(40)]
    await asyncio.sleep(0)
    await database.close()
    assert len(await asyncio.gather(*writes)) == 40
    with pytest.raises(Unavailable):
        await database.write(adding("late"))
    with pytest.raises(Unavailable):
        await database.read(count_shops)
    await database.close()


async def test_a_reader_sees_one_moment(url: str) -> None:
    database, other = await open_database(url), await open_database(url)
    loop = asyncio.get_running_loop()

    def count_twice(connection: Connection) -> tuple[int, int]:
        before = count_shops(connection)
        meanwhile = other.write(adding("s-new"))
        if connection.dialect.is_async:
            await_(meanwhile)
        else:
            asyncio.run_coroutine_threadsafe(meanwhile, loop).result()
        return before, count_shops(connection)

    assert await database.read(count_twice) == (1, 1)
    assert await database.read(count_shops) == 2
    await database.close()
    await other.close()
