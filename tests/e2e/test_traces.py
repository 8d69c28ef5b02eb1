"""What a collector sees of requests to a real server: one span a request, its events and children, and nothing more."""

import asyncio
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from tests.e2e import live
from tests.e2e.collector import Collector, Span
from tests.e2e.live import Client, Server

from orderpage.telemetry import tracing

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
WELCOME = (("traceparent", f"00-{TRACE}-{PARENT}-00"), ("tracestate", "shop=1,rojo=00f067"))
DEBUG = ((tracing.DEBUG_KEY, "1"),)
RENDER = "crossborder.checkout.v1.OrderPageService/Render"
SUBMIT = "crossborder.checkout.v1.OrderPageService/Submit"
CART = (("tea-pot-master", 1), ("bok-notebook-a5", 2))
STAGES = ["load", "admit", "pay", "parcel", "offer", "surcharge", "promise", "tax", "rank", "present"]

GIVEN_UP_S = 12.0
"""A shutdown takes less: each batch that nobody takes would hold it up for five seconds, and many wait."""

Open = Callable[..., Any]


def sg_cart(**fields: Any) -> Any:
    return live.page_of("SG", *CART, **fields)


def with_metadata(client: Client, *more: tuple[str, str]) -> Client:
    other = Client(client.channel)
    other.metadata = (*client.metadata, *more)
    return other


def tree(spans: list[Span]) -> dict[str, str]:
    """Each span's name with its parent's; a parent that is not ours by its id."""
    names = {span.span_id: span.name for span in spans}
    return {span.name: names.get(span.parent, span.parent) for span in spans}


async def arrived(collector: Collector, trace_id: str, count: int) -> list[Span]:
    return await asyncio.to_thread(collector.of, trace_id, count)


async def test_a_sampled_render_is_one_server_span_with_events_and_two_children(
    collector: Collector, tracing_shop: Open
) -> None:
    async with tracing_shop(otlp_endpoint=collector.endpoint, trace_ratio=1.0) as client:
        rendered = await with_metadata(client, *WELCOME).render(sg_cart(), explain=True)
    assert rendered.trace_id == TRACE
    spans = collector.of(TRACE, 3)
    assert tree(spans) == {RENDER: PARENT, "load": RENDER, "ask": RENDER}
    server = spans[0]
    assert (server.kind, server.state, server.failed) == ("SERVER", "shop=1,rojo=00f067", False)
    assert server.resource["service.name"] == "orderpage"
    assert server.attributes == {
        "rpc.system": "grpc",
        "rpc.service": "crossborder.checkout.v1.OrderPageService",
        "rpc.method": "Render",
        "rpc.grpc.status_code": 0,
        "orderpage.site": "SG",
        "orderpage.business": "marketplace",
        "orderpage.client": "h5",
        "orderpage.crowd": server.attributes["orderpage.crowd"],
        "orderpage.bucket": server.attributes["orderpage.bucket"],
        "orderpage.plan": rendered.explanation.plan_digest,
        "orderpage.stack": "new",
        "orderpage.sampled": True,
    }
    assert all(server.start <= span.start <= span.end <= server.end for span in spans)


async def test_the_events_of_a_render_say_what_explain_says(collector: Collector, tracing_shop: Open) -> None:
    async with tracing_shop(otlp_endpoint=collector.endpoint, trace_ratio=1.0) as client:
        rendered = await with_metadata(client, *WELCOME).render(sg_cart(), explain=True)
    events = collector.of(TRACE, 3)[0].events
    assert [event.attributes["orderpage.point"] for event in events if event.name == tracing.STAGE_EVENT] == STAGES
    assert all(set(event.attributes) == set(tracing.STAGE_ATTRIBUTES) for event in events if event.name == "stage")
    told = {
        tuple(event.attributes[name] for name in tracing.EXTENSION_ATTRIBUTES)
        for event in events
        if event.name == tracing.EXTENSION_EVENT
    }
    explained = {
        (step.point, step.slot, step.extension, step.origin, step.calls, step.micros, step.decided)
        for step in rendered.explanation.steps
    }
    assert told == explained
    assert [event.at for event in events] == sorted(event.at for event in events)


