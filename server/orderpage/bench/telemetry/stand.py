"""The same two answers to Render, a page and a prebuilt one, with more and more telemetry around them."""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import msgspec
from prometheus_client import CollectorRegistry

from orderpage.adapters.authentication import DemoAuthenticator
from orderpage.api.counted import CountedRenderer
from orderpage.api.server import OrderPageServer, ServerOptions, serve_with
from orderpage.api.servicers import OrderPageServicer, OrderServicer
from orderpage.bench.pinned_page import pinned_memory, pinned_plans, pinned_renderer
from orderpage.bench.render.stand import NoOrders, pinned_answers
from orderpage.bench.switchboard import RenderAnswer, Stand, Switchboard
from orderpage.budget import Budget
from orderpage.settings import read_settings
from orderpage.telemetry.metrics_record import Recorder
from orderpage.telemetry.tracing_export import SpanTracer
from orderpage.telemetry.tracing_sampling import Sampler

PAGES = ("render", "echo")
"""The pinned page; and a prebuilt answer, around which least else varies."""

RATIOS: Mapping[str, float] = {"unsampled": 0.0, "one_percent": 0.01, "all": 1.0}
"""Variants with traces and metrics, and the share of calls that they trace in full."""

TELEMETRY = ("none", "again", "metrics", *RATIOS)
"""What is around an answer. ``again`` is nothing too: what it seems to cost is the error of the measurement."""


class Watch(msgspec.Struct, frozen=True):
    """What a guard tells of its calls in a variant."""

    recorder: Recorder | None = None
    tracer: SpanTracer | None = None


def name_of(page: str, telemetry: str) -> str:
    """A variant's name."""
    return f"{page}.{telemetry}"


@asynccontextmanager
async def telemetry_stand() -> AsyncIterator[Stand]:
    """All variants on a free port of loopback. Spans go to the collector that ``ORDERPAGE_OTLP_ENDPOINT`` names."""
    endpoint = read_settings(os.environ).otlp_endpoint
    plans = pinned_plans()
    recorder = Recorder(CollectorRegistry(), lambda: plans.dimensions)
    renderer = pinned_renderer(pinned_memory(), plans)
    plain = OrderPageServicer(renderer, NoOrders()).Render
    counted = OrderPageServicer(CountedRenderer(renderer, recorder), NoOrders()).Render
    echo = (await pinned_answers())["echo"]

    tracers = {name: SpanTracer(endpoint, Sampler(ratio, 0), Budget(0)) for name, ratio in RATIOS.items()}
    watches = {"none": Watch(), "again": Watch(), "metrics": Watch(recorder)}
    watches |= {name: Watch(recorder, tracer) for name, tracer in tracers.items()}
    answers: dict[str, RenderAnswer] = {}
    for name, watch in watches.items():
        answers |= {name_of("render", name): counted if watch.recorder else plain, name_of("echo", name): echo}
    pages = Switchboard(answers)
    server = serve_with(pages, OrderServicer(NoOrders()), DemoAuthenticator(), ServerOptions(address="127.0.0.1:0"))
    try:
        yield Stand(server, pages, prepare=_Watching(server, watches, tracers["unsampled"]).prepare)
    finally:
        for tracer in tracers.values():
            await tracer.close(1.0)


class _Watching:
    """Gives the server's guard what a variant tells. ``idle`` is a tracer that never has anything to send."""

    def __init__(self, server: OrderPageServer, watches: Mapping[str, Watch], idle: SpanTracer) -> None:
        self._guard = server.guard
        self._watches = watches
        self._idle = idle
        self._last = Watch()

    async def prepare(self, variant: str) -> None:
        """Send what the last variant has to send, so that it pays for it; then be the next."""
        # One that has nothing to send takes the same steps, so that they are in no difference.
        await (self._last.tracer or self._idle).flush()
        self._last = self._watches[variant.partition(".")[2]]
        self._guard.observer = self._last.recorder
        self._guard.tracer = self._last.tracer
