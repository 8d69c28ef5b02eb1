"""The balances of presales: payments that begin, what a held one makes of its order, and ends without one.

A balance's attempt keeps what it brings until it is held: the order moves in that transaction, and in no other.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace
from sqlalchemy import Connection, and_, bindparam, delete, func, insert, select, update

from orderpage.adapters.sql.buyers import history_with, remember
from orderpage.adapters.sql.caps import take_units
from orderpage.adapters.sql.order_rows import (
    child_rows,
    entry_rows,
    order_columns,
    parcel_rows,
    read_payment,
    read_placed,
)
from orderpage.adapters.sql.outbox import publish
from orderpage.adapters.sql.placing import order_of
from orderpage.adapters.sql.returning import return_stock
from orderpage.adapters.sql.schema import (
    STANDING,
    ledger_entries,
    order_lines,
    order_parcels,
    orders,
    payment_attempts,
    service_orders,
    write_requests,
)
from orderpage.adapters.sql.statements import insert_new
from orderpage.adapters.sql.usages import give_back, give_some_back, use_up
from orderpage.domain.order import (
    BalancePaid,
    Event,
    LedgerEntry,
    Order,
    OrderState,
    Payment,
    PaymentState,
    PlacedOrder,
    balance_attempt,
)
from orderpage.domain.problem import Code, refuse
from orderpage.domain.stage import Presold, StageState, Staging
from orderpage.ports import BalancePlacing, Outcome, PresaleEnd, RequestKey, Verdict

_ATTEMPT = payment_attempts.c
_ORDER = orders.c


def find_payment(connection: Connection, request: RequestKey) -> PlacedOrder | None:
    """As ``OrdersPort.find_payment``."""
    order_id = order_of(connection, request)
    if order_id is None:
        return None
    placed, attempt_id = read_placed(connection, [order_id])[order_id], balance_attempt(order_id, request.request_id)
    return replace(placed, payment=read_payment(connection, attempt_id, placed.order.currency))


def place_balance(connection: Connection, placing: BalancePlacing) -> Outcome:
    """As ``OrdersPort.place_balance``."""
    request, payment = placing.request, placing.placed.payment
    row = msgspec.structs.asdict(request) | {"order_id": payment.order_id, "created_at": placing.at}
    if not insert_new(connection, write_requests, ("buyer_id", "method", "request_id"), row):
        placed = find_payment(connection, request)
        if placed is None:
            raise LookupError("a write request blocked its duplicate, yet cannot be read")
        return Outcome(placed, created=False, same_request=True)
    _refuse_unless_payable(connection, payment.order_id, placing.at)
    if placing.brings.uses:
        use_up(connection, placing.placed.order, placing.brings.uses, placing.at)
    mine = _ATTEMPT.order_id == payment.order_id
    connection.execute(update(payment_attempts).where(mine, STANDING).values(standing=False))
    values = {name: getattr(payment, name) for name in Payment.__struct_fields__ if name != "currency"}
    leases = {"reference": "", "lease_until": placing.lease_until, "expires_at": placing.expires_at}
    kept = {"standing": True, "brings": placing.brings}
    connection.execute(insert(payment_attempts).values(values | leases | kept))
    take_units(connection, placing.brings.uses)
    return Outcome(placing.placed, created=True, same_request=True)


def record_deposit(
    connection: Connection, placed: PlacedOrder, staging: Staging, events: Sequence[Event]
) -> PlacedOrder:
    """The deposit of an order just locked is held, and its attempt written: from now on its balance is awaited."""
    order = replace(placed.order, state=OrderState.CONFIRMED, staging=staging.moved(StageState.PAID, StageState.DUE))
    look_at = staging.balance.due.opens_at or order.created_at
    _set(connection, order.order_id, state=order.state.value, staging=order.staging, look_at=look_at)
    publish(connection, events, due=order.created_at)
    return replace(placed, order=order)


def close_staged(connection: Connection, order: Order, staging: Staging) -> Order:
    """An order just closed, whose deposit was declined: nothing of it is to be paid any more."""
    closed = replace(order, staging=staging.moved(StageState.CLOSED, StageState.CLOSED))
    _set(connection, order.order_id, staging=closed.staging)
    return closed


def record_balance(
    connection: Connection, placed: PlacedOrder, verdict: Verdict, lease_until: datetime, now: datetime
) -> PlacedOrder:
    """As ``OrdersPort.record_payment``, of a balance: HELD moves the order, DECLINED leaves the balance due."""
    attempt_id, order_id = placed.payment.attempt_id, placed.payment.order_id
    before = _lock(connection, order_id)
    attempt = select(_ATTEMPT.state, _ATTEMPT.brings).where(_ATTEMPT.attempt_id == attempt_id)
    found = connection.execute(attempt).first()
    if found is None:
        raise LookupError(f"there is no payment attempt {attempt_id}")
    if PaymentState(found.state).final or before is not Presold.BALANCE_DUE or found.brings is None:
        placed = read_placed(connection, [order_id])[order_id]
        return replace(placed, payment=read_payment(connection, attempt_id, placed.order.currency))
    payment = replace(placed.payment, state=verdict.state, next_action=verdict.next_action, decline=verdict.decline)
    values = {name: getattr(verdict, name) for name in ("next_action", "decline")} | {"state": verdict.state.value}
    if verdict.reference:
        values["reference"] = verdict.reference
    if verdict.state.final:
        values["brings"] = None
    mine = update(payment_attempts).where(_ATTEMPT.attempt_id == attempt_id)
    connection.execute(mine.values(lease_until=lease_until, **values))
    if verdict.state is PaymentState.DECLINED:
        give_some_back(connection, order_id, found.brings.uses)
    if verdict.state is not PaymentState.HELD:
        return replace(placed, payment=payment)
    _apply(connection, found.brings, now)
    give_some_back(connection, order_id, found.brings.unused)
    return PlacedOrder(found.brings.order, payment)


def end_presale(connection: Connection, end: PresaleEnd, now: datetime) -> PlacedOrder | None:
    """As ``OrdersPort.end_presale``."""
    order = end.order
    if _lock(connection, order.order_id) is not Presold.BALANCE_DUE or _being_paid(connection, order.order_id):
        return None
    _set(connection, order.order_id, state=order.state.value, staging=order.staging, look_at=None)
    reserved = connection.execute(select(_ORDER.reserved).where(_ORDER.order_id == order.order_id)).scalar_one()
    return_stock(connection, reserved)
    _post(connection, order.order_id, end.ledger, now)
    publish(connection, end.events, due=order.created_at)
    give_back(connection, order.order_id)
    return read_placed(connection, [order.order_id])[order.order_id]


def claim_balances(connection: Connection, now: datetime, until: datetime, limit: int) -> Sequence[PlacedOrder]:
    """As ``OrdersPort.claim_balances``: those that waited longest first."""
    due = select(_ORDER.order_id).where(_ORDER.look_at <= now).order_by(_ORDER.look_at, _ORDER.order_id).limit(limit)
    wanted = connection.execute(due.with_for_update(skip_locked=True)).scalars().all()
    if not wanted:
        return ()
    connection.execute(update(orders).where(_ORDER.order_id.in_(wanted)).values(look_at=until))
    placed = read_placed(connection, wanted)
    return [placed[order_id] for order_id in wanted]


def look_again(connection: Connection, order_id: str, at: datetime) -> None:
    """As ``OrdersPort.look_again``."""
    awaited = update(orders).where(_ORDER.order_id == order_id, _ORDER.look_at.is_not(None))
    connection.execute(awaited.values(look_at=at))


def _refuse_unless_payable(connection: Connection, order_id: str, at: datetime) -> None:
    match _lock(connection, order_id):
        case Presold.PAID:
            raise refuse(Code.STAGE_PAID, f"the balance of order {order_id} is paid", value=order_id)
        case Presold.BALANCE_DUE:
            if _being_paid(connection, order_id):
                message = f"the balance of order {order_id} is being paid; ask GetOrder how that ends"
                raise refuse(Code.PAY_PENDING_CONFIRM, message, value=order_id)
        case _:
            raise refuse(Code.STAGE_OVER, f"order {order_id} ended without its balance", value=order_id)


def _lock(connection: Connection, order_id: str) -> Presold | None:
    """Where the presale stands; None of no presale. Nobody else moves it until the transaction ends."""
    query = select(_ORDER.staging).where(_ORDER.order_id == order_id).with_for_update()
    staging = connection.execute(query).scalar()
    return staging.presold if staging is not None else None


def _being_paid(connection: Connection, order_id: str) -> bool:
    query = select(_ATTEMPT.state).where(_ATTEMPT.order_id == order_id, STANDING)
    return not PaymentState(connection.execute(query).scalar_one()).final


def _apply(connection: Connection, paid: BalancePaid, now: datetime) -> None:
    """The order as it is with its balance paid: what travels, what serves it, what it costs, and who is told."""
    order = paid.order
    columns = order_columns(order)
    for name in ("order_id", "created_at"):
        del columns[name]
    _set(connection, order.order_id, look_at=None, confirmed_at=now, **columns)
    children = {order_parcels: parcel_rows(order), service_orders: child_rows(order.order_id, order.service_orders)}
    for table, rows in children.items():
        connection.execute(delete(table).where(table.c.order_id == order.order_id))
        if rows:
            connection.execute(insert(table), rows)
    _reprice(connection, order)
    _post(connection, order.order_id, paid.ledger, None)
    publish(connection, paid.events, due=order.created_at)
    remember(connection, order.buyer_id, _history(connection, order))


def _reprice(connection: Connection, order: Order) -> None:
    """Its lines: a discount may have gone with a method."""
    mine = and_(order_lines.c.order_id == order.order_id, order_lines.c.line_id == bindparam("line"))
    values = [{"line": line.line_id, "net_now": line.net, "kept": line.commission} for line in order.lines]
    changed = update(order_lines).where(mine).values(net=bindparam("net_now"), commission=bindparam("kept"))
    connection.execute(changed, values)


def _history(connection: Connection, order: Order) -> tuple[str, dict[str, int]] | None:
    return history_with(connection, order.buyer_id, [parcel.method for parcel in order.parcels])


def _post(connection: Connection, order_id: str, entries: Sequence[LedgerEntry], posted_at: datetime | None) -> None:
    """Append entries, which sum to zero. The order is locked, so their numbers follow those before."""
    last = select(func.coalesce(func.max(ledger_entries.c.seq), -1)).where(ledger_entries.c.order_id == order_id)
    first = connection.execute(last).scalar_one() + 1
    rows = entry_rows(order_id, entries, first, posted_at)
    if rows:
        connection.execute(insert(ledger_entries), rows)


def _set(connection: Connection, order_id: str, **values: Any) -> None:
    connection.execute(update(orders).where(_ORDER.order_id == order_id).values(**values))
