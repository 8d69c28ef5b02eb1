"""What the interceptor found out about the call, for the servicers."""

from contextvars import ContextVar

import msgspec


class Call(msgspec.Struct, frozen=True):
    """Who calls, under which trace, until when. ``deadline`` is on ``time.monotonic``."""

    buyer_id: str
    trace_id: str
    deadline: float


current: ContextVar[Call] = ContextVar("orderpage_call")
"""The call being answered. Each call runs in a task of its own, so the value ends with it."""
