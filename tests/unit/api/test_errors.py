"""What a client is told of each failure."""

from collections.abc import Callable

import grpc
import pytest
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2
from google.rpc.status_pb2 import Status

from crossborder.checkout.v1 import order_page_pb2, problem_pb2
from orderpage import points
from orderpage.api.errors import (
    MAX_PROBLEMS,
    STATUS_BYTES,
    STATUS_BYTES_LIMIT,
    RefusalWithDetail,
    status_bytes,
    status_of,
)
from orderpage.changed import QuoteChanged
from orderpage.domain.order import PlacedOrder
from orderpage.domain.problem import Action, Code, Problem, Refusal, Retry, refuse
from orderpage.engine.faults import Fault
from orderpage.ports import Unavailable
from orderpage.renderer import Rendered
from orderpage.submit import OrderDuplicate

TRACE = "0" * 31 + "1"
KINDS: tuple[type[Message], ...] = (
    error_details_pb2.ErrorInfo,
    error_details_pb2.RetryInfo,
    error_details_pb2.BadRequest,
    problem_pb2.Problems,
    order_page_pb2.QuoteChanged,
    order_page_pb2.OrderDuplicate,
)


def details(status: Status) -> dict[str, Message]:
    """The details by the name of their type."""
    found: dict[str, Message] = {}
    for packed in status.details:
        (kind,) = [kind for kind in KINDS if packed.TypeName() == kind.DESCRIPTOR.full_name]
        found[kind.DESCRIPTOR.name] = kind()
        packed.Unpack(found[kind.DESCRIPTOR.name])
    return found


def info(status: Status) -> error_details_pb2.ErrorInfo:
    found = details(status)["ErrorInfo"]
    assert isinstance(found, error_details_pb2.ErrorInfo)
    return found


@pytest.mark.parametrize("code", Code)
def test_every_code_has_a_status_a_retry_class_and_an_action(code: Code) -> None:
    status = status_of(refuse(code, "words", field="a.b", line_id="l", value="7"), TRACE)
    said = info(status)
    assert status.code == grpc.StatusCode[code.rule.status].value[0]
    assert (said.reason, said.domain) == (code, "orderpage")
    assert dict(said.metadata) == {
        "trace_id": TRACE, "retry": code.rule.retry, "action": code.rule.action,
        "field": "a.b", "line_id": "l", "value": "7",
    }  # fmt: skip
    same_call_may_help = code.rule.retry is Retry.AUTO and code.rule.action in (Action.RETRY, Action.POLL)
    assert ("RetryInfo" in details(status)) == same_call_may_help
    problems = details(status)["Problems"]
    assert isinstance(problems, problem_pb2.Problems)
    assert problems.problems[0].retry != problem_pb2.RETRY_UNSPECIFIED
    assert problems.problems[0].remedy.action != problem_pb2.ACTION_UNSPECIFIED


def test_fields_at_fault_are_listed_the_standard_way() -> None:
    wrong = [Problem(code=Code.REQUEST_INVALID, message=f"f{number} is bad", field=f"f{number}") for number in (1, 2)]
    bad = details(status_of(Refusal(*wrong), TRACE))["BadRequest"]
    assert isinstance(bad, error_details_pb2.BadRequest)
    assert {each.field: each.description for each in bad.field_violations} == {"f1": "f1 is bad", "f2": "f2 is bad"}


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Fault(points.TAX, "gst", "tax.gst", ValueError("secret")), Code.TAX_CALC_UNAVAILABLE),
        (Fault(points.ASK, "slot", "ext", ValueError("secret")), Code.SYS_UNKNOWN),
        (Unavailable("secret host"), Code.STORE_UNAVAILABLE),
        (TimeoutError("secret"), Code.DEADLINE_EXCEEDED),
        (DecodeError("secret"), Code.REQUEST_INVALID),
        (KeyError("secret"), Code.SYS_UNKNOWN),
        (Refusal(), Code.SYS_UNKNOWN),
        (ExceptionGroup("secret", [ValueError("secret")]), Code.SYS_UNKNOWN),
    ],
)
def test_a_failure_of_ours_has_a_code_and_tells_nothing_of_itself(error: Exception, code: Code) -> None:
    status = status_of(error, TRACE)
    assert info(status).reason == code
    assert b"secret" not in status.SerializeToString()
    assert code is not Code.SYS_UNKNOWN or TRACE in status.message


