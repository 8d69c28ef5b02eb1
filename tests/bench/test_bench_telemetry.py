"""The bench of telemetry runs, and its variants are what they say. How much anything costs is never asserted."""

import json
import time
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from tests.e2e.collector import Collector
from typer.testing import CliRunner

from crossborder.checkout.v1.order_page_pb2 import RenderResponse
from orderpage.bench.figures import spread
from orderpage.bench.load import Sent, load_on
from orderpage.bench.measured import child_process
from orderpage.bench.pinned_page import BUYER, pinned_request
from orderpage.bench.render.handwritten import differences
from orderpage.bench.switchboard import Stand
from orderpage.bench.telemetry.stand import PAGES, TELEMETRY, name_of, telemetry_stand
from orderpage.cli.commands import app

CALLS = 6


@pytest.fixture
def sent() -> Sent:
    return Sent(pinned_request().SerializeToString(), BUYER.buyer_id)


@pytest.fixture
async def stand(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Stand, Collector]]:
    """The measured server in this process, sending to a collector."""
    with Collector() as collector:
        monkeypatch.setenv("ORDERPAGE_OTLP_ENDPOINT", collector.endpoint)
        async with telemetry_stand() as made:
            await made.server.start()
            yield made, collector
            await made.server.stop(0)


def test_the_bench_ends_with_one_line_of_json() -> None:
    ran = CliRunner().invoke(app, ["bench", "telemetry", "--json", "--rounds", "2", "--calls", str(CALLS)])
    assert ran.exit_code == 0, ran.output
    figures: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    assert (figures["rounds"], figures["calls"]) == (2, CALLS)
    for cost, spans in ((figures, 3.0), (figures["echo"], 1.0)):  # a page has a span for load and one for ask too
        assert all(cost[f"{name}_cpu_us"] > 0 for name in TELEMETRY)
        for name in TELEMETRY[1:]:
            lower, upper = cost[f"{name}_over_none_quartiles"]
            assert lower <= cost[f"{name}_over_none_us"] <= upper
        assert cost["all_spans"] == spans
        assert cost["unsampled_spans"] == 0
        assert 0 <= cost["one_percent_spans"] <= spans


async def test_every_variant_gives_the_same_answer_and_tells_what_its_name_says(
    stand: tuple[Stand, Collector], sent: Sent
) -> None:
    made, collector = stand
    recorded, traced, answers = {}, {}, {}
    async with load_on(made.server.port) as load:
        for variant in (name_of(page, telemetry) for page in PAGES for telemetry in TELEMETRY):
            await made.prepare(variant)
            made.pages.switch(variant)
            guard, before = made.server.guard, len(collector.spans)
            answers[variant] = RenderResponse.FromString((await load.burst("Render", [sent], 1)).answers[0])
            recorded[variant], traced[variant] = guard.observer is not None, guard.tracer is not None
            await made.prepare(name_of("echo", "none"))  # what was to be sent is sent by then
            if not variant.endswith(".one_percent"):  # that one is a matter of luck
                assert (len(collector.spans) > before) == variant.endswith(".all")
    assert [name for name, does in recorded.items() if not does] == [
        name_of(page, name) for page in PAGES for name in ("none", "again")
    ]
    assert [name for name, does in traced.items() if does] == [
        name_of(page, name) for page in PAGES for name in ("unsampled", "one_percent", "all")
    ]
    first = answers[name_of("render", "none")]
    assert [differences(answer, first) for answer in answers.values()] == [[]] * len(answers)


async def test_the_collector_is_a_process_that_counts_spans() -> None:
    from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

    request = trace_service_pb2.ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    for _ in range(3):
        scope.spans.add(name="one", start_time_unix_nano=time.time_ns())
    async with child_process("orderpage.bench.collector_process") as collector:
        assert await collector.ask("spans?") == {"spans": 0}
        async with grpc.aio.insecure_channel(f"127.0.0.1:{collector.port}") as channel:
            stub = trace_service_pb2_grpc.TraceServiceStub(channel)  # type: ignore[no-untyped-call]
            for _ in range(2):
                await stub.Export(request, timeout=20)
        assert await collector.ask("spans?") == {"spans": 6}


def test_a_spread_is_of_each_rounds_own_difference() -> None:
    assert spread([101.0, 203.0, 305.0, 407.0, 509.0], [100.0, 200.0, 300.0, 400.0, 500.0]) == (3.0, 5.0, 7.0)
    assert spread([3.0], [1.0]) == (2.0, 2.0, 2.0)
