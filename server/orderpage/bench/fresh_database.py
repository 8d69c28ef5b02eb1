"""The database of a bench: empty when it comes, filled with the carts' goods, and measured as it grows."""

from collections.abc import Mapping

import msgspec
from sqlalchemy import Connection, func, inspect, select, text

from orderpage.adapters.sql.commands import run_command
from orderpage.adapters.sql.load import load
from orderpage.adapters.sql.migrate import migrate
from orderpage.adapters.sql.schema import metadata
from orderpage.adapters.sql.urls import shown
from orderpage.bench.order_carts import goods_document


class NotEmpty(Exception):
    """The database is somebody's. The message says what it holds, and what to do."""


class Extent(msgspec.Struct, frozen=True):
    """How much there is: rows by table, and bytes of all tables and indexes."""

    rows: Mapping[str, int]
    size: int


def fill(url: str) -> None:
    """Migrate an empty database and load the carts' goods. Raises ``NotEmpty``, or as ``run_command``."""
    run_command(url, lambda connection: _refuse_used(connection, shown(url)), create=True)
    migrate(url)
    load(url, [goods_document()])


def extent(url: str) -> Extent:
    """As it is now. Raises as ``run_command``."""
    return run_command(url, lambda connection: Extent(_rows(connection), _size(connection)))


def _refuse_used(connection: Connection, name: str) -> None:
    held = [f"{count} {table.replace('_', ' ')}" for table, count in _rows(connection).items() if count]
    if held:
        raise NotEmpty(
            f"{name} holds {', '.join(held)}; this bench writes thousands of orders that nobody made, so it takes an "
            "empty database only: name a SQLite file that is not there yet, such as "
            "--database sqlite+pysqlite:///bench.sqlite3, or a PostgreSQL database just made with createdb"
        )


def _rows(connection: Connection) -> dict[str, int]:
    there = set(inspect(connection).get_table_names())
    return {
        table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
        for table in metadata.sorted_tables
        if table.name in there
    }


def _size(connection: Connection) -> int:
    if connection.dialect.name == "sqlite":
        pages, page = (connection.execute(text(f"PRAGMA {name}")).scalar_one() for name in ("page_count", "page_size"))
        return int(pages * page)
    sizes = (
        connection.execute(text("SELECT pg_total_relation_size(to_regclass(:name))"), {"name": table.name}).scalar_one()
        for table in metadata.sorted_tables
    )
    return int(sum(sizes))
