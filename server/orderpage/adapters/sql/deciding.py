"""Transaction 2, where a payment decides its order, and the leases of payments that are not decided yet."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec.structs import replace
from sqlalchemy import Connection, bindparam, select, update

from orderpage.adapters.sql.balancing import close_staged, record_balance, record_deposit
from orderpage.adapters.sql.buyers import history_with, remember
from orderpage.adapters.sql.confirming import confirm_in_one
from orderpage.adapters.sql.order_rows import read_placed
from orderpage.adapters.sql.outbox import publish
from orderpage.adapters.sql.ready import Query, Ready
from orderpage.adapters.sql.returning import return_stock
from orderpage.adapters.sql.schema import orders, payment_attempts
from orderpage.adapters.sql.usages import give_back
from orderpage.domain.order import Event, OrderState, PaymentState, PlacedOrder
from orderpage.domain.stage import Stage
from orderpage.ports import LeasedPayment, Verdict

_ATTEMPT = payment_attempts.c
_UNFINISHED = _ATTEMPT.state.in_([state.value for state in PaymentState if not state.final])

_LOCK_ORDER = Query(
    select(orders.c.order_id, orders.c.state, orders.c.events, orders.c.reserved)
    .join_from(orders, payment_attempts)
    .where(_ATTEMPT.attempt_id == bindparam("attempt"))
    .with_for_update(of=orders)
)
_SET_ATTEMPT = (
    update(payment_attempts)
    .where(_ATTEMPT.attempt_id == bindparam("attempt"))
    .values({name: bindparam(f"new_{name}") for name in ("state", "next_action", "decline", "lease_until")})
)
_ANSWERED = Ready(_SET_ATTEMPT)
_REFERRED = Ready(_SET_ATTEMPT.values(reference=bindparam("new_reference")))
_SET_ORDER = Ready(
    update(orders)
    .where(orders.c.order_id == bindparam("order"))
    .values(state=bindparam("decided"), confirmed_at=bindparam("confirmed"))
)


def record_payment(
    connection: Connection, placed: PlacedOrder, verdict: Verdict, lease_until: datetime, now: datetime
) -> PlacedOrder:
    """As ``OrdersPort.record_payment``, at ``now``. Raises ``LookupError`` for an attempt that does not exist.

    While an order is open, only its payment's state moves: the rest of ``placed`` need not be read again.
    """
    if placed.payment.stage is Stage.BALANCE:
        return record_balance(connection, placed, verdict, lease_until, now)
    attempt_id = placed.payment.attempt_id
    locked = _LOCK_ORDER.first(connection, {"attempt": attempt_id})
    if locked is None:
        raise LookupError(f"there is no payment attempt {attempt_id}")
    order_id, before, events, reserved = locked
    if before != OrderState.OPEN.value:
        return read_placed(connection, [order_id])[order_id]
    payment = replace(placed.payment, state=verdict.state, next_action=verdict.next_action, decline=verdict.decline)
    staging = placed.order.staging
    if verdict.state is PaymentState.HELD and staging is not None:
        _write_attempt(connection, attempt_id, verdict, lease_until)
        return record_deposit(connection, replace(placed, payment=payment), staging, events)
    if verdict.state is PaymentState.HELD:
        decided = PlacedOrder(replace(placed.order, state=OrderState.CONFIRMED), payment)
        _confirm(connection, decided, verdict, lease_until, now, events)
        return decided
    _write_attempt(connection, attempt_id, verdict, lease_until)
    if not verdict.state.final:
        return PlacedOrder(placed.order, payment)
    _set_order(connection, order_id, OrderState.CLOSED, None)
    return_stock(connection, reserved)
    give_back(connection, order_id)
    closed = replace(placed.order, state=OrderState.CLOSED)
    return PlacedOrder(closed if staging is None else close_staged(connection, closed, staging), payment)


def lease_payments(connection: Connection, now: datetime, until: datetime, limit: int) -> Sequence[LeasedPayment]:
    """As ``OrdersPort.lease_payments``: those that waited longest first."""
    free = (_UNFINISHED, _ATTEMPT.lease_until < now)
    longest = select(_ATTEMPT.attempt_id).where(*free).order_by(_ATTEMPT.lease_until, _ATTEMPT.attempt_id).limit(limit)
    wanted = connection.execute(longest.with_for_update(skip_locked=True)).scalars().all()
    taken = (
        update(payment_attempts)
        .where(_ATTEMPT.attempt_id.in_(wanted), *free)
        .values(lease_until=until)
        .returning(_ATTEMPT.attempt_id, _ATTEMPT.order_id, _ATTEMPT.expires_at)
    )
    rows = {row.attempt_id: row for row in connection.execute(taken)} if wanted else {}
    placed = read_placed(connection, [row.order_id for row in rows.values()])
    mine = [rows[attempt_id] for attempt_id in wanted if attempt_id in rows]
    return [LeasedPayment(placed[row.order_id], expired=row.expires_at <= now) for row in mine]


def _write_attempt(connection: Connection, attempt_id: str, verdict: Verdict, lease_until: datetime) -> None:
    values: dict[str, Any] = {
        "attempt": attempt_id,
        "new_state": verdict.state.value,
        "new_next_action": verdict.next_action,
        "new_decline": verdict.decline,
        "new_lease_until": lease_until,
    }
    if verdict.reference:
        _REFERRED.execute(connection, values | {"new_reference": verdict.reference})
    else:  # an answer that does not repeat the provider's id does not take it back
        _ANSWERED.execute(connection, values)


def _set_order(connection: Connection, order_id: str, state: OrderState, confirmed: datetime | None) -> None:
    _SET_ORDER.execute(connection, {"order": order_id, "decided": state.value, "confirmed": confirmed})


def _confirm(
    connection: Connection,
    placed: PlacedOrder,
    verdict: Verdict,
    lease_until: datetime,
    now: datetime,
    events: Sequence[Event],
) -> None:
    order = placed.order
    history = history_with(connection, order.buyer_id, [parcel.method for parcel in order.parcels])
    if connection.dialect.name == "postgresql":
        confirm_in_one(connection, placed, verdict, lease_until, now, events, history)
        return
    _write_attempt(connection, placed.payment.attempt_id, verdict, lease_until)
    _set_order(connection, order.order_id, order.state, now)
    publish(connection, events, due=order.created_at)
    remember(connection, order.buyer_id, history)
