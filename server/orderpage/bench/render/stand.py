"""Four ways to answer Render, behind one guard: what each costs more than the one before it is what it adds."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, NoReturn

from crossborder.checkout.v1 import order_page_pb2
from orderpage.adapters.authentication import DemoAuthenticator
from orderpage.api.call import current
from orderpage.api.from_proto import render_request
from orderpage.api.server import ServerOptions, serve_with
from orderpage.api.servicers import OrderPageServicer, OrderServicer
from orderpage.api.to_proto import render_response
from orderpage.bench.pinned_page import (
    BUYER,
    KEY,
    NOW,
    Memory,
    pinned_memory,
    pinned_plans,
    pinned_renderer,
    pinned_request,
)
from orderpage.bench.render.handwritten import differences, handwritten_page
from orderpage.bench.switchboard import Context, RenderAnswer, Stand, Switchboard

Request = order_page_pb2.RenderRequest
Response = order_page_pb2.RenderResponse

NAMES = ("echo", "floor", "render", "hardcoded")
_SECONDS = 30.0


class PagesDiffer(Exception):
    """The hand-written page and ours are not the same page, so that measuring them against each other says nothing."""


class NoOrders:
    """Stands where Submit and GetOrder would be answered: the bench of Render sends neither."""

    async def submit(self, *asked: object) -> NoReturn:
        """Raises ``NotImplementedError``."""
        raise NotImplementedError("this server only renders")

    order = pay_stage = submit


@asynccontextmanager
async def render_stand() -> AsyncIterator[Stand]:
    """The four variants of Render on a free port of loopback."""
    pages = Switchboard(await pinned_answers())
    options = ServerOptions(address="127.0.0.1:0")
    yield Stand(serve_with(pages, OrderServicer(NoOrders()), DemoAuthenticator(), options), pages)


async def pinned_answers() -> dict[str, RenderAnswer]:
    """The variants on the pinned page. Raises ``PagesDiffer`` unless the hand-written page equals ours."""
    memory = pinned_memory()
    renderer = pinned_renderer(memory, pinned_plans())
    hardcoded = _hardcoded(memory)
    request = pinned_request()
    rendered = await renderer.render(render_request(request), BUYER.buyer_id, time.monotonic() + _SECONDS)
    prebuilt = render_response(rendered, trace_id="0" * 32)
    theirs = await hardcoded(render_request(request), BUYER.buyer_id, time.monotonic() + _SECONDS)
    if found := differences(prebuilt, theirs):
        raise PagesDiffer(f"the hand-written page differs from ours in {len(found)} lines; first: {found[0]}")

    async def echo(request: Request, context: Context) -> Response:
        return prebuilt

    async def floor(request: Request, context: Context) -> Response:
        return render_response(rendered, trace_id=current.get().trace_id)

    async def by_hand(request: Request, context: Context) -> Response:
        call = current.get()
        response = await hardcoded(render_request(request), call.buyer_id, call.deadline)
        response.trace_id = call.trace_id
        return response

    ours = OrderPageServicer(renderer, NoOrders())
    return {"echo": echo, "floor": floor, "render": ours.Render, "hardcoded": by_hand}


def _hardcoded(memory: Memory) -> Callable[[Any, str, float], Awaitable[Response]]:
    page = handwritten_page(memory.ports, KEY)

    async def answer(request: Any, buyer_id: str, deadline: float) -> Response:
        response = Response()
        await page.fill(response, request, buyer_id, NOW, deadline)
        return response

    return answer
