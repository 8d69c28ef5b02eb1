"""``orderpage explain --trace`` on what a real collector received from a real server, from a file and from a URL."""

import json
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.e2e import live
from tests.e2e.collector import Collector
from tests.e2e.live import Client

TRACE, OTHER = "4bf92f3577b34da6a3ce929d0e0e4736", "a" * 32
CART = (("tea-pot-master", 1), ("bok-notebook-a5", 2))
LAYER = "sg-trial.yaml"

Open = Callable[..., Any]


def joining(client: Client, trace_id: str = TRACE) -> Client:
    """The same buyer within a trace of that id."""
    inside = Client(client.channel)
    inside.metadata = (*client.metadata, ("traceparent", f"00-{trace_id}-00f067aa0ba902b7-00"))
    return inside


def explained(source: object, *more: str, trace: str = TRACE) -> str:
    done = live.run("explain", "--trace", trace, "--from", str(source), *more)
    assert done.returncode == 0, done.stderr
    return done.stdout


def refusal(source: object, *more: str, trace: str = TRACE) -> str:
    """What the command says on standard error; it must end with status 2 and show nothing."""
    done = live.run("explain", "--trace", trace, "--from", str(source), *more)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    return line


@contextmanager
def store(answers: dict[str, tuple[int, str]]) -> Iterator[str]:
    """A trace store on loopback, which answers by path; its address."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answers.get(self.path, (404, '{"error": "trace not found"}'))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
async def received(collector: Collector, tracing_shop: Open) -> Collector:
    """A Render, a Render with a prior quote and a Submit of it, in one trace."""
    async with tracing_shop(otlp_endpoint=collector.endpoint, trace_ratio=1.0) as client:
        buyer, page = joining(client), live.page_of("SG", *CART)
        rendered = await buyer.render(page)
        again = await buyer.render(page, prior=rendered.quote_token)
        await buyer.submit(live.submission(page, again))
    return collector


@pytest.fixture
def lines(received: Collector, tmp_path: Path) -> Path:
    """The same in a file as the collector's file exporter writes it."""
    file = tmp_path / "traces.jsonl"
    file.write_text(received.as_lines(), "utf-8")
    return file


def calls_in(text: str) -> list[str]:
    """The text of each call."""
    parts = text.split("\n\n")
    starts = [number for number, part in enumerate(parts) if part.startswith(("Render", "Submit"))]
    return ["\n\n".join(parts[a:b]) for a, b in zip(starts, [*starts[1:], len(parts)], strict=True)]


def slot_of(call: str, point: str, slot: str) -> str:
    """The lines about a slot."""
    section = next(part for part in call.split("\n\n") if part.splitlines()[0].split("  ")[0] == point)
    found = section.splitlines()
    at = next(number for number, line in enumerate(found) if f" {slot} = " in line)
    rest = found[at + 1 :]
    end = next((number for number, line in enumerate(rest) if " = " in line[:45] and " by " in line), len(rest))
    return "\n".join([found[at], *rest[:end]])


def test_every_slot_of_every_call_is_shown_with_its_line_its_time_and_its_decision(
    received: Collector, lines: Path
) -> None:
    said = explained(lines)
    assert said.startswith(f"trace {TRACE}: 3 calls\n")
    first, second, submit = calls_in(said)
    assert [call.split("  ")[:2] for call in (first, second, submit)] == [
        ["Render", "OK"], ["Render", "OK"], ["Submit", "OK"],
    ]  # fmt: skip
    assert "scenario site=SG business=marketplace client=h5" in first
    assert "stack new: the packages compile to the same" in first
    assert "!" not in said
    (server, *_) = [span for span in received.spans if span.kind == "SERVER"]
    told = [event.attributes for event in server.events if event.name == "extension"]
    assert len(told) > 20
    for about in told:
        shown = slot_of(first, about["orderpage.point"], about["orderpage.slot"])
        assert f"{about['orderpage.slot']} = {about['orderpage.extension']}  by {about['orderpage.origin']}" in shown
        assert f"×{about['orderpage.calls']} " in shown
        assert about["orderpage.decided"] in shown


def test_what_was_decided_has_its_amounts_and_dates_and_nothing_of_the_buyer(lines: Path) -> None:
    text = explained(lines)
    first, *_ = calls_in(text)
    assert "SG_DM_AIR first 500 g 22.00, then 500 g 11.00 CNY ×" in slot_of(first, "offer", "SG_DM_AIR")
    assert "HOME_DELIVERY 10.00 CNY ×" in slot_of(first, "surcharge", "home_delivery")
    assert re.search(r"\d{4}-\d\d-\d\d … \d{4}-\d\d-\d\d", slot_of(first, "promise", "arrival"))
    assert re.search(r"payable SGD \d+\.\d\d", slot_of(first, "present", "landed_cost"))
    address = live.page_of("SG", *CART).address
    for word in (address.recipient, address.phone, address.postcode, *address.street):
        assert word
        assert word not in text


