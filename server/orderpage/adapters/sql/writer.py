"""The one thread that writes to a SQLite file, committing in groups.

A commit is a disk flush, by far the dearest step of an order. Writes that wait together share one.
"""

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Engine

from orderpage.adapters.sql.failures import translated, unavailable
from orderpage.adapters.sql.jobs import Job, Work, settle
from orderpage.ports import Unavailable

GROUP = 32
"""Writes that share a commit, at most."""


class _GroupLost(Exception):
    """A job ended the transaction that others share."""


class Writer:
    """Runs jobs in the order they came, up to ``group`` in a transaction, each within its own savepoint.

    ``commits`` counts transactions committed, ``jobs`` the jobs taken up.
    """

    def __init__(self, engine: Engine, usable: Callable[[], bool], *, group: int = GROUP) -> None:
        self.commits = 0
        self.jobs = 0
        self._engine = engine
        self._connection: Connection | None = None  # kept: a pool's check at each commit costs as much as a statement
        self._usable = usable
        self._group = group
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._closed = False
        self._gate = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="orderpage-writer", daemon=True)
        self._thread.start()

    def submit(self, work: Work) -> "asyncio.Future[Any]":
        """Queue ``work`` for the calling loop. Raises ``Unavailable`` once closed."""
        job = Job(work)
        with self._gate:
            if self._closed:
                raise unavailable("the database is closed")
            self._queue.put(job)
        return job.future

    @property
    def waiting(self) -> int:
        """Writes that nobody has taken up yet."""
        return self._queue.qsize()

    def close(self) -> None:
        """Take no more work, finish what waits, and end the thread. Blocks."""
        with self._gate:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        more = True
        while more and (first := self._queue.get()) is not None:
            group, more = self._gather(first)
            try:
                self._commit(group)
            except BaseException as error:  # the thread must outlive anything that a group does
                self._drop()
                failure = unavailable("the write was not committed", error)
                for job in group:  # refusals too: they may rest on what another job wrote and lost
                    job.error = Unavailable(str(failure))
            settle(group)
        self._drop()

    def _gather(self, first: Job) -> tuple[list[Job], bool]:
        group = [first]
        while len(group) < self._group:
            try:
                job = self._queue.get_nowait()
            except queue.Empty:
                break
            if job is None:
                return group, False
            group.append(job)
        return group, True

    def _commit(self, group: list[Job]) -> None:
        if not self._usable():
            raise OSError("the database file was deleted or replaced")
        connection = self._connection = self._connection or self._engine.connect()
        with connection.begin():
            for job in group:
                if not job.future.cancelled():
                    self._work(connection, job)
        self.commits += 1

    def _drop(self) -> None:
        """Let go of a connection on which a group failed; the next group opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()
            connection.close()

    def _work(self, connection: Connection, job: Job) -> None:
        self.jobs += 1
        driver: sqlite3.Connection = connection.connection.dbapi_connection  # type: ignore[assignment]
        # Said to the driver: SQLAlchemy's own nested transactions cost more than most statements of a job.
        driver.execute("SAVEPOINT job")
        try:
            job.result = job.work(connection)
        except BaseException as error:
            job.error = translated(error)
            # Some errors (disk full, I/O) make SQLite roll all of the transaction back. The next savepoint would then
            # open a new one, and the jobs before this one would be told that they were committed.
            if not driver.in_transaction:
                raise _GroupLost("a job ended the transaction of its group") from error
            driver.execute("ROLLBACK TO job")
        driver.execute("RELEASE job")
