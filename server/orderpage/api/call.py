"""What the interceptor found out about the call, for the servicers."""

from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any, Protocol

import msgspec

from orderpage.domain.problem import Problem


class Call(msgspec.Struct, frozen=True):
    """Who calls, under which trace, until when. ``deadline`` is on ``time.monotonic``."""

    buyer_id: str
    trace_id: str
    deadline: float


class CallObserver(Protocol):
    """Told of every call that the guard saw, once it ended. It must not raise."""

    def ended(
        self, method: str, request: Any, problems: Sequence[Problem], seconds: float, *, gone: bool, trace_id: str = ""
    ) -> None:
        """``request`` is the message, None where it was not read. ``problems`` are those that it was refused with, none
        if it was answered; ``gone``: the client left, or the server stopped, before either. ``trace_id`` is that of a
        call that was traced in full, else empty.
        """


current: ContextVar[Call] = ContextVar("orderpage_call")
"""The call being answered. Each call runs in a task of its own, so the value ends with it."""
