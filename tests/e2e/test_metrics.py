"""A real server with metrics on: what Prometheus reads after good calls, bad calls and hostile ones."""

import asyncio
import random
import re
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families
from tests.e2e import live
from tests.e2e.collector import Collector
from tests.e2e.live import Client, Server, page_of, refused, submission, until
from tests.e2e.test_postgres import make_database as make_postgres_database
from tests.postgres import PostgresServer

from orderpage.packages import Packages
from orderpage.telemetry import metrics as names
from orderpage.telemetry.tracing import DEBUG_KEY

Start = Callable[..., Server]
ConnectTo = Callable[..., AbstractAsyncContextManager[Client]]
Scraped = dict[str, dict[frozenset[str], float]]


def scrape(server: Server) -> Scraped:
    """Series by name and label values."""
    url = f"http://127.0.0.1:{server.wait_for('metrics')['port']}/metrics"
    with urllib.request.urlopen(url, timeout=10) as answer:  # loopback
        text = answer.read().decode()
    found: Scraped = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = frozenset(f"{name}={value}" for name, value in sample.labels.items())
            found.setdefault(sample.name, {})[labels] = sample.value
    return found


def exemplars(server: Server) -> dict[tuple[str, str], dict[str, str]]:
    """The exemplars of call durations that Prometheus finds when it asks for OpenMetrics, by method and bucket."""
    url = f"http://127.0.0.1:{server.wait_for('metrics')['port']}/metrics"
    asked = urllib.request.Request(url, headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    with urllib.request.urlopen(asked, timeout=10) as answer:
        assert answer.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
        families = list(openmetrics_families(answer.read().decode()))  # type: ignore[no-untyped-call]
    given = [sample for family in families for sample in family.samples if sample.exemplar]
    assert {sample.name for sample in given} <= {"orderpage_call_duration_seconds_bucket"}
    return {(sample.labels["method"], sample.labels["le"]): sample.exemplar.labels for sample in given}


def of(scraped: Scraped, name: str, *labels: str) -> float:
    """The sum of a metric's series that have these labels."""
    return sum(value for series, value in scraped[name].items() if series >= set(labels))


async def test_a_scrape_sees_every_metric_with_what_happened(own_server: Start, connect: ConnectTo) -> None:
    server = own_server(metrics="127.0.0.1:0")
    async with connect(server) as client:
        page = page_of("SG", ("tea-pot-master", 1))
        rendered = await client.render(page)
        placed = await client.submit(submission(page, rendered))
        await client.order(placed.order.order_id)
        await client.render(page_of("HK", ("nobody-sells-this", 1)), explain=True)
        await refused(client.order("no-such-order"))
        await refused(client.as_buyer("").render(page))
        await refused(client.render(page_of("XX", ("tea-pot-master", 1))))

        async def read() -> Scraped:
            return await asyncio.to_thread(scrape, server)

        found = await until(read, lambda scraped: of(scraped, "orderpage_event_loop_lag_seconds_count") > 0)
    always = set(names.ALL) - set(names.MIGRATION)
    missing = {name for metric in always for name in metric.series} - set(found)
    assert not missing
    assert {name for name in found if name.startswith("orderpage_")} <= {
        name for metric in names.ALL for name in metric.series
    }
    calls = "orderpage_calls_total"
    assert of(found, calls, "method=Render", "status=OK", "code=none", "site=SG", "client=h5") == 1
    assert of(found, calls, "method=Submit", "status=OK", "site=SG") == 1
    assert of(found, calls, "method=GetOrder", "status=NOT_FOUND", "code=ORDER_NOT_FOUND", "site=none") == 1
    assert of(found, calls, "status=UNAUTHENTICATED", "code=SESSION_EXPIRED", "site=none") == 1
    assert of(found, calls, "status=INVALID_ARGUMENT", "code=SCENARIO_UNKNOWN", "site=other") == 1
    assert of(found, "orderpage_call_duration_seconds_count", "method=Render") == 4
    assert 0 < of(found, "orderpage_call_duration_seconds_sum", "method=Render") < 10
    assert of(found, "orderpage_problems_total", "stage=render", "code=ITEM_SKU_INVALID", "site=HK") == 1
    assert of(found, "orderpage_problems_total", "stage=order", "code=ORDER_NOT_FOUND") == 1
    assert of(found, "orderpage_submits_total", "outcome=HELD", "site=SG") == 1
    assert of(found, "orderpage_stage_duration_seconds_count", "point=load") == 3  # two pages, and one quoted again
    assert of(found, "orderpage_stage_duration_seconds_count", "point=validate") == 1
    assert of(found, "orderpage_slot_calls_total", "slot=catalogue") == 3
    assert of(found, "orderpage_slot_faults_total") == 0
    assert of(found, "orderpage_slot_duration_seconds_count", "slot=catalogue") == 3
    assert of(found, "orderpage_slot_breakers", "state=open") == 0
    assert of(found, "orderpage_slot_breakers", "state=closed") >= 3
    assert of(found, "orderpage_database_commits_total") >= 2
    assert of(found, "orderpage_database_connections_max") == 2
    assert of(found, "orderpage_plans") > 1
    assert of(found, "process_resident_memory_bytes") > 1 << 20
    server.stop()


async def test_a_thousand_unknown_sites_make_no_series(own_server: Start, connect: ConnectTo) -> None:
    server = own_server(metrics="127.0.0.1:0")
    async with connect(server) as client:
        await refused(client.render(page_of("XX", ("tea-pot-master", 1), client="tv")))
        before = scrape(server)
        for hundred in range(10):
            carts = [
                page_of(f"site-{hundred}-{one}", ("tea-pot-master", 1), client=f"client-{one}") for one in range(100)
            ]
            await asyncio.gather(*(refused(client.render(cart)) for cart in carts))
        after = await asyncio.to_thread(scrape, server)
    assert of(after, "orderpage_calls_total", "site=other", "client=other", "code=SCENARIO_UNKNOWN") == 1001
    for metric in names.ALL:
        for name in metric.series & set(before):
            assert set(after[name]) == set(before[name])
    slots = len(before["orderpage_slot_calls_total"])
    points = len(before["orderpage_stage_overruns_total"])
    sizes = names.sizes(Packages().plans.current.dimensions, points=points, slots=slots)
    for metric in names.ALL:
        assert sum(len(after.get(name, ())) for name in metric.series) <= metric.most_series(sizes)
    server.stop()


async def test_a_call_traced_in_full_is_its_buckets_exemplar_and_no_other_is(
    own_server: Start, connect: ConnectTo, collector: Collector
) -> None:
    server = own_server(metrics="127.0.0.1:0", otlp_endpoint=collector.endpoint, trace_debug="1000")
    page = page_of("SG", ("tea-pot-master", 1))
    async with connect(server) as client:
        plain = client.metadata
        await client.render(page)
        await refused(client.render(page_of("XX", ("tea-pot-master", 1))))  # traced too, but in brief
        assert exemplars(server) == {}
        for wanted in ("4bf92f35" * 4 + '"} 9', "4BF92F35" * 4, "0" * 32, 'x"} 7 #', "f" * 4000):
            client.metadata = (*plain, (DEBUG_KEY, "1"), ("traceparent", f"00-{wanted}-{'1' * 16}-01"))
            await client.render(page)
        made = exemplars(server)
        client.metadata = (*plain, (DEBUG_KEY, "1"), ("traceparent", f"00-{'c' * 32}-{'1' * 16}-01"))
        assert (await client.submit(submission(page, await client.render(page)))).trace_id == "c" * 32
    assert made
    assert all(set(labels) == {"trace_id"} for labels in made.values())
    assert all(re.fullmatch("[0-9a-f]{32}", labels["trace_id"]) for labels in made.values())
    assert not {"0" * 32, "4bf92f35" * 4} & {labels["trace_id"] for labels in made.values()}
    after = exemplars(server)
    assert [labels for (method, _), labels in after.items() if method == "Submit"] == [{"trace_id": "c" * 32}]
    found = scrape(server)  # the plain format has none, and is still read
    assert of(found, "orderpage_call_duration_seconds_count", "method=Submit") == 1
    assert {method for method, _ in after} == {"Render", "Submit"}
    server.stop()


async def test_a_storm_of_errors_does_not_flood_the_collector_and_is_counted(
    own_server: Start, connect: ConnectTo, collector: Collector
) -> None:
    server = own_server(metrics="127.0.0.1:0", otlp_endpoint=collector.endpoint, trace_errors="2", trace_debug="1000")
    async with connect(server) as client:
        began = time.monotonic()
        for _ in range(40):
            await refused(client.render(page_of("XX", ("tea-pot-master", 1))))
        took = time.monotonic() - began
        client.metadata = (*client.metadata, (DEBUG_KEY, "1"))
        asked = await refused(client.render(page_of("XX", ("tea-pot-master", 1))))
    dropped = of(scrape(server), "orderpage_traces_dropped_total")
    server.stop()
    brief = [span for span in collector.spans if not span.attributes["orderpage.sampled"]]
    assert 2 <= len(brief) <= 3 + 2 * took
    assert dropped == 40 - len(brief)
    assert collector.of(asked.metadata["trace_id"])  # what is traced in full has a budget of its own


def test_a_second_server_on_the_port_is_refused(own_server: Start, tmp_path: Path) -> None:
    server = own_server(metrics="127.0.0.1:0")
    taken = f"127.0.0.1:{server.wait_for('metrics')['port']}"
    ended = live.run("serve", database=live.url_of(server.database), listen="127.0.0.1:0", metrics=taken)
    assert ended.returncode == 2
    (said,) = [line for line in ended.stderr.splitlines() if not line.startswith("{")]
    assert said.startswith(
        f"orderpage: cannot serve metrics on {taken}: Address already in use; stop what listens there"
    )
    assert "ORDERPAGE_METRICS" in said
    server.stop()


def two_ports() -> int:
    """A port that is free, and the next one too. Below those that the system gives to whoever asks for any: from there
    another process could take one of them before they are used.
    """
    given = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text("ascii").split()[0])
    while True:
        port = random.randrange(1024, given - 1)
        with socket.socket() as first, socket.socket() as second, suppress(OSError):
            first.bind(("127.0.0.1", port))
            second.bind(("127.0.0.1", port + 1))
            return port