def test_a_changed_quote_carries_the_new_page(rendered: Rendered) -> None:
    status = status_of(QuoteChanged(rendered, quoted=1000), TRACE)
    changed = details(status)["QuoteChanged"]
    assert isinstance(changed, order_page_pb2.QuoteChanged)
    assert changed.rendered.page.totals.payable == rendered.page.totals.payable
    assert changed.rendered.quote_token == rendered.quote_token
    assert changed.rendered.trace_id == TRACE
    assert "detail_dropped" not in info(status).metadata


def test_a_refusal_can_carry_a_page_that_was_made_elsewhere() -> None:
    problem = Problem(code=Code.QUOTE_CHANGED, message="the page is another")
    detail = order_page_pb2.QuoteChanged()
    detail.rendered.checkout_id = "c-1"
    assert details(status_of(RefusalWithDetail(problem, detail=detail), TRACE))["QuoteChanged"] == detail
    detail.rendered.checkout_id = "c" * STATUS_BYTES
    status = status_of(RefusalWithDetail(problem, detail=detail), TRACE)
    assert "QuoteChanged" not in details(status)
    assert info(status).metadata["detail_dropped"] == "QuoteChanged"


def test_a_page_too_large_for_the_trailers_is_dropped_and_named(big_rendered: Rendered) -> None:
    status = status_of(QuoteChanged(big_rendered, quoted=1000), TRACE)
    assert "QuoteChanged" not in details(status)
    assert info(status).metadata["detail_dropped"] == "QuoteChanged"
    assert status.ByteSize() <= STATUS_BYTES


def test_a_client_that_takes_more_gets_the_large_page(big_rendered: Rendered) -> None:
    status = status_of(QuoteChanged(big_rendered, quoted=1000), TRACE, STATUS_BYTES_LIMIT)
    assert "QuoteChanged" in details(status)
    assert status.ByteSize() > STATUS_BYTES


@pytest.mark.parametrize(
    ("wanted", "bytes_taken"),
    [
        ("", 4_800),
        ("x", 4_800),
        ("-5", 4_800),
        ("100", 4_800),
        ("65536", 65_536),
        ("9" * 9, 262_144),
        ("9" * 99, 4_800),
    ],
)
def test_what_a_client_takes_is_read_with_care(wanted: str, bytes_taken: int) -> None:
    assert status_bytes(wanted) == bytes_taken


def test_a_duplicate_names_its_order_even_without_room(placed_in: Callable[..., PlacedOrder]) -> None:
    roomy, tight = (status_of(OrderDuplicate(placed_in()), TRACE, limit) for limit in (STATUS_BYTES, 600))
    duplicate = details(roomy)["OrderDuplicate"]
    assert isinstance(duplicate, order_page_pb2.OrderDuplicate)
    assert duplicate.order.order_id == "o-1"
    assert "OrderDuplicate" not in details(tight)
    assert info(tight).metadata["order_id"] == "o-1"


def test_a_thousand_problems_still_fit_the_trailers() -> None:
    many = [
        Problem(code=Code.REQUEST_INVALID, message="错" * 250, field=f"cart.lines[{number}].quantity", value="值" * 250)
        for number in range(1000)
    ]
    status = status_of(Refusal(*many), TRACE)
    assert status.ByteSize() <= STATUS_BYTES
    assert info(status).metadata["problems_total"] == "1000"
    assert len(status.message) <= 160


def test_only_the_first_problems_are_listed() -> None:
    many = [Problem(code=Code.REQUEST_INVALID, message="bad", field=f"f{number}") for number in range(40)]
    problems = details(status_of(Refusal(*many), TRACE))["Problems"]
    assert isinstance(problems, problem_pb2.Problems)
    assert len(problems.problems) == MAX_PROBLEMS
