"""Where the outbox goes until somebody listens: a stream of JSON lines. A driver of the group ``orderpage.sinks``."""

import sys
from typing import TextIO

import structlog
from structlog.typing import FilteringBoundLogger

from orderpage.ports import OutboxRow


class LogSink:
    """Implements ``ports.EventSink``: one JSON line an event, on ``stream`` (standard error when it is not given).

    A line has ``event`` (the topic), ``key``, ``row_id`` (equal in repeats), ``attempt``, ``payload``, ``level`` and
    ``timestamp`` (UTC).
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        # Its own processors, whatever the program's log looks like: readers of events need one format.
        self._log: FilteringBoundLogger = structlog.wrap_logger(
            structlog.WriteLogger(stream or sys.stderr),
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.processors.JSONRenderer(),
            ],
            wrapper_class=structlog.make_filtering_bound_logger(0),
            cache_logger_on_first_use=True,
        )

    async def deliver(self, row: OutboxRow) -> None:
        """Write the event. Raises ``OSError`` or ``ValueError`` when the stream is gone."""
        event = row.event
        self._log.info(event.topic, key=event.key, row_id=row.row_id, attempt=row.attempts, payload=event.payload)
