"""Transactions of commands: on a database that need not be open, nor migrated."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import Connection

from orderpage.adapters.sql.sqlite import writing
from orderpage.adapters.sql.urls import is_postgresql

T = TypeVar("T")


def run_command(url: str, work: Callable[[Connection], T], *, create: bool = False) -> T:
    """Run ``work`` in one write transaction: committed when it returns, undone when it raises. Blocks.

    ``create`` makes a SQLite file that is not there; a PostgreSQL database must exist. Raises ``WrongUrl``,
    ``SchemaMismatch`` for a file that is not there, ``Unavailable``, and whatever ``work`` raises.
    """
    if not is_postgresql(url):
        with writing(url, create=create) as connection:
            return work(connection)
    from orderpage.adapters.sql import postgres  # noqa: PLC0415 late, for the same reason as in database.py

    answer = postgres.run_command(url, work)
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(answer)
    with ThreadPoolExecutor(1) as thread:  # a running loop cannot run another
        return thread.submit(asyncio.run, answer).result()
