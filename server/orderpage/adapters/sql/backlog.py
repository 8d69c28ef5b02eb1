"""What waits in the database, counted for those who run the service."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, bindparam, case, false, func, or_, select

from orderpage.adapters.sql.columns import Instant
from orderpage.adapters.sql.schema import PARKED, PENDING, orders, outbox, payment_attempts
from orderpage.adapters.sql.settling import unsettled_since
from orderpage.domain.order import PaymentState
from orderpage.ports import Backlog, EventBacklog

_FAILED = (outbox.c.state == PENDING) & (outbox.c.error != "")
# What is due later, and did not fail, waits for nobody: a parcel is asked after for weeks.
_WAITING = (outbox.c.state == PENDING) & (outbox.c.error == "") & (outbox.c.due_at <= bindparam("now", type_=Instant))
_COUNTS = (
    func.count(case((_WAITING, 1))).label("waiting"),
    func.count(case((_FAILED, 1))).label("failing"),
    func.count(case((outbox.c.state == PARKED, 1))).label("parked"),
    func.min(case((outbox.c.state == PENDING, outbox.c.due_at))).label("due"),
)

_UNFINISHED = [state.value for state in PaymentState if not state.final]
_PAYMENTS = (
    select(payment_attempts.c.state, func.count().label("payments"), func.min(orders.c.created_at).label("since"))
    .join_from(payment_attempts, orders)
    .where(payment_attempts.c.state.in_(_UNFINISHED))
    .group_by(payment_attempts.c.state)
)


def read_backlog(connection: Connection, now: datetime, deliverers: Collection[str] = ()) -> Backlog:
    """All of it at ``now``; topics that begin with one of the ``deliverers`` are work.

    It reads the unfinished rows only, and the first one that is not settled, by index.
    """
    rows = connection.execute(_events(deliverers), {"now": now}).all()
    events = {bool(row.work): EventBacklog(row.waiting, row.failing, row.parked, _age(row.due, now)) for row in rows}
    payments = connection.execute(_PAYMENTS).all()
    return Backlog(
        told=events.get(False, EventBacklog()),
        work=events.get(True, EventBacklog()),
        payments={PaymentState(row.state): (row.payments, _age(row.since, now)) for row in payments},
        unsettled=_age(unsettled_since(connection, now), now),
    )


def _events(deliverers: Collection[str]) -> Select[Any]:
    ours = [outbox.c.topic.startswith(f"{prefix}.", autoescape=True) for prefix in deliverers]
    work = case((or_(false(), *ours), 1), else_=0).label("work")
    return select(work, *_COUNTS).where(outbox.c.state.in_([PENDING, PARKED])).group_by("work")


def _age(since: datetime | None, now: datetime) -> float:
    return max((now - since).total_seconds(), 0.0) if since else 0.0
