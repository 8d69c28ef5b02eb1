"""OTLP/JSON as text: the collector's file exporter writes a message a line, trace stores answer one document.

OTLP/JSON writes ids in hexadecimal and 64-bit numbers as text; stores that print protobuf's own JSON write the same ids
in base64, and enumerations by name. Both are read.
"""

import base64
import re
from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

_TRACE_BYTES, _SPAN_BYTES = 16, 8
_ERROR = frozenset({2, "2", "STATUS_CODE_ERROR"})
_Nanos = Annotated[int, Meta(ge=0, le=2**63 - 1)]  # so that each is a moment of the calendar


class NotOtlp(ValueError):
    """The text is no OTLP/JSON. The message says where and why."""


class Event(msgspec.Struct, frozen=True):
    """Something that happened in a span, at Unix nanoseconds."""

    name: str
    at: int
    attributes: dict[str, Any]


class Span(msgspec.Struct, frozen=True):
    """A span. Ids in lower-case hexadecimal, ``parent`` empty at a root; ``start`` and ``end`` in Unix nanoseconds.

    ``dropped`` counts events that were lost on the way.
    """

    trace_id: str
    span_id: str
    parent: str
    name: str
    service: str
    start: int
    end: int
    failed: bool
    attributes: dict[str, Any]
    events: tuple[Event, ...]
    dropped: int


def spans_of(text: bytes, trace_id: str) -> list[Span]:
    """The spans of that trace, each once, by their start. ``text`` is one document, or one a line.

    Raises ``NotOtlp``. Of lines, those that do not mention the trace are not read, but for the first.
    """
    found: dict[str, Span] = {}
    for message in _messages(text, _mention_of(trace_id)):
        for span in _spans(message):
            if span.trace_id == trace_id:
                found.setdefault(span.span_id, span)  # an exporter that tries again may send one twice
    return sorted(found.values(), key=lambda span: span.start)


def _mention_of(trace_id: str) -> re.Pattern[bytes]:
    in_base64 = base64.b64encode(bytes.fromhex(trace_id))
    return re.compile(b"(?i:%s)|%s" % (trace_id.encode(), re.escape(in_base64)))


def _messages(text: bytes, mention: re.Pattern[bytes]) -> Iterator["_Message"]:
    try:
        yield _DECODER.decode(text)
    except msgspec.ValidationError as error:
        raise NotOtlp(str(error)) from None
    except (msgspec.DecodeError, RecursionError) as error:
        lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
        if len(lines) < 2:
            raise NotOtlp(str(error)) from None
        yield from (_line(number, line) for number, line in lines if number == lines[0][0] or mention.search(line))


def _line(number: int, line: bytes) -> "_Message":
    try:
        return _DECODER.decode(line)
    except (msgspec.DecodeError, RecursionError) as error:
        raise NotOtlp(f"line {number}: {error}") from None


# ---- the wire ------------------------------------------------------------------------------------------------------


class _Value(msgspec.Struct, frozen=True, rename="camel"):
    string_value: str | UnsetType = UNSET
    int_value: int | UnsetType = UNSET
    double_value: float | UnsetType = UNSET
    bool_value: bool | UnsetType = UNSET
    array_value: "_Values | UnsetType" = UNSET


class _Values(msgspec.Struct, frozen=True):
    values: list[_Value] = []


class _Pair(msgspec.Struct, frozen=True):
    key: str
    value: _Value = _Value()


class _Event(msgspec.Struct, frozen=True, rename="camel"):
    name: str = ""
    time_unix_nano: _Nanos = 0
    attributes: list[_Pair] = []


class _Status(msgspec.Struct, frozen=True):
    code: int | str = 0


class _Span(msgspec.Struct, frozen=True, rename="camel"):
    trace_id: str
    span_id: str
    parent_span_id: str = ""
    name: str = ""
    start_time_unix_nano: _Nanos = 0
    end_time_unix_nano: _Nanos = 0
    attributes: list[_Pair] = []
    events: list[_Event] = []
    dropped_events_count: int = 0
    status: _Status = _Status()


class _Scope(msgspec.Struct, frozen=True):
    spans: list[_Span] = []


class _Resource(msgspec.Struct, frozen=True):
    attributes: list[_Pair] = []


class _Group(msgspec.Struct, frozen=True, rename="camel"):
    resource: _Resource = _Resource()
    scope_spans: list[_Scope] = []


class _Message(msgspec.Struct, frozen=True, rename="camel"):
    """``trace`` is Tempo's wrapping, ``result`` Jaeger's, ``batches`` the older name of the groups."""

    resource_spans: list[_Group] | UnsetType = UNSET
    batches: list[_Group] | UnsetType = UNSET
    trace: "_Message | UnsetType" = UNSET
    result: "_Message | UnsetType" = UNSET


_DECODER = msgspec.json.Decoder(_Message, strict=False)


def _spans(message: _Message) -> Iterator[Span]:
    for inner in (message.trace, message.result):
        if inner is not UNSET:
            yield from _spans(inner)
            return
    groups = message.batches if message.resource_spans is UNSET else message.resource_spans
    if groups is UNSET:
        raise NotOtlp("it has no resourceSpans")
    for group in groups:
        service = _attributes(group.resource.attributes).get("service.name", "")
        yield from (_span(span, str(service)) for scope in group.scope_spans for span in scope.spans)


def _span(span: _Span, service: str) -> Span:
    return Span(
        trace_id=_id(span.trace_id, _TRACE_BYTES),
        span_id=_id(span.span_id, _SPAN_BYTES),
        parent=_id(span.parent_span_id, _SPAN_BYTES) if span.parent_span_id else "",
        name=_printable(span.name),
        service=service,
        start=span.start_time_unix_nano,
        end=span.end_time_unix_nano,
        failed=span.status.code in _ERROR,
        attributes=_attributes(span.attributes),
        events=tuple(
            Event(event.name, event.time_unix_nano, _attributes(event.attributes))
            for event in sorted(span.events, key=lambda event: event.time_unix_nano)
        ),
        dropped=span.dropped_events_count,
    )


def _id(text: str, size: int) -> str:
    """An id in hexadecimal, whichever way it is written: the lengths tell."""
    try:
        raw = bytes.fromhex(text) if len(text) == 2 * size else base64.b64decode(text, validate=True)
    except ValueError:
        raw = b""
    if len(raw) != size:
        raise NotOtlp(f"{_printable(text[:80])!r} is no id of {size} bytes, neither in hexadecimal nor in base64")
    return raw.hex()


def _attributes(pairs: list[_Pair]) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: _Value) -> Any:
    """What it holds; None for what no attribute of ours is."""
    if value.string_value is not UNSET:
        return _printable(value.string_value)
    if value.array_value is not UNSET:
        return [_value(item) for item in value.array_value.values]
    given = (value.int_value, value.double_value, value.bool_value)
    return next((one for one in given if one is not UNSET), None)


def _printable(text: str) -> str:
    """It is shown on somebody's terminal, and came from anywhere."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)
