"""What every call passes before and after its servicer. Read ``CallGuard._guarded`` top to bottom.

Health and reflection pass untouched: they must answer without credentials, and above all when the server is full.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import perf_counter
from typing import TYPE_CHECKING, Any

import grpc
import structlog
from google.protobuf.message import DecodeError
from grpc_status import rpc_status

from orderpage.api.call import Call, CallObserver, current
from orderpage.api.errors import MAX_PROBLEMS, STATUS_BYTES_KEY, grpc_code, problems_of, status_bytes, status_of
from orderpage.domain.problem import Code, Problem, Refusal, refuse
from orderpage.engine.faults import Fault
from orderpage.ports import Authenticator, Unavailable
from orderpage.telemetry.tracing import DEBUG_KEY, Outcome, Record, Tracer
from orderpage.telemetry.tracing_context import Caller, caller_of

Context = grpc.aio.ServicerContext[Any, Any]
Behaviour = Callable[[Any, Context], Awaitable[Any]]

EXEMPT = ("/grpc.health.v1.", "/grpc.reflection.")

if TYPE_CHECKING:
    Handler = grpc.RpcMethodHandler[Any, Any]  # generic in its stubs only

_log = structlog.get_logger("orderpage.api")


class CallGuard(grpc.aio.ServerInterceptor):
    """Sheds load, authenticates, insists on a deadline, and turns every failure into a status that leaks nothing."""

    def __init__(
        self,
        authenticator: Authenticator,
        *,
        max_in_flight: int,
        max_deadline: float,
        observer: CallObserver | None = None,
        tracer: Tracer | None = None,
    ) -> None:
        """``max_in_flight`` calls at once; ``max_deadline`` in seconds; ``observer`` is told of each call's end.

        Without a ``tracer`` nothing is traced. Both may be changed while no call is under way.
        """
        self._authenticator = authenticator
        self._max_in_flight = max_in_flight
        self._max_deadline = max_deadline
        self.observer = observer
        self.tracer = tracer
        self.in_flight = 0
        self._let_in = asyncio.Event()
        self._let_in.set()

    def hold(self) -> None:
        """Let calls that come from now on wait."""
        self._let_in.clear()

    def release(self) -> None:
        """Let them go on."""
        self._let_in.set()

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable["Handler | None"]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "Handler | None":
        """Wrap the handler of a method. A method that does not exist stays UNIMPLEMENTED."""
        handler = await continuation(handler_call_details)
        method = handler_call_details.method
        if handler is None or method.startswith(EXEMPT):
            return handler
        # Typed for grpc's other server, whose handlers are threads; here they are coroutines.
        answer: Behaviour | None = handler.unary_unary  # type: ignore[assignment]
        read = handler.request_deserializer
        if answer is None or read is None:
            raise NotImplementedError(f"{method} is not a unary method; the guard knows no other")
        return grpc.unary_unary_rpc_method_handler(
            self._guarded(method, read, answer), None, handler.response_serializer
        )

    def _guarded(self, method: str, read: Callable[[bytes], Any], answer: Behaviour) -> Behaviour:
        async def behaviour(request: bytes, context: Context) -> Any:
            if not self._let_in.is_set():
                await self._let_in.wait()
            metadata = _metadata(context)
            caller = caller_of(metadata)
            trace_id = caller.trace_id
            structlog.contextvars.bind_contextvars(trace_id=trace_id)
            record = self._begin(method, caller, metadata)
            failure: BaseException
            started, message = perf_counter(), None
            try:
                with self._place():
                    current.set(self._call(context, metadata, trace_id))
                    self._admit(record)
                    message = read(request)
                    response = await answer(message, context)
            except asyncio.CancelledError as error:
                task = asyncio.current_task()
                if task is not None and task.cancelling():
                    self._ended(method, message, (), started, record, gone=True)
                    self._end(record, error, left=True)
                    raise  # the client went away, or the server stops
                # Raised by something inside: grpc would tell the client nothing, and let it wait for its deadline.
                failure = error
            except Exception as error:
                failure = error
            else:
                self._ended(method, message, (), started, record)
                self._end(record)
                return response
            _note(method, trace_id, failure)
            self._ended(method, message, problems_of(failure, trace_id), started, record)
            self._end(record, failure)
            return await context.abort_with_status(_status(failure, metadata, trace_id))

        return behaviour

    def _ended(
        self,
        method: str,
        message: Any,
        problems: Sequence[Problem],
        started: float,
        record: Record | None,
        *,
        gone: bool = False,
    ) -> None:
        if self.observer is not None:
            traced = record.caller.trace_id if record is not None and record.sampled else ""
            self.observer.ended(method, message, problems, perf_counter() - started, gone=gone, trace_id=traced)

    def _begin(self, method: str, caller: Caller, metadata: Mapping[str, str]) -> Record | None:
        if self.tracer is None:
            return None
        return self.tracer.begin(method, caller, debug=metadata.get(DEBUG_KEY) == "1")

    def _admit(self, record: Record | None) -> None:
        """Only now, so that nobody without credentials can have anything traced in full."""
        if self.tracer is not None and record is not None:
            self.tracer.admit(record)

    def _end(self, record: Record | None, failure: BaseException | None = None, *, left: bool = False) -> None:
        if self.tracer is None or record is None:
            return
        try:
            self.tracer.end(record, _CANCELLED if left else _outcome(failure, record.caller.trace_id))
        except Exception as error:  # a trace that cannot be written must not fail the call
            _log.error("trace not written", trace_id=record.caller.trace_id, exc_info=error)

    @contextmanager
    def _place(self) -> Iterator[None]:
        if self.in_flight >= self._max_in_flight:
            raise refuse(Code.OVERLOADED, "the server is answering as many calls as it can; try again shortly")
        self.in_flight += 1
        try:
            yield
        finally:
            self.in_flight -= 1

    def _call(self, context: Context, metadata: Mapping[str, str], trace_id: str) -> Call:
        buyer_id = self._authenticator.buyer_id(metadata)
        if not buyer_id:
            raise refuse(Code.SESSION_EXPIRED, "the credentials are missing, wrong or expired; log in")
        return Call(buyer_id, trace_id, self._deadline(context))

    def _deadline(self, context: Context) -> float:
        remaining = context.time_remaining()
        if remaining is None or remaining > self._max_deadline:
            what = "none" if remaining is None else f"{remaining:.0f} s away"
            message = f"the call's deadline is {what}; set one of at most {self._max_deadline:.0f} s"
            raise refuse(Code.DEADLINE_MISSING, message)
        if remaining <= 0:
            raise TimeoutError
        return time.monotonic() + remaining


_ANSWERED = Outcome()
_CANCELLED = Outcome(grpc.StatusCode.CANCELLED.value[0], (), asyncio.CancelledError.__name__)


def _outcome(failure: BaseException | None, trace_id: str) -> Outcome:
    if failure is None:
        return _ANSWERED
    codes = [problem.code for problem in problems_of(failure, trace_id)]
    return Outcome(grpc_code(codes[0]), tuple(dict.fromkeys(codes))[:MAX_PROBLEMS], type(failure).__name__)


def _metadata(context: Context) -> dict[str, str]:
    pairs = context.invocation_metadata() or ()
    return {key: value for key, value in pairs if isinstance(value, str)}


def _status(failure: BaseException, metadata: Mapping[str, str], trace_id: str) -> grpc.Status:
    limit = status_bytes(metadata.get(STATUS_BYTES_KEY, ""))
    try:
        status = status_of(failure, trace_id, limit)
    except Exception as error:
        # Even the account of a failure may fail; grpc would send that exception's text to the client.
        _log.error("failure without a status", trace_id=trace_id, exc_info=error)
        status = status_of(AssertionError(), trace_id, limit)
    made: grpc.Status = rpc_status.to_status(status)  # type: ignore[no-untyped-call]
    return made


def _note(method: str, trace_id: str, failure: BaseException) -> None:
    """Refusals, timeouts and junk are answered. The rest is work: it is logged with what the client is not told."""
    if isinstance(failure, Refusal | TimeoutError | DecodeError):
        return
    if isinstance(failure, Fault | Unavailable):
        _log.warning("call failed", method=method, trace_id=trace_id, error=str(failure))
    else:
        _log.error("call failed unexpectedly", method=method, trace_id=trace_id, exc_info=failure)
