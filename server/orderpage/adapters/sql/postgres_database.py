"""A PostgreSQL database for asyncio: each function in a transaction of its own, on one of a few connections."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Self, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from orderpage.adapters.sql import postgres_connections
from orderpage.adapters.sql.failures import log, sqlstate_of, translated, unavailable
from orderpage.adapters.sql.postgres import connected, open_engine
from orderpage.adapters.sql.postgres_connections import Connections, looked, written
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

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
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
        return cls(Connections(engine, size=connections, seconds=seconds))

    async def read(self, work: Callable[[Connection], T]) -> T:
        """As ``Transactions.read``: one snapshot for all statements."""
        async with self._call():
            return await self._connections.run(partial(postgres_connections.read, work=work))

    async def look(self, work: Callable[[Connection], T]) -> T:
        """As ``Transactions.look``: one exchange with the server, where ``read`` takes three."""
        async with self._call():
            return await self._connections.run(partial(looked, work=work))

    async def write(self, work: Callable[[Connection], T]) -> T:
        """As ``Transactions.write``: at READ COMMITTED, so that a statement sees what the lock it waited for left."""
        self._writes += 1
        async with self._call():
            result = await self._write(work)
        self._commits += 1
        return result

    def load(self) -> DatabaseLoad:
        """As ``Database.load``."""
        return DatabaseLoad(
            writes=self._writes,
            commits=self._commits,
            waiting=max(self._under_way - self._connections.busy, 0),
            busy=self._connections.busy,
            connections=self._connections.size,
        )

    async def close(self) -> None:
        """As ``Database.close``."""
        self._closed = True
        await self._idle.wait()
        await self._connections.close()

    async def _write(self, work: Callable[[Connection], T]) -> T:
        for attempt in range(1, _ATTEMPTS):
            try:
                return await self._connections.run(partial(written, work=work))
            except DBAPIError as error:
                if sqlstate_of(error) not in _LOST_RACES:
                    raise
                log.info("database.retried", sqlstate=sqlstate_of(error), attempt=attempt)
            # Jitter, so that those who met do not meet again.
            await asyncio.sleep(_FIRST_WAIT * 2**attempt * random.random())  # noqa: S311
        return await self._connections.run(partial(written, work=work))

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
