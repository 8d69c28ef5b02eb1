"""A confirmation on PostgreSQL: all that it writes in one exchange with the server."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from orderpage.adapters.sql.columns import json_text, microseconds
from orderpage.adapters.sql.ready import Driving
from orderpage.adapters.sql.schema import PENDING
from orderpage.domain.order import Event, OrderState, PlacedOrder
from orderpage.ports import Verdict

# The rows are locked already, or only this order's. An INSERT numbers its rows as ORDER BY gives them.
_CONFIRM = f"""
WITH answered AS (
    UPDATE payment_attempts SET state = $1, next_action = $2, decline = $3, lease_until = $4,
        reference = CASE WHEN $5::varchar = '' THEN reference ELSE $5::varchar END
    WHERE attempt_id = $6
),
decided AS (UPDATE orders SET state = '{OrderState.CONFIRMED.value}', confirmed_at = $15::bigint WHERE order_id = $7),
remembered AS (UPDATE buyers SET last_method = $8, orders_by_method = $9 WHERE buyer_id = $10)
INSERT INTO outbox (key, topic, payload, state, attempts, due_at, lease_until, error)
SELECT event.key, event.topic, event.payload, '{PENDING}', 0, $11::bigint, NULL, ''
FROM UNNEST($12::varchar[], $13::varchar[], $14::text[]) WITH ORDINALITY AS event (key, topic, payload, place)
ORDER BY event.place
"""  # noqa: S608  # constants of the schema


def confirm_in_one(
    connection: Connection,
    placed: PlacedOrder,
    verdict: Verdict,
    lease_until: datetime,
    now: datetime,
    events: Sequence[Event],
    history: tuple[str, Mapping[str, int]] | None,
) -> None:
    """Write the verdict, the order's state since ``now``, its events, and the buyer's ``history``, last method and
    counts; None leaves it as it is. Raises as ``Ready.execute``.
    """
    order = placed.order
    last, counts = history or ("", {})
    values = [
        verdict.state.value,
        verdict.next_action,
        verdict.decline,
        microseconds(lease_until),
        verdict.reference,
        placed.payment.attempt_id,
        order.order_id,
        last,
        json_text(counts),
        order.buyer_id if history else None,
        microseconds(order.created_at),
        [event.key for event in events],
        [event.topic for event in events],
        [json_text(event.payload) for event in events],
        microseconds(now),
    ]
    with Driving(connection, _CONFIRM) as cursor:
        cursor.execute(_CONFIRM, values)
