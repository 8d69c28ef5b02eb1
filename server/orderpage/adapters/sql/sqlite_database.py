"""A SQLite database for asyncio: one thread writes, a few read."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from orderpage.adapters.sql.failures import translated, unavailable
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
        self._readers = ThreadPoolExecutor(readers, thread_name_prefix="orderpage-reader")
        self._closed = False

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
        if self._closed:
            raise unavailable("the database is closed")
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, work)

    async def look(self, work: Callable[[Connection], T]) -> T:
        """As ``Transactions.look``: beginning and ending cost nothing in the same process."""
        return await self.read(work)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """As ``Transactions.write``."""
        result: T = await self._writer.submit(work)
        return result

    def load(self) -> DatabaseLoad:
        """As ``Database.load``: what waits is the writer's queue, the connections are the readers'."""
        pool = self._reading.pool
        return DatabaseLoad(
            writes=self._writer.jobs,
            commits=self._writer.commits,
            waiting=self._writer.waiting,
            busy=pool.checkedout(),  # type: ignore[attr-defined]  # of QueuePool, which every engine here has
            connections=pool.size(),  # type: ignore[attr-defined]
        )

    async def close(self) -> None:
        """As ``Database.close``: the writes that wait are finished."""
        self._closed = True
        await asyncio.to_thread(self._end)

    def _read(self, work: Callable[[Connection], T]) -> T:
        try:
            if not self._file.unchanged():
                raise unavailable("the database file was deleted or replaced")
            with self._reading.begin() as connection:
                return work(connection)
        except Exception as error:
            raise translated(error) from error.__cause__

    def _end(self) -> None:
        self._writer.close()
        self._readers.shutdown(wait=True)
        self._writing.dispose()
        self._reading.dispose()
