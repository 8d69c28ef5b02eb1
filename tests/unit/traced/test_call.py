"""Our calls in a trace: which spans are calls, and what lies below them."""

from typing import Any

import pytest

from orderpage.telemetry import tracing as names
from orderpage.traced.call import calls_of
from orderpage.traced.otlp import Event, Span
from orderpage.traced.source import Cause, TraceError

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def span(span_id: str, parent: str = "", start: int = 0, **about: Any) -> Span:
    fields: dict[str, Any] = {
        "service": "orderpage",
        "attributes": {},
        "events": (),
        "dropped": 0,
        "failed": False,
    } | about
    return Span(trace_id=TRACE, span_id=span_id, parent=parent, name=span_id, start=start, end=start + 10, **fields)


def server(span_id: str, **about: Any) -> Span:
    return span(span_id, attributes={names.SAMPLED: True, names.RPC_METHOD: "Render"}, **about)


def test_children_follow_their_parents_in_order_of_time() -> None:
    spans = [
        server("call"), span("late", "call", 50), span("early", "call", 20), span("inner", "early", 30),
        span("provider", "late", 60, service="bank", failed=True), span("stranger", "nobody", 1),
    ]  # fmt: skip
    (call,) = calls_of(spans)
    assert [(child.name, child.depth, child.after) for child in call.children] == [
        ("early", 1, 20), ("inner", 2, 30), ("late", 1, 50), ("provider", 2, 60),
    ]  # fmt: skip
    assert [(child.service, child.error) for child in call.children][-1] == ("bank", "failed")


def test_a_call_within_a_call_is_shown_by_itself() -> None:
    outer, inner = calls_of([server("outer"), span("hop", "outer"), server("inner", parent="hop"), span("x", "inner")])
    assert [child.name for child in outer.children] == ["hop"]
    assert [child.name for child in inner.children] == ["x"]


def test_parents_that_go_round_in_a_circle_end() -> None:
    (call,) = calls_of([server("call", parent="b"), span("a", "call"), span("b", "a"), span("a", "b")])
    assert [child.name for child in call.children] == ["a", "b"]


def test_attributes_of_any_type_are_survived() -> None:
    odd = {names.SAMPLED: "yes", names.RPC_STATUS: "x", names.CODES: "no list", names.SITE: 7}
    event = Event(names.EXTENSION_EVENT, 0, {names.CALLS: None, names.DECIDED: 3})
    (call,) = calls_of([span("call", attributes=odd, events=(event,))])
    assert (call.sampled, call.status, call.codes, call.cell) == (False, 0, (), None)
    assert (call.steps[0].calls, call.steps[0].decided) == (0, "3")


def test_a_trace_without_our_call_names_whose_it_is() -> None:
    with pytest.raises(TraceError, match=r"TRACE_OF_ANOTHER_SERVICE: .* has spans of bank, web, and no call") as raised:
        calls_of([span("a", service="web"), span("b", service="bank")])
    assert raised.value.cause is Cause.TRACE_OF_ANOTHER_SERVICE
