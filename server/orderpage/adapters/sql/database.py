"""What the adapters need of a database, and the choice of one by its URL."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from sqlalchemy import Connection

from orderpage.adapters.sql.urls import is_postgresql
from orderpage.ports import DatabaseLoad

T = TypeVar("T")


class Transactions(Protocol):
    """Each function runs in one transaction, without holding up the event loop.

    Raises ``Unavailable`` when the database does not answer, and whatever the function raises.
    """

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` on a consistent view; it may not write."""

    async def look(self, work: Callable[[Connection], T]) -> T:
        """Run ``work``, a single query: it sees one state by itself, so no transaction needs to be opened around it."""

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run ``work``; once this returns, what it wrote is on disk. Where the database asks for it, ``work`` is run
        again from its start, so it must do nothing but statements.
        """


class Database(Transactions, Protocol):
    """An open database of this program's schema."""

    def load(self) -> DatabaseLoad:
        """How busy it is. May be asked from any thread."""

    async def close(self) -> None:
        """Finish what is under way, then let the database go. Later calls raise ``Unavailable``."""


async def open_database(url: str, *, connections: int = 8, seconds: float = 5.0) -> Database:
    """The database that ``url`` names, once its schema is found to be this program's.

    PostgreSQL gets at most ``connections``, and ``seconds`` to connect, for a free connection, and for a
    statement. SQLite needs neither. Raises ``WrongUrl``, ``SchemaMismatch``, or ``Unavailable`` for a server that
    does not answer or does not let us in.
    """
    if is_postgresql(url):
        # Imported here: a server on SQLite must not pay for asyncpg.
        from orderpage.adapters.sql.postgres_database import PostgresDatabase  # noqa: PLC0415

        return await PostgresDatabase.open(url, connections=connections, seconds=seconds)
    from orderpage.adapters.sql.sqlite_database import SqliteDatabase  # noqa: PLC0415

    return SqliteDatabase(url)
