"""Rows of several tables in one statement, for PostgreSQL: each statement more is an exchange with the server."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Column, Connection, Dialect, Table

from orderpage.adapters.sql.ready import Driving, Row


class _Into(msgspec.Struct, frozen=True):
    """One table's part: its columns, and what makes of a value what the driver wants; None: nothing."""

    table: Table
    columns: Sequence[tuple[str, str, Callable[[Any], Any] | None]]
    """Name, type, conversion."""

    def values(self, rows: Sequence[Row]) -> list[list[Any]]:
        """Column by column, as UNNEST takes them."""
        return [
            [row[name] if convert is None else convert(row[name]) for row in rows] for name, _, convert in self.columns
        ]

    def insert(self, first: int) -> str:
        """The statement, whose first parameter has number ``first``."""
        names = ", ".join(name for name, _, _ in self.columns)
        lists = ", ".join(f"${first + index}::{kind}[]" for index, (_, kind, _) in enumerate(self.columns))
        return f"INSERT INTO {self.table.name} ({names}) SELECT * FROM UNNEST({lists})"  # noqa: S608  # of the schema


class Together:
    """Inserts into ``tables``, which may not refer to one another: no order among them is promised."""

    def __init__(self, *tables: Table) -> None:
        self._tables = tables
        self._parts: tuple[str, Sequence[_Into]] | None = None

    def execute(self, connection: Connection, rows: Mapping[Table, Sequence[Row]]) -> None:
        """Insert ``rows``, which give every column. Raises as ``Ready.execute``."""
        sql, parts = self._parts or self._compile(connection.dialect)
        values = [column for part in parts for column in part.values(rows.get(part.table, ()))]
        with Driving(connection, sql) as cursor:
            cursor.execute(sql, values)

    def _compile(self, dialect: Dialect) -> tuple[str, Sequence[_Into]]:
        parts = [_Into(table, [_column(column, dialect) for column in table.columns]) for table in self._tables]
        inserts, first = [], 1
        for part in parts:
            inserts.append(part.insert(first))
            first += len(part.columns)
        before = ", ".join(f"part_{number} AS ({insert})" for number, insert in enumerate(inserts[:-1]))
        self._parts = (f"WITH {before} {inserts[-1]}" if before else inserts[-1], parts)
        return self._parts


def _column(column: Column[Any], dialect: Dialect) -> tuple[str, str, Callable[[Any], Any] | None]:
    kind = column.type.dialect_impl(dialect)
    return column.name, dialect.type_compiler_instance.process(column.type), kind.bind_processor(dialect)