async def test_workers_count_their_ports_up_from_the_one_that_is_set(postgres: PostgresServer, tmp_path: Path) -> None:
    url, port = await asyncio.to_thread(make_postgres_database, postgres, tmp_path), two_ports()
    with Server(tmp_path, url=url, workers="2", metrics=f"127.0.0.1:{port}") as server:

        async def shown() -> set[int]:
            return {event["port"] for event in server.events() if event["event"] == "metrics"}

        assert await until(shown, lambda ports: len(ports) == 2) == {port, port + 1}


def test_another_path_than_metrics_is_not_found(own_server: Start) -> None:
    server = own_server(metrics="127.0.0.1:0")
    for path in ("", "/", "/metric", "/metrics/", "/favicon.ico"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"http://127.0.0.1:{server.wait_for('metrics')['port']}{path}", timeout=10)
        with refused.value as answer:
            assert (answer.status, answer.read()) == (404, b"metrics are at /metrics\n")
    server.stop()


def test_without_the_setting_nothing_listens(own_server: Start) -> None:
    server = own_server()
    assert not [line for line in server.events() if line.get("event") == "metrics"]
    server.stop()


@pytest.mark.parametrize("address", ["9464", "localhost:http", ":9464"])
def test_an_address_that_is_none_is_refused(tmp_path: Path, address: str) -> None:
    ended = live.run("serve", metrics=address)
    assert ended.returncode == 2
    assert f"ORDERPAGE_METRICS: {address!r} is not host:port, such as 127.0.0.1:9464" in ended.stderr


def test_the_port_is_free_again_after_a_stop(own_server: Start) -> None:
    server = own_server(metrics="127.0.0.1:0")
    port = server.wait_for("metrics")["port"]
    server.stop()
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