def test_what_stands_and_did_not_run_says_why(lines: Path) -> None:
    first, second, submit = calls_in(explained(lines))
    assert "filled rate" in slot_of(first, "load", "rate")
    assert "did not run: rate was given already" in slot_of(second, "load", "rate")
    assert "did not run: only Submit comes here" in slot_of(first, "validate", "contact")
    assert "did not run" not in slot_of(submit, "validate", "contact")


def test_the_spans_below_a_call_are_shown_with_their_time(received: Collector, lines: Path) -> None:
    *_, submit = calls_in(explained(lines))
    for name in ("load", "ask", "database pivot", "payment hold"):
        assert f" ms  {name}  from " in submit
    hold = next(span for span in received.spans if span.name == "payment hold")
    assert f"{(hold.end - hold.start) / 1e6:.2f} ms  payment hold" in submit
    assert hold.attributes["orderpage.payment_state"] in submit


def test_one_point_can_be_shown_alone(lines: Path) -> None:
    first, *_ = calls_in(explained(lines, "--point", "offer"))
    assert "\noffer  " in first
    assert "\nload  " not in first


def test_trace_stores_answer_the_same_over_http_in_their_own_wrappings(received: Collector, lines: Path) -> None:
    expected = explained(lines)
    documents = [json.loads(line) for line in lines.read_text("utf-8").splitlines()]
    groups = [group for document in documents for group in document["resourceSpans"]]
    answers = {
        f"/api/v3/traces/{TRACE}": (200, json.dumps({"result": {"resourceSpans": groups}})),
        f"/api/v2/traces/{TRACE}": (200, received.as_protobuf_json()),
        f"/broken/{TRACE}": (500, "out of order"),
        f"/api/traces/{TRACE}": (200, '{"data": [{"traceID": "4bf92f3577b34da6a3ce929d0e0e4736"}]}'),
    }
    with store(answers) as address:
        assert explained(f"{address}/api/v3/traces/{{id}}") == expected
        assert explained(f"{address}/api/v2/traces/{{id}}", trace=TRACE.upper()) == expected
        absent = refusal(f"{address}/api/v3/traces/{{id}}", trace=OTHER)
        assert absent.startswith(f"orderpage: TRACE_NOT_FOUND: no span of trace {OTHER} is in {address}/api/v3/traces/")
        broken = refusal(f"{address}/broken/{{id}}")
        assert "TRACE_SOURCE_UNREADABLE" in broken
        assert "it answered 500" in broken
        assert "TRACE_NOT_OTLP" in refusal(f"{address}/api/traces/{{id}}")
    assert "TRACE_SOURCE_UNREADABLE" in refusal(f"{address}/api/v3/traces/{{id}}")


def test_a_plan_that_changed_since_is_marked_line_by_line(lines: Path, tmp_path: Path) -> None:
    layer = tmp_path / "mine" / "layers" / "trial.yaml"
    layer.parent.mkdir(parents=True)
    layer.write_text(
        "package: sg-trial\nwhen: {site: SG, client: h5}\n"
        "rank:\n  remove: [history]\n"
        "present:\n  replace: {saving: {use: blocks.arrival}}\n"
        "parcel:\n  add: [{use: logistics.by_shop, as: by_shop_again}]\n",
        "utf-8",
    )
    first, *_ = calls_in(explained(lines, "--packages", str(tmp_path / "mine")))
    assert " now; lines with ! differ" in first
    gone = slot_of(first, "rank", "history")
    assert gone.startswith("!")
    assert "stands here no more" in gone
    assert "by default orderpage_sites/layers/default.yaml:" in gone
    other = slot_of(first, "present", "saving")
    assert "saving = blocks.saving  by default orderpage_sites/layers/default.yaml:" in other
    assert f"is blocks.arrival by sg-trial {layer.relative_to(tmp_path)}:6 now" in other.replace(f"{tmp_path}/", "")
    assert "did not stand here then" in slot_of(first, "parcel", "by_shop_again")
    assert not slot_of(first, "load", "catalogue").startswith("!")


def test_settings_alone_change_the_plan_and_no_line(lines: Path, tmp_path: Path) -> None:
    layer = tmp_path / "mine" / "layers" / "trial.yaml"
    layer.parent.mkdir(parents=True)
    layer.write_text(
        "package: sg-trial\nwhen: {site: SG, client: h5}\nparcel: {set: {combined: {max_pieces: 9}}}\n", "utf-8"
    )
    first, *_ = calls_in(explained(lines, "--packages", str(tmp_path / "mine")))
    assert "so settings, profile or an extension's version differ" in first
    assert "!" not in first


