"""From failures to ``google.rpc.Status``. What a client is told of them is decided here."""

import asyncio
from collections.abc import Sequence

import grpc
from google.protobuf.any_pb2 import Any
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2
from google.rpc.status_pb2 import Status

from crossborder.checkout.v1 import order_page_pb2, problem_pb2
from orderpage.api.order_to_proto import fill_placed
from orderpage.api.to_proto import fill_rendered
from orderpage.api.wire_values import fill_problem
from orderpage.changed import QuoteChanged
from orderpage.domain.problem import NO_RATE, Action, Code, Problem, Refusal, Retry
from orderpage.engine.faults import Fault
from orderpage.migration.legacy import LegacyRefused
from orderpage.ports import Unavailable
from orderpage.submit import OrderDuplicate

DOMAIN = "orderpage"

STATUS_BYTES = 4_800
"""Size of a status at most, unless the client says that it takes more.

A gRPC client refuses trailers past 8 KiB, at random up to 16 KiB and always above, and the call's own status is lost
with them. Base 64 (a third more) and the message, percent-encoded, come on top of this.
"""

STATUS_BYTES_KEY = "orderpage-status-bytes"
"""Request metadata in which a client says how many bytes of status it takes."""

STATUS_BYTES_LIMIT = 262_144

MAX_PROBLEMS = 16
_MESSAGE = 160
_METADATA = 128
_RETRY_MS = 500


class RefusalWithDetail(Refusal):
    """A refusal whose status carries a message of its own, such as the new page of a service that makes it otherwise.

    Dropped where it does not fit the trailers, as ``QuoteChanged`` is.
    """

    def __init__(self, *problems: Problem, detail: Message) -> None:
        super().__init__(*problems)
        self.detail = detail


def problems_of(error: BaseException, trace_id: str) -> tuple[Problem, ...]:
    """What a client is told of a failure. At least one."""
    if isinstance(error, Refusal) and error.problems:
        return error.problems
    if isinstance(error, Fault):
        return (_fault(error, trace_id),)
    if isinstance(error, Unavailable):
        return (_problem(Code.STORE_UNAVAILABLE, "the service's storage does not answer; try again shortly"),)
    if isinstance(error, TimeoutError | asyncio.TimeoutError):
        return (_problem(Code.DEADLINE_EXCEEDED, "the deadline passed before the answer was ready; try again"),)
    if isinstance(error, DecodeError):
        return (_problem(Code.REQUEST_INVALID, "the request's bytes are no message of this method; check the client"),)
    return (_unknown(trace_id),)


def status_of(error: BaseException, trace_id: str, limit: int = STATUS_BYTES) -> Status:
    """The status of a failure, in at most ``limit`` bytes: details that do not fit are named in ErrorInfo instead."""
    if isinstance(error, LegacyRefused):
        return _passed_on(error.status, limit)
    problems = problems_of(error, trace_id)
    first = problems[0]
    message = first.message if len(first.message) <= _MESSAGE else f"{first.message[: _MESSAGE - 1]}…"
    info = _info(error, problems, trace_id)
    details = [
        *_retry(first),
        _problems(problems),
        *_own(error, trace_id),
        *_bad_request(problems),
    ]
    status = Status(code=grpc_code(first.code), message=message)
    return _filled(status, info, [_packed(detail) for detail in details], limit)


def status_bytes(wanted: str) -> int:
    """How large a status may be for a client that sent ``wanted`` under ``STATUS_BYTES_KEY``, empty if it did not."""
    if not wanted.isdecimal() or len(wanted) > 9:
        return STATUS_BYTES
    return min(max(int(wanted), STATUS_BYTES), STATUS_BYTES_LIMIT)


def grpc_code(code: Code) -> int:
    """The number of the gRPC status that a problem of this code has."""
    number: int = grpc.StatusCode[code.rule.status].value[0]
    return number


def _problem(code: Code, message: str) -> Problem:
    return Problem(code=code, message=message)


