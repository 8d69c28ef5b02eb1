"""What one Submit wrote, read back from the tables, as statements that write it again under new ids.

The ceiling is made of these. Rows that Submit inserts are inserted as they were found, whatever columns they have.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import uuid4

import msgspec
from sqlalchemy import Connection, text

from orderpage.domain.order import OrderState, PaymentState

Rows = list[tuple[Any, ...]]
Statement = tuple[str, Rows]
"""SQL with the driver's own placeholders, and the values of each execution."""

_PIVOT = (
    "write_requests", "orders", "order_lines", "order_parcels", "service_orders", "payment_attempts", "ledger_entries",
)  # fmt: skip
_BEFORE_DECISION: Mapping[str, Mapping[str, Any]] = {
    "orders": {"state": OrderState.OPEN.value, "confirmed_at": None},
    "payment_attempts": {"state": PaymentState.STARTED.value, "reference": ""},
}
_TAKE = "UPDATE stock SET available = available - {}, version = version + 1 WHERE sku_id = {} AND available >= {}"
_DECISION = (
    "UPDATE payment_attempts SET state = {}, next_action = {}, decline = {}, lease_until = {}, reference = {} "
    "WHERE attempt_id = {}",
    "UPDATE orders SET state = {}, confirmed_at = {} WHERE order_id = {}",
    "UPDATE buyers SET last_method = {}, orders_by_method = {} WHERE buyer_id = {}",
)
_NUMBERED = ("row_id",)
"""Columns that the database fills."""


class _Insert(msgspec.Struct, frozen=True):
    """Rows of one table. ``holes`` are the places, row by row, whose text names an id of the order."""

    sql: str
    rows: Sequence[Sequence[Any]]
    holes: Sequence[Sequence[int]]

    def under(self, names: Sequence[tuple[str, str]]) -> Statement:
        return self.sql, [_renamed(row, holes, names) for row, holes in zip(self.rows, self.holes, strict=True)]


class OrderTemplate:
    """The two transactions of an order. Made once from an order that was really placed and confirmed."""

    def __init__(self, connection: Connection, order_id: str, place: Callable[[int], str]) -> None:
        """``place`` spells the driver's placeholder number n, from 1."""
        self._place = place
        self._order = _read(connection, "orders", "order_id", order_id)[0]
        self._attempt = _read(connection, "payment_attempts", "order_id", order_id)[0]
        self._buyer = _read(connection, "buyers", "buyer_id", self._order["buyer_id"])[0]
        request = _read(connection, "write_requests", "order_id", order_id)[0]
        self._old = (order_id, self._order["checkout_id"], request["request_id"])
        found = ((table, _read(connection, table, "order_id", order_id)) for table in _PIVOT)
        self._inserts = [self._insert(table, rows) for table, rows in found if rows]
        self._events = self._insert("outbox", _read(connection, "outbox", "key", order_id))
        self._take = self._stock_taken()
        self._decide, self._confirm, self._remember = (_numbered(sql, place) for sql in _DECISION)

    def again(self) -> tuple[list[Statement], list[Statement]]:
        """The pivot and the confirmation of another such order, under ids of its own."""
        order_id, attempt, buyer = uuid4().hex, self._attempt, self._buyer
        names = tuple(zip(self._old, (order_id, uuid4().hex, str(uuid4())), strict=True))
        pivot = [*(insert.under(names) for insert in self._inserts), self._take]
        decided = (attempt["state"], attempt["next_action"], attempt["decline"], attempt["lease_until"])
        attempt_id = attempt["attempt_id"].replace(*names[0])
        confirmation: list[Statement] = [
            (self._decide, [(*decided, attempt["reference"], attempt_id)]),
            (self._confirm, [(self._order["state"], self._order["confirmed_at"], order_id)]),
            self._events.under(names),
            (self._remember, [(buyer["last_method"], buyer["orders_by_method"], buyer["buyer_id"])]),
        ]
        return pivot, confirmation

    def _insert(self, table: str, rows: Sequence[Mapping[str, Any]]) -> _Insert:
        columns = [name for name in rows[0] if name not in _NUMBERED]
        holders = ", ".join("{}" for _ in columns)
        pattern = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({holders})"  # noqa: S608  # as in _read
        first = _BEFORE_DECISION.get(table, {})
        values = [[first.get(name, row[name]) for name in columns] for row in rows]
        holes = [[index for index, value in enumerate(row) if self._names(value)] for row in values]
        return _Insert(_numbered(pattern, self._place), values, holes)

    def _stock_taken(self) -> Statement:
        units = [(count, sku_id, count) for sku_id, count in sorted(msgspec.json.decode(self._order["reserved"]))]
        return _numbered(_TAKE, self._place), units

    def _names(self, value: Any) -> bool:
        return isinstance(value, str) and any(old in value for old in self._old)


def _read(connection: Connection, table: str, column: str, value: str) -> list[dict[str, Any]]:
    """As the driver gives them: no type of ours touches a value."""
    statement = text(f"SELECT * FROM {table} WHERE {column} = :value")  # noqa: S608  # names from this module
    return [dict(row) for row in connection.execute(statement, {"value": value}).mappings()]


def _numbered(pattern: str, place: Callable[[int], str]) -> str:
    return pattern.format(*(place(number) for number in range(1, pattern.count("{}") + 1)))


def _renamed(row: Sequence[Any], holes: Sequence[int], names: Sequence[tuple[str, str]]) -> tuple[Any, ...]:
    values = list(row)
    for index in holes:
        for old, new in names:
            values[index] = values[index].replace(old, new)
    return tuple(values)
