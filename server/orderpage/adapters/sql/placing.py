"""Transaction 1, the pivot: the order with everything it needs, or nothing.

The unique rows come first: on PostgreSQL a duplicate then waits for the one before it and sees what that left, and no
refusal over stock or prices can hide that the order exists.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Connection, bindparam, case, delete, select, update

from orderpage.adapters.sql.caps import take_units
from orderpage.adapters.sql.order_rows import insert_children, order_row, read_placed
from orderpage.adapters.sql.ready import Query, Ready
from orderpage.adapters.sql.schema import LIVE, orders, skus, stock, write_requests
from orderpage.adapters.sql.statements import chunks, insert_new
from orderpage.adapters.sql.taking import take_in_one
from orderpage.adapters.sql.usages import use_up
from orderpage.domain.order import OrderState, PlacedOrder
from orderpage.domain.problem import Code, Problem, Refusal, refuse
from orderpage.ports import Outcome, Placing, RequestKey, StockNeed

WITHDRAWN = "Withdrawn"
"""In place of a method: the row's ``request_id`` is a checkout that may not become an order any more."""

_THIS_REQUEST = (
    write_requests.c.buyer_id == bindparam("buyer"),
    write_requests.c.method == bindparam("rpc"),
    write_requests.c.request_id == bindparam("request"),
)
_READ_REQUEST = Query(select(write_requests.c.body_hash, write_requests.c.order_id).where(*_THIS_REQUEST))
_FORGET_REQUEST = delete(write_requests).where(*_THIS_REQUEST)

_VERSIONS = Query(select(skus.c.sku_id, skus.c.version).where(skus.c.sku_id.in_(bindparam("ids", expanding=True))))
_LATEST_OF_CHECKOUT = (
    select(orders.c.order_id)
    .where(orders.c.checkout_id == bindparam("checkout"))
    .order_by(case((LIVE, 0), else_=1), orders.c.created_at.desc())
    .limit(1)
)

_TAKE = Ready(
    update(stock)
    .where(stock.c.sku_id == bindparam("sku"), stock.c.available >= bindparam("units"))
    .values(available=stock.c.available - bindparam("units"), version=stock.c.version + 1)
)


def place(connection: Connection, placing: Placing, *, fenced: bool = False) -> Outcome:
    """As ``OrdersPort.place``. Raises ``ValueError`` for a placing whose own amounts do not agree.

    ``fenced`` looks whether the checkout was withdrawn: a question more, for servers that move traffic.
    """
    _check_money(placing)
    request, order = placing.request, placing.placed.order
    row = {"order_id": order.order_id, "created_at": order.created_at}
    for name in RequestKey.__struct_fields__:
        row[name] = getattr(request, name)
    if not insert_new(connection, write_requests, ("buyer_id", "method", "request_id"), row):
        return Outcome(_of_known_request(connection, request), created=False, same_request=True)
    if fenced and _READ_REQUEST.first(connection, _withdrawal(request, order.checkout_id)) is not None:
        message = "another page was shown in place of the one that this quote is of; render the page again"
        raise refuse(Code.QUOTE_EXPIRED, message)
    if not insert_new(connection, orders, ("checkout_id",), order_row(placing), among=LIVE):
        connection.execute(_FORGET_REQUEST, _key(request))
        return Outcome(_of_known_checkout(connection, order.checkout_id), created=False, same_request=False)
    line_of = {line.sku_id: line.line_id for line in reversed(order.lines)}
    if connection.dialect.name == "postgresql":
        versions, taken = take_in_one(connection, placing.stock)
        _refuse_moved(placing.stock, versions, line_of)
    else:
        _refuse_moved(placing.stock, _versions(connection, placing.stock), line_of)
        taken = _take_one_by_one(connection, placing.stock)
    _refuse_lacking(connection, [need for need in placing.stock if need.sku_id not in taken], line_of)
    if placing.uses:
        use_up(connection, order, placing.uses, order.created_at)
    insert_children(connection, placing)
    take_units(connection, placing.uses)
    return Outcome(placing.placed, created=True, same_request=True)


def withdraw(connection: Connection, request: RequestKey, checkout_id: str, at: datetime) -> PlacedOrder | None:
    """As ``OrdersPort.withdraw``.

    The request's own key is taken and given back: on PostgreSQL that waits for a twin's pivot, and a twin that comes
    later waits for us, and then finds the withdrawal. SQLite does one after the other anyway.
    """
    mine = {"order_id": "", "created_at": at, **msgspec.structs.asdict(request)}
    if not insert_new(connection, write_requests, ("buyer_id", "method", "request_id"), mine):
        return _of_known_request(connection, request)
    connection.execute(_FORGET_REQUEST, _key(request))
    placed = find_checkout(connection, checkout_id)
    if placed is not None and placed.order.state is not OrderState.CLOSED:
        return placed
    fence = mine | {"method": WITHDRAWN, "request_id": checkout_id}
    insert_new(connection, write_requests, ("buyer_id", "method", "request_id"), fence)
    return None