async def test_a_sampled_submit_shows_the_pivot_and_the_hold(collector: Collector, tracing_shop: Open) -> None:
    async with tracing_shop(otlp_endpoint=collector.endpoint, trace_ratio=1.0) as client:
        page = sg_cart()
        rendered = await client.render(page, explain=True)
        submitted = await client.submit(live.submission(page, rendered))
    spans = collector.of(submitted.trace_id, 5)
    children = dict.fromkeys(("load", "ask", "database pivot", "payment hold"), SUBMIT)
    assert tree(spans) == {SUBMIT: ""} | children
    stages = [event.attributes["orderpage.point"] for event in spans[0].events if event.name == "stage"]
    assert stages == [*STAGES, "validate", "enrich", "after"]
    hold = next(span for span in spans if span.name == tracing.HOLD)
    assert hold.attributes["orderpage.payment_state"] in ("HELD", "ACTION_REQUIRED", "DECLINED", "PENDING")
    assert spans[0].attributes["orderpage.plan"] == rendered.explanation.plan_digest
    assert spans[0].attributes["orderpage.site"] == "SG"


async def test_every_name_on_the_wire_is_in_the_one_module(collector: Collector, tracing_shop: Open) -> None:
    async with tracing_shop(otlp_endpoint=collector.endpoint, trace_ratio=1.0) as client:
        page = sg_cart()
        rendered = await client.render(page)
        await client.submit(live.submission(page, rendered))
        await live.refused(client.render(live.page_of("XX", *CART)))
    for span in collector.spans:
        known = tracing.SERVER_ATTRIBUTES if span.kind == "SERVER" else tracing.CHILD_ATTRIBUTES
        assert set(span.attributes) <= set(known)
        assert span.kind == "SERVER" or span.name in tracing.SPANS
        for event in span.events:
            names = {"stage": tracing.STAGE_ATTRIBUTES, "extension": tracing.EXTENSION_ATTRIBUTES}[event.name]
            assert set(event.attributes) <= set(names)


async def test_an_unsampled_request_exports_nothing(collector: Collector, tracing_shop: Open) -> None:
    async with tracing_shop(otlp_endpoint=collector.endpoint) as client:
        page = sg_cart()
        asking = with_metadata(client, ("traceparent", f"00-{TRACE}-{PARENT}-01"), *DEBUG)
        rendered = await asking.render(page, explain=True)
        await asking.submit(live.submission(page, rendered))
    assert collector.spans == []


async def test_an_error_is_exported_with_its_codes(collector: Collector, tracing_shop: Open) -> None:
    async with tracing_shop(otlp_endpoint=collector.endpoint) as client:
        refusal = await live.refused(client.render(live.page_of("XX", *CART)))
        stranger = Client(client.channel)
        stranger.metadata = ()
        await live.refused(stranger.render(sg_cart()))
    (unknown, nobody) = collector.spans
    assert unknown.trace_id == refusal.metadata["trace_id"]
    assert unknown.attributes["orderpage.codes"] == ["SCENARIO_UNKNOWN"] == [refusal.reason]
    assert unknown.attributes["rpc.grpc.status_code"] == grpc.StatusCode[refusal.status].value[0]
    assert unknown.attributes["orderpage.sampled"] is False
    assert nobody.attributes["orderpage.codes"] == ["SESSION_EXPIRED"]
    assert not unknown.failed
    assert not nobody.failed
    assert unknown.events == nobody.events == ()


async def test_what_the_client_makes_up_never_becomes_an_attribute(collector: Collector, tracing_shop: Open) -> None:
    async with tracing_shop(otlp_endpoint=collector.endpoint) as client:
        await live.refused(client.render(sg_cart(client="evil-client-0xfeed", business="evil")))
    (span,) = collector.spans
    assert "evil" not in str(span)


async def test_callers_who_ask_share_a_budget(collector: Collector, tracing_shop: Open) -> None:
    async with tracing_shop(otlp_endpoint=collector.endpoint, trace_debug=1) as client:
        asking, wishing = (
            with_metadata(client, *DEBUG),
            with_metadata(client, ("traceparent", f"00-{TRACE}-{PARENT}-01")),
        )
        began = time.monotonic()
        for _ in range(10):
            await asking.render(sg_cart())
            await wishing.render(sg_cart())
        took = time.monotonic() - began
    servers = [span for span in collector.spans if span.kind == "SERVER"]
    assert 1 <= len(servers) <= 2 + took


