"""Two ways to answer Submit, behind one guard: the service's own, and the same rows written raw.

Both run in a process wired as ``serve`` wires it, but that the sweeper and the relay rest: what is measured is the
call. The clock stands still, so that a quote is good whenever its turn comes.
"""

import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

from crossborder.checkout.v1.order_page_pb2 import SubmitRequest, SubmitResponse
from orderpage.api import from_proto
from orderpage.api.order_to_proto import fill_placed
from orderpage.api.server import ServerOptions, serve_with
from orderpage.api.servicers import OrderPageServicer, OrderServicer
from orderpage.api.to_proto import render_response
from orderpage.bench.pinned_page import NOW
from orderpage.bench.submit.carts import CARTS, buyer_of, cart_request, submission
from orderpage.bench.submit.raw import Raw, open_raw
from orderpage.bench.submit.template import OrderTemplate
from orderpage.bench.switchboard import Context, Stand, SubmitAnswer, Switchboard
from orderpage.bootstrap import Service, open_service
from orderpage.domain.order import OrderState, PlacedOrder
from orderpage.settings import ServerSettings, read_settings

NAMES = ("ceiling", "submit")
_SECONDS = 30.0
_NEVER_MS = 3_600_000


class NotConfirmed(Exception):
    """The bench's own order was not confirmed, so there is nothing to measure. The message says why."""


def submit_settings(database: str | None = None) -> ServerSettings:
    """The operator's settings, on loopback, with the test payment provider, without metrics and traces.

    Raises ``SettingsError``.
    """
    ours = {
        "listen": "127.0.0.1:0",
        "authenticator": "demo",
        "payments": "sandbox",
        "payments_journal": "",
        "workers": 1,
        "sweep_ms": _NEVER_MS,
        "relay_ms": _NEVER_MS,
        "metrics": "",
        "otlp_endpoint": "",
        "trace_ratio": 0,
        "trace_debug": 0,
        "log_level": "error",
    }
    return read_settings(os.environ, {"database": database, **ours})


@asynccontextmanager
async def open_submit_service(settings: ServerSettings) -> AsyncIterator[Service]:
    """The service at the moment of the pinned page, which never passes. Raises as ``open_service``."""
    async with open_service(settings, clock=lambda: NOW) as service:
        yield service


@asynccontextmanager
async def submit_stand() -> AsyncIterator[Stand]:
    """Both variants, and Render, on a free port of loopback. Raises as ``open_service``, and ``NotConfirmed``."""
    settings = submit_settings()
    async with open_submit_service(settings) as service, open_raw(settings) as raw:
        pages = OrderPageServicer(service.renderer, service.submitter)
        answers: dict[str, SubmitAnswer] = {"ceiling": await ceiling(service, raw), "submit": pages.Submit}
        switchboard = Switchboard({"render": pages.Render}, answers)
        options = ServerOptions(address=settings.listen, max_in_flight=settings.max_in_flight)
        server = serve_with(switchboard, OrderServicer(service.submitter), service.authenticator, options)
        yield Stand(server, switchboard, lambda: service.database.load().commits + raw.commits)


async def ceiling(service: Service, raw: Raw) -> SubmitAnswer:
    """A prebuilt answer, given once the rows of such an order are written: the pivot, then the confirmation.

    An order of each cart is really placed first, to see what is written. Raises ``NotConfirmed``.
    """
    placed = [await place_order(service, number) for number in range(CARTS)]
    templates = [await _template(service, raw, each.order.order_id) for each in placed]
    prebuilt = SubmitResponse(trace_id="0" * 32)
    fill_placed(prebuilt, placed[0])
    turns = count()

    async def answer(request: SubmitRequest, context: Context) -> SubmitResponse:
        pivot, confirmation = templates[next(turns) % CARTS].again()
        await raw.write(pivot)
        await raw.write(confirmation)
        return prebuilt

    return answer


async def place_order(service: Service, number: int) -> PlacedOrder:
    """Cart ``number`` rendered and submitted, without a network. Raises ``NotConfirmed``."""
    buyer_id, deadline = buyer_of(number), time.monotonic() + _SECONDS
    rendered = await service.renderer.render(from_proto.render_request(cart_request(number)), buyer_id, deadline)
    request = from_proto.submit_request(submission(number, render_response(rendered)))
    placed = await service.submitter.submit(request, buyer_id, deadline)
    if placed is None or placed.order.state is not OrderState.CONFIRMED:
        paid = rendered.page.totals.payable
        raise NotConfirmed(
            f"the test provider does not hold {paid} at once (its last two digits decide), so the bench's order is not "
            "confirmed; leave ORDERPAGE_PACKAGES out, or change the prices in bench/order_carts.py"
        )
    return placed


async def _template(service: Service, raw: Raw, order_id: str) -> OrderTemplate:
    return await service.database.read(lambda connection: OrderTemplate(connection, order_id, raw.place))
