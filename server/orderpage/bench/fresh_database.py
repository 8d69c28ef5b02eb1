"""The database of a bench: empty when it comes, filled with the carts' goods, and measured as it grows."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import msgspec
from sqlalchemy import Connection, delete, func, inspect, select, text

from orderpage.adapters.sql.commands import run_command
from orderpage.adapters.sql.load import load
from orderpage.adapters.sql.migrate import migrate
from orderpage.adapters.sql.schema import metadata
from orderpage.adapters.sql.urls import shown


class NotEmpty(Exception):
    """The database is somebody's. The message says what it holds, and what to do."""


class Extent(msgspec.Struct, frozen=True):
    """How much there is: rows by table, and bytes of all tables and indexes."""

    rows: Mapping[str, int]
    size: int


def fill(url: str, documents: Sequence[tuple[str, str]]) -> None:
    """Migrate an empty database and load the documents (name and text). Raises ``NotEmpty``, or as ``run_command``."""
    run_command(url, lambda connection: _refuse_used(connection, shown(url)), create=True)
    migrate(url)
    load(url, documents)


@contextmanager
def filled(url: str, documents: Sequence[tuple[str, str]]) -> Iterator[str]:
    """``url``, filled until the block ends; then its tables are empty again. Raises as ``fill``."""
    fill(url, documents)
    try:
        yield url
    finally:
        run_command(url, _empty)


def extent(url: str) -> Extent:
    """As it is now. Raises as ``run_command``."""
    return run_command(url, lambda connection: Extent(_rows(connection), _size(connection)))


def _refuse_used(connection: Connection, name: str) -> None:
    held = [f"{count} {table.replace('_', ' ')}" for table, count in _rows(connection).items() if count]
    if held:
        raise NotEmpty(
            f"{name} holds {', '.join(held)}; a bench writes thousands of orders that nobody made, so it takes an "
            "empty database only: name a SQLite file that is not there yet, such as "
            "sqlite+pysqlite:///bench.sqlite3, or a PostgreSQL database just made: createdb bench"
        )


def _rows(connection: Connection) -> dict[str, int]:
    there = set(inspect(connection).get_table_names())
    return {
        table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
        for table in metadata.sorted_tables
        if table.name in there
    }


def _empty(connection: Connection) -> None:
    for table in reversed(metadata.sorted_tables):
        connection.execute(delete(table))


def _size(connection: Connection) -> int:
    if connection.dialect.name == "sqlite":
        pages, page = (connection.execute(text(f"PRAGMA {name}")).scalar_one() for name in ("page_count", "page_size"))
        return int(pages * page)
    sizes = (
        connection.execute(text("SELECT pg_total_relation_size(to_regclass(:name))"), {"name": table.name}).scalar_one()
        for table in metadata.sorted_tables
    )
    return int(sum(sizes))