def _unknown(trace_id: str) -> Problem:
    return _problem(
        Code.SYS_UNKNOWN, f"something went wrong on our side; contact support and tell the trace id {trace_id}"
    )


def _fault(fault: Fault, trace_id: str) -> Problem:
    if fault.code not in Code.__members__ or fault.code == Code.SYS_UNKNOWN:
        return _unknown(trace_id)
    if fault.code == Code.FX_RATE_MISSING:
        return _problem(Code.FX_RATE_MISSING, NO_RATE)
    return _problem(Code(fault.code), f"a part of the page could not be made ({fault.point.name}); try again shortly")


def _info(error: BaseException, problems: Sequence[Problem], trace_id: str) -> error_details_pb2.ErrorInfo:
    first = problems[0]
    where = {"field": first.field, "line_id": first.line_id, "parcel_id": first.parcel_id, "value": first.value}
    metadata = {"trace_id": trace_id, "retry": first.code.rule.retry.value, "action": first.remedy.value}
    metadata.update((name, value[:_METADATA]) for name, value in where.items() if value)
    if len(problems) > MAX_PROBLEMS:
        metadata["problems_total"] = str(len(problems))
    if isinstance(error, OrderDuplicate):
        metadata["order_id"] = error.placed.order.order_id
    return error_details_pb2.ErrorInfo(reason=first.code, domain=DOMAIN, metadata=metadata)


def _retry(first: Problem) -> Sequence[Message]:
    if first.code.rule.retry is not Retry.AUTO or first.remedy not in (Action.RETRY, Action.POLL):
        return ()
    info = error_details_pb2.RetryInfo()
    info.retry_delay.FromMilliseconds(_RETRY_MS)
    return (info,)


def _problems(problems: Sequence[Problem]) -> problem_pb2.Problems:
    message = problem_pb2.Problems()
    for problem in problems[:MAX_PROBLEMS]:
        fill_problem(message.problems.add(), problem)
    return message


def _own(error: BaseException, trace_id: str) -> Sequence[Message]:
    if isinstance(error, QuoteChanged):
        changed = order_page_pb2.QuoteChanged()
        fill_rendered(changed.rendered, error.rendered, trace_id=trace_id)
        return (changed,)
    if isinstance(error, OrderDuplicate):
        duplicate = order_page_pb2.OrderDuplicate()
        fill_placed(duplicate, error.placed)
        return (duplicate,)
    if isinstance(error, RefusalWithDetail):
        return (error.detail,)
    return ()


def _bad_request(problems: Sequence[Problem]) -> Sequence[Message]:
    at_fault = [problem for problem in problems[:MAX_PROBLEMS] if problem.field]
    if not at_fault:
        return ()
    request = error_details_pb2.BadRequest()
    for problem in at_fault:
        request.field_violations.add(field=problem.field, description=problem.message, reason=problem.code)
    return (request,)


def _passed_on(said: Status, limit: int) -> Status:
    """What another server said, cut to the size that the client takes."""
    info = error_details_pb2.ErrorInfo()
    details = [detail for detail in said.details if not detail.Unpack(info)]
    return _filled(Status(code=said.code, message=said.message), info, details, limit)


def _filled(status: Status, info: error_details_pb2.ErrorInfo, details: Sequence[Any], limit: int) -> Status:
    kept, dropped = _fit(details, limit - status.ByteSize() - info.ByteSize() - 256)
    if dropped:
        info.metadata["detail_dropped"] = ",".join(dropped)
    if info.ByteSize():
        status.details.add().Pack(info)
    status.details.extend(kept)
    return status


def _packed(detail: Message) -> Any:
    packed = Any()
    packed.Pack(detail)
    return packed


def _fit(details: Sequence[Any], room: int) -> tuple[list[Any], list[str]]:
    kept, dropped = [], []
    for detail in details:
        size = detail.ByteSize() + 4
        if size <= room:
            kept.append(detail)
            room -= size
        else:
            dropped.append(detail.type_url.rpartition(".")[2])
    return kept, dropped
