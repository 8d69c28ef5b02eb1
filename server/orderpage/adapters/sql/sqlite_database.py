"""A SQLite database for asyncio: one thread writes, a few read."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from orderpage.adapters.sql.readers import Readers
from orderpage.adapters.sql.revision import SchemaMismatch, check_revision
from orderpage.adapters.sql.sqlite import Identity, open_engine, path_of, require_file
from orderpage.adapters.sql.writer import GROUP, Writer
from orderpage.ports import DatabaseLoad

T = TypeVar("T")


class SqliteDatabase:
    """``Database`` in a migrated SQLite file.

    ``write`` shares commits with other writes that wait; a cancelled write may still commit.

    Raises ``SchemaMismatch`` when the file is absent or was not migrated to this program's revision, ``WrongUrl`` for
    a URL that is not SQLite's.
    """

    def __init__(self, url: str, *, readers: int = 2, group: int = GROUP) -> None:
        path = path_of(url)
        require_file(path)
        self._file = Identity(path)
        self._reading = open_engine(path, writes=False, size=readers)
        try:
            with self._reading.connect() as connection:
                check_revision(connection, str(path))
        except DBAPIError as error:
            self._reading.dispose()
            raise SchemaMismatch(f"{path} cannot be read as an orderpage database: {error.orig}") from error
        except SchemaMismatch:
            self._reading.dispose()
            raise
        self._writing = open_engine(path, writes=True)
        self._writer = Writer(self._writing, self._file.unchanged, group=group)
        self._readers = Readers(self._reading, self._file.unchanged, size=readers)

    @property
    def commits(self) -> int:
        """Transactions committed since the database was opened; with ``jobs``, how well writes are grouped."""
        return self._writer.commits

    @property
    def jobs(self) -> int:
        """Writes taken up since the database was opened."""
        return self._writer.jobs

    async def read(self, work: Callable[[Connection], T]) -> T:
        """As ``Transactions.read``."""
        return await self.look(lambda connection: _in_transaction(connection, work))

    async def look(self, work: Callable[[Connection], T]) -> T:
        """As ``Transactions.look``."""
        result: T = await self._readers.submit(work)
        return result

    async def write(self, work: Callable[[Connection], T]) -> T:
        """As ``Transactions.write``."""
        result: T = await self._writer.submit(work)
        return result

    def load(self) -> DatabaseLoad:
        """As ``Database.load``: what waits is the writer's queue, the connections are the readers'."""
        return DatabaseLoad(
            writes=self._writer.jobs,
            commits=self._writer.commits,
            waiting=self._writer.waiting,
            busy=self._readers.busy,
            connections=self._readers.size,
        )

    async def close(self) -> None:
        """As ``Database.close``: the writes that wait are finished."""
        await asyncio.to_thread(self._end)

    def _end(self) -> None:
        self._writer.close()
        self._readers.close()
        self._writing.dispose()
        self._reading.dispose()


def _in_transaction(connection: Connection, work: Callable[[Connection], T]) -> T:
    with connection.begin():
        return work(connection)
