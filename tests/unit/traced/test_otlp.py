"""OTLP/JSON as collectors and trace stores write it, and as nobody should."""

import base64
import json
from typing import Any

import pytest

from orderpage.traced.otlp import NotOtlp, spans_of

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def span(number: int = 1, **fields: Any) -> dict[str, Any]:
    """A span as the specification writes it: ids in hexadecimal, 64-bit numbers as text."""
    made = {
        "traceId": TRACE, "spanId": f"{number:016x}", "name": f"span {number}", "kind": 2,
        "startTimeUnixNano": str(1_000 * number), "endTimeUnixNano": str(1_000 * number + 500),
    }  # fmt: skip
    return made | fields


def document(*spans: dict[str, Any], service: str = "orderpage") -> dict[str, Any]:
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": list(spans)}]}]}


def text(*documents: Any) -> bytes:
    return "\n".join(map(json.dumps, documents)).encode()


def test_one_document_and_one_a_line_are_both_read_in_order_of_time() -> None:
    pretty = json.dumps(document(span(2), span(1)), indent=2).encode()
    lines = text(document(span(2)), document(span(3, traceId="a" * 32)), document(span(1)))
    for given in (pretty, lines, lines + b"\n\n"):
        assert [found.name for found in spans_of(given, TRACE)] == ["span 1", "span 2"]


def test_ids_are_read_in_hexadecimal_of_either_case_and_in_base64() -> None:
    def in_base64(digits: str) -> str:
        return base64.b64encode(bytes.fromhex(digits)).decode()

    plain = span(7, parentSpanId="00f067aa0ba902b7")
    upper = plain | {name: str(plain[name]).upper() for name in ("traceId", "spanId", "parentSpanId")}
    other = plain | {name: in_base64(str(plain[name])) for name in ("traceId", "spanId", "parentSpanId")}
    for one in (plain, upper, other):
        for given in (text(document(one)), text(document(span(3, traceId="b" * 32)), document(one))):
            (found,) = spans_of(given, TRACE)
            assert (found.trace_id, found.span_id, found.parent) == (TRACE, f"{7:016x}", "00f067aa0ba902b7")


def test_values_come_in_their_types_and_numbers_as_text_or_not() -> None:
    values = {
        "text": {"stringValue": "12"}, "as text": {"intValue": "12"}, "number": {"intValue": 12},
        "yes": {"boolValue": True}, "float": {"doubleValue": 0.5},
        "list": {"arrayValue": {"values": [{"stringValue": "a"}, {"intValue": "1"}]}}, "other": {"bytesValue": "AA=="},
    }  # fmt: skip
    pairs = [{"key": key, "value": value} for key, value in values.items()]
    (found,) = spans_of(text(document(span(attributes=pairs, startTimeUnixNano=5))), TRACE)
    assert found.start == 5
    assert found.attributes == {
        "text": "12", "as text": 12, "number": 12, "yes": True, "float": 0.5, "list": ["a", 1], "other": None,
    }  # fmt: skip


@pytest.mark.parametrize(("code", "failed"), [(2, True), ("STATUS_CODE_ERROR", True), (0, False), (1, False)])
def test_a_status_may_be_a_number_or_a_name(code: Any, failed: bool) -> None:
    (found,) = spans_of(text(document(span(status={"code": code}))), TRACE)
    assert found.failed is failed


def test_events_come_in_order_of_time() -> None:
    events = [{"name": name, "timeUnixNano": at} for name, at in (("b", "20"), ("a", "10"))]
    (found,) = spans_of(text(document(span(events=events, droppedEventsCount=3))), TRACE)
    assert ([event.name for event in found.events], found.dropped) == (["a", "b"], 3)


def test_a_span_that_was_sent_twice_is_read_once() -> None:
    assert len(spans_of(text(document(span(1)), document(span(1), span(2))), TRACE)) == 2


def test_the_wrappings_of_stores_are_taken_off() -> None:
    groups = document(span())["resourceSpans"]
    wrapped = ({"batches": groups}, {"trace": {"batches": groups}}, {"trace": document(span())},
               {"result": document(span())})  # fmt: skip
    for one in wrapped:
        assert len(spans_of(text(one), TRACE)) == 1


def test_nothing_in_a_trace_can_steer_a_terminal() -> None:
    pairs = [{"key": "orderpage.decided", "value": {"stringValue": "\x1b[2Jhello\nthere"}}]
    (found,) = spans_of(text(document(span(name="\x1b]0;x\x07", attributes=pairs))), TRACE)
    assert found.name.isprintable()
    assert found.attributes["orderpage.decided"] == "\ufffd[2Jhello\ufffdthere"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (b"{", "truncated"),
        (text({"resourceLogs": []}), "it has no resourceSpans"),
        (text(document(span(traceId="4bf9"))), "'4bf9' is no id of 16 bytes, neither in hexadecimal nor in base64"),
        (text(document(span(spanId="zz" * 8))), "is no id of 8 bytes"),
        (text(document(span(startTimeUnixNano="soon"))), "Expected `int`"),
        (text(document(span(startTimeUnixNano="9" * 30))), "Expected"),
        (text(document(span())) + b"\n" + TRACE.encode(), "line 2: "),
        (b'{"other":' + b"[" * 5000, "recursion"),
    ],
)
def test_what_is_no_otlp_is_refused_with_its_place(wrong: bytes, said: str) -> None:
    with pytest.raises(NotOtlp, match=said):
        spans_of(wrong, TRACE)
