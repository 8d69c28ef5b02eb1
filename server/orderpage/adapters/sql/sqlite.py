"""Connections to a SQLite file.

The driver's own transaction handling is off (``isolation_level=None``): it begins late, and never for SAVEPOINT.
SQLAlchemy's dialect says BEGIN instead, so what the code opens is what the database opens.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import QueuePool

from orderpage.adapters.sql.revision import SchemaMismatch
from orderpage.adapters.sql.urls import WrongUrl, parse

BUSY_SECONDS = 5.0

_EVERY = ("foreign_keys = ON", f"busy_timeout = {int(BUSY_SECONDS * 1000)}")
WRITER_PRAGMAS = (*_EVERY, "journal_mode = WAL", "synchronous = FULL")
"""What makes a commit durable, and the readers free meanwhile."""


def path_of(url: str) -> Path:
    """The file that ``sqlite:///relative`` or ``sqlite:////absolute`` names. Raises ``WrongUrl``."""
    parsed = parse(url)
    if parsed.get_backend_name() != "sqlite":
        raise WrongUrl(f"{parsed.get_backend_name()!r} is not SQLite; write the URL like 'sqlite:///orders.db'")
    if not parsed.database or parsed.database == ":memory:":
        raise WrongUrl("orders need a file: a database in memory is lost; write the URL like 'sqlite:///orders.db'")
    return Path(parsed.database)


def open_engine(path: Path, *, writes: bool, create: bool = False, size: int = 1) -> Engine:
    """An engine with up to ``size`` connections. Without ``create`` the file must exist."""
    mode = "rwc" if create else "rw"
    address = f"file:{quote(str(path.absolute()))}?mode={mode}"

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)

    engine = create_engine(
        "sqlite+pysqlite://",
        creator=connect,
        poolclass=QueuePool,
        pool_size=size,
        max_overflow=0,
        hide_parameters=True,  # errors are logged, and parameters hold addresses
    )
    begin = "BEGIN IMMEDIATE" if writes else "BEGIN"
    pragmas = WRITER_PRAGMAS if writes else (*_EVERY, "query_only = ON")

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}").close()

    def say_begin(connection: Any) -> None:
        connection.execute(begin)

    # Not by a listener to ``begin``: an engine that has one looks for listeners at each statement.
    engine.dialect.do_begin = say_begin  # type: ignore[method-assign, assignment]
    return engine


def require_file(path: Path) -> None:
    """Raises ``SchemaMismatch`` where there is no file."""
    if not path.is_file():
        raise SchemaMismatch(f"there is no database at {path}; run `orderpage migrate`")


@contextmanager
def writing(url: str, *, create: bool = False) -> Iterator[Connection]:
    """One write transaction, for commands: committed at the end of the block, rolled back by an exception.

    A server on the same file waits meanwhile, so keep it short. Raises ``SchemaMismatch`` for a file that is not
    there and is not to be made, ``WrongUrl`` for one that cannot be opened.
    """
    path = path_of(url)
    if not create:
        require_file(path)
    engine = open_engine(path, writes=True, create=create)
    try:
        with engine.begin() as connection:
            yield connection
    except OperationalError as error:
        raise WrongUrl(f"{path} cannot be written: {error.orig}") from error
    finally:
        engine.dispose()


class Identity:
    """Which file a path names. SQLite goes on writing to a file that was deleted or replaced under it; we must not."""

    def __init__(self, path: Path) -> None:
        self._path = os.fspath(path)
        self._seen = self._now()

    def unchanged(self) -> bool:
        """Whether the path still names the file it named at first."""
        try:
            return self._now() == self._seen
        except OSError:
            return False

    def _now(self) -> tuple[int, int]:
        status = os.stat(self._path)
        return status.st_dev, status.st_ino