async def test_the_debug_header_must_say_1(collector: Collector, tracing_shop: Open) -> None:
    async with tracing_shop(otlp_endpoint=collector.endpoint, trace_debug=100) as client:
        for value in ("0", "", "true", "1" * 4000):
            await with_metadata(client, (tracing.DEBUG_KEY, value)).render(sg_cart())
        assert collector.spans == []
        rendered = await with_metadata(client, *DEBUG).render(sg_cart())
    assert tree(collector.of(rendered.trace_id, 3)) == {RENDER: "", "load": RENDER, "ask": RENDER}


@pytest.mark.parametrize(
    "header",
    ["", "garbage", f"ff-{TRACE}-{PARENT}-01", f"00-{'0' * 32}-{PARENT}-01", f"00-{TRACE}-{'0' * 16}-01",
     f"00-{TRACE.upper()}-{PARENT}-01", f"00-{TRACE}-{PARENT}-01-more", f"00-{TRACE}-{PARENT}", "9" * 6000],
)  # fmt: skip
async def test_a_garbled_traceparent_begins_a_trace_of_our_own(
    collector: Collector, tracing_shop: Open, header: str
) -> None:
    async with tracing_shop(otlp_endpoint=collector.endpoint, trace_ratio=1.0) as client:
        garbled = with_metadata(client, ("traceparent", header), ("tracestate", "a=1"))
        rendered = await garbled.render(sg_cart())
    assert rendered.trace_id != TRACE
    (server,) = [span for span in collector.of(rendered.trace_id, 3) if span.kind == "SERVER"]
    assert (server.parent, server.state) == ("", "")


async def test_a_collector_that_is_down_delays_no_call_and_no_shutdown(tracing_shop: Open) -> None:
    began = time.monotonic()
    async with tracing_shop(otlp_endpoint="http://127.0.0.1:9", trace_ratio=1.0) as client:
        for _ in range(200):
            await client.render(sg_cart(), within=live.SECONDS)
        ended = time.monotonic()
    assert ended - began < 2 * live.SECONDS
    assert time.monotonic() - ended < GIVEN_UP_S


async def test_a_collector_that_never_answers_delays_no_call_and_no_shutdown(tracing_shop: Open) -> None:
    with socket.create_server(("127.0.0.1", 0)) as hole:  # connects, and never says a word
        endpoint = f"http://127.0.0.1:{hole.getsockname()[1]}"
        began = time.monotonic()
        async with tracing_shop(otlp_endpoint=endpoint, trace_ratio=1.0) as client:
            for _ in range(50):
                await client.render(sg_cart(), within=live.SECONDS)
            ended = time.monotonic()
        assert ended - began < 2 * live.SECONDS
        assert time.monotonic() - ended < GIVEN_UP_S


async def test_a_server_process_sends_what_waits_when_it_is_ended(
    collector: Collector, own_server: Callable[..., Server]
) -> None:
    server = own_server(otlp_endpoint=collector.endpoint, trace_ratio="1")
    async with grpc.aio.insecure_channel(server.address, options=live.CHANNEL) as channel:
        rendered = await Client(channel).render(sg_cart())
    server.signal(signal.SIGTERM)
    assert server.wait() == 0
    assert tree(collector.of(rendered.trace_id, 3)) == {RENDER: "", "load": RENDER, "ask": RENDER}


async def test_a_server_process_complains_of_its_collector_in_its_log(own_server: Callable[..., Server]) -> None:
    server = own_server(otlp_endpoint="http://127.0.0.1:9", trace_ratio="1")
    async with grpc.aio.insecure_channel(server.address, options=live.CHANNEL) as channel:
        await Client(channel).render(sg_cart())
    complaint = await asyncio.to_thread(server.wait_for, "traces.not_sent")
    assert complaint["level"] == "warning"
    server.signal(signal.SIGTERM)
    assert server.wait() == 0
    assert [line for line in server.log.read_text("utf-8").splitlines() if not line.startswith("{")] == []


def test_without_a_collector_nothing_of_opentelemetry_is_imported(loaded: Path) -> None:
    script = (
        "import asyncio, sys\n"
        "from orderpage.bootstrap import open_service\n"
        "from orderpage.settings import ServerSettings\n"
        "async def main():\n"
        f"    async with open_service(ServerSettings(database={live.url_of(loaded)!r})) as service:\n"
        "        assert service.tracer is None\n"
        "asyncio.run(main())\n"
        "import orderpage.api.server\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "[]"
