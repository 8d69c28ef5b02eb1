"""Events of confirmed orders on their way out: at least once, and one after another for equal keys.

Rows are numbered while their order's row is locked, so the numbers of one order's events follow what happened to it.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, bindparam, exists, insert, literal, or_, select, update

from orderpage.adapters.sql.ready import Ready
from orderpage.adapters.sql.schema import DONE, PARKED, PENDING, outbox
from orderpage.domain.order import Event
from orderpage.ports import ALL_TOPICS, OutboxRow, Topics

_ROW = outbox.c
_PUBLISH = Ready(
    insert(outbox).values(
        key=bindparam("key"),
        topic=bindparam("topic"),
        payload=bindparam("payload"),
        due_at=bindparam("due_at"),
        state=PENDING,
        attempts=0,
        lease_until=None,
        error="",
    )
)
_EARLIER = outbox.alias("earlier")
_BLOCKED = exists().where(
    _EARLIER.c.key == _ROW.key, _EARLIER.c.state.in_([PENDING, PARKED]), _EARLIER.c.row_id < _ROW.row_id
)


def publish(connection: Connection, events: Sequence[Event], due: datetime) -> None:
    """Append the events, in their order."""
    for event in events:  # one by one: the numbers of rows inserted together need not follow their order
        _PUBLISH.execute(connection, {"key": event.key, "topic": event.topic, "payload": event.payload, "due_at": due})


def claim_events(
    connection: Connection, now: datetime, until: datetime, limit: int, topics: Topics = ALL_TOPICS
) -> Sequence[OutboxRow]:
    """As ``OrdersPort.claim_events``: what is due longest first, given in the order they were published."""
    free = and_(_ROW.state == PENDING, _ROW.due_at <= now, or_(_ROW.lease_until.is_(None), _ROW.lease_until < now))
    free = and_(free, *among(topics))
    heads = select(_ROW.row_id).where(free, ~_BLOCKED).order_by(_ROW.due_at, _ROW.row_id).limit(limit)
    wanted = connection.execute(heads.with_for_update(skip_locked=True, of=outbox)).scalars().all()
    if not wanted:
        return ()
    taken = (
        update(outbox)
        .where(_ROW.row_id.in_(wanted), free)
        .values(lease_until=until, attempts=_ROW.attempts + 1)
        .returning(_ROW.row_id, _ROW.topic, _ROW.key, _ROW.payload, _ROW.attempts, _ROW.failures)
    )
    rows = sorted(connection.execute(taken).all(), key=lambda row: row.row_id)
    return [OutboxRow(row.row_id, Event(row.topic, row.key, row.payload), row.attempts, row.failures) for row in rows]


def finish_event(connection: Connection, row: OutboxRow, *, forget: bool = False) -> None:
    """As ``OrdersPort.finish_event``."""
    _leave(connection, row, state=DONE, error="", **({"payload": {}} if forget else {}))


def retry_event(connection: Connection, row: OutboxRow, due: datetime, error: str) -> None:
    """As ``OrdersPort.retry_event``."""
    _leave(connection, row, due_at=due, error=error, failures=row.failures + 1 if error else 0)


def park_event(connection: Connection, row: OutboxRow, error: str) -> None:
    """As ``OrdersPort.park_event``."""
    _leave(connection, row, state=PARKED, error=error, failures=0)  # whoever revives it has it begin anew


def revive_parked(connection: Connection, which: ColumnElement[bool], due: datetime) -> int:
    """Let a person's word have ``which`` rows tried again that were given up; how many there were."""
    mine = update(outbox).where(which, _ROW.state == PARKED)
    return connection.execute(mine.values(state=PENDING, due_at=due, lease_until=None)).rowcount


def drop_parked(connection: Connection, key: str, why: str) -> None:
    """Let given-up rows of the key be, because what they were for is over; why stands before their error.

    What they held is blanked.
    """
    mine = update(outbox).where(_ROW.key == key, _ROW.state == PARKED)
    connection.execute(mine.values(state=DONE, payload={}, error=literal(f"{why}; was parked: ") + _ROW.error))


def among(topics: Topics) -> Iterator[ColumnElement[bool]]:
    """What tells rows of these topics."""
    if topics.prefix:
        yield _ROW.topic.startswith(f"{topics.prefix}.", autoescape=True)
    for prefix in topics.without:
        yield ~_ROW.topic.startswith(f"{prefix}.", autoescape=True)


def _leave(connection: Connection, row: OutboxRow, **values: object) -> None:
    # The count of attempts names the claim, so nothing else changes it: a worker whose lease ended may not touch what
    # another has claimed since.
    mine = update(outbox).where(_ROW.row_id == row.row_id, _ROW.state == PENDING, _ROW.attempts == row.attempts)
    connection.execute(mine.values(lease_until=None, **values))
