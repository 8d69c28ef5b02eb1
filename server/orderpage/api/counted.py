"""Render and Submit, counted: they pass everything on, and note what came of it."""

from orderpage.domain.order import PlacedOrder
from orderpage.presale.balances import StagePayment
from orderpage.quote import Quote
from orderpage.renderer import Rendered, Renderer
from orderpage.request import Identity, RenderRequest
from orderpage.submit import SubmitRequest, Submitter
from orderpage.telemetry.metrics_record import Recorder


class CountedRenderer:
    """A renderer whose answered pages are counted by what they say is wrong."""

    def __init__(self, renderer: Renderer, recorder: Recorder) -> None:
        self._renderer = renderer
        self._recorder = recorder

    async def render(
        self, request: RenderRequest, buyer_id: str, deadline: float, *, identity: Identity | None = None
    ) -> Rendered:
        """As ``Renderer.render``."""
        rendered = await self._renderer.render(request, buyer_id, deadline, identity=identity)
        self._recorder.page(request.site, request.client, rendered.page)
        return rendered


class CountedSubmitter:
    """A submitter whose answers are counted by where the payment stands."""

    def __init__(self, submitter: Submitter, recorder: Recorder) -> None:
        self._submitter = submitter
        self._recorder = recorder

    async def submit(self, request: SubmitRequest, buyer_id: str, deadline: float) -> PlacedOrder | None:
        """As ``Submitter.submit``."""
        placed = await self._submitter.submit(request, buyer_id, deadline)
        self._recorder.submitted(request.page.site, request.page.client, placed)
        return placed

    async def withdraw(self, request: SubmitRequest, quote: Quote, deadline: float) -> PlacedOrder | None:
        """As ``Submitter.withdraw``."""
        return await self._submitter.withdraw(request, quote, deadline)

    async def give_up(self, quote: Quote, deadline: float) -> None:
        """As ``Submitter.give_up``."""
        await self._submitter.give_up(quote, deadline)

    async def pay_stage(self, request: StagePayment, buyer_id: str, deadline: float) -> PlacedOrder:
        """As ``Submitter.pay_stage``."""
        return await self._submitter.pay_stage(request, buyer_id, deadline)

    async def order(self, order_id: str, buyer_id: str) -> PlacedOrder:
        """As ``Submitter.order``."""
        return await self._submitter.order(order_id, buyer_id)
