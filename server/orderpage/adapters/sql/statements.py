"""Statements that the two databases spell differently, and long IN lists."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

from orderpage.adapters.sql.ready import Ready

CHUNK = 500
"""Values in one IN list: both databases limit the parameters of a statement."""

T = TypeVar("T")


def insert_new(
    connection: Connection,
    table: Table,
    key: tuple[str, ...],
    row: dict[str, Any],
    among: ColumnElement[bool] | None = None,
) -> bool:
    """Insert ``row`` unless another holds its unique ``key``; whether it was inserted.

    ``among`` is the condition of the key's index, where that is a partial one.
    On PostgreSQL this waits for a transaction that is inserting the same key, so a following read sees what it left.
    """
    return _insert_new(connection.dialect.name, table, key, among).execute(connection, row) == 1


@cache
def _insert_new(dialect: str, table: Table, key: tuple[str, ...], among: ColumnElement[bool] | None) -> Ready:
    if dialect == "postgresql":
        return Ready(postgresql.insert(table).on_conflict_do_nothing(index_elements=key, index_where=among))
    return Ready(sqlite.insert(table).on_conflict_do_nothing(index_elements=key, index_where=among))


def chunks(values: Iterable[T], size: int = CHUNK) -> Iterator[Sequence[T]]:
    """The values in lists of at most ``size``."""
    rest = iter(values)
    while chunk := list(islice(rest, size)):
        yield chunk
