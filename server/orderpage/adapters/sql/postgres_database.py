"""A PostgreSQL database for asyncio: each function in a transaction of its own, on one of a few connections."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Self, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from orderpage.adapters.sql.failures import log, sqlstate_of, translated, unavailable
from orderpage.adapters.sql.postgres import connected, open_engine
from orderpage.adapters.sql.revision import check_revision
from orderpage.adapters.sql.urls import shown
from orderpage.ports import DatabaseLoad

T = TypeVar("T")

_LOST_RACES = ("40001", "40P01")
"""Serialization failure and deadlock: the server undid the transaction, and says that it may succeed when repeated."""

_ATTEMPTS = 5
_FIRST_WAIT = 0.01


class PostgresDatabase:
    """``Database`` on a PostgreSQL server. A cancelled write may still commit. Made by ``open``."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._reading = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        self._looking = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._under_way = 0
        self._writes = 0
        self._commits = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = False

    @classmethod
    async def open(cls, url: str, *, connections: int = 8, seconds: float = 5.0) -> Self:
        """As ``open_database``."""
        engine = open_engine(url, connections=connections, seconds=seconds)
        try:
            async with connected(engine, url) as connection:
                await connection.run_sync(check_revision, shown(url))
        except BaseException:
            await engine.dispose()
            raise
        return cls(engine)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """As ``Transactions.read``: one snapshot for all statements."""
        async with self._call():
            return await _transaction(self._reading, work)

    async def look(self, work: Callable[[Connection], T]) -> T:
        """As ``Transactions.look``: one exchange with the server, where ``read`` takes three."""
        async with self._call():
            return await _alone(self._looking, work)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """As ``Transactions.write``: at READ COMMITTED, so that a statement sees what the lock it waited for left."""
        self._writes += 1
        async with self._call():
            result = await self._write(work)
        self._commits += 1
        return result

    def load(self) -> DatabaseLoad:
        """As ``Database.load``."""
        pool = self._engine.pool
        busy: int = pool.checkedout()  # type: ignore[attr-defined]  # of the queue pool that it is
        return DatabaseLoad(
            writes=self._writes,
            commits=self._commits,
            waiting=max(self._under_way - busy, 0),
            busy=busy,
            connections=pool.size(),  # type: ignore[attr-defined]
        )

    async def close(self) -> None:
        """As ``Database.close``."""
        self._closed = True
        await self._idle.wait()
        await self._engine.dispose()

    async def _write(self, work: Callable[[Connection], T]) -> T:
        for attempt in range(1, _ATTEMPTS):
            try:
                return await _transaction(self._engine, work)
            except DBAPIError as error:
                if sqlstate_of(error) not in _LOST_RACES:
                    raise
                log.info("database.retried", sqlstate=sqlstate_of(error), attempt=attempt)
            # Jitter, so that those who met do not meet again.
            await asyncio.sleep(_FIRST_WAIT * 2**attempt * random.random())  # noqa: S311
        return await _transaction(self._engine, work)

    @asynccontextmanager
    async def _call(self) -> AsyncIterator[None]:
        """Count a call, and translate how it fails."""
        if self._closed:
            raise unavailable("the database is closed")
        self._under_way += 1
        self._idle.clear()
        try:
            yield
        except OSError as error:  # cannot connect, or no answer in time
            raise unavailable("the database did not answer", error) from error
        except SQLAlchemyError as error:
            raise translated(error) from error.__cause__
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._idle.set()


async def _transaction(engine: AsyncEngine, work: Callable[[Connection], T]) -> T:
    async with _connection(engine) as connection, connection.begin():
        return await connection.run_sync(work)


async def _alone(engine: AsyncEngine, work: Callable[[Connection], T]) -> T:
    async with _connection(engine) as connection:
        return await connection.run_sync(work)


@asynccontextmanager
async def _connection(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    async with engine.connect() as connection:
        try:
            yield connection
        except OSError:
            # Nobody answered in time: what this connection would say next belongs to the statement that was given up.
            await connection.invalidate()
            raise
