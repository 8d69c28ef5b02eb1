"""W3C trace context, in from strangers and out to others."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderpage.telemetry import tracing
from orderpage.telemetry.tracing import Record, current, outgoing, timed
from orderpage.telemetry.tracing_context import Caller, caller_of

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
HEADER = f"00-{TRACE}-{PARENT}-01"


@pytest.fixture
def record() -> Iterator[Record]:
    made = Record("/s/M", Caller(TRACE, PARENT, sampled=True, state="a=1"))
    token = current.set(made)
    yield made
    current.reset(token)


def test_a_callers_trace_is_taken_up() -> None:
    assert caller_of({"traceparent": HEADER}) == Caller(TRACE, PARENT, sampled=True)
    assert caller_of({"traceparent": f"00-{TRACE}-{PARENT}-02"}) == Caller(TRACE, PARENT, sampled=False)


def test_a_later_version_may_say_more() -> None:
    assert caller_of({"traceparent": f"01-{TRACE}-{PARENT}-01-what-comes"}).trace_id == TRACE


def test_without_a_caller_each_call_has_a_trace_of_its_own() -> None:
    first, second = caller_of({}), caller_of({})
    assert first.trace_id != second.trace_id
    assert (len(first.trace_id), first.span_id, first.sampled) == (32, "", False)


@given(st.text(max_size=120), st.text(max_size=600))
def test_whatever_stands_in_the_headers_the_ids_are_sound(header: str, state: str) -> None:
    caller = caller_of({"traceparent": header, "tracestate": state})
    assert int(caller.trace_id, 16)
    assert len(caller.trace_id) == 32
    assert caller.state == "" or caller.span_id


@given(st.text(max_size=600))
def test_a_state_that_is_passed_on_is_plain_text_of_bounded_length(state: str) -> None:
    kept = caller_of({"traceparent": HEADER, "tracestate": state}).state
    assert len(kept) <= 512
    assert kept.isascii()
    assert kept.isprintable()


@pytest.mark.parametrize(
    ("state", "kept"),
    [
        ("a=1, b=2 ,,c@x=3", "a=1,b=2,c@x=3"),
        ("a=1,a=2", ""),
        ("A=1", ""),
        ("a", ""),
        ("a=\n", ""),
        (",".join(f"k{number}=v" for number in range(33)), ""),
        ("a=" + "v" * 512, ""),
    ],
)
def test_a_garbled_state_is_dropped_whole(state: str, kept: str) -> None:
    assert caller_of({"traceparent": HEADER, "tracestate": state}).state == kept


def test_nothing_goes_out_where_tracing_is_off() -> None:
    assert outgoing() == ()


def test_an_unsampled_request_says_so_to_those_it_calls(record: Record) -> None:
    with timed(tracing.LOAD):
        assert outgoing() == (("traceparent", f"00-{TRACE}-{record.span_id}-00"), ("tracestate", "a=1"))
    assert record.work == []


def test_a_call_joins_the_innermost_work(record: Record) -> None:
    record.sampled = True
    with timed(tracing.LOAD) as outer, timed(tracing.ASK) as inner:
        assert isinstance(outer, tracing.Work)
        assert isinstance(inner, tracing.Work)
        assert dict(outgoing())["traceparent"] == f"00-{TRACE}-{inner.span_id}-01"
    assert dict(outgoing())["traceparent"] == f"00-{TRACE}-{record.span_id}-01"
    assert (outer.parent, inner.parent) == (record.span_id, outer.span_id)
    assert record.work == [inner, outer]


def test_work_that_fails_names_the_kind_of_failure(record: Record) -> None:
    record.sampled = True
    with pytest.raises(TimeoutError), timed(tracing.HOLD):
        raise TimeoutError("with a secret")
    assert record.work[0].error == "TimeoutError"


def test_work_that_outlives_its_request_is_written_when_it_ends(record: Record) -> None:
    record.sampled = True
    late: list[str] = []
    with timed(tracing.HOLD):
        record.finish(lambda _, work: late.append(work.name))
    assert late == [tracing.HOLD]
    assert record.work == []
