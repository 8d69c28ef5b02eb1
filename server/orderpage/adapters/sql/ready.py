"""Statements that stand ready: compiled once for a database, then handed to its driver as they are.

SQLAlchemy's own work for an execution costs several times what SQLite does for it, and every order is a dozen writes
and half a dozen queries. The SQL and the conversion of values are still SQLAlchemy's, and so are the errors.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import BindParameter, Connection, Dialect, Insert, Select, Update
from sqlalchemy.exc import DBAPIError

Row = Mapping[str, Any]

_Convert = Callable[[Any], Any]
_Slot = tuple[str, _Convert | None]
"""A parameter's name, and what makes of its value what the driver wants; None: nothing."""


class _Compiled(msgspec.Struct, frozen=True):
    """``own`` are the values that stand in the statement itself."""

    sql: str
    slots: tuple[_Slot, ...]
    own: Row

    def values(self, row: Row) -> tuple[Any, ...]:
        given = {**self.own, **row} if self.own else row
        return tuple([given[name] if convert is None else convert(given[name]) for name, convert in self.slots])


class Ready:
    """A statement to be executed with rows of named values."""

    def __init__(self, statement: Insert | Update) -> None:
        self._statement = statement
        self._compiled: dict[str, _Compiled] = {}

    def execute(self, connection: Connection, *rows: Row) -> int:
        """Once for each of ``rows``, at least one; how many rows of the table a single one touched.

        Raises ``KeyError`` for a row that lacks a value, and as ``Connection.execute``.
        """
        dialect = connection.dialect
        compiled = self._compiled.get(dialect.name) or self._compile(dialect)
        values = [compiled.values(row) for row in rows]
        with Driving(connection, compiled.sql) as cursor:
            if len(values) == 1:
                cursor.execute(compiled.sql, values[0])
            else:
                cursor.executemany(compiled.sql, values)
            touched: int = cursor.rowcount
        return touched

    def _compile(self, dialect: Dialect) -> _Compiled:
        compiled = self._statement.compile(dialect=dialect)
        binds = compiled.binds
        slots = [(name, _to_driver(binds[name], dialect)) for name in compiled.positiontup or ()]
        own = {name: bind.value for name, bind in binds.items() if not bind.required}
        ready = self._compiled[dialect.name] = _Compiled(str(compiled), tuple(slots), own)
        return ready


class _CompiledQuery(msgspec.Struct, frozen=True):
    """``listed`` names the items of the list; ``columns`` are those of the answer that need converting, by index."""

    statement: _Compiled
    listed: tuple[str, ...]
    columns: tuple[tuple[int, _Convert], ...]

    def converted(self, row: Sequence[Any]) -> tuple[Any, ...]:
        values = list(row)
        for index, convert in self.columns:
            values[index] = convert(values[index])
        return tuple(values)


class Query:
    """A query to be asked with named values. One of them may be a list: where the statement has ``expanding``."""

    def __init__(self, statement: Select[Any]) -> None:
        self._statement = statement
        self._compiled: dict[tuple[str, int], _CompiledQuery] = {}

    def rows(self, connection: Connection, values: Row, listed: Sequence[Any] = ()) -> Sequence[Sequence[Any]]:
        """The rows, as their columns' values. ``listed`` is the list, where the statement takes one.

        Each length of a list is a statement of its own. Raises ``KeyError`` for a value that lacks, and as
        ``Connection.execute``.
        """
        dialect = connection.dialect
        compiled = self._compiled.get((dialect.name, len(listed))) or self._compile(dialect, listed)
        statement = compiled.statement
        given = statement.values({**values, **dict(zip(compiled.listed, listed, strict=True))} if listed else values)
        with Driving(connection, statement.sql) as cursor:
            cursor.execute(statement.sql, given)
            rows: Sequence[Sequence[Any]] = cursor.fetchall()
        return [compiled.converted(row) for row in rows] if compiled.columns else rows

    def first(self, connection: Connection, values: Row) -> Sequence[Any] | None:
        """The first row, if there is one. Raises as ``rows``."""
        rows = self.rows(connection, values)
        return rows[0] if rows else None

    def _compile(self, dialect: Dialect, listed: Sequence[Any]) -> _CompiledQuery:
        compiled = self._statement.compile(dialect=dialect)
        binds = compiled.binds
        lists = [name for name, bind in binds.items() if bind.expanding]
        state = compiled.construct_expanded_state(
            {name: listed if name in lists else None for name, bind in binds.items() if bind.required}
        )
        items = [item for name in lists for item in state.parameter_expansion[name]]
        slots = [
            (name, _to_driver(binds[name], dialect) if name in binds else None) for name in state.positiontup or ()
        ]
        own = {name: bind.value for name, bind in binds.items() if not bind.required}
        columns = [
            (index, convert)
            for index, column in enumerate(self._statement.selected_columns)
            if (convert := column.type.dialect_impl(dialect).result_processor(dialect, None)) is not None
        ]
        statement = _Compiled(state.statement, tuple(slots), own)
        ready = self._compiled[dialect.name, len(listed)] = _CompiledQuery(statement, tuple(items), tuple(columns))
        return ready


def _to_driver(bind: BindParameter[Any], dialect: Dialect) -> _Convert | None:
    return bind.type.dialect_impl(dialect).bind_processor(dialect)


class Driving:
    """The driver's cursor; what it raises is raised as SQLAlchemy would."""

    __slots__ = ("_cursor", "_dialect", "_sql")

    def __init__(self, connection: Connection, sql: str) -> None:
        driver: Any = connection.connection.dbapi_connection
        self._cursor, self._dialect, self._sql = driver.cursor(), connection.dialect, sql

    def __enter__(self) -> Any:
        return self._cursor

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        base = self._dialect.loaded_dbapi.Error
        if isinstance(error, base):
            raise DBAPIError.instance(
                self._sql, None, error, base, hide_parameters=True, dialect=self._dialect
            ) from error
