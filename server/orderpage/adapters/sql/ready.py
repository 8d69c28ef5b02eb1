"""Writing statements that stand ready: compiled once for a database, then handed to its driver as they are.

SQLAlchemy's own work for an execution costs several times what SQLite does for it, and every order is a dozen writes.
The SQL and the conversion of values are still SQLAlchemy's; only results come back unconverted, so queries do without.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection, CursorResult, Dialect, Insert, Update

Row = Mapping[str, Any]

_Slot = tuple[str, Callable[[Any], Any] | None]
"""A parameter's name, and what makes of its value what the driver wants; None: nothing."""


class _Compiled(msgspec.Struct, frozen=True):
    """``own`` are the values that stand in the statement itself."""

    sql: str
    slots: tuple[_Slot, ...]
    own: Row

    def values(self, row: Row) -> tuple[Any, ...]:
        given = {**self.own, **row}
        return tuple([given[name] if convert is None else convert(given[name]) for name, convert in self.slots])


class Ready:
    """A statement to be executed with rows of named values."""

    def __init__(self, statement: Insert | Update) -> None:
        self._statement = statement
        self._compiled: dict[str, _Compiled] = {}

    def execute(self, connection: Connection, *rows: Row) -> CursorResult[Any]:
        """Once for each of ``rows``, at least one; ``rowcount`` of the result holds for a single one.

        Raises ``KeyError`` for a row that lacks a value, and as ``Connection.execute``.
        """
        dialect = connection.dialect
        compiled = self._compiled.get(dialect.name) or self._compile(dialect)
        values = [compiled.values(row) for row in rows]
        return connection.exec_driver_sql(compiled.sql, values[0] if len(values) == 1 else values)

    def _compile(self, dialect: Dialect) -> _Compiled:
        compiled = self._statement.compile(dialect=dialect)
        binds = compiled.binds
        slots = [
            (name, binds[name].type.dialect_impl(dialect).bind_processor(dialect))
            for name in compiled.positiontup or ()
        ]
        own = {name: bind.value for name, bind in binds.items() if not bind.required}
        ready = self._compiled[dialect.name] = _Compiled(str(compiled), tuple(slots), own)
        return ready
