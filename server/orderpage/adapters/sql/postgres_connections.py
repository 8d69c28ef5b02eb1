"""The connections to a PostgreSQL server, each kept open and used by one transaction after another.

Taking one from SQLAlchemy's pool for each transaction, and setting up and undoing its isolation, costs several times
the query of a small look.
"""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

T = TypeVar("T")


class Connections:
    """Up to ``size`` of ``engine``'s. ``seconds`` is how long a transaction waits for a free one."""

    def __init__(self, engine: AsyncEngine, *, size: int, seconds: float) -> None:
        self.size = size
        self.busy = 0
        self._engine = engine
        self._seconds = seconds
        self._free = asyncio.Semaphore(size)
        self._idle: list[AsyncConnection] = []

    async def run(self, work: Callable[[Connection], T]) -> T:
        """What ``work`` returns. Raises ``TimeoutError`` when none came free, and whatever ``work`` raises."""
        if self._free.locked():
            async with asyncio.timeout(self._seconds):
                await self._free.acquire()
        else:
            await self._free.acquire()
        self.busy += 1
        try:
            return await self._run(work)
        finally:
            self.busy -= 1
            self._free.release()

    async def close(self) -> None:
        """Close those that are idle; nothing may be under way."""
        while self._idle:
            await self._idle.pop().close()
        await self._engine.dispose()

    async def _run(self, work: Callable[[Connection], T]) -> T:
        connection = await self._take()
        try:
            result = await connection.run_sync(work)
        except (OSError, asyncio.CancelledError):
            # Nobody answered in time, or nobody waits: what this connection would say next belongs to the statement
            # that was given up.
            await _drop(connection)
            raise
        except BaseException:
            await self._keep(connection)
            raise
        await self._keep(connection)
        return result

    async def _take(self) -> AsyncConnection:
        """The one used last, if the server has not closed it meanwhile."""
        while self._idle:
            connection = self._idle.pop()
            if not _driver(connection).is_closed():
                return connection
            await _drop(connection)
        return await self._engine.connect()

    async def _keep(self, connection: AsyncConnection) -> None:
        if connection.invalidated or connection.in_transaction():
            await _drop(connection)
        else:
            self._idle.append(connection)


async def _drop(connection: AsyncConnection) -> None:
    await connection.invalidate()
    await connection.close()


def _driver(connection: AsyncConnection) -> Any:
    return connection.sync_connection.connection.driver_connection  # type: ignore[union-attr]  # it was started


def written(connection: Connection, work: Callable[[Connection], T]) -> T:
    """In a transaction, as the engine isolates them."""
    with connection.begin():
        return work(connection)


def looked(connection: Connection, work: Callable[[Connection], T]) -> T:
    """Without a transaction: each statement is one by itself."""
    return _isolated(connection, "AUTOCOMMIT", work)


def read(connection: Connection, work: Callable[[Connection], T]) -> T:
    """In a transaction that sees one state, and may not write."""
    driver: Any = connection.connection.dbapi_connection
    driver.readonly = True
    try:
        return _isolated(connection, "REPEATABLE READ", work)
    finally:
        driver.readonly = False


def _isolated(connection: Connection, level: Any, work: Callable[[Connection], T]) -> T:
    # Said to the driver, which only notes it: as an option of SQLAlchemy it would hold for the connection's life.
    driver: Any = connection.connection.dbapi_connection
    before = driver.isolation_level
    connection.dialect.set_isolation_level(driver, level)
    try:
        with connection.begin():
            return work(connection)
    finally:
        driver.isolation_level = before
