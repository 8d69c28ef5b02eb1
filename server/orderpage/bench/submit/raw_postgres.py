"""Raw writing to PostgreSQL, with nothing but the driver: each transaction on one of as many connections as we use."""

import asyncio
from collections.abc import Sequence
from typing import Any, Self

from sqlalchemy.ext.asyncio import AsyncEngine

from orderpage.adapters.sql.postgres import open_engine
from orderpage.bench.submit.template import Statement


class RawPostgres:
    """Transactions of prepared statements. ``commits`` counts those committed. Made by ``open``."""

    def __init__(self, engine: AsyncEngine, held: Sequence[Any]) -> None:
        """``held`` are SQLAlchemy's wrappings of open connections, which bring the service's own session settings."""
        self.commits = 0
        self._engine = engine
        self._held = held
        self._free: asyncio.LifoQueue[Any] = asyncio.LifoQueue()
        for connection in held:
            self._free.put_nowait(connection.driver_connection)

    @classmethod
    async def open(cls, url: str, *, connections: int, seconds: float) -> Self:
        """As ``open_database``, all connections at once."""
        engine = open_engine(url, connections=connections, seconds=seconds)
        return cls(engine, [await engine.raw_connection() for _ in range(connections)])

    def place(self, number: int) -> str:
        """A placeholder: they go by number."""
        return f"${number}"

    async def write(self, statements: Sequence[Statement]) -> None:
        """Once this returns, they are committed. Raises ``asyncpg.PostgresError``."""
        connection = await self._free.get()
        try:
            async with connection.transaction():
                for sql, rows in statements:
                    if len(rows) == 1:
                        await connection.execute(sql, *rows[0])
                    else:
                        await connection.executemany(sql, rows)
        finally:
            self._free.put_nowait(connection)
        self.commits += 1

    async def close(self) -> None:
        """Let the connections go."""
        for connection in self._held:
            connection.close()
        await self._engine.dispose()
