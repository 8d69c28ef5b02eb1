"""Raw writing to a SQLite file, with nothing but the driver: one thread, one connection, commits in groups."""

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path

from orderpage.adapters.sql.sqlite import BUSY_SECONDS, WRITER_PRAGMAS
from orderpage.adapters.sql.writer import GROUP
from orderpage.bench.submit.template import Statement

_Job = tuple[Sequence[Statement], asyncio.AbstractEventLoop, "asyncio.Future[None]"]


class RawSqlite:
    """Transactions of statements, up to as many in one commit as the service's own writer puts there.

    ``commits`` counts transactions committed.
    """

    def __init__(self, path: Path) -> None:
        self.commits = 0
        self._path = path
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="raw-writer", daemon=True)
        self._thread.start()

    def place(self, number: int) -> str:
        """A placeholder: they go by position."""
        return "?"

    async def write(self, statements: Sequence[Statement]) -> None:
        """Once this returns, they are on disk. Raises ``sqlite3.Error``, for all that shared the commit."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self._queue.put((statements, loop, future))
        await future

    async def close(self) -> None:
        """Finish what waits."""
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        connection = sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None)
        for pragma in WRITER_PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        more = True
        while more and (first := self._queue.get()) is not None:
            group, more = self._gather(first)
            error = self._commit(connection, [statements for statements, _, _ in group])
            group[0][1].call_soon_threadsafe(_settle, [future for _, _, future in group], error)
        connection.close()

    def _gather(self, first: _Job) -> tuple[list[_Job], bool]:
        group = [first]
        while len(group) < GROUP:
            try:
                job = self._queue.get_nowait()
            except queue.Empty:
                break
            if job is None:
                return group, False
            group.append(job)
        return group, True

    def _commit(self, connection: sqlite3.Connection, group: Sequence[Sequence[Statement]]) -> sqlite3.Error | None:
        try:
            connection.execute("BEGIN IMMEDIATE")
            for statements in group:
                for sql, rows in statements:
                    connection.executemany(sql, rows)
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            return error
        self.commits += 1
        return None


def _settle(futures: Sequence["asyncio.Future[None]"], error: sqlite3.Error | None) -> None:
    for future in futures:
        if future.done():  # its caller was cancelled
            continue
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(None)
