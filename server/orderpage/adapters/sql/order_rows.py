"""Orders as rows, and rows as orders."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from sqlalchemy import BindParameter, Connection, Row, RowMapping, Select, Table, bindparam, insert, select

from orderpage.adapters.sql.ready import Ready
from orderpage.adapters.sql.schema import (
    STANDING,
    ledger_entries,
    order_lines,
    order_parcels,
    orders,
    payment_attempts,
    service_orders,
)
from orderpage.adapters.sql.statements import chunks
from orderpage.adapters.sql.together import Together
from orderpage.domain.money import Currency
from orderpage.domain.order import (
    LedgerEntry,
    Order,
    OrderLine,
    OrderParcel,
    OrderState,
    Payment,
    PaymentState,
    PlacedOrder,
    ServiceKind,
    ServiceOrder,
    ServiceOrderType,
)
from orderpage.domain.stage import Stage
from orderpage.domain.terms import RefundPolicy
from orderpage.ports import Placing

S = TypeVar("S", bound=msgspec.Struct)

_CHILD_TABLES = (order_lines, order_parcels, service_orders, payment_attempts, ledger_entries)
_INSERT = {table: Ready(insert(table)) for table in _CHILD_TABLES}
_TOGETHER = Together(*_CHILD_TABLES)
_CHILDREN = ("lines", "parcels", "service_orders")
_PAYMENT = tuple(name for name in Payment.__struct_fields__ if name != "currency")
_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
_WITH_PAYMENT = (
    select(orders, *(payment_attempts.c[name].label(f"payment_{name}") for name in _PAYMENT))
    .join_from(orders, payment_attempts)
    .where(orders.c.order_id.in_(_IDS), STANDING)
)


def _select_children(table: Table, kind: type[msgspec.Struct]) -> Select[Any]:
    columns = (table.c.order_id, *(table.c[name] for name in kind.__struct_fields__))
    return select(*columns).where(table.c.order_id.in_(_IDS)).order_by(table.c.order_id, table.c.position)


_CHILDREN_OF: Mapping[type[msgspec.Struct], Select[Any]] = {
    OrderLine: _select_children(order_lines, OrderLine),
    OrderParcel: _select_children(order_parcels, OrderParcel),
    ServiceOrder: _select_children(service_orders, ServiceOrder),
}


def order_row(placing: Placing) -> dict[str, Any]:
    """The row of ``orders``."""
    reserved = tuple((need.sku_id, need.quantity) for need in placing.stock)
    unsaid = {"events": placing.events, "reserved": reserved, "confirmed_at": None, "look_at": None}
    return order_columns(placing.placed.order) | unsaid


def order_columns(order: Order) -> dict[str, Any]:
    """Those of ``orders`` that the order itself gives."""
    row = {name: getattr(order, name) for name in Order.__struct_fields__ if name not in (*_CHILDREN, "currency")}
    return row | _currency_columns(order.currency)


def insert_children(connection: Connection, placing: Placing) -> None:
    """Everything that hangs on the order's row: lines, parcels, service orders, the payment attempt, the ledger."""
    rows = _children(placing)
    if connection.dialect.name == "postgresql":
        _TOGETHER.execute(connection, rows)
        return
    for table, children in rows.items():  # in the same process, a statement more costs little
        if children:
            _INSERT[table].execute(connection, *children)


def _children(placing: Placing) -> dict[Table, list[dict[str, Any]]]:
    order, payment = placing.placed.order, placing.placed.payment
    attempt = {name: getattr(payment, name) for name in _PAYMENT}
    leases = {"reference": "", "lease_until": placing.lease_until, "expires_at": placing.expires_at}
    leases |= {"standing": True, "brings": None}
    return {
        order_lines: child_rows(order.order_id, order.lines),
        order_parcels: parcel_rows(order),
        service_orders: child_rows(order.order_id, order.service_orders),
        payment_attempts: [attempt | leases],
        ledger_entries: entry_rows(order.order_id, placing.ledger),
    }


