"""Transaction 1, the pivot: the order with everything it needs, or nothing.

The unique rows come first: on PostgreSQL a duplicate then waits for the one before it and sees what that left, and no
refusal over stock or prices can hide that the order exists.
"""

from collections.abc import Mapping

from sqlalchemy import Connection, bindparam, case, delete, select, update

from orderpage.adapters.sql.order_rows import insert_children, order_row, read_placed
from orderpage.adapters.sql.ready import Query, Ready
from orderpage.adapters.sql.schema import LIVE, orders, skus, stock, write_requests
from orderpage.adapters.sql.statements import chunks, insert_new
from orderpage.domain.order import PlacedOrder
from orderpage.domain.problem import Code, Problem, Refusal, refuse
from orderpage.ports import Outcome, Placing, RequestKey, StockNeed

_THIS_REQUEST = (
    write_requests.c.buyer_id == bindparam("buyer"),
    write_requests.c.method == bindparam("rpc"),
    write_requests.c.request_id == bindparam("request"),
)
_READ_REQUEST = Query(select(write_requests.c.body_hash, write_requests.c.order_id).where(*_THIS_REQUEST))
_FORGET_REQUEST = delete(write_requests).where(*_THIS_REQUEST)

_LOCK_VERSIONS = Query(
    select(skus.c.sku_id, skus.c.version)
    .where(skus.c.sku_id.in_(bindparam("ids", expanding=True)))
    .order_by(skus.c.sku_id)
    .with_for_update(read=True)
)
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


def place(connection: Connection, placing: Placing) -> Outcome:
    """As ``OrdersPort.place``. Raises ``ValueError`` for a placing whose own amounts do not agree."""
    _check_money(placing)
    request, order = placing.request, placing.placed.order
    row = {"order_id": order.order_id, "created_at": order.created_at}
    for name in RequestKey.__struct_fields__:
        row[name] = getattr(request, name)
    if not insert_new(connection, write_requests, ("buyer_id", "method", "request_id"), row):
        return Outcome(_of_known_request(connection, request), created=False, same_request=True)
    if not insert_new(connection, orders, ("checkout_id",), order_row(placing), among=LIVE):
        connection.execute(_FORGET_REQUEST, _key(request))
        return Outcome(_of_known_checkout(connection, order.checkout_id), created=False, same_request=False)
    line_of = {line.sku_id: line.line_id for line in reversed(order.lines)}
    _check_versions(connection, placing.stock, line_of)
    _take_stock(connection, placing.stock, line_of)
    insert_children(connection, placing)
    return Outcome(placing.placed, created=True, same_request=True)


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


def _check_money(placing: Placing) -> None:
    order = placing.placed.order
    unbalanced = sum(entry.amount for entry in placing.ledger)
    if unbalanced:
        raise ValueError(f"the ledger of order {order.order_id} is off by {unbalanced}; its entries must sum to zero")
    services = sum(service.amount for service in order.service_orders)
    if services > order.payable:
        raise ValueError(f"service orders of {order.order_id} take {services} of {order.payable} payable")


def _check_versions(connection: Connection, needs: tuple[StockNeed, ...], line_of: Mapping[str, str]) -> None:
    """Refuse with every line whose SKU is not the one that was priced. The rows stay locked against change."""
    current: dict[str, int] = {}
    for chunk in chunks(sorted({need.sku_id for need in needs})):
        current.update((row[0], row[1]) for row in _LOCK_VERSIONS.rows(connection, {}, chunk))
    moved = [need.sku_id for need in needs if current.get(need.sku_id) != need.sku_version]
    _refuse_any(
        [_problem(Code.PRICE_CHANGED, f"{sku_id} changed since it was priced", line_of, sku_id) for sku_id in moved]
    )


def _take_stock(connection: Connection, needs: tuple[StockNeed, ...], line_of: Mapping[str, str]) -> None:
    """Take the units, or refuse with every line that lacks some. In order of id, so that two orders cannot deadlock."""
    problems = []
    for need in sorted(needs, key=lambda need: need.sku_id):
        if _TAKE.execute(connection, {"sku": need.sku_id, "units": need.quantity}):
            continue
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
