"""Writing without the service: the same rows, the driver's own calls, the same durability."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

from orderpage.adapters.sql.sqlite import path_of
from orderpage.adapters.sql.urls import is_postgresql
from orderpage.bench.submit.raw_sqlite import RawSqlite
from orderpage.bench.submit.template import Statement
from orderpage.settings import ServerSettings


class Raw(Protocol):
    """Transactions of statements. ``commits`` counts those that are durable."""

    commits: int

    def place(self, number: int) -> str:
        """The driver's placeholder of a statement's parameter ``number``, from 1."""

    async def write(self, statements: Sequence[Statement]) -> None:
        """Once this returns, they are durable. Raises the driver's own errors."""

    async def close(self) -> None:
        """Finish what waits, and let the database go."""


@asynccontextmanager
async def open_raw(settings: ServerSettings) -> AsyncIterator[Raw]:
    """On the settings' database, until the block ends."""
    raw = await _open(settings)
    try:
        yield raw
    finally:
        await raw.close()


async def _open(settings: ServerSettings) -> Raw:
    if not is_postgresql(settings.database):
        return RawSqlite(path_of(settings.database))
    from orderpage.bench.submit.raw_postgres import RawPostgres  # noqa: PLC0415  # on SQLite nobody pays for asyncpg

    connections, seconds = settings.database_connections, settings.database_timeout
    return await RawPostgres.open(settings.database, connections=connections, seconds=seconds)
