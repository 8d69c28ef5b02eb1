"""Connections to a PostgreSQL server, by asyncpg."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from sqlalchemy import Connection, event, text
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from orderpage.adapters.sql.urls import WrongUrl, parse, shown
from orderpage.ports import Unavailable

T = TypeVar("T")

_STATEMENTS = 400
"""Prepared statements kept by a connection: an IN list is a statement of its own for each length."""

_SLACK = 2.0
"""Seconds that the server's own timeout gets to arrive before we stop listening."""

_COMMANDS = 0x6F7264657270
"""The advisory lock that commands take, so that two of them on one database run one after another."""


def open_engine(url: str, *, connections: int, seconds: float) -> AsyncEngine:
    """An engine with up to ``connections``, each at READ COMMITTED. ``seconds`` as in ``open_database``."""
    engine = create_async_engine(
        parse(url),
        pool_size=connections,
        max_overflow=0,
        pool_timeout=seconds,
        isolation_level="READ COMMITTED",
        hide_parameters=True,  # errors are logged, and parameters hold addresses
        connect_args={
            "timeout": seconds,
            "command_timeout": seconds + _SLACK,
            "prepared_statement_cache_size": _STATEMENTS,
            "server_settings": {
                "application_name": "orderpage",
                "statement_timeout": str(int(seconds * 1000)),
                # A worker that hangs inside a transaction must not keep its locks for ever.
                "idle_in_transaction_session_timeout": str(int(4 * seconds * 1000)),
            },
        },
    )

    @event.listens_for(engine.sync_engine, "checkout")
    def refuse_closed(connection: Any, _record: object, _proxy: object) -> None:
        # A server that went away has closed its end. Asking costs nothing here, where a ping is a round trip.
        if connection.driver_connection.is_closed():
            raise DisconnectionError

    return engine


async def run_command(url: str, work: Callable[[Connection], T]) -> T:
    """Run ``work`` in one write transaction, alone among commands. No statement of it is timed out.

    Raises ``WrongUrl``, ``Unavailable`` with the server's own words, and whatever ``work`` raises.
    """
    connect = {"timeout": 10.0, "server_settings": {"application_name": "orderpage"}}
    engine = create_async_engine(
        parse(url), poolclass=NullPool, isolation_level="READ COMMITTED", hide_parameters=True, connect_args=connect
    )

    def alone(connection: Connection) -> T:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _COMMANDS})
        return work(connection)

    try:
        async with connected(engine, url) as connection, connection.begin():
            return await connection.run_sync(alone)
    except DBAPIError as error:
        raise Unavailable(f"{shown(url)} refused: {_words(error)}") from error
    finally:
        await engine.dispose()


@asynccontextmanager
async def connected(engine: AsyncEngine, url: str) -> AsyncIterator[AsyncConnection]:
    """The first connection to a server. Raises ``Unavailable`` or ``WrongUrl``, written for an operator."""
    name, connection = shown(url), engine.connect()
    try:
        await connection.start()
    except DBAPIError as error:
        message = f"{name} lets nobody in: {_words(error)}; see to the server, or correct the URL"
        raise Unavailable(message) from error
    except OSError as error:  # TimeoutError is one
        reason = str(error) or "no answer in time"
        raise Unavailable(f"{name} does not answer: {reason}; start the server, or correct the URL") from error
    except (TypeError, ValueError) as error:
        raise WrongUrl(f"{name} has an option that asyncpg does not take: {error}") from None
    try:
        yield connection
    finally:
        await connection.close()


def _words(error: DBAPIError) -> str:
    """What the server said, without the driver's class and without details that hold values."""
    cause = error.orig.__cause__ if error.orig else None
    return str(cause or error.orig).partition("\n")[0]
