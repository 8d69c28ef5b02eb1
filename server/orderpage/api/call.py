"""What the interceptor found out about the call, for the servicers."""

import re
import secrets
from collections.abc import Mapping
from contextvars import ContextVar

import msgspec

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}.*")


class Call(msgspec.Struct, frozen=True):
    """Who calls, under which trace, until when. ``deadline`` is on ``time.monotonic``."""

    buyer_id: str
    trace_id: str
    deadline: float


current: ContextVar[Call] = ContextVar("orderpage_call")
"""The call being answered. Each call runs in a task of its own, so the value ends with it."""


def trace_id_of(metadata: Mapping[str, str]) -> str:
    """The trace id of the caller's W3C ``traceparent``, 32 hexadecimal digits; a new one where it has none."""
    match = _TRACEPARENT.fullmatch(metadata.get("traceparent", ""))
    return match[1] if match and match[1].strip("0") else secrets.token_hex(16)