def test_a_scenario_that_is_gone_is_shown_as_it_was_traced(lines: Path) -> None:
    text = lines.read_text("utf-8")
    assert '{"stringValue": "SG"}' in text
    lines.write_text(text.replace('{"stringValue": "SG"}', '{"stringValue": "ZZ"}'), "utf-8")
    first, *_ = calls_in(explained(lines))
    assert "SCENARIO_GONE: unknown site 'ZZ'; known: " in first
    assert "filled catalogue" in slot_of(first, "load", "catalogue")


async def test_a_failed_call_that_was_not_sampled_says_how_to_get_it_in_full(
    collector: Collector, tracing_shop: Open, tmp_path: Path
) -> None:
    async with tracing_shop(otlp_endpoint=collector.endpoint) as client:
        page = live.page_of("SG", *CART)
        refused = await live.refused(
            joining(client).submit(live.submission(page, await client.render(page), quote_token=""))
        )
    file = tmp_path / "traces.jsonl"
    file.write_text(collector.as_lines(), "utf-8")
    (call,) = calls_in(explained(file))
    assert call.startswith(f"Submit  {refused.status}  ")
    assert f"codes {refused.reason} (" in call
    assert "TRACE_NOT_IN_FULL: " in call
    assert "orderpage-debug: 1" in call
    assert "ORDERPAGE_TRACE_RATIO" in call


async def test_a_call_that_ended_early_shows_how_far_it_came(
    collector: Collector, tracing_shop: Open, tmp_path: Path
) -> None:
    async with tracing_shop(otlp_endpoint=collector.endpoint, trace_ratio=1.0) as client:
        await joining(client).render(live.page_of("SG", *CART, address={"country": "HK"}))
    file = tmp_path / "traces.jsonl"
    file.write_text(collector.as_lines(), "utf-8")
    (call,) = calls_in(explained(file))
    codes = next(line for line in call.splitlines() if line.startswith("  codes ")).removeprefix("  codes ")
    assert codes
    assert f"did not run: parcel was not reached ({codes})" in slot_of(call, "parcel", "merged")
    assert "did not run" not in slot_of(call, "admit", "address")


def test_a_trace_of_another_service_is_named(tmp_path: Path) -> None:
    span = {"traceId": TRACE, "spanId": "b" * 16, "name": "GET /", "startTimeUnixNano": "1", "endTimeUnixNano": "2"}
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "storefront"}}]}
    file = tmp_path / "other.json"
    document = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [span]}]}]}
    file.write_text(json.dumps(document, indent=2), "utf-8")
    said = refusal(file)
    assert said.startswith(f"orderpage: TRACE_OF_ANOTHER_SERVICE: trace {TRACE} has spans of storefront, and no call")
    assert "TRACE_NOT_FOUND" in refusal(file, trace=OTHER)


@pytest.mark.parametrize(
    "text", ["not json\n", '{"data": []}', "[1]", '{"resourceSpans": [{"scopeSpans": 7}]}', "[" * 9000]
)
def test_a_source_that_is_no_otlp_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "wrong.json"
    file.write_text(text, "utf-8")
    assert refusal(file).startswith(f"orderpage: TRACE_NOT_OTLP: what {file} holds is no OTLP/JSON: ")


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    absent = tmp_path / "absent.jsonl"
    assert refusal(absent).startswith(f"orderpage: TRACE_SOURCE_UNREADABLE: cannot read {absent}: No such file")
    assert "TRACE_SOURCE_UNREADABLE" in refusal(tmp_path)
    empty = tmp_path / "empty.jsonl"
    empty.touch()
    assert refusal(empty).startswith(f"orderpage: TRACE_NOT_FOUND: {empty} is empty: the collector wrote nothing there")
    assert "TRACE_ID_INVALID: 'trace' is no trace id" in refusal(empty, trace="trace")


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--trace", TRACE),
        ("--from", "x"),
        ("--site", "SG", "--slot", "x"),
        ("--site", "SG", "--trace", TRACE, "--from", "x"),
    ],
)
def test_either_a_scenario_or_a_trace_with_its_source_is_asked_for(arguments: tuple[str, ...]) -> None:
    done = live.run("explain", *arguments)
    assert done.returncode == 2
    assert "name a scenario (--site SG …), a slot (--slot NAME), or a trace and where it is" in done.stderr


@pytest.mark.parametrize("dimension", ["site", "business", "client", "crowd", "bucket"])
def test_a_trace_says_its_own_scenario_and_no_other_is_taken_beside_it(dimension: str) -> None:
    said = refusal("x", f"--{dimension}", "nosuch", "--point", "offer")
    assert said.endswith(f"a trace says its own scenario: leave out --{dimension}")


def test_the_server_never_imports_what_reads_traces() -> None:
    script = (
        "import sys\n"
        "import orderpage.cli.serve, orderpage.bootstrap, orderpage.api.server, orderpage.telemetry.tracing_export\n"
        "print([name for name in sys.modules if name.startswith('orderpage.traced')])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "[]"