def read_placed(connection: Connection, order_ids: Collection[str]) -> dict[str, PlacedOrder]:
    """The known ones, by order id, in four statements for every few hundred.

    An order is read together with its payment: in two statements, a verdict could fall between them.
    """
    placed: dict[str, PlacedOrder] = {}
    for chunk in chunks(order_ids):
        lines = _read_children(connection, OrderLine, chunk)
        parcels = _read_children(connection, OrderParcel, chunk)
        services = _read_children(connection, ServiceOrder, chunk)
        for row in connection.execute(_WITH_PAYMENT, {"ids": chunk}).mappings():
            order_id = row["order_id"]
            children = (lines.get(order_id, ()), parcels.get(order_id, ()), services.get(order_id, ()))
            order = _order(row, *children)
            placed[order_id] = PlacedOrder(order, _payment(row, order.currency))
    return placed


def parcel_rows(order: Order) -> list[dict[str, Any]]:
    """Those of ``order_parcels``."""
    rows = child_rows(order.order_id, order.parcels)
    return [row | {"net": parcel.net} for row, parcel in zip(rows, order.parcels, strict=True)]


def entry_rows(
    order_id: str, entries: Iterable[LedgerEntry], first: int = 0, posted_at: datetime | None = None
) -> list[dict[str, Any]]:
    """Those of ``ledger_entries``, numbered from ``first``. They count from ``posted_at``, None: with their order."""
    return [
        {"order_id": order_id, "seq": seq, "posted_at": posted_at, **msgspec.structs.asdict(entry)}
        for seq, entry in enumerate(entries, start=first)
    ]


def read_payment(connection: Connection, attempt_id: str, currency: Currency) -> Payment:
    """One attempt, the order's latest or not. Raises ``LookupError`` for an unknown one."""
    columns = [payment_attempts.c[name].label(f"payment_{name}") for name in _PAYMENT]
    mine = select(*columns).where(payment_attempts.c.attempt_id == attempt_id)
    row = connection.execute(mine).mappings().first()
    if row is None:
        raise LookupError(f"there is no payment attempt {attempt_id}")
    return _payment(row, currency)


def child_rows(order_id: str, children: Iterable[msgspec.Struct]) -> list[dict[str, Any]]:
    """The children of an order, in their order."""
    return [
        {name: getattr(child, name) for name in child.__struct_fields__} | {"order_id": order_id, "position": position}
        for position, child in enumerate(children)
    ]


def _read_children(connection: Connection, kind: type[S], order_ids: Sequence[str]) -> Mapping[str, tuple[S, ...]]:
    names = kind.__struct_fields__
    found: dict[str, list[S]] = {}
    for row in connection.execute(_CHILDREN_OF[kind], {"ids": order_ids}):
        found.setdefault(row[0], []).append(_child(kind, names, row))
    return {order_id: tuple(children) for order_id, children in found.items()}


def _child(kind: type[S], names: Sequence[str], row: Row[Any]) -> S:
    values: dict[str, Any] = dict(zip(names, row[1:], strict=True))
    if issubclass(kind, ServiceOrder):
        values |= {"kind": ServiceKind(values["kind"]), "type": ServiceOrderType(values["type"])}
    return kind(**values)


def _order(
    row: RowMapping, lines: tuple[OrderLine, ...], parcels: tuple[OrderParcel, ...], services: tuple[ServiceOrder, ...]
) -> Order:
    values = {name: row[name] for name in Order.__struct_fields__ if name in row}
    values["state"] = OrderState(row["state"])
    values["refund_policy"] = RefundPolicy(row["refund_policy"])
    values["currency"] = Currency(row["currency_code"], row["currency_exponent"])
    return Order(lines=lines, parcels=parcels, service_orders=services, **values)


def _payment(row: RowMapping, currency: Currency) -> Payment:
    values = {name: row[f"payment_{name}"] for name in _PAYMENT}
    values |= {"state": PaymentState(values["state"]), "stage": Stage(values["stage"])}
    return Payment(currency=currency, **values)


def _currency_columns(currency: Currency) -> dict[str, Any]:
    return {"currency_code": currency.code, "currency_exponent": currency.exponent}
