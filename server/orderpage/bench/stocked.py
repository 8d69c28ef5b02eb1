"""A database for the bench on a PostgreSQL server: one that is empty, filled with data files, and emptied again."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import Connection, delete, exists, select

from orderpage.adapters.sql.commands import run_command
from orderpage.adapters.sql.load import load
from orderpage.adapters.sql.migrate import migrate
from orderpage.adapters.sql.schema import metadata, orders, skus
from orderpage.adapters.sql.urls import shown


class NotEmpty(Exception):
    """The database holds orders or goods that are not the bench's. The message says what to do."""


@contextmanager
def stocked(url: str, files: Sequence[tuple[str, str]]) -> Iterator[str]:
    """``url``, migrated and holding the ``files`` (name and text) until the block ends; then its tables are empty.

    Raises ``NotEmpty``, and as ``migrate`` and ``load``.
    """
    migrate(url)
    run_command(url, lambda connection: _refuse_others(connection, shown(url)))
    load(url, files)
    try:
        yield url
    finally:
        run_command(url, _empty)


def _refuse_others(connection: Connection, name: str) -> None:
    for table in (orders, skus):
        if connection.execute(select(exists().select_from(table))).scalar():
            raise NotEmpty(
                f"{name} holds {'orders' if table is orders else 'goods'}; the bench fills and empties its database, "
                "so give it an empty one: createdb bench, and name that in ORDERPAGE_DATABASE"
            )


def _empty(connection: Connection) -> None:
    for table in reversed(metadata.sorted_tables):
        connection.execute(delete(table))
