"""Where Submit's microseconds go, step by step. One order after another in one process, without a network.

CPU is that of every thread of this process, PostgreSQL's own not counted; what the wall shows beyond it is waiting:
for the disk, for the database. A step's time is its own: what it calls that is a step too is counted there.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import uvloop

from crossborder.checkout.v1.order_page_pb2 import SubmitRequest, SubmitResponse
from orderpage import submit as submits
from orderpage.adapters.sql.buyers import SqlBuyers
from orderpage.adapters.sql.orders import SqlOrders
from orderpage.api import from_proto
from orderpage.api.order_to_proto import fill_placed
from orderpage.api.to_proto import render_response
from orderpage.bench.fresh_database import fill
from orderpage.bench.submit.carts import CARTS, buyer_of, cart_request, goods_document, submission
from orderpage.bench.submit.stand import open_submit_service, place_order, submit_settings
from orderpage.bench.watch import Patch, Spent, Watch, patched
from orderpage.bootstrap import Service
from orderpage.domain.order import PlacedOrder
from orderpage.engine.run import Run
from orderpage.payments import PaymentDesk
from orderpage.renderer import Renderer
from orderpage.settings import ServerSettings
from orderpage.submit import Submitter

_SECONDS = 30.0


class Step(msgspec.Struct, frozen=True):
    """Microseconds an order."""

    name: str
    cpu_us: float
    wall_us: float


def profile_submit(database: str | None, orders: int) -> tuple[Step, ...]:
    """Fill an empty database and submit so many orders twice, once for each clock; the dearest step first.

    Raises as ``measure_submit``.
    """
    settings = submit_settings(database)
    fill(settings.database, [goods_document()])
    return uvloop.run(_profile(settings, orders))


async def _profile(settings: ServerSettings, orders: int) -> tuple[Step, ...]:
    async with open_submit_service(settings) as service:
        for number in range(CARTS):
            await place_order(service, number)
        cpu = await _spent(service, orders, time.process_time)
        wall = {each.name: each.micros for each in await _spent(service, orders, time.perf_counter)}
    return tuple(Step(each.name, each.micros, wall[each.name]) for each in cpu)


async def _spent(service: Service, orders: int, clock: Callable[[], float]) -> Sequence[Spent]:
    watch = Watch(clock)
    read, answer = watch.timed("read the request", from_proto.submit_request), watch.timed("answer", _answer)
    submit = watch.timed_async("submit: the rest", Submitter.submit)
    for number in range(orders):
        message = await _submission(service, number)
        with patched(_patches(watch)):
            placed = await submit(service.submitter, read(message), buyer_of(number), time.monotonic() + _SECONDS)
            answer(placed)
    return watch.spent(orders)


async def _submission(service: Service, number: int) -> SubmitRequest:
    request = from_proto.render_request(cart_request(number))
    rendered = await service.renderer.render(request, buyer_of(number), time.monotonic() + _SECONDS)
    return submission(number, render_response(rendered))


def _answer(placed: PlacedOrder) -> bytes:
    response = SubmitResponse(trace_id="0" * 32)
    fill_placed(response, placed)
    return response.SerializeToString()


def _patches(watch: Watch) -> Sequence[Patch]:
    """The steps, in the order in which Submit takes them."""
    waited = (
        ("find the request", SqlOrders, "find_request"),
        ("requote: buyer", SqlBuyers, "buyer"),
        ("requote: facts", Run, "fill"),
        ("requote: page", Renderer, "requote"),
        ("pivot", SqlOrders, "place"),
        ("hold", PaymentDesk, "hold"),
        ("confirm", SqlOrders, "record_payment"),
    )
    at_once: tuple[tuple[str, Any, str], ...] = (
        ("open the quote", Submitter, "_open"),
        ("draft", submits, "validate_and_draft"),
    )
    return [
        *((owner, name, watch.timed_async(label, getattr(owner, name))) for label, owner, name in waited),
        *((owner, name, watch.timed(label, getattr(owner, name))) for label, owner, name in at_once),
    ]


def show(steps: Sequence[Step], say: Callable[[str], None]) -> None:
    """A table: microseconds an order."""
    say(f"{'step of Submit':24} {'µs CPU':>9} {'µs wall':>9}")
    for step in steps:
        say(f"  {step.name:22} {step.cpu_us:9.1f} {step.wall_us:9.1f}")
    say(f"  {'together':22} {sum(step.cpu_us for step in steps):9.1f} {sum(step.wall_us for step in steps):9.1f}")
