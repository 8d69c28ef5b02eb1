"""A routed call: what was asked, by whom, and what becomes a task for the shadow."""

import time
from collections.abc import Callable, Iterable
from datetime import datetime

import msgspec

from crossborder.checkout.v1 import order_page_pb2
from orderpage.api.call import Call
from orderpage.migration.legacy import LegacyCall, LegacyRefused
from orderpage.migration.scope import TrafficCell
from orderpage.migration.shadowing import OrderTask, PageTask
from orderpage.quote import Quote
from orderpage.request import Identity, RenderRequest
from orderpage.submit import SubmitRequest
from orderpage.telemetry import tracing
from orderpage.telemetry.tracing_context import TRACEPARENT, TRACESTATE, new_span_id, traceparent

PageAnswer = order_page_pb2.RenderResponse | LegacyRefused
OrderAnswer = order_page_pb2.SubmitResponse | LegacyRefused
Pairs = Iterable[tuple[str, str | bytes]]

_OURS = frozenset({"te", "content-type", "user-agent", TRACEPARENT, TRACESTATE})
"""Metadata that is about the call to us, beside gRPC's own: the next call has its own."""


class AskedPage(msgspec.Struct, frozen=True, kw_only=True):
    """A Render. ``cell`` is where traffic counts it; ``pinned`` is the quote that it adjusts; ``metadata`` reads the
    caller's own, where it is needed.
    """

    message: order_page_pb2.RenderRequest
    request: RenderRequest
    identity: Identity
    cell: TrafficCell
    pinned: Quote | None
    call: Call
    metadata: Callable[[], Pairs | None]

    @property
    def on_behalf(self) -> LegacyCall:
        """How the legacy stack is asked."""
        return on_behalf_of(self.call, self.metadata() or ())

    def task(
        self,
        stack: str,
        answer: PageAnswer,
        at: datetime,
        *,
        compare: bool = True,
        noise: bool = False,
        record: bool = False,
    ) -> PageTask:
        """To compare what ``stack`` answered with what the other one would have, at the same instant."""
        request = order_page_pb2.RenderRequest(page=self.message.page, selections=self.message.selections)
        return PageTask(
            cell=self.cell,
            request=request.SerializeToString(),
            answer=_serialized(answer),
            refused=isinstance(answer, LegacyRefused),
            stack=stack,
            identity=self.identity,
            prior=self.pinned,
            at=at,
            answered_at=time.time(),
            metadata=self.on_behalf.metadata,
            compare=compare,
            noise=noise,
            record=record,
        )


class AskedOrder(msgspec.Struct, frozen=True, kw_only=True):
    """A Submit, and the quote that it is about."""

    message: order_page_pb2.SubmitRequest
    request: SubmitRequest
    identity: Identity
    cell: TrafficCell
    quote: Quote
    call: Call
    metadata: Callable[[], Pairs | None]

    @property
    def on_behalf(self) -> LegacyCall:
        """How the legacy stack is asked."""
        return on_behalf_of(self.call, self.metadata() or ())

    def task(self, answer: OrderAnswer) -> OrderTask:
        """To compare the order that the legacy stack made with the one that ours would have been."""
        return OrderTask(
            cell=self.cell,
            request=self.message.SerializeToString(),
            answer=_serialized(answer),
            refused=isinstance(answer, LegacyRefused),
            quote=self.quote,
        )


def on_behalf_of(call: Call, metadata: Pairs) -> LegacyCall:
    """On behalf of the caller, with the caller's own metadata, within the caller's trace."""
    kept = [(key, value) for key, value in metadata if isinstance(value, str) and _theirs(key)]
    trace = tracing.outgoing() or ((TRACEPARENT, traceparent(call.trace_id, new_span_id(), sampled=False)),)
    return LegacyCall(call.buyer_id, (*kept, *trace), call.deadline)


def _theirs(key: str) -> bool:
    return key not in _OURS and not key.startswith(("grpc-", ":"))


def _serialized(answer: PageAnswer | OrderAnswer) -> bytes:
    return answer.status.SerializeToString() if isinstance(answer, LegacyRefused) else answer.SerializeToString()
