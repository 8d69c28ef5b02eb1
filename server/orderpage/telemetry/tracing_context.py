"""W3C trace context: read from a caller's metadata, and written for the services that are called."""

import re
import secrets
from collections.abc import Mapping

import msgspec

TRACEPARENT = "traceparent"
TRACESTATE = "tracestate"

_PARENT = re.compile(r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_KEY = r"[a-z0-9][a-z0-9_\-*/@]{0,255}"
_VALUE = r"[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
_MEMBER = re.compile(f"{_KEY}={_VALUE}")
_STATE_BYTES = 512
_STATE_MEMBERS = 32


class Caller(msgspec.Struct, frozen=True):
    """The trace that a call belongs to. ``span_id`` is the caller's, empty where the trace begins here.

    Ids are lower-case hexadecimal: 32 and 16 digits. ``sampled`` is what the caller wishes; ``state`` its tracestate.
    """

    trace_id: str
    span_id: str = ""
    sampled: bool = False
    state: str = ""


def caller_of(metadata: Mapping[str, str]) -> Caller:
    """The caller's trace, or one that begins here where its ``traceparent`` is absent or garbled."""
    header = metadata.get(TRACEPARENT)
    match = _PARENT.fullmatch(header) if header else None
    if match is None or (match[1] == "00" and match[5]):
        return Caller(secrets.token_hex(16))
    return Caller(match[2], match[3], bool(int(match[4], 16) & 1), _state(metadata.get(TRACESTATE, "")))


def traceparent(trace_id: str, span_id: str, *, sampled: bool) -> str:
    """The header of a call made within that span."""
    return f"00-{trace_id}-{span_id}-{int(sampled):02x}"


def new_span_id() -> str:
    """Sixteen hexadecimal digits."""
    return secrets.token_hex(8)


def _state(header: str) -> str:
    """The caller's state, or nothing where any part of it is garbled: it is passed on, so it must be sound."""
    if not header or len(header) > _STATE_BYTES:
        return ""
    members = [member for part in header.split(",") if (member := part.strip(" \t"))]
    keys = {member.partition("=")[0] for member in members}
    if len(members) > _STATE_MEMBERS or len(keys) < len(members) or not all(map(_MEMBER.fullmatch, members)):
        return ""
    return ",".join(members)
