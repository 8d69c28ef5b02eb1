"""What waits in the database, counted for those who run the service."""

from datetime import datetime

from sqlalchemy import Connection, bindparam, case, func, select

from orderpage.adapters.sql.columns import Instant
from orderpage.adapters.sql.schema import PARKED, PENDING, orders, outbox, payment_attempts
from orderpage.domain.order import PaymentState
from orderpage.ports import Backlog

_FAILED = (outbox.c.state == PENDING) & (outbox.c.error != "")
# What is due later, and did not fail, waits for nobody: a parcel is asked after for weeks.
_WAITING = (outbox.c.state == PENDING) & (outbox.c.error == "") & (outbox.c.due_at <= bindparam("now", type_=Instant))
_OUTBOX = select(
    func.count(case((_WAITING, 1))).label("waiting"),
    func.count(case((_FAILED, 1))).label("failing"),
    func.count(case((outbox.c.state == PARKED, 1))).label("parked"),
    func.min(case((outbox.c.state == PENDING, outbox.c.due_at))).label("due"),
).where(outbox.c.state.in_([PENDING, PARKED]))

_UNFINISHED = [state.value for state in PaymentState if not state.final]
_PAYMENTS = (
    select(payment_attempts.c.state, func.count().label("payments"), func.min(orders.c.created_at).label("since"))
    .join_from(payment_attempts, orders)
    .where(payment_attempts.c.state.in_(_UNFINISHED))
    .group_by(payment_attempts.c.state)
)


def read_backlog(connection: Connection, now: datetime) -> Backlog:
    """All of it at ``now``. It reads the unfinished rows only, by index."""
    events = connection.execute(_OUTBOX, {"now": now}).one()
    payments = connection.execute(_PAYMENTS).all()
    return Backlog(
        waiting=events.waiting,
        failing=events.failing,
        parked=events.parked,
        overdue=_age(events.due, now),
        payments={PaymentState(row.state): (row.payments, _age(row.since, now)) for row in payments},
    )


def _age(since: datetime | None, now: datetime) -> float:
    return max((now - since).total_seconds(), 0.0) if since else 0.0
