"""The log sink writes one JSON line an event."""

import io
import json

import pytest

from orderpage.adapters.log_sink import LogSink
from orderpage.domain.order import Event
from orderpage.ports import EventSink, OutboxRow

ROW = OutboxRow(7, Event("order.confirmed", "o-1", {"order_id": "o-1", "payable": 16_887, "note": "line\nbreak"}), 2)


async def test_an_event_is_one_json_line() -> None:
    stream = io.StringIO()
    sink: EventSink = LogSink(stream)
    await sink.deliver(ROW)
    await sink.deliver(ROW)
    lines = stream.getvalue().splitlines()
    assert len(lines) == 2
    line = json.loads(lines[0])
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "order.confirmed",
        "key": "o-1",
        "row_id": 7,
        "attempt": 2,
        "level": "info",
        "payload": {"order_id": "o-1", "payable": 16_887, "note": "line\nbreak"},
    }


async def test_a_closed_stream_is_an_error_so_that_the_event_is_tried_again() -> None:
    stream = io.StringIO()
    sink = LogSink(stream)
    stream.close()
    with pytest.raises(ValueError, match="closed"):
        await sink.deliver(ROW)