def find_request(connection: Connection, request: RequestKey) -> PlacedOrder | None:
    """As ``OrdersPort.find_request``."""
    order_id = order_of(connection, request)
    return None if order_id is None else read_placed(connection, [order_id])[order_id]


def order_of(connection: Connection, request: RequestKey) -> str | None:
    """The id of the order that this request made, in one query. Raises ``Refusal`` (REQUEST_ID_REUSED)."""
    row = _READ_REQUEST.first(connection, _key(request))
    if row is None:
        return None
    body_hash, order_id = row
    if body_hash != request.body_hash:
        message = "this request id was used for another request; send a new one"
        raise refuse(Code.REQUEST_ID_REUSED, message, field="request_id")
    return str(order_id)


def find_checkout(connection: Connection, checkout_id: str) -> PlacedOrder | None:
    """As ``OrdersPort.find_checkout``."""
    order_id = connection.execute(_LATEST_OF_CHECKOUT, {"checkout": checkout_id}).scalar()
    return None if order_id is None else read_placed(connection, [order_id])[order_id]


def _of_known_request(connection: Connection, request: RequestKey) -> PlacedOrder:
    placed = find_request(connection, request)
    if placed is None:
        raise LookupError("a write request blocked its duplicate, yet cannot be read")
    return placed


def _of_known_checkout(connection: Connection, checkout_id: str) -> PlacedOrder:
    placed = find_checkout(connection, checkout_id)
    if placed is None:
        raise LookupError("an order blocked its checkout's duplicate, yet cannot be read")
    return placed


def _key(request: RequestKey) -> dict[str, str]:
    return {"buyer": request.buyer_id, "rpc": request.method, "request": request.request_id}


def _withdrawal(request: RequestKey, checkout_id: str) -> dict[str, str]:
    return {"buyer": request.buyer_id, "rpc": WITHDRAWN, "request": checkout_id}


def _check_money(placing: Placing) -> None:
    order = placing.placed.order
    unbalanced = sum(entry.amount for entry in placing.ledger)
    if unbalanced:
        raise ValueError(f"the ledger of order {order.order_id} is off by {unbalanced}; its entries must sum to zero")
    if len({need.sku_id for need in placing.stock}) < len(placing.stock):
        raise ValueError(f"order {order.order_id} needs a SKU's stock twice; its needs must be one a SKU")
    services = sum(service.amount for service in order.service_orders)
    if services > order.payable:
        raise ValueError(f"service orders of {order.order_id} take {services} of {order.payable} payable")


def _versions(connection: Connection, needs: Sequence[StockNeed]) -> dict[str, int]:
    """The current ones, by SKU id."""
    current: dict[str, int] = {}
    for chunk in chunks(need.sku_id for need in needs):
        current.update((row[0], row[1]) for row in _VERSIONS.rows(connection, {}, chunk))
    return current


def _take_one_by_one(connection: Connection, needs: Sequence[StockNeed]) -> set[str]:
    """The SKUs of which the units were taken."""
    return {need.sku_id for need in needs if _TAKE.execute(connection, {"sku": need.sku_id, "units": need.quantity})}


def _refuse_moved(needs: Sequence[StockNeed], versions: Mapping[str, int], line_of: Mapping[str, str]) -> None:
    """Refuse with every line whose SKU is not the one that was priced."""
    moved = [need.sku_id for need in needs if versions.get(need.sku_id) != need.sku_version]
    _refuse_any(
        [_problem(Code.PRICE_CHANGED, f"{sku_id} changed since it was priced", line_of, sku_id) for sku_id in moved]
    )


def _refuse_lacking(connection: Connection, lacking: Sequence[StockNeed], line_of: Mapping[str, str]) -> None:
    """Refuse with every line that could not be taken, and what is left of its SKU."""
    problems = []
    for need in sorted(lacking, key=lambda need: need.sku_id):
        left = connection.execute(select(stock.c.available).where(stock.c.sku_id == need.sku_id)).scalar() or 0
        code = Code.INV_INSUFFICIENT if left else Code.INV_OUT_OF_STOCK
        message = f"{need.sku_id} has {left} left" if left else f"{need.sku_id} is sold out"
        problems.append(_problem(code, message, line_of, need.sku_id, value=str(left) if left else ""))
    _refuse_any(problems)


def _problem(code: Code, message: str, line_of: Mapping[str, str], sku_id: str, value: str = "") -> Problem:
    return Problem(code=code, message=message, line_id=line_of.get(sku_id, ""), value=value)


def _refuse_any(problems: list[Problem]) -> None:
    if problems:
        raise Refusal(*problems)
