"""The few threads that read a SQLite file, each on a connection of its own that stays open.

Taking a connection from a pool and giving it back costs more than the query of a small look.
"""

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from orderpage.adapters.sql.failures import translated, unavailable
from orderpage.adapters.sql.jobs import Job, Work, settle


class Readers:
    """Runs reads in the order they came, ``size`` at a time."""

    def __init__(self, engine: Engine, usable: Callable[[], bool], *, size: int) -> None:
        self.size = size
        self._engine = engine
        self._usable = usable
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._closed = False
        self._gate = threading.Lock()
        self._idle = size
        self._threads = [
            threading.Thread(target=self._run, name=f"orderpage-reader-{number}", daemon=True) for number in range(size)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def busy(self) -> int:
        """Threads that read now."""
        return self.size - self._idle

    def submit(self, work: Work) -> "asyncio.Future[Any]":
        """A future of the calling loop for what ``work`` returns. Raises ``Unavailable`` once closed."""
        job = Job(work)
        with self._gate:
            if self._closed:
                raise unavailable("the database is closed")
            self._queue.put(job)
        return job.future

    def close(self) -> None:
        """Take no more work, finish what waits, and end the threads. Blocks."""
        with self._gate:
            if not self._closed:
                self._closed = True
                for _ in self._threads:
                    self._queue.put(None)
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        connection: Connection | None = None
        while (job := self._queue.get()) is not None:
            if job.future.cancelled():
                continue
            self._count(-1)
            try:
                if not self._usable():
                    raise unavailable("the database file was deleted or replaced")
                connection = connection or self._engine.connect()
                job.result = _alone(connection, job.work)
            except BaseException as error:  # the thread must outlive anything that a read does
                job.error = translated(error)
                if connection is not None and isinstance(error, DBAPIError):
                    _drop(connection)
                    connection = None
            self._count(1)
            settle([job])
        if connection is not None:
            connection.close()

    def _count(self, by: int) -> None:
        with self._gate:
            self._idle += by


def _alone(connection: Connection, work: Work) -> Any:
    """What ``work`` returns; a transaction that it opened by itself does not stay open."""
    try:
        return work(connection)
    finally:
        if connection.in_transaction():
            connection.rollback()


def _drop(connection: Connection) -> None:
    """Let go of a connection that failed; the next read opens another."""
    connection.invalidate()
    connection.close()
