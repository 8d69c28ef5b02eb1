"""The legacy stack as a client of ours meets it: its answers, with its quotes carried in ours."""

from google.rpc.status_pb2 import Status

from crossborder.checkout.v1 import order_page_pb2, order_pb2
from orderpage.api.asked import AskedOrder, AskedPage
from orderpage.api.errors import RefusalWithDetail
from orderpage.api.wire_values import fill_problem
from orderpage.migration.carrying import carried_quote, selections_of, totals_of
from orderpage.migration.legacy import LegacyCall, LegacyPort, LegacyRefused, changed_notice
from orderpage.quote import LEGACY, Quote, QuoteSigner
from orderpage.request import Identity, RenderRequest
from orderpage.telemetry import tracing


class LegacyStack:
    """Renders and submits by asking the legacy stack. Raises as ``LegacyPort``."""

    def __init__(self, port: LegacyPort, signer: QuoteSigner) -> None:
        self._port = port
        self._signer = signer

    async def render(self, asked: AskedPage) -> order_page_pb2.RenderResponse:
        """Its page. Where the quote that is adjusted is ours, its choices go along, and a notice says what changed."""
        tracing.note_stack(asked.identity.cell, LEGACY)
        pinned = asked.pinned
        try:
            response = await self._port.render(in_its_terms(asked.message, pinned), asked.on_behalf)
        except LegacyRefused as refusal:
            raise self._carrying(refusal, asked.request, asked.identity) from None
        self._carry(response, asked.request, asked.identity)
        if pinned is not None and pinned.stack != LEGACY and _moved(response, pinned):
            fill_problem(response.page.notices.add(), changed_notice(response, pinned.totals.payable))
        response.trace_id = asked.call.trace_id
        return response

    async def submit(self, asked: AskedOrder) -> order_page_pb2.SubmitResponse:
        """Its order, of a quote that it made."""
        tracing.note_stack(asked.quote.cell, LEGACY)
        message = order_page_pb2.SubmitRequest()
        message.CopyFrom(asked.message)
        message.quote_token = asked.quote.carried
        try:
            response = await self._port.submit(message, asked.on_behalf)
        except LegacyRefused as refusal:
            raise self._carrying(refusal, asked.request.page, asked.identity) from None
        response.trace_id = asked.call.trace_id
        return response

    async def instead(self, asked: AskedOrder) -> RefusalWithDetail:
        """What to answer in place of an order, where the quote's own stack was withdrawn: its page, to be reviewed."""
        page = AskedPage(
            message=order_page_pb2.RenderRequest(page=asked.message.page),
            request=asked.request.page,
            identity=asked.identity,
            cell=asked.cell,
            pinned=asked.quote,
            call=asked.call,
            metadata=asked.metadata,
        )
        response = await self.render(page)
        notice = changed_notice(response, asked.quote.totals.payable)
        return RefusalWithDetail(notice, detail=order_page_pb2.QuoteChanged(rendered=response))

    async def order(self, message: order_pb2.GetOrderRequest, on_behalf: LegacyCall) -> order_pb2.GetOrderResponse:
        """One of its orders."""
        return await self._port.get_order(message, on_behalf)

    def _carry(self, response: order_page_pb2.RenderResponse, request: RenderRequest, identity: Identity) -> None:
        if response.quote_token:
            response.quote_token = self._signer.sign(carried_quote(response, request, identity))

    def _carrying(self, refusal: LegacyRefused, request: RenderRequest, identity: Identity) -> LegacyRefused:
        """The refusal, with the quote of the page inside it carried like any other."""
        status, changed = Status(), order_page_pb2.QuoteChanged()
        status.CopyFrom(refusal.status)
        for detail in status.details:
            if detail.Unpack(changed):
                self._carry(changed.rendered, request, identity)
                detail.Pack(changed)
        return LegacyRefused(status)


def _moved(response: order_page_pb2.RenderResponse, pinned: Quote) -> bool:
    """Whether anything that was promised is otherwise on this page: a sum, also at the border, or a method."""
    page = response.page
    return totals_of(page.totals) != pinned.totals or selections_of(page) != pinned.selections


def in_its_terms(message: order_page_pb2.RenderRequest, pinned: Quote | None) -> order_page_pb2.RenderRequest:
    """With its own token; or, for a checkout that was ours, with the choices made there and no token."""
    if pinned is None:
        return message
    asked = order_page_pb2.RenderRequest()
    asked.CopyFrom(message)
    asked.prior_quote_token = pinned.carried
    if pinned.stack != LEGACY:
        chosen = {selection.parcel_id for selection in message.selections}
        for parcel_id, method in pinned.selections.items():
            if parcel_id not in chosen:
                asked.selections.add(parcel_id=parcel_id, method=method)
    return asked
